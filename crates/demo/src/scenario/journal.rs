//! The shop's binlog and its clock. Owns positions, transaction ids and timestamps.

use fieldseal_dms::mysql_stream_position;
use fieldseal_model::Position;

use crate::rng::Rng;

/// The name of the binlog files, without their number.
const BASE: &str = "mysql-bin-changelog";

/// 2026-03-01T08:00:00Z in microseconds.
const BEGINNING: u64 = 1_772_352_000_000_000;

/// A file is full at this offset.
const FULL: u32 = 500 << 20;

pub(super) struct Journal {
    file: u32,
    offset: u32,
    micros: u64,
    previous: Option<(u64, u32)>,
}

/// A transaction whose changes are being written.
pub(super) struct Transaction {
    position: Position,
    committed: String,
    record: u32,
}

/// What orders one change.
pub(super) struct Order {
    pub(super) id: u64,
    pub(super) record: u32,
    pub(super) previous: Option<(u64, u32)>,
    pub(super) committed: String,
    pub(super) stream_position: String,
}

impl Journal {
    pub(super) const fn new() -> Self {
        Self {
            file: 2171,
            offset: 4,
            micros: BEGINNING,
            previous: None,
        }
    }

    /// The time; a little later with each call.
    pub(super) fn now(&mut self, rng: &mut Rng) -> String {
        self.micros += 1 + rng.below(4_000);
        format!(
            "{}.{:06}Z",
            date_and_time(self.micros / 1_000_000),
            self.micros % 1_000_000
        )
    }

    /// Begins a transaction behind the last one; whether that is in a new file.
    pub(super) fn begin(&mut self) -> (Transaction, bool) {
        let full = self.offset > FULL;
        if full {
            self.rotate();
        }
        let transaction = Transaction {
            position: Position::mysql(self.file, self.offset),
            // Whole seconds, as MySQL keeps them.
            committed: format!("{}.000000Z", date_and_time(self.micros / 1_000_000)),
            record: 0,
        };
        self.offset += 79;
        (transaction, full)
    }

    /// The order of the transaction's next change.
    pub(super) fn record(&mut self, transaction: &mut Transaction, rng: &mut Rng) -> Order {
        transaction.record += 1;
        let (begin, event) = (transaction.position.offset() + 79, self.offset);
        self.offset += 120 + u32::try_from(rng.below(900)).unwrap_or_default();
        let id = transaction.position.0;
        let order = Order {
            id,
            record: transaction.record,
            previous: self.previous,
            committed: transaction.committed.clone(),
            stream_position: mysql_stream_position(
                BASE,
                transaction.position,
                begin,
                event,
                self.offset,
            ),
        };
        self.previous = Some((id, transaction.record));
        order
    }

    /// Begins the next binlog file.
    pub(super) const fn rotate(&mut self) {
        self.file += 1;
        self.offset = 4;
    }
}

/// `YYYY-MM-DDTHH:MM:SS` of a time since 1970, by the civil calendar.
fn date_and_time(seconds: u64) -> String {
    let (mut days, clock) = (seconds / 86_400, seconds % 86_400);
    let mut year = 1970;
    let in_year = |year: u64| {
        365 + u64::from(
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)),
        )
    };
    while days >= in_year(year) {
        days -= in_year(year);
        year += 1;
    }
    let february = in_year(year) - 337;
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let (hour, minute, second) = (clock / 3_600, clock / 60 % 60, clock % 60);
    format!(
        "{year}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}",
        days + 1
    )
}

#[cfg(test)]
mod tests {
    use super::{BEGINNING, date_and_time};

    #[test]
    fn the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_399, "2000-02-28T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),
            (1_735_689_599, "2024-12-31T23:59:59"),
            (BEGINNING / 1_000_000, "2026-03-01T08:00:00"),
        ] {
            assert_eq!(date_and_time(seconds), text);
        }
    }
}
