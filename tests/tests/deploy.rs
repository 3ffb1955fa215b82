//! What is handed to whoever deploys: IAM policies against the calls that the code can make, the
//! ECS task definition and the Dockerfile against what the binary needs. A call without a
//! permission fails, and so does a permission without a call.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the failure")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fieldseal_policy::{Location, Policy};
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
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Json = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let of = |package: &Json| {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap());
        let folder = manifest.parent().unwrap().to_owned();
        (package["name"].as_str().unwrap().to_owned(), folder)
    };
    packages.iter().map(of).collect()
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

/// What a role's policy allows.
fn allowed(role: &str) -> BTreeSet<String> {
    let policy = json(&format!("deploy/iam/{role}.json"));
    let statements = policy["Statement"].as_array().unwrap();
    let actions = statements.iter().flat_map(|statement| {
        assert_eq!(statement["Effect"], "Allow", "{role}");
        strings(&statement["Action"])
    });
    actions.collect()
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
    let not_the_workers = OPERATOR_ONLY.map(str::to_owned);
    let worker: BTreeSet<String> = all
        .iter()
        .filter(|action| !not_the_workers.contains(action))
        .cloned()
        .collect();
    assert_eq!(allowed("operator"), all, "operator");
    assert_eq!(allowed("worker"), worker, "worker");
    assert_eq!(allowed("application"), called["kms"], "application");
}

#[test]
fn no_statement_is_wider_than_it_must_be() {
    for role in ["worker", "operator", "application"] {
        let policy = json(&format!("deploy/iam/{role}.json"));
        for statement in policy["Statement"].as_array().unwrap() {
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
            let condition = &statement["Condition"]["StringEquals"];
            if condition["kms:ViaService"].is_string() {
                // The stream's own encryption, whose context is Kinesis' own.
                continue;
            }
            for key in ["deployment", "domain", "purpose"] {
                let name = format!("kms:EncryptionContext:fieldseal:{key}");
                assert!(!condition[&name].is_null(), "{role}: {name} in {statement}");
            }
        }
    }
}

/// The roles, the task and the policy are one example.
#[test]
fn the_worker_is_the_one_of_the_example_policy() {
    let text = fs::read_to_string(root().join("pipeline-config/aws.toml")).unwrap();
    let example = Policy::parse(&text).unwrap();
    let mut domains: BTreeSet<String> = example.domains().iter().map(ToString::to_string).collect();
    domains.insert("quarantine".to_owned());
    let worker = json("deploy/iam/worker.json");
    let context = |statement: &Json, key: &str| {
        let name = format!("kms:EncryptionContext:fieldseal:{key}");
        let value = &statement["Condition"]["StringEquals"][&name];
        (!value.is_null()).then(|| strings(value))
    };
    let statements = worker["Statement"].as_array().unwrap();
    let bound: Vec<&Json> = statements
        .iter()
        .filter(|statement| context(statement, "domain").is_some())
        .collect();
    assert_eq!(bound.len(), 2, "the first key, and the second ones");
    for statement in bound {
        let its: BTreeSet<String> = context(statement, "domain").unwrap().into_iter().collect();
        assert_eq!(its, domains);
        let deployment = context(statement, "deployment").unwrap();
        assert_eq!(deployment, [example.keys().deployment.clone()]);
    }
    let secret = &json("deploy/ecs-task.json")["containerDefinitions"][0]["secrets"][0]["name"];
    assert!(example.target().url == Location::Env(secret.as_str().unwrap().to_owned()));
    assert!(example.admin().is_some(), "the health check asks it");
}

#[test]
fn an_application_opens_its_own_domains_only() {
    let policy = json("deploy/iam/application.json");
    let domains = |policy: &Json| {
        let statements = policy["Statement"].as_array().unwrap().clone();
        let of = |statement: &Json| {
            let key = "kms:EncryptionContext:fieldseal:domain";
            let domain = &statement["Condition"]["StringEquals"][key];
            (!domain.is_null()).then(|| strings(domain))
        };
        let domains = statements.iter().filter_map(of).flatten();
        domains.collect::<BTreeSet<String>>()
    };
    let (its, all) = (domains(&policy), domains(&json("deploy/iam/worker.json")));
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
