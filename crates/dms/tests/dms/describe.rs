//! What the decoder made of bytes, in one line of words; what the expectation files hold.

use std::path::{Path, PathBuf};

use fieldseal_dms::{Decoded, Record};

/// One line per object; no cell in it.
pub(crate) fn describe(decoded: &Decoded) -> String {
    match &decoded.result {
        Err(error) => format!("error {}", error.reason()),
        Ok(Record::Control(control)) => format!(
            "control {} {} columns={}",
            control.operation,
            control.table,
            control.columns.len()
        ),
        Ok(Record::Internal(internal)) => {
            format!("internal {} {}", internal.operation.name(), internal.table)
        }
        Ok(Record::Row(change)) => {
            let before = change.before.as_ref();
            let before = before.map_or(String::new(), |row| format!(" before={}", row.len()));
            let order = change.order.map_or(" no position".to_owned(), |order| {
                let engine = match order.engine {
                    fieldseal_model::Engine::MySql => "mysql",
                    fieldseal_model::Engine::Postgres => "postgres",
                };
                let position = order.position.display(order.engine);
                format!(" {engine} {position} record {}", order.record)
            });
            format!(
                "row {} {} columns={}{before}{order}",
                change.operation.name(),
                change.table,
                change.row.len()
            )
        }
    }
}

/// A folder of the repository.
pub(crate) fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

/// The names of all files in a folder but its expectations, sorted.
pub(crate) fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("the folder {} can be read: {error}", folder.display()));
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".tsv") && !name.ends_with(".md"))
        .collect();
    names.sort();
    names
}

/// The fields of each line of a tab-separated file; `#` begins a comment.
pub(crate) fn table(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("{} can be read: {error}", path.display()));
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}
