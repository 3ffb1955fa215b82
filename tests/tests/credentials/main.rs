//! Whose credentials a process has: every way of the AWS SDKs that this build is to know is
//! compiled in, and they are tried in the SDKs' order ("AWS SDKs and Tools Reference Guide",
//! "Standardized credential providers"). Each case is a process with an environment of its own.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the failure")]

mod endpoints;

use std::path::Path;
use std::process::Command;

use endpoints::{CONTAINER_TOKEN, Endpoints, WEB_TOKEN};
use tempfile::TempDir;

const CONFIG: &str = "\
[profile static]
region = eu-central-1
[profile process]
credential_process = /bin/echo '{\"Version\":1,\"AccessKeyId\":\"PROCESS\",\"SecretAccessKey\":\"s\"}'
[profile role]
role_arn = arn:aws:iam::123456789012:role/r
source_profile = static
[profile role-of-instance]
role_arn = arn:aws:iam::123456789012:role/r
credential_source = Ec2InstanceMetadata
[profile sso]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = admin
[sso-session corp]
sso_region = eu-central-1
sso_start_url = https://127.0.0.1:1/start
";
const STATIC: &str = "[static]\naws_access_key_id = STATIC\naws_secret_access_key = s\n";

/// A machine on which credentials can be had in some ways.
struct Machine {
    folder: TempDir,
    endpoints: Endpoints,
    environment: Vec<(&'static str, String)>,
}

impl Machine {
    /// Nothing but the files and the endpoint of STS, which hold nothing by themselves.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let endpoints = Endpoints::start();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let environment = vec![
            ("AWS_CONFIG_FILE", file("config", CONFIG)),
            ("AWS_SHARED_CREDENTIALS_FILE", file("credentials", STATIC)),
            ("AWS_ENDPOINT_URL_STS", endpoints.url()),
            ("HOME", folder.path().to_str().unwrap().to_owned()),
            // Nothing may ask the real metadata service, whatever machine this is.
            (
                "AWS_EC2_METADATA_SERVICE_ENDPOINT",
                "http://127.0.0.1:1".to_owned(),
            ),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ];
        Self {
            folder,
            endpoints,
            environment,
        }
    }

    fn set(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.retain(|(known, _)| *known != name);
        self.environment.push((name, value.into()));
        self
    }

    fn environment(self) -> Self {
        self.set("AWS_ACCESS_KEY_ID", "ENVIRONMENT")
            .set("AWS_SECRET_ACCESS_KEY", "s")
            .set("AWS_SESSION_TOKEN", "session")
    }

    fn profile(self, name: &str) -> Self {
        self.set("AWS_PROFILE", name)
    }

    fn web_identity(self) -> Self {
        let token = self.file("token", WEB_TOKEN);
        self.set("AWS_WEB_IDENTITY_TOKEN_FILE", token)
            .set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r")
            .set("AWS_ROLE_SESSION_NAME", "s")
    }

    /// The address of the task's endpoint is fixed, so it is played by a proxy.
    fn task_role(self) -> Self {
        let proxy = self.endpoints.url();
        self.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/task")
            .set("HTTP_PROXY", proxy)
            .set("NO_PROXY", "127.0.0.1")
    }

    fn container_role(self) -> Self {
        let uri = format!("{}/pod", self.endpoints.url());
        self.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri)
            .set("AWS_CONTAINER_AUTHORIZATION_TOKEN", CONTAINER_TOKEN)
    }

    fn instance_role(self) -> Self {
        let endpoint = self.endpoints.url();
        self.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint)
            .set("AWS_EC2_METADATA_DISABLED", "false")
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn whose(&self) -> String {
        let output = Command::new(Path::new(env!("CARGO_BIN_EXE_whose_credentials")))
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}{complained}");
        said.trim().to_owned()
    }
}

/// All ways are there at first; each step takes the one away that won.
#[test]
fn every_way_is_tried_in_the_order_of_the_sdks() {
    let all = |machine: Machine| machine.container_role().instance_role();
    let machine = all(Machine::new()
        .environment()
        .profile("static")
        .web_identity());
    assert_eq!(machine.whose(), "ENVIRONMENT session");
    let machine = all(Machine::new().profile("static").web_identity());
    assert_eq!(machine.whose(), "STATIC -");
    assert_eq!(machine.endpoints.asked(), Vec::<String>::new());

    let machine = all(Machine::new().web_identity());
    assert_eq!(machine.whose(), "AssumeRoleWithWebIdentity session");
    assert_eq!(machine.endpoints.asked(), ["sts AssumeRoleWithWebIdentity"]);
    let machine = all(Machine::new());
    assert_eq!(machine.whose(), "CONTAINER session");
    assert_eq!(machine.endpoints.asked(), ["container full"]);
    let machine = Machine::new().instance_role();
    assert_eq!(machine.whose(), "INSTANCE session");
    assert!(machine.endpoints.asked().len() >= 3, "a token comes first");
    assert!(Machine::new().whose().starts_with("none: "));
}

#[test]
fn an_ecs_task_role_by_its_relative_address() {
    let machine = Machine::new().task_role();
    assert_eq!(machine.whose(), "ECSTASK session");
    assert_eq!(machine.endpoints.asked(), ["container relative"]);
}

/// A role that an older agent names is not preferred to what names itself in full: the relative
/// address goes first, as in every SDK.
#[test]
fn the_relative_address_goes_before_the_full_one() {
    let machine = Machine::new().container_role().task_role();
    assert_eq!(machine.whose(), "ECSTASK session");
}

#[test]
fn a_container_token_from_a_file() {
    let machine = Machine::new().container_role();
    let token = machine.file("container-token", CONTAINER_TOKEN);
    let machine = machine
        .set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token)
        .set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "");
    assert_eq!(machine.whose(), "CONTAINER session");
}

/// The control of the endpoints: without the right token there is nothing.
#[test]
fn a_wrong_container_token_is_refused() {
    let machine = Machine::new()
        .container_role()
        .set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "another");
    assert!(machine.whose().starts_with("none: "));
}

#[test]
fn a_profile_that_assumes_a_role() {
    let machine = Machine::new().profile("role");
    assert_eq!(machine.whose(), "AssumeRole session");
    assert_eq!(machine.endpoints.asked(), ["sts AssumeRole"]);
    let machine = Machine::new().profile("role-of-instance").instance_role();
    assert_eq!(machine.whose(), "AssumeRole session");
}

/// IAM Roles Anywhere gives credentials this way.
#[test]
fn a_profile_with_a_process() {
    assert_eq!(Machine::new().profile("process").whose(), "PROCESS -");
}

/// Left out on purpose, and said so.
#[test]
fn iam_identity_center_is_not_built_in_and_says_so() {
    let said = Machine::new().profile("sso").whose();
    assert!(said.starts_with("none: ") && said.contains("sso"), "{said}");
}

/// Data keys would travel without TLS.
#[test]
fn an_endpoint_without_tls_on_another_machine_is_refused() {
    for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_KMS"] {
        let machine = Machine::new().environment().set(name, "http://10.0.0.1:80");
        let said = machine.whose();
        assert!(
            said.starts_with("refused: ") && said.contains(name),
            "{said}"
        );
    }
}
