//! Connections made as an application's pool makes its own. Owns that they are others than the
//! pool's, and that they follow it when it is told to connect in another way, as with a password that
//! is good for a quarter of an hour; the settings of each driver's connections are `pool`'s.
//!
//! The pool's own connections are not used: whoever holds the last of them in a transaction and asks
//! for something here would wait for himself. And what an application sets in its sessions does not
//! matter here. Only who asks what its sessions see, by [`Database::query_lender`], borrows one.

use std::sync::{Arc, Mutex, PoisonError};

use sqlx::Connection;

use crate::packet::Packet;
use crate::pool::Pool;
use crate::{Connect, Database};

/// Connections at most.
const CONNECTIONS: u32 = 2;

/// The pool that is followed.
#[derive(Clone)]
pub(crate) struct Lender {
    /// Tells our pool how theirs connects.
    tell: Arc<dyn Fn() + Send + Sync>,
    theirs: Pool,
}

type Options<DB> = <<DB as sqlx::Database>::Connection as Connection>::Options;

impl Lender {
    pub(crate) fn follow(&self) {
        (self.tell)();
    }

    pub(crate) const fn pool(&self) -> &Pool {
        &self.theirs
    }

    fn of<DB: sqlx::Database>(
        theirs: &sqlx::Pool<DB>,
        ours: &sqlx::Pool<DB>,
        adapted: fn(&Options<DB>) -> Options<DB>,
        pool: fn(sqlx::Pool<DB>) -> Pool,
    ) -> Self {
        let lending = pool(theirs.clone());
        let (theirs, ours) = (theirs.clone(), ours.clone());
        let followed = Mutex::new(theirs.connect_options());
        let tell = Arc::new(move || {
            let now = theirs.connect_options();
            let mut followed = followed.lock().unwrap_or_else(PoisonError::into_inner);
            if !Arc::ptr_eq(&followed, &now) {
                ours.set_connect_options(adapted(&now));
                *followed = now;
            }
        });
        Self {
            tell,
            theirs: lending,
        }
    }
}

/// At most two connections of its own, made as those of the pool are but for what the pool's hooks
/// do, and only when they are needed.
macro_rules! lent {
    ($feature:literal, $pool:ty, $driver:ident, $variant:ident) => {
        #[cfg(feature = $feature)]
        impl From<&$pool> for Database {
            fn from(theirs: &$pool) -> Self {
                use crate::pool::$driver::{lazy, lent};
                let packet = Packet::default();
                let options = lent(&theirs.connect_options());
                let ours = lazy(options, Connect::guest(CONNECTIONS), &packet);
                Self {
                    lender: Some(Lender::of(theirs, &ours, lent, Pool::$variant)),
                    pool: Pool::$variant(ours),
                    packet,
                }
            }
        }
    };
}

lent!("sqlite", sqlx::SqlitePool, sqlite, Sqlite);
lent!("postgres", sqlx::PgPool, postgres, Postgres);
lent!("mysql", sqlx::MySqlPool, mysql, MySql);
