//! What ECS still knows of a rollout that did not go well. ECS forgets stopped tasks after about
//! an hour, so this is collected while the rollout is followed.

use aws_sdk_ecs::types::{DesiredStatus, Task};
use jiff::Timestamp;

use super::{Ecs, EcsError, convert};
use crate::model::{EcsDeploymentId, Evidence, ObservedService, ServiceEvent};

/// The most stopped tasks that are kept: they mostly say the same.
const TASKS_KEPT: usize = 10;
/// The most events that are kept.
const EVENTS_KEPT: usize = 20;

impl Ecs {
    /// Collects what tells why a deployment of a service fails: the service's events since then,
    /// oldest first, and the deployment's tasks that stopped, newest first. Tasks that ECS
    /// stopped only because fewer were wanted are no evidence and left out.
    ///
    /// # Errors
    /// Fails when a request fails.
    pub async fn evidence(
        &self,
        service: &ObservedService,
        deployment: &EcsDeploymentId,
        since: Option<Timestamp>,
    ) -> Result<Evidence, EcsError> {
        let cluster = &service.cluster;
        let arns = self.list_tasks(cluster, Some(&service.name), DesiredStatus::Stopped).await?;
        let mut tasks = self.describe_tasks(cluster, &arns).await?;
        tasks.retain(|task| is_evidence(task, deployment));
        tasks.sort_by_key(|task| std::cmp::Reverse(convert::timestamp(task.stopped_at())));
        Ok(Evidence {
            events: events_since(&service.events, since),
            stopped_tasks: tasks.iter().take(TASKS_KEPT).map(convert::stopped_task).collect(),
        })
    }
}

/// Whether a stopped task tells something of a deployment. ECS stops tasks that fail their health
/// checks and tasks that are too many under one code; only the words differ (ECS developer guide,
/// "stopped tasks error messages").
fn is_evidence(task: &Task, deployment: &EcsDeploymentId) -> bool {
    let scaled_in =
        task.stop_code().is_some_and(|code| code.as_str() == "ServiceSchedulerInitiated")
            && task
                .stopped_reason()
                .is_some_and(|reason| reason.starts_with("Scaling activity initiated by"));
    task.started_by() == Some(deployment.as_str()) && !scaled_in
}

/// The latest events since a moment, oldest first.
fn events_since(newest_first: &[ServiceEvent], since: Option<Timestamp>) -> Vec<ServiceEvent> {
    let recent = newest_first.iter().filter(|event| since.is_none_or(|since| event.at >= since));
    let mut events: Vec<_> = recent.take(EVENTS_KEPT).cloned().collect();
    events.reverse();
    events
}
