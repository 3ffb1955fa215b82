//! How a type is spelled in each dialect. Owns the SQL of types, collations and defaults.

use fieldseal_db::Dialect;
use fieldseal_model::Kind;
use fieldseal_pipeline::TargetType;
use fieldseal_policy::KeyColumn;

use super::source::SourceColumn;

/// A type, and what a person should know of it.
pub(super) struct Spelled {
    pub(super) sql: String,
    pub(super) note: Option<&'static str>,
}

impl Spelled {
    fn plain(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            note: None,
        }
    }

    fn noted(sql: impl Into<String>, note: &'static str) -> Self {
        Self {
            sql: sql.into(),
            note: Some(note),
        }
    }
}

/// MySQL and MariaDB share no collation that compares bytes without padding; each reads only its
/// own comment.
const MYSQL_AS_BYTES: &str = "CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ \
                              /*M! COLLATE utf8mb4_nopad_bin */";

/// A MySQL row holds 65,535 bytes; longer columns lie outside it.
const MYSQL_IN_ROW: usize = 512;

/// The version column: nobody's row but the stream's own is ever overwritten. The expression
/// survives a MariaDB dump, which a binary literal does not.
pub(crate) const fn version(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::MySql => "BINARY(16) NOT NULL DEFAULT (UNHEX('FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF'))",
        Dialect::Postgres => "BYTEA NOT NULL DEFAULT '\\xffffffffffffffffffffffffffffffff'",
        Dialect::Sqlite => "BLOB NOT NULL DEFAULT X'FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF'",
    }
}

/// The type, NOT NULL or NULL, and a default where old servers would add a worse one.
pub(super) fn with_null(dialect: Dialect, ty: &TargetType, sql: &str, nullable: bool) -> String {
    let stamp = dialect == Dialect::MySql && matches!(ty, TargetType::Timestamp { .. });
    match (nullable, stamp) {
        (true, false) => sql.to_owned(),
        (true, true) => format!("{sql} NULL DEFAULT NULL"),
        (false, false) => format!("{sql} NOT NULL"),
        // Without a default, servers before explicit_defaults_for_timestamp add ON UPDATE.
        (false, true) => {
            let now = sql.replacen("TIMESTAMP", "CURRENT_TIMESTAMP", 1);
            format!("{sql} NOT NULL DEFAULT {now}")
        }
    }
}

/// Bytes of any length up to `room`; none: unknown.
pub(super) fn bytes(dialect: Dialect, room: Option<usize>) -> String {
    match dialect {
        Dialect::Postgres => "BYTEA".into(),
        Dialect::Sqlite => "BLOB".into(),
        Dialect::MySql => match room {
            Some(room) if room <= MYSQL_IN_ROW => format!("VARBINARY({room})"),
            Some(room) if room <= 65_535 => "BLOB".into(),
            Some(room) if room <= 16_777_215 => "MEDIUMBLOB".into(),
            _ => "LONGBLOB".into(),
        },
    }
}

/// Bytes of always the same length.
pub(super) fn exact_bytes(dialect: Dialect, length: usize) -> String {
    match dialect {
        Dialect::MySql => format!("BINARY({length})"),
        _ => bytes(dialect, None),
    }
}

/// A mask of at most so many characters, if that is known.
pub(super) fn mask(dialect: Dialect, chars: Option<u64>) -> String {
    match (dialect, chars) {
        (Dialect::Sqlite, _) | (_, None) => "TEXT".into(),
        (_, Some(chars)) if chars > 1_000 => "TEXT".into(),
        (_, Some(chars)) => format!("VARCHAR({chars})"),
    }
}

/// A key column; none when the dialect has no type whose values are one key exactly when the
/// policy's are.
pub(super) fn key(
    dialect: Dialect,
    ty: &TargetType,
    key: &KeyColumn,
    columns: usize,
) -> Option<Spelled> {
    let kind = key.ty.kind;
    if kind == Kind::Text {
        return Some(Spelled::plain(text_key(
            dialect,
            ty,
            key.ty.fixed_char,
            columns,
        )));
    }
    Some(match (dialect, kind) {
        (Dialect::Postgres, Kind::Uuid) => Spelled::plain("UUID"),
        (_, Kind::Uuid) => Spelled::plain(exact_bytes(dialect, 16)),
        (Dialect::MySql, Kind::Bytes) if key.ty.bits.is_none() => {
            let width = key.ty.width.map(|width| format!("BINARY({width})"));
            Spelled::plain(width.unwrap_or_else(|| match ty {
                TargetType::Bytes {
                    max: Some(max @ ..=767),
                } => format!("VARBINARY({max})"),
                _ => "VARBINARY(255)".into(),
            }))
        }
        // An integer type, where a wider one would be read as another kind.
        (Dialect::Postgres, Kind::Integer) if of_type(dialect, ty, false).sql.contains('(') => {
            Spelled::noted("BIGINT", BEYOND)
        }
        _ => of_type(dialect, ty, false),
    })
}

/// Texts that differ in any byte are two keys.
fn text_key(dialect: Dialect, ty: &TargetType, fixed: bool, columns: usize) -> String {
    // InnoDB's index entries hold 3,072 bytes.
    let most = 768 / columns as u64;
    let chars = match ty {
        TargetType::Text {
            max_chars: Some(chars),
            ..
        } if *chars <= most => *chars,
        _ => most.min(255),
    };
    let kind = if fixed && chars <= 255 {
        "CHAR"
    } else {
        "VARCHAR"
    };
    match dialect {
        Dialect::MySql => format!("{kind}({chars}) {MYSQL_AS_BYTES}"),
        Dialect::Postgres => "TEXT COLLATE \"C\"".into(),
        Dialect::Sqlite => "TEXT".into(),
    }
}

const BEYOND: &str = "values beyond 9223372036854775807 go to quarantine";
const UNKNOWN: &str = "CHECK: a type that is not known here; this one takes only strings";

/// A kept column as like the source's as the dialect allows.
pub(super) fn kept(dialect: Dialect, source: &SourceColumn) -> Spelled {
    // Types of PostgreSQL's own, whose text form it reads back itself.
    const OWN: [&str; 7] = [
        "interval",
        "inet",
        "cidr",
        "macaddr",
        "macaddr8",
        "xml",
        "time with time zone",
    ];
    if dialect == Dialect::Postgres
        && source.ty == TargetType::Opaque
        && OWN.contains(&source.declared.as_str())
    {
        return Spelled::plain(source.declared.to_ascii_uppercase());
    }
    of_type(dialect, &source.ty, source.fixed_bytes)
}

/// A type in the dialect's words.
pub(super) fn of_type(dialect: Dialect, ty: &TargetType, fixed_bytes: bool) -> Spelled {
    match dialect {
        Dialect::MySql => mysql(ty, fixed_bytes),
        Dialect::Postgres => postgres(ty),
        Dialect::Sqlite => sqlite(ty),
    }
}

fn mysql(ty: &TargetType, fixed_bytes: bool) -> Spelled {
    let sql = match ty {
        TargetType::Integer { min, max } => return mysql_integer(*min, *max),
        TargetType::Boolean => {
            return Spelled::noted("BIT(1)", "true and false");
        }
        TargetType::Decimal {
            precision: Some((all @ ..=65, behind @ ..=30)),
            ..
        } => {
            format!("DECIMAL({all},{behind})")
        }
        TargetType::Decimal { .. } => {
            return Spelled::noted("DECIMAL(65,30)", "CHECK: the source has no such limit");
        }
        TargetType::Float { single } => if *single { "FLOAT" } else { "DOUBLE" }.into(),
        TargetType::Text {
            max_chars,
            max_bytes,
            fixed,
            ..
        } => mysql_text(*max_chars, *max_bytes, *fixed),
        TargetType::Choice { labels, set } => {
            let quoted: Vec<String> = labels.iter().map(|label| mysql_string(label)).collect();
            format!(
                "{}({})",
                if *set { "SET" } else { "ENUM" },
                quoted.join(",")
            )
        }
        TargetType::Bytes { max: Some(max) } if fixed_bytes => format!("BINARY({max})"),
        TargetType::Bytes { max } => bytes(
            Dialect::MySql,
            max.and_then(|max| usize::try_from(max).ok()),
        ),
        TargetType::Bits { width } => format!("BIT({width})"),
        TargetType::Json { .. } => "JSON".into(),
        TargetType::Uuid => "CHAR(36)".into(),
        TargetType::Date => "DATE".into(),
        TargetType::DateTime { digits } => with_digits("DATETIME", *digits),
        TargetType::Timestamp {
            digits,
            narrow: true,
        } => with_digits("TIMESTAMP", *digits),
        TargetType::Timestamp {
            digits,
            narrow: false,
        } => {
            let sql = with_digits("TIMESTAMP", *digits);
            return Spelled::noted(
                sql,
                "instants before 1970 or after 2038-01-19 go to quarantine",
            );
        }
        TargetType::Time { digits, .. } => with_digits("TIME", *digits),
        TargetType::Opaque => return Spelled::noted("LONGTEXT", UNKNOWN),
    };
    Spelled::plain(sql)
}

fn mysql_integer(min: i128, max: i128) -> Spelled {
    for (name, bits) in [
        ("TINYINT", 8),
        ("SMALLINT", 16),
        ("MEDIUMINT", 24),
        ("INT", 32),
        ("BIGINT", 64),
    ] {
        if min >= -(1 << (bits - 1)) && max < 1 << (bits - 1) {
            return Spelled::plain(name);
        }
        if min >= 0 && max < 1 << bits {
            return Spelled::plain(format!("{name} UNSIGNED"));
        }
    }
    Spelled::noted("BIGINT", BEYOND)
}

fn mysql_text(max_chars: Option<u64>, max_bytes: Option<u64>, fixed: bool) -> String {
    let room = match (max_chars, max_bytes) {
        (Some(chars @ ..=255), _) if fixed => return format!("CHAR({chars})"),
        (Some(chars @ ..=16_000), _) => return format!("VARCHAR({chars})"),
        (Some(chars), _) => Some(chars.saturating_mul(4)),
        (None, bytes) => bytes,
    };
    match room {
        Some(..=255) => "TINYTEXT",
        Some(..=65_535) => "TEXT",
        Some(..=16_777_215) => "MEDIUMTEXT",
        _ => "LONGTEXT",
    }
    .into()
}

/// A string literal that holds under any sql_mode: a backslash goes by its code.
fn mysql_string(text: &str) -> String {
    if text.contains('\\') {
        let digits: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
        return format!("X'{digits}'");
    }
    format!("'{}'", text.replace('\'', "''"))
}

fn postgres(ty: &TargetType) -> Spelled {
    let sql = match ty {
        TargetType::Integer { min, max } => {
            let holds = |least: i128, most: i128| *min >= least && *max <= most;
            if holds(i16::MIN.into(), i16::MAX.into()) {
                "SMALLINT"
            } else if holds(i32::MIN.into(), i32::MAX.into()) {
                "INTEGER"
            } else if holds(i64::MIN.into(), i64::MAX.into()) {
                "BIGINT"
            } else {
                "NUMERIC(20,0)"
            }
            .into()
        }
        TargetType::Boolean => "BOOLEAN".into(),
        TargetType::Bits { width: 1 } => "BOOLEAN".into(),
        TargetType::Decimal {
            precision: Some((all, behind)),
            ..
        } => {
            format!("NUMERIC({all},{behind})")
        }
        TargetType::Decimal { .. } => "NUMERIC".into(),
        TargetType::Float { single } => if *single { "REAL" } else { "DOUBLE PRECISION" }.into(),
        TargetType::Text {
            max_chars: Some(chars @ ..=10_485_760),
            fixed,
            ..
        } => {
            format!("{}({chars})", if *fixed { "CHAR" } else { "VARCHAR" })
        }
        TargetType::Text { .. } | TargetType::Choice { .. } => "TEXT".into(),
        TargetType::Bytes { .. } | TargetType::Bits { .. } => "BYTEA".into(),
        TargetType::Json { .. } => "JSON".into(),
        TargetType::Uuid => "UUID".into(),
        TargetType::Date => "DATE".into(),
        TargetType::DateTime { digits } => with_digits("TIMESTAMP", *digits),
        TargetType::Timestamp { digits, .. } => with_digits("TIMESTAMPTZ", *digits),
        TargetType::Time { digits, durations } => {
            let sql = with_digits("TIME", *digits);
            if *durations {
                let note =
                    "negative times and 24 hours or more go to quarantine; or declare INTERVAL";
                return Spelled::noted(sql, note);
            }
            sql
        }
        TargetType::Opaque => return Spelled::noted("TEXT", UNKNOWN),
    };
    Spelled::plain(sql)
}

fn sqlite(ty: &TargetType) -> Spelled {
    Spelled::plain(match ty {
        TargetType::Integer { max, .. } if *max > i64::MAX.into() => {
            return Spelled::noted("INTEGER", BEYOND);
        }
        TargetType::Integer { .. } => "INTEGER".into(),
        TargetType::Boolean => "BIT(1)".into(),
        // SQLite's NUMERIC would make a float of it.
        TargetType::Decimal {
            precision: Some((all, behind)),
            ..
        } => {
            format!("DECIMALTEXT({all},{behind})")
        }
        TargetType::Decimal { .. } => "DECIMALTEXT".into(),
        TargetType::Float { .. } => "REAL".into(),
        TargetType::Text { .. } | TargetType::Choice { .. } | TargetType::Uuid => "TEXT".into(),
        TargetType::Bytes { .. } => "BLOB".into(),
        TargetType::Bits { width } => format!("BIT({width})"),
        TargetType::Json { .. } => "JSONTEXT".into(),
        TargetType::Date => "DATE".into(),
        TargetType::DateTime { .. } => "DATETIME".into(),
        TargetType::Timestamp { .. } => "TIMESTAMP".into(),
        TargetType::Time { .. } => "TIME".into(),
        TargetType::Opaque => return Spelled::noted("TEXT", UNKNOWN),
    })
}

/// Servers keep six digits of a second at most.
fn with_digits(name: &str, digits: u32) -> String {
    format!("{name}({})", digits.min(6))
}
