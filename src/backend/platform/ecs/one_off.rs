//! One-off tasks: a command that is run once, in a task of its own, where a service's tasks run.
//!
//! Every request carries a token, which ECS keeps for as long as it tells of the task: within that
//! time a repeat runs nothing (ECS API, "Ensuring idempotency").

use std::time::Duration;

use aws_sdk_ecs::types::{
    self as sdk, CapacityProviderStrategyItem, ContainerOverride, DesiredStatus, LaunchType,
    NetworkConfiguration, PropagateTags, TaskOverride,
};

use super::{Ecs, EcsError, RUN_TASK, convert};
use crate::{
    backend::aws::{AwsError, FaultKind},
    model::{ClusterName, ContainerName, EcsServiceName, RunTask, StoppedTask, TaskDefinitionArn},
};

/// How often a request is sent whose answer was lost.
const ATTEMPTS: u32 = 3;
/// The time between two of them.
const SETTLE: Duration = Duration::from_secs(2);
/// The group of all such tasks.
const GROUP: &str = "release-tool";

/// A one-off task that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct OneOff<'a> {
    /// The cluster.
    pub cluster: &'a ClusterName,
    /// The service beside which it runs: in its network, on its capacity.
    pub service: &'a EcsServiceName,
    /// What it runs, by its full ARN.
    pub task_definition: &'a TaskDefinitionArn,
    /// The command.
    pub run: &'a RunTask,
    /// Its `clientToken` and `startedBy`: letters, digits, `-`, `/` and `_`, at most 64.
    pub token: &'a str,
}

/// A one-off task as ECS tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOffState {
    /// Its ARN.
    pub arn: String,
    /// `lastStatus`.
    pub status: String,
    /// How it ended, once it has.
    pub end: Option<OneOffEnd>,
}

/// How a one-off task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOffEnd {
    /// The exit code of the container that had the command; none where it never ran, and where what
    /// it ran on was lost.
    pub exit_code: Option<i32>,
    /// Whether the command is known never to have run.
    pub never_ran: bool,
    /// The whole task.
    pub stopped: StoppedTask,
}

/// Where and how the tasks of a service run.
#[derive(Debug, Clone, Default)]
struct Place {
    /// Subnets and security groups.
    network: Option<NetworkConfiguration>,
    /// The launch type, where there is no strategy.
    launch_type: Option<LaunchType>,
    /// The capacity providers.
    strategy: Option<Vec<CapacityProviderStrategyItem>>,
    /// The platform version of Fargate.
    platform_version: Option<String>,
}

impl Place {
    /// That of a service; of one that does not move itself, that of its PRIMARY task set.
    fn of(service: &sdk::Service) -> Self {
        let own = Self {
            network: service.network_configuration.clone(),
            launch_type: service.launch_type.clone(),
            strategy: service.capacity_provider_strategy.clone(),
            platform_version: service.platform_version.clone(),
        };
        let set = service.task_sets().iter().find(|set| set.status() == Some("PRIMARY"));
        let place = match set {
            Some(set) if own.network.is_none() && own.launch_type.is_none() => Self {
                network: set.network_configuration.clone(),
                launch_type: set.launch_type.clone(),
                strategy: set.capacity_provider_strategy.clone(),
                platform_version: set.platform_version.clone(),
            },
            _ => own,
        };
        let strategy = place.strategy.filter(|items| !items.is_empty());
        // ECS takes one of the two only.
        let launch_type = place.launch_type.filter(|_| strategy.is_none());
        Self { launch_type, strategy, ..place }
    }
}

impl Ecs {
    /// Runs a one-off task; its ARN. Where the answer was lost it is asked for again with the same
    /// token, which runs nothing twice.
    ///
    /// # Errors
    /// Fails when ECS refuses or has no room, and with [`EcsError::RunInDoubt`] when nobody knows
    /// whether the task runs.
    pub async fn run_one_off(&self, one_off: &OneOff<'_>) -> Result<String, EcsError> {
        let service = self.raw_service(one_off.cluster, one_off.service).await?;
        let name = one_off.service.as_str();
        let service = service
            .ok_or_else(|| EcsError::unreadable(name, "the service is not there any more"))?;
        let place = Place::of(&service);
        let mut lost = None;
        for attempt in 1..=ATTEMPTS {
            match self.send_run(one_off, (&service, &place)).await {
                Err(EcsError::Aws { source, .. }) if is_in_doubt(&source) => lost = Some(source),
                answered => return answered.map_err(|error| after(lost, error, one_off.run)),
            }
            if attempt < ATTEMPTS {
                tokio::time::sleep(SETTLE).await;
            }
        }
        let reason = "no answer came".to_owned();
        let silent = EcsError::Unreadable { subject: name.to_owned(), reason };
        Err(after(lost, silent, one_off.run))
    }

    /// Sends the request once.
    async fn send_run(
        &self,
        one_off: &OneOff<'_>,
        (service, place): (&sdk::Service, &Place),
    ) -> Result<String, EcsError> {
        // `SERVICE` is no choice for a task that belongs to none.
        let tags = service.propagate_tags().filter(|from| **from == PropagateTags::TaskDefinition);
        let request = self
            .client
            .run_task()
            .cluster(one_off.cluster.as_str())
            .task_definition(one_off.task_definition.as_str())
            .overrides(overrides(one_off.run))
            .set_network_configuration(place.network.clone())
            .set_launch_type(place.launch_type.clone())
            .set_capacity_provider_strategy(place.strategy.clone())
            .set_platform_version(place.platform_version.clone())
            .set_placement_constraints(
                service.placement_constraints.clone().filter(|all| !all.is_empty()),
            )
            .set_propagate_tags(tags.cloned())
            .group(GROUP)
            .started_by(one_off.token)
            .client_token(one_off.token);
        let doing = format!("run the one-off task `{}`", one_off.run.line());
        let answer = self
            .session
            .call(RUN_TASK, || request.clone().send())
            .await
            .map_err(EcsError::of(doing))?;
        if let Some(arn) = answer.tasks().first().and_then(sdk::Task::task_arn) {
            return Ok(arn.to_owned());
        }
        let failure = answer.failures().first();
        let words = failure.map(|one| [one.reason(), one.detail()].into_iter().flatten());
        let reason: Vec<&str> = words.into_iter().flatten().collect();
        Err(EcsError::NotPlaced { command: one_off.run.line(), reason: reason.join(": ") })
    }

    /// How a one-off task does; nothing where ECS does not know it, or not any more.
    ///
    /// # Errors
    /// Fails when a request fails.
    pub async fn one_off(
        &self,
        cluster: &ClusterName,
        arn: &str,
        container: &ContainerName,
    ) -> Result<Option<OneOffState>, EcsError> {
        let tasks = self.describe_tasks(cluster, &[arn.to_owned()]).await?;
        Ok(tasks.first().map(|task| state(task, container)))
    }

    /// Looks for the one-off task that was asked for with a token, among those of its family that
    /// run or stopped within the hour.
    ///
    /// `ListTasks` takes `startedBy` as its only filter, and then lists no stopped tasks; so the
    /// family is listed, and the tasks say themselves who started them.
    ///
    /// # Errors
    /// Fails when a request fails.
    pub async fn find_one_off(
        &self,
        one_off: &OneOff<'_>,
    ) -> Result<Option<OneOffState>, EcsError> {
        let family = one_off.task_definition.family();
        for status in [DesiredStatus::Running, DesiredStatus::Stopped] {
            let arns = self.list_family(one_off.cluster, family, &status).await?;
            let tasks = self.describe_tasks(one_off.cluster, &arns).await?;
            let found = tasks.iter().find(|task| task.started_by() == Some(one_off.token));
            if let Some(task) = found {
                return Ok(Some(state(task, &one_off.run.container)));
            }
        }
        Ok(None)
    }

    /// ARNs of the tasks of a family that are to be in a status.
    async fn list_family(
        &self,
        cluster: &ClusterName,
        family: &str,
        status: &DesiredStatus,
    ) -> Result<Vec<String>, EcsError> {
        let request = self
            .client
            .list_tasks()
            .cluster(cluster.as_str())
            .family(family)
            .desired_status(status.clone());
        let arns = self.pages_of_tasks(cluster, request, usize::MAX).await?;
        Ok(arns.unwrap_or_default())
    }
}

/// Whether the task may run all the same. A token that is in use with another request is in use
/// with an earlier one of this step, when the service's network has changed since.
fn is_in_doubt(error: &AwsError) -> bool {
    error.is_ambiguous() || *error.kind() == FaultKind::Conflict
}

/// What an error means: where an earlier answer was lost, the task may run whatever came later.
fn after(lost: Option<AwsError>, error: EcsError, run: &RunTask) -> EcsError {
    match (lost, error) {
        (None, error) => error,
        (Some(_), EcsError::Aws { source, .. }) | (Some(source), _) => {
            EcsError::RunInDoubt { command: run.line(), source }
        }
    }
}

/// The command in the place of the container's own.
fn overrides(run: &RunTask) -> TaskOverride {
    let container = ContainerOverride::builder()
        .name(run.container.as_str())
        .set_command(Some(run.command.clone()))
        .build();
    TaskOverride::builder().container_overrides(container).build()
}

/// A task as it is told.
fn state(task: &sdk::Task, container: &ContainerName) -> OneOffState {
    let is_over = task.last_status() == Some("STOPPED");
    let own = task.containers().iter().find(|one| one.name() == Some(container.as_str()));
    let exit_code = own.and_then(sdk::Container::exit_code);
    OneOffState {
        arn: task.task_arn().unwrap_or_default().to_owned(),
        status: task.last_status().unwrap_or_default().to_owned(),
        end: is_over.then(|| OneOffEnd {
            exit_code,
            never_ran: exit_code.is_none() && has_not_started(task),
            stopped: convert::stopped_task(task),
        }),
    }
}

/// Whether a task that stopped had not started. One that had may have run its command although there
/// is no exit code: its host, or its Spot capacity, went away.
fn has_not_started(task: &sdk::Task) -> bool {
    task.stop_code() == Some(&sdk::TaskStopCode::TaskFailedToStart) || task.started_at().is_none()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::primitives::DateTime;

    use super::*;

    /// The end of a task that stopped.
    fn end(task: sdk::builders::TaskBuilder, exit_code: Option<i32>) -> OneOffEnd {
        let own = sdk::Container::builder().name("app").set_exit_code(exit_code).build();
        let task = task.last_status("STOPPED").containers(own).build();
        state(&task, &ContainerName::new("app").unwrap()).end.unwrap()
    }

    #[test]
    fn a_task_that_started_may_have_run_without_an_exit_code() {
        let task = sdk::Task::builder;
        let started = || task().started_at(DateTime::from_secs(1));
        assert!(!end(started().stop_code(sdk::TaskStopCode::SpotInterruption), None).never_ran);
        assert!(!end(started().stop_code(sdk::TaskStopCode::TerminationNotice), None).never_ran);
        assert!(!end(started(), Some(0)).never_ran);
        assert!(end(task().stop_code(sdk::TaskStopCode::UserInitiated), None).never_ran);
        assert!(end(started().stop_code(sdk::TaskStopCode::TaskFailedToStart), None).never_ran);
    }
}
