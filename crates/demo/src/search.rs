//! Which planted values stand in which files, in any of many spellings. Owns walking a folder and
//! reading its files piece by piece; the patterns are in `encoding`, finding them in `index`.

mod encoding;
mod index;

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::steps::Steps;
use crate::{DemoError, Told};

pub use encoding::Encoding;
pub use index::Index;

/// Bytes of a file read at once.
const CHUNK: usize = 256 << 10;

/// Hits that are told one by one; the others are only counted.
const TOLD: usize = 20;

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Files that were read.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How often a planted value stands in them.
    pub hits: u64,
    /// How many of the planted values stand in them at least once.
    pub needles_found: usize,
    /// The first hits.
    pub first: Vec<Hit>,
}

/// One place where a planted value stands; not which value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The file.
    pub file: PathBuf,
    /// Offset of its first byte.
    pub offset: u64,
    /// How it is spelled.
    pub encoding: Encoding,
}

impl Index {
    /// Searches every file below `dir`, but none below `except`. Links are not followed. Files
    /// should be at rest; one that disappears meanwhile is passed over.
    ///
    /// # Errors
    /// [`DemoError::Io`] when a folder or file cannot be read: what was not read is not clean.
    pub fn search(&self, dir: &Path, except: Option<&Path>) -> Result<Report, DemoError> {
        self.search_telling(dir, except, &mut |_, _| {})
    }

    /// The same, and tells of the bytes that were searched as it goes.
    ///
    /// # Errors
    /// Those of [`search`](Self::search).
    pub fn search_telling(
        &self,
        dir: &Path,
        except: Option<&Path>,
        told: Told<'_>,
    ) -> Result<Report, DemoError> {
        let files = files(dir, except)?;
        let bytes = files.iter().map(|(_, length)| length).sum();
        let mut search = Search {
            index: self,
            report: Report::default(),
            found: vec![false; self.needles()],
            buffer: Vec::with_capacity(CHUNK + self.longest()),
            steps: Steps::new(bytes, told),
        };
        for (path, _) in &files {
            search.file(path)?;
        }
        search.report.needles_found = search.found.iter().filter(|found| **found).count();
        Ok(search.report)
    }
}

/// The files below `dir`, but those below `except`, with the bytes of each.
fn files(dir: &Path, except: Option<&Path>) -> Result<Vec<(PathBuf, u64)>, DemoError> {
    let whole = |path: &Path| path.canonicalize().map_err(DemoError::io("find", path));
    let except = except.map(whole).transpose()?;
    let (mut folders, mut files) = (vec![whole(dir)?], Vec::new());
    while let Some(folder) = folders.pop() {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&folder).map_err(DemoError::io("list", &folder))? {
            entries.push(entry.map_err(DemoError::io("list", &folder))?);
        }
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let kind = entry.file_type().map_err(DemoError::io("look at", &path))?;
            if except.as_ref() == Some(&path) {
                continue;
            }
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                match entry.metadata() {
                    Ok(found) => files.push((path, found.len())),
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(DemoError::io("look at", path)(error)),
                }
            }
        }
    }
    Ok(files)
}

struct Search<'a> {
    index: &'a Index,
    report: Report,
    found: Vec<bool>,
    buffer: Vec<u8>,
    steps: Steps<'a>,
}

impl Search<'_> {
    fn file(&mut self, path: &Path) -> Result<(), DemoError> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(DemoError::io("read", path)(error)),
        };
        self.report.files += 1;
        self.buffer.clear();
        let mut begins = 0;
        loop {
            // What is kept was searched already, but a value may begin in it.
            let keep = self.buffer.len().min(self.index.longest());
            let gone = self.buffer.len() - keep;
            self.buffer.drain(..gone);
            begins += gone as u64;
            let mut piece = (&mut file).take(CHUNK as u64);
            let read = piece.read_to_end(&mut self.buffer);
            let read = read.map_err(DemoError::io("read", path))?;
            if read == 0 {
                return Ok(());
            }
            self.report.bytes += read as u64;
            self.piece(path, begins, keep);
            self.steps.advance(read as u64);
        }
    }

    /// Takes every value that ends behind the first `known` bytes of the buffer.
    fn piece(&mut self, path: &Path, begins: u64, known: usize) {
        let Self {
            index,
            report,
            found,
            buffer,
            steps: _,
        } = self;
        index.scan(buffer, |needle, encoding, range| {
            if range.end <= known {
                return;
            }
            found[needle] = true;
            report.hits += 1;
            if report.first.len() < TOLD {
                report.first.push(Hit {
                    file: path.to_owned(),
                    offset: begins + range.start as u64,
                    encoding,
                });
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{CHUNK, Encoding};
    use crate::{Index, Needles};

    /// Characters that every encoding spells in its own way.
    const PLANTED: &str = "Zoë \"Ž\" 😀/ÿ?>~\\ end";

    fn index(values: &[&str]) -> Index {
        let mut needles = Needles::default();
        values.iter().for_each(|value| needles.plant(value));
        assert_eq!(needles.len(), values.len());
        Index::new(&needles)
    }

    #[test]
    fn every_encoding_is_found_wherever_it_stands() {
        let dir = tempfile::tempdir().unwrap();
        let index = index(&[PLANTED, "another value", "0.1234567890121"]);
        for encoding in Encoding::ALL {
            let pattern = encoding.spell(PLANTED).expect("spelled in its own way");
            // At the beginning, over the edges of pieces, and at the end.
            for at in [
                0,
                7,
                CHUNK - 1,
                CHUNK,
                CHUNK - pattern.len() + 1,
                2 * CHUNK - 9,
            ] {
                let mut bytes = vec![b'.'; at];
                bytes.extend_from_slice(&pattern);
                fs::write(dir.path().join("file"), &bytes).unwrap();
                let report = index.search(dir.path(), None).unwrap();
                let first = &report.first[0];
                assert_eq!(
                    (report.hits, report.needles_found),
                    (1, 1),
                    "{encoding:?} {at}"
                );
                assert_eq!((first.encoding, first.offset), (encoding, at as u64));
                assert_eq!(report.bytes, bytes.len() as u64);

                let last = bytes.len() - 1;
                bytes[last] ^= 1;
                fs::write(dir.path().join("file"), &bytes).unwrap();
                assert_eq!(
                    index.search(dir.path(), None).unwrap().hits,
                    0,
                    "{encoding:?}"
                );
            }
        }
    }

    #[test]
    fn other_programs_spellings_are_found() {
        let index = index(&["Zoë/Müller", "nothing like it"]);
        for (spelled, encoding) in [
            (
                &b"x\"Zo\\u00eb\\/M\\u00fcller\""[..],
                Encoding::JsonLowerSlash,
            ),
            (b"Zo\\u00EB/M\\u00FCller", Encoding::JsonUpper),
            (b"5A6FC3AB2F4DC3BC6C6C6572", Encoding::HexUpper),
            // base64 of `Zoë/Müller`, `.Zoë/Müller.` and `..Zoë/Müller..`
            (b"Wm/Dqy9Nw7xsbGVy", Encoding::Base64),
            (b"Llpvw6svTcO8bGxlci4=", Encoding::Base64Behind1),
            (b"Li5ab8OrL03DvGxsZXIuLg==", Encoding::Base64Behind2),
            (b"Z\0o\0\xeb\0/\0M\0\xfc\0l\0l\0e\0r\0", Encoding::Utf16Le),
        ] {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join("file"), spelled).unwrap();
            let report = index.search(dir.path(), None).unwrap();
            assert_eq!(report.hits, 1, "{encoding:?}");
            assert_eq!(report.first[0].encoding, encoding);
        }
    }

    #[test]
    fn folders_are_walked_but_for_the_exception() {
        let dir = tempfile::tempdir().unwrap();
        let index = index(&["the planted value"]);
        for folder in ["a/b/c", "source/deeper"] {
            let folder = dir.path().join(folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(
                folder.join("file"),
                b"-the planted value- the planted value",
            )
            .unwrap();
        }
        let source = dir.path().join("source");
        let without = index.search(dir.path(), Some(&source)).unwrap();
        assert_eq!(
            (without.files, without.hits, without.needles_found),
            (1, 2, 1)
        );
        assert!(without.first[0].file.ends_with("a/b/c/file"));
        let all = index.search(dir.path(), None).unwrap();
        assert_eq!((all.files, all.hits), (2, 4));
        assert!(index.search(&dir.path().join("none"), None).is_err());
        assert!(!format!("{all:?}").contains("planted"));
    }
}
