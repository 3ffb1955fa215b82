//! Two services on one target: whoever came last has the shards.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::shop::{PLANTED, Service, Shop, customer, load};

fn loads(shop: &Shop) -> u64 {
    let status = shop.call(&["status", "--json"]).json();
    status["tables"][0]["loads"].as_u64().unwrap()
}

/// Lets one more customer arrive, and waits until somebody has applied it.
fn arrives(shop: &Shop, number: u64) {
    let id = number.to_string();
    let record = load("customers", &customer(&id, "planted@example.org"));
    let path = shop.path("source/a.jsonl");
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .unwrap();
    file.write_all(&record).unwrap();
    // Ended by the test's own limit if nobody ever does.
    for _ in 0..2_000 {
        if loads(shop) >= number {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("customer {number} was never applied");
}

#[test]
fn the_second_takes_over_and_the_first_ends_with_5() {
    let shop = Shop::ready();
    let service = || {
        let mut command = shop.command(&["run"]);
        Service(command.stderr(Stdio::piped()).spawn().unwrap())
    };
    let mut first = service();
    arrives(&shop, 1);
    let mut second = service();
    // The first has the shard until the second is there, and notices with the next record.
    let mut number = 1;
    let code = loop {
        number += 1;
        arrives(&shop, number);
        if let Some(status) = first.0.try_wait().unwrap() {
            break status.code();
        }
        assert!(number < 500, "the first still runs");
    };
    let mut said = String::new();
    let mut pipe = first.0.stderr.take().unwrap();
    pipe.read_to_string(&mut said).unwrap();
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("shard a.jsonl stopped: "), "{said}");
    assert!(said.contains("another worker"), "{said}");
    assert!(!said.contains(PLANTED), "{said}");

    number += 1;
    arrives(&shop, number);
    assert_eq!(second.0.try_wait().unwrap(), None, "the second goes on");
    assert_eq!(second.ends_by(Signal::TERM), Some(0));
    shop.call(&["run", "--until-idle"]).ends_with(0);
    // Each record was applied once, by whichever had the shard, and each row opens.
    assert_eq!(loads(&shop), number);
    let all = shop.call_revealing(&["open", "--table", "customers", "--json"]);
    let rows = all.ends_with(0).json_lines();
    assert_eq!(rows.len() as u64, number);
    for (row, number) in rows.iter().zip(1_u64..) {
        assert_eq!(row["id"], number.to_string());
        assert_eq!(row["email"], "planted@example.org");
    }
}
