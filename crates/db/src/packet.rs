//! The longest packet a MySQL or MariaDB server takes. Owns learning it and refusing what is
//! longer; cutting statements so that they fit is their writers'.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(feature = "mysql")]
use sqlx::{Executor as _, MySqlConnection, Row as _};

use crate::DbError;

/// A limit that all connections of a pool share. One that was never learnt refuses nothing.
#[derive(Clone)]
pub(crate) struct Packet(Arc<AtomicUsize>);

impl Default for Packet {
    fn default() -> Self {
        Self(Arc::new(AtomicUsize::new(usize::MAX)))
    }
}

impl Packet {
    /// Asks a new connection, which has the server's present setting. The newest one counts: an
    /// older connection that takes less is cut once, and another one takes its place.
    #[cfg(feature = "mysql")]
    pub(crate) async fn learn(&self, connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        let row = connection.fetch_one("SELECT @@max_allowed_packet").await?;
        let max = row.try_get_unchecked::<u64, _>(0)?;
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        self.0.store(max, Ordering::Relaxed);
        Ok(())
    }

    /// A packet is shorter than this.
    pub(crate) fn max(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Refuses a statement whose text (sent when it is prepared) or parameters are too long.
    pub(crate) fn admit(&self, text: &sqlx::SqlStr, parameters: usize) -> Result<(), DbError> {
        if text.as_str().len().max(parameters) < self.max() {
            Ok(())
        } else {
            Err(DbError::packet_too_large())
        }
    }
}
