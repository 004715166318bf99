//! Deployments and their steps, as they are recorded.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    actor::Actor,
    arn::{EcsDeploymentId, TaskDefinitionArn},
    evidence::Evidence,
    id::{
        ClusterName, ContainerName, EcsServiceName, EnvironmentId, ImageId, ProjectId, ServiceId,
    },
    image::{Digest, ImageUri, ReleaseHash},
    lock::CancelRequest,
    release::{DeploymentNumber, ReleaseNumber},
    seen::Seen,
    selection::Selection,
    task::BeforeTask,
    verdict::Verdict,
};

/// One attempt to make an environment run a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Its number within the project.
    pub number: DeploymentNumber,
    /// Its project.
    pub project: ProjectId,
    /// Where.
    pub environment: EnvironmentId,
    /// What was asked for.
    pub selection: Selection,
    /// What it makes the environment run.
    pub release: ReleaseNumber,
    /// What sort of change it is.
    pub kind: DeploymentKind,
    /// How far it is, or how it ended.
    pub status: DeploymentStatus,
    /// Who asked for it.
    pub actor: Actor,
    /// Why, in the words given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// When it was recorded, before the first effect.
    pub created_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub finished_at: Option<Timestamp>,
    /// The version of this program.
    pub tool_version: String,
    /// What is done when a service fails.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// For how many seconds a rollout that ECS calls complete has to stay so until it is verified.
    #[serde(default)]
    pub settle_seconds: u64,
    /// The release that a rollback goes back from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from_release: Option<ReleaseNumber>,
    /// Somebody's wish that it stops.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cancel: Option<CancelRequest>,
    /// One step a service, in the order they are carried out.
    pub steps: Vec<Step>,
}

impl Deployment {
    /// Whether it has left its services at different releases: some run what it deploys, and some
    /// that it was to move do not.
    #[must_use]
    pub fn is_mixed(&self) -> bool {
        let is_there = |step: &Step| step.status == StepStatus::Verified;
        let moved = || self.steps.iter().filter(|step| !step.restart);
        self.status.is_final()
            && self.kind != DeploymentKind::Register
            && moved().any(is_there)
            && !moved().all(is_there)
    }

    /// Whether what it did can be taken back instead of being finished. A rollback is only ever
    /// finished, and what goes back already goes on back.
    #[must_use]
    pub fn may_be_taken_back(&self) -> bool {
        !matches!(self.kind, DeploymentKind::Rollback | DeploymentKind::Restart)
            && !self.status.is_final()
            && self.status != DeploymentStatus::RollingBack
    }

    /// The step of a service.
    #[must_use]
    pub fn step(&self, service: &ServiceId) -> Option<&Step> {
        self.steps.iter().find(|step| step.service == *service)
    }
}

/// What sort of change a deployment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentKind {
    /// Moving to a release.
    Deploy,
    /// Going back to a release that was verified before. It is never rolled back itself.
    Rollback,
    /// Registering the task definitions of a release ahead of its deployment. No service moves.
    Register,
    /// Deploying what runs anew. There is nothing to go back to.
    Restart,
}

impl DeploymentKind {
    /// The kind in the words of the record and of the output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Rollback => "rollback",
            Self::Register => "register",
            Self::Restart => "restart",
        }
    }
}

/// What is done with the other services when one fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Nothing more is started, and every service that was moved goes back to what it ran before.
    #[default]
    Rollback,
    /// Nothing more is started, and every service stays where it is.
    Hold,
    /// The others are deployed all the same.
    Continue,
}

impl OnFailure {
    /// All of them, in the words of the manifest and of `--on-failure`.
    pub const ALL: [Self; 3] = [Self::Rollback, Self::Hold, Self::Continue];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rollback => "rollback",
            Self::Hold => "hold",
            Self::Continue => "continue",
        }
    }
}

impl FromStr for OnFailure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|one| one.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is none of `rollback`, `hold` and `continue`"))
    }
}

/// How far a deployment is. Only `Succeeded` is success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeploymentStatus {
    /// Recorded and under way. Without a lease on its services nobody works on it any more.
    Running,
    /// Every service was told to move, and the command ended on purpose without waiting.
    Detached,
    /// Stopped by a signal or by another command; nothing new was started.
    Interrupted,
    /// A service failed, or somebody asked for it: what was moved goes back.
    RollingBack,
    /// Every service was verified.
    Succeeded,
    /// At least one service failed and the environment was not put back as it was.
    Failed,
    /// At least one service failed, and every service that was changed runs what it ran before.
    RolledBack,
    /// A service failed, and its rollback failed too.
    RollbackFailed,
    /// Another deployment took the place of this one.
    Superseded,
    /// The outcome of at least one step is not known.
    Unknown,
    /// Ended by a person before it was done.
    Cancelled,
}

impl DeploymentStatus {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Running,
        Self::Detached,
        Self::Interrupted,
        Self::RollingBack,
        Self::Succeeded,
        Self::Failed,
        Self::RolledBack,
        Self::RollbackFailed,
        Self::Superseded,
        Self::Unknown,
        Self::Cancelled,
    ];

    /// The status in the words of the record and of the output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Detached => "DETACHED",
            Self::RollingBack => "ROLLING_BACK",
            Self::Cancelled => "CANCELLED",
            Self::Interrupted => "INTERRUPTED",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::RolledBack => "ROLLED_BACK",
            Self::RollbackFailed => "ROLLBACK_FAILED",
            Self::Superseded => "SUPERSEDED",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Whether the deployment is over; one that is not is resumed, never forgotten.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Running
            | Self::Detached
            | Self::Interrupted
            | Self::RollingBack
            | Self::Unknown => false,
            Self::Succeeded
            | Self::Failed
            | Self::RolledBack
            | Self::RollbackFailed
            | Self::Superseded
            | Self::Cancelled => true,
        }
    }

    /// Whether a deployment may go from this status to another.
    ///
    /// One that is over stays as it is. One that goes back never goes forward again, so that
    /// whoever resumes it knows the direction.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::Running => next != Self::Running,
            Self::Detached | Self::Interrupted | Self::Unknown => {
                matches!(next, Self::Running | Self::RollingBack)
            }
            Self::RollingBack => {
                matches!(next, Self::RolledBack | Self::RollbackFailed | Self::Failed)
            }
            Self::Succeeded
            | Self::Failed
            | Self::RolledBack
            | Self::RollbackFailed
            | Self::Superseded
            | Self::Cancelled => false,
        }
    }
}

/// What a deployment does to one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The service.
    pub service: ServiceId,
    /// How far the step is.
    pub status: StepStatus,
    /// Where and what.
    pub target: StepTarget,
    /// What was there before; written once, before the first effect.
    pub before: StepBefore,
    /// The digests that each container's tasks may have in the end, where they are known: those of the
    /// release, with those of an index's platforms. Kept, since a tag may have moved by the time that
    /// somebody goes on with the deployment. Of services that are restarted, `before` has them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub digests: BTreeMap<ContainerName, BTreeSet<Digest>>,
    /// The task definition that was registered, or found with the wanted content.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub task_definition: Option<TaskDefinitionArn>,
    /// Whether that task definition was registered by this step.
    #[serde(default)]
    pub registered: bool,
    /// The ECS deployment that this step started, or adopted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ecs_deployment: Option<EcsDeploymentId>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verdict: Option<Verdict>,
    /// What the verdict does not prove, in one sentence, where it is success.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
    /// What was collected if it did not succeed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub evidence: Option<Evidence>,
    /// When the first effect was about to be asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub started_at: Option<Timestamp>,
    /// When the verdict fell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub finished_at: Option<Timestamp>,
    /// What was done to put the service back, if anything was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub compensation: Option<Compensation>,
    /// Whether the service is only restarted, with what it runs.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub restart: bool,
    /// The one-off task that comes before everything else, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub before_task: Option<BeforeTask>,
    /// The service as it was last seen while the step worked on it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seen: Option<Seen>,
}

/// What a deployment does to put one service back as it was before.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Compensation {
    /// What was there when it began; written once, before its first effect.
    pub before: StepBefore,
    /// The service deployment that ECS was asked to roll back, where the way back began with that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stopped: Option<String>,
    /// The task definition that the service goes back to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub task_definition: Option<TaskDefinitionArn>,
    /// Whether that task definition was registered for it, as a copy of the one before.
    #[serde(default)]
    pub registered: bool,
    /// The ECS deployment that moves the service back; none where it did not have to move.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ecs_deployment: Option<EcsDeploymentId>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verdict: Option<Verdict>,
    /// What was collected if it did not succeed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub evidence: Option<Evidence>,
    /// When its first effect was about to be asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub started_at: Option<Timestamp>,
    /// When the verdict fell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub finished_at: Option<Timestamp>,
}

impl Step {
    /// A step of which nothing was done yet.
    #[must_use]
    pub fn new(service: ServiceId, target: StepTarget, before: StepBefore) -> Self {
        Self {
            service,
            status: StepStatus::Pending,
            target,
            before,
            digests: BTreeMap::new(),
            task_definition: None,
            registered: false,
            ecs_deployment: None,
            verdict: None,
            note: None,
            evidence: None,
            started_at: None,
            finished_at: None,
            compensation: None,
            restart: false,
            before_task: None,
            seen: None,
        }
    }

    /// Whether nothing more is done for the service, unless it goes back.
    #[must_use]
    pub fn is_over(&self) -> bool {
        match self.status {
            StepStatus::Pending
            | StepStatus::Intent
            | StepStatus::Applied
            | StepStatus::Compensating => false,
            StepStatus::Verified
            | StepStatus::Skipped
            | StepStatus::Failed
            | StepStatus::Compensated
            | StepStatus::CompensateFailed => true,
        }
    }

    /// Whether the service runs what it ran before this step: it was put back, by ECS or by us, or
    /// the step failed before the service was told to move. A step whose outcome is not known is
    /// neither.
    #[must_use]
    pub fn is_back(&self) -> bool {
        if self.status == StepStatus::Compensated {
            return true;
        }
        if let Some(compensation) = &self.compensation
            && (compensation.ecs_deployment.is_some() || compensation.stopped.is_some())
        {
            return false;
        }
        match &self.verdict {
            Some(Verdict::RolledBack { .. }) => true,
            Some(
                Verdict::Failed { .. } | Verdict::NotStarted { .. } | Verdict::NoDeployment { .. },
            ) => self.ecs_deployment.is_none(),
            _ => false,
        }
    }
}

/// How far a step is: `PENDING → INTENT → APPLIED → VERIFIED`, or another end; from each of them
/// but the first, `COMPENSATING → COMPENSATED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StepStatus {
    /// Nothing was done yet.
    Pending,
    /// The first effect is about to be asked for, or was.
    Intent,
    /// The service was told to move.
    Applied,
    /// The verdict is [`Verdict::Verified`].
    Verified,
    /// Nothing was to be done, or nothing will be.
    Skipped,
    /// Any other verdict.
    Failed,
    /// The service is about to be put back, or is on its way.
    Compensating,
    /// What the step had done is undone.
    Compensated,
    /// What the step had done could not be undone.
    CompensateFailed,
}

impl StepStatus {
    /// Whether a step may go from this status to another.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::Pending => matches!(next, Self::Intent | Self::Skipped | Self::Failed),
            // Without a service to move, the first effect is the last.
            Self::Intent => {
                matches!(next, Self::Applied | Self::Verified | Self::Failed | Self::Compensating)
            }
            Self::Applied => matches!(next, Self::Verified | Self::Failed | Self::Compensating),
            Self::Verified | Self::Failed => next == Self::Compensating,
            Self::Compensating => matches!(next, Self::Compensated | Self::CompensateFailed),
            Self::Skipped | Self::Compensated | Self::CompensateFailed => false,
        }
    }

    /// The status in the words of the record and of the output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Intent => "INTENT",
            Self::Applied => "APPLIED",
            Self::Verified => "VERIFIED",
            Self::Skipped => "SKIPPED",
            Self::Failed => "FAILED",
            Self::Compensating => "COMPENSATING",
            Self::Compensated => "COMPENSATED",
            Self::CompensateFailed => "COMPENSATE_FAILED",
        }
    }
}

/// Where a step acts and what it wants there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTarget {
    /// The cluster.
    pub cluster: ClusterName,
    /// The ECS service.
    pub ecs_service: EcsServiceName,
    /// The image of each mapped container.
    pub containers: BTreeMap<ContainerName, ImageId>,
    /// The URI that each image is to have.
    pub images: BTreeMap<ImageId, ImageUri>,
    /// Whether the service's circuit breaker is turned on with the rollout.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub enable_circuit_breaker: bool,
}

/// What a step found before its first effect.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StepBefore {
    /// The task definition the service was set to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub task_definition: Option<TaskDefinitionArn>,
    /// The PRIMARY deployment.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ecs_deployment: Option<EcsDeploymentId>,
    /// The latest ACTIVE revision of the task definition's family, by which those that the step
    /// registered are told from others.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub latest: Option<TaskDefinitionArn>,
    /// The values of the SSM parameters that the step writes; `None` where there was none.
    #[serde(default)]
    pub parameters: BTreeMap<ImageId, Option<String>>,
    /// The digests that each container's tasks may have once the service is restarted, where they are
    /// known: those of the image that it ran. Of services that move, the release has them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub digests: BTreeMap<ContainerName, BTreeSet<Digest>>,
    /// The release hash that the service was set to run, by image.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub release_hashes: BTreeMap<ImageId, ReleaseHash>,
}
