//! `restart`, and the restarts that follow a deployment: services that are deployed anew with what
//! they run.
//!
//! A new deployment of ECS looks tags up anew. So what would start is compared with what runs: a tag
//! that has moved, or an image that is gone, stands against a restart.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::{
    access::Access,
    draft::{DeployRequest, Draft, asked, ground_for},
    error::OpError,
    insurance::running,
    pictures::{Album, Subject, take},
    workspace::Workspace,
};
use crate::{
    backend::{registry::Resolution, store::ledger::Lease},
    manifest::{Environment, Project, Service},
    model::{
        DeploymentKind, Digest, ImageId, ImageUri, ReleaseNumber, ReleasedImage, Selection,
        ServiceId,
    },
    plan::{
        ImageSource, Plan, PlanRequest, PlannedStep, Problem, Refusal, Restarted, ServicePicture,
        Wanted, plan, running_images,
    },
};

/// The services that are restarted once a selection is deployed, in the order of the manifest.
pub(super) fn restarted_after<'a>(
    project: &'a Project,
    (kind, selection): (DeploymentKind, &Selection),
    services: &[&Service],
) -> Vec<&'a Service> {
    if kind == DeploymentKind::Register {
        return Vec::new();
    }
    let sets = project.service_sets.values().filter(|set| match selection {
        Selection::All => true,
        Selection::Set(id) => *id == set.id,
        Selection::Service(_) => false,
    });
    let of_sets = sets.flat_map(|set| set.restart.iter().cloned());
    let of_services = services.iter().flat_map(|service| service.restart.iter().cloned());
    let wanted: BTreeSet<ServiceId> = of_sets.chain(of_services).collect();
    let all = project.services_of(&Selection::All);
    all.into_iter().filter(|service| wanted.contains(&service.id)).collect()
}

/// The services that are restarted, out of an album of those that are deployed and those.
pub(super) async fn taken_out(
    access: &Access,
    album: &mut Album,
    (services, restarts): (&[&Service], &[&Service]),
) -> Result<Vec<Restarted>, OpError> {
    let is_one = |services: &[&Service], picture: &ServicePicture| {
        services.iter().any(|service| service.id == picture.service)
    };
    let pictures = album.pictures.iter().filter(|picture| is_one(restarts, picture));
    let restarted = restarted(access, pictures.cloned().collect()).await?;
    album.pictures.retain(|picture| is_one(services, picture));
    Ok(restarted)
}

/// What is to be known of services before they are restarted.
///
/// # Errors
/// Refuses where one would start another image than it runs, or none.
pub(super) async fn restarted(
    access: &Access,
    pictures: Vec<ServicePicture>,
) -> Result<Vec<Restarted>, OpError> {
    let uris: Vec<ImageUri> = running(&pictures).into_keys().collect();
    let found = access.registry.resolve(&uris).await?;
    let (mut restarts, mut problems) = (Vec::new(), Vec::new());
    for picture in pictures {
        let mut digests = BTreeMap::new();
        for (container, image, uri) in running_images(&picture) {
            let runs = picture.digests.get(&container);
            match expected(runs, found.get(&uri), (image, uri)) {
                Ok(expected) => digests.extend(expected.map(|expected| (container, expected))),
                Err(problem) => problems.push(problem),
            }
        }
        restarts.push(Restarted { picture, digests });
    }
    if problems.is_empty() { Ok(restarts) } else { Err(Refusal { problems }.into()) }
}

/// The digests that a container may have once it is restarted, where they are known.
fn expected(
    runs: Option<&Digest>,
    found: Option<&Resolution>,
    (image, uri): (ImageId, ImageUri),
) -> Result<Option<BTreeSet<Digest>>, Problem> {
    match (found, runs) {
        (Some(Resolution::Found { digest, platforms, .. }), runs) => {
            let all: BTreeSet<Digest> = platforms.iter().chain([digest]).cloned().collect();
            match runs.filter(|runs| !all.contains(*runs)) {
                Some(was) => {
                    let (was, is) = (was.clone(), digest.clone());
                    Err(Problem::ImageMoved { image, uri, was, is })
                }
                None => Ok(Some(all)),
            }
        }
        (Some(Resolution::Missing { reason }), _) => {
            Err(Problem::ImageMissing { image, uri, reason: reason.clone() })
        }
        (Some(Resolution::TagMoved), _) => {
            let reason = "its tag is another image by now".to_owned();
            Err(Problem::ImageMissing { image, uri, reason })
        }
        (Some(Resolution::NotAsked) | None, runs) => {
            Ok(runs.map(|runs| BTreeSet::from([runs.clone()])))
        }
    }
}

/// The images that services run, as a release has them.
fn images_of(restarts: &[Restarted]) -> BTreeMap<ImageId, ReleasedImage> {
    let mut images = BTreeMap::new();
    for Restarted { picture, .. } in restarts {
        for (container, image, uri) in running_images(picture) {
            let digest = picture.digests.get(&container).cloned();
            let release_hash = uri.release_hash();
            images.entry(image).or_insert(ReleasedImage { uri, digest, release_hash });
        }
    }
    images
}

/// Works out what a restart would do.
pub(super) async fn draft_of_restart(
    workspace: &Workspace,
    (environment, access): (Environment, Access),
    request: &DeployRequest,
    own: Option<&Lease>,
) -> Result<Draft, OpError> {
    let (project, _, selection) = asked(workspace, &environment, request).await?;
    let selected = project.services_of(&selection);
    let ground = ground_for(workspace, &project, (&environment, request), (&selected, own)).await?;
    let services: BTreeSet<ServiceId> = selected.iter().map(|service| service.id.clone()).collect();
    let subjects = Subject::of_services(workspace, &environment, (&selected, &services))?;
    let made = Instant::now();
    let album = take(workspace, (&environment, &access), &subjects).await?;
    if !album.problems.is_empty() {
        let problems = album.problems.into_values().collect();
        return Err(Refusal { problems }.into());
    }
    let restarts = restarted(&access, album.pictures).await?;
    let plan = plan(PlanRequest {
        project: project.id.clone(),
        environment: environment.id.clone(),
        selection,
        wanted: Wanted {
            source: ImageSource::Environment(environment.id.clone()),
            images: images_of(&restarts),
            platforms: BTreeMap::new(),
            subjects: BTreeMap::new(),
        },
        pictures: Vec::new(),
        restarts,
        left_out: BTreeMap::new(),
        keep_settled: false,
        enable_circuit_breaker: false,
        insist: request.insist,
        kind: request.kind,
    })?;
    let (request, on_failure) = (request.clone(), environment.on_failure);
    // There is nothing to go back to.
    let last_verified = None;
    Ok(Draft { plan, last_verified, access, services, request, made, ground, on_failure })
}

/// Services of two lists, each once.
pub(super) fn joined<'a>(services: &[&'a Service], more: &[&'a Service]) -> Vec<&'a Service> {
    let mut all = services.to_vec();
    for service in more {
        if !all.iter().any(|one| one.id == service.id) {
            all.push(*service);
        }
    }
    all
}

/// The one release that all of a plan's services are verified to run now.
pub(super) async fn verified_as_it_runs(
    workspace: &Workspace,
    plan: &Plan,
) -> Result<Option<ReleaseNumber>, OpError> {
    let heads = workspace.ledger.heads(&plan.project, &plan.environment).await?;
    let release = |step: &PlannedStep| {
        let verified = heads.get(&step.service)?.verified.as_ref()?;
        let runs = step.before.task_definition.as_ref();
        (runs == Some(&verified.task_definition)).then_some(verified.release)
    };
    let releases: BTreeSet<Option<ReleaseNumber>> = plan.steps.iter().map(release).collect();
    Ok(if releases.len() == 1 { releases.into_iter().next().flatten() } else { None })
}
