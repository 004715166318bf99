//! The head of an environment: what was last tried and what was last verified, per service.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    arn::{EcsDeploymentId, TaskDefinitionArn},
    deployment::StepStatus,
    id::{ImageId, ServiceId},
    release::{DeploymentNumber, ReleaseNumber, ReleasedImage},
    verdict::Verdict,
};

/// The last attempt to move a service, and its last verified state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceHead {
    /// The service.
    pub service: ServiceId,
    /// The deployment that touched it last.
    pub deployment: DeploymentNumber,
    /// What that deployment wanted.
    pub release: ReleaseNumber,
    /// How far its step came.
    pub status: StepStatus,
    /// What the service was set to before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub before: Option<TaskDefinitionArn>,
    /// The task definition it was moved to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub task_definition: Option<TaskDefinitionArn>,
    /// The ECS deployment that moves it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ecs_deployment: Option<EcsDeploymentId>,
    /// How it ended; none while it goes on, or when nobody saw its end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verdict: Option<Verdict>,
    /// The images it was to run.
    pub images: BTreeMap<ImageId, ReleasedImage>,
    /// When this was recorded.
    pub at: Timestamp,
    /// What was last verified to run, by this deployment or an earlier one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verified: Option<VerifiedHead>,
    /// The deployment that asked for, or left out, a one-off task of it last: this one or an earlier
    /// one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub before_task: Option<DeploymentNumber>,
}

/// A state of a service that was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedHead {
    /// The deployment that brought it about.
    pub deployment: DeploymentNumber,
    /// What it ran.
    pub release: ReleaseNumber,
    /// Its task definition.
    pub task_definition: TaskDefinitionArn,
    /// The ECS deployment; none where the service already ran the task definition.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ecs_deployment: Option<EcsDeploymentId>,
    /// Its images.
    pub images: BTreeMap<ImageId, ReleasedImage>,
    /// When it was verified.
    pub at: Timestamp,
}
