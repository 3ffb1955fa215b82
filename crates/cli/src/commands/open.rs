//! `fieldseal open`: rows in plaintext, for emergencies. Owns their form as JSON lines.

use fieldseal::reader::{OpenedCell, OpenedRow, ReadError, Reader};
use fieldseal_model::{Kind, Value};
use fieldseal_policy::{Table, Treatment};

use crate::args::OpenArgs;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::print::{Lines, counted, json_text};
use crate::progress::Counting;
use crate::wiring::Wired;

/// Rows opened at once.
const PAGE: u32 = 500;

pub(crate) async fn open(args: &OpenArgs) -> Result<Exit, Failure> {
    let wired = Wired::open(Config::read(&args.config.config)?).await?;
    let vault = wired.vault();
    let table = wired.config.table(&args.table)?;
    eprintln!(
        "WARNING: what follows on standard output is plaintext of {}",
        table.id
    );
    let mut printed = Printed {
        scales: scales(table),
        lines: Lines::new(),
        failures: 0,
    };
    if args.key.is_empty() {
        print_pages(&vault, table, args, &mut printed).await?;
    } else {
        let row = vault.by_key(table, &args.key).await;
        let row = row.map_err(|error| failed(&error))?.ok_or_else(|| {
            Failure::new(
                Exit::NotAsItShouldBe,
                format!("table {} has no row with this key", table.id),
            )
        })?;
        printed.row(&row)?;
    }
    printed.lines.finish()?;
    if printed.failures > 0 {
        eprintln!("{} did not open", counted(printed.failures, "cell"));
        return Ok(Exit::NotAsItShouldBe);
    }
    Ok(Exit::Done)
}

async fn print_pages(
    vault: &Reader,
    table: &Table,
    args: &OpenArgs,
    printed: &mut Printed<'_>,
) -> Result<(), Failure> {
    let mut after = (!args.after.is_empty()).then(|| args.after.clone());
    let mut left = args.limit.unwrap_or(u64::MAX);
    let mut opened = 0;
    let mut counting = Counting::unless_seen("opening", "rows");
    while left > 0 {
        let limit = u32::try_from(left).map_or(PAGE, |left| left.min(PAGE));
        let rows = vault.page(table, after.as_deref(), limit).await;
        let rows = rows.map_err(|error| failed(&error))?;
        for row in &rows {
            printed.row(row)?;
        }
        opened += rows.len() as u64;
        if let Some(counting) = &mut counting {
            counting.reached(opened);
        }
        let Some(last) = rows.last().filter(|_| rows.len() == limit as usize) else {
            break;
        };
        after = Some(key_of(last)?);
        left -= rows.len() as u64;
    }
    Ok(())
}

/// The texts of a row's key columns, to read on behind it.
fn key_of(row: &OpenedRow) -> Result<Vec<String>, Failure> {
    row.cells[..row.keys]
        .iter()
        .map(|(_, cell)| match cell {
            OpenedCell::Kept(text) => Some(String::from_utf8_lossy(text.expose()).into_owned()),
            _ => None,
        })
        .collect::<Option<_>>()
        .ok_or_else(|| {
            Failure::new(
                Exit::NotAsItShouldBe,
                "a key column is NULL, so the rows behind it cannot be found",
            )
        })
}

fn failed(error: &ReadError) -> Failure {
    match error {
        ReadError::Database { source, .. } => Failure::database(&error.to_string(), source),
        ReadError::OddKey { .. } => Failure::new(
            Exit::Usage,
            format!("{error}; give --key, or --after, once for each of its columns in this order"),
        ),
        _ => Failure::new(Exit::NotAsItShouldBe, error.to_string()),
    }
}

/// Rows on their way out.
struct Printed<'a> {
    scales: Vec<(&'a str, u32)>,
    lines: Lines,
    failures: u64,
}

impl Printed<'_> {
    fn row(&mut self, row: &OpenedRow) -> Result<(), Failure> {
        let mut line = String::from("{");
        for (number, (name, cell)) in row.cells.iter().enumerate() {
            if number > 0 {
                line.push(',');
            }
            line.push_str(&json_text(name));
            line.push(':');
            line.push_str(&self.cell_json(name, cell));
            self.failures += u64::from(matches!(cell, OpenedCell::Failed(_)));
        }
        line.push('}');
        self.lines.line(line)
    }

    fn cell_json(&self, column: &str, cell: &OpenedCell) -> String {
        match cell {
            OpenedCell::Null => "null".to_owned(),
            OpenedCell::Kept(text) => json_text(&String::from_utf8_lossy(text.expose())),
            OpenedCell::Opened(value) => {
                let of_column = self.scales.iter().find(|(name, _)| *name == column);
                value_json(value, of_column.map_or(0, |(_, scale)| *scale))
            }
            OpenedCell::Failed(failure) => {
                format!("{{\"error\":{}}}", json_text(&failure.to_string()))
            }
        }
    }
}

/// How many digits behind the point the decimals of sealed columns have, where the policy says so.
fn scales(table: &Table) -> Vec<(&str, u32)> {
    let columns = table.columns.iter();
    let scales = columns.filter_map(|column| match &column.treatment {
        Treatment::Seal(seal) => Some((column.target.as_str(), seal.ty.scale?)),
        Treatment::Keep | Treatment::Drop => None,
    });
    scales.collect()
}

/// Numbers keep every digit: they are written from their own text, never through a float.
fn value_json(value: &Value, scale: u32) -> String {
    let text = value.expose_text().unwrap_or_default();
    match value.kind() {
        Kind::Null => "null".to_owned(),
        Kind::Integer => text.to_owned(),
        Kind::Decimal => filled(text, scale),
        Kind::Boolean => if text == "1" { "true" } else { "false" }.to_owned(),
        Kind::Float => float_json(value.expose()),
        Kind::Bytes => json_text(&format!("0x{}", hex(value.expose()))),
        Kind::Uuid => json_text(&uuid(value.expose())),
        Kind::Text | Kind::Json | Kind::Date | Kind::DateTime | Kind::Timestamp | Kind::Time => {
            json_text(text)
        }
    }
}

/// A decimal with zeros behind its last digit, until `scale` digits stand behind the point.
fn filled(decimal: &str, scale: u32) -> String {
    let there = decimal.split_once('.').map(|(_, digits)| digits.len());
    let missing = (scale as usize).saturating_sub(there.unwrap_or(0));
    let point = if there.is_none() && missing > 0 {
        "."
    } else {
        ""
    };
    format!("{decimal}{point}{}", "0".repeat(missing))
}

/// The shortest text that reads back as the same number.
fn float_json(bytes: &[u8]) -> String {
    bytes.try_into().map_or_else(
        |_| "null".to_owned(),
        |bytes| format!("{:?}", f64::from_be_bytes(bytes)),
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn uuid(bytes: &[u8]) -> String {
    let mut text = hex(bytes);
    for at in [20, 16, 12, 8] {
        if at <= text.len() {
            text.insert(at, '-');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use fieldseal_model::{Kind, Value};

    use super::value_json;

    #[test]
    fn decimals_have_the_zeros_of_their_column() {
        let cases = [
            ("12.5", 2, "12.50"),
            ("-0.1", 2, "-0.10"),
            ("100", 2, "100.00"),
            ("0", 4, "0.0000"),
            ("100", 0, "100"),
            ("1.5", 1, "1.5"),
            // Never cut.
            ("1.125", 2, "1.125"),
        ];
        for (decimal, scale, text) in cases {
            let value = Value::decimal(decimal).unwrap();
            assert_eq!(value_json(&value, scale), text);
        }
    }

    #[test]
    fn values_keep_every_digit() {
        let digits = "123456789012345678901234567890";
        let cases = [
            (Value::integer(digits).unwrap(), digits),
            (Value::decimal("-0.10").unwrap(), "-0.1"),
            (Value::float(0.1).unwrap(), "0.1"),
            (Value::float(1e300).unwrap(), "1e300"),
            (Value::boolean(true), "true"),
            (Value::bytes(vec![0, 255]), "\"0x00ff\""),
            (Value::text("a\"b\n"), "\"a\\\"b\\n\""),
            (Value::null(), "null"),
            (
                Value::from_canonical(Kind::Uuid, (0..16).collect()).unwrap(),
                "\"00010203-0405-0607-0809-0a0b0c0d0e0f\"",
            ),
        ];
        for (value, expected) in cases {
            let json = value_json(&value, 0);
            assert_eq!(json, expected);
            assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
        }
    }
}
