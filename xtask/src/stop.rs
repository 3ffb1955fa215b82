//! Ctrl-C, SIGTERM and SIGHUP as something to look at between steps, so that everything started is
//! also stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::failure::{Doing, Failure, Result};

/// The first signal that asked us to end.
pub(crate) struct Stop(Arc<AtomicUsize>);

/// How often a wait looks at its child and at the signals.
pub(crate) const TICK: Duration = Duration::from_millis(50);

impl Stop {
    /// Takes over the signals of this process.
    pub(crate) fn listen() -> Result<Self> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let seen = Arc::new(AtomicUsize::new(0));
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            let number = signal.unsigned_abs() as usize;
            signal_hook::flag::register_usize(signal, Arc::clone(&seen), number)
                .doing(|| format!("listen for signal {signal}"))?;
        }
        Ok(Self(seen))
    }

    /// The signal that asked us to end, if one did.
    pub(crate) fn asked(&self) -> Option<u8> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            signal => Some(u8::try_from(signal).unwrap_or(u8::MAX)),
        }
    }

    /// Fails once a signal asked us to end.
    pub(crate) fn check(&self) -> Result<()> {
        self.asked()
            .map_or(Ok(()), |signal| Err(Failure::Stopped(signal)))
    }

    /// Waits until a signal asks us to end.
    pub(crate) fn wait(&self) {
        while self.asked().is_none() {
            std::thread::sleep(TICK);
        }
    }
}
