//! Signals that ask the process to end. Owns turning them into one flag.

use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How long a line of the log may take before what it tells of.
const TELLING: Duration = Duration::from_millis(500);

/// A flag that rises at SIGTERM or SIGINT: what is begun is finished and committed, nothing new
/// is begun. A second signal ends the process at once, which loses nothing either.
pub(crate) fn shutdown() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    // It lives as long as the process: a closed channel would read as a signal.
    let sender = Box::leak(Box::new(sender));
    // A thread and a runtime of its own: where nobody reads the log any more, whoever writes to it
    // waits for ever, and a runtime whose threads do hears of no signal.
    let thread = thread::Builder::new().name("signals".to_owned());
    if thread.spawn(|| heed(sender)).is_err() {
        unheard();
    }
    receiver
}

/// Raises the flag at the first signal and ends the process at the second.
fn heed(flag: &watch::Sender<bool>) {
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else {
        return unheard();
    };
    runtime.block_on(async {
        let (Ok(mut terminate), Ok(mut interrupt)) = (
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
        ) else {
            return unheard();
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
            tell().await;
            // The receivers may be gone when everything has ended.
            let _ = flag.send(true);
        }
    });
}

fn unheard() {
    tracing::warn!("signals cannot be received; the process ends without draining");
}

/// Before anybody drains: the process may have ended right after. Waited for but a moment.
async fn tell() {
    let told = || tracing::info!("draining; a second signal ends at once");
    let told = tokio::task::spawn_blocking(told);
    let _ = tokio::time::timeout(TELLING, told).await;
}
