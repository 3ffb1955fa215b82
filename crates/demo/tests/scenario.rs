//! The written records against the shop's truth, by a reader of their own.
#![allow(clippy::unwrap_used, reason = "a panic is the failure")]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::Path;

use fieldseal_demo::{
    DemoError, Encoding, Index, MIN_ROWS, Needles, Scenario, Truth, write_source,
    write_source_telling,
};
use fieldseal_dms::{Record, decode, to_value};
use fieldseal_model::{Change, Kind, Operation, Row, ValueType, ZeroDate};
use fieldseal_policy::{Policy, Treatment};

const ROWS: u64 = 600;
const SHARDS: [&str; 4] = [
    "shard-0.jsonl",
    "shard-1.jsonl",
    "shard-2.json",
    "shard-3.json",
];

fn written(rows: u64, seed: u64) -> (tempfile::TempDir, Scenario) {
    let dir = tempfile::tempdir().unwrap();
    let scenario = write_source(dir.path(), rows, seed).unwrap_or_else(|error| panic!("{error}"));
    (dir, scenario)
}

/// The records of a file, cut where the encoder begins one.
fn records(path: &Path) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(path).unwrap();
    if path.extension().is_some_and(|e| e == "jsonl") {
        return text.lines().map(|line| line.as_bytes().to_vec()).collect();
    }
    let mut begins: Vec<usize> = text.match_indices("{\n\t\"").map(|(at, _)| at).collect();
    begins.push(text.len());
    begins
        .windows(2)
        .map(|pair| text.as_bytes()[pair[0]..pair[1]].to_vec())
        .collect()
}

fn decoded(records: &[Vec<u8>]) -> Vec<Result<Record<'_>, ()>> {
    let one = |bytes| {
        let mut all: Vec<_> = decode(bytes).collect();
        assert_eq!(all.len(), 1);
        all.remove(0).result.map_err(|_| ())
    };
    records.iter().map(|bytes| one(bytes)).collect()
}

fn changes(records: &[Vec<u8>]) -> Vec<Change<'_>> {
    let row = |record| match record {
        Ok(Record::Row(change)) => Some(change),
        _ => None,
    };
    decoded(records).into_iter().filter_map(row).collect()
}

fn policy() -> Policy {
    let text = include_str!("../../../pipeline-config/quickstart.toml");
    Policy::parse(text).unwrap_or_else(|mistakes| panic!("{}", mistakes.in_file("quickstart.toml")))
}

fn kind_of(kind: Kind) -> ValueType {
    ValueType {
        zero_date: ZeroDate::Null,
        ..ValueType::of(kind)
    }
}

fn key_of(row: &Row) -> u64 {
    let value = to_value(row.get("id").unwrap(), &kind_of(Kind::Integer))
        .unwrap()
        .unwrap();
    value.expose_text().unwrap().parse().unwrap()
}

/// A cell in canonical form; `None` is NULL.
type Cell = Option<Vec<u8>>;
type Stored = HashMap<(String, u64), ((u64, u32), Option<BTreeMap<String, Cell>>)>;

/// Applies one change by the rule: newest wins, loads are below every change, deletes leave their
/// version behind.
fn apply(stored: &mut Stored, truth: &Truth, change: &Change) {
    let table = change.table.to_string();
    let version = change
        .order
        .map_or((0, 0), |order| (order.position.0, 1 + order.record));
    let mut write = |key: u64, row: Option<BTreeMap<String, Cell>>| {
        let slot = stored.entry((table.clone(), key));
        let slot = slot.or_insert(((0, 0), None));
        let first_load = version == (0, 0) && slot.0 == (0, 0);
        if version > slot.0 || first_load {
            *slot = (version, row);
        }
    };
    let key = key_of(&change.row);
    if let Some(before) = &change.before {
        let old = key_of(before);
        if old != key {
            write(old, None);
        }
    }
    if change.operation == Operation::Delete {
        return write(key, None);
    }
    let columns = &truth.tables[&table].columns;
    let cell = |(name, kind): &(&str, Kind)| {
        let value = to_value(change.row.get(name).unwrap(), &kind_of(*kind)).unwrap();
        (
            (*name).to_owned(),
            value.map(|value| value.expose().to_vec()),
        )
    };
    write(key, Some(columns.iter().map(cell).collect()));
}

fn has_unlisted(change: &Change) -> bool {
    change.row.get("passport_no").is_some()
}

fn assert_truth(stored: &Stored, truth: &Truth, seed: u64) {
    let alive = stored.values().filter(|(_, row)| row.is_some()).count();
    assert_eq!(alive, truth.rows(), "seed {seed}");
    for (name, table) in &truth.tables {
        for key in table.rows.keys() {
            let (_, row) = &stored[&(name.clone(), *key)];
            let row = row
                .as_ref()
                .unwrap_or_else(|| panic!("seed {seed}: {name} {key} is gone"));
            for (column, _, value) in table.row(*key).unwrap() {
                let value = value.map(|value| value.expose().to_vec());
                assert!(row[column] == value, "seed {seed}: {name} {key} {column}");
            }
        }
    }
}

#[test]
fn the_rule_leads_to_the_truth_whatever_shard_is_read_first() {
    for seed in [1, 2, 0xdead_beef] {
        let (dir, scenario) = written(ROWS, seed);
        let files = SHARDS.map(|name| records(&dir.path().join(name)));
        let shards: Vec<Vec<Change>> = files.iter().map(|records| changes(records)).collect();
        let in_turn = shards.iter().flatten().collect::<Vec<_>>();
        let from_behind = shards.iter().rev().flatten().collect();
        let mut side_by_side: Vec<(usize, &Change)> = shards
            .iter()
            .flat_map(|shard| shard.iter().enumerate())
            .collect();
        side_by_side.sort_by_key(|(at, _)| *at);
        let side_by_side = side_by_side.into_iter().map(|(_, change)| change).collect();
        for order in [in_turn, from_behind, side_by_side] {
            let mut stored = Stored::new();
            for change in order.into_iter().filter(|change| !has_unlisted(change)) {
                apply(&mut stored, &scenario.truth, change);
            }
            assert_truth(&stored, &scenario.truth, seed);
        }
    }
}

#[test]
fn exactly_one_record_is_broken_and_one_has_an_unlisted_column() {
    for (rows, seed) in [(MIN_ROWS, 3), (ROWS, 4)] {
        let (dir, scenario) = written(rows, seed);
        let files = SHARDS.map(|name| records(&dir.path().join(name)));
        let all: Vec<_> = files.iter().flat_map(|records| decoded(records)).collect();
        assert_eq!(all.len() as u64, scenario.records);
        let broken = all.iter().filter(|one| one.is_err()).count();
        let unlisted =
            |one: &&Result<Record, ()>| matches!(one, Ok(Record::Row(c)) if has_unlisted(c));
        assert_eq!((broken, all.iter().filter(unlisted).count()), (1, 1));
        assert_eq!(scenario.quarantined, 2);
        let control = all
            .iter()
            .filter(|one| matches!(one, Ok(Record::Control(_))))
            .count();
        assert_eq!(control, 4);
    }
}

#[test]
fn the_story_has_every_twist() {
    let (dir, _) = written(ROWS, 5);
    let (mut shards_of, mut orders) = (HashMap::<_, HashSet<_>>::new(), HashSet::new());
    let (mut late, mut twice, mut key_changes, mut again, mut deleted) =
        (0, 0, 0, 0, HashSet::new());
    for (shard, name) in SHARDS.iter().enumerate() {
        let mut files = Vec::new();
        let mut changed = HashSet::new();
        for change in changes(&records(&dir.path().join(name))) {
            let row = (change.table.table.to_string(), key_of(&change.row));
            shards_of.entry(row.clone()).or_default().insert(shard);
            match change.order {
                None => late += u32::from(changed.contains(&row)),
                Some(order) => {
                    files.push(order.position.file());
                    twice += u32::from(!orders.insert((order.position, order.record)));
                }
            }
            match change.operation {
                Operation::Delete => drop(deleted.insert(row.clone())),
                Operation::Insert => again += u32::from(deleted.contains(&row)),
                Operation::Load | Operation::Update => {}
            }
            let before = change.before.as_ref().map(key_of);
            key_changes += u32::from(before.is_some_and(|old| old != row.1));
            if change.order.is_some() {
                changed.insert(row);
            }
        }
        assert!(
            files.is_sorted(),
            "a file number that falls back stops {name}"
        );
        assert!(
            files.first() < files.last(),
            "{name} sees one binlog file only"
        );
    }
    let apart = shards_of.values().filter(|shards| shards.len() > 1).count();
    assert!(late > 10 && twice > 20 && key_changes > 3 && again > 2 && apart > 10);
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let read =
        |dir: &tempfile::TempDir| SHARDS.map(|name| fs::read(dir.path().join(name)).unwrap());
    let (first, _) = written(MIN_ROWS, 6);
    let (same, _) = written(MIN_ROWS, 6);
    let (other, _) = written(MIN_ROWS, 7);
    assert!(read(&first) == read(&same));
    assert!(read(&first) != read(&other));
}

#[test]
fn the_columns_are_those_of_the_quickstart_policy() {
    let policy = policy();
    let (_dir, scenario) = written(MIN_ROWS, 8);
    assert_eq!(scenario.truth.tables.len(), policy.tables().len());
    for table in policy.tables() {
        let truth = &scenario.truth.tables[&table.source.to_string()];
        assert_eq!(
            (table.key.len(), table.key[0].name.as_str()),
            (1, truth.key)
        );
        assert_eq!(table.key[0].ty.kind, Kind::Integer);
        let mut arriving = HashMap::new();
        for column in &table.columns {
            match &column.treatment {
                Treatment::Drop => {}
                Treatment::Keep => drop(arriving.insert(column.name.as_str(), None)),
                Treatment::Seal(seal) => {
                    arriving.insert(column.name.as_str(), Some(seal.ty.kind));
                }
            }
        }
        assert_eq!(truth.columns.len(), arriving.len());
        for (name, kind) in &truth.columns {
            let sealed = arriving[name];
            assert!(sealed.is_none_or(|sealed| sealed == *kind), "{name}");
        }
    }
}

/// Every value of a sealed or dropped column anywhere in the records is planted, and nothing of
/// the kept columns is.
#[test]
fn what_is_planted_is_what_the_policy_hides() {
    let policy = policy();
    let (dir, scenario) = written(ROWS, 9);
    let mut expected = Needles::default();
    let mut kept = Needles::default();
    for name in SHARDS {
        for change in changes(&records(&dir.path().join(name))) {
            let table = policy.table_by_source(&change.table.to_name()).unwrap();
            for row in [Some(&change.row), change.before.as_ref()]
                .into_iter()
                .flatten()
            {
                for (column, cell) in row.iter() {
                    let (fieldseal_model::Cell::Text(text) | fieldseal_model::Cell::Number(text)) =
                        cell
                    else {
                        continue;
                    };
                    let text = std::str::from_utf8(text.expose()).unwrap();
                    let listed = table.column(column).map(|column| &column.treatment);
                    let clear = column == "id" || matches!(listed, Some(Treatment::Keep));
                    if clear {
                        kept.plant(text);
                    } else {
                        expected.plant(text);
                    }
                }
            }
        }
    }
    // The broken record's row is not decoded here: one value more, at most.
    let more = scenario.needles.len() - expected.len();
    assert!(more <= 1, "{more}");
    assert!(expected.len() > 2_000 && kept.len() > 500);

    let index = Index::new(&scenario.needles);
    let report = index.search(dir.path(), None).unwrap();
    assert_eq!(report.needles_found, scenario.needles.len());
    assert!(report.hits > report.needles_found as u64);
    assert!(
        report
            .first
            .iter()
            .all(|hit| matches!(hit.encoding, Encoding::Raw | Encoding::Json))
    );
    // Nothing that stays in clear holds a planted value.
    let clear = tempfile::tempdir().unwrap();
    let lines: Vec<String> = scenario
        .truth
        .tables
        .iter()
        .flat_map(|(name, table)| {
            let policy = policy.table_by_id(name).unwrap();
            table.rows.keys().flat_map(move |key| {
                let cells = table.row(*key).unwrap();
                cells.filter_map(move |(column, _, value)| {
                    let kept = matches!(policy.column(column)?.treatment, Treatment::Keep);
                    kept.then(|| value?.expose_text().map(str::to_owned))
                        .flatten()
                })
            })
        })
        .collect();
    fs::write(clear.path().join("kept"), lines.join("\n")).unwrap();
    assert_eq!(index.search(clear.path(), None).unwrap().hits, 0);
}

/// All of the work is told, to its end and no further, whether the rows are even or odd.
#[test]
fn long_work_tells_how_far_it_is() {
    for rows in [600, 601] {
        let dir = tempfile::tempdir().unwrap();
        let mut told = Vec::new();
        let mut tell = |done, all| told.push((done, all));
        let scenario = write_source_telling(dir.path(), rows, 1, &mut tell).unwrap();
        grows_to_its_end(&told, 2 * rows);

        let mut told = Vec::new();
        let index = Index::new_telling(&scenario.needles, &mut |done, all| told.push((done, all)));
        grows_to_its_end(&told, 2 * index.needles() as u64);

        let mut told = Vec::new();
        let mut tell = |done, all| told.push((done, all));
        let report = index.search_telling(dir.path(), None, &mut tell).unwrap();
        grows_to_its_end(&told, report.bytes);
    }
}

fn grows_to_its_end(told: &[(u64, u64)], at_least: u64) {
    let all = told[0].1;
    assert!(all >= at_least, "{all} of {at_least}");
    assert!(told.is_sorted_by(|one, next| one.0 < next.0 && one.1 == next.1));
    assert_eq!(told.last(), Some(&(all, all)));
}

#[test]
fn too_few_rows_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let result = write_source(dir.path(), MIN_ROWS - 1, 1);
    assert!(matches!(result, Err(DemoError::TooFewRows(_))));
}
