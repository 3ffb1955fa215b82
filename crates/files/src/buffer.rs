//! Bytes read from a file and not yet taken as records. Owns wiping them: they are plaintext.

use std::io;

use zeroize::Zeroizing;

/// Unread bytes. What a larger buffer replaces is wiped like the last one.
#[derive(Default)]
pub(crate) struct Buffer {
    bytes: Zeroizing<Vec<u8>>,
    taken: usize,
}

impl Buffer {
    /// The unread bytes.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    /// Takes the first `count` unread bytes away.
    pub(crate) fn take(&mut self, count: usize) {
        self.taken += count;
    }

    /// Adds up to `chunk` bytes that `read` puts into the slice it is given; how many it says.
    pub(crate) fn fill(
        &mut self,
        chunk: usize,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let unread = self.bytes.len() - self.taken;
        if unread + chunk > self.bytes.capacity() {
            // Twice as much, so that a long record is not copied once per chunk.
            let mut larger = Zeroizing::new(Vec::with_capacity(unread * 2 + chunk));
            larger.extend_from_slice(self.unread());
            self.bytes = larger;
        } else {
            self.bytes.copy_within(self.taken.., 0);
        }
        self.taken = 0;
        self.bytes.resize(unread + chunk, 0);
        let result = read(&mut self.bytes[unread..]);
        let added = result.as_ref().map_or(0, |count| *count);
        self.bytes.truncate(unread + added);
        result
    }
}
