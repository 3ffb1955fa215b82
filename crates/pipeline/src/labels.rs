//! Which epoch and generation a record belongs to: fixed by where it stands in its shard, never
//! by when it is read (`docs/ORDERING.md`, point 3). Owns that one look-up.

use fieldseal_envelope::TableId;
use fieldseal_model::{Epoch, Generation, Position, RowVersion, SequenceNumber};

/// Where a label begins (or ends) in one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// From the shard's first record: it has no mark of its own and inherits, as children of a
    /// split and files that appear later do.
    Start,
    /// Behind this record.
    Behind(SequenceNumber),
    /// Nowhere in this shard: it was closed when the mark was made.
    Never,
}

impl Mark {
    /// Whether a record stands behind the mark.
    #[must_use]
    pub fn is_passed_by(&self, sequence: &SequenceNumber) -> bool {
        match self {
            Self::Start => true,
            Self::Behind(mark) => sequence > mark,
            Self::Never => false,
        }
    }
}

/// What a generation's beginning relied on (`docs/ORDERING.md`, point 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// The old task was stopped and everything it emitted lies before the marks.
    Stopped,
    /// Capture went on without a break: a table reload inside a running task.
    Unbroken,
}

/// One generation of one table, as seen from one shard.
#[derive(Clone, Debug)]
pub struct GenerationLabel {
    /// Its number.
    pub generation: Generation,
    /// The epoch it began in.
    pub epoch: Epoch,
    /// L: the source position when it began.
    pub position: Position,
    /// What its beginning relied on.
    pub capture: Capture,
    /// When DMS was told to start, ISO-8601 UTC as DMS writes it. `None`: not told yet, or a
    /// first load that nobody registered.
    pub started: Option<String>,
    /// Where it begins in this shard.
    pub begin: Mark,
    /// Where it ends in this shard, once it was completed.
    pub end: Option<Mark>,
}

/// Everything about one table that planning depends on.
#[derive(Clone, Debug)]
pub struct TableLabels {
    /// The table.
    pub table: TableId,
    /// Grows with every change of marks, floor or taint; a batch planned under another one is
    /// planned again.
    pub revision: i64,
    /// Below it nothing is accepted any more.
    pub floor: RowVersion,
    /// Generations in the order they began.
    pub generations: Vec<GenerationLabel>,
}

/// The labels of one shard.
#[derive(Clone, Debug)]
pub struct Labels {
    /// Epochs in order with where each begins; the first one begins at `Start`.
    pub epochs: Vec<(Epoch, Mark)>,
    /// Every table of the policy.
    pub tables: Vec<TableLabels>,
}

impl Labels {
    /// The epoch of the record at `sequence`.
    #[must_use]
    pub fn epoch_at(&self, sequence: &SequenceNumber) -> Epoch {
        self.epochs
            .iter()
            .rev()
            .find(|(_, mark)| mark.is_passed_by(sequence))
            .map_or(Epoch(1), |(epoch, _)| *epoch)
    }
}

impl TableLabels {
    /// The generation that a load at `sequence` belongs to: the last one that begins before it,
    /// unless that one ends before it too.
    #[must_use]
    pub fn generation_at(&self, sequence: &SequenceNumber) -> Option<&GenerationLabel> {
        let last = self
            .generations
            .iter()
            .rev()
            .find(|g| g.begin.is_passed_by(sequence))?;
        let ended = last
            .end
            .as_ref()
            .is_some_and(|end| end.is_passed_by(sequence));
        (!ended).then_some(last)
    }

    /// Whether a change proves that a generation's beginning was wrong: at or beyond L, yet made
    /// by the task that was said to have stopped, so that the floor could not clear it away.
    #[must_use]
    pub fn betrayed_by(
        &self,
        epoch: Epoch,
        position: Position,
        sequence: &SequenceNumber,
        stamp: &str,
    ) -> Option<&GenerationLabel> {
        // Only the newest: an older one is replaced by it, wrong or not.
        self.generations.last().filter(|g| {
            let before_start = g.started.as_deref().is_some_and(|started| stamp < started);
            g.capture == Capture::Stopped
                && g.epoch == epoch
                && position >= g.position
                && (!g.begin.is_passed_by(sequence) || before_start)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Capture, GenerationLabel, Labels, Mark, TableLabels};
    use fieldseal_envelope::TableId;
    use fieldseal_model::{Epoch, Generation, Position, RowVersion, SequenceNumber};

    fn at(offset: u64) -> SequenceNumber {
        SequenceNumber::from(offset)
    }

    fn generation(number: u32, begin: Mark, end: Option<Mark>) -> GenerationLabel {
        GenerationLabel {
            generation: Generation(number),
            epoch: Epoch(1),
            position: Position(100 * u64::from(number)),
            capture: Capture::Stopped,
            started: Some("2026-01-01T00:00:00.000000Z".to_owned()),
            begin,
            end,
        }
    }

    fn table(generations: Vec<GenerationLabel>) -> TableLabels {
        TableLabels {
            table: TableId::new("shop.customers").unwrap(),
            revision: 1,
            floor: RowVersion::ZERO,
            generations,
        }
    }

    #[test]
    fn a_record_has_the_label_of_its_place() {
        let table = table(vec![
            generation(1, Mark::Behind(at(10)), Some(Mark::Behind(at(40)))),
            generation(2, Mark::Behind(at(50)), None),
        ]);
        let number = |offset| table.generation_at(&at(offset)).map(|g| g.generation.0);
        assert_eq!(number(10), None);
        assert_eq!(number(11), Some(1));
        assert_eq!(number(40), Some(1));
        assert_eq!(number(41), None);
        assert_eq!(number(50), None);
        assert_eq!(number(51), Some(2));
    }

    #[test]
    fn shards_without_a_mark_inherit_and_closed_ones_never_pass() {
        let labels = |mark| Labels {
            epochs: vec![(Epoch(1), Mark::Start), (Epoch(2), mark)],
            tables: Vec::new(),
        };
        assert_eq!(labels(Mark::Start).epoch_at(&at(0)), Epoch(2));
        assert_eq!(labels(Mark::Never).epoch_at(&at(999)), Epoch(1));
        assert_eq!(labels(Mark::Behind(at(7))).epoch_at(&at(7)), Epoch(1));
        assert_eq!(labels(Mark::Behind(at(7))).epoch_at(&at(8)), Epoch(2));
    }

    #[test]
    fn a_change_of_the_stopped_task_beyond_l_betrays_the_generation() {
        let table = table(vec![generation(1, Mark::Behind(at(10)), None)]);
        let late = "2026-01-02T00:00:00.000000Z";
        let early = "2025-12-31T00:00:00.000000Z";
        let betrayed = |position, offset, stamp| {
            table
                .betrayed_by(Epoch(1), Position(position), &at(offset), stamp)
                .is_some()
        };
        assert!(!betrayed(99, 5, early));
        assert!(betrayed(100, 5, late));
        assert!(betrayed(150, 20, early));
        assert!(!betrayed(150, 20, late));
        assert!(
            table
                .betrayed_by(Epoch(2), Position(150), &at(5), early)
                .is_none()
        );
    }
}
