//! What the demo found, for people and for machines. Owns which findings make it hold.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::args::DemoArgs;
use crate::exit::Failure;
use crate::print::{bytes, say, shell_word};

/// Everything the demo counts.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) records: u64,
    pub(crate) rows_expected: u64,
    pub(crate) rows_target: u64,
    pub(crate) rows_equal: u64,
    pub(crate) needles: u64,
    pub(crate) needles_in_source: u64,
    pub(crate) plaintext_hits: u64,
    pub(crate) bytes_searched: u64,
    pub(crate) quarantined: u64,
    pub(crate) quarantined_expected: u64,
    pub(crate) lookup_ok: bool,
    pub(crate) data_keys: u64,
    /// Of the pipeline alone.
    pub(crate) seconds: f64,
    pub(crate) seconds_total: f64,
}

impl Report {
    /// Whether every claim holds.
    pub(crate) fn holds(&self) -> bool {
        self.rows_are_equal()
            && self.nothing_in_clear()
            && self.quarantined == self.quarantined_expected
            && self.lookup_ok
    }

    fn rows_are_equal(&self) -> bool {
        self.rows_expected > 0
            && self.rows_target == self.rows_expected
            && self.rows_equal == self.rows_expected
    }

    /// A search that could not find the values where they are proves nothing.
    fn nothing_in_clear(&self) -> bool {
        self.plaintext_hits == 0 && self.needles > 0 && self.needles_in_source == self.needles
    }

    fn records_per_second(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let records = self.records as f64;
        records / self.seconds.max(0.001)
    }

    fn rows_per_second(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rows = self.rows_target as f64;
        rows / self.seconds.max(0.001)
    }

    pub(crate) fn print(&self, args: &DemoArgs, dir: &Path) -> Result<(), Failure> {
        if args.json {
            return say(&self.json().to_string());
        }
        say(&self.claims())?;
        say(&where_everything_is(dir))
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "holds": self.holds(),
            "records": self.records,
            "rows_expected": self.rows_expected,
            "rows_target": self.rows_target,
            "rows_equal": self.rows_equal,
            "needles": self.needles,
            "needles_in_source": self.needles_in_source,
            "plaintext_hits": self.plaintext_hits,
            "bytes_searched": self.bytes_searched,
            "quarantined": self.quarantined,
            "quarantined_expected": self.quarantined_expected,
            "lookup_ok": self.lookup_ok,
            "data_keys": self.data_keys,
            "seconds": self.seconds,
            "seconds_total": self.seconds_total,
            "rows_per_second": self.rows_per_second(),
            "records_per_second": self.records_per_second(),
        })
    }

    fn claims(&self) -> String {
        let mark = |ok: bool| if ok { "ok    " } else { "FAILED" };
        format!(
            "\n{} {} of {} rows are in the target, {} of them equal to the shop's\n\
             {} {} planted values: {} hits in {} outside source/, {} found inside it\n\
             {} {} records in quarantine (the broken one, and the one with an unlisted column)\n\
             {} a customer was found by e-mail through the blind index\n\n\
             {} records in {:.1} s: {:.0} records/s under {} data keys\n",
            mark(self.rows_are_equal()),
            self.rows_target,
            self.rows_expected,
            self.rows_equal,
            mark(self.nothing_in_clear()),
            self.needles,
            self.plaintext_hits,
            bytes(self.bytes_searched),
            self.needles_in_source,
            mark(self.quarantined == self.quarantined_expected),
            self.quarantined,
            mark(self.lookup_ok),
            self.records,
            self.seconds,
            self.records_per_second(),
            self.data_keys
        )
    }
}

/// The folder, and commands that work as they stand: the binary may not be on the PATH.
fn where_everything_is(dir: &Path) -> String {
    let binary = std::env::args_os().next().map(PathBuf::from);
    let binary = shell_word(binary.as_deref().unwrap_or(Path::new("fieldseal")));
    let config = shell_word(&dir.join("quickstart.toml"));
    format!(
        "Everything is in {}:\n  \
           source/          DMS's output, in clear\n  \
           target.db        the sealed database; open it with any SQLite browser\n  \
           quickstart.toml  the policy\n  \
           root.key         the root key: losing it loses the data\n\
         Try:\n  \
           {binary} status --config {config}\n  \
           {binary} quarantine list --config {config}\n  \
           {binary} open --config {config} --table shop.customers --key 1",
        dir.display()
    )
}

#[cfg(test)]
mod tests {
    use super::Report;

    fn holding() -> Report {
        Report {
            rows_expected: 9,
            rows_target: 9,
            rows_equal: 9,
            needles: 5,
            needles_in_source: 5,
            quarantined: 2,
            quarantined_expected: 2,
            lookup_ok: true,
            ..Report::default()
        }
    }

    #[test]
    fn one_claim_that_does_not_hold_is_enough() {
        assert!(holding().holds());
        let broken: [fn(&mut Report); 9] = [
            |report| report.rows_expected = 8,
            |report| report.rows_target = 10,
            |report| report.rows_equal = 8,
            |report| report.plaintext_hits = 1,
            |report| report.needles_in_source = 4,
            |report| (report.needles, report.needles_in_source) = (0, 0),
            |report| report.quarantined = 1,
            |report| report.quarantined = 3,
            |report| report.lookup_ok = false,
        ];
        for (number, spoil) in broken.iter().enumerate() {
            let mut report = holding();
            spoil(&mut report);
            assert!(!report.holds(), "case {number}");
        }
        assert!(!Report::default().holds(), "nothing is no proof");
    }
}
