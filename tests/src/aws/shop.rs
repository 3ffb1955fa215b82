//! The demo's records in the order in which DMS would put them on one stream. Owns merging the
//! demo's files by time, and each record's partition key.

use std::collections::VecDeque;
use std::fs::File;
use std::path::Path;

use fieldseal_demo::{Index, Scenario, write_source};
use fieldseal_files::RecordStream;
use serde_json::Value;

/// The shop, with what must come of it.
pub struct Shop {
    /// What the demo knows of it.
    pub scenario: Scenario,
    /// In the order of their making.
    pub records: Vec<Record>,
    /// How many of the planted values the search finds in the records themselves: one that could
    /// not find them there proves nothing elsewhere.
    pub found: usize,
}

/// One record to be put.
pub struct Record {
    /// What decides on its shard: task, or table and primary key.
    pub partition_key: String,
    /// The record's bytes.
    pub data: Vec<u8>,
    /// The binlog file its change stands in; a load stands in none.
    pub binlog: Option<String>,
    timestamp: String,
}

impl Shop {
    /// A shop of so many rows. Its files are gone again when this returns.
    ///
    /// # Panics
    /// If the files cannot be written or read.
    #[must_use]
    pub fn open(rows: u64, seed: u64) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let scenario = write_source(folder.path(), rows, seed).expect("the shop can be written");
        let files = std::fs::read_dir(folder.path()).expect("the folder can be read");
        let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
        paths.sort();
        let records = merged(paths.iter().map(|path| read(path)).collect());
        assert_eq!(records.len() as u64, scenario.records, "every record");
        let index = Index::new(&scenario.needles);
        let inside = index.search(folder.path(), None);
        Self {
            found: inside.expect("the folder can be read").needles_found,
            scenario,
            records,
        }
    }
}

/// By timestamp, each file in its own order. So positions fall back by a few records only, never by
/// a binlog file, as on a stream that DMS writes.
fn merged(mut files: Vec<VecDeque<Record>>) -> Vec<Record> {
    let mut all = Vec::new();
    while let Some(next) = files
        .iter_mut()
        .filter(|file| !file.is_empty())
        .min_by(|a, b| a[0].timestamp.cmp(&b[0].timestamp))
    {
        all.extend(next.pop_front());
    }
    all
}

fn read(path: &Path) -> VecDeque<Record> {
    let file = File::open(path).expect("the file was just written");
    let stream = RecordStream::new(file).expect("the file can be read");
    let mut records: VecDeque<Record> = VecDeque::new();
    for record in stream {
        let data = record.expect("the file can be read").data.expose().to_vec();
        let last = records.back().map(|record| record.timestamp.clone());
        records.push_back(Record::of(data, last.unwrap_or_default()));
    }
    records
}

impl Record {
    /// A record that is cut off stands where the one before it stood.
    fn of(data: Vec<u8>, last: String) -> Self {
        let parsed: Value = serde_json::from_slice(&data).unwrap_or_default();
        let meta = &parsed["metadata"];
        let text = |name: &str| meta[name].as_str().map(str::to_owned);
        let (schema, table) = (text("schema-name"), text("table-name"));
        let parts = [
            schema,
            table,
            parsed["data"]["id"].as_u64().map(|id| id.to_string()),
        ];
        let partition_key: Vec<String> = parts.into_iter().flatten().collect();
        let binlog = text("stream-position")
            .and_then(|position| Some(position.split_once(':')?.0.to_owned()));
        Self {
            partition_key: match partition_key.len() {
                0 => "broken".to_owned(),
                _ => partition_key.join("."),
            },
            data,
            binlog,
            timestamp: text("timestamp").unwrap_or(last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Shop;

    #[test]
    fn binlog_files_do_not_fall_back() {
        let shop = Shop::open(400, 7);
        let files: Vec<_> = shop
            .records
            .iter()
            .filter_map(|r| r.binlog.as_ref())
            .collect();
        assert!(files.windows(2).all(|pair| pair[0] <= pair[1]));
        assert!(files.first() < files.last());
        let keys: Vec<_> = shop.records.iter().map(|r| &r.partition_key).collect();
        assert!(keys.iter().any(|key| key.starts_with("shop.orders.")));
        assert!(keys.iter().any(|key| *key == "broken"));
    }
}
