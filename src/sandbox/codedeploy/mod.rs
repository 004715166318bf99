//! The embedded CodeDeploy, as far as it moves the tasks of ECS services.
//!
//! [`answer`] answers one operation. Applications and deployment groups are kept here; deployments
//! are kept with the service that they move, and what becomes of them is worked out in
//! [`ecs::blue_green`](super::ecs::blue_green). What the sandbox cannot do is refused: other compute
//! platforms, lifecycle hooks, alarms, and deployment configurations but AWS's own.

pub(in crate::sandbox) mod admin;
mod app_spec;
mod applications;
mod configurations;
mod deployments;
mod faults;
mod groups;
mod targets;
#[cfg(test)]
mod tests;
mod view;

use bytes::Bytes;

use super::{
    call::{Call, Fault},
    state::Transaction,
};

/// Answers a request.
///
/// # Errors
/// The errors of the CodeDeploy API, or the sandbox's own failure.
pub(super) fn answer(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let operation = match call.operation.as_str() {
        "CreateApplication" => applications::create,
        "GetApplication" => applications::get,
        "ListApplications" => applications::list,
        "CreateDeploymentGroup" => groups::create,
        "GetDeploymentGroup" => groups::get,
        "ListDeploymentGroups" => groups::list,
        "BatchGetDeploymentGroups" => groups::batch_get,
        "GetDeploymentConfig" => configurations::get,
        "CreateDeployment" => deployments::create,
        "GetDeployment" => deployments::get,
        "BatchGetDeployments" => deployments::batch_get,
        "ListDeployments" => deployments::list,
        "StopDeployment" => deployments::stop,
        "ContinueDeployment" => deployments::go_on,
        "GetDeploymentTarget" => targets::get,
        "ListDeploymentTargets" => targets::list,
        "BatchGetDeploymentTargets" => targets::batch_get,
        other => {
            let words = format!("The sandbox does not do {other}.");
            return Err(Fault::new("UnknownOperationException", words));
        }
    };
    operation(call, transaction)
}
