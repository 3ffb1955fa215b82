//! A connection to the source. Owns connecting, and that the URL is of the policy's engine.

use fieldseal_db::{Connect, Database, Dialect};
use fieldseal_model::Engine;
use fieldseal_policy::Policy;

use crate::{Finding, SourceError, settings, tables};

/// The source, connected. One connection only: two could reach two servers behind one name.
/// Prints its engine only, never its URL.
#[derive(Clone)]
pub struct SourceDatabase {
    pub(crate) database: Database,
    pub(crate) engine: Engine,
    /// For a second connection, which must then be asked which server it has reached.
    pub(crate) url: String,
}

impl SourceDatabase {
    /// Connects to the database that DMS reads.
    ///
    /// # Errors
    /// [`SourceError`] when the URL is not of `engine`, or the server does not answer.
    pub async fn connect(url: &str, engine: Engine) -> Result<Self, SourceError> {
        let failed = |source| SourceError::of("connecting", "correct the user in the URL", source);
        let fits = match Dialect::of_url(url).map_err(failed)? {
            Dialect::MySql => engine == Engine::MySql,
            Dialect::Postgres => engine == Engine::Postgres,
            Dialect::Sqlite => false,
        };
        if !fits {
            return Err(SourceError::Unfit(
                "the URL is of another kind of database than source.engine names; correct one of \
                 them"
                    .to_owned(),
            ));
        }
        let settings = Connect::guest(1);
        let database = Database::connect(url, settings).await.map_err(failed)?;
        Ok(Self {
            database,
            engine,
            url: url.to_owned(),
        })
    }

    /// Everything that is wrong with the source of `policy`, or may be. Changes nothing.
    ///
    /// # Errors
    /// [`SourceError`] when the database cannot be asked.
    pub async fn findings(&self, policy: &Policy) -> Result<Vec<Finding>, SourceError> {
        let mut found = settings::of_server(self, policy).await?;
        for table in policy.tables() {
            found.extend(tables::of_table(self, table).await?);
        }
        Ok(found)
    }

    /// Closes the connection.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

impl std::fmt::Debug for SourceDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SourceDatabase({:?})", self.engine)
    }
}
