//! Records out of any stream of bytes, plain or gzip, for looking at them once. Owns telling the
//! two apart; where a record ends is the splitter's to say, as for files.

use std::io::{self, BufRead, BufReader, Read};

use fieldseal_model::{Plaintext, SequenceNumber};
use fieldseal_pipeline::StreamRecord;
use flate2::bufread::MultiGzDecoder;

use crate::MAX_RECORD_BYTES;
use crate::buffer::Buffer;
use crate::split::{Splitter, Step};

/// Bytes read at once.
const CHUNK: usize = 256 << 10;

/// The first two bytes of gzip data (RFC 1952, section 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The records of a stream, in order, split as those of a file are; what is left unfinished at
/// the end is a record too, a broken one.
pub struct RecordStream {
    input: Box<dyn Read>,
    buffer: Buffer,
    splitter: Splitter,
    /// Offset of the first unread byte of the buffer.
    offset: u64,
    ended: bool,
}

impl RecordStream {
    /// The records in `input`, which is taken for gzip data if it begins like it.
    ///
    /// # Errors
    /// The error of the first read.
    pub fn new(input: impl Read + 'static) -> io::Result<Self> {
        let mut input = BufReader::with_capacity(CHUNK, input);
        let gzip = input.fill_buf()?.starts_with(&GZIP);
        let input: Box<dyn Read> = if gzip {
            Box::new(MultiGzDecoder::new(input))
        } else {
            Box::new(input)
        };
        Ok(Self {
            input,
            buffer: Buffer::default(),
            splitter: Splitter::default(),
            offset: 0,
            ended: false,
        })
    }

    fn read(&mut self) -> io::Result<Option<StreamRecord>> {
        loop {
            match self.splitter.step(self.buffer.unread(), self.ended) {
                Step::Record(range) => {
                    let data = Plaintext::new(self.buffer.unread()[range.clone()].to_vec());
                    self.advance(range.end);
                    let sequence = SequenceNumber::from(self.offset);
                    return Ok(Some(StreamRecord { sequence, data }));
                }
                Step::More => {
                    let blank = self.splitter.release();
                    self.advance(blank);
                }
            }
            if self.ended {
                return Ok(None);
            }
            if self.buffer.unread().len() > MAX_RECORD_BYTES {
                let text = format!(
                    "the record at offset {} is longer than {MAX_RECORD_BYTES} bytes",
                    self.offset
                );
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            let input = &mut self.input;
            self.ended = self.buffer.fill(CHUNK, |into| input.read(into))? == 0;
        }
    }

    fn advance(&mut self, count: usize) {
        self.buffer.take(count);
        self.offset += count as u64;
    }
}

impl Iterator for RecordStream {
    type Item = io::Result<StreamRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read();
        if read.is_err() {
            // Nothing behind a failure can be told apart.
            self.ended = true;
            self.buffer.take(self.buffer.unread().len());
            self.splitter = Splitter::default();
        }
        read.transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::RecordStream;

    const BYTES: &[u8] = b"{\"a\":1}\n{\"b\":{}} {\"c\"\n{\"d\":2}\n{\"e\":";

    fn records(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
        RecordStream::new(Cursor::new(bytes.to_vec()))
            .unwrap()
            .map(|record| record.unwrap())
            .map(|record| {
                (
                    record.sequence.as_str().to_owned(),
                    record.data.expose().to_vec(),
                )
            })
            .collect()
    }

    #[test]
    fn plain_and_gzip_bytes_give_the_same_records() {
        let plain = records(BYTES);
        let texts: Vec<&[u8]> = plain.iter().map(|(_, data)| data.as_slice()).collect();
        let expected: [&[u8]; 5] = [
            b"{\"a\":1}",
            b"{\"b\":{}}",
            b"{\"c\"",
            b"{\"d\":2}",
            b"{\"e\":",
        ];
        assert_eq!(texts, expected);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(BYTES).unwrap();
        assert_eq!(records(&gzip.finish().unwrap()), plain);
    }

    #[test]
    fn nothing_and_white_space_hold_no_record() {
        assert!(records(b"").is_empty());
        assert!(records(b" \n\t").is_empty());
    }

    #[test]
    fn a_stream_that_is_cut_ends_with_an_error() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(BYTES).unwrap();
        let mut bytes = gzip.finish().unwrap();
        bytes.truncate(bytes.len() - 9);
        let mut stream = RecordStream::new(Cursor::new(bytes)).unwrap();
        assert!(stream.any(|record| record.is_err()));
        assert!(stream.next().is_none());
    }
}
