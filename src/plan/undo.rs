//! Taking back what a deployment has done, service by service.
//!
//! A service that never moved, or that ECS put back, keeps running what it runs: only its SSM
//! parameters and its task definition's family are brought in step with that again. A service
//! that moved is moved back, to a copy of the revision it ran before, registered anew: so the
//! family's latest ACTIVE revision is the one that runs, also where the earlier one is INACTIVE by
//! now. Whatever somebody else has changed since stays.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    document::has_images,
    resume::{Leg, Start},
    standing::{Begun, Standing, standing},
    steps::{PlannedStep, Rollout},
    ways_back::{is_copy, moved_back, moving_back, restarted_again, restored, staying},
};
use crate::model::{
    Compensation, ContainerName, Digest, EnvironmentId, ImageId, ObservedService, ProjectId,
    RolloutState, ServiceId, Step, StepStatus, TaskDefinition, TaskDefinitionArn,
    TaskDefinitionStatus, Verdict,
};

/// Which services go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All that were begun.
    Everything,
    /// Only those that run what they ran before all the same.
    WhatIsBack,
}

/// What was seen of a service before it goes back.
#[derive(Debug, Clone)]
pub struct UndoPicture {
    /// What ECS says of it.
    pub observed: ObservedService,
    /// The revision it is set to now.
    pub now: Option<TaskDefinition>,
    /// The revision it was set to before, ACTIVE or not.
    pub before: Option<TaskDefinition>,
    /// Its family's latest ACTIVE revision.
    pub latest: Option<TaskDefinition>,
    /// The digests that each container's tasks may have once it is back, where they are known.
    pub digests: BTreeMap<ContainerName, BTreeSet<Digest>>,
    /// Why an image of the revision before cannot run again, where the registry says so.
    pub lost_image: Option<String>,
}

/// What [`undo`] works from.
#[derive(Debug)]
pub struct UndoRequest<'a> {
    /// The project.
    pub project: &'a ProjectId,
    /// Where.
    pub environment: &'a EnvironmentId,
    /// The deployment's steps as they are recorded.
    pub steps: &'a [Step],
    /// Which of them go back.
    pub extent: Extent,
    /// The services as they are now.
    pub pictures: &'a BTreeMap<ServiceId, UndoPicture>,
    /// The environment's parameters as they are now, by image.
    pub parameters: &'a BTreeMap<ImageId, String>,
}

/// What is to be done to go back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Undo {
    /// A leg for each step that goes back.
    pub legs: Vec<Leg>,
    /// What stays as it is although this deployment touched it, one sentence each.
    pub left_alone: Vec<String>,
}

/// Works out how to go back.
#[must_use]
pub fn undo(request: &UndoRequest<'_>) -> Undo {
    let kept = kept_images(request);
    let mut undone = Undo::default();
    for (position, step) in request.steps.iter().enumerate() {
        if !goes_back(request.extent, step) {
            continue;
        }
        let Some(picture) = request.pictures.get(&step.service) else {
            let text = format!("`{}` is not there any more, and is left alone", step.service);
            undone.left_alone.push(text);
            let reason = "the ECS service is not there any more".to_owned();
            let left = left_alone(step, Verdict::Failed { reason });
            let leg = |(step, start)| Leg { position, step, start };
            undone.legs.extend(left.map(leg));
            continue;
        };
        if let Some((planned, start)) = way_back(request, (step, picture), &kept, &mut undone) {
            undone.legs.push(Leg { position, step: planned, start });
        }
    }
    undone
}

/// How a step goes on whose service is left alone. One that was going back ends there: nobody would
/// ever bring it further.
fn left_alone(step: &Step, verdict: Verdict) -> Option<(PlannedStep, Start)> {
    let was_going_back = step.status == StepStatus::Compensating;
    was_going_back.then(|| (PlannedStep::ended(step), Start::End(verdict)))
}

/// Whether a step is among those to be taken back, and was not yet.
fn goes_back(extent: Extent, step: &Step) -> bool {
    if step.restart && extent == Extent::WhatIsBack {
        // It runs what it ran, whatever became of it.
        return false;
    }
    let is_begun = !matches!(
        step.status,
        StepStatus::Pending
            | StepStatus::Skipped
            | StepStatus::Compensated
            | StepStatus::CompensateFailed
    );
    is_begun && (extent == Extent::Everything || is_back(step))
}

/// Whether a step that was begun left its service where it was.
fn is_back(step: &Step) -> bool {
    let stays = step.compensation.as_ref().is_some_and(|back| back.ecs_deployment.is_none());
    step.is_back() || (step.status == StepStatus::Compensating && stays)
}

/// The images of services that stay where this deployment moved them.
fn kept_images(request: &UndoRequest<'_>) -> BTreeSet<ImageId> {
    if request.extent == Extent::Everything {
        return BTreeSet::new();
    }
    let stays = |step: &&Step| step.started_at.is_some() && !is_back(step);
    let staying = request.steps.iter().filter(stays);
    staying.flat_map(|step| step.target.images.keys().cloned()).collect()
}

/// How one service goes back; nothing where it is somebody else's by now.
fn way_back(
    request: &UndoRequest<'_>,
    (step, picture): (&Step, &UndoPicture),
    kept: &BTreeSet<ImageId>,
    undone: &mut Undo,
) -> Option<(PlannedStep, Start)> {
    if let Some(back) = &step.compensation
        && !is_put_back_by_ecs(step, back, picture)
        && let Standing::Moved { task_definition, ecs_deployment } =
            standing(on_its_way_back(back), &picture.observed, runs_as_before(picture))
    {
        let mut planned = moving_back((step, picture), &task_definition);
        planned.rollout = Rollout::Adopt { ecs_deployment: ecs_deployment.clone() };
        return Some((planned, Start::Follow { task_definition, ecs_deployment }));
    }
    if step.restart {
        return Some(restarted_again(step, picture));
    }
    let stands = standing_forward(step, picture);
    let moved = match stands {
        Standing::Elsewhere { by, task_definition } => {
            let text = format!("`{}` is left alone: {by} of somebody else moved it", step.service);
            undone.left_alone.push(text);
            return left_alone(step, Verdict::superseded(Some(by), task_definition));
        }
        // A step that was refused in the end may have been carried out all the same.
        Standing::Moved { .. } => step.ecs_deployment.is_none() || !step.is_back(),
        Standing::NotMoved | Standing::Back { .. } => false,
    };
    if moved && step.is_back() && request.extent == Extent::WhatIsBack {
        let text = format!("`{}` was moved although its step failed, and stays", step.service);
        undone.left_alone.push(text);
        let reason = "it was moved although its step failed, and stays".to_owned();
        return left_alone(step, Verdict::Failed { reason });
    }
    let parameters = restored(request, (step, picture, moved), kept, undone);
    if !moved {
        let planned = PlannedStep { parameters, ..staying(step, picture) };
        let (retire, broken) = (unused(step, picture), broken(step, picture));
        return Some((planned, Start::PutBack { retire, broken }));
    }
    Some(moved_back((step, picture), parameters))
}

/// Whether ECS, asked to, has put the service back to the very revision that the step found. What is
/// restarted runs that whatever happens: once restarting it again was begun, that is looked for.
fn is_put_back_by_ecs(step: &Step, back: &Compensation, picture: &UndoPicture) -> bool {
    let before = step.before.task_definition.as_ref();
    let is_restarted_again = step.restart && back.task_definition.is_some();
    back.stopped.is_some()
        && back.ecs_deployment.is_none()
        && !is_restarted_again
        && before.is_some()
        && picture.observed.primary().and_then(|now| now.task_definition.as_ref()) == before
}

/// A compensation as something that was begun.
fn on_its_way_back(back: &Compensation) -> Begun<'_> {
    Begun {
        before: &back.before,
        task_definition: back.task_definition.as_ref(),
        ecs_deployment: back.ecs_deployment.as_ref(),
    }
}

/// Where the step on its way forward stands.
fn standing_forward(step: &Step, picture: &UndoPicture) -> Standing {
    if step.ecs_deployment.is_some() && step.ecs_deployment == step.before.ecs_deployment {
        // It followed what was there already, and moved nothing.
        return Standing::NotMoved;
    }
    let begun = Begun {
        before: &step.before,
        task_definition: step.task_definition.as_ref(),
        ecs_deployment: step.ecs_deployment.as_ref(),
    };
    let stands = standing(begun, &picture.observed, runs_as_wanted(step, picture));
    let primary = picture.observed.primary();
    match &stands {
        // What was moved may have been moved on by somebody else since.
        Standing::Moved { task_definition, .. } => match primary {
            Some(now)
                if now.task_definition.as_ref() != Some(task_definition)
                    && now.task_definition != step.before.task_definition
                    && !step.is_back() =>
            {
                Standing::Elsewhere {
                    by: now.id.clone(),
                    task_definition: now.task_definition.clone(),
                }
            }
            Some(now)
                if now.task_definition == step.before.task_definition
                    && now.task_definition.as_ref() != Some(task_definition) =>
            {
                Standing::NotMoved
            }
            _ => stands,
        },
        _ => stands,
    }
}

/// Whether the revision that the service is set to has the images the step wanted.
fn runs_as_wanted(step: &Step, picture: &UndoPicture) -> bool {
    has_images(picture.now.as_ref(), &step.target)
}

/// Whether the revision that the service is set to is a copy of the one before.
fn runs_as_before(picture: &UndoPicture) -> bool {
    is_copy(picture.now.as_ref(), picture.before.as_ref())
}

/// The revision of this step that nothing is to run, to be deregistered: it would be the family's
/// latest, and not the one that runs.
fn unused(step: &Step, picture: &UndoPicture) -> Option<TaskDefinitionArn> {
    let recorded = step.task_definition.clone();
    let unused = recorded.or_else(|| unrecorded(step, picture))?;
    let runs = [step.before.task_definition.as_ref(), picture.observed.task_definition.as_ref()];
    // What was the family's latest when the step was planned is somebody else's.
    let is_ours = step.before.latest.as_ref().is_none_or(|latest| {
        latest.family() != unused.family() || unused.revision() > latest.revision()
    });
    (is_ours && !runs.contains(&Some(&unused))).then_some(unused)
}

/// Why a service that is set to what it ran before does not run it: ECS put it back, and gave up.
/// One that was so when the step found it is as it was.
fn broken(step: &Step, picture: &UndoPicture) -> Option<String> {
    let primary = picture.observed.primary()?;
    let is_new = step.before.ecs_deployment.as_ref() != Some(&primary.id);
    let failed = match primary.rollout_state {
        Some(RolloutState::Failed) => true,
        Some(RolloutState::Completed) => false,
        Some(RolloutState::InProgress) | None => {
            matches!(step.verdict, Some(Verdict::RollbackFailed { .. }))
        }
    };
    (is_new && failed).then(|| {
        let words = primary.rollout_state_reason.as_str();
        let words = if words.is_empty() { "no reason is given" } else { words };
        format!("ECS put it back, and it did not come up again: {words}")
    })
}

/// A revision that this step registered right before its process died.
fn unrecorded(step: &Step, picture: &UndoPicture) -> Option<TaskDefinitionArn> {
    let latest = picture.latest.as_ref()?;
    let before = step.before.task_definition.as_ref()?;
    let is_ours = has_images(Some(latest), &step.target);
    let is_newer =
        latest.arn.family() == before.family() && latest.arn.revision() > before.revision();
    let is_active = latest.status == TaskDefinitionStatus::Active;
    (is_ours && is_newer && is_active).then(|| latest.arn.clone())
}

#[cfg(test)]
#[path = "undo_tests.rs"]
mod tests;
