//! MySQL's and MariaDB's column types as text, such as `int(10) unsigned`. Owns reading them,
//! both from information_schema and from a dump's CREATE TABLE.

use fieldseal_pipeline::TargetType;

/// A declared type, cut into its parts.
pub(crate) struct Declared<'a> {
    /// The type's name, lower case.
    pub(crate) base: String,
    /// What stands in its brackets.
    pub(crate) arguments: Option<&'a str>,
    /// Everything behind.
    pub(crate) rest: &'a str,
}

/// Cuts the text of a type, which may go on with attributes.
pub(crate) fn split(text: &str) -> Option<Declared<'_>> {
    let text = text.trim_start();
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    let (base, behind) = text.split_at(end);
    if base.is_empty() {
        return None;
    }
    let base = base.to_ascii_lowercase();
    let Some(inside) = behind.trim_start().strip_prefix('(') else {
        return Some(Declared {
            base,
            arguments: None,
            rest: behind,
        });
    };
    let close = closing_bracket(inside)?;
    Some(Declared {
        base,
        arguments: Some(&inside[..close]),
        rest: &inside[close + 1..],
    })
}

/// Where the bracket closes, quoted text left alone.
fn closing_bracket(inside: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, char) in inside.char_indices() {
        match char {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '\'' => quoted = !quoted,
            ')' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// What a column of this type holds; the error says why a value put there could change.
pub(crate) fn parse(declared: &str, charset: Option<&str>) -> Result<TargetType, &'static str> {
    const UNREADABLE: &str = "its type is not understood; choose another one";
    let parts = split(declared).ok_or(UNREADABLE)?;
    let unsigned = parts.rest.to_ascii_lowercase().contains("unsigned");
    let numbers = numbers(parts.arguments);
    let first = numbers.first().copied();
    let digits = first.and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    Ok(match parts.base.as_str() {
        "tinyint" => integer(8, unsigned),
        "smallint" => integer(16, unsigned),
        "mediumint" => integer(24, unsigned),
        "int" | "integer" => integer(32, unsigned),
        "bigint" => integer(64, unsigned),
        // 0 to 99 would be read as other years.
        "year" => TargetType::Integer {
            min: 1901,
            max: 2155,
        },
        "decimal" | "numeric" => {
            let scale = numbers
                .get(1)
                .and_then(|n| u32::try_from(*n).ok())
                .unwrap_or(0);
            let precision = Some((if digits == 0 { 10 } else { digits }, scale));
            TargetType::Decimal {
                precision,
                unsigned,
            }
        }
        "float" | "double" | "real" if numbers.len() > 1 => {
            return Err("FLOAT(m,d) and DOUBLE(m,d) round; declare FLOAT, DOUBLE or DECIMAL");
        }
        // FLOAT(p) is a DOUBLE from 25 bits on.
        "float" => TargetType::Float {
            single: digits <= 24,
        },
        "double" | "real" => TargetType::Float { single: false },
        "char" => text(first.or(Some(1)), None, true),
        "varchar" => text(first, None, false),
        "tinytext" => text(None, Some(utf8_room(255, charset)), false),
        "text" => text(None, Some(utf8_room(65_535, charset)), false),
        "mediumtext" => text(None, Some(utf8_room(16_777_215, charset)), false),
        "longtext" => text(None, Some(4_294_967_295), false),
        "enum" | "set" => TargetType::Choice {
            labels: labels(parts.arguments.unwrap_or_default()).ok_or(UNREADABLE)?,
            set: parts.base == "set",
        },
        "bit" => {
            let width = first.and_then(|n| u16::try_from(n).ok()).unwrap_or(1);
            TargetType::Bits { width }
        }
        "binary" => TargetType::Bytes {
            max: first.or(Some(1)),
        },
        "varbinary" => TargetType::Bytes { max: first },
        "tinyblob" => TargetType::Bytes { max: Some(255) },
        "blob" => TargetType::Bytes { max: Some(65_535) },
        "mediumblob" => TargetType::Bytes {
            max: Some(16_777_215),
        },
        "longblob" => TargetType::Bytes {
            max: Some(4_294_967_295),
        },
        // MariaDB says longtext.
        "json" => TargetType::Json { doubles: true },
        "uuid" => TargetType::Uuid,
        "date" => TargetType::Date,
        "datetime" => TargetType::DateTime { digits },
        "timestamp" => TargetType::Timestamp {
            digits,
            narrow: true,
        },
        "time" => TargetType::Time {
            digits,
            durations: true,
        },
        _ => TargetType::Opaque,
    })
}

fn numbers(arguments: Option<&str>) -> Vec<u64> {
    let parts = arguments.unwrap_or_default().split(',');
    parts
        .map_while(|number| number.trim().parse().ok())
        .collect()
}

const fn integer(bits: u32, unsigned: bool) -> TargetType {
    if unsigned {
        return TargetType::Integer {
            min: 0,
            max: (1 << bits) - 1,
        };
    }
    TargetType::Integer {
        min: -(1 << (bits - 1)),
        max: (1 << (bits - 1)) - 1,
    }
}

const fn text(max_chars: Option<u64>, max_bytes: Option<u64>, fixed: bool) -> TargetType {
    TargetType::Text {
        max_chars,
        max_bytes,
        fixed,
        nul: true,
    }
}

/// What a text of `bytes` bytes can take up as UTF-8: a byte of another character set can be a
/// character of up to three bytes there.
fn utf8_room(bytes: u64, charset: Option<&str>) -> u64 {
    match charset {
        None | Some("utf8mb4" | "utf8mb3" | "utf8" | "ascii") => bytes,
        Some(_) => bytes * 3,
    }
}

/// The labels of an ENUM or SET: quotes doubled, or escaped by a backslash.
fn labels(arguments: &str) -> Option<Vec<String>> {
    let mut labels = Vec::new();
    let mut chars = arguments.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace() || *c == ',').is_some() {}
        match chars.next() {
            None => return Some(labels),
            Some('\'') => {}
            Some(_) => return None,
        }
        let mut label = String::new();
        loop {
            match chars.next()? {
                '\'' if chars.next_if_eq(&'\'').is_some() => label.push('\''),
                '\'' => break,
                '\\' => label.push(match chars.next()? {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    '0' => '\0',
                    'Z' => '\x1a',
                    char => char,
                }),
                char => label.push(char),
            }
        }
        labels.push(label);
    }
}

#[cfg(test)]
mod tests {
    use fieldseal_pipeline::TargetType;

    use super::{labels, parse, split};

    #[test]
    fn labels_with_quotes_escapes_and_commas() {
        let read = labels(r"'a','it''s','b\\c','x,y','\'q)','l\nf'").unwrap();
        assert_eq!(read, ["a", "it's", "b\\c", "x,y", "'q)", "l\nf"]);
        assert_eq!(labels("a"), None);
        assert_eq!(labels("'open"), None);
    }

    #[test]
    fn attributes_stand_behind_the_brackets() {
        let declared = split("enum('a)','b') CHARACTER SET latin1 NOT NULL").unwrap();
        assert_eq!(declared.arguments, Some("'a)','b'"));
        assert_eq!(declared.rest, " CHARACTER SET latin1 NOT NULL");
    }

    #[test]
    fn bounds_are_exact() {
        let bounds = |text| match parse(text, None).unwrap() {
            TargetType::Integer { min, max } => (min, max),
            other => panic!("{other:?}"),
        };
        assert_eq!(bounds("mediumint(8) unsigned"), (0, 16_777_215));
        assert_eq!(bounds("mediumint(9)"), (-8_388_608, 8_388_607));
        assert_eq!(
            bounds("bigint(20) unsigned zerofill"),
            (0, i128::from(u64::MAX))
        );
        assert_eq!(bounds("bigint"), (i64::MIN.into(), i64::MAX.into()));
        assert_eq!(
            parse("decimal(5,2) unsigned", None).unwrap(),
            TargetType::Decimal {
                precision: Some((5, 2)),
                unsigned: true,
            }
        );
        assert!(parse("float(5,2)", None).is_err());
    }
}
