//! Whether a database URL lets a connection leave this host without TLS. Owns what counts as
//! this host and which modes count as TLS; whether a certificate is verified stays the URL's word.

use std::net::IpAddr;

/// What the drivers call their modes, the weak ones left out.
const STRONG: [&str; 6] = [
    "require",
    "verify-ca",
    "verify-full",
    "required",
    "verify_ca",
    "verify_identity",
];

/// The URL, made to insist on TLS where it leads to another host. `default_host_is_here` says whether
/// a URL without a host leads to this one, which the environment decides (`PGHOST`).
///
/// # Errors
/// The URL itself asks for a mode in which the driver may go on without TLS, or part of its
/// password would be cut off, or where it leads cannot be told from it.
pub fn insisting_on_tls(url: &str, default_host_is_here: bool) -> Result<String, &'static str> {
    let (url, fragment) = url.split_once('#').unwrap_or((url, ""));
    if fragment.contains('@') {
        return Err("the URL has a # before its @; write # as %23 in a user's name or password");
    }
    let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
    let (mode_key, strictest_default) = match scheme {
        "postgres" | "postgresql" => ("sslmode", "require"),
        "mysql" | "mariadb" => ("ssl-mode", "REQUIRED"),
        _ => return Ok(url.to_owned()),
    };
    // The drivers pass over tabs and line ends, wherever they stand.
    if url.contains(char::is_control) {
        return Err("the URL holds a tab, a line end or the like; take it out");
    }
    // Without a place for it, the host would be what the environment says, if anything.
    let Some(rest) = rest.strip_prefix("//") else {
        return Err(
            "the URL has no // behind its scheme, and so no host; write it like \
             postgres://HOST/DATABASE or mysql://HOST/DATABASE",
        );
    };
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    if is_here(before, query, default_host_is_here) {
        return Ok(url.to_owned());
    }
    let mut modes = parameters(query)
        .filter(|(key, _)| matches!(*key, "sslmode" | "ssl-mode"))
        .map(|(_, mode)| mode.to_ascii_lowercase())
        .peekable();
    if modes.peek().is_some() {
        return if modes.all(|mode| STRONG.contains(&mode.as_str())) {
            Ok(url.to_owned())
        } else {
            Err(
                "the URL's ssl mode allows a connection without TLS to another host; leave it \
                 out or ask for a stricter one, or set `insecure = true` and accept that the \
                 password and the kept columns can be read on the way",
            )
        };
    }
    // The last parameter of a name counts, so this one does however the others are spelt.
    let joint = if url.contains('?') { '&' } else { '?' };
    Ok(format!("{url}{joint}{mode_key}={strictest_default}"))
}

/// Whether every host that the URL names is this one.
fn is_here(before: &str, query: &str, default_host_is_here: bool) -> bool {
    let authority = before.split_once('/').map_or(before, |(host, _)| host);
    let place = authority.rsplit_once('@').map_or(authority, |(_, at)| at);
    let host = match place.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(host, _)| host),
        None => place.split_once(':').map_or(place, |(host, _)| host),
    };
    let mut named = parameters(query)
        // One that is written in escapes may be any of them.
        .filter(|(key, _)| matches!(*key, "host" | "hostaddr" | "socket") || key.contains('%'))
        .map(|(_, value)| value)
        .peekable();
    let in_place = match host {
        "" => named.peek().is_some() || default_host_is_here,
        host => names_this_host(host),
    };
    in_place && named.all(names_this_host)
}

fn names_this_host(host: &str) -> bool {
    let socket = host.starts_with('/') || host.starts_with("%2F") || host.starts_with("%2f");
    let loopback = host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    socket || loopback || host.eq_ignore_ascii_case("localhost")
}

fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

#[cfg(test)]
mod tests {
    use super::insisting_on_tls as insisting;

    #[test]
    fn this_host_needs_no_tls() {
        for url in [
            "sqlite://target.db",
            "postgres://u:p@127.0.0.1:5432/shop",
            "postgres://u:p@localhost/shop?sslmode=disable",
            "postgres://u:p@[::1]:5432/shop",
            "postgres://%2Fvar%2Frun%2Fpostgresql/shop",
            "postgres:///shop?host=/var/run/postgresql",
            "mysql://u:p@127.0.0.1/shop",
            "mysql://u@localhost/shop?socket=/run/mysqld/mysqld.sock",
        ] {
            assert_eq!(insisting(url, false).as_deref(), Ok(url));
        }
    }

    #[test]
    fn another_host_needs_it() {
        for (url, wanted) in [
            (
                "postgres://u:p@db.example.org/shop",
                "postgres://u:p@db.example.org/shop?sslmode=require",
            ),
            (
                "mariadb://u:p@ss@10.0.0.1:3306/shop?charset=utf8mb4",
                "mariadb://u:p@ss@10.0.0.1:3306/shop?charset=utf8mb4&ssl-mode=REQUIRED",
            ),
            // What follows a # is not read, so nothing may be hidden behind one.
            (
                "postgres://db/shop#sslmode=require",
                "postgres://db/shop?sslmode=require",
            ),
            (
                "postgres://127.0.0.1/shop?host=db",
                "postgres://127.0.0.1/shop?host=db&sslmode=require",
            ),
            (
                "postgres://localhost.example.org/shop",
                "postgres://localhost.example.org/shop?sslmode=require",
            ),
            ("postgres:///shop", "postgres:///shop?sslmode=require"),
        ] {
            assert_eq!(insisting(url, false).as_deref(), Ok(wanted));
        }
        // The driver's default host is this one unless the environment names another.
        let default = "postgres:///shop";
        assert_eq!(insisting(default, true).as_deref(), Ok(default));
    }

    /// The drivers read these otherwise than they look: without `//` the host is whatever the
    /// environment says, tabs and line ends are passed over, and names may be written in escapes.
    #[test]
    fn a_host_that_does_not_stand_there_is_refused() {
        for url in [
            "postgres:/shop",
            "postgresql:shop",
            "mysql:/shop",
            "mariadb:/u:hunter2@db/shop",
            "postgres:\t//db/shop",
            "postgres:/\n/db/shop",
            "postgres://127.0.0.1/shop?ho\tst=db",
        ] {
            for default_host_is_here in [true, false] {
                let why = insisting(url, default_host_is_here).unwrap_err();
                assert!(!why.contains("hunter"), "{url:?}: {why}");
            }
        }
        for url in ["sqlite:target.db", "sqlite::memory:", "oracle:/shop"] {
            assert_eq!(insisting(url, true).as_deref(), Ok(url));
        }
        let escaped = "postgres://127.0.0.1/shop?h%6fst=db";
        let wanted = format!("{escaped}&sslmode=require");
        assert_eq!(insisting(escaped, true), Ok(wanted));
    }

    #[test]
    fn a_password_is_not_cut_in_two() {
        for url in [
            "postgres://user:hunter2#tail@db/shop",
            "mysql://user:#hunter2@127.0.0.1/shop",
        ] {
            let why = insisting(url, false).unwrap_err();
            assert!(why.contains("%23") && !why.contains("hunter"), "{why}");
        }
    }

    #[test]
    fn a_stricter_mode_stays_and_a_weak_one_is_refused() {
        for url in [
            "postgres://db/shop?sslmode=verify-full&sslrootcert=/ca.pem",
            "mysql://db/shop?ssl-mode=VERIFY_IDENTITY",
        ] {
            assert_eq!(insisting(url, false).as_deref(), Ok(url));
        }
        for url in [
            "postgres://db/shop?sslmode=prefer",
            "postgres://db/shop?sslmode=require&sslmode=disable",
            "mysql://db/shop?ssl-mode=PREFERRED",
            "mysql://db/shop?sslmode=",
        ] {
            assert!(insisting(url, false).is_err(), "{url}");
        }
    }
}
