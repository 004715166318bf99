//! A lease in the hands of the command that took it, and what every write under it checks.

use serde_json::{Map, Value};

use super::{
    super::{Condition, Key, StoreError, Write},
    DeploymentKey,
    audit::Chain,
    keys,
    records::{self, LeaseRecord},
};
use crate::model::{
    Actor, DeploymentNumber, EnvironmentId, HeldLock, LockKind, ProjectId, Selection,
};

/// The right to change an environment, or some of its services, for as long as it is renewed.
///
/// Whoever has one writes under it, and every such write checks that it still is theirs: a process
/// that was paused and wakes up late can write no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The project.
    pub(super) project: ProjectId,
    /// Where.
    pub(super) environment: EnvironmentId,
    /// What it is about.
    pub(super) selection: Selection,
    /// The random name of whoever took it.
    pub(super) holder: String,
    /// Its number.
    pub(super) fence: u64,
    /// Who took it.
    pub(super) by: Actor,
    /// The guard's count with this lease.
    pub(super) generation: u64,
}

impl Lease {
    /// The project.
    #[must_use]
    pub fn project(&self) -> &ProjectId {
        &self.project
    }

    /// Where it holds.
    #[must_use]
    pub fn environment(&self) -> &EnvironmentId {
        &self.environment
    }

    /// What it is about.
    #[must_use]
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Who took it.
    #[must_use]
    pub fn by(&self) -> &Actor {
        &self.by
    }

    /// The number of this lease among those of the same selection; it only ever grows.
    #[must_use]
    pub fn fence(&self) -> u64 {
        self.fence
    }

    /// How often it had changed who may change the environment, this lease included: one more than
    /// [`super::Locks::generation`] where nobody came in between.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether this is what somebody else sees of it.
    #[must_use]
    pub fn is(&self, held: &HeldLock) -> bool {
        let fence = match held.kind {
            LockKind::Lease { fence, .. } => Some(fence),
            LockKind::Manual { .. } => None,
        };
        held.selection == self.selection && fence == Some(self.fence)
    }

    /// Where it is.
    pub(super) fn key(&self) -> Key {
        keys::lease(&self.project, &self.environment, &self.selection)
    }

    /// That it still is this command's.
    pub(super) fn conditions(&self) -> [Condition; 3] {
        [
            Condition::equals("holder", self.holder.as_str()),
            Condition::equals("fence", self.fence),
            records::known::<LeaseRecord>(),
        ]
    }

    /// A write of the lease itself, which checks that it still is this command's.
    fn when_held(&self, mut write: Write) -> Write {
        write.conditions.extend(self.conditions());
        write
    }

    /// Only checks that it still is this command's.
    pub(super) fn check(&self) -> Write {
        self.when_held(Write::check(self.key()))
    }

    /// Changes the lease.
    pub(super) fn update(&self, set: Map<String, Value>, remove: Vec<String>) -> Write {
        self.when_held(Write::update(self.key(), set, remove))
    }

    /// Says which deployment is worked on under it.
    pub(super) fn naming(&self, number: DeploymentNumber) -> Write {
        let number = Value::from(number.0);
        let set = [("deployment".to_owned(), number.clone()), ("last".to_owned(), number)];
        self.update(Map::from_iter(set), Vec::new())
    }

    /// Checks that it is a lease of the deployment's environment.
    pub(super) fn check_covers(&self, key: &DeploymentKey) -> Result<(), StoreError> {
        if (&self.project, &self.environment) == (&key.project, &key.environment) {
            return Ok(());
        }
        let reason = format!("{key} is changed under a lease of `{}`", self.environment);
        Err(StoreError::invalid(reason))
    }

    /// The audit chain of its environment.
    pub(super) fn chain(&self) -> Chain<'_> {
        Chain::of(&self.project, &self.environment)
    }

    /// Whether an error says that it is somebody else's by now.
    pub(super) fn is_lost_by(&self, error: &StoreError) -> bool {
        error.conflict().is_some_and(|conflict| conflict.on(&self.key()).is_some())
    }

    /// Tells a conflict on the lease as what it is.
    pub(super) fn explain(&self, error: StoreError) -> StoreError {
        let Some(failed) = error.conflict().and_then(|conflict| conflict.on(&self.key())) else {
            return error;
        };
        let found = failed.found.as_ref().map(records::decode::<LeaseRecord>).transpose();
        match found {
            Err(unreadable) => unreadable,
            Ok(record) => StoreError::LeaseLost {
                environment: self.environment.clone(),
                held: record.and_then(|record| record.held()).map(Box::new),
            },
        }
    }
}
