//! Deployment targets: of an ECS deployment there is one, the service.

use aws_sdk_codedeploy::{
    operation::{
        batch_get_deployment_targets::{
            BatchGetDeploymentTargetsInput, BatchGetDeploymentTargetsOutput,
        },
        get_deployment_target::{GetDeploymentTargetInput, GetDeploymentTargetOutput},
        list_deployment_targets::{ListDeploymentTargetsInput, ListDeploymentTargetsOutput},
    },
    types::{DeploymentTarget, TargetFilterName, TargetStatus},
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
    let found = deployments::find(transaction, call.into(), input.deployment_id())?;
    let told = view::target(&call.scope, &found);
    let status = told.ecs_target().and_then(|target| target.status()).map(TargetStatus::as_str);
    let mut is_listed = true;
    for (filter, values) in input.target_filters().into_iter().flatten() {
        if *filter != TargetFilterName::TargetStatus {
            let what = "filters of targets but TargetStatus";
            return Err(unsupported("InvalidTargetFilterNameException", what));
        }
        is_listed &= values.iter().any(|value| Some(value.as_str()) == status);
    }
    let ids = is_listed.then(|| id_of(&found)).into_iter();
    let (ids, next) = view::page(ids.map(|id| (id.clone(), id)).collect(), input.next_token())?;
    let output = ListDeploymentTargetsOutput::builder().set_target_ids(Some(ids));
    wire::write(&output.set_next_token(next).build())
}

/// `BatchGetDeploymentTargets`.
pub(super) fn batch_get(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, BatchGetDeploymentTargetsInput::deserialize)?;
    let found = deployments::find(transaction, call.into(), input.deployment_id())?;
    let ids = at_most(input.target_ids(), 25, "DeploymentTargetListSizeExceededException")?;
    let told: Result<Vec<_>, Fault> = ids.iter().map(|id| target(call, &found, id)).collect();
    let output = BatchGetDeploymentTargetsOutput::builder();
    wire::write(&output.set_deployment_targets(Some(told?)).build())
}
