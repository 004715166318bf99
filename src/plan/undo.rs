//! Taking back what a deployment has done, service by service.
//!
//! A service that never moved, or that ECS put back, keeps running what it runs: only its SSM
//! parameters and its task definition's family are brought in step with that again. A service
//! that moved is moved back, to a copy of the revision it ran before, registered anew: so the
//! family's latest ACTIVE revision is the one that runs, also where the earlier one is INACTIVE by
//! now. Whatever somebody else has changed since stays.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    document::{has_images, images_of, with_images},
    planner::code_deploy_order,
    resume::{Leg, Start},
    standing::{Begun, Standing, standing},
    steps::{ParameterChange, PlannedStep, Revision, Rollout},
};
use crate::model::{
    Compensation, ContainerName, Digest, EnvironmentId, ImageId, ImageUri, Label, ObservedService,
    ParameterName, ProjectId, RolloutState, ServiceId, Step, StepBefore, StepStatus,
    TaskDefinition, TaskDefinitionArn, TaskDefinitionStatus, Verdict,
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

/// Whether ECS, asked to, has put the service back to the very revision that the step found.
fn is_put_back_by_ecs(step: &Step, back: &Compensation, picture: &UndoPicture) -> bool {
    let before = step.before.task_definition.as_ref();
    back.stopped.is_some()
        && back.ecs_deployment.is_none()
        && before.is_some()
        && picture.observed.primary().and_then(|now| now.task_definition.as_ref()) == before
}

/// The way back of a service that was only restarted: what it depends on goes back, and so it is
/// restarted again. One that was not restarted yet stays as it is.
fn restarted_again(step: &Step, picture: &UndoPicture) -> (PlannedStep, Start) {
    let primary = picture.observed.primary().map(|primary| &primary.id);
    let was_restarted =
        step.ecs_deployment.is_some() || step.before.ecs_deployment.as_ref() != primary;
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
    (planned, Start::Apply)
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

/// Whether two revisions have the same content.
fn is_copy(one: Option<&TaskDefinition>, other: Option<&TaskDefinition>) -> bool {
    let content = |revision: &TaskDefinition| with_images(revision, &BTreeMap::new()).ok();
    match (one.and_then(content), other.and_then(content)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
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

/// The parameters that get the values again that fit what the service runs once it is back.
fn restored(
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
        task_definition: picture.observed.task_definition.clone(),
        ecs_deployment: picture.observed.primary().map(|primary| primary.id.clone()),
        latest: picture.latest.as_ref().map(|latest| latest.arn.clone()),
        parameters: parameters.iter().map(|p| (p.image.clone(), p.from.clone())).collect(),
    }
}

/// A step that leaves its service where it is.
fn staying(step: &Step, picture: &UndoPicture) -> PlannedStep {
    PlannedStep { before: before_going_back(picture, &[]), ..PlannedStep::ended(step) }
}

/// A step that moves its service back to a revision.
fn moving_back((step, picture): (&Step, &UndoPicture), to: &TaskDefinitionArn) -> PlannedStep {
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
fn moved_back(
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{EcsDeploymentId, RollbackCause, RolloutState},
        plan::test_support::{arn, definition, deployment, service, step},
    };
    use RolloutState::{Completed, InProgress};

    /// `web` as it is now: its deployments, the image it is set to, and its family's latest.
    fn picture(number: u64, image: &str, latest: (u64, &str)) -> UndoPicture {
        UndoPicture {
            observed: service(vec![deployment(number, true, 2, Completed)]),
            now: Some(definition("web", number, &[("web", image)])),
            before: Some(definition("web", 1, &[("web", "web:1")])),
            latest: Some(definition("web", latest.0, &[("web", latest.1)])),
            digests: BTreeMap::new(),
            lost_image: None,
        }
    }

    fn undone(step: Step, picture: UndoPicture, parameter: &str, extent: Extent) -> Undo {
        undo(&UndoRequest {
            project: &"shop".parse().unwrap(),
            environment: &"prod".parse().unwrap(),
            steps: &[step],
            extent,
            pictures: &BTreeMap::from([("web".parse().unwrap(), picture)]),
            parameters: &BTreeMap::from([(ImageId::new("web").unwrap(), parameter.to_owned())]),
        })
    }

    /// The step, told to move to `web:2`.
    fn applied(status: StepStatus) -> Step {
        Step {
            task_definition: Some(arn("web", 2)),
            registered: true,
            ecs_deployment: Some(EcsDeploymentId::new("ecs-svc/2")),
            ..step(status)
        }
    }

    #[test]
    fn what_never_moved_stays_and_is_brought_in_step() {
        // The process died after it registered, and before or after it wrote the parameter.
        for (parameter, restored) in [("web:2", Some("web:1")), ("web:1", None)] {
            let picture = picture(1, "web:1", (2, "web:2"));
            let undo = undone(step(StepStatus::Intent), picture, parameter, Extent::Everything);
            let [leg] = undo.legs.as_slice() else { panic!("{undo:?}") };
            assert_eq!(leg.start, Start::PutBack { retire: Some(arn("web", 2)), broken: None });
            let values: Vec<_> = leg.step.parameters.iter().map(|p| p.to.as_deref()).collect();
            assert_eq!(values, restored.into_iter().map(Some).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_moved_goes_back_to_a_copy_registered_anew() {
        let picture = picture(2, "web:2", (2, "web:2"));
        let undo = undone(applied(StepStatus::Verified), picture, "web:2", Extent::Everything);
        let [leg] = undo.legs.as_slice() else { panic!("{undo:?}") };
        assert_eq!(leg.start, Start::Apply);
        let Revision::New { base, latest, request } = &leg.step.revision else { panic!("{leg:?}") };
        assert_eq!((base, latest), (&arn("web", 1), &arn("web", 2)));
        assert!(request.contains("\"image\":\"web:1\"") && !request.contains("revision"));
        assert_eq!(leg.step.rollout, Rollout::Update { force: false });
        assert_eq!(leg.step.parameters[0].to.as_deref(), Some("web:1"));
        assert_eq!(leg.step.before.ecs_deployment, Some(EcsDeploymentId::new("ecs-svc/2")));
    }

    #[test]
    fn a_copy_that_is_there_is_not_registered_again() {
        let picture = picture(2, "web:2", (3, "web:1"));
        let undo = undone(applied(StepStatus::Compensating), picture, "web:2", Extent::Everything);
        let revision = &undo.legs[0].step.revision;
        assert_eq!(*revision, Revision::Existing { task_definition: arn("web", 3) });
    }

    #[test]
    fn a_service_on_its_way_back_is_followed() {
        let mut begun = applied(StepStatus::Compensating);
        let before = StepBefore {
            task_definition: Some(arn("web", 2)),
            ecs_deployment: Some(EcsDeploymentId::new("ecs-svc/2")),
            ..StepBefore::default()
        };
        begun.compensation = Some(Compensation { before, ..Compensation::default() });
        let mut picture = picture(3, "web:1", (3, "web:1"));
        picture.observed = service(vec![deployment(3, true, 1, InProgress)]);
        let undo = undone(begun, picture, "web:1", Extent::Everything);
        let followed = Start::Follow {
            task_definition: arn("web", 3),
            ecs_deployment: EcsDeploymentId::new("ecs-svc/3"),
        };
        assert_eq!(undo.legs[0].start, followed);
    }

    #[test]
    fn what_ecs_rolled_back_when_asked_is_brought_in_step() {
        let mut begun = applied(StepStatus::Compensating);
        let before = StepBefore {
            task_definition: Some(arn("web", 2)),
            ecs_deployment: Some(EcsDeploymentId::new("ecs-svc/2")),
            ..StepBefore::default()
        };
        let stopped = Some("arn:deployment/x".to_owned());
        begun.compensation = Some(Compensation { before, stopped, ..Compensation::default() });
        let mut back = picture(7, "web:1", (2, "web:2"));
        back.observed.task_definition = Some(arn("web", 1));
        back.observed.deployments[0].task_definition = Some(arn("web", 1));
        back.now = back.before.clone();
        let undo = undone(begun.clone(), back, "web:2", Extent::Everything);
        let [leg] = undo.legs.as_slice() else { panic!("{undo:?}") };
        assert_eq!(leg.start, Start::PutBack { retire: Some(arn("web", 2)), broken: None });
        assert_eq!(leg.step.parameters[0].to.as_deref(), Some("web:1"));
        // It was asked too late, and the deployment ended well: a new one goes back.
        let done = picture(2, "web:2", (2, "web:2"));
        let undo = undone(begun, done, "web:2", Extent::Everything);
        assert_eq!(undo.legs[0].start, Start::Apply);
        assert!(undo.legs[0].step.registers());
    }

    #[test]
    fn what_somebody_else_did_since_stays() {
        let picture = || picture(7, "web:9", (7, "web:9"));
        let undo = undone(applied(StepStatus::Verified), picture(), "web:9", Extent::Everything);
        assert_eq!((undo.legs.len(), undo.left_alone.len()), (0, 1), "{undo:?}");
        let undo = undone(step(StepStatus::Intent), picture(), "web:9", Extent::Everything);
        assert_eq!((undo.legs.len(), undo.left_alone.len()), (0, 1), "{undo:?}");
    }

    #[test]
    fn what_was_going_back_and_is_left_alone_ends() {
        let mut begun = applied(StepStatus::Compensating);
        let stopped = Some("arn:deployment/x".to_owned());
        begun.compensation = Some(Compensation { stopped, ..Compensation::default() });
        let elsewhere = picture(7, "web:9", (7, "web:9"));
        let undo = undone(begun.clone(), elsewhere, "web:9", Extent::Everything);
        let by = Some(EcsDeploymentId::new("ecs-svc/7"));
        let superseded = Verdict::superseded(by, Some(arn("web", 7)));
        assert_eq!(undo.legs[0].start, Start::End(superseded));
        assert_eq!(undo.left_alone.len(), 1, "{undo:?}");
        let gone = super::undo(&UndoRequest {
            project: &"shop".parse().unwrap(),
            environment: &"prod".parse().unwrap(),
            steps: &[begun],
            extent: Extent::Everything,
            pictures: &BTreeMap::new(),
            parameters: &BTreeMap::new(),
        });
        assert!(matches!(gone.legs[0].start, Start::End(Verdict::Failed { .. })), "{gone:?}");
    }

    #[test]
    fn what_was_refused_and_moved_all_the_same_goes_back() {
        let mut refused = applied(StepStatus::Failed);
        refused.ecs_deployment = None;
        refused.verdict = Some(Verdict::Failed { reason: String::new() });
        let moved = picture(2, "web:2", (2, "web:2"));
        let undo = undone(refused.clone(), moved, "web:2", Extent::Everything);
        assert_eq!(undo.legs[0].start, Start::Apply);
        let moved = picture(2, "web:2", (2, "web:2"));
        let undo = undone(refused, moved, "web:2", Extent::WhatIsBack);
        assert_eq!((undo.legs.len(), undo.left_alone.len()), (0, 1), "{undo:?}");
    }

    #[test]
    fn a_parameter_that_somebody_else_wrote_stays() {
        let picture = picture(1, "web:1", (1, "web:1"));
        let undo = undone(step(StepStatus::Intent), picture, "web:9", Extent::Everything);
        assert!(undo.legs[0].step.parameters.is_empty());
        assert_eq!(
            undo.left_alone,
            ["`/shop/images/prod/web` has another value by now, and keeps it"]
        );
    }

    #[test]
    fn only_what_is_back_is_put_back_where_the_rest_stays() {
        let verified = applied(StepStatus::Verified);
        let moved = picture(2, "web:2", (2, "web:2"));
        assert_eq!(undone(verified, moved, "web:2", Extent::WhatIsBack).legs, []);
        let mut back = applied(StepStatus::Failed);
        back.verdict = Some(Verdict::RolledBack {
            to: Some(arn("web", 1)),
            reason: String::new(),
            cause: RollbackCause::Other,
        });
        let undo = undone(back, picture(1, "web:1", (2, "web:2")), "web:2", Extent::WhatIsBack);
        assert_eq!(
            undo.legs[0].start,
            Start::PutBack { retire: Some(arn("web", 2)), broken: None }
        );
    }

    #[test]
    fn what_cannot_go_back_says_why() {
        let mut lost = picture(2, "web:2", (2, "web:2"));
        lost.lost_image = Some("`web:1` is gone".to_owned());
        let mut unreadable = picture(2, "web:2", (2, "web:2"));
        unreadable.before = None;
        for picture in [lost, unreadable] {
            let undo = undone(applied(StepStatus::Verified), picture, "web:2", Extent::Everything);
            assert!(matches!(undo.legs[0].start, Start::End(Verdict::Failed { .. })), "{undo:?}");
        }
    }

    #[test]
    fn what_was_not_begun_or_is_back_has_no_way_back() {
        for status in [StepStatus::Pending, StepStatus::Skipped, StepStatus::Compensated] {
            let picture = picture(1, "web:1", (1, "web:1"));
            assert_eq!(undone(step(status), picture, "web:1", Extent::Everything).legs, []);
        }
    }
}
