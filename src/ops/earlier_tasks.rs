//! The one-off tasks that earlier deployments asked for, before one of the same service is run.
//!
//! Invariant: a task is settled by its end alone, as the record or ECS tells it.

use std::collections::{BTreeMap, btree_map::Entry};

use super::{access::Access, error::OpError, obstacle::Obstacle, workspace::Workspace};
use crate::{
    backend::platform::ecs::OneOffState,
    engine::look_at_task,
    model::{Deployment, DeploymentKind, DeploymentNumber, Step},
    plan::{EarlierTask, Plan, PlannedStep, Seen},
};

/// Refuses where a one-off task of an earlier deployment still runs, or where nobody knows how it
/// ended and nobody answers for it.
pub(super) async fn settle_earlier_tasks(
    workspace: &Workspace,
    access: &Access,
    plan: &mut Plan,
    (kind, rerun): (DeploymentKind, bool),
) -> Result<(), OpError> {
    let has_task = |step: &&PlannedStep| step.before_task.is_some() || step.skipped_task.is_some();
    if kind != DeploymentKind::Deploy || !plan.steps.iter().any(|step| has_task(&step)) {
        return Ok(());
    }
    let heads = workspace.ledger.heads(&plan.project, &plan.environment).await?;
    let mut deployments: BTreeMap<DeploymentNumber, Deployment> = BTreeMap::new();
    let mut earlier = Vec::new();
    for step in plan.steps.iter().filter(has_task) {
        let Some(head) = heads.get(&step.service) else { continue };
        // Records of earlier versions of this program do not tell which deployment it was.
        let number = head.before_task.unwrap_or(head.deployment);
        let deployment = match deployments.entry(number) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                new.insert(workspace.ledger.deployment(&plan.project, number).await?)
            }
        };
        earlier.extend(earlier_task(access, deployment, step).await?);
    }
    let tasks = plan.take_note_of_tasks(earlier, rerun);
    if tasks.is_empty() { Ok(()) } else { Err(Obstacle::TasksUnsettled { tasks }.into()) }
}

/// The one-off task that a deployment asked for before the service of a step, where its end is not
/// recorded.
async fn earlier_task(
    access: &Access,
    deployment: &Deployment,
    planned: &PlannedStep,
) -> Result<Option<EarlierTask>, OpError> {
    let Some(step) = deployment.step(&planned.service) else { return Ok(None) };
    let Some(task) = step.before_task.clone().filter(|task| task.status.is_open()) else {
        return Ok(None);
    };
    let found = look_at_task(&access.ecs, (deployment, step), &task).await?;
    Ok(Some(EarlierTask {
        service: step.service.clone(),
        deployment: deployment.number,
        task,
        cluster: step.target.cluster.clone(),
        same_images: wants_the_same(step, planned),
        seen: found.map_or(Seen::Nothing, seen),
    }))
}

/// Whether a step was to run the same images.
fn wants_the_same(step: &Step, planned: &PlannedStep) -> bool {
    step.target.images == planned.target.images
}

/// A task as the plan takes it.
fn seen(found: OneOffState) -> Seen {
    match found.end {
        None => Seen::Runs { arn: found.arn, status: found.status },
        Some(end) if end.exit_code.is_none() && !end.never_ran => Seen::WithoutCode,
        Some(end) => Seen::Ended(end.exit_code),
    }
}
