//! How far long work has come. Owns the counting; whoever is told of it shows it, or does not.

/// Is told how much is done, and of how much; often, so it must be quick.
pub type Told<'a> = &'a mut dyn FnMut(u64, u64);

/// Work whose length is known.
pub(crate) struct Steps<'a> {
    done: u64,
    all: u64,
    told: Told<'a>,
}

impl<'a> Steps<'a> {
    pub(crate) fn new(all: u64, told: Told<'a>) -> Self {
        Self { done: 0, all, told }
    }

    /// So many more are done.
    pub(crate) fn advance(&mut self, by: u64) {
        self.done += by;
        (self.told)(self.done, self.all);
    }
}
