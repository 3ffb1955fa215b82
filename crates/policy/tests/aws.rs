//! The policy for AWS: parsed, and looked at from where other crates stand.

use std::fmt::Write as _;

use fieldseal_policy::{KeyProvider, Location, Policy, SecondKey, SourceKind, StreamStart};

const AWS: &str = include_str!("../../../pipeline-config/aws.toml");
const QUICKSTART: &str = include_str!("../../../pipeline-config/quickstart.toml");
const SECOND: &str = "arn:aws:kms:eu-west-1:123456789012:key/mrk-0123456789abcdef0123456789abcdef";

fn parsed(text: &str) -> Policy {
    match Policy::parse(text) {
        Ok(policy) => policy,
        Err(mistakes) => panic!("{}", mistakes.in_file("aws.toml")),
    }
}

#[test]
fn the_sections_about_aws() {
    let policy = parsed(AWS);
    assert_eq!(
        policy.source().kind,
        SourceKind::Kinesis {
            stream: "arn:aws:kinesis:eu-central-1:123456789012:stream/shop".to_owned(),
            region: Some("eu-central-1".to_owned()),
            endpoint: None,
            start: StreamStart::TrimHorizon,
            reads_per_second: 5,
            read_bytes_per_second: 2 << 20,
        }
    );
    assert_eq!(
        policy.keys().provider,
        KeyProvider::AwsKms {
            key: "arn:aws:kms:eu-central-1:123456789012:alias/shop".to_owned(),
            second_keys: vec![SecondKey {
                key: SECOND.to_owned(),
                endpoint: None,
            }],
            region: Some("eu-central-1".to_owned()),
            endpoint: None,
        }
    );
    assert_eq!(policy.admin(), Some(([127, 0, 0, 1], 9464).into()));
    assert!(policy.target().url == Location::Env("SHOP_SEALED_URL".to_owned()));
    assert!(!policy.target().insecure && !policy.source().insecure);
}

/// What is commented out works too when it is let in, except where it contradicts the rest.
#[test]
fn the_commented_alternatives_are_good() {
    let text = AWS
        .replace("# region", "region")
        .replace("# endpoint", "endpoint");
    let policy = parsed(&text);
    let SourceKind::Kinesis { endpoint, .. } = &policy.source().kind else {
        panic!("the stream is a Kinesis stream");
    };
    assert_eq!(endpoint.as_deref(), Some("http://127.0.0.1:4567"));
}

/// The demo works on either file: they decide the same about every column.
#[test]
fn both_examples_decide_the_same_about_every_table() {
    let (aws, quickstart) = (parsed(AWS), parsed(QUICKSTART));
    assert_eq!(aws.tables().len(), quickstart.tables().len());
    for (one, other) in aws.tables().iter().zip(quickstart.tables()) {
        assert_eq!(one.layout(), other.layout());
        assert_eq!(one.columns.len(), other.columns.len());
    }
}

#[test]
fn every_start() {
    let at = |start: &str| {
        let policy = parsed(&AWS.replace("start = \"trim_horizon\"", &format!("start = {start}")));
        match &policy.source().kind {
            SourceKind::Kinesis { start, .. } => start.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(at("\"trim_horizon\""), StreamStart::TrimHorizon);
    let moment = StreamStart::Timestamp(1_795_219_200_000);
    assert_eq!(at("{ timestamp = \"2026-11-21T00:00:00Z\" }"), moment);
    assert_eq!(at("{ timestamp = 2026-11-21T01:00:00+01:00 }"), moment);
    let number = "49590338271490256608559692538361571095921575989136588898";
    assert_eq!(
        at(&format!("{{ sequence_number = \"{number}\" }}")),
        StreamStart::Sequence(number.parse().unwrap())
    );
}

/// Every way a KMS key can be named, and the region that follows from it.
#[test]
fn every_name_of_a_key() {
    let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
    let of_region = |region: &str| format!("region = \"{region}\"");
    for (key, more, region) in [
        (id.to_owned(), String::new(), None),
        (
            "alias/shop/2".to_owned(),
            of_region("us-gov-west-1"),
            Some("us-gov-west-1"),
        ),
        (SECOND.to_owned(), of_region("eu-west-1"), Some("eu-west-1")),
        (
            format!("arn:aws-cn:kms:cn-north-1:123456789012:key/{id}"),
            String::new(),
            Some("cn-north-1"),
        ),
    ] {
        let start = AWS.find("[keys.aws_kms]").unwrap();
        let end = AWS.find("[admin]").unwrap();
        let mut text = AWS[..start].to_owned();
        writeln!(text, "[keys.aws_kms]\nkey = \"{key}\"\n{more}").unwrap();
        text.push_str(&AWS[end..]);
        let KeyProvider::AwsKms {
            key: got,
            region: of,
            second_keys,
            ..
        } = parsed(&text).keys().provider.clone()
        else {
            panic!("the provider is KMS");
        };
        assert_eq!((got, of.as_deref(), second_keys.len()), (key, region, 0));
    }
}

/// An endpoint belongs to one region, so each key has its own.
#[test]
fn a_second_key_with_an_endpoint() {
    let endpoint = "https://vpce-1.kms.eu-west-1.vpce.amazonaws.com";
    let first = "http://127.0.0.1:4567";
    let text = AWS.replace(
        &format!("second_keys = [\"{SECOND}\"]"),
        &format!(
            "second_keys = [{{ key = \"{SECOND}\", endpoint = \"{endpoint}\" }}]\n\
             endpoint = \"{first}\""
        ),
    );
    let KeyProvider::AwsKms {
        second_keys,
        endpoint: of_first,
        ..
    } = parsed(&text).keys().provider.clone()
    else {
        panic!("the provider is KMS");
    };
    let expected = SecondKey {
        key: SECOND.to_owned(),
        endpoint: Some(endpoint.to_owned()),
    };
    assert_eq!(second_keys, [expected]);
    assert_eq!(of_first.as_deref(), Some(first));
}

/// However it is spelled and wherever it stands, an access key is refused with the way out, and
/// its value is not repeated.
#[test]
fn credentials_are_refused() {
    for key in [
        "access_key_id",
        "secret_access_key",
        "session_token",
        "aws_secret_access_key",
        "AccessKey",
        "secretKey",
        "credentials",
        "aws_profile",
    ] {
        for section in ["[source.kinesis]", "[keys.aws_kms]", "[keys]", "[admin]"] {
            let text = AWS.replace(section, &format!("{section}\n{key} = \"hunter2\""));
            let mistakes = Policy::parse(&text).expect_err("a credential is refused");
            let text = mistakes.to_string();
            assert!(
                text.contains("credentials never stand in this file"),
                "{text}"
            );
            assert!(!text.contains("hunter2"), "{text}");
            assert_eq!(mistakes.iter().count(), 1, "{text}");
        }
    }
}
