//! What the record has against images that are about to be deployed again, for the plan.
//!
//! Invariant: where nothing failed, nothing more is read than the heads that are known anyway.

use std::collections::{BTreeMap, BTreeSet};

use super::{error::OpError, ground::Ground, workspace::Workspace};
use crate::{
    model::{DeploymentKind, DeploymentNumber, ServiceHead, ServiceId, Verdict},
    plan::{Plan, PlannedStep, Warning, failed_before, gone_back_from},
};

/// Warns of services whose images failed here when they were deployed last, or were gone back from in the
/// rollback that put the environment on hold.
pub(super) async fn warn_of_failures(
    workspace: &Workspace,
    plan: &mut Plan,
    (kind, ground): (DeploymentKind, &Ground),
    heads: &BTreeMap<ServiceId, ServiceHead>,
) -> Result<(), OpError> {
    let is_moved = matches!(kind, DeploymentKind::Deploy | DeploymentKind::Rollback);
    let has_failed =
        |head: &&ServiceHead| head.verdict.as_ref().is_some_and(Verdict::is_definite_failure);
    let heads = plan.steps.iter().filter_map(|step| heads.get(&step.service));
    let failed = heads.filter(has_failed).map(|head| head.deployment);
    let held = ground.hold.as_ref().and_then(|hold| hold.deployment);
    let held = held.filter(|_| kind == DeploymentKind::Deploy);
    let numbers: BTreeSet<DeploymentNumber> =
        failed.chain(held).filter(|_| is_moved && !plan.is_empty()).collect();
    let mut known: BTreeMap<ServiceId, Warning> = BTreeMap::new();
    for number in numbers {
        known.extend(told_by(workspace, plan, number).await?);
    }
    plan.warnings.extend(known.into_values());
    Ok(())
}

/// What one deployment tells against the steps of a plan.
async fn told_by(
    workspace: &Workspace,
    plan: &Plan,
    number: DeploymentNumber,
) -> Result<Vec<(ServiceId, Warning)>, OpError> {
    let (ledger, project) = (&workspace.ledger, &plan.project);
    let deployment = ledger.deployment(project, number).await?;
    let of = |warning: &dyn Fn(&PlannedStep) -> Option<Warning>| {
        let told =
            plan.steps.iter().filter_map(|step| Some((step.service.clone(), warning(step)?)));
        told.collect()
    };
    let from = deployment.from_release.filter(|_| deployment.kind == DeploymentKind::Rollback);
    let Some(from) = from else { return Ok(of(&|step| failed_before(step, &deployment))) };
    let from = ledger.find_release(project, from).await?;
    Ok(of(&|step| {
        failed_before(step, &deployment).or_else(|| gone_back_from(step, (&deployment, &from)))
    }))
}
