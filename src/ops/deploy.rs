//! `deploy`: from an approved plan to a verdict.

use std::time::Duration;

use tokio::sync::watch;

use super::{
    access::Access,
    draft::{DeployRequest, Draft, draft_beside},
    error::OpError,
    obstacle::Obstacle,
    restart::verified_as_it_runs,
    rollback::{hold_if_broken, reason_to_hold},
    workspace::{Workspace, unless_interrupted},
};
use crate::{
    backend::store::ledger::{Lease, NewRelease},
    engine::{Beginning, Claim, Engine, HoldChange, Orders, Report},
    model::{Actor, DeploymentKind, Hold, Listener, OnFailure, Release},
    plan::{ImageSource, Plan},
};

/// For how long what a plan is made of is taken as it was. Longer than a machine takes from plan to
/// deployment, shorter than a person takes to read and answer.
const A_PLAN_STAYS_FRESH: Duration = Duration::from_secs(5);

/// How an approved plan is to be carried out.
#[derive(Clone)]
pub struct Execution<'a> {
    /// Whoever listens.
    pub listener: &'a dyn Listener,
    /// Turns true when nothing more shall be started.
    pub interrupt: watch::Receiver<bool>,
    /// How long rollouts may take.
    pub timeout: Duration,
    /// For how long a rollout that ECS calls complete has to stay so until it is verified; none, or
    /// as the deployment began, where nothing is given.
    pub settle: Option<Duration>,
    /// Whether to follow them to their end.
    pub wait: bool,
    /// What is done when a service fails; what the environment says, where none is given.
    pub on_failure: Option<OnFailure>,
}

/// Plans once more, right before the first effect, when the plan may not hold any more: a tag may
/// have moved, or somebody may have deployed or changed a task definition.
async fn refuse_what_has_changed(
    workspace: &Workspace,
    draft: &Draft,
    lease: &Lease,
) -> Result<(), OpError> {
    let overtaken = lease.generation() > draft.ground.generation + 1;
    if !overtaken && draft.made.elapsed() <= A_PLAN_STAYS_FRESH {
        return Ok(());
    }
    let now = Box::pin(draft_beside(workspace, &draft.request, Some(lease))).await?;
    if now.plan.steps == draft.plan.steps {
        return Ok(());
    }
    Err(if overtaken { Obstacle::Overtaken.into() } else { OpError::PlanChanged })
}

/// Makes the release and deploys it.
///
/// # Errors
/// Refuses when somebody else is at work there, and when something has changed since the plan was
/// made; fails when the record cannot be written.
pub async fn carry_out(
    workspace: &Workspace,
    draft: Draft,
    execution: Execution<'_>,
) -> Result<(Report, Release), OpError> {
    let wanted = Claim {
        project: draft.plan.project.clone(),
        environment: draft.plan.environment.clone(),
        selection: draft.plan.selection.clone(),
        services: draft.services.clone(),
        by: draft.access.actor(&workspace.person),
        reason: draft.request.reason.clone(),
        wait: Duration::ZERO,
        preempt: None,
    };
    let lease = workspace.claim(&wanted, execution.interrupt.clone()).await?;
    let done = under_lease(workspace, draft, execution, &lease).await;
    workspace.let_go(&lease).await;
    done
}

/// Carries a draft out under the lease on its services.
async fn under_lease(
    workspace: &Workspace,
    draft: Draft,
    execution: Execution<'_>,
    lease: &Lease,
) -> Result<(Report, Release), OpError> {
    let looking = refuse_what_has_changed(workspace, &draft, lease);
    unless_interrupted(execution.interrupt.clone(), looking).await?;
    let Draft { plan, access, request, on_failure, ground, .. } = draft;
    let actor = access.actor(&workspace.person);
    let release = release_of(workspace, &plan, (&request, &actor)).await?;
    let hold = hold_change(&request, ground.hold.as_ref());
    let engine = engine(workspace, &access, &execution, lease);
    let beginning = Beginning {
        release: release.number,
        kind: request.kind,
        from_release: request.from_release,
        actor,
        description: request.reason,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        hold,
    };
    let orders = Orders {
        timeout: execution.timeout,
        settle: execution.settle.unwrap_or_default(),
        wait: execution.wait,
        on_failure: execution.on_failure.unwrap_or(on_failure),
        cancel: None,
        confirmed_by: None,
    };
    let report = engine.deploy(plan.approve(), beginning, &orders).await?;
    hold_if_broken(workspace, &report.deployment, (lease.by(), execution.listener)).await;
    Ok((report, release))
}

/// What becomes of the environment's hold: a rollback sets one, and a deployment lifts the one that
/// its plan saw, where that is wanted.
fn hold_change(request: &DeployRequest, seen: Option<&Hold>) -> Option<HoldChange> {
    if request.kind == DeploymentKind::Rollback {
        return Some(HoldChange::Set { reason: reason_to_hold(request.reason.as_deref()) });
    }
    let (seen, reason) = (Box::new(seen?.clone()), request.reason.clone()?);
    request.release_hold.then_some(HoldChange::Lift { seen, reason })
}

/// The release that a plan deploys. What goes back goes back to a release as it is, also where
/// only a part of it does; else the same images at the same digests are the same release.
async fn release_of(
    workspace: &Workspace,
    plan: &Plan,
    (request, actor): (&DeployRequest, &Actor),
) -> Result<Release, OpError> {
    if request.kind == DeploymentKind::Restart
        && let Some(verified) = verified_as_it_runs(workspace, plan).await?
    {
        return Ok(workspace.ledger.find_release(&plan.project, verified).await?);
    }
    if let (DeploymentKind::Rollback, ImageSource::Release(number)) =
        (request.kind, &plan.wanted.source)
    {
        return Ok(workspace.ledger.find_release(&plan.project, *number).await?);
    }
    let new = NewRelease {
        project: plan.project.clone(),
        selection: plan.selection.clone(),
        images: plan.wanted.images.clone(),
        actor: actor.clone(),
        description: request.reason.clone(),
        at: (workspace.now)(),
    };
    Ok(workspace.ledger.record_release(new).await?.0)
}

/// The engine of an environment.
pub(super) fn engine<'a>(
    workspace: &'a Workspace,
    access: &'a Access,
    execution: &Execution<'a>,
    lease: &'a Lease,
) -> Engine<'a> {
    Engine {
        ecs: &access.ecs,
        parameters: &access.parameters,
        registry: &access.registry,
        ledger: &workspace.ledger,
        lease,
        throttles: &workspace.throttles,
        listener: execution.listener,
        now: workspace.now,
        interrupt: execution.interrupt.clone(),
        journal_folder: workspace.journal_folder.clone(),
    }
}
