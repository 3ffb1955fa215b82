//! The public emulators, where they are right: the demo's records through each emulator of Kinesis,
//! under keys of the emulator of KMS, by the real binary, every row compared. What the doubles are
//! held to is asked of the emulators too (`conformance`).

use std::time::Duration;

use aws_sdk_kinesis::types::StreamStatus;
use aws_sdk_kms::types::{KeySpec, KeyUsageType};
use fieldseal_tests::aws::producer::{Producer, counted};
use fieldseal_tests::aws::shop::Shop;
use fieldseal_tests::aws::{Lines, OTHERS, Peers, Stage, reach};
use fieldseal_tests::databases::Server;
use fieldseal_tests::emulators::Emulator;
use fieldseal_tests::random::Random;

/// Shards before anybody changes them.
const SHARDS: i32 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_through_kinesalite_into_postgres() {
    demo(Emulator::Kinesalite, Server::Postgres, 2_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_through_kinesis_local_into_sqlite() {
    demo(Emulator::KinesisLocal, Server::Sqlite, 2_000).await;
}

async fn demo(kinesis: Emulator, server: Server, rows: u64) {
    let mut random = Random::seeded(&format!("emulators, {kinesis:?}"));
    let shop = Shop::open(rows, random.number());
    let endpoint = kinesis.url();
    let stream = format!("shop-{}-{server:?}", std::process::id());
    create_stream(&endpoint, &stream).await;
    let peers = Peers {
        kinesis: endpoint.clone(),
        stream: stream.clone(),
        kms: Emulator::Moto.url(),
        key: create_key().await,
        second: None,
    };
    let mut stage = Stage::set(server, peers, Lines::default()).await;
    let mut producer = Producer::connect(&endpoint, OTHERS, &stream).await;
    for part in shop.records.chunks(shop.records.len().div_ceil(3)) {
        producer.put(part).await;
        producer.reshard(&mut random).await;
    }
    let (open, all) = counted(&producer.shards().await);
    assert!(all > open, "some are closed");
    let mut worker = stage.worker.start(&["run", "--until-idle"], "info");
    let ended = worker.wait().await.expect("the binary ends");
    assert!(ended.success(), "{ended}: {}", stage.worker.log());
    let compared = stage.compare(&shop.scenario.truth).await;
    assert!(compared.holds(), "{compared}");
    assert_eq!(compared.equal, shop.scenario.truth.rows());
    assert_eq!(stage.quarantined().await, shop.scenario.quarantined);
    let searched = stage.search(&shop.scenario.needles).await;
    assert_eq!(searched.hits, 0, "plaintext in {:?}", searched.first);
    stage.end().await;
}

async fn create_stream(endpoint: &str, name: &str) {
    let client = aws_sdk_kinesis::Client::new(&reach(endpoint, OTHERS).await);
    let create = client.create_stream().stream_name(name).shard_count(SHARDS);
    create.send().await.expect("a stream can be made");
    for _ in 0..1_200 {
        let described = client.describe_stream_summary().stream_name(name);
        let described = described.send().await.expect("it is there");
        let summary = described.stream_description_summary();
        if summary.is_some_and(|s| *s.stream_status() == StreamStatus::Active) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the stream does not become active");
}

async fn create_key() -> String {
    let client = aws_sdk_kms::Client::new(&reach(&Emulator::Moto.url(), OTHERS).await);
    // moto leaves out what it is not told, where AWS has a default.
    let create = client
        .create_key()
        .key_usage(KeyUsageType::EncryptDecrypt)
        .key_spec(KeySpec::SymmetricDefault);
    let created = create.send().await.expect("a key can be made");
    let key = created.key_metadata().expect("what was made");
    key.arn().expect("its ARN").to_owned()
}
