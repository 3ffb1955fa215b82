//! One file as bytes from an offset on, plain or gzip. Owns seeking, decompression and noticing
//! that a file grew or shrank; blocking.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use fieldseal_pipeline::SourceError;
use flate2::read::MultiGzDecoder;

use crate::failure;
use crate::split::is_space;

type Gzip = MultiGzDecoder<BufReader<File>>;

/// How much is decompressed at once where the bytes are only counted.
const SKIP_CHUNK: usize = 256 << 10;

/// Compressed bytes read at once.
const GZIP_BUFFER: usize = 128 << 10;

/// What stands at the end of the bytes there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The file's end; a plain file may grow.
    Plain,
    /// The end of a complete gzip file.
    GzipWhole,
    /// The file's end inside a gzip member: it is being written or was cut.
    GzipCut,
}

/// A file being read.
pub(crate) struct Input {
    path: PathBuf,
    /// Offset of the next byte, uncompressed.
    position: u64,
    form: Form,
}

enum Form {
    Plain(File),
    Gzip {
        decoder: Box<Gzip>,
        /// Set at the end of the bytes there were: what the end was and the file's length then.
        ended: Option<(End, u64)>,
    },
}

impl Input {
    /// Opens `path` to read on at `offset`.
    pub(crate) fn open(path: &Path, offset: u64) -> Result<Self, SourceError> {
        let failed = |error: &io::Error| failure::io("open", path, error);
        let mut file = File::open(path).map_err(|error| failed(&error))?;
        let form = if is_gzip(path) {
            let mut decoder = gzip(file);
            let skipped = skip(&mut decoder, offset).map_err(|error| damaged(path, &error))?;
            if skipped < offset {
                return Err(failure::shrunk(path, offset));
            }
            Form::Gzip {
                decoder: Box::new(decoder),
                ended: None,
            }
        } else {
            let length = file.metadata().map_err(|error| failed(&error))?.len();
            if length < offset {
                return Err(failure::shrunk(path, offset));
            }
            file.seek(SeekFrom::Start(offset))
                .map_err(|error| failed(&error))?;
            Form::Plain(file)
        };
        Ok(Self {
            path: path.to_owned(),
            position: offset,
            form,
        })
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads some bytes; 0 at the end of what there is, which [`end`](Self::end) describes.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.form {
            Form::Plain(file) => file.read(into)?,
            Form::Gzip { ended: Some(_), .. } => 0,
            Form::Gzip { decoder, ended } => match decoder.read(into) {
                Ok(0) => {
                    *ended = Some((End::GzipWhole, length(decoder)?));
                    0
                }
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    let length = length(decoder)?;
                    // Nothing written yet is not a cut member.
                    let end = if length == 0 {
                        End::GzipWhole
                    } else {
                        End::GzipCut
                    };
                    *ended = Some((end, length));
                    0
                }
                Err(error) => {
                    // What a decoder does after an error is not said; a new one, made because the
                    // file is longer than 0, meets the damage again.
                    *ended = Some((End::GzipCut, 0));
                    return Err(error);
                }
                Ok(count) => count,
            },
        };
        self.position += count as u64;
        Ok(count)
    }

    /// What reading failed for.
    pub(crate) fn failure(&self, error: &io::Error) -> SourceError {
        match self.form {
            Form::Plain(_) => failure::io("read", &self.path, error),
            Form::Gzip { .. } => damaged(&self.path, error),
        }
    }

    /// What stands at the end, once a read has found it.
    ///
    /// # Errors
    /// When the file has shrunk below what was read of it.
    pub(crate) fn end(&self) -> Result<End, SourceError> {
        match &self.form {
            Form::Plain(file) => {
                let metadata = file.metadata();
                let metadata = metadata.map_err(|e| failure::io("look at", &self.path, &e))?;
                if metadata.len() < self.position {
                    return Err(failure::shrunk(&self.path, self.position));
                }
                Ok(End::Plain)
            }
            Form::Gzip { ended, .. } => Ok(ended.map_or(End::GzipCut, |(end, _)| end)),
        }
    }

    /// Makes a file that has ended readable again if it has grown since. A gzip file is opened
    /// anew and decompressed up to where reading stands.
    pub(crate) fn reopen_if_grown(&mut self) -> Result<(), SourceError> {
        let Form::Gzip {
            ended: Some((_, then)),
            ..
        } = &self.form
        else {
            return Ok(());
        };
        let metadata = std::fs::metadata(&self.path);
        let now = metadata
            .map_err(|error| failure::io("look at", &self.path, &error))?
            .len();
        if now < *then {
            return Err(failure::shrunk(&self.path, self.position));
        }
        if now > *then {
            *self = Self::open(&self.path, self.position)?;
        }
        Ok(())
    }

    /// Bytes of the file not yet read: compressed ones for gzip.
    pub(crate) fn behind(&mut self) -> io::Result<u64> {
        let (length, position) = match &mut self.form {
            Form::Plain(file) => (file.metadata()?.len(), self.position),
            Form::Gzip { decoder, .. } => {
                let length = length(decoder)?;
                (length, decoder.get_mut().stream_position()?)
            }
        };
        Ok(length.saturating_sub(position))
    }
}

/// Where the last record of `path` ends now, uncompressed: the white space behind it belongs to
/// no record, and no record's number lies behind it. A gzip file is decompressed to be measured.
pub(crate) fn end_of_records(path: &Path) -> Result<u64, SourceError> {
    let failed = |error: io::Error| failure::io("open", path, &error);
    let file = File::open(path).map_err(failed)?;
    if is_gzip(path) {
        return end_of(&mut gzip(file)).map_err(|error| damaged(path, &error));
    }
    end_of_plain(file).map_err(|error| failure::io("read", path, &error))
}

/// The last byte that is not white space stands near the end, so the file is read backwards.
fn end_of_plain(mut file: File) -> io::Result<u64> {
    let mut chunk = vec![0; SKIP_CHUNK];
    let mut end = file.metadata()?.len();
    while end > 0 {
        let start = end.saturating_sub(SKIP_CHUNK as u64);
        let length = usize::try_from(end - start).unwrap_or(SKIP_CHUNK);
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut chunk[..length])?;
        if let Some(last) = last_of_record(&chunk[..length]) {
            return Ok(start + last as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

fn end_of(decoder: &mut Gzip) -> io::Result<u64> {
    let mut chunk = vec![0; SKIP_CHUNK];
    let (mut position, mut end) = (0, 0);
    loop {
        let read = match decoder.read(&mut chunk) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => 0,
            read => read?,
        };
        if read == 0 {
            return Ok(end);
        }
        if let Some(last) = last_of_record(&chunk[..read]) {
            end = position + last as u64 + 1;
        }
        position += read as u64;
    }
}

fn last_of_record(bytes: &[u8]) -> Option<usize> {
    bytes.iter().rposition(|byte| !is_space(*byte))
}

fn is_gzip(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "gz")
}

fn gzip(file: File) -> Gzip {
    MultiGzDecoder::new(BufReader::with_capacity(GZIP_BUFFER, file))
}

fn length(decoder: &Gzip) -> io::Result<u64> {
    Ok(decoder.get_ref().get_ref().metadata()?.len())
}

/// Reads up to `count` bytes away; how many there were.
fn skip(decoder: &mut Gzip, count: u64) -> io::Result<u64> {
    let mut chunk = vec![0; SKIP_CHUNK];
    let mut skipped = 0;
    while skipped < count {
        let wanted = usize::try_from(count - skipped).map_or(SKIP_CHUNK, |n| n.min(SKIP_CHUNK));
        match decoder.read(&mut chunk[..wanted]) {
            Ok(0) => break,
            Ok(read) => skipped += read as u64,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        }
    }
    Ok(skipped)
}

fn damaged(path: &Path, error: &io::Error) -> SourceError {
    match error.kind() {
        ErrorKind::InvalidInput | ErrorKind::InvalidData => failure::permanent(format!(
            "{} is damaged: {error}; replace it by an intact copy",
            path.display()
        )),
        _ => failure::io("read", path, error),
    }
}
