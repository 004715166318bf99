//! How services go back, by what is seen of them.

use super::*;
use crate::{
    model::{EcsDeploymentId, RollbackCause, RolloutState, StepBefore},
    plan::{
        Revision,
        test_support::{arn, definition, deployment, service, step},
    },
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

/// A restart of `web:1` that ECS was asked to roll back, and what `web` looks like now.
fn restart_going_back(words: &str) -> (Step, UndoPicture) {
    let ours = || Some(EcsDeploymentId::new("ecs-svc/2"));
    let revision = || Some(arn("web", 1));
    let before =
        StepBefore { task_definition: revision(), ecs_deployment: ours(), ..StepBefore::default() };
    let stopped = Some("arn:deployment/x".to_owned());
    let step = Step {
        restart: true,
        task_definition: revision(),
        registered: false,
        compensation: Some(Compensation { before, stopped, ..Compensation::default() }),
        ..applied(StepStatus::Compensating)
    };
    let mut now = picture(7, "web:1", (1, "web:1"));
    now.observed.task_definition = revision();
    now.observed.deployments[0].task_definition = revision();
    now.observed.deployments[0].rollout_state_reason = words.to_owned();
    now.now = now.before.clone();
    (step, now)
}

#[test]
fn what_is_restarted_on_the_way_back_is_restarted_once() {
    let rollback = "ECS deployment ecs-svc/2 failed: rolling back to deploymentId ecs-svc/1.";
    let (mut step, back) = restart_going_back(rollback);
    let again = |step: &Step, now: &UndoPicture| {
        let undo = undone(step.clone(), now.clone(), "web:1", Extent::Everything);
        let [leg] = undo.legs.as_slice() else { panic!("{undo:?}") };
        assert!(leg.step.restart);
        (leg.start.clone(), leg.step.rollout.clone())
    };
    let anew = (Start::Apply, Rollout::Update { force: true });
    assert_eq!(again(&step, &back), anew);
    // Killed around the request: before it, ECS's own rollback is what runs; after it, ours.
    step.compensation.as_mut().unwrap().task_definition = Some(arn("web", 1));
    assert_eq!(again(&step, &back), anew);
    let ecs_deployment = EcsDeploymentId::new("ecs-svc/7");
    let followed = Start::Follow { task_definition: arn("web", 1), ecs_deployment };
    assert_eq!(again(&step, &restart_going_back("").1).0, followed);
}

#[test]
fn what_was_never_restarted_is_not_restarted_on_the_way_back() {
    let (mut step, _) = restart_going_back("");
    (step.compensation, step.ecs_deployment, step.status) = (None, None, StepStatus::Failed);
    let elsewhere = picture(9, "web:9", (9, "web:9"));
    let stays = Start::PutBack { retire: None, broken: None };
    let undo = undone(step.clone(), elsewhere, "web:9", Extent::Everything);
    assert_eq!(undo.legs[0].start, stays, "somebody else deployed it");
    // A request whose answer was lost was carried out.
    let undo = undone(step, restart_going_back("").1, "web:1", Extent::Everything);
    assert_eq!(undo.legs[0].start, Start::Apply);
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
    assert_eq!(undo.left_alone, ["`/shop/images/prod/web` has another value by now, and keeps it"]);
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
    assert_eq!(undo.legs[0].start, Start::PutBack { retire: Some(arn("web", 2)), broken: None });
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
