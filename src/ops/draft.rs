//! From what is wanted to a plan that awaits a yes. Changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{
    access::Access,
    earlier_tasks::settle_earlier_tasks,
    error::OpError,
    ground::Ground,
    images::{Gathered, Search, gather, source_of},
    insurance::{lost_images, running},
    known_failures::warn_of_failures,
    left_out::settle,
    obstacle::Obstacle,
    pictures::{Subject, take},
    restart::{draft_of_restart, joined, restarted_after, taken_out},
    surroundings::{look_around, neighbours},
    terraform::Foresight,
    workspace::Workspace,
};
use crate::{
    backend::store::ledger::Lease,
    manifest::{Environment, Project, Service},
    model::{
        DeploymentKind, ImageId, ImageUri, Label, LockKind, OnFailure, ParameterName,
        ReleaseNumber, Selection, ServiceHead, ServiceId,
    },
    plan::{ImageSource, Insistence, Plan, PlanRequest, Wanted, plan},
};

/// What the user asked for.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub struct DeployRequest {
    /// `all`, a set, a service, or a release such as `r12`.
    pub selection: String,
    /// The environment.
    pub environment: String,
    /// `--from`.
    pub from: Option<String>,
    /// `--image`.
    pub images: BTreeMap<ImageId, ImageUri>,
    /// `--allow-missing`.
    pub allow_missing: bool,
    /// `--skip-before`: whether one-off tasks are left out.
    pub skip_before: bool,
    /// `--rerun-before`: whether one-off tasks are run although nobody knows how those of earlier
    /// deployments ended.
    pub rerun_before: bool,
    /// What sort of change it is.
    pub kind: DeploymentKind,
    /// The release that a rollback goes back from.
    pub from_release: Option<ReleaseNumber>,
    /// Why, in the words given.
    pub reason: Option<String>,
    /// Whether a hold on the environment is lifted.
    pub release_hold: bool,
    /// How long to wait while somebody else is at work there.
    pub wait: Duration,
    /// Whether circuit breakers are turned on, with rollback, for services that move.
    pub enable_circuit_breaker: bool,
    /// What is deployed all the same, although it stands against it.
    pub insist: Insistence,
}

impl DeployRequest {
    /// What is asked for where nothing more is said than what, and where.
    #[must_use]
    pub fn of(kind: DeploymentKind, selection: String, environment: String) -> Self {
        Self {
            selection,
            environment,
            from: None,
            images: BTreeMap::new(),
            allow_missing: false,
            skip_before: false,
            rerun_before: false,
            kind,
            from_release: None,
            reason: None,
            release_hold: false,
            wait: Duration::ZERO,
            enable_circuit_breaker: false,
            insist: Insistence::default(),
        }
    }

    /// The command of a deployment, as far as it says what is deployed: to be given again with
    /// more. Why, and how it is carried out, is left out.
    fn command(&self) -> String {
        let flags = [
            (self.allow_missing, "--allow-missing"),
            (self.skip_before, "--skip-before"),
            (self.rerun_before, "--rerun-before"),
            (self.enable_circuit_breaker, "--enable-circuit-breaker"),
            (self.insist != Insistence::default(), "--force"),
        ];
        let from = self.from.iter().map(|from| format!("--from {from}"));
        let images = self.images.iter().map(|(image, uri)| format!("--image {image}={uri}"));
        let flags = flags.iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| (*flag).to_owned());
        let what = format!("deploy {} {}", self.selection, self.environment);
        let parts: Vec<String> =
            [what].into_iter().chain(from).chain(images).chain(flags).collect();
        parts.join(" ")
    }
}

/// A plan that awaits a yes, with what it will be carried out with.
pub struct Draft {
    /// The plan.
    pub plan: Plan,
    /// The last release verified in the environment, if there is one.
    pub last_verified: Option<ReleaseNumber>,
    /// The environment's AWS.
    pub(super) access: Access,
    /// Every service that was looked at, those beside the selected ones included.
    pub(super) services: BTreeSet<ServiceId>,
    /// What was asked for.
    pub(super) request: DeployRequest,
    /// When it was made.
    pub(super) made: Instant,
    /// What the environment was in when it was made.
    pub(super) ground: Ground,
    /// What is done there when a service fails, unless it is said otherwise.
    pub on_failure: OnFailure,
}

/// The time between two looks at whether whoever is at work has done.
const TURN_INTERVAL: Duration = Duration::from_secs(1);

/// Works out what a deployment would do. Changes nothing.
///
/// # Errors
/// Refuses, with everything that stands against it, or fails when AWS or the store does.
pub async fn draft(workspace: &Workspace, request: &DeployRequest) -> Result<Draft, OpError> {
    draft_beside(workspace, request, None).await
}

/// Works out what a deployment would do; a lease that it has itself is not in its way.
#[expect(clippy::too_many_lines, reason = "it is one thing after the other")]
pub(super) async fn draft_beside(
    workspace: &Workspace,
    request: &DeployRequest,
    own: Option<&Lease>,
) -> Result<Draft, OpError> {
    let environment = workspace.project.environment(&request.environment)?.clone();
    check_reason(&environment, request)?;
    let access = Access::open(workspace, &environment.home()).await?;
    if request.kind == DeploymentKind::Restart {
        return draft_of_restart(workspace, (environment, access), request, own).await;
    }
    let (project, source, selection) = asked(workspace, &environment, request).await?;
    let selected = project.services_of(&selection);
    let users = users(&project, &selected);
    if let Some(image) = request.images.keys().find(|image| !users.contains_key(*image)) {
        return Err(OpError::NotSelected { image: image.to_string() });
    }
    let services = with_siblings(&project, &selected);
    let restarts = restarted_after(&project, (request.kind, &selection), &services);
    let all = joined(&services, &restarts);
    let ground = ground_for(workspace, &project, (&environment, request), (&all, own)).await?;
    let ids = selected.iter().map(|service| service.id.clone()).collect();
    let subjects = Subject::of_services(workspace, &environment, (&all, &ids))?;
    let made = Instant::now();
    let search = Search {
        home: environment.home(),
        access: &access,
        registry: environment.registry.as_ref(),
        source: &source,
        given: &request.images,
        users: &users,
    };
    let (gathered, album) = tokio::try_join!(
        gather(workspace, &search),
        take(workspace, (&environment, &access), &subjects),
    )?;
    let (mut album, gathered, left_out) =
        settle(request.allow_missing, &services, album, gathered)?;
    let restarts = taken_out(&access, &mut album, (&services, &restarts)).await?;
    let commits = subjects_of_commits(workspace, &gathered);
    let Gathered { images, platforms, .. } = gathered;
    let running = running(&album.pictures);
    let neighbours = neighbours(&album.pictures);
    let terraform = Foresight::of(workspace, &environment, &album.pictures);
    let mut plan = plan(PlanRequest {
        project: project.id.clone(),
        environment: environment.id.clone(),
        selection,
        wanted: Wanted { source: search.settled_source(), images, platforms, subjects: commits },
        pictures: album.pictures,
        restarts,
        left_out,
        keep_settled: false,
        enable_circuit_breaker: request.enable_circuit_breaker,
        insist: request.insist,
        kind: request.kind,
    })?;
    plan.settle_tasks(request.kind, request.skip_before);
    let tasks = (request.kind, request.rerun_before);
    settle_earlier_tasks(workspace, &access, &mut plan, tasks).await?;
    if plan.is_empty() && plan.unchanged.is_empty() && !plan.left_out.is_empty() {
        return Err(OpError::AllLeftOut { reasons: plan.left_out.into_values().collect() });
    }
    let (lost, surroundings) = tokio::join!(
        lost_images(&access, &plan, running),
        look_around(&access, &plan, neighbours),
    );
    plan.warnings.extend(lost?);
    plan.take_note_of(&surroundings);
    terraform.warn(workspace, &access, &mut plan).await;
    let heads = workspace.ledger.heads(&plan.project, &plan.environment).await?;
    warn_of_failures(workspace, &mut plan, (request.kind, &ground), &heads).await?;
    let last_verified = last_verified(&plan, &heads);
    let request = request.clone();
    let on_failure = environment.on_failure;
    let services = all.iter().map(|service| service.id.clone()).collect();
    Ok(Draft { plan, last_verified, access, services, request, made, ground, on_failure })
}

/// Refuses without a reason where one is needed.
fn check_reason(environment: &Environment, request: &DeployRequest) -> Result<(), OpError> {
    let is_needed = environment.require_reason || request.release_hold;
    if is_needed && request.reason.as_deref().is_none_or(|reason| reason.trim().is_empty()) {
        let environment = environment.id.clone();
        return Err(
            Obstacle::ReasonRequired { environment, lifts_hold: request.release_hold }.into()
        );
    }
    Ok(())
}

/// Waits for whoever is at work there, as long as that is wanted, and refuses where something is
/// unfinished or the environment is on hold.
pub(super) async fn ground_for(
    workspace: &Workspace,
    project: &Project,
    (environment, request): (&Environment, &DeployRequest),
    (services, own): (&[&Service], Option<&Lease>),
) -> Result<Ground, OpError> {
    let ids: BTreeSet<ServiceId> = services.iter().map(|service| service.id.clone()).collect();
    // Under the own lease there is no turn to be waited for.
    let wait = if own.is_some() { Duration::ZERO } else { request.wait };
    let deadline = Instant::now() + wait;
    loop {
        let ground = Ground::of(workspace, &environment.id).await?;
        let mut locks = ground.in_the_way_of(project, &ids);
        locks.retain(|lock| !own.is_some_and(|lease| lease.is(lock)));
        if !locks.is_empty() {
            let is_manual = locks.iter().any(|lock| matches!(lock.kind, LockKind::Manual { .. }));
            if is_manual || Instant::now() >= deadline {
                let (environment, now) = (environment.id.clone(), workspace.ledger.now());
                return Err(Obstacle::Locked { held: locks, environment, now }.into());
            }
            sleep(TURN_INTERVAL).await;
            continue;
        }
        if let Some(unfinished) = ground.unfinished_of(&ids) {
            return Err(Obstacle::Unfinished {
                deployment: Box::new(unfinished.clone()),
                is_worked_on: false,
            }
            .into());
        }
        return match &ground.hold {
            Some(hold) if request.kind == DeploymentKind::Deploy && !request.release_hold => {
                Err(Obstacle::OnHold { hold: Box::new(hold.clone()), command: request.command() }
                    .into())
            }
            _ => Ok(ground),
        };
    }
}

/// The project with its services, the source of the images, and the services asked for. A release
/// in the place of the services means those it was made for.
pub(super) async fn asked(
    workspace: &Workspace,
    environment: &Environment,
    request: &DeployRequest,
) -> Result<(Project, ImageSource, Selection), OpError> {
    let number = request.selection.parse::<ReleaseNumber>().ok();
    let number = number.filter(|_| !workspace.project.services.contains_key(&*request.selection));
    let Some(number) = number else {
        let source = source_of(&workspace.project, environment, request.from.as_deref())?;
        let project = with_services(workspace, &source).await?;
        let selection = project.select(&request.selection)?;
        return Ok((project, source, selection));
    };
    if request.from.is_some() || !request.images.is_empty() {
        return Err(Obstacle::ReleaseIsWhole { release: number }.into());
    }
    let release = workspace.ledger.find_release(&workspace.project.id, number).await?;
    let source = ImageSource::Release(number);
    let project = with_services(workspace, &source).await?;
    let selection = project.select(&release.selection.to_string())?;
    Ok((project, source, selection))
}

/// The release that was last verified for every one of the plan's services; none where they differ,
/// since no one release would bring them back.
fn last_verified(plan: &Plan, heads: &BTreeMap<ServiceId, ServiceHead>) -> Option<ReleaseNumber> {
    let verified: BTreeSet<Option<ReleaseNumber>> = plan
        .steps
        .iter()
        .filter(|step| !step.restart)
        .map(|step| Some(heads.get(&step.service)?.verified.as_ref()?.release))
        .collect();
    if verified.len() == 1 { verified.into_iter().next().flatten() } else { None }
}

/// The project; where its manifest names no services, with those registered under the label.
pub(super) async fn with_services(
    workspace: &Workspace,
    source: &ImageSource,
) -> Result<Project, OpError> {
    if !workspace.project.is_open() {
        return Ok(workspace.project.clone());
    }
    let label = match source {
        ImageSource::Label(label) => label.clone(),
        ImageSource::Environment(_) | ImageSource::Release(_) | ImageSource::Given => {
            Label::latest()
        }
    };
    open_project(workspace, &label).await
}

/// The project as it is looked at: an open one has as services what was registered last.
pub(super) async fn seen_project(workspace: &Workspace) -> Result<Project, OpError> {
    if workspace.project.is_open() {
        return open_project(workspace, &Label::latest()).await;
    }
    Ok(workspace.project.clone())
}

/// A project whose services are the images registered under a label.
pub(super) async fn open_project(workspace: &Workspace, label: &Label) -> Result<Project, OpError> {
    let project = &workspace.project;
    let access = Access::open(workspace, &project.home).await?;
    let folder = ParameterName::folder(&project.id, label);
    let found = access.parameters.by_folder(&folder).await?;
    let services: Vec<ServiceId> = found
        .keys()
        .filter_map(|name| name.as_str().rsplit('/').next())
        .filter_map(|last| ServiceId::new(last).ok())
        .collect();
    if services.is_empty() {
        return Err(OpError::NoServices { project: project.id.to_string() });
    }
    Ok(project.clone().with_services(services)?)
}

/// Which of the selected services need which image.
pub(super) fn users(project: &Project, selected: &[&Service]) -> BTreeMap<ImageId, Vec<ServiceId>> {
    let images: BTreeSet<&ImageId> =
        selected.iter().flat_map(|service| service.containers.values()).collect();
    images
        .into_iter()
        .map(|image| {
            let users = project.services_running(image);
            (image.clone(), users.into_iter().map(|service| service.id.clone()).collect())
        })
        .collect()
}

/// The selected services and all that share an image with them: the parameter of an image is
/// one, and so its services always move together. In the order of the manifest.
fn with_siblings<'a>(project: &'a Project, selected: &[&Service]) -> Vec<&'a Service> {
    let images: BTreeSet<&ImageId> =
        selected.iter().flat_map(|service| service.containers.values()).collect();
    project
        .services_of(&Selection::All)
        .into_iter()
        .filter(|service| service.containers.values().any(|image| images.contains(image)))
        .collect()
}

/// The subjects of the commits that images were built from, as far as git has them.
fn subjects_of_commits(workspace: &Workspace, gathered: &Gathered) -> BTreeMap<ImageId, String> {
    let Some(repository) = &workspace.repository else { return BTreeMap::new() };
    gathered
        .images
        .iter()
        .filter_map(|(id, image)| {
            Some((id.clone(), repository.subject(image.release_hash.as_str())?))
        })
        .collect()
}
