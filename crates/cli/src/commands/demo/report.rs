//! What the demo found, for people and for machines. Owns which findings make it hold.

use std::path::Path;

use serde_json::json;

use crate::args::DemoArgs;

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

    pub(crate) fn print(&self, args: &DemoArgs, dir: &Path) {
        if args.json {
            println!("{}", self.json());
        } else {
            self.print_text(dir);
        }
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

    fn print_text(&self, dir: &Path) {
        let mark = |ok: bool| if ok { "ok    " } else { "FAILED" };
        println!();
        println!(
            "{} {} of {} rows are in the target, {} of them equal to the shop's",
            mark(self.rows_are_equal()),
            self.rows_target,
            self.rows_expected,
            self.rows_equal
        );
        println!(
            "{} {} planted values: {} hits in {} MB outside source/, {} found inside it",
            mark(self.nothing_in_clear()),
            self.needles,
            self.plaintext_hits,
            self.bytes_searched / 1_000_000,
            self.needles_in_source
        );
        println!(
            "{} {} records in quarantine (the broken one, and the one with an unlisted column)",
            mark(self.quarantined == self.quarantined_expected),
            self.quarantined
        );
        println!(
            "{} a customer was found by e-mail through the blind index",
            mark(self.lookup_ok)
        );
        println!();
        println!(
            "{} records in {:.1} s: {:.0} records/s under {} data keys",
            self.records,
            self.seconds,
            self.records_per_second(),
            self.data_keys
        );
        println!();
        println!("Everything is in {}:", dir.display());
        println!("  source/          DMS's output, in clear");
        println!("  target.db        the sealed database; open it with any SQLite browser");
        println!("  quickstart.toml  the policy");
        println!("  root.key         the root key: losing it loses the data");
        println!("Try:");
        let config = dir.join("quickstart.toml");
        println!("  fieldseal status --config {}", config.display());
        println!("  fieldseal quarantine list --config {}", config.display());
        println!(
            "  fieldseal open --config {} --table shop.customers --key 1",
            config.display()
        );
    }
}
