//! Says whose credentials a process with this environment has: the access key id and the session
//! token, or why there are none. The child process of `tests/credentials.rs`.

#![expect(clippy::print_stdout, reason = "its output is its answer")]

use aws_credential_types::provider::ProvideCredentials;
use fieldseal_aws::{Reach, load};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let reach = Reach {
        region: Some("eu-central-1".to_owned()),
        endpoint: None,
    };
    match load(&reach).await {
        Ok(config) => {
            let provider = config.credentials_provider().expect("the SDK's chain");
            match provider.provide_credentials().await {
                Ok(credentials) => println!(
                    "{} {}",
                    credentials.access_key_id(),
                    credentials.session_token().unwrap_or("-")
                ),
                Err(error) => println!("none: {error:?}"),
            }
        }
        Err(error) => println!("refused: {error}"),
    }
}
