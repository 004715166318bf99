//! Who may change an environment, and who may not.
//!
//! Three things keep each other apart: a *lease*, which a running deployment has for a short time
//! and renews; a *lock*, which a person sets and takes away; and a *hold*, which keeps an
//! environment where a rollback has put it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{actor::Actor, release::DeploymentNumber, selection::Selection};

/// A process on a machine, told so exactly that another process on the same machine can see
/// whether it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// Which start of which machine: the kernel's boot id.
    pub boot: String,
    /// Which namespace the number is of: containers on one machine count on their own.
    pub namespace: String,
    /// Its number.
    pub pid: u32,
    /// When it started, in the kernel's ticks since the boot: numbers are used again.
    pub started: u64,
}

/// What somebody holds of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldLock {
    /// What is held; `all` is the whole environment.
    pub selection: Selection,
    /// Who holds it.
    pub by: Actor,
    /// Since when.
    pub since: Timestamp,
    /// Why, in the words given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The deployment it is held for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub deployment: Option<DeploymentNumber>,
    /// How long, and by what.
    #[serde(flatten)]
    pub kind: LockKind,
}

/// How something is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "lock")]
pub enum LockKind {
    /// By a running command, which renews it.
    Lease {
        /// The number of this lease among those of the same selection; it only ever grows.
        fence: u64,
        /// When it ends unless it is renewed.
        lease_until: Timestamp,
        /// When it was renewed last.
        heartbeat_at: Timestamp,
        /// The process that renews it, where it can be told.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        process: Option<ProcessId>,
    },
    /// By a person, until that person or somebody else unlocks it.
    Manual {
        /// When it ends by itself, if it does.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        until: Option<Timestamp>,
    },
}

/// An environment that stays as it is until somebody says why it may move again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Who put it on hold.
    pub by: Actor,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
    /// The deployment that it follows from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub deployment: Option<DeploymentNumber>,
}

/// Somebody's wish that a running deployment stops before its next effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelRequest {
    /// Who wishes it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Whether it is taken back then; else it is ended where it is.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub takes_back: bool,
    /// Why, in the words given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}
