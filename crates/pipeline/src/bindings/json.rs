//! Numbers in JSON that a target would round. Owns finding them; that the text is JSON was checked
//! before.

/// Whether every number stays the same number where those with a point, with an exponent or beyond
/// 64 bits become a double and are printed with the fewest digits that read back as it.
///
/// MySQL Reference Manual, "The JSON Data Type": integers are INTEGER or UNSIGNED INTEGER, all
/// other numbers DOUBLE.
pub(super) fn numbers_stay(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find(['"', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) {
        let found = &rest[at..];
        let length = if found.starts_with('"') {
            string(found)
        } else {
            let number = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
            let length = found.find(|c| !number(c)).unwrap_or(found.len());
            if !stays(&found[..length]) {
                return false;
            }
            length
        };
        rest = &found[length..];
    }
    true
}

/// How long the string is that begins here, with its quotes.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, char) in text.char_indices().skip(1) {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn stays(number: &str) -> bool {
    if number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return true;
    }
    let Ok(double) = number.parse::<f64>() else {
        return false;
    };
    double.is_finite() && digits(number) == digits(&format!("{double:e}"))
}

/// A number's digits without zeros at either end, and the power of ten of the first; nothing for
/// an exponent that is beyond any double.
fn digits(number: &str) -> Option<(bool, String, i64)> {
    let (negative, magnitude) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    let (mantissa, exponent) = match magnitude.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (magnitude, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0');
    if significant.is_empty() {
        return Some((false, String::new(), 0));
    }
    let zeros = all.len() - significant.len();
    let power = i64::try_from(whole.len()).ok()? - i64::try_from(zeros).ok()? + i64::from(exponent);
    let significant = significant.trim_end_matches('0').to_owned();
    Some((negative, significant, power))
}

#[cfg(test)]
mod tests {
    use super::numbers_stay;

    #[test]
    fn what_a_double_holds_stays() {
        for text in [
            "0",
            "-0.0",
            "18446744073709551615",
            "-9223372036854775808",
            "[1.10, 1e2, 0.30000000000000004, -2.5E-3, 1.7976931348623157e308, 100000000000000000000]",
            r#"{"id 99999999999999999999.1": "18446744073709551617", "a\\": "\"0.1234567890123456789"}"#,
            "[true, null, \"\", {}]",
        ] {
            assert!(numbers_stay(text), "{text}");
        }
    }

    #[test]
    fn what_would_be_rounded_does_not_fit() {
        for text in [
            "18446744073709551616",
            "18446744073709551617",
            "-9223372036854775809",
            "0.1234567890123456789",
            "1e400",
            "1e-400",
            "1e99999999999",
            r#"{"a": [1, {"b\"": 12345678901234567890.5}]}"#,
        ] {
            assert!(!numbers_stay(text), "{text}");
        }
    }
}
