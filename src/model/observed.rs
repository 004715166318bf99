//! What ECS says of a service at one moment. Read by the planner, the follower and `status`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    arn::{EcsDeploymentId, ServiceRevisionId, TaskDefinitionArn},
    code_deploy::ObservedCodeDeploy,
    id::{ClusterName, ContainerName, EcsServiceName},
    image::Digest,
    strategy::{HookDetail, RevisionShare, Strategy},
};

/// One entry of `DescribeServices`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedService {
    /// The cluster's short name.
    pub cluster: ClusterName,
    /// The service's short name.
    pub name: EcsServiceName,
    /// The service's ARN.
    pub arn: String,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: String,
    /// How many tasks are wanted.
    pub desired: i32,
    /// How many tasks run, of all deployments.
    pub running: i32,
    /// How many tasks are starting, of all deployments.
    pub pending: i32,
    /// The task definition the service is set to.
    pub task_definition: Option<TaskDefinitionArn>,
    /// The service's deployments, PRIMARY first.
    pub deployments: Vec<EcsDeployment>,
    /// ARN of the service deployment in progress, where ECS gives one.
    pub current_service_deployment: Option<String>,
    /// Who moves tasks: ECS itself, CodeDeploy, or somebody else.
    pub controller: DeploymentController,
    /// What CodeDeploy is about, where it moves the tasks.
    pub code_deploy: Option<ObservedCodeDeploy>,
    /// The circuit breaker's setting.
    pub circuit_breaker: CircuitBreaker,
    /// The alarms that watch its rollouts.
    pub alarms: DeploymentAlarms,
    /// Lower bound of healthy tasks during a rollout, percent of desired.
    pub minimum_healthy_percent: i32,
    /// Upper bound of tasks during a rollout, percent of desired.
    pub maximum_percent: i32,
    /// How it is set to be deployed.
    pub strategy: Strategy,
    /// Whether its tasks get the tags of their task definition.
    pub propagates_tags: bool,
    /// ARNs of the target groups that its tasks are behind.
    pub target_groups: Vec<String>,
    /// The service's events, newest first, at most 100.
    pub events: Vec<ServiceEvent>,
}

impl ObservedService {
    /// The deployment that ECS works towards.
    #[must_use]
    pub fn primary(&self) -> Option<&EcsDeployment> {
        self.deployments.iter().find(|deployment| deployment.is_primary)
    }

    /// What CodeDeploy left in production where it gave up; else the deployment that ECS works towards.
    #[must_use]
    pub fn production(&self) -> Option<&EcsDeployment> {
        let serving = self.code_deploy.as_ref().and_then(|seen| seen.serving.as_ref());
        serving.and_then(|id| self.deployment(id)).or_else(|| self.primary())
    }

    /// Whether a deployment is what CodeDeploy left when it gave up: no production traffic is its.
    #[must_use]
    pub fn is_left_over(&self, deployment: &EcsDeployment) -> bool {
        let serving = self.code_deploy.as_ref().and_then(|seen| seen.serving.as_ref());
        serving.is_some_and(|serving| *serving != deployment.id)
    }

    /// The deployment with this id, if ECS still lists it.
    #[must_use]
    pub fn deployment(&self, id: &EcsDeploymentId) -> Option<&EcsDeployment> {
        self.deployments.iter().find(|deployment| deployment.id == *id)
    }

    /// What tasks of a deployment carry as `startedBy`.
    #[must_use]
    pub fn started_by(&self, id: &EcsDeploymentId) -> EcsDeploymentId {
        let task_set = self.deployment(id).and_then(|one| one.task_set.clone());
        task_set.unwrap_or_else(|| id.clone())
    }

    /// Whether ECS is busy putting the service back to an earlier deployment.
    #[must_use]
    pub fn is_rolling_back(&self) -> bool {
        self.primary().is_some_and(|primary| {
            primary.rollout_state == Some(RolloutState::InProgress) && primary.is_a_rollback()
        })
    }

    /// Tasks of every deployment but the given one that still run or start.
    #[must_use]
    pub fn tasks_of_others(&self, id: &EcsDeploymentId) -> i32 {
        self.deployments
            .iter()
            .filter(|deployment| deployment.id != *id)
            .map(|deployment| deployment.running + deployment.pending)
            .sum()
    }
}

/// One entry of a service's `deployments`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EcsDeployment {
    /// `ecs-svc/<number>`.
    pub id: EcsDeploymentId,
    /// The task set that it is, where CodeDeploy moves the service.
    pub task_set: Option<EcsDeploymentId>,
    /// Whether this is the PRIMARY one.
    pub is_primary: bool,
    /// What it runs.
    pub task_definition: Option<TaskDefinitionArn>,
    /// How many tasks it wants.
    pub desired: i32,
    /// How many of its tasks run.
    pub running: i32,
    /// How many of its tasks are starting.
    pub pending: i32,
    /// Consecutive tasks that failed to start; ECS sets it back to 0 once one runs.
    pub failed_tasks: i32,
    /// How far it is; `None` where ECS gives none (other controllers, Classic ELB).
    pub rollout_state: Option<RolloutState>,
    /// ECS's own words on the state.
    pub rollout_state_reason: String,
    /// When it was made, by AWS's clock.
    pub created_at: Option<Timestamp>,
}

impl EcsDeployment {
    /// Whether ECS made this deployment to go back to an earlier one. It tells so in nothing but the
    /// words of the state's reason.
    #[must_use]
    pub fn is_a_rollback(&self) -> bool {
        self.rollout_state_reason.contains("rolling back")
    }
}

/// `Deployment.rolloutState` of the ECS API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RolloutState {
    /// Tasks are being replaced.
    InProgress,
    /// All tasks are replaced and healthy.
    Completed,
    /// The circuit breaker or an alarm ended it.
    Failed,
}

/// `DeploymentController.type` of the ECS API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeploymentController {
    /// ECS's own rollouts.
    Ecs,
    /// AWS CodeDeploy.
    CodeDeploy,
    /// A third party, through task sets.
    External,
}

/// `DeploymentCircuitBreaker` of the ECS API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CircuitBreaker {
    /// Whether failing tasks end the deployment.
    pub enabled: bool,
    /// Whether ECS then goes back to the last completed deployment.
    pub rollback: bool,
}

/// `DeploymentAlarms` of the ECS API.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeploymentAlarms {
    /// Whether they are watched.
    pub enabled: bool,
    /// Whether ECS goes back when one of them goes off.
    pub rollback: bool,
    /// Their names.
    pub names: Vec<String>,
}

/// `StateValue` of the CloudWatch API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmState {
    /// All is well.
    Ok,
    /// It has gone off.
    Alarm,
    /// It does not know.
    InsufficientData,
}

/// The bounds between which Application Auto Scaling keeps a service's number of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ScalingBounds {
    /// The fewest tasks.
    pub min: i32,
    /// The most tasks.
    pub max: i32,
}

/// One of a service's events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEvent {
    /// The event's id.
    pub id: String,
    /// When it happened, by AWS's clock.
    pub at: Timestamp,
    /// ECS's words.
    pub message: String,
}

/// One entry of `DescribeServiceDeployments`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceDeployment {
    /// Its ARN.
    pub arn: String,
    /// How far it is.
    pub status: ServiceDeploymentStatus,
    /// ECS's own words on the status.
    pub status_reason: String,
    /// The revision it moves the service to.
    pub target_revision: Option<ServiceRevisionId>,
    /// What ECS did to put the service back, if it did.
    pub rollback: Option<ServiceRollback>,
    /// Whether the circuit breaker ended it.
    pub circuit_breaker_triggered: bool,
    /// The alarms that ended it.
    pub triggered_alarms: Vec<String>,
    /// The stage of a native strategy, in ECS's word.
    pub lifecycle_stage: Option<String>,
    /// The lifecycle hooks that failed or were not answered in time, by id.
    pub failed_hooks: Vec<String>,
    /// When somebody asked for its end, by AWS's clock.
    pub stopped_at: Option<Timestamp>,
    /// How it was set to be carried out.
    pub strategy: Strategy,
    /// The revision it moves the service to, in numbers.
    pub target: Option<RevisionShare>,
    /// The revisions it moves the service from, in numbers.
    pub sources: Vec<RevisionShare>,
    /// The hooks that were called, as far as ECS tells them.
    pub hooks: Vec<HookDetail>,
    /// How the watch over its alarms is, in ECS's word, where there are some.
    pub alarm_status: Option<String>,
    /// When it began, by AWS's clock.
    pub started_at: Option<Timestamp>,
    /// When it last changed, by AWS's clock.
    pub updated_at: Option<Timestamp>,
    /// When it ended, by AWS's clock.
    pub finished_at: Option<Timestamp>,
}

impl ServiceDeployment {
    /// The hooks that wait for somebody to say how it goes on.
    pub fn awaiting(&self) -> impl Iterator<Item = &HookDetail> {
        self.hooks.iter().filter(|hook| hook.awaits_action())
    }
}

/// `ServiceDeploymentStatus` of the ECS API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceDeploymentStatus {
    /// Not begun.
    Pending,
    /// Under way.
    InProgress,
    /// Ended with success.
    Successful,
    /// Asked to stop: by a newer deployment, or because it failed.
    StopRequested,
    /// Ended without success and without rollback.
    Stopped,
    /// Asked to go back.
    RollbackRequested,
    /// Going back.
    RollbackInProgress,
    /// Went back.
    RollbackSuccessful,
    /// Could not go back.
    RollbackFailed,
    /// A status this program does not know, as ECS wrote it.
    Other(String),
}

/// `Rollback` of a service deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceRollback {
    /// ECS's own words.
    pub reason: String,
    /// The revision that the service goes back to.
    pub revision: Option<ServiceRevisionId>,
}

/// One entry of `DescribeServiceRevisions`: immutable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceRevision {
    /// Its ARN.
    pub id: ServiceRevisionId,
    /// What it runs.
    pub task_definition: Option<TaskDefinitionArn>,
    /// The digest that ECS resolved for each container's image, where it did.
    pub digests: BTreeMap<ContainerName, Digest>,
}

/// What the running tasks of one deployment run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunningTasks {
    /// How many tasks run.
    pub count: usize,
    /// The digests seen in each container; more than one means that tasks differ.
    pub digests: BTreeMap<ContainerName, BTreeSet<Digest>>,
    /// Containers of which at least one task tells no digest, or not yet.
    pub without_digest: BTreeSet<ContainerName>,
    /// The running tasks of the same service that are not this deployment's.
    pub others: Vec<OtherTask>,
}

/// A running task of another deployment of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherTask {
    /// The task's id, the last part of its ARN.
    pub id: String,
    /// What it runs.
    pub task_definition: Option<TaskDefinitionArn>,
}
