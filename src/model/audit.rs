//! What was done to the record, by whom and why, in an order that shows every gap.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    actor::Actor,
    id::{EnvironmentId, ServiceId},
};

/// One entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Its number in its chain, from 1 without gaps.
    pub number: u64,
    /// The environment whose chain it is in; none in the chain of the project.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub environment: Option<EnvironmentId>,
    /// When.
    pub at: Timestamp,
    /// Who; what AWS proves is kept apart from what the surroundings claim.
    pub actor: Actor,
    /// What was done, such as `deployment.started`.
    pub action: String,
    /// To what, such as `d12`.
    pub subject: String,
    /// What it came to, or what it is about, in a few words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
    /// Why, in the words given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The hash of the entry before; empty for the first.
    pub previous: String,
    /// SHA-256 over all other members, as 64 hexadecimal digits.
    pub hash: String,
}

/// One thing that a deployment did, for its timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// When, by this machine's clock.
    pub at: Timestamp,
    /// The service it is about; none for the deployment as a whole.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub service: Option<ServiceId>,
    /// What, in a few words.
    pub text: String,
}
