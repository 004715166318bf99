//! The ledger: releases, deployments, heads and labels as typed records on top of any store.
//!
//! What holds, whichever process dies and however many race:
//!
//! - A number, of a release or of a deployment, is given once. A gap means that a process died
//!   between taking a number and using it.
//! - The same content is one release, whoever makes it and how often.
//! - A deployment is there whole, with all its steps, or not at all; its steps and its status move
//!   only from the status that the writer names, and what a step found before is written once.
//! - Who works on a deployment has a lease of what it touches, and every write under it checks that
//!   the lease still is theirs.
//! - What is done is told in an audit log whose gaps and changes show, in the same transaction.
//! - A head belongs to the newest deployment that touched its service: an older one that wakes up
//!   cannot take it back.

mod audit;
mod beginning;
mod check;
mod contention;
mod deployments;
mod guard;
mod heads;
mod history;
mod keys;
mod labels;
mod lease;
mod locks;
mod manual;
mod numbers;
mod pages;
mod records;
mod releases;
mod steps;
#[cfg(test)]
mod tests;
mod timeline;
mod verify;

use std::{fmt, sync::Arc};

use jiff::Timestamp;

pub use beginning::NewDeployment;
pub use check::{Examined, Finding, Flaw};
pub use deployments::Ending;
pub use lease::Lease;
pub use locks::{Acquired, LEASE, LockRequest, Locks, Renewal, SKEW};
pub use manual::{LockPlace, NewLock, Unlocked};
pub use releases::NewRelease;
pub use verify::{AuditBreak, AuditProblem};

use super::Store;
use crate::model::{Deployment, DeploymentNumber, EnvironmentId, ProjectId};

/// Typed records on top of a store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// Where the records are.
    store: Arc<dyn Store>,
}

/// Which deployment: all that its records' keys are made of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeploymentKey {
    /// Its project.
    pub project: ProjectId,
    /// Where.
    pub environment: EnvironmentId,
    /// Its number.
    pub number: DeploymentNumber,
}

impl DeploymentKey {
    /// The key of a deployment.
    #[must_use]
    pub fn of(deployment: &Deployment) -> Self {
        Self {
            project: deployment.project.clone(),
            environment: deployment.environment.clone(),
            number: deployment.number,
        }
    }
}

impl fmt::Display for DeploymentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "deployment `{}` of `{}`", self.number, self.project)
    }
}

impl Ledger {
    /// The ledger kept in a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// The time by the clock that all users of the store share.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.store.now()
    }
}
