//! The pace of one shard's reads. Owns keeping within calls and bytes a second; shared with
//! nothing else.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Two buckets of tokens that hold no stock: the next call is due when the earlier ones are paid
/// for. A full bucket would let ten calls into one second, which AWS counts per second ("Quotas
/// and limits": five reads and 2 MiB a second and shard).
pub(crate) struct Pace {
    between: Duration,
    bytes_per_second: u64,
    due: Instant,
    /// When the last call was sent.
    sent: Instant,
}

impl Pace {
    pub(crate) fn new(reads_per_second: u32, bytes_per_second: u64) -> Self {
        let now = Instant::now();
        Self {
            between: Duration::from_secs(1) / reads_per_second.max(1),
            bytes_per_second: bytes_per_second.max(1),
            due: now,
            sent: now,
        }
    }

    /// Waits until the next call is due. Cancel safe.
    pub(crate) async fn wait(&self) {
        if self.due > Instant::now() {
            sleep_until(self.due).await;
        }
    }

    /// A call is sent now: paid for whether or not somebody waits for its answer.
    pub(crate) fn send(&mut self) -> Instant {
        self.sent = Instant::now();
        self.due = self.sent + self.between;
        self.sent
    }

    /// It brought so many bytes.
    pub(crate) fn brought(&mut self, bytes: usize) {
        let seconds = bytes as f64 / self.bytes_per_second as f64;
        self.due = self.due.max(self.sent + Duration::from_secs_f64(seconds));
    }

    /// How much one second allows.
    pub(crate) fn bytes_in_a_second(&self) -> usize {
        usize::try_from(self.bytes_per_second).unwrap_or(usize::MAX)
    }

    /// Nothing for so long.
    pub(crate) fn rest(&mut self, time: Duration) {
        self.due = self.due.max(Instant::now() + time);
    }
}
