//! A service's events, in ECS's words.
//!
//! Invariant: newest first, at most [`KEPT`]. A service that keeps failing does not flood them:
//! its tasks are started in batches with growing waits, and each batch is one event.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::state::ServiceState;

/// How many events `DescribeServices` tells.
const KEPT: usize = 100;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox::ecs) struct Event {
    /// A UUID.
    pub(in crate::sandbox::ecs) id: String,
    /// When.
    pub(in crate::sandbox::ecs) at: Timestamp,
    /// ECS's words.
    pub(in crate::sandbox::ecs) message: String,
}

/// Tells something about a service; its name is put before it, as ECS does.
fn tell(service: &mut ServiceState, moment: Timestamp, what: &str) {
    let message = format!("(service {}) {what}", service.name);
    let id = service.ids.event();
    service.events.insert(0, Event { id, at: moment, message });
    service.events.truncate(KEPT);
}

/// Tasks were started.
pub(super) fn started(service: &mut ServiceState, moment: Timestamp, tasks: &[String]) {
    tell(service, moment, &format!("has started {} tasks: {}.", tasks.len(), list(tasks)));
}

/// Tasks that ran were stopped.
pub(super) fn stopped(service: &mut ServiceState, moment: Timestamp, tasks: &[String]) {
    if !service.settings.target_groups.is_empty() {
        let text = format!("has begun draining connections on {} tasks.", tasks.len());
        tell(service, moment, &text);
        for group in service.settings.target_groups.clone() {
            let text = format!("deregistered {} targets in (target-group {group})", tasks.len());
            tell(service, moment, &text);
        }
    }
    tell(service, moment, &format!("has stopped {} running tasks: {}.", tasks.len(), list(tasks)));
}

/// A task became a target of the load balancer.
pub(super) fn registered(service: &mut ServiceState, moment: Timestamp) {
    for group in service.settings.target_groups.clone() {
        tell(service, moment, &format!("registered 1 targets in (target-group {group})"));
    }
}

/// A task's health check failed.
pub(super) fn unhealthy(service: &mut ServiceState, moment: Timestamp, task: &str) {
    tell(service, moment, &format!("(task {task}) failed container health checks."));
}

/// The target group's health checks of a task failed, in the words of its target health.
pub(super) fn unhealthy_target(
    service: &mut ServiceState,
    moment: Timestamp,
    (task, port): (&str, u16),
    group: &str,
) {
    let text = format!(
        "(task {task}) (port {port}) is unhealthy in (target-group {group}) due to (reason Health \
         checks failed with these codes: [502])."
    );
    tell(service, moment, &text);
}

/// No task can be started.
pub(super) fn blocked(service: &mut ServiceState, moment: Timestamp, why: &str) {
    tell(service, moment, why);
}

/// Tasks keep failing.
pub(super) fn impaired(service: &mut ServiceState, moment: Timestamp) {
    tell(
        service,
        moment,
        "is unable to consistently start tasks successfully. For more information, see the \
         Troubleshooting section of the Amazon ECS Developer Guide.",
    );
}

/// The bounds of the rollout leave no room to start or stop a task.
pub(super) fn stuck(service: &mut ServiceState, moment: Timestamp) {
    tell(
        service,
        moment,
        "was unable to stop or start tasks during a deployment because of the service deployment \
         configuration. Update the minimumHealthyPercent or maximumPercent value and try again.",
    );
}

/// A deployment is complete.
pub(super) fn completed(service: &mut ServiceState, moment: Timestamp, number: u64) {
    tell(service, moment, &format!("(deployment ecs-svc/{number}) deployment completed."));
}

/// A deployment failed.
pub(super) fn failed(service: &mut ServiceState, moment: Timestamp, number: u64, why: &str) {
    tell(service, moment, &format!("(deployment ecs-svc/{number}) deployment failed: {why}."));
}

/// A rollback began.
pub(super) fn rolling_back(service: &mut ServiceState, moment: Timestamp, to: u64) {
    tell(service, moment, &format!("rolling back to deployment ecs-svc/{to}."));
}

/// All is as wanted.
pub(super) fn steady(service: &mut ServiceState, moment: Timestamp) {
    tell(service, moment, "has reached a steady state.");
}

/// Tasks as events name them.
fn list(tasks: &[String]) -> String {
    tasks.iter().map(|task| format!("(task {task})")).collect::<Vec<_>>().join(" ")
}
