//! How a database URL may be shown. Owns that no part of a password is; parses nothing for use.

/// The schemes that are shown. Anything else in front of a colon may be a user, or a password.
const SCHEMES: [&str; 5] = ["sqlite", "postgres", "postgresql", "mysql", "mariadb"];

/// A URL as it may be shown: scheme, host, port and path. User and password are left out, and
/// parameters, which can hold a password too.
///
/// A password with a character that should have been escaped can look like any other part. So
/// where that cannot be excluded the scheme alone is shown, and not even that if it is not one of
/// a database.
#[must_use]
pub fn redact_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once(':') else {
        return "…".to_owned();
    };
    if !SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()) {
        return "…".to_owned();
    }
    let Some(rest) = rest.strip_prefix("//") else {
        return format!("{scheme}:…");
    };
    match place(rest) {
        Some(place) => format!("{scheme}://{place}"),
        None => format!("{scheme}://…"),
    }
}

/// Host, port and path, if they can be told from everything else.
fn place(rest: &str) -> Option<&str> {
    let before = rest.split(['?', '#']).next().unwrap_or(rest);
    // An @ further on belongs to a parameter, or ends a password that holds a ? or #.
    if rest[before.len()..].contains('@') {
        return None;
    }
    let place = before.rsplit_once('@').map_or(before, |(_, place)| place);
    let (authority, path) = match place.find('/') {
        Some(slash) => place.split_at(slash),
        None => (place, ""),
    };
    let port = match authority.strip_prefix('[') {
        Some(bracketed) => {
            let (host, port) = bracketed.split_once(']')?;
            let address = |b: u8| b.is_ascii_hexdigit() || b":.%".contains(&b);
            host.bytes().all(address).then_some(port)?
        }
        None => {
            let colon = authority.find(':').unwrap_or(authority.len());
            let (host, port) = authority.split_at(colon);
            let name = |b: u8| b.is_ascii_alphanumeric() || b"-._%".contains(&b);
            host.bytes().all(name).then_some(port)?
        }
    };
    // What is cut off a URL behind `user:` must not be taken for a port.
    let number = port.strip_prefix(':').map(str::parse::<u16>);
    let is_port = port.is_empty() || matches!(number, Some(Ok(_)));
    (is_port && !path.contains(char::is_control)).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::redact_url;

    #[test]
    fn urls_are_shown_without_user_password_and_parameters() {
        for (url, shown) in [
            (
                "postgres://u:p%40ss@db:5432/shop?password=x",
                "postgres://db:5432/shop",
            ),
            ("mysql://u:p@ss@db/shop", "mysql://db/shop"),
            ("mysql://u:p/ss@[::1]:3306/shop", "mysql://[::1]:3306/shop"),
            ("sqlite://target.db?mode=rwc", "sqlite://target.db"),
            ("sqlite:///var/lib/target.db", "sqlite:///var/lib/target.db"),
            ("postgres://%2Frun%2Fpg/shop", "postgres://%2Frun%2Fpg/shop"),
            ("POSTGRES://u:p@db/shop", "POSTGRES://db/shop"),
            ("sqlite::memory:", "sqlite:…"),
        ] {
            assert_eq!(redact_url(url), shown);
        }
    }

    #[test]
    fn what_may_be_part_of_a_password_is_not_shown() {
        for (url, shown) in [
            ("postgres://user:hunter2#tail@db/shop", "postgres://…"),
            ("mysql://user:hunter2?tail@db/shop", "mysql://…"),
            ("postgres://db/shop?password=hun@ter2", "postgres://…"),
            // What is left of a URL that was cut at a # or by a shell.
            ("postgres://user:hunter2", "postgres://…"),
            ("postgres://user:hunter2?sslmode=require", "postgres://…"),
            ("postgres://[::1]hunter2/shop", "postgres://…"),
            ("postgres://[::1]ähunter2/shop", "postgres://…"),
            ("user:hunter2://tail@db/shop", "…"),
            ("postgre://user:hunter2@db/shop", "…"),
            ("user:hunter2@db/shop", "…"),
            ("postgres:user:hunter2@db/shop", "postgres:…"),
            ("hunter2", "…"),
        ] {
            assert_eq!(redact_url(url), shown, "{url}");
        }
    }

    /// Every placement of up to three special characters before, within and behind the parts of a
    /// password; neither of its parts is ever shown.
    #[test]
    fn no_placement_of_special_characters_shows_a_password() {
        const SPECIAL: [&str; 20] = [
            "", "@", ":", "/", "?", "#", "[", "]", "%", "&", "=", "+", "\\", " ", "\n", "://",
            "@@", "?@", "#/", "ä",
        ];
        let mut shown = std::collections::BTreeSet::new();
        for [a, b, c] in SPECIAL
            .iter()
            .flat_map(|a| SPECIAL.iter().map(move |b| (a, b)))
            .flat_map(|(a, b)| SPECIAL.iter().map(move |c| [a, b, c]))
        {
            let password = format!("{a}hunter{b}2tail{c}");
            for url in [
                format!("postgres://user:{password}@db:5432/shop"),
                format!("mysql://{password}:x@db:5432/shop?charset=utf8"),
                format!("mariadb://us@er:{password}@db:5432/shop#top"),
                format!("postgres://user:{password}@[::1]:5432/shop"),
                format!("postgres://user@db/shop?password={password}&sslmode=require"),
                format!("postgres:///shop?sslmode=require&password={password}"),
                format!("pg://user:{password}@db:5432/shop"),
                format!("user:{password}@db:5432/shop"),
            ] {
                let text = redact_url(&url);
                assert!(
                    !text.contains("hunter") && !text.contains("2tail"),
                    "{url}: {text}"
                );
                shown.insert(text);
            }
        }
        // Nothing but the parts that were meant to be shown ever is.
        let expected = [
            "mariadb://db:5432/shop",
            "mariadb://…",
            "mysql://db:5432/shop",
            "mysql://…",
            "postgres:///shop",
            "postgres://[::1]:5432/shop",
            "postgres://db/shop",
            "postgres://db:5432/shop",
            "postgres://…",
            "…",
        ];
        assert_eq!(Vec::from_iter(shown), expected);
    }
}
