//! Which operations AWS has throttled, for whoever wants to tell the user.

use std::{
    collections::BTreeSet,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use super::ThrottleHook;

/// The operations throttled since somebody last asked.
#[derive(Debug, Default)]
pub struct Throttles {
    /// Their names, each once.
    operations: Mutex<BTreeSet<String>>,
}

impl Throttles {
    /// What notes them down here.
    #[must_use]
    pub fn hook(self: &Arc<Self>) -> ThrottleHook {
        let throttles = Arc::clone(self);
        Arc::new(move |operation: &str| {
            let mut known = throttles.operations.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(operation.to_owned());
        })
    }

    /// The names noted down since the last call.
    #[must_use]
    pub fn take(&self) -> BTreeSet<String> {
        mem::take(&mut *self.operations.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
