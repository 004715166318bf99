//! The audit log's entries and the end of each chain, and what deployments tell of themselves.

use serde::{Deserialize, Serialize};

use super::Record;
use crate::model::{AuditEvent, TimelineEntry};

/// An entry is kept as the model has it, and never changed.
impl Record for AuditEvent {
    const TYPE: &'static str = "audit";
}

/// The end of a chain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct AuditHead {
    /// The number of the last entry.
    pub(in super::super) number: u64,
    /// Its hash.
    pub(in super::super) hash: String,
}

impl Record for AuditHead {
    const TYPE: &'static str = "audit_head";
}

/// An entry of a timeline is kept as the model has it.
impl Record for TimelineEntry {
    const TYPE: &'static str = "timeline";
}
