//! The steps that take a service back: one that leaves it where it is, one that moves it to a copy of
//! what it ran before, and the parameters that fit either.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    document::{images_of, with_images},
    planner::code_deploy_order,
    resume::Start,
    steps::{ParameterChange, PlannedStep, Revision, Rollout},
    undo::{Undo, UndoPicture, UndoRequest},
};
use crate::model::{
    EcsDeployment, ImageId, ImageUri, Label, ParameterName, Step, StepBefore, TaskDefinition,
    TaskDefinitionArn, Verdict,
};

/// The way back of a service that was only restarted: what it depends on goes back, and so it is
/// restarted again. One that was not restarted yet stays as it is, and so does one that somebody else
/// deployed instead.
pub(super) fn restarted_again(step: &Step, picture: &UndoPicture) -> (PlannedStep, Start) {
    let Step { before, .. } = step;
    let is_anew = |now: &EcsDeployment| {
        before.ecs_deployment.as_ref() != Some(&now.id)
            && before.task_definition == now.task_definition
    };
    let was_restarted =
        step.ecs_deployment.is_some() || picture.observed.primary().is_some_and(is_anew);
    let runs = picture.observed.task_definition.as_ref().filter(|_| was_restarted);
    let Some(runs) = runs else {
        return (staying(step, picture), Start::PutBack { retire: None, broken: None });
    };
    let mut planned = staying(step, picture);
    planned.revision = Revision::Existing { task_definition: runs.clone() };
    planned.rollout = Rollout::Update { force: true };
    planned.desired = picture.observed.desired;
    planned.circuit_breaker = picture.observed.circuit_breaker.enabled;
    planned.strategy = picture.observed.strategy.clone();
    planned.code_deploy = code_deploy_order(&picture.observed);
    (planned, Start::Apply)
}

/// The parameters that get the values again that fit what the service runs once it is back.
pub(super) fn restored(
    request: &UndoRequest<'_>,
    (step, picture, moved): (&Step, &UndoPicture, bool),
    kept: &BTreeSet<ImageId>,
    undone: &mut Undo,
) -> Vec<ParameterChange> {
    let label = Label::of_environment(request.environment);
    let mut changes = Vec::new();
    for (image, value) in values(step, picture, moved) {
        if kept.contains(&image) {
            continue;
        }
        let name = ParameterName::of_image(request.project, &label, &image);
        let found = request.parameters.get(&image).cloned();
        let ours = step.target.images.get(&image).map(ImageUri::as_str);
        if found.as_deref() == ours && found != value {
            changes.push(ParameterChange { image, name, from: found, to: value });
        } else if found != value {
            undone.left_alone.push(format!("`{name}` has another value by now, and keeps it"));
        }
    }
    changes
}

/// The values that fit: those that the step found, where the service goes back to what it found;
/// else the images of the revision that it runs.
fn values(step: &Step, picture: &UndoPicture, moved: bool) -> BTreeMap<ImageId, Option<String>> {
    let runs = picture.observed.task_definition.as_ref();
    let as_before = moved || runs == step.before.task_definition.as_ref();
    if as_before && !step.before.parameters.is_empty() {
        return step.before.parameters.clone();
    }
    let revision = if moved { picture.before.as_ref() } else { picture.now.as_ref() };
    let images = images_of(revision);
    step.target
        .containers
        .iter()
        .filter_map(|(container, image)| Some((image, images.get(container.as_str())?.clone())))
        .filter(|(image, runs)| {
            step.target.images.get(*image).is_some_and(|wanted| wanted.as_str() != runs)
        })
        .map(|(image, runs)| (image.clone(), Some(runs)))
        .collect()
}

/// What the record needs to know of the service before it goes back.
fn before_going_back(picture: &UndoPicture, parameters: &[ParameterChange]) -> StepBefore {
    StepBefore {
        digests: BTreeMap::new(),
        task_definition: picture.observed.task_definition.clone(),
        ecs_deployment: picture.observed.primary().map(|primary| primary.id.clone()),
        latest: picture.latest.as_ref().map(|latest| latest.arn.clone()),
        parameters: parameters.iter().map(|p| (p.image.clone(), p.from.clone())).collect(),
        ..StepBefore::default()
    }
}

/// A step that leaves its service where it is.
pub(super) fn staying(step: &Step, picture: &UndoPicture) -> PlannedStep {
    PlannedStep { before: before_going_back(picture, &[]), ..PlannedStep::ended(step) }
}

/// A step that moves its service back to a revision.
pub(super) fn moving_back(
    (step, picture): (&Step, &UndoPicture),
    to: &TaskDefinitionArn,
) -> PlannedStep {
    let images = images_of(picture.before.as_ref());
    let target_images = step.target.containers.iter().filter_map(|(container, image)| {
        let uri = ImageUri::parse(images.get(container.as_str())?.as_str()).ok()?;
        Some((image.clone(), uri))
    });
    let mut planned = staying(step, picture);
    planned.target.images = target_images.collect();
    planned.target.enable_circuit_breaker = false;
    planned.revision = Revision::Existing { task_definition: to.clone() };
    planned.rollout = Rollout::Update { force: false };
    planned.digests = picture.digests.clone();
    planned.desired = picture.observed.desired;
    planned.circuit_breaker = picture.observed.circuit_breaker.enabled;
    planned.strategy = picture.observed.strategy.clone();
    planned.code_deploy = code_deploy_order(&picture.observed);
    planned
}

/// How a service that moved goes back, or why it cannot.
pub(super) fn moved_back(
    (step, picture): (&Step, &UndoPicture),
    parameters: Vec<ParameterChange>,
) -> (PlannedStep, Start) {
    let cannot = |reason: String| (staying(step, picture), Start::End(Verdict::Failed { reason }));
    let Some(before) = &picture.before else {
        return cannot("the revision it ran before cannot be read any more".to_owned());
    };
    if let Some(lost) = &picture.lost_image {
        return cannot(lost.clone());
    }
    if is_copy(Some(before), picture.now.as_ref()) {
        let reason = "its task definition has not changed: only the image behind its tag has, and \
                      the tag cannot be moved back from here";
        return cannot(reason.to_owned());
    }
    let Ok(request) = with_images(before, &BTreeMap::new()) else {
        return cannot("the revision it ran before cannot be read any more".to_owned());
    };
    let latest = picture.latest.as_ref().filter(|latest| is_copy(Some(latest), Some(before)));
    let mut planned = moving_back((step, picture), &before.arn);
    planned.before = before_going_back(picture, &parameters);
    planned.parameters = parameters;
    planned.revision = match latest {
        Some(latest) => Revision::Existing { task_definition: latest.arn.clone() },
        None => Revision::New {
            base: before.arn.clone(),
            latest: picture.latest.as_ref().map_or_else(|| before.arn.clone(), |l| l.arn.clone()),
            request,
        },
    };
    (planned, Start::Apply)
}

/// Whether two revisions have the same content.
pub(super) fn is_copy(one: Option<&TaskDefinition>, other: Option<&TaskDefinition>) -> bool {
    let content = |revision: &TaskDefinition| with_images(revision, &BTreeMap::new()).ok();
    match (one.and_then(content), other.and_then(content)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}
