//! Records of one file in order. Owns the place up to which records were taken, the limit on
//! their length, and what becomes of an unfinished one at the end; blocking.

use fieldseal_model::{Plaintext, SequenceNumber};
use fieldseal_pipeline::{BatchLimits, Fetched, ReaderState, SourceError, StreamRecord};

use crate::MAX_RECORD_BYTES;
use crate::buffer::Buffer;
use crate::failure;
use crate::folder::Tail;
use crate::input::{End, Input};
use crate::split::{Splitter, Step};

/// Bytes read at once.
const CHUNK: usize = 256 << 10;

/// Where reading a file stands.
pub(crate) struct Cursor {
    input: Input,
    buffer: Buffer,
    splitter: Splitter,
    /// Offset of the first unread byte of the buffer.
    offset: u64,
    tail: Tail,
}

/// What the buffer gave.
enum Found {
    Record(StreamRecord),
    End,
}

impl Cursor {
    pub(crate) fn new(input: Input, offset: u64, tail: Tail) -> Self {
        Self {
            input,
            buffer: Buffer::default(),
            splitter: Splitter::default(),
            offset,
            tail,
        }
    }

    /// The next records within `limits`.
    pub(crate) fn fetch(&mut self, limits: BatchLimits) -> Result<Fetched, SourceError> {
        let mut records = Vec::new();
        let mut bytes = 0;
        let state = loop {
            match self.next_record() {
                Ok(Found::Record(record)) => {
                    bytes += record.data.len();
                    records.push(record);
                    if records.len() >= limits.records || bytes >= limits.bytes {
                        break ReaderState::More;
                    }
                }
                Ok(Found::End) => break ReaderState::CaughtUp,
                // What was read goes first; the next call meets the same failure.
                Err(_) if !records.is_empty() => break ReaderState::More,
                Err(error) => return Err(error),
            }
        };
        let behind = self.input.behind().ok();
        let unread = self.buffer.unread().len() as u64;
        Ok(Fetched {
            records,
            state,
            lag: behind.map(|behind| behind + unread),
        })
    }

    fn next_record(&mut self) -> Result<Found, SourceError> {
        self.input.reopen_if_grown()?;
        loop {
            if let Some(record) = self.split(false)? {
                return Ok(Found::Record(record));
            }
            let input = &mut self.input;
            let read = self.buffer.fill(CHUNK, |into| input.read(into));
            match read {
                Ok(0) => return self.at_end(),
                Ok(_) => {}
                Err(error) => return Err(self.input.failure(&error)),
            }
        }
    }

    /// Takes the next record from the buffer, if it holds a whole one.
    fn split(&mut self, last: bool) -> Result<Option<StreamRecord>, SourceError> {
        let step = self.splitter.step(self.buffer.unread(), last);
        let Step::Record(range) = step else {
            let blank = self.splitter.release();
            self.advance(blank);
            return match self.buffer.unread().len() > MAX_RECORD_BYTES {
                true => Err(self.too_long(0)),
                false => Ok(None),
            };
        };
        if range.len() > MAX_RECORD_BYTES {
            return Err(self.too_long(range.start));
        }
        let data = Plaintext::new(self.buffer.unread()[range.clone()].to_vec());
        self.advance(range.end);
        let sequence = SequenceNumber::from(self.offset);
        Ok(Some(StreamRecord { sequence, data }))
    }

    /// At the end of the bytes there are: an unfinished record is waited for, delivered, or a
    /// sign of a file that was cut.
    fn at_end(&mut self) -> Result<Found, SourceError> {
        let deliver = match (self.input.end()?, self.tail) {
            // A finished gzip file does not go on in the middle of a record.
            (End::GzipWhole, _) | (End::Plain, Tail::Deliver) => true,
            (End::Plain | End::GzipCut, Tail::Wait) => false,
            (End::GzipCut, Tail::Deliver) => {
                return Err(failure::permanent(format!(
                    "{} is an incomplete gzip file, readable up to offset {}: wait until it is \
                     written, or replace it by an intact copy",
                    self.input.path().display(),
                    self.offset
                )));
            }
        };
        if deliver && let Some(record) = self.split(true)? {
            return Ok(Found::Record(record));
        }
        Ok(Found::End)
    }

    fn advance(&mut self, count: usize) {
        self.buffer.take(count);
        self.offset += count as u64;
    }

    fn too_long(&self, blank: usize) -> SourceError {
        failure::permanent(format!(
            "the record at offset {} of {} is longer than {MAX_RECORD_BYTES} bytes and cannot be \
             kept in quarantine: cut it out of the file",
            self.offset + blank as u64,
            self.input.path().display(),
        ))
    }
}
