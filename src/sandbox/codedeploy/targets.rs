//! Deployment targets: of an ECS deployment there is one, the service.

use aws_sdk_codedeploy::{
    operation::{
        batch_get_deployment_targets::{
            BatchGetDeploymentTargetsInput, BatchGetDeploymentTargetsOutput,
        },
        get_deployment_target::{GetDeploymentTargetInput, GetDeploymentTargetOutput},
        list_deployment_targets::{ListDeploymentTargetsInput, ListDeploymentTargetsOutput},
    },
    types::DeploymentTarget,
};
use bytes::Bytes;

use super::{
    deployments::{self, Found},
    faults::{at_most, required, unsupported},
    view,
};
use crate::sandbox::{
    call::{Call, Fault},
    state::Transaction,
    wire,
};

/// The id of a deployment's target.
pub(super) fn id_of(found: &Found) -> String {
    let (cluster, service) = found.group.target();
    format!("{cluster}:{service}")
}

/// The target with an id.
fn target(call: &Call, found: &Found, id: &str) -> Result<DeploymentTarget, Fault> {
    if id_of(found) != id {
        let words = format!("The deployment has no target {id}.");
        return Err(Fault::new("DeploymentTargetDoesNotExistException", words));
    }
    Ok(view::target(&call.scope, found))
}

/// `GetDeploymentTarget`.
pub(super) fn get(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, GetDeploymentTargetInput::deserialize)?;
    let found = deployments::find(transaction, call.into(), input.deployment_id())?;
    let id = required(input.target_id(), "DeploymentTargetIdRequiredException")?;
    let told = target(call, &found, id)?;
    wire::write(&GetDeploymentTargetOutput::builder().deployment_target(told).build())
}

/// `ListDeploymentTargets`.
pub(super) fn list(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, ListDeploymentTargetsInput::deserialize)?;
    if input.target_filters().is_some_and(|filters| !filters.is_empty()) {
        return Err(unsupported("filters of deployment targets"));
    }
    let found = deployments::find(transaction, call.into(), input.deployment_id())?;
    let output = ListDeploymentTargetsOutput::builder();
    wire::write(&output.target_ids(id_of(&found)).build())
}

/// `BatchGetDeploymentTargets`.
pub(super) fn batch_get(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, BatchGetDeploymentTargetsInput::deserialize)?;
    let found = deployments::find(transaction, call.into(), input.deployment_id())?;
    let ids = at_most(input.target_ids(), 25, "deployment targets")?;
    let told: Result<Vec<_>, Fault> = ids.iter().map(|id| target(call, &found, id)).collect();
    let output = BatchGetDeploymentTargetsOutput::builder();
    wire::write(&output.set_deployment_targets(Some(told?)).build())
}
