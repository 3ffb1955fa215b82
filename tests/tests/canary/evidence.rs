//! Everything that a run leaves behind, put into files and searched. Owns capturing logs of every
//! level, texts of errors and panics, and a raw dump of every table.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::{Mutex, Once, PoisonError};

use fieldseal_db::Database;
use fieldseal_demo::Index;
use fieldseal_tests::databases::TestDatabase;
use fieldseal_tests::dump::dump;
use tempfile::TempDir;
use tracing_subscriber::filter::LevelFilter;

use crate::planted;

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static NOTES: Mutex<String> = Mutex::new(String::new());

/// Something that came out: an error, a status, whatever could be shown.
pub(crate) fn note(text: impl AsRef<str>) {
    let mut notes = NOTES.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = writeln!(notes, "{}", text.as_ref());
}

struct Captured;

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn capture() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(|| Captured)
            .init();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // A test that fails is none of the program's panics.
            let own = panic
                .location()
                .is_some_and(|place| place.file().starts_with("tests/"));
            note(format!("{}: {panic}", if own { "failed" } else { "panic" }));
            before(panic);
        }));
    });
}

/// Two folders: what may hold no planted value at all, and what may hold no kept one either.
pub(crate) struct Evidence {
    folder: TempDir,
    count: std::cell::Cell<u32>,
}

impl Evidence {
    pub(crate) fn new() -> Self {
        capture();
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        for name in ["tables", "elsewhere"] {
            std::fs::create_dir(folder.path().join(name)).expect("a folder can be made");
        }
        Self {
            folder,
            count: std::cell::Cell::new(0),
        }
    }

    pub(crate) fn keep(&self, kind: &str, bytes: &[u8]) {
        self.count.set(self.count.get() + 1);
        let path = self
            .folder
            .path()
            .join(kind)
            .join(self.count.get().to_string());
        std::fs::write(path, bytes).expect("evidence can be written");
    }

    /// Every cell of every table as bytes: Fieldseal's own tables apart from the others.
    pub(crate) async fn dump(&self, database: &Database) {
        let mut bytes = 0;
        for (table, cells) in dump(database).await {
            bytes += cells.len();
            let own = table.starts_with("fieldseal_");
            self.keep(if own { "elsewhere" } else { "tables" }, &cells);
        }
        assert!(bytes > 0, "there is something to search");
    }

    /// The database's own files, where it has any beside the root key.
    pub(crate) fn copy_files(&self, database: &TestDatabase) {
        for name in ["test.db", "test.db-wal", "test.db-shm"] {
            if let Ok(bytes) = std::fs::read(database.path(name)) {
                self.keep("tables", &bytes);
            }
        }
    }

    /// The folder, for what a program writes by itself.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn must_be_clean(&self) {
        let log = LOG.lock().unwrap_or_else(PoisonError::into_inner).clone();
        assert!(!log.is_empty(), "something was logged");
        self.keep("elsewhere", &log);
        let notes = NOTES.lock().unwrap_or_else(PoisonError::into_inner).clone();
        assert!(!notes.contains("panic: "), "something panicked");
        self.keep("elsewhere", notes.as_bytes());
        let report = Index::new(&planted::secrets()).search(self.folder.path(), None);
        let report = report.expect("the evidence can be read");
        assert_eq!(report.hits, 0, "{:?}", report.first);
        assert!(report.bytes > 1_000);
        let elsewhere = self.folder.path().join("elsewhere");
        let report = Index::new(&planted::kept()).search(&elsewhere, None);
        let report = report.expect("the evidence can be read");
        assert_eq!(report.hits, 0, "kept values: {:?}", report.first);
    }
}
