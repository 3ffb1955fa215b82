//! How AWS services are reached: region, endpoint, credentials, HTTP client, time limits. Owns the
//! one configuration that every service client is made from, and what an answer tells whatever service
//! it is of; calls no service of its own accord.
//!
//! Nothing secret is configured here. Credentials come from where the AWS SDKs look for them, in
//! their order (AWS SDKs and Tools Reference Guide, "Standardized credential providers"):
//!
//! 1. the environment: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`;
//! 2. the shared files `~/.aws/config` and `~/.aws/credentials`, profile `AWS_PROFILE`: static
//!    keys, `role_arn` with `source_profile` or `credential_source`, `web_identity_token_file`,
//!    and `credential_process` (which IAM Roles Anywhere uses);
//! 3. web identity: `AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN` (EKS service accounts);
//! 4. the container's endpoint: `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` (ECS task roles) or
//!    `AWS_CONTAINER_CREDENTIALS_FULL_URI` with its authorization token (EKS Pod Identity);
//! 5. the instance's role by IMDSv2.
//!
//! IAM Identity Center (`sso_session` in a profile) and `aws login` are left out: they are for
//! people at a terminal and would bring three more service clients. There,
//! `aws configure export-credentials --format env` gives what step 1 takes.
//!
//! The same holds for the region: the configuration's, else `AWS_REGION`, else the profile's,
//! else the instance's.

mod clock;
mod endpoint;
mod load;

pub use aws_config::SdkConfig;
pub use clock::{AnsweredAt, http_date_millis};
pub use load::{Reach, load};

/// Why no AWS service can be reached as configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AwsError {
    /// An endpoint that must not or cannot be used.
    #[error("the endpoint given by {setting} cannot be used: {reason}")]
    Endpoint {
        /// Where it is set: `endpoint` of the configuration, or an environment variable.
        setting: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Nothing says which region is meant.
    #[error(
        "no AWS region: name it in the configuration, in AWS_REGION, or in the profile of ~/.aws/config"
    )]
    NoRegion,
    /// The HTTP client could not be made.
    #[error("the HTTP client for AWS cannot be made: {reason}")]
    Client {
        /// What the library said.
        reason: String,
    },
}
