//! KMS as the double plays it, with providers and keyrings over it. Owns the putting together.

use std::sync::Arc;

use fieldseal_aws::SdkConfig;
use fieldseal_db::run_migrations;
use fieldseal_doubles::{KmsDouble, KmsSettings};
use fieldseal_envelope::{Domain, Purpose, WrapContext};
use fieldseal_keys::{AwsKmsProvider, KeyProvider, KeyStore, Keyring, KeyringSettings};
use fieldseal_keystore::{DbKeyStore, migrations};
use fieldseal_tests::aws::{WORKER, reach_in};
use fieldseal_tests::databases::{Server, TestDatabase};

pub(crate) const HERE: &str = "eu-central-1";
pub(crate) const THERE: &str = "eu-west-1";
pub(crate) const DEPLOYMENT: &str = "shop-prod";

pub(crate) fn start() -> KmsDouble {
    let settings = KmsSettings {
        regions: vec![HERE.to_owned(), THERE.to_owned()],
        ..KmsSettings::default()
    };
    KmsDouble::start(settings).expect("a free port")
}

/// How KMS in `region` is reached by the worker.
pub(crate) async fn reach(kms: &KmsDouble, region: &str) -> SdkConfig {
    at(&kms.endpoint(region), region).await
}

/// A region that does not answer: nothing listens there.
pub(crate) async fn down(region: &str) -> SdkConfig {
    at("http://127.0.0.1:1", region).await
}

pub(crate) async fn at(endpoint: &str, region: &str) -> SdkConfig {
    reach_in(region, endpoint, WORKER).await
}

pub(crate) async fn provider(kms: &KmsDouble, region: &str, key: &str) -> Arc<AwsKmsProvider> {
    let config = reach(kms, region).await;
    Arc::new(AwsKmsProvider::connect(&config, key).await.unwrap())
}

pub(crate) fn domain(name: &str) -> Domain {
    name.parse().unwrap()
}

pub(crate) fn context(of: &str) -> WrapContext {
    WrapContext {
        deployment: DEPLOYMENT.to_owned(),
        domain: domain(of),
        purpose: Purpose::Seal,
    }
}

/// A key store in a database of its own.
pub(crate) struct Keys {
    database: TestDatabase,
    pub(crate) store: Arc<dyn KeyStore>,
}

impl Keys {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::on(Server::Sqlite).await;
        let migrations = migrations(database.dialect());
        run_migrations(&database.database, migrations)
            .await
            .unwrap();
        let store = Arc::new(DbKeyStore::new(database.database.clone()));
        Self { database, store }
    }

    /// Gives each of the two keys in the store the other's wrap, as whoever writes the database can.
    pub(crate) async fn swap_wraps(&self) {
        for statement in [
            "CREATE TABLE before AS SELECT * FROM fieldseal_key_wraps",
            "UPDATE fieldseal_key_wraps SET wrapped = (SELECT b.wrapped FROM before b \
             WHERE b.key_id <> fieldseal_key_wraps.key_id)",
        ] {
            self.database
                .database
                .execute(statement, &[])
                .await
                .unwrap();
        }
    }

    /// A process of its own: nothing is cached yet.
    pub(crate) async fn keyring(&self, providers: &[&Arc<AwsKmsProvider>]) -> Keyring {
        self.keyring_with(providers, KeyringSettings::default())
            .await
    }

    pub(crate) async fn keyring_with(
        &self,
        providers: &[&Arc<AwsKmsProvider>],
        settings: KeyringSettings,
    ) -> Keyring {
        let providers = providers.iter().map(|&provider| {
            let provider: Arc<dyn KeyProvider> = Arc::<AwsKmsProvider>::clone(provider);
            provider
        });
        let keyring = Keyring::new(
            DEPLOYMENT,
            providers.collect(),
            Arc::clone(&self.store),
            settings,
        );
        keyring.await.unwrap()
    }
}

/// The answer of `ask` as soon as it has one: callers try again while KMS is unavailable.
pub(crate) async fn again<T, E>(mut ask: impl AsyncFnMut() -> Result<T, E>) -> T {
    let pause = std::time::Duration::from_millis(50);
    let limit = std::time::Duration::from_secs(60);
    let tried = tokio::time::timeout(limit, async {
        loop {
            match ask().await {
                Ok(answer) => return answer,
                Err(_) => tokio::time::sleep(pause).await,
            }
        }
    });
    tried
        .await
        .unwrap_or_else(|_| panic!("no answer within a minute"))
}
