//! Days on which the key service denies, throttles, hangs or is gone, and tasks that all ask at once:
//! the strict double of AWS KMS stands for it.

use std::sync::Arc;
use std::time::Duration;

use fieldseal::keys::{AwsKmsProvider, KeyProvider};
use fieldseal::{Access, Error, Pii, Sealed, Vault};
use fieldseal_doubles::{Fault, KmsDouble, KmsSettings};
use fieldseal_tests::aws::{WORKER, reach_in};
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::{DEPLOYMENT, Rig};
use sqlx::{Connection as _, SqliteConnection};

use crate::shop::{self, Person, SealedPerson};

pub(crate) const HERE: &str = "eu-central-1";

/// A person as somebody sees it who may be denied the domain `payment`.
#[derive(Sealed)]
#[sealed(table = "shop.people")]
struct Guarded {
    #[sealed(key)]
    id: i64,
    #[sealed(domain = "contact")]
    note: Option<String>,
    #[sealed(domain = "payment")]
    card: Access<Pii<String>>,
}

/// A person whose address may be looked for by somebody who may not read it.
#[derive(Sealed)]
#[sealed(table = "shop.people")]
struct Addressed {
    #[sealed(key)]
    id: i64,
    #[sealed(
        domain = "contact",
        pad = 32,
        index(name = "exact", normalise = ["trim/1", "nfkc_casefold/1"], column = "email_bidx")
    )]
    email: Access<Pii<String>>,
}

/// What takes the keys of `contact` alone.
#[derive(Sealed)]
#[sealed(table = "shop.people")]
struct Noted {
    #[sealed(key)]
    id: i64,
    #[sealed(domain = "contact")]
    note: Option<String>,
}

/// A rig whose keys are wrapped by KMS, with the key's ARN.
pub(crate) struct Kms {
    pub(crate) double: KmsDouble,
    pub(crate) key: String,
    provider: Arc<dyn KeyProvider>,
    pub(crate) rig: Rig,
}

impl Kms {
    pub(crate) async fn start() -> Self {
        let settings = KmsSettings {
            regions: vec![HERE.to_owned()],
            ..KmsSettings::default()
        };
        let double = KmsDouble::start(settings).unwrap();
        let key = double.create_key(HERE);
        let config = reach_in(HERE, &double.endpoint(HERE), WORKER).await;
        let provider = AwsKmsProvider::connect(&config, &key).await.unwrap();
        let provider: Arc<dyn KeyProvider> = Arc::new(provider);
        let rig = shop::rig_with(Server::Sqlite, Some(Arc::clone(&provider))).await;
        Self {
            double,
            key,
            provider,
            rig,
        }
    }

    /// A process of its own: nothing is cached yet.
    pub(crate) async fn vault(&self, max_age: Duration) -> Vault {
        let vault = Vault::start(DEPLOYMENT)
            .provider(Arc::clone(&self.provider))
            .max_age(max_age)
            .open(&self.rig.database.url);
        vault.await.unwrap()
    }

    pub(crate) async fn rows<R>(&self) -> Vec<R>
    where
        R: for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow> + Send + Unpin,
    {
        let mut connection = SqliteConnection::connect(&self.rig.database.url)
            .await
            .unwrap();
        let rows = sqlx::query_as("SELECT * FROM people ORDER BY id");
        let rows = rows.fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        rows
    }
}

const LONG: Duration = Duration::from_secs(900);

/// A grant for `contact` alone gives the row with the card denied; a struct that has no place for
/// that gets an error which names table, column and key; and nothing is sealed under `payment`.
#[tokio::test]
async fn a_domain_that_is_not_granted() {
    let kms = Kms::start().await;
    kms.double
        .require_context(&kms.key, &[("fieldseal:domain", "contact")]);
    let vault = kms.vault(LONG).await;
    let people: Vec<Guarded> = vault.open_all(kms.rows().await).await.unwrap();
    assert_eq!(people[0].note.as_deref(), Some("likes tea"));
    let Access::Denied(denied) = &people[0].card else {
        panic!("the card was granted");
    };
    assert_eq!(denied.domain, "payment");

    let whole = vault.open_all::<Person>(kms.rows().await).await;
    let error = whole.err().unwrap();
    assert!(
        matches!(&error, Error::Denied { at, .. }
        if at.table == "people" && at.key.is_some()),
        "{error}"
    );

    let again = vault.seal(&people[0]).await.err().unwrap();
    assert!(matches!(again, Error::NeverOpened { .. }), "{again}");
    let sealed = vault.seal(&Person::numbered(9)).await.err().unwrap();
    assert!(matches!(sealed, Error::Denied { .. }), "{sealed}");
    kms.rig.end().await;
}

/// With the index's key and not the values': a row that was found cannot be compared, which is no
/// reason to say that there is nobody.
#[tokio::test]
async fn found_and_denied() {
    let kms = Kms::start().await;
    kms.double
        .require_context(&kms.key, &[("fieldseal:purpose", "index")]);
    let vault = kms.vault(LONG).await;
    let asked = vault.lookup(Addressed::EMAIL_EXACT, "person1@example.org".to_owned());
    let lookup = asked.await.unwrap_or_else(|error| panic!("{error}"));
    let rows = kms.rows::<SealedAddressed>().await;
    assert_eq!(rows.len(), 3);
    let found = vault.open_found::<Addressed, _>(&lookup, rows).await;
    let error = found.err().unwrap();
    assert!(
        matches!(&error, Error::Denied { at, .. } if at.column == "email" && at.key.is_some()),
        "{error}"
    );
    kms.rig.end().await;
}

/// Reading goes on until the keys have aged; a cold process is told that trying again may help;
/// when KMS is back, so is everything.
#[tokio::test]
async fn an_outage_and_the_day_behind_it() {
    let kms = Kms::start().await;
    let warm = kms.vault(LONG).await;
    warm.open_all::<Person>(kms.rows().await).await.unwrap();
    for fault in [Fault::Outage, Fault::Throttling(1.0)] {
        kms.double.faults().set(fault);
        let people: Vec<Person> = warm.open_all(kms.rows().await).await.unwrap();
        assert_eq!(people.len(), 3);
        let cold = kms.vault(LONG).await;
        let error = cold
            .open_all::<Person>(kms.rows().await)
            .await
            .err()
            .unwrap();
        assert!(error.is_temporary(), "{error}");
        let error = cold.seal(&Person::numbered(9)).await.err().unwrap();
        assert!(error.is_temporary(), "{error}");
        kms.double.faults().clear();
        back_again(&kms, &cold).await;
    }
    kms.rig.end().await;
}

/// KMS is well, and so is everything before long: it is not asked again at once.
async fn back_again(kms: &Kms, vault: &Vault) {
    let back = tokio::time::timeout(Duration::from_secs(60), async {
        while vault.seal(&Person::numbered(9)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        vault.open_all::<Person>(kms.rows().await).await
    });
    assert_eq!(back.await.unwrap().unwrap().len(), 3);
}

/// KMS takes every call and answers none. Whoever needs a key is told so when the time of a call is
/// up, which takes twelve seconds here too; whoever has his keys at hand notices nothing; and when KMS
/// answers again, so does the vault.
#[tokio::test]
async fn a_key_service_that_never_answers() {
    const NEVER: Duration = Duration::from_secs(3_600);
    let kms = Kms::start().await;
    let vault = kms.vault(LONG).await;
    vault.open_all::<Noted>(kms.rows().await).await.unwrap();
    let cold = kms.vault(LONG).await;
    kms.double.faults().set(Fault::Latency(NEVER));
    kms.double.calls().reset();

    let (asking, rows) = (vault.clone(), kms.rows::<SealedGuarded>().await);
    let opening = tokio::spawn(async move { asking.open_all::<Guarded>(rows).await });
    let sealing = tokio::spawn(async move {
        let sealed = cold.seal(&Person::numbered(9)).await;
        (cold, sealed)
    });
    let ended = tokio::time::timeout(Duration::from_secs(60), async {
        while kms.double.calls().of("Decrypt") < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Keys of another domain, while the one of `payment` is waited for.
        let people: Vec<Noted> = vault.open_all(kms.rows().await).await.unwrap();
        assert_eq!(people[2].note.as_deref(), Some("likes tea"));
        (opening.await.unwrap(), sealing.await.unwrap())
    });
    let (opened, (cold, sealed)) = ended.await.expect("a call's time is limited");
    let opened = opened.err().unwrap();
    assert!(
        matches!(&opened, Error::KeyUnavailable { at, .. } if at.column == "card"),
        "{opened}"
    );
    for error in [opened, sealed.err().unwrap()] {
        assert!(error.is_temporary(), "{error}");
        assert!(error.to_string().contains("no answer in time"), "{error}");
    }
    let people: Vec<Noted> = vault.open_all(kms.rows().await).await.unwrap();
    assert_eq!(people.len(), 3);

    kms.double.faults().clear();
    back_again(&kms, &cold).await;
    let people: Vec<Guarded> = vault.open_all(kms.rows().await).await.unwrap();
    assert!(matches!(people[0].card, Access::Granted(_)));
    kms.rig.end().await;
}

/// An aged key is asked for anew: what was revoked meanwhile is refused.
#[tokio::test]
async fn a_revoked_grant_takes_effect_when_the_keys_have_aged() {
    let kms = Kms::start().await;
    let vault = kms.vault(Duration::ZERO).await;
    vault.open_all::<Person>(kms.rows().await).await.unwrap();
    kms.double.allow_principals(&kms.key, &[]);
    let error = vault
        .open_all::<Person>(kms.rows().await)
        .await
        .err()
        .unwrap();
    assert!(matches!(error, Error::Denied { .. }), "{error}");
    kms.rig.end().await;
}

/// A thousand tasks that ask for cold keys make one call for each key, not a thousand.
#[tokio::test]
async fn a_thousand_tasks_ask_once() {
    let kms = Kms::start().await;
    let vault = kms.vault(LONG).await;
    kms.double.calls().reset();
    let mut tasks = tokio::task::JoinSet::new();
    let rows: Vec<SealedPerson> = kms.rows().await;
    let bytes: Vec<Vec<u8>> = rows
        .iter()
        .map(|row| row.note.sealed().unwrap().to_vec())
        .collect();
    let column = fieldseal::Column::new("shop.people", "note", "contact", fieldseal::Kind::Text);
    let column = Arc::new(column.unwrap());
    for _ in 0..1_000 {
        let (vault, column, sealed) = (vault.clone(), Arc::clone(&column), bytes[0].clone());
        tasks.spawn(async move {
            let key = fieldseal::Value::integer("1").unwrap();
            let key = fieldseal::RowKey::new([&key]).unwrap();
            vault
                .open_field::<Option<String>>(&column, &key, Some(sealed))
                .await
        });
    }
    while let Some(opened) = tasks.join_next().await {
        assert_eq!(opened.unwrap().unwrap().as_deref(), Some("likes tea"));
    }
    assert_eq!(kms.double.calls().of("Decrypt"), 1);
    kms.rig.end().await;
}
