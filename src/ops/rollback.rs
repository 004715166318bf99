//! `rollback`: back to what was verified before, whatever an environment is in.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    access::Access,
    definitions::definitions,
    draft::{DeployRequest, Draft, draft, with_services},
    error::OpError,
    ground::Ground,
    obstacle::Obstacle,
    workspace::Workspace,
};
use crate::{
    backend::store::StoreError,
    manifest::{Environment, Project, Service},
    model::{
        Actor, Deployment, DeploymentKind, DeploymentNumber, DeploymentStatus, EnvironmentId,
        Event, Hold, ImageId, ImageUri, Listener, ReleaseNumber, Selection, ServiceId, Step,
        TaskDefinitionArn,
    },
    plan::{ImageSource, Insistence, RanBefore, container_images, ran_before, rollback_target},
};

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct RollbackRequest {
    /// The environment.
    pub environment: String,
    /// The unfinished deployment to be taken back; the only one there where none is named.
    pub deployment: Option<DeploymentNumber>,
    /// `--set`: a set or a service; what was deployed last where none is named.
    pub selection: Option<String>,
    /// `--to`.
    pub to: Option<ReleaseNumber>,
    /// Why.
    pub reason: Option<String>,
}

/// What a rollback would do.
pub enum Way {
    /// An unfinished deployment is taken back.
    Undo(Box<Deployment>),
    /// A verified release, or what ran before, is deployed again.
    Release {
        /// Where to.
        to: Goal,
        /// The plan.
        draft: Box<Draft>,
    },
}

/// What services go back to.
#[derive(Debug, Clone)]
pub enum Goal {
    /// A release that was verified.
    Release(ReleaseNumber),
    /// What was verified last for each of them.
    LastVerified,
    /// What they were set to before deployments of the record: no release was verified before.
    Before {
        /// What that was.
        before: RanBefore,
        /// The services of which no deployment of the record had set it, so that it was never verified.
        foreign: BTreeSet<ServiceId>,
        /// The images that are named by a tag, which may be another one by now.
        by_tag: BTreeSet<ImageId>,
    },
}

/// How many deployments of an environment are looked at first for one to go back to: each is a request,
/// and mostly it is among the newest few. Four times as many are, each time that it is not.
const HISTORY: usize = 8;

/// Works out how to go back. Changes nothing.
///
/// # Errors
/// Fails when there is nothing to go back to, and as [`draft`] does.
pub async fn way_back(workspace: &Workspace, request: &RollbackRequest) -> Result<Way, OpError> {
    let environment = workspace.project.environment(&request.environment)?.clone();
    let is_blank = |reason: &str| reason.trim().is_empty();
    if environment.require_reason && request.reason.as_deref().is_none_or(is_blank) {
        return Err(
            Obstacle::ReasonRequired { environment: environment.id, lifts_hold: false }.into()
        );
    }
    if let Some(number) = request.deployment {
        return Ok(Way::Undo(Box::new(named(workspace, &environment.id, number).await?)));
    }
    let ground = Ground::of(workspace, &environment.id).await?;
    let source = ImageSource::Environment(environment.id.clone());
    let (mut project, mut selection) = (workspace.project.clone(), Selection::All);
    if let Some(word) = &request.selection {
        project = with_services(workspace, &source).await?;
        selection = project.select(word)?;
    }
    let touched = services(&project, &selection);
    let is_wanted = |step: &Step| selection == Selection::All || touched.contains(&step.service);
    if let Some(deployment) = unfinished(&ground, is_wanted, request.to.is_some())? {
        return Ok(Way::Undo(Box::new(deployment)));
    }
    if request.selection.is_none() {
        project = with_services(workspace, &source).await?;
    }
    let selection = request.selection.as_ref().map(|_| selection);
    let place = (&project, &environment.id);
    let Target { selection, from, mut to } =
        target(workspace, place, (selection, request.to)).await?;
    let images = match &mut to {
        Goal::Before { before, by_tag, .. } => {
            let services = project.services_of(&selection);
            let images = images_before(workspace, &environment, (before, &services)).await?;
            let tagged = images.iter().filter(|(_, uri)| uri.digest().is_none());
            *by_tag = tagged.map(|(image, _)| image.clone()).collect();
            images
        }
        Goal::Release(_) | Goal::LastVerified => BTreeMap::new(),
    };
    let source = match &to {
        Goal::Release(release) => release.to_string(),
        Goal::LastVerified | Goal::Before { .. } => environment.id.to_string(),
    };
    let (kind, place) = (DeploymentKind::Rollback, request.environment.clone());
    let request = DeployRequest {
        from: Some(source),
        images,
        from_release: from,
        reason: request.reason.clone(),
        insist: Insistence { on_rollback: false, on_dead_lock: true },
        ..DeployRequest::of(kind, selection.to_string(), place)
    };
    let draft = Box::new(draft(workspace, &request).await?);
    Ok(Way::Release { to, draft })
}

/// The deployment with the number, if it can be taken back.
async fn named(
    workspace: &Workspace,
    environment: &EnvironmentId,
    number: DeploymentNumber,
) -> Result<Deployment, OpError> {
    let project = &workspace.project.id;
    let deployment = workspace.ledger.deployment(project, number).await?;
    if deployment.environment != *environment {
        let what = format!("deployment `{number}` of `{project}` in `{environment}`");
        return Err(StoreError::NotFound { what }.into());
    }
    let deployment = Box::new(deployment);
    if deployment.status.is_final() {
        return Err(Obstacle::Over { deployment }.into());
    }
    if matches!(deployment.kind, DeploymentKind::Rollback | DeploymentKind::Restart) {
        let is_worked_on = Ground::of(workspace, environment).await?.is_worked_on(number);
        return Err(Obstacle::Unfinished { deployment, is_worked_on }.into());
    }
    Ok(*deployment)
}

/// The only unfinished deployment with such a step, if there is one. `is_in_the_way` says that it is
/// not to be taken back.
fn unfinished(
    ground: &Ground,
    is_wanted: impl Fn(&Step) -> bool,
    is_in_the_way: bool,
) -> Result<Option<Deployment>, Obstacle> {
    let open = ground.unfinished.iter();
    let open: Vec<&Deployment> = open.filter(|open| open.steps.iter().any(&is_wanted)).collect();
    let Some(newest) = open.first() else { return Ok(None) };
    if is_in_the_way
        || (open.len() == 1
            && !newest.may_be_taken_back()
            && newest.status != DeploymentStatus::RollingBack)
    {
        let is_worked_on = ground.is_worked_on(newest.number);
        let deployment = Box::new((*newest).clone());
        return Err(Obstacle::Unfinished { deployment, is_worked_on });
    }
    if open.len() > 1 {
        let numbers = open.iter().map(|open| open.number).collect();
        return Err(Obstacle::SeveralUnfinished { numbers });
    }
    Ok(Some((*newest).clone()))
}

/// Where a rollback of what is over goes.
struct Target {
    /// The services.
    selection: Selection,
    /// The release that was deployed last to them.
    from: Option<ReleaseNumber>,
    /// What they go back to.
    to: Goal,
}

/// Looks for what to go back to, further and further back; without a selection for the services that
/// were deployed last.
async fn target(
    workspace: &Workspace,
    (project, environment): (&Project, &EnvironmentId),
    (wanted, to): (Option<Selection>, Option<ReleaseNumber>),
) -> Result<Target, OpError> {
    let mut size = HISTORY;
    loop {
        let ledger = &workspace.ledger;
        let mut past = ledger.history(&project.id, Some(environment), None, size).await?;
        let is_all = past.len() < size;
        past.retain(|deployment| {
            !matches!(deployment.kind, DeploymentKind::Register | DeploymentKind::Restart)
        });
        let last = past.first().map(|last| last.selection.clone());
        let selection = wanted.clone().or(last).unwrap_or(Selection::All);
        let ours = set_by_us(&past);
        let newest = covering(project, past, &selection);
        let from = newest.first().map(|deployment| deployment.release);
        let found = match to {
            Some(to) => verified_before(&newest, to).map(Goal::Release),
            // Since the last release of all of them, some may have been deployed by themselves.
            None if is_left_broken(&newest) => Ok(Goal::LastVerified),
            None => rollback_target(&newest)
                .map(Goal::Release)
                .or_else(|| {
                    let before = ran_before(&newest).filter(|_| is_all)?;
                    Some(before_all((before, &services(project, &selection)), &ours))
                })
                .ok_or_else(|| {
                    let (environment, selection) = (environment.clone(), selection.clone());
                    Obstacle::NoTarget { environment, selection }.into()
                }),
        };
        match found {
            Ok(to) => return Ok(Target { selection, from, to }),
            Err(error) if is_all => return Err(error),
            Err(_) => size = size.saturating_mul(4),
        }
    }
}

/// The revisions that deployments have set services to.
fn set_by_us(deployments: &[Deployment]) -> BTreeSet<(ServiceId, TaskDefinitionArn)> {
    let steps = deployments.iter().flat_map(|deployment| &deployment.steps);
    steps.filter_map(|step| Some((step.service.clone(), step.task_definition.clone()?))).collect()
}

/// What ran before, for these services, with those of them whose revision then was not set by us.
fn before_all(
    (before, services): (RanBefore, &BTreeSet<ServiceId>),
    ours: &BTreeSet<(ServiceId, TaskDefinitionArn)>,
) -> Goal {
    let is_foreign = |step: &&Step| {
        let found = step.before.task_definition.clone();
        services.contains(&step.service)
            && found.is_some_and(|found| !ours.contains(&(step.service.clone(), found)))
    };
    let foreign = before.steps.iter().filter(is_foreign).map(|step| step.service.clone());
    Goal::Before { foreign: foreign.collect(), before, by_tag: BTreeSet::new() }
}

/// Whether the newest deployment left its services neither where it wanted them nor where they were,
/// and something was verified before it.
fn is_left_broken(newest_first: &[Deployment]) -> bool {
    let is_broken = |newest: &Deployment| {
        newest.kind == DeploymentKind::Deploy && newest.status != DeploymentStatus::Succeeded
    };
    newest_first.first().is_some_and(is_broken) && rollback_target(newest_first).is_some()
}

/// The images that services ran before deployments, by the revisions in the record.
async fn images_before(
    workspace: &Workspace,
    environment: &Environment,
    (ran, services): (&RanBefore, &[&Service]),
) -> Result<BTreeMap<ImageId, ImageUri>, OpError> {
    let steps: Vec<(&Step, &TaskDefinitionArn)> = ran
        .steps
        .iter()
        .filter(|step| services.iter().any(|service| service.id == step.service))
        .filter_map(|step| Some((step, step.before.task_definition.as_ref()?)))
        .collect();
    let access = Access::open(workspace, &environment.home()).await?;
    let references: BTreeSet<String> = steps.iter().map(|(_, arn)| arn.to_string()).collect();
    let known = definitions(&access.ecs, references).await?;
    let mut before = BTreeMap::new();
    for (step, arn) in steps {
        let revision = known.get(arn.as_str());
        let images = revision.and_then(|found| container_images(&found.document).ok());
        let images = images.unwrap_or_default();
        for (container, image) in &step.target.containers {
            let uri = images.get(container.as_str());
            let Some(uri) = uri.and_then(|uri| ImageUri::parse(uri.as_str()).ok()) else {
                let (service, revision) = (step.service.clone(), arn.clone());
                return Err(Obstacle::BeforeUnreadable { service, revision }.into());
            };
            if before.insert(image.clone(), uri.clone()).is_some_and(|other| other != uri) {
                let (image, deployment) = (image.clone(), ran.deployment);
                return Err(Obstacle::BeforeDiffers { image, deployment }.into());
            }
        }
    }
    // One that was not moved runs what it ran before: the same image must not go back under it.
    let stays = |service: &&&Service| ran.steps.iter().all(|step| step.service != service.id);
    let mut shared = services.iter().filter(stays).flat_map(|service| service.containers.values());
    match shared.find(|image| before.contains_key(*image)) {
        Some(image) => {
            let (image, deployment) = (image.clone(), ran.deployment);
            Err(Obstacle::BeforeDiffers { image, deployment }.into())
        }
        None => Ok(before),
    }
}

/// The services of a selection.
fn services(project: &Project, selection: &Selection) -> BTreeSet<ServiceId> {
    let services = project.services_of(selection);
    services.into_iter().map(|service| service.id.clone()).collect()
}

/// Those that were about all services of a selection.
fn covering(
    project: &Project,
    mut deployments: Vec<Deployment>,
    selection: &Selection,
) -> Vec<Deployment> {
    let wanted = services(project, selection);
    deployments.retain(|deployment| {
        deployment.selection == Selection::All
            || deployment.selection == *selection
            || services(project, &deployment.selection).is_superset(&wanted)
    });
    deployments
}

/// The release, if it was verified in the environment.
fn verified_before(
    newest_first: &[Deployment],
    to: ReleaseNumber,
) -> Result<ReleaseNumber, OpError> {
    use DeploymentStatus::Succeeded;
    let is_verified = |d: &Deployment| d.status == Succeeded && d.release == to;
    if newest_first.iter().any(is_verified) {
        return Ok(to);
    }
    let mut known: Vec<ReleaseNumber> = Vec::new();
    for deployment in newest_first.iter().filter(|d| d.status == Succeeded) {
        if !known.contains(&deployment.release) {
            known.push(deployment.release);
        }
    }
    Err(Obstacle::NeverVerified { release: to, known }.into())
}

/// Keeps an environment where it is when its rollback failed: whoever deploys next must have looked.
pub(super) async fn hold_if_broken(
    workspace: &Workspace,
    deployment: &Deployment,
    (by, listener): (&Actor, &dyn Listener),
) {
    if deployment.status == DeploymentStatus::RollbackFailed {
        let reason = format!("the rollback of {} failed", deployment.number);
        hold(workspace, deployment, reason, (by, listener)).await;
    }
}

/// Keeps an environment where a deployment leaves it. That this cannot be written is told, and
/// changes nothing of how the deployment ends.
pub(super) async fn hold(
    workspace: &Workspace,
    deployment: &Deployment,
    reason: String,
    (by, listener): (&Actor, &dyn Listener),
) {
    let number = Some(deployment.number);
    let hold = Hold { by: by.clone(), reason, at: (workspace.now)(), deployment: number };
    if let Err(error) = workspace.hold(&deployment.environment, &hold).await {
        let text = format!("{} could not be put on hold: {error}", deployment.environment);
        listener.hear(&Event::Warning { text });
    }
}

/// Why an environment is on hold after a rollback.
pub(super) fn reason_to_hold(reason: Option<&str>) -> String {
    let without = || "it was rolled back".to_owned();
    reason.map_or_else(without, |reason| format!("rolled back: {reason}"))
}

/// Whether an environment is on hold now.
///
/// # Errors
/// Fails when the store cannot be read.
pub async fn is_on_hold(
    workspace: &Workspace,
    environment: &EnvironmentId,
) -> Result<bool, OpError> {
    let locks = workspace.ledger.locks(&workspace.project.id, environment).await?;
    Ok(locks.hold.is_some())
}
