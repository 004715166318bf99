//! How a service's rollout ended, and what proves it.

use serde::{Deserialize, Serialize};

use super::{
    arn::{EcsDeploymentId, TaskDefinitionArn},
    observed::ServiceEvent,
};

/// How one service's rollout ended. Only [`Verdict::Verified`] is success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// Our deployment is complete, it is the PRIMARY one, no old task runs, and the running
    /// tasks have the release's digests.
    Verified,
    /// Our deployment ended without success, and the service was not put back.
    Failed {
        /// Why, in one sentence.
        reason: String,
    },
    /// Our deployment failed, and ECS put the service back.
    RolledBack {
        /// What runs now.
        to: Option<TaskDefinitionArn>,
        /// Why, in ECS's words.
        reason: String,
    },
    /// Our deployment failed, and so did ECS's rollback.
    RollbackFailed {
        /// Why, in ECS's words.
        reason: String,
    },
    /// Another deployment took ours's place.
    Superseded {
        /// The deployment that is PRIMARY now.
        by: Option<EcsDeploymentId>,
        /// What it runs.
        task_definition: Option<TaskDefinitionArn>,
    },
    /// The rollout did not end within the time given; it may go on.
    TimedOut {
        /// How long we waited, in seconds.
        seconds: u64,
        /// What it was doing.
        last_seen: String,
    },
    /// Nothing was done: another service failed first, or the command was interrupted.
    NotStarted {
        /// Why.
        reason: String,
    },
    /// An effect was asked for and its outcome is not known.
    Unknown {
        /// What was asked and what came back.
        reason: String,
    },
}

impl Verdict {
    /// The verdict in the word of the record and of the output.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Verified => "VERIFIED",
            Self::Failed { .. } => "FAILED",
            Self::RolledBack { .. } => "ROLLED_BACK",
            Self::RollbackFailed { .. } => "ROLLBACK_FAILED",
            Self::Superseded { .. } => "SUPERSEDED",
            Self::TimedOut { .. } => "TIMED_OUT",
            Self::NotStarted { .. } => "NOT_STARTED",
            Self::Unknown { .. } => "UNKNOWN",
        }
    }
}

/// What was collected about a rollout that did not succeed, while ECS still knew it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// The service's events since our deployment began, oldest first.
    pub events: Vec<ServiceEvent>,
    /// Stopped tasks of our deployment, newest first.
    pub stopped_tasks: Vec<StoppedTask>,
}

/// A task that stopped, as `DescribeTasks` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedTask {
    /// The task's id, the last part of its ARN.
    pub id: String,
    /// `stopCode`, such as `EssentialContainerExited`.
    pub stop_code: String,
    /// `stoppedReason`, in ECS's words.
    pub stopped_reason: String,
    /// Its containers.
    pub containers: Vec<ContainerExit>,
}

/// How a container of a stopped task ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerExit {
    /// The container's name.
    pub name: String,
    /// Its exit code, if it ran at all.
    pub exit_code: Option<i32>,
    /// ECS's words on it, often empty.
    pub reason: String,
}
