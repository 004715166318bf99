//! `deploy`: from what is wanted to a plan, and from an approved plan to a verdict.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use super::{
    access::Access,
    error::OpError,
    images::{Gathered, Search, gather, source_of},
    pictures::{Album, take},
    workspace::Workspace,
};
use crate::{
    backend::store::ledger::NewRelease,
    engine::{Engine, EngineError, Orders, Report},
    manifest::{Project, Service},
    model::{
        ImageId, ImageUri, Label, Listener, ParameterName, Release, ReleaseNumber, Selection,
        ServiceId,
    },
    plan::{ImageSource, Plan, PlanRequest, Problem, Refusal, Wanted, plan},
};

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct DeployRequest {
    /// `all`, a set or a service.
    pub selection: String,
    /// The environment.
    pub environment: String,
    /// `--from`.
    pub from: Option<String>,
    /// `--image`.
    pub images: BTreeMap<ImageId, ImageUri>,
    /// `--allow-missing`.
    pub allow_missing: bool,
}

/// A plan that awaits a yes, with what it will be carried out with.
pub struct Draft {
    /// The plan.
    pub plan: Plan,
    /// The last release verified in the environment, if there is one.
    pub last_verified: Option<ReleaseNumber>,
    /// The environment's AWS.
    access: Access,
    /// What was asked for.
    request: DeployRequest,
    /// When it was made.
    made: Instant,
}

/// For how long what a plan is made of is taken as it was. Longer than a machine takes from plan to
/// deployment, shorter than a person takes to read and answer.
const A_PLAN_STAYS_FRESH: Duration = Duration::from_secs(5);

/// Works out what a deployment would do. Changes nothing.
///
/// # Errors
/// Refuses, with everything that stands against it, or fails when AWS or the store does.
pub async fn draft(workspace: &Workspace, request: &DeployRequest) -> Result<Draft, OpError> {
    let environment = workspace.project.environment(&request.environment)?.clone();
    let access = Access::open(workspace, &environment.home()).await?;
    let source = source_of(&workspace.project, &environment, request.from.as_deref())?;
    let project = with_services(workspace, &source).await?;
    let selection = project.select(&request.selection)?;
    let selected = project.services_of(&selection);
    let users = users(&project, &selected);
    if let Some(image) = request.images.keys().find(|image| !users.contains_key(*image)) {
        return Err(OpError::NotSelected { image: image.to_string() });
    }
    let services = with_siblings(&project, &selected);
    let ids = selected.iter().map(|service| service.id.clone()).collect();
    let made = Instant::now();
    let search = Search {
        environment: &environment,
        access: &access,
        source: &source,
        given: &request.images,
        users: &users,
    };
    let (gathered, album) = tokio::try_join!(
        gather(workspace, &search),
        take(workspace, (&environment, &access), (&services, &ids)),
    )?;
    let (album, gathered, left_out) = settle(request.allow_missing, &services, album, gathered)?;
    let subjects = subjects(workspace, &gathered);
    let plan = plan(PlanRequest {
        project: project.id.clone(),
        environment: environment.id.clone(),
        selection,
        wanted: Wanted { source, images: gathered.images, platforms: gathered.platforms, subjects },
        pictures: album.pictures,
        left_out,
    })?;
    if plan.is_empty() && plan.unchanged.is_empty() && !plan.left_out.is_empty() {
        return Err(OpError::AllLeftOut { reasons: plan.left_out.into_values().collect() });
    }
    let last_verified = last_verified(workspace, &plan).await?;
    let request = request.clone();
    Ok(Draft { plan, last_verified, access, request, made })
}

/// The release that was last verified for every one of the plan's services; none where they differ,
/// since no one release would bring them back.
async fn last_verified(
    workspace: &Workspace,
    plan: &Plan,
) -> Result<Option<ReleaseNumber>, OpError> {
    let heads = workspace.ledger.heads(&plan.project, &plan.environment).await?;
    let verified: BTreeSet<Option<ReleaseNumber>> = plan
        .steps
        .iter()
        .map(|step| Some(heads.get(&step.service)?.verified.as_ref()?.release))
        .collect();
    Ok(if verified.len() == 1 { verified.into_iter().next().flatten() } else { None })
}

/// The project; where its manifest names no services, with those registered under the label.
async fn with_services(workspace: &Workspace, source: &ImageSource) -> Result<Project, OpError> {
    if !workspace.project.is_open() {
        return Ok(workspace.project.clone());
    }
    let label = match source {
        ImageSource::Label(label) => label.clone(),
        ImageSource::Environment(_) | ImageSource::Release(_) => Label::latest(),
    };
    open_project(workspace, &label).await
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
fn users(project: &Project, selected: &[&Service]) -> BTreeMap<ImageId, Vec<ServiceId>> {
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

/// Leaves out what is missing where that is allowed, and refuses everything else.
fn settle(
    allow_missing: bool,
    services: &[&Service],
    mut album: Album,
    mut gathered: Gathered,
) -> Result<(Album, Gathered, BTreeMap<ServiceId, String>), OpError> {
    let mut left_out = BTreeMap::new();
    if allow_missing {
        left_out = left_out_of(services, &album, &gathered);
        for service in left_out.keys() {
            album.pictures.retain(|picture| picture.service != *service);
            album.problems.remove(service);
        }
        gathered.problems.retain(|_, problem| !problem.is_missing_image());
    }
    let problems: Vec<Problem> =
        gathered.problems.values().chain(album.problems.values()).cloned().collect();
    if problems.is_empty() {
        return Ok((album, gathered, left_out));
    }
    Err(Refusal { problems }.into())
}

/// The services to be left out: those that miss something, and those that share an image with
/// them, because services that share an image always move together.
fn left_out_of(
    services: &[&Service],
    album: &Album,
    gathered: &Gathered,
) -> BTreeMap<ServiceId, String> {
    let mut left_out: BTreeMap<ServiceId, String> = services
        .iter()
        .filter_map(|service| Some((service.id.clone(), missing(service, album, gathered)?)))
        .collect();
    loop {
        let found = services.iter().find_map(|service| {
            let other = services.iter().find(|other| {
                let shared = |image| other.containers.values().any(|theirs| theirs == image);
                left_out.contains_key(&other.id) && service.containers.values().any(shared)
            })?;
            let is_new = !left_out.contains_key(&service.id);
            is_new.then(|| (service.id.clone(), format!("it shares an image with `{}`", other.id)))
        });
        let Some((service, reason)) = found else { return left_out };
        left_out.insert(service, reason);
    }
}

/// Why a service can be left out: it is not in ECS, or one of its images does not exist.
fn missing(service: &Service, album: &Album, gathered: &Gathered) -> Option<String> {
    let absent = album
        .problems
        .get(&service.id)
        .filter(|problem| matches!(problem, Problem::ServiceMissing { .. }));
    let image = service
        .containers
        .values()
        .find_map(|image| gathered.problems.get(image).filter(|p| p.is_missing_image()));
    absent.or(image).map(ToString::to_string)
}

/// The subjects of the commits that images were built from, as far as git has them.
fn subjects(workspace: &Workspace, gathered: &Gathered) -> BTreeMap<ImageId, String> {
    let Some(repository) = &workspace.repository else { return BTreeMap::new() };
    gathered
        .images
        .iter()
        .filter_map(|(id, image)| {
            Some((id.clone(), repository.subject(image.release_hash.as_str())?))
        })
        .collect()
}

/// How an approved plan is to be carried out.
pub struct Execution<'a> {
    /// Whoever listens.
    pub listener: &'a dyn Listener,
    /// Turns true when nothing more shall be started.
    pub interrupt: watch::Receiver<bool>,
    /// Why.
    pub description: Option<String>,
    /// How long rollouts may take.
    pub timeout: Duration,
    /// Whether to follow them to their end.
    pub wait: bool,
}

/// Plans once more, right before the first effect, when the plan is not fresh any more: a tag may
/// have moved, or somebody may have deployed or changed a task definition.
async fn refuse_what_has_changed(workspace: &Workspace, draft: &Draft) -> Result<(), OpError> {
    if draft.made.elapsed() <= A_PLAN_STAYS_FRESH {
        return Ok(());
    }
    let now = Box::pin(self::draft(workspace, &draft.request)).await?;
    let is_same = now.plan.steps == draft.plan.steps;
    if is_same { Ok(()) } else { Err(OpError::PlanChanged) }
}

/// Makes the release and deploys it.
///
/// # Errors
/// Refuses when something has changed since the plan was made; fails when the record cannot be
/// written.
pub async fn carry_out(
    workspace: &Workspace,
    draft: Draft,
    execution: Execution<'_>,
) -> Result<(Report, Release), OpError> {
    refuse_what_has_changed(workspace, &draft).await?;
    let Draft { plan, access, .. } = draft;
    let approved = plan.approve();
    let plan = approved.plan();
    let actor = access.actor(&workspace.person);
    let (release, _created) = workspace
        .ledger
        .record_release(NewRelease {
            project: plan.project.clone(),
            selection: plan.selection.clone(),
            images: plan.wanted.images.clone(),
            actor: actor.clone(),
            description: execution.description.clone(),
            at: (workspace.now)(),
        })
        .await?;
    let engine = Engine {
        ecs: &access.ecs,
        parameters: &access.parameters,
        ledger: &workspace.ledger,
        throttles: &workspace.throttles,
        listener: execution.listener,
        now: workspace.now,
        interrupt: execution.interrupt,
    };
    let orders = Orders {
        release: release.number,
        actor,
        description: execution.description,
        timeout: execution.timeout,
        wait: execution.wait,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let done = engine.deploy(&approved, &orders).await.map_err(|error| match error {
        EngineError::Locked { held } => OpError::Locked { held, now: workspace.ledger.now() },
        other => other.into(),
    });
    Ok((done?, release))
}
