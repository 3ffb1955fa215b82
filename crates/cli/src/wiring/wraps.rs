//! Wraps that data keys lack under the policy. Owns when they are added and who is told; adding
//! them is the keyring's.

use std::sync::Arc;
use std::time::Duration;

use fieldseal_keys::{Keyring, Rewrapped};

use crate::exit::Failure;

/// How long a run waits before it looks again. A key may be made in the middle of a run, while one
/// of its wraps cannot be had.
const EVERY: Duration = Duration::from_secs(10 * 60);

/// Adds what is lacking. What cannot be added now is a warning: the keys open without it, and the
/// next run tries again.
pub(crate) async fn add(keyring: &Keyring) -> Result<Rewrapped, Failure> {
    let done = keyring.rewrap().await;
    let done = done.map_err(|error| Failure::keys("wrapping the data keys", &error))?;
    for owed in &done.owed {
        tracing::warn!("{owed}; it is tried again");
    }
    Ok(done)
}

/// Adds again and again, for as long as a run lasts.
pub(crate) async fn keep_adding(keyring: Arc<Keyring>) {
    loop {
        tokio::time::sleep(EVERY).await;
        if let Err(failure) = add(&keyring).await {
            tracing::warn!("{failure}; it is tried again");
        }
    }
}
