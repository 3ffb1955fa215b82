//! Random bytes from the kernel, and the short supply of nonces that each thread keeps.
//!
//! A nonce used twice under one key breaks AES-GCM (NIST SP 800-38D, section 8), so nothing in
//! userspace generates them, and a supply never survives into a forked process.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::layout::NONCE_BYTES;

/// The kernel gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes; nothing was made, so it is safe to try again")]
pub struct NoRandomness;

/// At most this many bytes are drawn ahead.
const MAX_POOL_BYTES: usize = 256;

static POOL_BYTES: AtomicUsize = AtomicUsize::new(MAX_POOL_BYTES);

/// Sets, for the whole process, how many bytes of nonces each thread may draw ahead: at most
/// 256, more counts as 256. With 0 every nonce is drawn when it is needed, for hosts that resume
/// several copies of one memory image.
pub fn set_nonce_pool(bytes: usize) {
    POOL_BYTES.store(bytes.min(MAX_POOL_BYTES), Ordering::Relaxed);
}

/// Fills `out` from the kernel.
pub(crate) fn fill_random(out: &mut [u8]) -> Result<(), NoRandomness> {
    getrandom::fill(out).map_err(|_| NoRandomness)
}

struct Pool {
    bytes: [u8; MAX_POOL_BYTES],
    /// The unused bytes are `bytes[next..end]`.
    next: usize,
    end: usize,
    process: u32,
}

thread_local! {
    static POOL: RefCell<Pool> = const {
        RefCell::new(Pool { bytes: [0; MAX_POOL_BYTES], next: 0, end: 0, process: 0 })
    };
}

/// Gives a nonce that this process has never had. `process` is the id it has now.
pub(crate) fn next(process: u32, nonce: &mut [u8; NONCE_BYTES]) -> Result<(), NoRandomness> {
    let ahead = POOL_BYTES.load(Ordering::Relaxed);
    POOL.with_borrow_mut(|pool| {
        nonce.copy_from_slice(pool.next(process, ahead)?);
        Ok(())
    })
}

impl Pool {
    fn next(&mut self, process: u32, ahead: usize) -> Result<&[u8], NoRandomness> {
        if self.process != process || ahead == 0 {
            self.next = self.end;
        }
        if self.end - self.next < NONCE_BYTES {
            // Whole nonces only, and one even where none may be drawn ahead.
            let wanted = (ahead / NONCE_BYTES).max(1) * NONCE_BYTES;
            // An error must not leave bytes that could be taken for fresh ones.
            (self.next, self.end) = (0, 0);
            fill_random(&mut self.bytes[..wanted])?;
            (self.end, self.process) = (wanted, process);
        }
        let nonce = &self.bytes[self.next..self.next + NONCE_BYTES];
        self.next += NONCE_BYTES;
        Ok(nonce)
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_POOL_BYTES, Pool};

    const EMPTY: Pool = Pool {
        bytes: [0; MAX_POOL_BYTES],
        next: 0,
        end: 0,
        process: 0,
    };

    #[test]
    fn draws_ahead_and_never_repeats() {
        let mut pool = EMPTY;
        let mut seen = std::collections::HashSet::new();
        for _ in 0..1_000 {
            assert!(seen.insert(pool.next(7, MAX_POOL_BYTES).unwrap().to_vec()));
            assert!(pool.end <= MAX_POOL_BYTES);
        }
    }

    #[test]
    fn another_process_id_drops_the_pool() {
        let mut pool = EMPTY;
        pool.next(7, MAX_POOL_BYTES).unwrap();
        let parents = pool.bytes;
        let nonce = pool.next(8, MAX_POOL_BYTES).unwrap().to_vec();
        assert!(parents.chunks(12).all(|kept| kept != nonce));
        assert_eq!(pool.next, 12);
    }

    #[test]
    fn no_pool_draws_one_at_a_time_and_drops_what_there_was() {
        let mut pool = EMPTY;
        pool.next(7, MAX_POOL_BYTES).unwrap();
        let kept = pool.bytes;
        let nonce = pool.next(7, 0).unwrap().to_vec();
        assert!(kept.chunks(12).all(|old| old != nonce));
        assert_eq!((pool.next, pool.end), (12, 12));
    }
}
