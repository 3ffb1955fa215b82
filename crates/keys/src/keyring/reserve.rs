//! The next block of seals. Owns which key it comes from and when a key is used up; does not
//! hand seals out.

use std::sync::Arc;

use super::budget::Lane;
use super::{ATTEMPTS, Inner, KeyRef, create};
use crate::error::KeyringError;
use crate::store::Reservation;

/// Reserves one block for this process, making a new key when the active one is used up.
///
/// A refusal means that another process was faster, so each attempt begins by reading anew; the
/// attempts are counted only because the store's answers may contradict each other.
pub(super) async fn block(inner: Arc<Inner>, lane: Lane) -> Result<(), KeyringError> {
    let (domain, purpose) = (&lane.0, lane.1);
    let limit = inner.settings.max_uses.min(super::MAX_USES);
    for _ in 0..ATTEMPTS {
        let active = inner.store.active(domain, purpose).await;
        let Some(active) = active.map_err(KeyringError::store("reading the active key"))? else {
            create::active_key(&inner, domain, purpose).await?;
            continue;
        };
        let left = active.left(limit).min(inner.budget().left(active.id));
        if left == 0 {
            // Never again in this process, even if somebody makes the store say otherwise.
            inner.budget().spend(active.id);
            let retired = inner.store.retire(active.id).await;
            retired.map_err(KeyringError::store("marking a used-up key as open-only"))?;
            tracing::info!(key_id = %active.id, %domain, %purpose, "a data key is used up");
            continue;
        }
        // A key that cannot be unwrapped must fail before its budget is touched.
        let key = KeyRef {
            id: active.id,
            domain: domain.clone(),
            purpose,
        };
        inner.opening(&key, None).await?;
        let seals = inner.budget().block(&lane, left);
        let reservation = inner.store.reserve(active.id, seals, limit).await;
        match reservation.map_err(KeyringError::store("reserving seals"))? {
            Reservation::Reserved => {
                inner.budget().add(&lane, active.id, seals);
                return Ok(());
            }
            Reservation::Refused => {}
        }
    }
    Err(KeyringError::Contended {
        domain: lane.0,
        purpose,
        attempts: ATTEMPTS,
    })
}
