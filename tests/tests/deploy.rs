//! What is handed to whoever deploys: IAM policies against the calls that the code can make, the
//! ECS task definition and the Dockerfile against what the binary needs. A call without a
//! permission fails, and so does a permission without a call.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the failure")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fieldseal_envelope::Purpose;
use fieldseal_policy::{KeyProvider, Location, Policy, SourceKind};
use serde_json::Value as Json;

/// Calls that only an operator's commands make: a mark is put into the stream.
const OPERATOR_ONLY: [&str; 1] = ["kinesis:PutRecord"];

/// Who makes calls to which service: the SDK's crate, the prefix of its permissions, our crate.
const SERVICES: [(&str, &str, &str); 2] = [
    ("aws-sdk-kinesis", "kinesis", "crates/kinesis/src"),
    ("aws-sdk-kms", "kms", "crates/keys/src"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn json(path: &str) -> Json {
    let text = fs::read_to_string(root().join(path)).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The permissions that the calls of our crates need, by the operations that the SDKs have.
fn called() -> BTreeMap<&'static str, BTreeSet<String>> {
    let folders = sdk_folders();
    let mut called = BTreeMap::new();
    for (sdk, prefix, ours) in SERVICES {
        let operations: Vec<String> = fs::read_dir(folders[sdk].join("src/operation"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert!(operations.len() > 20, "{sdk} has operations");
        let text = sources(&root().join(ours));
        let made = operations
            .iter()
            .filter(|operation| text.contains(&format!(".{operation}()")))
            .map(|operation| format!("{prefix}:{}", pascal(operation)));
        called.insert(prefix, made.collect());
    }
    called
}

fn sdk_folders() -> BTreeMap<String, PathBuf> {
    let version = said(Command::new("rustc").arg("-vV"));
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let metadata = said(
        Command::new(cargo)
            .args(["metadata", "--format-version", "1", "--locked", "--offline"])
            // Other platforms' packages need not have been fetched.
            .args(["--filter-platform", host.unwrap()])
            .current_dir(root()),
    );
    let metadata: Json = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let of = |package: &Json| {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap());
        let folder = manifest.parent().unwrap().to_owned();
        (package["name"].as_str().unwrap().to_owned(), folder)
    };
    packages.iter().map(of).collect()
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// All Rust below a folder as one text without blanks, so that a call may begin on a new line.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            let code = source
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            text.extend(code.flat_map(str::split_whitespace));
        }
    }
    text
}

fn pascal(operation: &str) -> String {
    let word = |word: &str| word[..1].to_uppercase() + &word[1..];
    operation.split('_').map(word).collect()
}

const ROLES: [&str; 3] = ["worker", "operator", "application"];

fn statements(role: &str) -> Vec<Json> {
    let policy = json(&format!("deploy/iam/{role}.json"));
    policy["Statement"].as_array().unwrap().clone()
}

/// What a role's policy allows on each resource.
fn allowed(role: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut allowed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for statement in statements(role) {
        assert_eq!(statement["Effect"], "Allow", "{role}");
        for resource in strings(&statement["Resource"]) {
            let actions = allowed.entry(resource).or_default();
            actions.extend(strings(&statement["Action"]));
        }
    }
    allowed
}

/// What a statement says of one part of the encryption context, if anything.
fn context(statement: &Json, key: &str) -> Option<BTreeSet<String>> {
    let name = format!("kms:EncryptionContext:fieldseal:{key}");
    let value = &statement["Condition"]["StringEquals"][&name];
    (!value.is_null()).then(|| strings(value).into_iter().collect())
}

/// The statements about making, wrapping and opening data keys.
fn about_data_keys(role: &str) -> Vec<Json> {
    let mut bound = statements(role);
    bound.retain(|statement| context(statement, "domain").is_some());
    bound
}

fn example() -> Policy {
    let text = fs::read_to_string(root().join("pipeline-config/aws.toml")).unwrap();
    Policy::parse(&text).unwrap()
}

/// The resources of the example: the first two as its policy names them.
struct Resources {
    stream: String,
    second_key: String,
    /// The policy names an alias, and a permission needs the key itself.
    first_key: String,
    /// What the stream is encrypted under.
    stream_key: String,
}

impl Resources {
    fn of(example: &Policy) -> Self {
        let SourceKind::Kinesis { stream, .. } = &example.source().kind else {
            panic!("the example reads a stream");
        };
        let KeyProvider::AwsKms {
            key, second_keys, ..
        } = &example.keys().provider
        else {
            panic!("the example wraps under AWS KMS");
        };
        let [second] = &second_keys[..] else {
            panic!("the example has one second key");
        };
        let (beside, _) = key.split_once(":alias/").unwrap();
        let (stream_keys, others): (Vec<Json>, Vec<Json>) = statements("worker")
            .into_iter()
            .partition(|statement| !via_service(statement).is_null());
        let mut first = others
            .iter()
            .flat_map(|statement| strings(&statement["Resource"]))
            .filter(|resource| resource.starts_with(&format!("{beside}:key/")));
        Self {
            stream: stream.clone(),
            second_key: second.key.clone(),
            first_key: first.next().unwrap(),
            stream_key: strings(&stream_keys[0]["Resource"])[0].clone(),
        }
    }
}

fn via_service(statement: &Json) -> &Json {
    &statement["Condition"]["StringEquals"]["kms:ViaService"]
}

fn strings(value: &Json) -> Vec<String> {
    match value {
        Json::String(one) => vec![one.clone()],
        many => many
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one.as_str().unwrap().to_owned())
            .collect(),
    }
}

#[test]
fn each_role_may_make_the_calls_it_makes_and_no_other() {
    let called = called();
    let all: BTreeSet<String> = called.values().flatten().cloned().collect();
    assert!(all.contains("kms:Decrypt"), "the scan finds calls: {all:?}");
    assert!(
        all.contains("kinesis:GetRecords"),
        "the scan finds calls: {all:?}"
    );
    let its = Resources::of(&example());
    let set = |actions: &[&str]| actions.iter().map(ToString::to_string).collect();
    // While one key is away, the other makes the data keys, and both get their wraps of them.
    let keys = [&its.first_key, &its.second_key].map(|key| (key.clone(), called["kms"].clone()));
    let application = BTreeMap::from(keys);
    let reads = &called["kinesis"] - &set(&OPERATOR_ONLY);
    let mut worker = application.clone();
    worker.insert(its.stream.clone(), reads);
    worker.insert(its.stream_key.clone(), set(&["kms:Decrypt"]));
    let mut operator = application.clone();
    operator.insert(its.stream.clone(), called["kinesis"].clone());
    // Who puts a record makes the stream encrypt it.
    let encrypts = set(&["kms:Decrypt", "kms:GenerateDataKey"]);
    operator.insert(its.stream_key.clone(), encrypts);
    assert_eq!(allowed("operator"), operator, "operator");
    assert_eq!(allowed("worker"), worker, "worker");
    assert_eq!(allowed("application"), application, "application");
}

#[test]
fn no_statement_is_wider_than_it_must_be() {
    for role in ROLES {
        for statement in &statements(role) {
            let (actions, resources) = (
                strings(&statement["Action"]),
                strings(&statement["Resource"]),
            );
            for text in actions.iter().chain(&resources) {
                assert!(!text.contains('*'), "{role}: {text}");
            }
            let about_kms = actions.iter().any(|action| action.starts_with("kms:"));
            // DescribeKey carries no encryption context.
            if !about_kms || actions == ["kms:DescribeKey"] {
                continue;
            }
            if via_service(statement).is_string() {
                // The stream's own encryption, whose context is Kinesis' own.
                continue;
            }
            for key in ["deployment", "domain", "purpose"] {
                let bound = context(statement, key);
                assert!(bound.is_some(), "{role}: {key} in {statement}");
            }
        }
    }
}

/// The roles, the task and the policy are one example.
#[test]
fn the_roles_and_the_task_are_those_of_the_example_policy() {
    let example = example();
    let mut domains: BTreeSet<String> = example.domains().iter().map(ToString::to_string).collect();
    domains.insert("quarantine".to_owned());
    let deployment = BTreeSet::from([example.keys().deployment.clone()]);
    let purposes = [Purpose::Seal, Purpose::Value, Purpose::Index].map(|one| one.to_string());
    let purposes = BTreeSet::from(purposes);
    for role in ROLES {
        let bound = about_data_keys(role);
        assert_eq!(bound.len(), 2, "{role}: the first key, and the second ones");
        for statement in &bound {
            // An application has fewer domains, and its own test.
            if role != "application" {
                assert_eq!(context(statement, "domain").unwrap(), domains, "{role}");
            }
            assert_eq!(context(statement, "deployment").unwrap(), deployment);
            assert_eq!(context(statement, "purpose").unwrap(), purposes, "{role}");
            let no_other = &statement["Condition"]["ForAllValues:StringEquals"];
            assert_eq!(
                strings(&no_other["kms:EncryptionContextKeys"]),
                ["deployment", "domain", "purpose"].map(|key| format!("fieldseal:{key}")),
                "{role}"
            );
        }
    }
    let stream = Resources::of(&example).stream;
    let region = stream.split(':').nth(3).unwrap();
    for statement in ROLES.into_iter().flat_map(statements) {
        if let Some(service) = via_service(&statement).as_str() {
            assert_eq!(service, format!("kinesis.{region}.amazonaws.com"));
        }
    }
    let secret = &json("deploy/ecs-task.json")["containerDefinitions"][0]["secrets"][0]["name"];
    assert!(example.target().url == Location::Env(secret.as_str().unwrap().to_owned()));
    assert!(example.admin().is_some(), "the health check asks it");
}

#[test]
fn an_application_opens_its_own_domains_only() {
    let domains = |role: &str| {
        let bound = about_data_keys(role);
        let mut each = bound.iter().map(|one| context(one, "domain").unwrap());
        let first = each.next().unwrap();
        assert!(each.all(|other| other == first), "{role}: alike everywhere");
        first
    };
    let (its, all) = (domains("application"), domains("worker"));
    assert!(its.is_subset(&all) && its.len() < all.len());
    assert!(
        !its.contains("quarantine"),
        "held records hold every domain"
    );
}

fn dockerfile(word: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("deploy/Dockerfile")).unwrap();
    let text = text.replace("\\\n", " ");
    let of = |line: &str| {
        let (first, rest) = line.split_once(' ')?;
        (first == word).then(|| rest.trim().to_owned())
    };
    text.lines().filter_map(of).collect()
}

#[test]
fn the_image_runs_without_rights_and_says_how_it_is() {
    let user = dockerfile("USER");
    let ids: Vec<u32> = user[0].split(':').map(|id| id.parse().unwrap()).collect();
    assert!(ids.iter().all(|id| *id > 0), "{user:?}");
    assert_eq!(dockerfile("STOPSIGNAL"), ["SIGTERM"]);
    assert_eq!(
        dockerfile("FROM"),
        ["${BUILD_BASE} AS build", "${BASE}"],
        "base images are arguments"
    );
    assert!(dockerfile("HEALTHCHECK")[0].contains("\"health\""));
}

#[test]
fn the_task_is_closed_and_may_drain() {
    let task = json("deploy/ecs-task.json");
    let container = &task["containerDefinitions"][0];
    assert_eq!(container["readonlyRootFilesystem"], true);
    assert_eq!(container["user"], dockerfile("USER")[0].as_str());
    assert_eq!(container["logConfiguration"]["logDriver"], "awslogs");
    // A log that is away must not hold up the worker.
    let mode = &container["logConfiguration"]["options"]["mode"];
    assert_eq!(mode, "non-blocking");
    let check = strings(&container["healthCheck"]["command"]);
    assert_eq!(check.last().unwrap(), "health");
    let stop = container["stopTimeout"].as_u64().unwrap();
    assert!(stop > drain(), "{stop} s is less than the drain takes");
    for secret in container["secrets"].as_array().unwrap() {
        let from = secret["valueFrom"].as_str().unwrap();
        assert!(from.starts_with("arn:aws:secretsmanager:"), "{from}");
    }
    // What stands in clear in a task definition is no secret.
    for plain in container["environment"].as_array().unwrap() {
        let name = plain["name"].as_str().unwrap();
        assert!(name.starts_with("FIELDSEAL_"), "{name}");
        assert!(!plain["value"].as_str().unwrap().contains("://"), "{name}");
    }
}

/// How many seconds the binary drains at most.
fn drain() -> u64 {
    let run = fs::read_to_string(root().join("crates/cli/src/commands/run.rs")).unwrap();
    let (_, rest) = run
        .split_once("const DRAIN: Duration = Duration::from_secs(")
        .unwrap();
    rest.split_once(')').unwrap().0.parse().unwrap()
}
