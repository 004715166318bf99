//! What proves that a rollout does not go well, and what it means.
//!
//! Invariant: of a step no more is kept than [`Evidence::fit`] leaves, however much AWS told, so that
//! the record of a deployment fits the store; what was cut is said.

mod cause;
mod fit;
mod merge;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::{
    cause::{Cause, Diagnosis},
    fit::{EVIDENCE_BYTES, TASKS_KEPT},
};
use super::observed::ServiceEvent;

/// What was collected about a rollout that did not succeed, while AWS still knew it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// What it means, the most telling first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnosis: Vec<Diagnosis>,
    /// The service's events since our deployment began, oldest first.
    pub events: Vec<ServiceEvent>,
    /// Stopped tasks of our deployment, newest first.
    pub stopped_tasks: Vec<StoppedTask>,
    /// Tasks of our deployment that ran and were not healthy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unhealthy_tasks: Vec<UnhealthyTask>,
    /// The last lines of containers that failed: of each container of the task definition those of
    /// one task.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<ContainerLog>,
    /// Targets of the service's target groups that were not healthy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<UnhealthyTarget>,
    /// The CloudWatch alarms that ended the deployment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<String>,
    /// Where the console shows the service's deployments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console: Option<String>,
    /// What could not be collected, or not be kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

/// A task that stopped, as `DescribeTasks` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StoppedTask {
    /// The task's id, the last part of its ARN.
    pub id: String,
    /// `stopCode`, such as `EssentialContainerExited`.
    pub stop_code: String,
    /// `stoppedReason`, in ECS's words.
    pub stopped_reason: String,
    /// When it stopped, or began to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<Timestamp>,
    /// Its containers.
    pub containers: Vec<ContainerExit>,
}

/// How a container of a stopped task ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ContainerExit {
    /// The container's name.
    pub name: String,
    /// Its exit code, if it ran at all.
    pub exit_code: Option<i32>,
    /// ECS's words on it, often empty.
    pub reason: String,
    /// `healthStatus`, where its definition has a health check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// The digest of the image that it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
}

/// A task that runs and is not healthy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UnhealthyTask {
    /// The task's id.
    pub id: String,
    /// `lastStatus`.
    pub status: String,
    /// Its containers whose health check fails.
    pub containers: Vec<String>,
}

/// The end of a container's log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ContainerLog {
    /// The task's id.
    pub task: String,
    /// The container's name.
    pub container: String,
    /// Where it is: the log group, or the driver that took it elsewhere.
    pub source: String,
    /// The log stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Its last lines, oldest first. They are the container's own words: nobody vouches for them.
    pub lines: Vec<LogLine>,
    /// Where the console shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console: Option<String>,
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When it was logged.
    pub at: Timestamp,
    /// The line.
    pub message: String,
}

impl LogLine {
    /// The same with no more than so many bytes.
    #[must_use]
    pub fn cut(mut self, bytes: usize) -> Self {
        fit::cut(&mut self.message, bytes);
        self
    }
}

/// A target that is not healthy, as `DescribeTargetHealth` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UnhealthyTarget {
    /// The target group's ARN.
    pub target_group: String,
    /// Address and port.
    pub target: String,
    /// The task that has the address, if one of ours does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// `State`, such as `unhealthy`.
    pub state: String,
    /// `Reason`, such as `Target.Timeout`.
    pub reason: String,
    /// `Description`, in words.
    pub description: String,
}

/// What could not be collected.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Gap {
    /// What is missing, and why.
    pub what: String,
    /// What to do so that it is there the next time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Evidence {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
