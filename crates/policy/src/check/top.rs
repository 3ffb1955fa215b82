//! `[source]`, `[target]`, `[keys]` and `[admin]`; what AWS is named by is in `aws`.

use std::net::SocketAddr;
use std::path::PathBuf;

use fieldseal_envelope::MAX_SEALS;
use fieldseal_model::Engine;

use crate::check::{aws, name, scalar};
use crate::mistakes::{Gathered, Spot};
use crate::policy::{KeyProvider, Keys, Location, Source, SourceKind, Target, UnlistedTables};
use crate::spelling::{AdminSection, At, Field, KeysSection, SourceSection, TargetSection, Word};

pub(super) fn source(
    section: &SourceSection,
    spot: &Spot,
    gathered: &mut Gathered,
) -> Option<Source> {
    let id = section
        .id
        .get()
        .and_then(|at| name::permanent(at, gathered));
    let kind = source_kind(section, spot, gathered);
    let url = source_url(section, spot, gathered);
    let rows = scalar::number(&section.max_batch_rows, 1..=20_000, 8_000, gathered);
    let bytes = scalar::number(
        &section.max_batch_bytes,
        (64 << 10)..=(64 << 20),
        8 << 20,
        gathered,
    );
    Some(Source {
        id: id?,
        engine: section.engine.get()?.value.0,
        kind: kind?,
        url: url?,
        insecure: section.insecure.or(false)?,
        max_batch_rows: rows?,
        max_batch_bytes: bytes?,
    })
}

fn source_kind(
    section: &SourceSection,
    spot: &Spot,
    gathered: &mut Gathered,
) -> Option<SourceKind> {
    let files = section.files.get().and_then(|files| {
        let dir = files.value.dir.get().and_then(|at| path(at, gathered))?;
        Some(SourceKind::Files { dir })
    });
    let kinesis = section.kinesis.get();
    let kinesis = kinesis.and_then(|at| aws::kinesis(&at.value, gathered));
    if section.files.is_absent() == section.kinesis.is_absent() {
        gathered.add(
            spot,
            "exactly one of files and kinesis says where the records come from",
        );
        return None;
    }
    files.or(kinesis)
}

pub(super) fn unlisted_tables(section: &SourceSection) -> Option<UnlistedTables> {
    let Word(choice) = section
        .unlisted_tables
        .or(Word(UnlistedTables::default()))?;
    Some(choice)
}

pub(super) fn target(
    section: &TargetSection,
    spot: &Spot,
    gathered: &mut Gathered,
) -> Option<Target> {
    let fields = [&section.url, &section.url_env, &section.url_file];
    let given = fields.iter().filter(|field| !field.is_absent()).count();
    if given != 1 {
        gathered.add(
            spot,
            "exactly one of url, url_env and url_file says where the new database is; \
             use url_env or url_file when the URL holds a password",
        );
    }
    let location = location(
        [&section.url, &section.url_env, &section.url_file],
        "must be the URL of a database: sqlite://…, postgres://… or mysql://…",
        &["sqlite", "postgres", "postgresql", "mysql", "mariadb"],
        gathered,
    );
    if given != 1 {
        return None;
    }
    Some(Target {
        url: location?,
        insecure: section.insecure.or(false)?,
    })
}

/// Where the source's URL is: `Some(None)` where the policy names none.
fn source_url(
    section: &SourceSection,
    spot: &Spot,
    gathered: &mut Gathered,
) -> Option<Option<Location>> {
    let fields = [&section.url, &section.url_env, &section.url_file];
    match fields.iter().filter(|field| !field.is_absent()).count() {
        0 => return Some(None),
        1 => {}
        _ => {
            gathered.add(
                spot,
                "at most one of url, url_env and url_file says where the database is that DMS \
                 reads; use url_env or url_file when the URL holds a password",
            );
            return None;
        }
    }
    let (wanted, schemes): (_, &[&str]) = match section.engine.get().map(|at| at.value.0) {
        Some(Engine::Postgres) => (
            "must be the URL of the database that DMS reads: postgres://…",
            &["postgres", "postgresql"],
        ),
        _ => (
            "must be the URL of the database that DMS reads: mysql://…",
            &["mysql", "mariadb"],
        ),
    };
    location(fields, wanted, schemes, gathered).map(Some)
}

/// The one of the three ways to say where a URL is that is given.
fn location(
    [url, env, file]: [&Field<String>; 3],
    wanted: &str,
    schemes: &[&str],
    gathered: &mut Gathered,
) -> Option<Location> {
    let url = url
        .get()
        .and_then(|at| literal(at, wanted, schemes, gathered));
    let env = env.get().and_then(|at| variable(at, gathered));
    let file = file.get().and_then(|at| path(at, gathered));
    url.map(Location::Literal)
        .or(env.map(Location::Env))
        .or(file.map(Location::File))
}

/// A URL written in the policy. Its text is in no message.
fn literal(
    at: &At<String>,
    wanted: &str,
    schemes: &[&str],
    gathered: &mut Gathered,
) -> Option<String> {
    let scheme = at.value.split_once(':').map_or("", |(scheme, _)| scheme);
    if holds_password(&at.value) {
        gathered.add(
            &at.spot,
            "the URL holds a password, which does not belong in this file; put the URL into an \
             environment variable and name it with url_env, or into a file and name it with \
             url_file",
        );
        return None;
    }
    if !schemes.contains(&scheme) {
        gathered.add(&at.spot, wanted);
        return None;
    }
    Some(at.value.clone())
}

/// Whether the URL has a password before `@` or as a parameter. Rather one too many: a password
/// may itself hold `/`, `?` and `@`.
fn holds_password(url: &str) -> bool {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let user = after_scheme.rsplit_once('@').map(|(user, _)| user);
    let in_user = user
        .and_then(|user| user.split_once(':'))
        .is_some_and(|(_, password)| !password.is_empty());
    let lower = url.to_ascii_lowercase();
    in_user || lower.contains("password=") || lower.contains("passwd=")
}

fn variable(at: &At<String>, gathered: &mut Gathered) -> Option<String> {
    let mut bytes = at.value.bytes();
    let letter = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    if bytes.next().is_some_and(letter) && bytes.all(|b| letter(b) || b.is_ascii_digit()) {
        return Some(at.value.clone());
    }
    gathered.add(
        &at.spot,
        "must be the name of an environment variable: letters, digits and \"_\"; \
         the URL itself goes into that variable",
    );
    None
}

fn path(at: &At<String>, gathered: &mut Gathered) -> Option<PathBuf> {
    if at.value.is_empty() || at.value.contains('\0') {
        gathered.add(
            &at.spot,
            "must be a path; a relative one starts at this file's folder",
        );
        return None;
    }
    Some(PathBuf::from(&at.value))
}

pub(super) fn keys(section: &KeysSection, spot: &Spot, gathered: &mut Gathered) -> Option<Keys> {
    let deployment = section
        .deployment
        .get()
        .and_then(|at| name::permanent(at, gathered));
    let provider = key_provider(section, spot, gathered);
    let age = scalar::number(&section.cache_max_age_seconds, 1..=86_400, 300, gathered);
    let uses = scalar::number(&section.max_uses, 1..=MAX_SEALS, MAX_SEALS, gathered);
    let pool = scalar::number(&section.nonce_pool, 0..=256, 256, gathered);
    Some(Keys {
        deployment: deployment?,
        provider: provider?,
        cache_max_age_seconds: age?,
        max_uses: uses?,
        nonce_pool: pool?,
    })
}

fn key_provider(
    section: &KeysSection,
    spot: &Spot,
    gathered: &mut Gathered,
) -> Option<KeyProvider> {
    let local = section.local.get().and_then(|local| {
        let root_file = local.value.root_file.get();
        let root_file = root_file.and_then(|at| path(at, gathered))?;
        Some(KeyProvider::Local { root_file })
    });
    let kms = section.aws_kms.get();
    let kms = kms.and_then(|at| aws::kms(&at.value, gathered));
    if section.local.is_absent() == section.aws_kms.is_absent() {
        gathered.add(
            spot,
            "exactly one of local and aws_kms says who wraps data keys",
        );
        return None;
    }
    local.or(kms)
}

pub(super) fn admin(section: &AdminSection, gathered: &mut Gathered) -> Option<SocketAddr> {
    let at = section.listen.get()?;
    let address = at.value.parse::<SocketAddr>().ok();
    if address.is_none() {
        gathered.add(
            &at.spot,
            "must be an IP address with a port, such as \"127.0.0.1:9464\" for this machine only \
             or \"0.0.0.0:9464\" for whoever can reach it",
        );
    }
    address
}

#[cfg(test)]
mod tests {
    use super::holds_password;

    #[test]
    fn passwords_are_seen_wherever_they_stand() {
        for url in [
            "mysql://ada:pw@db/shop",
            "mysql://ada:p/w@db/shop",
            "postgres://:pw@db/shop",
            "postgres://db/shop?user=ada&password=pw",
            "postgres://db/shop?sslPassword=pw",
            "mysql:ada:pw@db",
        ] {
            assert!(holds_password(url), "{url}");
        }
        for url in [
            "sqlite://target.db",
            "sqlite:target.db",
            "mysql://ada@db:3306/shop",
            "mysql://db:3306/shop",
            "mysql://ada:@db/shop",
        ] {
            assert!(!holds_password(url), "{url}");
        }
    }
}
