//! What AWS still knows of a rollout that does not go well. ECS forgets stopped tasks after about
//! an hour, so this is collected while the rollout is followed.
//!
//! Invariant: collecting never fails and never takes long. What cannot be had is said in the
//! evidence, with what to allow for it.

use std::{future::Future, time::Duration};

use aws_sdk_ecs::types::{Container, DesiredStatus, Task};
use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::time::timeout;

use super::{Ecs, EcsError, OneOffEnd, convert, logs::LogSource, pages};
use crate::{
    backend::aws::AwsError,
    model::{
        ContainerLog, EcsDeploymentId, Evidence, Gap, ObservedService, ServiceEvent,
        TaskDefinitionArn, UnhealthyTask,
    },
};

/// The longest that is waited for one kind of evidence.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// The most logs that are read.
const LOGS_READ: usize = 4;

/// What was collected of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Collected {
    /// What tells why it fails.
    pub evidence: Evidence,
    /// Its tasks that stopped, but for those that were too many; nothing where tasks could not be
    /// read.
    pub stopped: Option<Vec<TaskEnd>>,
}

/// That a task stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskEnd {
    /// The task's id.
    pub id: String,
    /// When it began to stop, by AWS's clock.
    pub began_at: Option<Timestamp>,
}

impl Ecs {
    /// Collects what tells why a deployment of a service fails: the service's events since then,
    /// oldest first; the deployment's tasks that stopped, newest first; those that run and are not
    /// healthy; the last lines of containers that failed; and the targets of its target groups that
    /// are not healthy. Tasks that ECS stopped only because fewer were wanted are no evidence and
    /// left out.
    pub async fn evidence(
        &self,
        service: &ObservedService,
        deployment: &EcsDeploymentId,
        since: Option<Timestamp>,
    ) -> Collected {
        let mut evidence = Evidence {
            events: events_since(&service.events, since),
            console: pages::service_page(&service.arn),
            ..Evidence::default()
        };
        let looking = self.tasks_of(service, deployment);
        let tasks = match within(looking).await {
            Some(Ok(tasks)) => tasks,
            Some(Err(error)) => {
                evidence.gaps.push(untold("the tasks could not be looked at", &error));
                return Collected { evidence, stopped: None };
            }
            None => {
                evidence.gaps.push(late("the tasks"));
                return Collected { evidence, stopped: None };
            }
        };
        let (mut stopped, running): (Vec<Task>, Vec<Task>) = tasks.into_iter().partition(is_ending);
        stopped.retain(is_evidence);
        stopped.sort_by_key(|task| std::cmp::Reverse(ended_at(task)));
        evidence.stopped_tasks = stopped.iter().map(convert::stopped_task).collect();
        evidence.unhealthy_tasks = running.iter().filter_map(unhealthy).collect();
        let all: Vec<Task> = stopped.iter().chain(&running).cloned().collect();
        let (targets, gaps) = match within(self.unhealthy_targets(service, &all)).await {
            Some(found) => found,
            None => (Vec::new(), vec![late("the targets")]),
        };
        let is_target = |task: &Task| targets.iter().any(|one| one.task.as_deref() == id_of(task));
        let ailing = running.iter().filter(|task| unhealthy(task).is_some() || is_target(task));
        let logs = with_logs(&stopped, ailing);
        let logs: Vec<LogSource<'_>> = logs.into_iter().map(source_of).collect();
        evidence.targets = targets;
        evidence.gaps.extend(gaps);
        self.add_logs(&mut evidence, &logs).await;
        Collected { evidence, stopped: Some(stopped.iter().filter_map(task_end).collect()) }
    }

    /// Collects what tells why a one-off task failed: the task as it stopped, and the last lines of
    /// its containers that failed.
    pub async fn one_off_evidence(
        &self,
        (task, task_definition): (&str, &TaskDefinitionArn),
        end: &OneOffEnd,
    ) -> Evidence {
        let mut evidence =
            Evidence { stopped_tasks: vec![end.stopped.clone()], ..Evidence::default() };
        let exits = end.stopped.containers.iter().map(|one| (one.name.as_str(), one.exit_code));
        let failed = culprits(&exits.collect::<Vec<_>>());
        let task_definition = task_definition.as_str();
        let logs = failed.into_iter().take(LOGS_READ);
        let logs = logs.map(|container| LogSource { task, task_definition, container });
        self.add_logs(&mut evidence, &logs.collect::<Vec<_>>()).await;
        evidence
    }

    /// Adds the last lines of containers, or why there are none.
    async fn add_logs(&self, evidence: &mut Evidence, wanted: &[LogSource<'_>]) {
        for log in self.logs_of(wanted).await {
            match log {
                Ok(log) => evidence.logs.push(log),
                Err(gap) => evidence.gaps.push(gap),
            }
        }
    }

    /// All tasks of a deployment that ECS still tells of.
    async fn tasks_of(
        &self,
        service: &ObservedService,
        deployment: &EcsDeploymentId,
    ) -> Result<Vec<Task>, EcsError> {
        let (cluster, name) = (&service.cluster, Some(&service.name));
        let mut arns = self.list_tasks(cluster, name, DesiredStatus::Stopped).await?;
        arns.extend(self.list_tasks(cluster, name, DesiredStatus::Running).await?);
        let mut tasks = self.describe_tasks(cluster, &arns).await?;
        tasks.retain(|task| task.started_by() == Some(deployment.as_str()));
        Ok(tasks)
    }

    /// The last lines of containers, side by side.
    async fn logs_of(&self, wanted: &[LogSource<'_>]) -> Vec<Result<ContainerLog, Gap>> {
        let logs = wanted.iter().map(|source| async move {
            let log = within(self.last_lines(*source)).await;
            log.unwrap_or_else(|| Err(late(&format!("the log of {}", source.container))))
        });
        join_all(logs).await
    }
}

/// The answer, unless it takes too long.
async fn within<T>(work: impl Future<Output = T>) -> Option<T> {
    timeout(PATIENCE, work).await.ok()
}

/// That something took too long.
pub(super) fn late(what: &str) -> Gap {
    let what = format!("{what} could not be read within {} s", PATIENCE.as_secs());
    Gap { what, hint: None }
}

/// That AWS did not tell something.
pub(super) fn gap(what: &str, error: &AwsError) -> Gap {
    Gap { what: format!("{what}: {error}"), hint: error.hint() }
}

/// That ECS did not tell something.
fn untold(what: &str, error: &EcsError) -> Gap {
    match error.aws() {
        Some(error) => gap(what, error),
        None => Gap { what: format!("{what}: {error}"), hint: None },
    }
}

/// A task's id.
fn id_of(task: &Task) -> Option<&str> {
    task.task_arn().and_then(|arn| arn.rsplit('/').next())
}

/// Whether a task is not wanted any more.
pub(super) fn is_ending(task: &Task) -> bool {
    task.desired_status() == Some("STOPPED") || task.stop_code().is_some()
}

/// When a task ended, or began to.
fn ended_at(task: &Task) -> Option<Timestamp> {
    convert::timestamp(task.stopped_at().or(task.stopping_at()))
}

/// That a task stopped, and when it began to.
pub(super) fn task_end(task: &Task) -> Option<TaskEnd> {
    let began_at = convert::timestamp(task.stopping_at().or(task.stopped_at()));
    Some(TaskEnd { id: id_of(task)?.to_owned(), began_at })
}

/// Whether a stopped task tells something of its deployment. ECS stops tasks that fail their health
/// checks and tasks that are too many under one code; only the words differ (ECS developer guide,
/// "stopped tasks error messages").
pub(super) fn is_evidence(task: &Task) -> bool {
    let by_scheduler =
        task.stop_code().is_some_and(|code| code.as_str() == "ServiceSchedulerInitiated");
    let reason = task.stopped_reason().unwrap_or_default();
    !(by_scheduler && reason.starts_with("Scaling activity initiated by"))
}

/// A running task, where a health check of it fails.
fn unhealthy(task: &Task) -> Option<UnhealthyTask> {
    let fails = |one: &&Container| {
        convert::known_health(one.health_status()).as_deref() == Some("UNHEALTHY")
    };
    let containers: Vec<String> = task
        .containers()
        .iter()
        .filter(fails)
        .filter_map(|one| one.name().map(str::to_owned))
        .collect();
    (!containers.is_empty()).then(|| UnhealthyTask {
        id: id_of(task).unwrap_or_default().to_owned(),
        status: task.last_status().unwrap_or_default().to_owned(),
        containers,
    })
}

/// The containers whose logs tell most: of each name one, those that failed first, of the newest task
/// first, and then those of tasks that run and are not healthy.
fn with_logs<'a>(
    stopped: &'a [Task],
    ailing: impl Iterator<Item = &'a Task>,
) -> Vec<(&'a Task, &'a str)> {
    let exits = |task: &'a Task| {
        let exit = |one: &'a Container| Some((one.name()?, one.exit_code()));
        task.containers().iter().filter_map(exit).collect::<Vec<_>>()
    };
    let failed = stopped
        .iter()
        .flat_map(|task| culprits(&exits(task)).into_iter().map(move |name| (task, name)));
    let ailing = ailing
        .flat_map(|task| task.containers().iter().filter_map(move |one| Some((task, one.name()?))));
    let mut wanted: Vec<(&Task, &str)> = Vec::new();
    for (task, name) in failed.chain(ailing) {
        if wanted.len() < LOGS_READ && wanted.iter().all(|(_, other)| *other != name) {
            wanted.push((task, name));
        }
    }
    wanted
}

/// The containers of a stopped task that ran and failed; all that ran where none did by itself.
fn culprits<'a>(exits: &[(&'a str, Option<i32>)]) -> Vec<&'a str> {
    let failed = |code: Option<i32>| code.is_some_and(|code| code != 0 && code != 143);
    let by_itself = exits.iter().any(|(_, code)| failed(*code));
    let ran = exits.iter().filter(|(_, code)| code.is_some());
    let chosen = ran.filter(|(_, code)| !by_itself || failed(*code));
    chosen.map(|(name, _)| *name).collect()
}

/// Whose log it is.
fn source_of<'a>((task, container): (&'a Task, &'a str)) -> LogSource<'a> {
    LogSource {
        task: task.task_arn().unwrap_or_default(),
        task_definition: task.task_definition_arn().unwrap_or_default(),
        container,
    }
}

/// The events since a moment, oldest first.
fn events_since(newest_first: &[ServiceEvent], since: Option<Timestamp>) -> Vec<ServiceEvent> {
    let recent = newest_first.iter().filter(|event| since.is_none_or(|since| event.at >= since));
    let mut events: Vec<_> = recent.cloned().collect();
    events.reverse();
    events
}
