//! What can go wrong with a store, and what to do about it.
//!
//! Messages complete "failed to …"; the cause is the source and never in the text.

use std::error::Error;

use super::item::{Item, Key};
use crate::model::{CancelRequest, EnvironmentId, HeldLock, LockKind};

/// A cause from below the store.
pub(super) type Cause = Box<dyn Error + Send + Sync>;

/// Why a call to a store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A condition of a transaction did not hold, so none of its writes was carried out.
    #[error("failed to change the record: {}", .0.reason)]
    Conflict(Box<Conflict>),
    /// What was asked for is not there.
    #[error("failed to find {what}")]
    NotFound {
        /// What was asked for, with its project.
        what: String,
    },
    /// A record, or the file itself, is newer than this program.
    #[error(
        "failed to read {what}: its schema is {found}, and this program knows those up to {known}"
    )]
    NewerSchema {
        /// Which record or file.
        what: String,
        /// Its schema.
        found: u64,
        /// The newest schema that this program knows.
        known: u64,
    },
    /// The call breaks the contract; a fault of this program or of what it was given.
    #[error("failed to use the store as it is meant: {reason}")]
    Invalid {
        /// The rule that was broken.
        reason: String,
    },
    /// A record is there and cannot be understood.
    #[error("failed to read {what}: it is damaged")]
    Damaged {
        /// Which record.
        what: String,
        /// What is wrong with it.
        #[source]
        source: Cause,
    },
    /// Whoever writes does not have the lease any more, so nothing was written.
    #[error("failed to change the record of `{environment}`: {}", has_now(held.as_deref()))]
    LeaseLost {
        /// The environment.
        environment: EnvironmentId,
        /// Who has it now, if anybody does.
        held: Option<Box<HeldLock>>,
    },
    /// Somebody wishes that the deployment stops, so that nothing new may begin.
    #[error("failed to begin the next change: {} asked the deployment to stop", .0.by.name)]
    CancelRequested(Box<CancelRequest>),
    /// The store cannot be used. A write may or may not have been carried out.
    #[error("failed to use the store `{store}`: {problem}")]
    Unavailable {
        /// Where the store is.
        store: String,
        /// What is the matter, in a few words.
        problem: String,
        /// What to do, as an imperative sentence.
        hint: String,
        /// What the store said.
        #[source]
        source: Cause,
    },
}

impl StoreError {
    /// What to do about it, as one imperative sentence.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Conflict(_) => {
                "look at `release-tool status`: another process changed the record first".to_owned()
            }
            Self::NotFound { .. } => {
                "check the number, and that the manifest's `store` is the one it was recorded in"
                    .to_owned()
            }
            Self::NewerSchema { .. } => {
                "update release-tool: a newer version has written to this store".to_owned()
            }
            Self::Invalid { .. } => "report this as a fault of release-tool".to_owned(),
            Self::Damaged { .. } => {
                "restore the record from a backup: it was not written by release-tool as it is"
                    .to_owned()
            }
            Self::LeaseLost { held, .. } => lost_hint(held.as_deref()),
            Self::CancelRequested(_) => {
                "look at `release-tool show` with the deployment's number; `release-tool resume` \
                 goes on with it"
                    .to_owned()
            }
            Self::Unavailable { hint, .. } => hint.clone(),
        }
    }

    /// The conflict, if it is one.
    #[must_use]
    pub fn conflict(&self) -> Option<&Conflict> {
        match self {
            Self::Conflict(conflict) => Some(conflict),
            _ => None,
        }
    }

    /// A call that breaks a rule of the contract.
    pub(super) fn invalid(reason: impl Into<String>) -> Self {
        Self::Invalid { reason: reason.into() }
    }

    /// A conflict, told in the words of whoever knows what the items mean.
    pub(super) fn conflicting(reason: impl Into<String>, failed: Vec<FailedWrite>) -> Self {
        Self::Conflict(Box::new(Conflict { reason: reason.into(), failed }))
    }

    /// The conflict of a transaction whose writes failed so.
    pub(super) fn failed_writes(failed: Vec<FailedWrite>) -> Self {
        let reason = match failed.first() {
            Some(first) => format!("`{}` is not as expected any more", first.key),
            None => "it is not as expected any more".to_owned(),
        };
        Self::conflicting(reason, failed)
    }
}

/// Who has a lease that was lost, as a clause.
fn has_now(held: Option<&HeldLock>) -> String {
    let Some(held) = held else {
        return "this command's lease was taken away".to_owned();
    };
    match held.deployment {
        Some(deployment) => {
            format!("{} has its lease now, for {deployment}", held.by.name)
        }
        None => format!("{} has its lease now", held.by.name),
    }
}

/// What to do once a lease was lost.
fn lost_hint(held: Option<&HeldLock>) -> String {
    let is_lease = held.is_some_and(|held| matches!(held.kind, LockKind::Lease { .. }));
    if is_lease {
        return "wait until the other command is done, and see what runs with \
                `release-tool status`"
            .to_owned();
    }
    "go on with `release-tool resume` once nobody works on the environment".to_owned()
}

/// The writes whose conditions did not hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict {
    /// What is not as expected, as a clause.
    pub reason: String,
    /// The writes known to have failed, at least one, in the order of the transaction.
    pub failed: Vec<FailedWrite>,
}

impl Conflict {
    /// The failed write on a key.
    #[must_use]
    pub fn on(&self, key: &Key) -> Option<&FailedWrite> {
        self.failed.iter().find(|failed| failed.key == *key)
    }
}

/// A write whose conditions did not hold.
#[derive(Debug, Clone, PartialEq)]
pub struct FailedWrite {
    /// Its place in the transaction, from 0.
    pub position: usize,
    /// The item it was about.
    pub key: Key,
    /// The item that was there; none when there was none.
    pub found: Option<Item>,
}
