//! `continue`: the hooks of unfinished deployments that wait for an answer, and the deployments of
//! CodeDeploy that do; and answering them.

use std::{collections::BTreeSet, time::Duration};

use serde::Serialize;
use tokio::time::{Instant, timeout};

use super::{
    access::Access, error::OpError, ground::Ground, obstacle::Obstacle, workspace::Workspace,
};
use crate::{
    backend::store::ledger::DeploymentKey,
    engine::{self, Answering},
    manifest::Environment,
    model::{
        CodeDeployStatus, CodeDeployment, Deployment, DeploymentNumber, EcsDeploymentId,
        EnvironmentId, Event, HeldLock, HookAnswer, HookDetail, Listener, LockKind,
        ObservedService, ServiceDeployment, ServiceId, StageProgress, Step, StepStatus,
    },
};

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct HookRequest {
    /// A deployment's number, or an environment.
    pub place: String,
    /// Only the hooks of this service.
    pub service: Option<String>,
}

/// A hook that waits for an answer.
#[derive(Debug, Clone, Serialize)]
pub struct WaitingHook {
    /// The deployment.
    pub deployment: DeploymentNumber,
    /// The service.
    pub service: ServiceId,
    /// How far its rollout is.
    #[serde(flatten)]
    pub stage: StageProgress,
    /// The hook.
    pub hook: HookDetail,
    /// The service deployment's ARN, or the id of CodeDeploy's deployment.
    pub service_deployment: String,
}

/// The hooks that wait, and the way to answer them.
pub struct WaitingHooks {
    /// The environment.
    pub environment: EnvironmentId,
    /// The hooks, at least one.
    pub hooks: Vec<WaitingHook>,
    /// The deployments that a running command works on.
    pub worked_on: BTreeSet<DeploymentNumber>,
    /// The environment's AWS.
    access: Access,
}

/// Looks for the hooks that wait.
///
/// # Errors
/// Fails when there are none, when a person has locked one of their services, when the manifest or
/// the record does not have what was asked for, and when AWS or the store fails.
pub async fn waiting_hooks(
    workspace: &Workspace,
    request: &HookRequest,
) -> Result<WaitingHooks, OpError> {
    let (environment, deployments) = place(workspace, &request.place).await?;
    let access = Access::open(workspace, &environment.home()).await?;
    let is_wanted = |step: &Step| {
        request.service.as_deref().is_none_or(|service| step.service.as_str() == service)
    };
    let steps: Vec<(DeploymentNumber, &Step)> = deployments
        .iter()
        .flat_map(|deployment| deployment.steps.iter().map(|step| (deployment.number, step)))
        .filter(|(_, step)| is_wanted(step))
        .collect();
    let hooks = waiting(&access, &steps).await?;
    if hooks.is_empty() {
        let place = match &request.service {
            Some(service) => format!("{}`, of service `{service}", request.place),
            None => request.place.clone(),
        };
        return Err(Obstacle::NothingWaits { place, environment: environment.id }.into());
    }
    let ground = Ground::of(workspace, &environment.id).await?;
    refuse_if_locked(workspace, (&environment, &ground), &hooks)?;
    let worked_on = deployments.iter().map(|deployment| deployment.number);
    let worked_on = worked_on.filter(|number| ground.is_worked_on(*number)).collect();
    Ok(WaitingHooks { environment: environment.id, hooks, worked_on, access })
}

/// The hooks that a deployment waits for, as far as that can be seen; nothing where AWS does not
/// answer soon, since whoever asks has the record to show.
pub(super) async fn hooks_seen(workspace: &Workspace, deployment: &Deployment) -> Vec<WaitingHook> {
    let is_moving =
        |step: &&Step| matches!(step.status, StepStatus::Applied | StepStatus::Compensating);
    let steps: Vec<(DeploymentNumber, &Step)> =
        deployment.steps.iter().filter(is_moving).map(|step| (deployment.number, step)).collect();
    if steps.is_empty() || deployment.status.is_final() {
        return Vec::new();
    }
    let looking = async {
        let environment = workspace.project.environment(deployment.environment.as_str())?.clone();
        let access = Access::open(workspace, &environment.home()).await?;
        waiting(&access, &steps).await
    };
    timeout(A_GLANCE, looking).await.ok().and_then(Result::ok).unwrap_or_default()
}

/// For how long it is looked whether hooks wait, where that is beside the point.
const A_GLANCE: Duration = Duration::from_secs(5);
/// The time between two glances at hooks.
const BETWEEN_GLANCES: Duration = Duration::from_secs(10);

/// Somebody who watches a deployment that another command works on, and tells once of each hook
/// that waits.
#[derive(Default)]
pub(super) struct Onlooker {
    /// When it was looked last.
    looked: Option<Instant>,
    /// The hooks that were told of.
    told: BTreeSet<(ServiceId, String)>,
}

impl Onlooker {
    /// Looks, where it is time to, and tells.
    pub(super) async fn look(
        &mut self,
        workspace: &Workspace,
        deployment: &Deployment,
        listener: &dyn Listener,
    ) {
        if self.looked.is_some_and(|at| at.elapsed() < BETWEEN_GLANCES) {
            return;
        }
        for WaitingHook { deployment, service, stage, hook, .. } in
            hooks_seen(workspace, deployment).await
        {
            if self.told.insert((service.clone(), hook.id.clone())) {
                let stage = stage.stage;
                listener.hear(&Event::HookAwaits { deployment, service, stage, hook });
            }
        }
        self.looked = Some(Instant::now());
    }
}

/// The environment that is meant, and its deployments that are not over.
async fn place(
    workspace: &Workspace,
    place: &str,
) -> Result<(Environment, Vec<Deployment>), OpError> {
    let project = &workspace.project;
    let number = place.parse::<DeploymentNumber>().ok();
    let Some(number) = number.filter(|_| project.environment(place).is_err()) else {
        let environment = project.environment(place)?.clone();
        let ground = Ground::of(workspace, &environment.id).await?;
        return Ok((environment, ground.unfinished));
    };
    let deployment = workspace.ledger.deployment(&project.id, number).await?;
    if deployment.status.is_final() {
        return Err(Obstacle::Over { deployment: Box::new(deployment) }.into());
    }
    let environment = project.environment(deployment.environment.as_str())?.clone();
    Ok((environment, vec![deployment]))
}

/// The hooks that wait in the rollouts that some steps began.
async fn waiting(
    access: &Access,
    steps: &[(DeploymentNumber, &Step)],
) -> Result<Vec<WaitingHook>, OpError> {
    let targets: Vec<_> = steps
        .iter()
        .map(|(_, step)| (step.target.cluster.clone(), step.target.ecs_service.clone()))
        .collect();
    let seen = access.ecs.observe(&targets).await?;
    let current = |target| seen.get(target)?.current_service_deployment.clone();
    let arns: Vec<String> = targets.iter().filter_map(current).collect();
    let known = access.ecs.service_deployments(&arns).await?;
    let mut waiting = Vec::new();
    for ((number, step), target) in steps.iter().zip(&targets) {
        let deployment = current(target).and_then(|arn| known.get(&arn));
        if let Some(deployment) = deployment.filter(|deployment| is_of(step, deployment)) {
            waiting.extend(hooks_of(*number, step, deployment));
        }
        let ready = seen.get(target).and_then(|service| Some((service, ready(step, service)?)));
        if let Some((service, ready)) = ready {
            let stage = access.ecs.code_deploy().stage(service, ready).await?;
            waiting.extend(readiness((*number, step), &stage));
        }
    }
    Ok(waiting)
}

/// The deployment of CodeDeploy that waits for somebody, where a step began it, on its way forward
/// or back.
fn ready<'a>(step: &Step, service: &'a ObservedService) -> Option<&'a CodeDeployment> {
    let under_way = service.code_deploy.as_ref()?.under_way()?;
    let is_ours = ours(step).any(|ours| *ours == under_way.id);
    (is_ours && under_way.status == CodeDeployStatus::Ready).then_some(under_way)
}

/// The ECS deployments, or those of CodeDeploy, that a step began: on its way back and forward.
fn ours(step: &Step) -> impl Iterator<Item = &EcsDeploymentId> {
    let back = step.compensation.as_ref().and_then(|back| back.ecs_deployment.as_ref());
    back.into_iter().chain(&step.ecs_deployment)
}

/// That a deployment of CodeDeploy waits.
fn readiness<'a>(
    (number, step): (DeploymentNumber, &'a Step),
    stage: &'a StageProgress,
) -> impl Iterator<Item = WaitingHook> + 'a {
    let hooks = stage.hooks.iter().filter(|hook| hook.awaits_action());
    hooks.map(move |hook| WaitingHook {
        deployment: number,
        service: step.service.clone(),
        stage: stage.clone(),
        service_deployment: hook.id.clone(),
        hook: hook.clone(),
    })
}

/// Whether a service deployment is the one that a step began, on its way forward or back.
fn is_of(step: &Step, deployment: &ServiceDeployment) -> bool {
    let revision = deployment.target_revision.as_ref();
    revision.is_some_and(|revision| ours(step).any(|ours| ours.made(revision)))
}

/// The hooks of a service deployment that wait.
fn hooks_of<'a>(
    number: DeploymentNumber,
    step: &'a Step,
    deployment: &'a ServiceDeployment,
) -> impl Iterator<Item = WaitingHook> + 'a {
    deployment.awaiting().map(move |hook| WaitingHook {
        deployment: number,
        service: step.service.clone(),
        stage: deployment.progress(None),
        hook: hook.clone(),
        service_deployment: deployment.arn.clone(),
    })
}

/// Refuses where a person has locked one of the services: to go on changes them.
fn refuse_if_locked(
    workspace: &Workspace,
    (environment, ground): (&Environment, &Ground),
    hooks: &[WaitingHook],
) -> Result<(), OpError> {
    let services: BTreeSet<ServiceId> = hooks.iter().map(|hook| hook.service.clone()).collect();
    let held = ground.in_the_way_of(&workspace.project, &services);
    let is_manual = |held: &HeldLock| matches!(held.kind, LockKind::Manual { .. });
    let held: Vec<HeldLock> = held.into_iter().filter(is_manual).collect();
    if held.is_empty() {
        return Ok(());
    }
    let (environment, now) = (environment.id.clone(), workspace.ledger.now());
    Err(Obstacle::Locked { held, environment, now }.into())
}

/// Answers one of the hooks.
///
/// # Errors
/// Fails when the record cannot be written, and when ECS refuses or does not say.
pub async fn answer_hook(
    workspace: &Workspace,
    waiting: &WaitingHooks,
    hook: &WaitingHook,
    (answer, reason): (HookAnswer, Option<&str>),
) -> Result<(), OpError> {
    let key = DeploymentKey {
        project: workspace.project.id.clone(),
        environment: waiting.environment.clone(),
        number: hook.deployment,
    };
    let answering = Answering {
        deployment: &key,
        service: &hook.service,
        service_deployment: &hook.service_deployment,
        hook: &hook.hook,
        answer,
        by: &waiting.access.actor(&workspace.person),
        reason,
    };
    Ok(engine::answer_hook(&waiting.access.ecs, &workspace.ledger, &answering).await?)
}
