//! What an engine is asked to do: a new deployment, or one of the record, and how.

use std::{collections::BTreeMap, time::Duration};

use super::hold::HoldChange;
use crate::{
    model::{Actor, Deployment, DeploymentKind, ImageId, OnFailure, ReleaseNumber, ReleasedImage},
    plan::Leg,
};

/// How a deployment is carried out.
#[derive(Debug, Clone)]
pub struct Orders {
    /// How long rollouts may take beside the bakes that are planned, from the first effect; on the
    /// way back as long again.
    pub timeout: Duration,
    /// For how long a rollout that ECS calls complete has to stay so until it is verified.
    pub settle: Duration,
    /// Whether to follow the rollouts to their end.
    pub wait: bool,
    /// What is done when a service fails.
    pub on_failure: OnFailure,
    /// Why nothing that was not begun is begun any more, where that is so.
    pub cancel: Option<String>,
    /// Who says that one-off tasks succeeded whose end is not known.
    pub confirmed_by: Option<String>,
}

/// What is recorded of a new deployment beside its plan.
#[derive(Debug, Clone)]
pub struct Beginning {
    /// The release that the plan makes the environment run.
    pub release: ReleaseNumber,
    /// What sort of change it is.
    pub kind: DeploymentKind,
    /// The release that a rollback goes back from.
    pub from_release: Option<ReleaseNumber>,
    /// Who asks.
    pub actor: Actor,
    /// Why.
    pub description: Option<String>,
    /// The version of this program, for the record.
    pub tool_version: String,
    /// What becomes of the environment's hold, if anything does.
    pub hold: Option<HoldChange>,
}

/// A deployment of the record that is gone on with.
#[derive(Debug, Clone)]
pub struct Unfinished {
    /// The deployment as it is recorded.
    pub deployment: Deployment,
    /// The images of its release.
    pub images: BTreeMap<ImageId, ReleasedImage>,
    /// What is left of it on its way forward.
    pub legs: Vec<Leg>,
}
