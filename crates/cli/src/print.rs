//! What commands print to standard output: lines and columns. Owns alignment, JSON strings, and
//! what a closed pipe means; what is printed is the commands'.

use std::io::{self, BufWriter, StdoutLock, Write as _};
use std::path::Path;

use crate::exit::{Exit, Failure};

/// Standard output, line by line, buffered.
pub(crate) struct Lines {
    out: BufWriter<StdoutLock<'static>>,
}

impl Lines {
    /// Takes standard output over.
    pub(crate) fn new() -> Self {
        Self {
            out: BufWriter::new(io::stdout().lock()),
        }
    }

    /// Prints a line.
    pub(crate) fn line(&mut self, line: impl AsRef<[u8]>) -> Result<(), Failure> {
        let written = self.out.write_all(line.as_ref());
        closed(written.and_then(|()| self.out.write_all(b"\n")))
    }

    /// Makes sure that all of it has left.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        closed(self.out.flush())
    }
}

/// Prints one line at once: for commands that say little, or that work between two lines. Unlike
/// `println!` it does not panic when whoever reads has gone.
pub(crate) fn say(line: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    closed(writeln!(out, "{line}").and_then(|()| out.flush()))
}

fn closed(result: io::Result<()>) -> Result<(), Failure> {
    result.map_err(|error| Failure::new(Exit::Failed, format!("standard output: {}", error.kind())))
}

/// A number with its noun, which takes an s unless there is one.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{s}")
}

/// A number of bytes for people, with at most four digits.
pub(crate) fn bytes(count: u64) -> String {
    let mut units = ["bytes", "kB", "MB", "GB"].into_iter();
    let (mut rest, mut unit) = (count, units.next());
    while rest >= 10_000 {
        let Some(larger) = units.next() else { break };
        rest /= 1_000;
        unit = Some(larger);
    }
    format!("{rest} {}", unit.unwrap_or_default())
}

/// A path as one word of a shell's command line.
pub(crate) fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |char: char| char.is_alphanumeric() || "/._-+=:,@%".contains(char);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// A text as JSON.
pub(crate) fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A name that comes out of a record or a file, safe on a terminal.
pub(crate) fn safe(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for char in name.chars() {
        // What turns a line around or hides in it is no better than a control character.
        let hidden = matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if char.is_control() || hidden {
            out.extend(char.escape_default());
        } else {
            out.push(char);
        }
    }
    out
}

/// Rows under a heading, numbers to the right.
pub(crate) fn columns(heading: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let widths: Vec<usize> = heading
        .iter()
        .enumerate()
        .map(|(column, title)| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([title.chars().count()]).max().unwrap_or(0)
        })
        .collect();
    let to_the_right: Vec<bool> = (0..heading.len())
        .map(|column| !rows.is_empty() && rows.iter().all(|row| is_number(&row[column])))
        .collect();
    let line = |cells: Vec<&str>| {
        let mut line = String::new();
        for (column, cell) in cells.into_iter().enumerate() {
            let blanks = " ".repeat(widths[column].saturating_sub(cell.chars().count()));
            if column > 0 {
                line.push_str("  ");
            }
            if to_the_right[column] {
                line.push_str(&blanks);
                line.push_str(cell);
            } else {
                line.push_str(cell);
                line.push_str(&blanks);
            }
        }
        line.trim_end().to_owned()
    };
    let titles = line(heading.to_vec());
    let rows = rows
        .iter()
        .map(|row| line(row.iter().map(String::as_str).collect()));
    [titles].into_iter().chain(rows).collect()
}

fn is_number(cell: &str) -> bool {
    cell == "-" || (!cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{bytes, columns, safe, shell_word};

    #[test]
    fn bytes_keep_two_digits_at_least() {
        let cases = [
            (0, "0 bytes"),
            (9_999, "9999 bytes"),
            (10_000, "10 kB"),
            (411_226, "411 kB"),
            (12_345_678, "12 MB"),
            (u64::MAX, "18446744073 GB"),
        ];
        for (count, text) in cases {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn a_path_is_one_word() {
        assert_eq!(shell_word(Path::new("a/b.toml")), "a/b.toml");
        assert_eq!(shell_word(Path::new("my shop/b")), "'my shop/b'");
        assert_eq!(shell_word(Path::new("it's")), r"'it'\''s'");
        assert_eq!(shell_word(Path::new("$HOME")), "'$HOME'");
    }

    #[test]
    fn numbers_stand_to_the_right_and_texts_to_the_left() {
        let rows = [
            vec!["customers".to_owned(), "7".to_owned()],
            vec!["ö".to_owned(), "1234".to_owned()],
        ];
        let lines = columns(&["table", "rows"], &rows);
        assert_eq!(
            lines,
            ["table      rows", "customers     7", "ö          1234"]
        );
    }

    #[test]
    fn names_cannot_move_the_cursor() {
        assert_eq!(safe("größe\u{1b}[2J\n"), "größe\\u{1b}[2J\\n");
    }
}
