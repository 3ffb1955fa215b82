//! JSON in DMS's two spellings, which are those of the C library cJSON (`cJSON_Print` and
//! `cJSON_PrintUnformatted`). Owns commas, tabs and escapes.

use super::Spelling;

/// Writes one JSON object. The caller opens and closes in pairs.
pub(super) struct Writer {
    out: Vec<u8>,
    pretty: bool,
    depth: usize,
    /// Whether the innermost open object is still empty.
    fresh: bool,
}

impl Writer {
    pub(super) fn new(spelling: Spelling) -> Self {
        Self {
            out: Vec::with_capacity(1024),
            pretty: spelling == Spelling::Pretty,
            depth: 0,
            fresh: true,
        }
    }

    /// `{`. cJSON breaks the line even in an empty object.
    pub(super) fn open(&mut self) {
        self.out.push(b'{');
        if self.pretty {
            self.out.push(b'\n');
        }
        self.depth += 1;
        self.fresh = true;
    }

    pub(super) fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        if self.pretty {
            if !self.fresh {
                self.out.push(b'\n');
            }
            self.indent();
        }
        self.out.push(b'}');
        self.fresh = false;
    }

    /// A key, with the comma before it.
    pub(super) fn key(&mut self, name: &str) {
        if !self.fresh {
            self.out.push(b',');
            if self.pretty {
                self.out.push(b'\n');
            }
        }
        self.fresh = false;
        if self.pretty {
            self.indent();
        }
        self.text(name);
        self.out.push(b':');
        if self.pretty {
            self.out.push(b'\t');
        }
    }

    pub(super) fn text_field(&mut self, name: &str, text: &str) {
        self.key(name);
        self.text(text);
    }

    pub(super) fn number_field(&mut self, name: &str, number: u64) {
        self.key(name);
        self.raw(&number.to_string());
    }

    /// `["a", "b"]`: cJSON keeps arrays on one line, with a space only when formatted.
    pub(super) fn text_array(&mut self, items: &[&str]) {
        self.out.push(b'[');
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.raw(if self.pretty { ", " } else { "," });
            }
            self.text(item);
        }
        self.out.push(b']');
    }

    pub(super) fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// A string with cJSON's escapes: the short ones, `\u00xx` for other control characters,
    /// everything else as it is.
    pub(super) fn text(&mut self, text: &str) {
        self.out.push(b'"');
        for byte in text.bytes() {
            match byte {
                b'"' => self.raw("\\\""),
                b'\\' => self.raw("\\\\"),
                0x08 => self.raw("\\b"),
                0x0c => self.raw("\\f"),
                b'\n' => self.raw("\\n"),
                b'\r' => self.raw("\\r"),
                b'\t' => self.raw("\\t"),
                0..0x20 => self.raw(&format!("\\u{byte:04x}")),
                _ => self.out.push(byte),
            }
        }
        self.out.push(b'"');
    }

    /// A string of upper-case hexadecimal digits.
    pub(super) fn hex(&mut self, bytes: &[u8], prefix: bool) {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        self.raw(if prefix { "\"0x" } else { "\"" });
        for byte in bytes {
            self.out.push(DIGITS[usize::from(byte >> 4)]);
            self.out.push(DIGITS[usize::from(byte & 15)]);
        }
        self.out.push(b'"');
    }

    /// The bytes; `json-unformatted` ends in a newline.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if !self.pretty {
            self.out.push(b'\n');
        }
        self.out
    }

    fn indent(&mut self) {
        self.out.resize(self.out.len() + self.depth, b'\t');
    }
}
