//! The status as a report for people and as one JSON object. Counts and names only.

use fieldseal_keys::{KeyState, KeyUse, WrappingKey};
use fieldseal_metrics::LagUnit;
use fieldseal_policy::Policy;
use fieldseal_store::{COUNTERS, TableStatus};
use serde_json::{Value, json};

use super::{Report, Shard, position};
use crate::commands::generation;
use crate::exit::Failure;
use crate::print::{Lines, columns, counted, safe};

pub(super) fn print(report: &Report, policy: &Policy, as_json: bool) -> Result<(), Failure> {
    let mut lines = Lines::new();
    if as_json {
        lines.line(object(report, policy).to_string())?;
        return lines.finish();
    }
    lines.line(format!("epoch {}", report.status.epoch))?;
    let heading = table_heading();
    let heading: Vec<&str> = heading.iter().map(String::as_str).collect();
    section(&mut lines, "tables", &heading, &tables(report))?;
    let ignored = report.status.ignored;
    if ignored > 0 {
        lines.line(format!(
            "  {} of DMS's own tables, of heartbeats or of tables that the policy skips ignored",
            counted(ignored, "record")
        ))?;
    }
    section(
        &mut lines,
        "shards",
        &shard_heading(report.unit),
        &shards(report, policy),
    )?;
    section(&mut lines, "keys", &KEY, &keys(report))?;
    lacking(&mut lines, report)?;
    section(&mut lines, "held records", &HELD, &held(report))?;
    section(&mut lines, "debts", &DEBT, &debts(report))?;
    lines.line("")?;
    lines.line(if report.why.is_empty() {
        "ready".to_owned()
    } else {
        safe(&format!("not ready: {}", report.why.join(", ")))
    })?;
    lines.finish()
}

const KEY: [&str; 6] = ["key", "domain", "purpose", "state", "uses", "limit"];
const HELD: [&str; 3] = ["table", "reason", "records"];
const DEBT: [&str; 2] = ["table", "debts"];

fn table_heading() -> Vec<String> {
    let counters = COUNTERS.into_iter().filter(is_of_one_table);
    let behind = ["foreign rows", "generation", "taint"];
    let titles = ["table", "rows"].into_iter().chain(counters).chain(behind);
    titles.map(|title| title.replace('_', " ")).collect()
}

/// Records that are ignored have no table of the policy; they have a line of their own.
fn is_of_one_table(counter: &&str) -> bool {
    *counter != "ignored"
}

fn shard_heading(unit: LagUnit) -> [&'static str; 5] {
    let lag = match unit {
        LagUnit::Bytes => "lag in bytes",
        LagUnit::Milliseconds => "lag in ms",
    };
    ["shard", "sequence", "position", lag, "closed"]
}

fn section(
    lines: &mut Lines,
    title: &str,
    heading: &[&str],
    rows: &[Vec<String>],
) -> Result<(), Failure> {
    lines.line("")?;
    if rows.is_empty() {
        return lines.line(format!("{title}: none"));
    }
    lines.line(title)?;
    for line in columns(heading, rows) {
        lines.line(format!("  {line}"))?;
    }
    Ok(())
}

fn tables(report: &Report) -> Vec<Vec<String>> {
    let row = |table: &TableStatus| {
        let mut row = vec![safe(&table.table), table.rows.to_string()];
        let counted = table.counters.iter();
        let counted = counted.filter(|(name, _)| is_of_one_table(name));
        row.extend(counted.map(|(_, count)| count.to_string()));
        row.push(table.foreign_rows.to_string());
        row.push(match &table.generation {
            Some((number, state)) => format!("{number} {state}"),
            None => "none".to_owned(),
        });
        row.push(table.taint.clone().unwrap_or_else(|| "-".to_owned()));
        row
    };
    report.status.tables.iter().map(row).collect()
}

fn shards(report: &Report, policy: &Policy) -> Vec<Vec<String>> {
    let dash = || "-".to_owned();
    let row = |shard: &Shard<'_>| {
        let read = shard.read;
        vec![
            safe(shard.name),
            read.map_or_else(dash, |read| read.sequence.clone()),
            position(policy, read.and_then(|read| read.high)).unwrap_or_else(dash),
            shard.lag.map_or_else(dash, |lag| lag.to_string()),
            if read.is_some_and(|read| read.closed) {
                "yes"
            } else {
                "no"
            }
            .to_owned(),
        ]
    };
    report.shards().iter().map(row).collect()
}

fn state(key: &KeyUse) -> &'static str {
    key.state.map_or("unknown", KeyState::as_str)
}

fn keys(report: &Report) -> Vec<Vec<String>> {
    let row = |key: &KeyUse| {
        vec![
            key.id.to_string(),
            safe(&key.domain),
            safe(&key.purpose),
            state(key).to_owned(),
            key.reserved.to_string(),
            key.limit.to_string(),
        ]
    };
    report.keys.iter().map(row).collect()
}

/// The keys that lose what they sealed with fewer wrapping keys than the policy names.
fn lacking(lines: &mut Lines, report: &Report) -> Result<(), Failure> {
    let lacking = match &report.lacking {
        Ok(lacking) => lacking,
        Err(why) => {
            return lines.line(safe(&format!(
                "  whether every key has its wraps cannot be told: {why}"
            )));
        }
    };
    for (key, names) in report.keys.iter().zip(lacking) {
        for name in names {
            lines.line(format!("  key {} has no wrap under {name}", key.id))?;
        }
    }
    Ok(())
}

fn held(report: &Report) -> Vec<Vec<String>> {
    let row = |held: &fieldseal_store::QuarantineCount| {
        vec![
            held.table.as_deref().map_or_else(|| "-".to_owned(), safe),
            held.reason.clone(),
            held.count.to_string(),
        ]
    };
    report.status.held.iter().map(row).collect()
}

fn debts(report: &Report) -> Vec<Vec<String>> {
    let row = |(table, count): &(Option<String>, u64)| {
        vec![
            table.as_deref().map_or_else(|| "-".to_owned(), safe),
            count.to_string(),
        ]
    };
    report.status.debts.iter().map(row).collect()
}

fn object(report: &Report, policy: &Policy) -> Value {
    let shards: Vec<Value> = report
        .shards()
        .iter()
        .map(|shard| {
            json!({
                "shard": shard.name,
                "sequence": shard.read.map(|read| &read.sequence),
                "position": position(policy, shard.read.and_then(|read| read.high)),
                "lag": shard.lag,
                "closed": shard.read.is_some_and(|read| read.closed),
            })
        })
        .collect();
    let held: Vec<Value> = report
        .status
        .held
        .iter()
        .map(|held| json!({"table": held.table, "reason": held.reason, "count": held.count}))
        .collect();
    let debts: Vec<Value> = report
        .status
        .debts
        .iter()
        .map(|(table, count)| json!({"table": table, "count": count}))
        .collect();
    json!({
        "epoch": report.status.epoch,
        "tables": report.status.tables.iter().map(table_object).collect::<Vec<_>>(),
        "shards": shards,
        "keys": keys_object(report),
        "held": held,
        "debts": debts,
        "ignored": report.status.ignored,
        "generations": report
            .generations
            .iter()
            .map(|one| generation::object(one, policy.source().engine))
            .collect::<Vec<_>>(),
        "ready": report.why.is_empty(),
        "why": report.why,
    })
}

fn table_object(table: &TableStatus) -> Value {
    let mut object = json!({
        "table": table.table,
        "rows": table.rows,
        "foreign_rows": table.foreign_rows,
        "generation": table.generation.as_ref().map(|(number, _)| number),
        "generation_state": table.generation.as_ref().map(|(_, state)| state),
        "taint": table.taint,
    });
    for (name, count) in table.counters {
        object[name] = Value::from(count);
    }
    object
}

fn keys_object(report: &Report) -> Vec<Value> {
    let key = |(number, key): (usize, &KeyUse)| {
        let lacking = report.lacking.as_ref().ok();
        // Null where it cannot be told.
        key_object(key, lacking.and_then(|lacking| lacking.get(number)))
    };
    report.keys.iter().enumerate().map(key).collect()
}

fn key_object(key: &KeyUse, lacking: Option<&Vec<WrappingKey>>) -> Value {
    let lacking = lacking.map(|names| names.iter().map(WrappingKey::as_str).collect::<Vec<_>>());
    json!({
        "id": key.id.to_string(),
        "domain": key.domain,
        "purpose": key.purpose,
        "state": state(key),
        "uses": key.reserved,
        "limit": key.limit,
        "wrapping_keys": key.wrapping_keys,
        "lacking_wrapping_keys": lacking,
    })
}
