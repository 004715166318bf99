//! Service deployments: the record of every wish to deploy, and how it went.
//!
//! Invariant: a record whose status is terminal never changes again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{alarms::Watch, stages::Progress, strategy::Plan};

/// `ServiceDeploymentStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::sandbox::ecs) enum Status {
    /// Asked for.
    Pending,
    /// Being carried out.
    InProgress,
    /// Superseded, and about to end.
    StopRequested,
    /// Ended without success and without rollback.
    Stopped,
    /// Somebody asked for a rollback.
    RollbackRequested,
    /// The service goes back.
    RollbackInProgress,
    /// The service is back.
    RollbackSuccessful,
    /// The service is not back, and will not be.
    RollbackFailed,
    /// All was as wanted.
    Successful,
}

impl Status {
    /// Whether it is the last.
    pub(in crate::sandbox::ecs) fn is_terminal(self) -> bool {
        use Status::{RollbackFailed, RollbackSuccessful, Stopped, Successful};
        matches!(self, Stopped | RollbackSuccessful | RollbackFailed | Successful)
    }
}

/// A rollback, begun or asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox::ecs) struct Rollback {
    /// Why.
    pub(in crate::sandbox::ecs) reason: String,
    /// When it began.
    pub(in crate::sandbox::ecs) started_at: Timestamp,
    /// The service revision that is gone back to.
    pub(in crate::sandbox::ecs) revision: u64,
}

/// The record of one wish to deploy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox::ecs) struct ServiceDeployment {
    /// Ends its ARN.
    pub(in crate::sandbox::ecs) id: String,
    /// When it was asked for.
    pub(in crate::sandbox::ecs) created_at: Timestamp,
    /// When it began.
    pub(in crate::sandbox::ecs) started_at: Option<Timestamp>,
    /// When it ended, however.
    pub(in crate::sandbox::ecs) finished_at: Option<Timestamp>,
    /// When it was stopped, if it was.
    pub(in crate::sandbox::ecs) stopped_at: Option<Timestamp>,
    /// When anything of it last changed.
    pub(in crate::sandbox::ecs) updated_at: Timestamp,
    /// The service revisions that ran before.
    pub(in crate::sandbox::ecs) sources: Vec<u64>,
    /// The service revision that is wanted.
    pub(in crate::sandbox::ecs) target: u64,
    /// How far it is.
    pub(in crate::sandbox::ecs) status: Status,
    /// Why.
    pub(in crate::sandbox::ecs) reason: Option<String>,
    /// Its rollback, once that has begun.
    pub(in crate::sandbox::ecs) rollback: Option<Rollback>,
    /// Failures that the circuit breaker counted.
    pub(in crate::sandbox::ecs) failures: u32,
    /// Whether the circuit breaker ended it.
    pub(in crate::sandbox::ecs) tripped: bool,
    /// When a status that passes by itself does.
    pub(in crate::sandbox::ecs) turns_at: Option<Timestamp>,
    /// How it is to go.
    #[serde(default)]
    pub(in crate::sandbox::ecs) plan: Plan,
    /// How far it is in its stages, once it has come to one.
    #[serde(default)]
    pub(in crate::sandbox::ecs) progress: Option<Progress>,
    /// The thousandths of production traffic that its sources had when it began.
    #[serde(default)]
    pub(in crate::sandbox::ecs) shares: Vec<(u64, u32)>,
    /// What it knows of its alarms.
    #[serde(default)]
    pub(in crate::sandbox::ecs) watch: Watch,
}

impl ServiceDeployment {
    /// Sets how far it is.
    pub(super) fn turn(&mut self, status: Status, reason: Option<&str>, moment: Timestamp) {
        self.status = status;
        self.updated_at = moment;
        self.turns_at = None;
        if let Some(reason) = reason {
            self.reason = Some(reason.to_owned());
        }
        if status.is_terminal() {
            self.finished_at = Some(moment);
        }
        if status == Status::Stopped {
            self.stopped_at = Some(moment);
        }
    }
}
