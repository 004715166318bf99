//! From the images wanted and the services seen to the steps of a deployment.
//!
//! The base of a new revision is the family's latest ACTIVE one, which is what Terraform made
//! last, and not the one the service runs: where they differ, Terraform's changes go out with the
//! deployment and the plan shows them. Planning again after a deployment gives an empty plan.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    document::{DocumentError, FieldChange, container_images, differences, with_images},
    preflight::{Problem, Refusal},
    restart::restart,
    steps::{
        Insistence, ParameterChange, Plan, PlanRequest, PlannedStep, Revision, Rollout,
        ServicePicture, UnchangedService, Wanted,
    },
    warnings::{bounds, is_dead_locked, warning_if_not_stable, warnings_of},
};
use crate::model::{
    CircuitBreaker, CodeDeployOrder, ContainerName, DeploymentController, DeploymentKind, Digest,
    ImageId, ImageUri, Label, ObservedService, ParameterName, ReleaseHash, RolloutState, RunTask,
    StepBefore, StepTarget,
};

/// Works the plan out.
///
/// # Errors
/// Refuses with everything that stands against it, when anything does.
pub fn plan(request: PlanRequest) -> Result<Plan, Refusal> {
    let mut steps = Vec::new();
    let mut unchanged = Vec::new();
    let mut warnings = Vec::new();
    let mut problems = Vec::new();
    for picture in &request.pictures {
        match plan_service(&request, picture) {
            Ok(Outcome::Step(step)) => {
                problems.extend(dead_lock(&request, picture, &step.rollout));
                warnings.extend(warnings_of(&request, picture, &step));
                steps.push(*step);
            }
            Ok(Outcome::Unchanged(service)) => {
                warnings.extend(warning_if_not_stable(&request, picture));
                unchanged.push(service);
            }
            Err(problem) => problems.push(*problem),
        }
    }
    problems.extend(shared_families(&steps));
    if !steps.is_empty() || request.pictures.is_empty() {
        for restarted in &request.restarts {
            let service = &restarted.picture.service;
            if steps.iter().any(|step| step.service == *service) {
                continue;
            }
            unchanged.retain(|unchanged| unchanged.service != *service);
            match restart(&restarted.picture, restarted.digests.clone()) {
                Ok(step) => {
                    problems.extend(dead_lock(&request, &restarted.picture, &step.rollout));
                    steps.push(step);
                }
                Err(problem) => problems.push(*problem),
            }
        }
    }
    if !problems.is_empty() {
        return Err(Refusal { problems });
    }
    Ok(Plan {
        project: request.project,
        environment: request.environment,
        selection: request.selection,
        wanted: request.wanted,
        steps,
        unchanged,
        left_out: request.left_out,
        warnings,
        notes: Vec::new(),
    })
}

/// That a service cannot replace a task, where that is not insisted on.
fn dead_lock(
    request: &PlanRequest,
    picture: &ServicePicture,
    rollout: &Rollout,
) -> Option<Problem> {
    let moves = matches!(rollout, Rollout::Update { .. });
    let is_so = moves && !request.insist.on_dead_lock && is_dead_locked(&picture.observed);
    is_so.then(|| Problem::DeadLocked {
        service: picture.service.clone(),
        bounds: bounds(&picture.observed),
        // `restart` has nothing to insist with.
        may_insist: !request.pictures.is_empty(),
    })
}

/// Services that share a family and would each register another revision of it: only one of them
/// could run the family's latest.
pub(super) fn shared_families<'a>(
    steps: impl IntoIterator<Item = &'a PlannedStep>,
) -> Vec<Problem> {
    let mut requests: BTreeMap<&str, &str> = BTreeMap::new();
    let mut problems = Vec::new();
    for step in steps {
        let Revision::New { base, request, .. } = &step.revision else { continue };
        if *requests.entry(base.family()).or_insert(request) != request.as_str() {
            let (service, family) = (step.service.clone(), base.family().to_owned());
            problems.push(Problem::SharedFamily { service, family });
        }
    }
    problems
}

/// What becomes of one service.
pub(super) enum Outcome {
    /// Something is done.
    Step(Box<PlannedStep>),
    /// Nothing is.
    Unchanged(UnchangedService),
}

/// Plans one service.
pub(super) fn plan_service(
    request: &PlanRequest,
    picture: &ServicePicture,
) -> Result<Outcome, Box<Problem>> {
    let may_insist = request.kind == DeploymentKind::Deploy;
    refuse_what_cannot_be_deployed((request.insist, may_insist), picture)?;
    let failed = |source| unreadable(picture, source);
    let containers = wanted_containers(request, picture);
    let running = running_hashes(picture).map_err(failed)?;
    let (revision, document) = revision(picture, &containers)?;
    let rollout = rollout(request, picture, &revision);
    refuse_what_code_deploy_is_at(picture, &rollout)?;
    let parameters = parameter_changes(request, picture);
    let is_as_wanted = parameters.is_empty() && !picture.unverified && !request.keep_settled;
    let (Rollout::Settled { .. }, true) = (&rollout, is_as_wanted) else {
        let mut changes = differences(&picture.running().document, &document).map_err(failed)?;
        let turns_on = turns_breaker_on(request, picture, &rollout);
        changes.extend(turns_on.then(|| breaker_change(picture)));
        return Ok(Outcome::Step(Box::new(PlannedStep {
            service: picture.service.clone(),
            selected: picture.selected,
            restart: false,
            target: StepTarget { enable_circuit_breaker: turns_on, ..target(request, picture) },
            before: before(picture, &parameters, &running),
            running,
            digests: wanted_digests(request, picture),
            before_task: before_task(request, picture, &rollout).map_err(failed)?,
            skipped_task: None,
            answers_for: None,
            revision,
            changes,
            parameters,
            rollout,
            desired: picture.observed.desired,
            circuit_breaker: turns_on || picture.observed.circuit_breaker.enabled,
            strategy: picture.observed.strategy.clone(),
            code_deploy: code_deploy_order(&picture.observed),
        })));
    };
    Ok(Outcome::Unchanged(UnchangedService {
        service: picture.service.clone(),
        task_definition: picture.running().arn.clone(),
        running,
    }))
}

/// Whether the circuit breaker is turned on with the rollout: it is asked for, and it is not on.
/// CodeDeploy has none, and takes no such setting.
fn turns_breaker_on(request: &PlanRequest, picture: &ServicePicture, rollout: &Rollout) -> bool {
    let CircuitBreaker { enabled, rollback } = picture.observed.circuit_breaker;
    let is_on = enabled && rollback;
    let is_asked = request.enable_circuit_breaker && picture.observed.code_deploy.is_none();
    is_asked && !is_on && matches!(rollout, Rollout::Update { .. })
}

/// What turning the circuit breaker on changes.
fn breaker_change(picture: &ServicePicture) -> FieldChange {
    let CircuitBreaker { enabled, rollback } = picture.observed.circuit_breaker;
    let words = |enabled: bool, rollback: bool| {
        Some(format!(r#"{{"enable":{enabled},"rollback":{rollback}}}"#))
    };
    FieldChange {
        path: "deploymentConfiguration.deploymentCircuitBreaker".to_owned(),
        from: words(enabled, rollback),
        to: words(true, true),
    }
}

/// Services that neither ECS nor CodeDeploy moves, or not any more. With what is insisted on, and
/// whether the command has a flag for it.
pub(super) fn refuse_what_cannot_be_deployed(
    (insist, may_insist): (Insistence, bool),
    picture: &ServicePicture,
) -> Result<(), Box<Problem>> {
    let service = picture.service.clone();
    let controller = match picture.observed.controller {
        DeploymentController::Ecs | DeploymentController::CodeDeploy => None,
        DeploymentController::External => Some("EXTERNAL"),
    };
    if let Some(controller) = controller {
        return Err(Box::new(Problem::UnsupportedController { service, controller }));
    }
    if picture.observed.is_rolling_back() && !insist.on_rollback {
        return Err(Box::new(Problem::RollingBack { service, may_insist }));
    }
    if picture.observed.status != "ACTIVE" {
        let status = picture.observed.status.clone();
        return Err(Box::new(Problem::NotActive { service, status }));
    }
    Ok(())
}

/// What CodeDeploy is asked for with, where it moves the service and can be asked.
pub(super) fn code_deploy_order(service: &ObservedService) -> Option<CodeDeployOrder> {
    service.code_deploy.as_ref()?.order.clone().ok()
}

/// A service that CodeDeploy moves, and cannot be asked to now: nobody knows what moves it, or a
/// deployment that is not ours to follow is under way. A group has one deployment at a time.
pub(super) fn refuse_what_code_deploy_is_at(
    picture: &ServicePicture,
    rollout: &Rollout,
) -> Result<(), Box<Problem>> {
    let Rollout::Update { .. } = rollout else { return Ok(()) };
    let Some(seen) = &picture.observed.code_deploy else { return Ok(()) };
    let service = picture.service.clone();
    if let Err(reason) = &seen.order {
        let reason = reason.clone();
        return Err(Box::new(Problem::NoDeploymentGroup { service, reason }));
    }
    if let Some(busy) = seen.under_way() {
        let (deployment, status) = (busy.id.clone(), busy.status.as_str().to_owned());
        return Err(Box::new(Problem::DeploymentGroupBusy { service, deployment, status }));
    }
    Ok(())
}

/// A task definition that cannot be read or lacks a container, as a problem of the service.
pub(super) fn unreadable(picture: &ServicePicture, source: DocumentError) -> Box<Problem> {
    let service = picture.service.clone();
    let task_definition = picture.latest.arn.clone();
    Box::new(match source {
        DocumentError::NoContainer { container, present } => {
            let image = picture.containers.get(&container).cloned();
            Problem::NoContainer { service, task_definition, container, image, present }
        }
        DocumentError::Json(error) => {
            Problem::UnreadableDefinition { service, task_definition, reason: error.to_string() }
        }
    })
}

/// The containers whose image is among those wanted, with the URI each is to have.
pub(super) fn wanted_containers(
    request: &PlanRequest,
    picture: &ServicePicture,
) -> BTreeMap<ContainerName, ImageUri> {
    let uri = |image| request.wanted.images.get(image).map(|wanted| wanted.uri.clone());
    picture
        .containers
        .iter()
        .filter_map(|(container, image)| Some((container.clone(), uri(image)?)))
        .collect()
}

/// The digests wanted by container, where they are known.
pub(super) fn wanted_digests(
    request: &PlanRequest,
    picture: &ServicePicture,
) -> BTreeMap<ContainerName, BTreeSet<Digest>> {
    let Wanted { images, platforms, .. } = &request.wanted;
    let digest = |image: &ImageId| {
        let own = images.get(image)?.digest.clone()?;
        let platforms = platforms.get(image).into_iter().flatten().cloned();
        Some(platforms.chain([own]).collect())
    };
    picture
        .containers
        .iter()
        .filter_map(|(container, image)| Some((container.clone(), digest(image)?)))
        .collect()
}

/// The release hash that each image of the service runs at now.
pub(super) fn running_hashes(
    picture: &ServicePicture,
) -> Result<BTreeMap<ImageId, ReleaseHash>, DocumentError> {
    let images = container_images(&picture.running().document)?;
    let hash = |container: &ContainerName| {
        let text = images.get(container.as_str())?;
        Some(
            ImageUri::parse(text.as_str())
                .map_or_else(|_| ReleaseHash::new(text), |uri| uri.release_hash()),
        )
    };
    Ok(picture
        .containers
        .iter()
        .filter_map(|(container, image)| Some((image.clone(), hash(container)?)))
        .collect())
}

/// The one-off task of a service that is moved to another image; none where it runs that already,
/// since its task was run when it was moved there.
fn before_task(
    request: &PlanRequest,
    picture: &ServicePicture,
    rollout: &Rollout,
) -> Result<Option<RunTask>, DocumentError> {
    if !matches!(rollout, Rollout::Update { .. }) {
        return Ok(None);
    }
    let runs = container_images(&picture.running().document)?;
    let is_other = |(container, uri): (&ContainerName, &ImageUri)| {
        runs.get(container.as_str()).is_none_or(|runs| runs != uri.as_str())
    };
    let changes = wanted_containers(request, picture).iter().any(is_other);
    let is_due = changes || digests_differ(request, picture);
    Ok(picture.before_task.clone().filter(|_| is_due))
}

/// The revision to move to, and its content.
fn revision(
    picture: &ServicePicture,
    containers: &BTreeMap<ContainerName, ImageUri>,
) -> Result<(Revision, String), Box<Problem>> {
    let failed = |source| unreadable(picture, source);
    let present = container_images(&picture.latest.document).map_err(failed)?;
    let request = with_images(&picture.latest, containers).map_err(failed)?;
    let as_wanted = containers
        .iter()
        .all(|(name, uri)| present.get(name.as_str()).is_some_and(|image| image == uri.as_str()));
    let base = picture.latest.arn.clone();
    if as_wanted {
        let document = picture.latest.document.clone();
        return Ok((Revision::Existing { task_definition: base }, document));
    }
    let latest = base.clone();
    Ok((Revision::New { base, latest, request: request.clone() }, request))
}

/// What to ask of the service so that it runs the revision.
fn rollout(request: &PlanRequest, picture: &ServicePicture, revision: &Revision) -> Rollout {
    let is_set = match revision {
        Revision::Existing { task_definition } => {
            picture.observed.task_definition.as_ref() == Some(task_definition)
        }
        Revision::New { .. } | Revision::None => false,
    };
    if !is_set {
        return Rollout::Update { force: false };
    }
    let primary = picture.observed.primary();
    match primary.and_then(|deployment| deployment.rollout_state) {
        Some(RolloutState::Failed) => Rollout::Update { force: true },
        Some(RolloutState::InProgress) => primary
            .map_or(Rollout::Update { force: true }, |deployment| Rollout::Adopt {
                ecs_deployment: deployment.id.clone(),
            }),
        Some(RolloutState::Completed) | None if digests_differ(request, picture) => {
            Rollout::Update { force: true }
        }
        Some(RolloutState::Completed) | None => {
            Rollout::Settled { ecs_deployment: primary.map(|deployment| deployment.id.clone()) }
        }
    }
}

/// Whether a running digest is known to be another than the wanted one.
fn digests_differ(request: &PlanRequest, picture: &ServicePicture) -> bool {
    wanted_digests(request, picture).iter().any(|(container, wanted)| {
        picture.digests.get(container).is_some_and(|runs| !wanted.contains(runs))
    })
}

/// The parameters of the environment that do not have the wanted value.
fn parameter_changes(request: &PlanRequest, picture: &ServicePicture) -> Vec<ParameterChange> {
    let label = Label::of_environment(&request.environment);
    let images: BTreeSet<&ImageId> = picture.containers.values().collect();
    images
        .into_iter()
        .filter_map(|image| {
            let to = request.wanted.images.get(image)?.uri.to_string();
            let from = picture.parameters.get(image).cloned();
            (from.as_ref() != Some(&to)).then(|| ParameterChange {
                image: image.clone(),
                name: ParameterName::of_image(&request.project, &label, image),
                from,
                to: Some(to),
            })
        })
        .collect()
}

/// Where the step acts and what it wants there.
fn target(request: &PlanRequest, picture: &ServicePicture) -> StepTarget {
    let wanted = |image: &ImageId| request.wanted.images.get(image);
    StepTarget {
        cluster: picture.observed.cluster.clone(),
        ecs_service: picture.observed.name.clone(),
        containers: picture
            .containers
            .iter()
            .filter(|(_, image)| wanted(image).is_some())
            .map(|(container, image)| (container.clone(), image.clone()))
            .collect(),
        images: picture
            .containers
            .values()
            .filter_map(|image| Some((image.clone(), wanted(image)?.uri.clone())))
            .collect(),
        enable_circuit_breaker: false,
    }
}

/// What the step finds, for the record.
pub(super) fn before(
    picture: &ServicePicture,
    parameters: &[ParameterChange],
    running: &BTreeMap<ImageId, ReleaseHash>,
) -> StepBefore {
    StepBefore {
        digests: BTreeMap::new(),
        task_definition: picture.observed.task_definition.clone(),
        ecs_deployment: picture.observed.primary().map(|deployment| deployment.id.clone()),
        latest: Some(picture.latest.arn.clone()),
        parameters: parameters.iter().map(|p| (p.image.clone(), p.from.clone())).collect(),
        release_hashes: running.clone(),
    }
}

#[cfg(test)]
#[path = "planner_tests.rs"]
mod tests;
