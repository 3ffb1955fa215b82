//! The rows of the table, each alone. Owns no server: the rules stand above the dialects.

use fieldseal_dms::{ControlOperation, Wire};
use fieldseal_pipeline::{ReplayOutcome, open_held, replay};
use fieldseal_store::{Completion, Gone};
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::{MemorySource, Rig, counter, records};

use super::{TABLE, people, person};

#[tokio::test(flavor = "multi_thread")]
async fn a_record_with_an_unlisted_column_is_quarantined_whole_and_a_delete_is_applied() {
    let rig = Rig::new(Server::Sqlite, people("", "")).await;
    let stranger = records::insert(
        2,
        TABLE,
        &[
            ("id", Wire::Number("2")),
            ("email", Wire::Text("two@example.org")),
            ("points", Wire::Text("1")),
            ("passport", Wire::Text("X1234567")),
        ],
    );
    let delete = records::delete(
        3,
        TABLE,
        &[
            ("id", Wire::Number("1")),
            ("passport", Wire::Text("X7654321")),
        ],
    );
    let records = vec![person(1), stranger.clone(), delete, person(4)];
    rig.run(MemorySource::of(records)).await;

    assert_eq!(
        rig.open_all(TABLE).await.into_keys().collect::<Vec<_>>(),
        ["4"]
    );
    assert_eq!(rig.held_reasons().await, ["2 unlisted-column"]);
    let held = rig.held().await;
    assert_eq!(
        held[0].column, None,
        "a name that the policy does not know is not shown"
    );
    assert_eq!(held[0].table.as_deref(), Some(TABLE));
    assert_eq!(held[0].operation.as_deref(), Some("insert"));
    let opened = open_held(&rig.preparer, &held[0].record)
        .await
        .expect("it opens");
    assert_eq!(
        opened.expose(),
        stranger.trim_ascii_end(),
        "the whole record is kept"
    );
    let status = rig.table_status(TABLE).await;
    assert_eq!(
        counter(&status, "unlisted_columns"),
        1,
        "the delete's column is counted"
    );
    assert_eq!(counter(&status, "deletes"), 1);
    assert_eq!(counter(&status, "quarantined"), 1);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unlisted_column_is_left_out_and_counted_where_the_policy_says_so() {
    let rig = Rig::new(Server::Sqlite, people("unlisted = \"drop\"", "")).await;
    let cells = [
        ("id", Wire::Number("1")),
        ("email", Wire::Text("one@example.org")),
        ("points", Wire::Text("1")),
        ("passport", Wire::Text("X1234567")),
    ];
    rig.run(MemorySource::of(vec![records::insert(1, TABLE, &cells)]))
        .await;
    let rows = rig.open_all(TABLE).await;
    assert_eq!(
        rows["1"].keys().collect::<Vec<_>>(),
        ["email", "id", "points"]
    );
    assert_eq!(
        counter(&rig.table_status(TABLE).await, "unlisted_columns"),
        1
    );
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_or_held_is_quarantined_with_its_reason() {
    let columns = "count = { seal = \"contact\", kind = \"integer\" }\n\
                   born = { seal = \"contact\", kind = \"date\" }\n";
    let rig = Rig::new(Server::Sqlite, people("absent = \"null\"", columns)).await;
    let text = |id: u32, cell: &str| {
        let record = String::from_utf8(person(id)).expect("the encoder writes UTF-8");
        record
            .replacen("\"email\":", &format!("{cell},\"email\":"), 1)
            .into_bytes()
    };
    let mut bad_utf8 = text(4, "\"count\":1");
    let at = bad_utf8
        .windows(6)
        .position(|w| w == b"person")
        .expect("it is there");
    bad_utf8[at] = 0xff;
    let records = vec![
        b"{\"data\":{\"id\":1,\"email\":\"cut@exam".to_vec(),
        b"who@example.org".to_vec(),
        text(3, "\"points\":1"),
        bad_utf8,
        text(5, "\"count\":1.7e+19"),
        text(6, "\"count\":\"1.5\""),
        text(7, "\"born\":\"2023-02-29\""),
        text(8, "\"born\":{\"year\":2023}"),
        text(9, "\"count\":17"),
    ];
    rig.run(MemorySource::of(records)).await;
    assert_eq!(
        rig.held_reasons().await,
        [
            "1 not-json",
            "2 not-json",
            "3 duplicate-key",
            "4 not-utf8",
            "5 lost-precision count",
            "6 not-an-integer count",
            "7 not-a-date born",
            "8 nested-cell",
        ]
    );
    let rows = rig.open_all(TABLE).await;
    assert_eq!(rows.keys().collect::<Vec<_>>(), ["9"]);
    assert_eq!(rows["9"]["count"], "17");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_column_is_what_the_policy_says_and_else_quarantined() {
    for (absent, expected) in [("", None), ("null", Some(None)), ("empty", Some(Some("")))] {
        let line = match absent {
            "" => String::new(),
            word => format!("absent = \"{word}\""),
        };
        let rig = Rig::new(Server::Sqlite, people(&line, "")).await;
        let cells = [("id", Wire::Number("1"))];
        rig.run(MemorySource::of(vec![records::insert(1, TABLE, &cells)]))
            .await;
        let rows = rig.open_all(TABLE).await;
        match expected {
            None => {
                assert!(rows.is_empty());
                assert_eq!(rig.held_reasons().await, ["1 column-absent email"]);
            }
            Some(value) => {
                assert_eq!(
                    rows["1"].get("email").map(String::as_str),
                    value,
                    "{absent}"
                );
                assert_eq!(
                    rows["1"].get("points").map(String::as_str),
                    value,
                    "{absent}"
                );
                assert!(rig.held().await.is_empty());
            }
        }
        rig.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_change_without_every_sealed_column_is_quarantined() {
    let rig = Rig::new(Server::Sqlite, people("absent = \"null\"", "")).await;
    let half = [("id", Wire::Number("9")), ("points", Wire::Text("1"))];
    let no_image = records::row(
        fieldseal_model::Operation::Update,
        TABLE,
        Some(3),
        &half,
        None,
    );
    let records = vec![
        person(1),
        records::update(2, TABLE, &half, &[("id", Wire::Number("1"))]),
        no_image,
    ];
    rig.run(MemorySource::of(records)).await;
    assert_eq!(
        rig.held_reasons().await,
        ["2 absent-in-key-change email", "3 no-before-image"]
    );
    assert_eq!(
        rig.open_all(TABLE).await.into_keys().collect::<Vec<_>>(),
        ["1"]
    );
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn control_records_are_counted_never_executed_and_a_load_started_again_taints() {
    use ControlOperation as Op;
    let rig = Rig::new(Server::Sqlite, people("", "")).await;
    let operations = [
        Op::DropTable,
        Op::CreateTable,
        Op::RenameTable,
        Op::ChangeColumns,
        Op::AddColumn,
        Op::DropColumn,
        Op::RenameColumn,
        Op::ColumnTypeChange,
        Op::Other,
    ];
    let mut records = vec![person(1)];
    records.extend(operations.iter().map(|op| records::control(*op, TABLE, 0)));
    // The same record delivered twice is no second load.
    records.push(records::control(Op::DropTable, TABLE, 0));
    records.push(records::control(Op::DropTable, "shop.strangers", 0));
    records.push(person(2));
    rig.run(MemorySource::of(records.clone())).await;
    assert_eq!(
        rig.open_all(TABLE).await.len(),
        2,
        "the table and its rows are still there"
    );
    let status = rig.table_status(TABLE).await;
    assert_eq!(counter(&status, "controls"), 10);
    assert_eq!(status.taint, None);
    assert!(rig.held().await.is_empty());

    records.push(records::control(Op::DropTable, TABLE, 1));
    records.push(person(3));
    rig.run(MemorySource::of(records)).await;
    let status = rig.table_status(TABLE).await;
    assert_eq!(status.taint.as_deref(), Some("load-started-again"));
    assert_eq!(rig.open_all(TABLE).await.len(), 3, "a taint stops nothing");
    let ends = [(
        "s0".to_owned(),
        Some(fieldseal_model::SequenceNumber::from(1)),
    )];
    let completed = rig
        .store
        .complete_generation(
            TABLE,
            &ends,
            Gone::PutAway,
            fieldseal_store::Seen::Something,
        )
        .await;
    let Ok(Completion::NotYet(reasons)) = completed else {
        panic!("{completed:?}")
    };
    assert_eq!(
        reasons,
        ["the table is tainted (load-started-again); begin a new generation"]
    );
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_dms_itself_are_dropped_by_their_prefix() {
    let rig = Rig::new(Server::Sqlite, people("", "")).await;
    let cells = [("STATEMENT", Wire::Text("INSERT … 'ada@example.org'"))];
    let records = vec![
        records::insert(1, ".awsdms_apply_exceptions", &cells),
        records::insert(1, "shop.awsdms_anything", &cells),
        records::control(ControlOperation::CreateTable, ".awsdms_status", 0),
        person(2),
    ];
    rig.run(MemorySource::of(records)).await;
    assert!(rig.held().await.is_empty(), "not even kept sealed");
    assert_eq!(rig.open_all(TABLE).await.len(), 1);
    let rows = rig
        .query(
            "SELECT ignored FROM fieldseal_counters WHERE table_id = ''",
            &[],
        )
        .await;
    assert_eq!(rows[0].int(0).expect("a count"), 3);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discarded_record_leaves_a_debt_that_only_a_new_generation_clears() {
    use fieldseal_pipeline::Capture;
    use fieldseal_store::Beginning;
    let rig = Rig::new(Server::Sqlite, people("", "")).await;
    let cells = [("id", Wire::Number("1"))];
    let broken = records::insert(1, TABLE, &cells);
    let mut all = vec![broken, b"not json".to_vec(), person(3)];
    rig.run(MemorySource::of(all.clone())).await;
    let held = rig.held().await;
    assert_eq!(held.len(), 2);
    assert!(rig.status().await.debts.is_empty());
    let outcome = replay(&*rig.store, &rig.preparer, &held[0].record).await;
    assert_eq!(
        outcome.ok(),
        Some(ReplayOutcome::StillHeld("column-absent"))
    );

    for entry in &held {
        assert!(
            rig.store
                .discard(entry.record.id)
                .await
                .expect("it answers")
        );
        assert!(
            !rig.store
                .discard(entry.record.id)
                .await
                .expect("it answers"),
            "once only"
        );
    }
    assert!(rig.held().await.is_empty());
    let debts = rig.status().await.debts;
    assert_eq!(debts, [(None, 1), (Some(TABLE.to_owned()), 1)]);

    let end = [(
        "s0".to_owned(),
        Some(fieldseal_model::SequenceNumber::from(3)),
    )];
    let known = rig.store.known_shards().await.expect("it answers");
    let begun = rig
        .store
        .begin_generations(
            &[TABLE.to_owned()],
            records::position(9),
            Capture::Stopped,
            "2024-05-03T00:00:00.000000Z",
            &known,
            &end,
        )
        .await
        .expect("it answers");
    assert!(matches!(begun, Beginning::Begun(_)), "{begun:?}");
    let loaded = [
        ("id", Wire::Number("1")),
        ("email", Wire::Text("one@example.org")),
        ("points", Wire::Text("1")),
    ];
    all.push(records::load(TABLE, &loaded));
    rig.run(MemorySource::of(all)).await;
    let end = [(
        "s0".to_owned(),
        Some(fieldseal_model::SequenceNumber::from(4)),
    )];
    let completed = rig
        .store
        .complete_generation(TABLE, &end, Gone::PutAway, fieldseal_store::Seen::Something)
        .await
        .expect("it answers");
    assert!(
        matches!(completed, Completion::Complete(_)),
        "{completed:?}"
    );
    let debts = rig.status().await.debts;
    assert!(
        debts.is_empty(),
        "every table was loaded again behind both: {debts:?}"
    );
    rig.end().await;
}
