//! Every way a rollout can end, and what is said of it.

use super::*;
use crate::model::{RollbackCause, ServiceId, ServiceRollback};
use crate::plan::test_support::{arn, deployment, service, service_deployment};

fn watch(circuit_breaker: bool) -> Watch {
    Watch {
        service: ServiceId::new("web").unwrap(),
        ours: EcsDeploymentId::new("ecs-svc/2"),
        task_definition: arn("web", 2),
        before: Some(arn("web", 1)),
        circuit_breaker,
    }
}

fn status(status: ServiceDeploymentStatus) -> ServiceDeployment {
    ServiceDeployment { status, ..service_deployment() }
}

#[test]
fn success_needs_our_deployment_to_be_primary_and_alone() {
    use RolloutState::{Completed, InProgress};
    let done = status(ServiceDeploymentStatus::Successful);
    let ours = deployment(2, true, 2, Completed);
    let alone = service(vec![ours.clone()]);
    assert_eq!(judge(&watch(true), Some(&alone), Some(&done)), Judgement::Complete);

    let old = deployment(1, false, 1, InProgress);
    let draining = service(vec![ours.clone(), old]);
    assert_eq!(judge(&watch(true), Some(&draining), Some(&done)), Judgement::Wait);

    let newer = service(vec![deployment(3, true, 2, InProgress)]);
    assert!(matches!(
        judge(&watch(true), Some(&newer), Some(&done)),
        Judgement::Ended(Verdict::Superseded { by: Some(_), .. })
    ));
}

#[test]
fn tasks_that_stop_after_success_are_seen() {
    let done = status(ServiceDeploymentStatus::Successful);
    let short = service(vec![deployment(2, true, 1, RolloutState::Completed)]);
    let wanted = Judgement::Short { running: 1, desired: 2 };
    assert_eq!(judge(&watch(true), Some(&short), Some(&done)), wanted);
    assert_eq!(judge(&watch(true), Some(&short), None), wanted);
    // `DescribeServices` may lag behind the service deployment.
    let late = service(vec![deployment(2, true, 1, RolloutState::InProgress)]);
    assert_eq!(judge(&watch(true), Some(&late), Some(&done)), Judgement::Wait);
    assert_eq!([0, 1, 6, 7, 1000].map(failure_threshold), [3, 3, 3, 4, 200]);
}

#[test]
fn a_rollback_by_ecs_is_failure_however_stable_the_service_is() {
    let stable = service(vec![deployment(1, true, 2, RolloutState::Completed)]);
    let mut rolling = status(ServiceDeploymentStatus::RollbackInProgress);
    rolling.rollback = Some(ServiceRollback { reason: "circuit breaker".into(), revision: None });
    assert_eq!(
        judge(&watch(true), Some(&stable), Some(&rolling)),
        Judgement::Failing { reason: "circuit breaker".into() }
    );
    let back = status(ServiceDeploymentStatus::RollbackSuccessful);
    let Judgement::Ended(Verdict::RolledBack { to, .. }) =
        judge(&watch(true), Some(&stable), Some(&back))
    else {
        panic!("a rollback is told")
    };
    assert_eq!(to, Some(arn("web", 1)));
    assert!(watch(true).needs_a_closer_look(Some(&stable)));
}

/// The verdict on a rollout that has ended.
fn verdict(service: &ObservedService, deployment: Option<&ServiceDeployment>) -> Verdict {
    match judge(&watch(true), Some(service), deployment) {
        Judgement::Ended(verdict) => verdict,
        other => panic!("it has not ended: {other:?}"),
    }
}

#[test]
fn stopped_is_one_of_three_ends() {
    let stopped = ServiceDeployment {
        status_reason: "why".to_owned(),
        ..status(ServiceDeploymentStatus::Stopped)
    };
    let ours = service(vec![deployment(2, true, 0, RolloutState::Failed)]);
    let other = service(vec![deployment(3, true, 0, RolloutState::InProgress)]);
    let reason = "why".to_owned();
    assert_eq!(verdict(&ours, Some(&stopped)), Verdict::Stopped { reason: reason.clone() });
    assert_eq!(
        verdict(&other, Some(&stopped)),
        Verdict::superseded(Some(EcsDeploymentId::new("ecs-svc/3")), Some(arn("web", 3)))
    );
    let failed = Verdict::Failed { reason };
    let tripped = ServiceDeployment { circuit_breaker_triggered: true, ..stopped.clone() };
    assert_eq!(verdict(&ours, Some(&tripped)), failed);
    assert_eq!(verdict(&other, Some(&tripped)), failed);
    let alarmed = ServiceDeployment { triggered_alarms: vec!["slow".to_owned()], ..stopped };
    let reason = "why (in ALARM: slow)".to_owned();
    assert_eq!(verdict(&ours, Some(&alarmed)), Verdict::Failed { reason });
}

#[test]
fn what_took_the_place_of_a_complete_deployment_is_told_so() {
    let done = status(ServiceDeploymentStatus::Successful);
    let newer = service(vec![deployment(3, true, 2, RolloutState::InProgress)]);
    let wanted = Verdict::Superseded {
        by: Some(EcsDeploymentId::new("ecs-svc/3")),
        task_definition: Some(arn("web", 3)),
        completed: true,
        deployment: None,
    };
    assert_eq!(verdict(&newer, Some(&done)), wanted);
    let mut both = newer;
    both.deployments.push(deployment(2, false, 1, RolloutState::Completed));
    assert_eq!(verdict(&both, None), wanted);
}

#[test]
fn a_service_that_is_set_to_something_else_has_drifted() {
    let done = status(ServiceDeploymentStatus::Successful);
    let mut drifted = service(vec![deployment(2, true, 2, RolloutState::Completed)]);
    drifted.task_definition = Some(arn("web", 7));
    let wanted = Verdict::Drifted { task_definition: Some(arn("web", 7)) };
    assert_eq!(verdict(&drifted, Some(&done)), wanted);
    assert_eq!(verdict(&drifted, None), wanted);
}

#[test]
fn a_rollback_has_its_cause() {
    let stable = service(vec![deployment(1, true, 2, RolloutState::Completed)]);
    let back = status(ServiceDeploymentStatus::RollbackSuccessful);
    let cause = |deployment: ServiceDeployment| match verdict(&stable, Some(&deployment)) {
        Verdict::RolledBack { cause, .. } => cause,
        other => panic!("{other:?}"),
    };
    let alarmed = ServiceDeployment { triggered_alarms: vec!["slow".into()], ..back.clone() };
    assert_eq!(cause(alarmed), RollbackCause::Alarm);
    let tripped = ServiceDeployment { circuit_breaker_triggered: true, ..back.clone() };
    assert_eq!(cause(tripped), RollbackCause::CircuitBreaker);
    let stopped =
        ServiceDeployment { stopped_at: Some(jiff::Timestamp::UNIX_EPOCH), ..back.clone() };
    assert_eq!(cause(stopped), RollbackCause::User);
    let hooked = ServiceDeployment { failed_hooks: vec!["smoke".into()], ..back.clone() };
    assert_eq!(cause(hooked), RollbackCause::Hook);
    assert_eq!(cause(back), RollbackCause::Other);
}

#[test]
fn a_rollback_that_could_not_be_done_is_told_from_one_that_was_replaced() {
    let failed = ServiceDeployment {
        status_reason: "No rollback candidate was found.".to_owned(),
        ..status(ServiceDeploymentStatus::RollbackFailed)
    };
    let reason = failed.status_reason.clone();
    let broken = Verdict::RollbackFailed { reason };
    let mut old = deployment(1, true, 0, RolloutState::Failed);
    assert_eq!(verdict(&service(vec![old.clone()]), Some(&failed)), broken);
    old.rollout_state_reason = "tasks failed to start.".to_owned();
    assert_eq!(verdict(&service(vec![old]), Some(&failed)), broken);
    let ours = service(vec![deployment(2, true, 0, RolloutState::Failed)]);
    assert_eq!(verdict(&ours, Some(&failed)), broken);
    let newer = service(vec![deployment(3, true, 1, RolloutState::InProgress)]);
    assert!(matches!(
        verdict(&newer, Some(&failed)),
        Verdict::Failed { reason } if reason.starts_with("ecs-svc/3 took its place")
    ));
}

#[test]
fn what_is_asked_for_is_waited_for() {
    let going = service(vec![deployment(2, true, 1, RolloutState::InProgress)]);
    for waits in [
        ServiceDeploymentStatus::Pending,
        ServiceDeploymentStatus::InProgress,
        ServiceDeploymentStatus::StopRequested,
    ] {
        assert_eq!(judge(&watch(true), Some(&going), Some(&status(waits))), Judgement::Wait);
    }
    for fails in
        [ServiceDeploymentStatus::RollbackRequested, ServiceDeploymentStatus::RollbackInProgress]
    {
        assert!(matches!(
            judge(&watch(true), Some(&going), Some(&status(fails))),
            Judgement::Failing { .. }
        ));
    }
}

#[test]
fn without_a_breaker_failing_tasks_end_the_wait() {
    let mut ours = deployment(2, true, 0, RolloutState::InProgress);
    ours.failed_tasks = 3;
    let failing = service(vec![ours]);
    let going = status(ServiceDeploymentStatus::InProgress);
    assert_eq!(judge(&watch(true), Some(&failing), Some(&going)), Judgement::Wait);
    assert!(!watch(true).needs_a_closer_look(Some(&failing)));
    assert!(watch(false).needs_a_closer_look(Some(&failing)));
    assert!(matches!(
        judge(&watch(false), Some(&failing), Some(&going)),
        Judgement::Ended(Verdict::Failed { .. })
    ));
}

#[test]
fn a_rollout_in_stages_is_always_looked_at_closely() {
    let mut going = service(vec![deployment(2, true, 2, RolloutState::InProgress)]);
    assert!(!watch(true).needs_a_closer_look(Some(&going)));
    going.strategy.name = "CANARY".to_owned();
    assert!(watch(true).needs_a_closer_look(Some(&going)));
    // Its bake may last for hours, and is nothing but in progress.
    let mut baking = status(ServiceDeploymentStatus::InProgress);
    baking.lifecycle_stage = Some("A_STAGE_OF_LATER".to_owned());
    assert_eq!(judge(&watch(true), Some(&going), Some(&baking)), Judgement::Wait);
}

#[test]
fn unknown_statuses_are_waited_for() {
    let new = status(ServiceDeploymentStatus::Other("PAUSED".into()));
    let going = service(vec![deployment(2, true, 1, RolloutState::InProgress)]);
    assert_eq!(judge(&watch(true), Some(&going), Some(&new)), Judgement::Wait);
}

#[test]
fn without_service_deployments_the_list_of_deployments_decides() {
    let judged = |deployments| judge(&watch(true), Some(&service(deployments)), None);
    assert_eq!(judged(vec![deployment(2, true, 2, RolloutState::Completed)]), Judgement::Complete);
    let mut back = deployment(1, true, 2, RolloutState::Completed);
    back.rollout_state_reason =
        "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.".into();
    assert!(matches!(judged(vec![back.clone()]), Judgement::Ended(Verdict::RolledBack { .. })));
    back.rollout_state = Some(RolloutState::InProgress);
    assert!(matches!(judged(vec![back]), Judgement::Failing { .. }));
    assert!(matches!(
        judged(vec![deployment(3, true, 2, RolloutState::Completed)]),
        Judgement::Ended(Verdict::Superseded { completed: false, .. })
    ));
}

#[test]
fn without_service_deployments_a_rollback_under_way_is_waited_for() {
    let mut back = deployment(1, true, 1, RolloutState::InProgress);
    back.rollout_state_reason = "rolling back to deploymentId ecs-svc/1.".into();
    let ours = deployment(2, false, 1, RolloutState::Failed);
    let both = service(vec![back.clone(), ours.clone()]);
    assert!(matches!(judge(&watch(true), Some(&both), None), Judgement::Failing { .. }));
    let alone = EcsDeployment { is_primary: true, ..ours };
    assert!(matches!(verdict(&service(vec![alone]), None), Verdict::Failed { .. }));
    back.rollout_state_reason.clear();
    let taken = service(vec![back, deployment(2, false, 1, RolloutState::InProgress)]);
    assert!(matches!(verdict(&taken, None), Verdict::Superseded { completed: false, .. }));
}

#[test]
fn a_deleted_service_is_a_failure() {
    assert!(matches!(judge(&watch(true), None, None), Judgement::Ended(Verdict::Failed { .. })));
}
