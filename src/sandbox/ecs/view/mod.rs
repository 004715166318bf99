//! What is told of services, deployments and tasks, in the API's own shapes.
//!
//! Nothing is worked out here but counts: what happens, happens in the rollout engine.

mod deployment;
mod progress;
mod service;
mod task;
mod task_set;

use aws_smithy_types::DateTime;
use jiff::Timestamp;

pub(in crate::sandbox) use self::task_set::{TaskSetCounts, counted};
pub(super) use self::{
    deployment::{brief, revision, service_deployment},
    service::service,
    task::{TaskContext, task},
};

/// A moment as the SDK has it.
pub(super) fn time(moment: Timestamp) -> DateTime {
    DateTime::from_millis(moment.as_millisecond())
}

/// A count as the SDK has it.
fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
