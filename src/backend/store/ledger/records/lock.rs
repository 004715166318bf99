//! Who may change an environment: leases, locks set by hand, the hold, and the guard of them all.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Record;
use crate::model::{
    Actor, DeploymentNumber, HeldLock, Hold, LockKind, ProcessId, Selection, ServiceId,
};

/// The guard of an environment's locks: every change of who may change it counts it up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct GuardRecord {
    /// How often it was changed who may change the environment.
    pub(in super::super) generation: u64,
    /// The sort keys of what the last change wrote.
    #[serde(default)]
    pub(in super::super) changed: BTreeSet<String>,
}

impl Record for GuardRecord {
    const TYPE: &'static str = "lock_guard";
}

/// The lease of a selection: who has it, or had it last. It is there for ever once it was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct LeaseRecord {
    /// What it is about.
    pub(in super::super) selection: Selection,
    /// Its number; it only ever grows.
    pub(in super::super) fence: u64,
    /// The guard's count when it was last taken, or taken away.
    pub(in super::super) generation: u64,
    /// The services it is about; of the whole environment, which is about all, none are kept.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", default)]
    pub(in super::super) services: BTreeSet<ServiceId>,
    /// Who has it, by a random name that nobody else has; none when nobody has it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(in super::super) holder: Option<String>,
    /// Who took it last.
    pub(in super::super) by: Actor,
    /// When.
    pub(in super::super) since: Timestamp,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(in super::super) reason: Option<String>,
    /// When it ends unless it is renewed.
    pub(in super::super) lease_until: Timestamp,
    /// When it was renewed last.
    pub(in super::super) heartbeat_at: Timestamp,
    /// The process that renews it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(in super::super) process: Option<ProcessId>,
    /// The deployment that whoever took it last works on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(in super::super) deployment: Option<DeploymentNumber>,
    /// The last deployment that was worked on under it, whoever had it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(in super::super) last: Option<DeploymentNumber>,
}

impl Record for LeaseRecord {
    const TYPE: &'static str = "lease";
}

impl LeaseRecord {
    /// The lease as somebody has it, over or not; none when nobody has it.
    pub(in super::super) fn held(&self) -> Option<HeldLock> {
        self.holder.as_ref()?;
        Some(HeldLock {
            selection: self.selection.clone(),
            by: self.by.clone(),
            since: self.since,
            reason: self.reason.clone(),
            deployment: self.deployment,
            kind: LockKind::Lease {
                fence: self.fence,
                lease_until: self.lease_until,
                heartbeat_at: self.heartbeat_at,
                process: self.process.clone(),
            },
        })
    }
}

/// A lock that a person has set on a selection. It is removed when it is taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct ManualRecord {
    /// What it is about.
    pub(in super::super) selection: Selection,
    /// The guard's count when it was set.
    pub(in super::super) generation: u64,
    /// The services it is about; of the whole environment, which is about all, none are kept.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", default)]
    pub(in super::super) services: BTreeSet<ServiceId>,
    /// Who set it.
    pub(in super::super) by: Actor,
    /// When.
    pub(in super::super) since: Timestamp,
    /// Why.
    pub(in super::super) reason: String,
    /// When it ends by itself, if it does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(in super::super) until: Option<Timestamp>,
}

impl Record for ManualRecord {
    const TYPE: &'static str = "lock";
}

impl ManualRecord {
    /// The lock as it is told.
    pub(in super::super) fn held(&self) -> HeldLock {
        HeldLock {
            selection: self.selection.clone(),
            by: self.by.clone(),
            since: self.since,
            reason: Some(self.reason.clone()),
            deployment: None,
            kind: LockKind::Manual { until: self.until },
        }
    }
}

/// A hold is kept as the model has it.
impl Record for Hold {
    const TYPE: &'static str = "hold";
}
