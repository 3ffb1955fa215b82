//! Positions in the source's log. Owns their one number and how people write them.

use std::fmt;

use crate::Engine;

/// A place in the source's log, comparable within one epoch: MySQL binlog file number << 32 |
/// offset, or a PostgreSQL LSN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position(pub u64);

/// A text that is no position of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a position: MySQL positions are FILE:OFFSET (mysql-bin.000012:345), PostgreSQL ones are LSNs (0/16B3748)"
)]
pub struct InvalidPosition;

impl Position {
    /// A MySQL position.
    #[must_use]
    pub const fn mysql(file: u32, offset: u32) -> Self {
        // Lossless: both widen.
        Self(((file as u64) << 32) | offset as u64)
    }

    /// The binlog file number of a MySQL position.
    #[must_use]
    pub const fn file(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The offset of a MySQL position.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the low half is the offset"
    )]
    pub const fn offset(self) -> u32 {
        self.0 as u32
    }

    /// Reads what people and servers write: `mysql-bin.000012:345` or `0/16B3748`.
    ///
    /// # Errors
    /// [`InvalidPosition`] when `text` is not in the engine's form.
    pub fn parse(engine: Engine, text: &str) -> Result<Self, InvalidPosition> {
        match engine {
            Engine::MySql => Self::parse_mysql(text),
            Engine::Postgres => Self::parse_lsn(text),
        }
    }

    fn parse_mysql(text: &str) -> Result<Self, InvalidPosition> {
        let (file, offset) = text.rsplit_once(':').ok_or(InvalidPosition)?;
        let number = binlog_number(file).ok_or(InvalidPosition)?;
        let offset = digits(offset).ok_or(InvalidPosition)?;
        Ok(Self::mysql(number, offset))
    }

    fn parse_lsn(text: &str) -> Result<Self, InvalidPosition> {
        let (high, low) = text.split_once('/').ok_or(InvalidPosition)?;
        let half = |part: &str| {
            let hex = (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_hexdigit());
            hex.then(|| u64::from_str_radix(part, 16).ok())
                .flatten()
                .ok_or(InvalidPosition)
        };
        Ok(Self((half(high)? << 32) | half(low)?))
    }

    /// The position in the engine's own spelling.
    #[must_use]
    pub fn display(self, engine: Engine) -> impl fmt::Display {
        match engine {
            Engine::MySql => format!("{}:{}", self.file(), self.offset()),
            Engine::Postgres => format!("{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff),
        }
    }
}

/// The number at the end of a binlog file's name (`mysql-bin-changelog.002171`), or the whole
/// name where it is only digits.
fn binlog_number(file: &str) -> Option<u32> {
    digits(file.rsplit_once('.').map_or(file, |(_, number)| number))
}

fn digits(text: &str) -> Option<u32> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::Position;
    use crate::Engine;

    #[test]
    fn mysql_positions() {
        let position =
            Position::parse(Engine::MySql, "mysql-bin-changelog.002171:36912135").unwrap();
        assert_eq!(position, Position(9_324_410_911_751));
        assert_eq!(position.display(Engine::MySql).to_string(), "2171:36912135");
        assert_eq!(
            Position::parse(Engine::MySql, "2171:36912135").unwrap(),
            position
        );
        for bad in [
            "",
            "2171",
            "bin.:4",
            "bin.12:",
            "bin.12:x",
            "bin.12:99999999999",
            "bin.x:4",
        ] {
            assert!(Position::parse(Engine::MySql, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn lsns() {
        let position = Position::parse(Engine::Postgres, "00000002/7C007328").unwrap();
        assert_eq!(position.0, 0x0000_0002_7c00_7328);
        assert_eq!(position.display(Engine::Postgres).to_string(), "2/7C007328");
        for bad in ["", "2", "2/", "/2", "+2/3", "123456789/0", "x/0"] {
            assert!(Position::parse(Engine::Postgres, bad).is_err(), "{bad}");
        }
    }
}
