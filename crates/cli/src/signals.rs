//! Signals that ask the process to end. Owns turning them into one flag.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// A flag that rises at SIGTERM or SIGINT: what is begun is finished and committed, nothing new
/// is begun. A second signal ends the process at once, which loses nothing either.
pub(crate) fn shutdown() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        let (Ok(mut terminate), Ok(mut interrupt)) = (
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
        ) else {
            tracing::warn!("signals cannot be received; the process ends without draining");
            // The sender lives on: a closed channel would read as a signal.
            return std::future::pending().await;
        };
        let mut received = 0_u8;
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            received += 1;
            if received > 1 {
                std::process::exit(130);
            }
            // Before anybody drains: the process may have ended right after.
            tracing::info!("draining; a second signal ends at once");
            // The receivers may be gone when everything has ended.
            let _ = sender.send(true);
        }
    });
    receiver
}
