//! What became of the requests of a session, as far as permissions go: what was answered may be sent.
//!
//! A request that failed otherwise proves nothing, and is not noted.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

/// The operations that were tried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tried {
    /// Those that were answered each time.
    pub allowed: BTreeSet<&'static str>,
    /// Those that were refused at least once.
    pub denied: BTreeSet<&'static str>,
}

/// Notes what becomes of requests.
#[derive(Debug, Default)]
pub(super) struct Witness(Mutex<Tried>);

impl Witness {
    /// A request was answered.
    pub(super) fn allowed(&self, operation: &'static str) {
        self.with(|tried| {
            tried.allowed.insert(operation);
        });
    }

    /// A request was refused.
    pub(super) fn denied(&self, operation: &'static str) {
        self.with(|tried| {
            tried.denied.insert(operation);
        });
    }

    /// What was noted.
    pub(super) fn tried(&self) -> Tried {
        let mut tried = self.with(|tried| tried.clone());
        tried.allowed.retain(|operation| !tried.denied.contains(operation));
        tried
    }

    /// Works on the notes. Whoever panicked before left them whole.
    fn with<T>(&self, work: impl FnOnce(&mut Tried) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_once_is_not_allowed() {
        let witness = Witness::default();
        witness.allowed("A");
        witness.allowed("B");
        witness.denied("B");
        let tried = witness.tried();
        assert_eq!(tried.allowed, BTreeSet::from(["A"]));
        assert_eq!(tried.denied, BTreeSet::from(["B"]));
    }
}
