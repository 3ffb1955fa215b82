//! Where one record ends and the next begins. Owns the rules that keep one broken record from
//! swallowing the good ones behind it; reads braces and quotes only and never a value.
//!
//! A record that begins with `{` ends with the brace that closes it. A raw newline ends a string
//! (JSON allows none in it), so that a lost quote does no harm beyond its line. While an object
//! is open, a `{` outside strings begins a new record, and what came before it is a broken one,
//!
//! 1. when only white space stands between it and a `}` before it, which no JSON text allows;
//! 2. when it is the first byte of a line and `"` follows: how DMS's `json-unformatted` begins
//!    every record and how no object inside a record is written;
//! 3. when a newline, one tab and `"` follow: how DMS's `json` begins every record, as objects
//!    inside a record are indented further.
//!
//! Bytes that are no `{` where a record should begin are a broken record that ends at the next
//! newline, or sooner by rule 1 or 3. What begins where depends on the bytes from the record's
//! own beginning only: reading on from the end of any record gives the same records.

use std::ops::Range;

use memchr::{memchr2, memchr3};

/// What [`Splitter::step`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A record; the next step takes the bytes behind it.
    Record(Range<usize>),
    /// The bytes end before the record does.
    More,
}

/// Splits bytes that come in pieces.
#[derive(Default)]
pub(crate) struct Splitter {
    mode: Mode,
    /// Where the record begins, or how far there is only white space.
    start: usize,
    /// Everything before was looked at.
    at: usize,
    depth: usize,
    quoted: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Between,
    Object,
    Junk,
}

impl Splitter {
    /// Looks for the next record in `bytes`: the bytes behind the last record, those of earlier
    /// calls that ended in [`Step::More`] again among them. With `last`, no byte will follow and
    /// an unfinished record is a record.
    pub(crate) fn step(&mut self, bytes: &[u8], last: bool) -> Step {
        if self.mode == Mode::Between && !self.begin(bytes) {
            return Step::More;
        }
        let end = match self.mode {
            Mode::Object => self.object(bytes, last),
            Mode::Between | Mode::Junk => self.junk(bytes, last),
        };
        let end = match end {
            Some(end) => end,
            None if last => bytes.len(),
            None => return Step::More,
        };
        let start = self.start;
        let length = trim_end(&bytes[start..end]).len();
        *self = Self::default();
        Step::Record(start..start + length)
    }

    /// How many bytes before the record are only white space; they need not be kept. The next
    /// step takes the bytes without them.
    pub(crate) fn release(&mut self) -> usize {
        let blank = std::mem::take(&mut self.start);
        self.at -= blank;
        blank
    }

    /// Skips white space; whether a record begins behind it.
    fn begin(&mut self, bytes: &[u8]) -> bool {
        let left = &bytes[self.start..];
        let blank = left.iter().position(|byte| !is_space(*byte));
        self.start += blank.unwrap_or(left.len());
        self.at = self.start;
        match bytes.get(self.start) {
            None => return false,
            Some(b'{') => {
                self.mode = Mode::Object;
                self.depth = 1;
                self.at += 1;
            }
            Some(_) => self.mode = Mode::Junk,
        }
        true
    }

    /// The end of the open object, once it can be told.
    fn object(&mut self, bytes: &[u8], last: bool) -> Option<usize> {
        loop {
            let left = &bytes[self.at..];
            let found = if self.quoted {
                memchr3(b'"', b'\\', b'\n', left)
            } else {
                memchr3(b'"', b'{', b'}', left)
            };
            self.at += found.unwrap_or(left.len());
            match *bytes.get(self.at)? {
                b'"' => self.quoted = !self.quoted,
                b'\\' => match bytes.get(self.at + 1)? {
                    b'\n' => {}
                    _ => self.at += 1,
                },
                b'\n' => {
                    if let Some(brace) = self.brace_in_string(bytes)
                        && self.begins_record(bytes, brace, last)?
                    {
                        return Some(brace);
                    }
                    self.quoted = false;
                }
                b'{' => {
                    if self.begins_record(bytes, self.at, last)? {
                        return Some(self.at);
                    }
                    self.depth += 1;
                }
                _ => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(self.at + 1);
                    }
                }
            }
            self.at += 1;
        }
    }

    /// A `{` right before the newline that ended a string: a record cut off inside a string and
    /// the beginning of one behind it.
    fn brace_in_string(&self, bytes: &[u8]) -> Option<usize> {
        let line = &bytes[self.start..self.at];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        (line.len() > 1 && line.ends_with(b"{")).then(|| self.start + line.len() - 1)
    }

    /// The end of what is no object.
    fn junk(&mut self, bytes: &[u8], last: bool) -> Option<usize> {
        loop {
            let left = &bytes[self.at..];
            self.at += memchr2(b'\n', b'{', left).unwrap_or(left.len());
            if *bytes.get(self.at)? == b'\n' || self.begins_record(bytes, self.at, last)? {
                return Some(self.at);
            }
            self.at += 1;
        }
    }

    /// Whether the `{` at `brace`, which is not the first byte of its record, begins another;
    /// `None` when bytes are missing to tell.
    fn begins_record(&self, bytes: &[u8], brace: usize, last: bool) -> Option<bool> {
        let before = &bytes[self.start..brace];
        if trim_end(before).ends_with(b"}") && !self.quoted {
            return Some(true);
        }
        let after = &bytes[brace + 1..];
        if after.starts_with(b"\"") {
            return Some(before.ends_with(b"\n"));
        }
        let forms: [&[u8]; 2] = [b"\n\t\"", b"\r\n\t\""];
        if forms.iter().any(|form| after.starts_with(form)) {
            return Some(true);
        }
        let unsure = after.is_empty() || forms.iter().any(|form| form.starts_with(after));
        if unsure && !last { None } else { Some(false) }
    }
}

/// JSON's white space (RFC 8259, section 2), which is less than ASCII's.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn trim_end(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| !is_space(*byte));
    &bytes[..end.map_or(0, |at| at + 1)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Splitter, Step};

    /// The records of `bytes` when they come in pieces of the given lengths, over and over.
    fn split(bytes: &[u8], pieces: &[usize]) -> Vec<(usize, String)> {
        let mut splitter = Splitter::default();
        let (mut from, mut to) = (0, 0);
        let mut lengths = pieces.iter().cycle();
        let mut records = Vec::new();
        loop {
            let last = to == bytes.len();
            match splitter.step(&bytes[from..to], last) {
                Step::Record(range) => {
                    let record = &bytes[from + range.start..from + range.end];
                    from += range.end;
                    records.push((from, String::from_utf8_lossy(record).into_owned()));
                }
                Step::More if last => return records,
                Step::More => {
                    from += splitter.release();
                    to = bytes.len().min(to + lengths.next().unwrap());
                }
            }
        }
    }

    fn texts(bytes: &str) -> Vec<String> {
        let records = split(bytes.as_bytes(), &[usize::MAX]);
        records.into_iter().map(|(_, text)| text).collect()
    }

    const COMPACT: &str = r#"{"data":{"id":1,"n":"}{\"\\"},"metadata":{"x":[{},{}]}}"#;
    const PRETTY: &str = "{\n\t\"data\":\t{\n\t\t\"id\":\t1\n\t},\n\t\"control\":\t{\n\t}\n}";

    #[test]
    fn good_records_in_every_layout() {
        let crlf = PRETTY.replace('\n', "\r\n");
        for one in [
            COMPACT,
            PRETTY,
            crlf.as_str(),
            "{}",
            "{\"a\":\n  {\"b\": 1}}",
        ] {
            for between in ["", "\n", "\r\n", " \t\n\n"] {
                let bytes = format!("{between}{one}{between}{one}{between}{COMPACT}{between}");
                assert_eq!(texts(&bytes), [one, one, COMPACT], "{bytes}");
            }
        }
    }

    #[test]
    fn a_broken_record_costs_no_good_one() {
        let broken = [
            "not json",
            "}",
            "]",
            "\u{feff}",
            "{\"data\":{\"id\":1",
            "{\"data\":{\"id\":1}",
            "{\"data\":{\"name\":\"cut off",
            "{\"data\":{\"name\":\"cut off\\",
            "{\"data\":{\"name\":\"quote \" lost\"}}",
            "{\n\t\"data\":\t{\n\t\t\"id\":\t1,",
            "{\n\t\"data\":\t{\n\t\t\"na",
        ];
        for one in broken {
            let lines = format!("{COMPACT}\n{one}\n{COMPACT}\n{COMPACT}\n");
            assert_eq!(texts(&lines), [COMPACT, one, COMPACT, COMPACT]);
            let joined = format!("{PRETTY}{one}{PRETTY}{PRETTY}");
            assert_eq!(texts(&joined), [PRETTY, one, PRETTY, PRETTY]);
            let crlf = joined.replace('\n', "\r\n");
            assert_eq!(texts(&crlf).len(), 4, "{crlf:?}");
        }
    }

    #[test]
    fn a_lost_brace_in_joined_records() {
        let open = &COMPACT[..COMPACT.len() - 1];
        let joined = format!("{open}{COMPACT}}}{COMPACT}");
        assert_eq!(texts(&joined), [open, COMPACT, "}", COMPACT]);
    }

    #[test]
    fn an_unfinished_record_waits_until_the_end() {
        let mut splitter = Splitter::default();
        assert_eq!(splitter.step(b"  {\"a\":", false), Step::More);
        assert_eq!(splitter.release(), 2);
        assert_eq!(splitter.step(b"{\"a\":1", false), Step::More);
        assert_eq!(splitter.step(b"{\"a\":1", true), Step::Record(0..6));
    }

    fn piece() -> impl Strategy<Value = String> {
        prop_oneof![
            Just(COMPACT.to_owned()),
            Just(PRETTY.to_owned()),
            Just(PRETTY.replace('\n', "\r\n")),
            "[ \t\r\n]{0,3}",
            "[{}\"\\\\\n\r\t\x0c\0a:,é]{1,12}",
            any::<proptest::sample::Index>()
                .prop_map(|at| COMPACT[..at.index(COMPACT.len())].to_owned()),
            any::<proptest::sample::Index>()
                .prop_map(|at| PRETTY[..at.index(PRETTY.len())].to_owned()),
        ]
    }

    proptest! {
        #[test]
        fn pieces_and_restarts_make_no_difference(
            parts in proptest::collection::vec(piece(), 0..12),
            pieces in proptest::collection::vec(1_usize..40, 1..8),
        ) {
            let bytes = parts.concat().into_bytes();
            let whole = split(&bytes, &[usize::MAX]);
            prop_assert_eq!(&split(&bytes, &pieces), &whole);
            prop_assert_eq!(&split(&bytes, &[1]), &whole);
            // Nothing but white space lies outside the records.
            let kept: String = whole.iter().map(|(_, text)| text.as_str()).collect();
            let dense = |text: &str| text.replace([' ', '\t', '\r', '\n'], "");
            prop_assert_eq!(dense(&kept), dense(&parts.concat()));
            for (number, (end, _)) in whole.iter().enumerate() {
                let rest: Vec<_> = split(&bytes[*end..], &pieces)
                    .into_iter()
                    .map(|(at, text)| (at + end, text))
                    .collect();
                prop_assert_eq!(&rest[..], &whole[number + 1..]);
            }
        }
    }
}
