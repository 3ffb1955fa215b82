//! What reading says when stored values were changed, and what bad configuration says. Owns
//! collecting every error that comes out of it.

use fieldseal_db::{Bind, Connect, Database};
use fieldseal_keys::LocalProvider;
use fieldseal_model::Value;
use fieldseal_policy::Policy;
use fieldseal_tests::harness::Rig;

use crate::evidence::{Evidence, note};
use crate::planted::TABLE;

/// Moves, cuts and replaces sealed values, reads them all, and notes what is said.
pub(crate) async fn tamper_and_read(rig: &Rig) {
    let (vault, table) = (rig.vault(), rig.table(TABLE));
    let rows = vault
        .page(table, None, 100)
        .await
        .expect("the table can be read");
    note(format!("{rows:?}"));
    assert!(rows.iter().all(|row| row.failures().count() == 0));
    assert!(rows.len() >= 4);

    rig.sql(
        "UPDATE guests SET email = photo, visits = paid, seen = born",
        &[],
    )
    .await;
    let clear = b"someone wrote this in clear, long enough to be a sealed value";
    rig.sql("UPDATE guests SET likes = ?", &[Bind::from(clear)])
        .await;
    rig.sql(
        "UPDATE guests SET code = 'moved' WHERE code = 'normal'",
        &[],
    )
    .await;
    let rows = vault
        .page(table, None, 100)
        .await
        .expect("the table can be read");
    let mut failed = 0;
    for row in &rows {
        note(format!("{row:?}"));
        for (column, failure) in row.failures() {
            failed += 1;
            note(format!("{column}: {failure} {failure:?}"));
        }
    }
    assert!(failed >= 4, "{failed}");
    for asked in ["sealed.Qx7Lm2Vb@canary.example", "nobody@example.org"] {
        let found = vault
            .find(table, "email", "exact", &Value::text(asked))
            .await;
        note(found.map_or_else(
            |error| format!("{error} {error:?}"),
            |rows| format!("{rows:?}"),
        ));
    }
    for key in [vec!["kept-key-Op7Qr3St".to_owned()], Vec::new()] {
        let found = vault.by_key(table, &key).await;
        note(found.map_or_else(
            |error| format!("{error} {error:?}"),
            |row| format!("{row:?}"),
        ));
    }
}

/// Passwords and root keys count as planted here: they are the operator's own secrets.
pub(crate) async fn bad_configuration(evidence: &Evidence) {
    const PASSWORD: &str = "metadata-Pq8Rs1Tu";
    let text = format!(
        "[source]\nid = \"shop\"\nengine = \"mysql\"\nfiles.dir = \"source\"\n\
         [target]\nurl = \"postgres://user:{PASSWORD}@127.0.0.1:1/shop\"\n\
         [keys]\ndeployment = \"tests\"\nlocal.root_file = \"root.key\"\n\
         [tables.\"shop.guests\"]\nkey = {{ id = \"integer\" }}\n"
    );
    let mistakes = Policy::parse(&text).expect_err("a password does not belong there");
    note(format!(
        "{mistakes} {mistakes:?} {}",
        mistakes.in_file("policy.toml")
    ));
    for url in [
        format!("postgres://user:{PASSWORD}@127.0.0.1:1/shop"),
        format!("mysql://user:{PASSWORD}@127.0.0.1:1/shop"),
        format!("mysql://user:{PASSWORD}@127.0.0.1:nonsense/shop"),
        format!("sqlite:///nowhere/{PASSWORD}/target.db"),
        format!("oracle://user:{PASSWORD}@127.0.0.1/shop"),
    ] {
        let settings = Connect {
            connections: 1,
            ..Connect::default()
        };
        let error = Database::connect(&url, settings)
            .await
            .expect_err("it does not connect");
        note(format!("{error} {error:?}"));
    }
    let folder = tempfile::tempdir_in(evidence.path()).expect("a temporary folder can be made");
    let path = folder.path().join("root.key");
    LocalProvider::create(&path)
        .map(drop)
        .expect("a root key file can be made");
    let good = std::fs::read_to_string(&path).expect("it can be read");
    let key = good
        .lines()
        .nth(1)
        .and_then(|line| line.split(' ').nth(1))
        .expect("a key");
    for broken in [
        good.replacen(key, &key[..62], 1),
        good.replacen(' ', "  ", 2),
        good.clone() + key,
    ] {
        std::fs::write(&path, &broken).expect("it can be written");
        if let Err(error) = LocalProvider::open(&path) {
            let said = format!("{error} {error:?}");
            assert!(!said.contains(&key[..16]), "a root key is shown");
            note(said);
        }
    }
}
