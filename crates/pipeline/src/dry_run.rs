//! What a policy would make of a record, told with no target, no keys and no database. Owns the
//! assumptions that stand in for them; the planning itself is the same as in a run.

use fieldseal_dms::{DecodeError, Record};
use fieldseal_envelope::{DataKey, IndexKey, NoRandomness};
use fieldseal_model::{
    Change, Engine, Epoch, Generation, Kind, Operation, Position, RowVersion, SequenceNumber,
};
use fieldseal_policy::{Absent, Policy, Table, Treatment};

use crate::plan::{PlanStop, Planned, Planner};
use crate::{
    Capture, ColumnRole, GenerationLabel, Labels, Mark, TableLabels, TableLayout, TargetColumn,
    TargetType,
};

/// Plans records against a policy alone: every target column holds whatever comes, takes NULL,
/// and every table has a generation that is open from the start. So a record that is refused
/// here is refused in a run; one that is applied here may still not fit a target's column.
pub struct DryRun {
    /// Kept columns are planned as if they were dropped: which cells they take is for the
    /// target's column to say.
    planner: Planner,
    /// By table, the kept columns that every row must have.
    required: Vec<Vec<String>>,
    labels: Labels,
    /// The highest position so far, to notice binlog files that count backwards.
    high: Option<Position>,
}

/// What would become of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// It goes through the guard.
    Applied,
    /// Counted, and nothing else: a control record.
    Noted,
    /// Counted and left out: DMS's own tables, and tables that the policy skips.
    Skipped,
    /// Kept sealed, for this reason; the column only where the policy knows it.
    Quarantined {
        /// Why.
        reason: &'static str,
        /// Which column is at fault.
        column: Option<&'a str>,
    },
    /// The shard stops before it.
    Stops {
        /// Why.
        reason: &'static str,
    },
}

impl DryRun {
    /// A dry run of `policy`.
    ///
    /// # Errors
    /// [`NoRandomness`] when the kernel gives none.
    pub fn new(policy: &Policy) -> Result<Self, NoRandomness> {
        let required = policy.tables().iter().map(required).collect();
        let tables: Vec<Table> = policy.tables().iter().map(without_kept).collect();
        let layouts: Vec<TableLayout> = tables.iter().map(TableLayout::of).collect();
        let targets = tables
            .iter()
            .zip(&layouts)
            .map(|(table, layout)| permissive(table, layout))
            .collect();
        // Whether a value has a normal form does not depend on the key; the index is thrown away.
        let key = DataKey::generate()?;
        let mut planner = Planner::new(policy, layouts, targets, |domain, column, blind| {
            IndexKey::derive(&key, domain, column, &blind.name, &blind.definition)
        });
        for (plan, table) in planner.tables.iter_mut().zip(tables) {
            plan.table = table;
        }
        let labels = Labels {
            epochs: vec![(Epoch(1), Mark::Start)],
            tables: policy.tables().iter().map(labels_of).collect(),
        };
        Ok(Self {
            planner,
            required,
            labels,
            high: None,
        })
    }

    /// What would become of the next record of the shard, as it was decoded.
    pub fn verdict(&mut self, decoded: &Result<Record, DecodeError>) -> Verdict<'_> {
        let change = match decoded {
            Ok(Record::Row(change)) => change,
            Ok(Record::Control(control)) => {
                return match self
                    .planner
                    .table_number(&control.table.schema, &control.table.table)
                {
                    Some(_) => Verdict::Noted,
                    None => Verdict::Skipped,
                };
            }
            Ok(Record::Internal(_)) => return Verdict::Skipped,
            Err(error) => {
                return Verdict::Quarantined {
                    reason: error.reason(),
                    column: None,
                };
            }
        };
        // One shard is dry-run at a time, so that the place in it decides nothing here.
        let planned = self
            .planner
            .plan(change, &SequenceNumber::start(), &self.labels);
        if let Some(order) = change.order {
            let fell = order.engine == Engine::MySql
                && self
                    .high
                    .is_some_and(|high| order.position.file() < high.file());
            if fell && !matches!(planned, Planned::Stop(_)) {
                let reason = "binlog-file-fell-back";
                return Verdict::Stops { reason };
            }
            self.high = self.high.max(Some(order.position));
        }
        match planned {
            Planned::Rows { .. } => match self.missing(change) {
                Some(column) => Verdict::Quarantined {
                    reason: "column-absent",
                    column: Some(column),
                },
                None => Verdict::Applied,
            },
            Planned::Ignored => Verdict::Skipped,
            Planned::Stop(PlanStop::UnlistedTable(_)) => Verdict::Stops {
                reason: "unlisted-table",
            },
            Planned::Stop(PlanStop::OtherEngine) => Verdict::Stops {
                reason: "other-engine",
            },
            Planned::Quarantine(refusal) => Verdict::Quarantined {
                reason: refusal.reason,
                column: refusal
                    .table
                    .zip(refusal.column)
                    .and_then(|(table, column)| self.column(table, &column)),
            },
        }
    }

    /// The first kept column that the row must have and lacks.
    fn missing(&self, change: &Change) -> Option<&str> {
        let table = self.planner.table_of(change)?;
        let lacks = |name: &&String| change.row.get(name).is_none();
        (change.operation != Operation::Delete)
            .then(|| self.required[table].iter().find(lacks))?
            .map(String::as_str)
    }

    /// The policy's own spelling of a column's name.
    fn column(&self, table: usize, name: &str) -> Option<&str> {
        let table = &self.planner.tables[table].table;
        let key = table.key_column(name).map(|column| column.name.as_str());
        key.or_else(|| table.column(name).map(|column| column.name.as_str()))
    }
}

fn required(table: &Table) -> Vec<String> {
    let kept = table
        .columns
        .iter()
        .filter(|column| matches!(column.treatment, Treatment::Keep));
    kept.filter(|column| column.absent == Absent::Quarantine)
        .map(|column| column.name.clone())
        .collect()
}

fn without_kept(table: &Table) -> Table {
    let mut table = table.clone();
    for column in &mut table.columns {
        if matches!(column.treatment, Treatment::Keep) {
            column.treatment = Treatment::Drop;
        }
    }
    table
}

/// Target columns that hold whatever the policy puts there.
fn permissive(table: &Table, layout: &TableLayout) -> Vec<TargetColumn> {
    let column = |(name, role): &(String, ColumnRole)| TargetColumn {
        name: name.clone(),
        ty: match role {
            ColumnRole::Key(number) => of_key(table.key[*number].ty.kind),
            ColumnRole::Sealed(_) | ColumnRole::Index(..) => TargetType::Bytes { max: None },
            ColumnRole::Mask(..) | ColumnRole::Keep(_) => text(),
        },
        nullable: true,
    };
    layout.columns.iter().map(column).collect()
}

/// The widest type for a key of this kind.
fn of_key(kind: Kind) -> TargetType {
    match kind {
        Kind::Integer => TargetType::Integer {
            min: i64::MIN.into(),
            max: u64::MAX.into(),
        },
        Kind::Bytes | Kind::Uuid => TargetType::Bytes { max: None },
        // Decimals, dates and times have a text form that text can hold.
        _ => text(),
    }
}

const fn text() -> TargetType {
    TargetType::Text {
        max_chars: None,
        max_bytes: None,
        fixed: false,
        nul: true,
    }
}

fn labels_of(table: &Table) -> TableLabels {
    TableLabels {
        table: table.id.clone(),
        revision: 0,
        floor: RowVersion::ZERO,
        generations: vec![GenerationLabel {
            generation: Generation(1),
            epoch: Epoch(1),
            position: Position(0),
            capture: Capture::Unbroken,
            started: None,
            begin: Mark::Start,
            end: None,
        }],
    }
}

#[cfg(test)]
mod tests {
    use fieldseal_dms::decode;
    use fieldseal_policy::Policy;

    use super::{DryRun, Verdict};

    const POLICY: &str = r#"
        [source]
        id = "shop"
        engine = "mysql"
        files.dir = "source"
        [target]
        url = "sqlite://target.db"
        [keys]
        deployment = "demo"
        local.root_file = "root.key"
        [tables."shop.customers"]
        key = { id = "integer" }
        [tables."shop.customers".columns]
        email = { seal = "contact", kind = "text", index = [{ name = "exact", normalise = ["trim/1"], column = "bidx" }] }
        born = { seal = "identity", kind = "date" }
        active = "keep"
    "#;

    fn load(data: &str) -> String {
        format!(
            r#"{{"data":{data},"metadata":{{"timestamp":"2024-05-01T10:00:00.000000Z","record-type":"data","operation":"load","schema-name":"shop","table-name":"customers"}}}}"#
        )
    }

    #[test]
    fn verdicts_need_no_target_and_no_keys() {
        let mut dry_run = DryRun::new(&Policy::parse(POLICY).unwrap()).unwrap();
        let good = r#"{"id":1,"email":" a ","born":"2000-02-29","active":true}"#;
        let quarantined = |reason, column| Verdict::Quarantined { reason, column };
        let cases = [
            (good.to_owned(), Verdict::Applied),
            (
                good.replace("02-29", "02-30"),
                quarantined("not-a-date", Some("born")),
            ),
            (
                good.replace(",\"active\":true", ""),
                quarantined("column-absent", Some("active")),
            ),
            (
                good.replace("\"id\":1", "\"id\":null"),
                quarantined("key-null", Some("id")),
            ),
            (
                good.replace("active", "other"),
                quarantined("unlisted-column", None),
            ),
        ];
        for (data, expected) in cases {
            let record = load(&data);
            let decoded = decode(record.as_bytes()).next().unwrap();
            assert_eq!(dry_run.verdict(&decoded.result), expected, "{data}");
        }
    }
}
