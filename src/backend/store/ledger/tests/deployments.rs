//! Deployments: whole or not there, moved only from the status that is named.

use std::collections::BTreeSet;

use tokio::task::JoinSet;

use super::{support::*, *};
use crate::model::{DeploymentStatus, EcsDeploymentId, Step, StepBefore, StepStatus};

/// An ending with success, for these heads.
fn success(heads: &[crate::model::ServiceHead]) -> Ending<'_> {
    let (expected, status) = (DeploymentStatus::Running, DeploymentStatus::Succeeded);
    Ending { expected, status, at: time(9), heads }
}

/// The reason of a conflict.
fn reason<T: fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Conflict(conflict)) => conflict.reason,
        other => panic!("expected a conflict, not {other:?}"),
    }
}

#[tokio::test]
async fn a_deployment_of_any_size_is_recorded_whole() {
    let place = Place::new().await;
    for (number, size) in (1..).zip([0, 1, 93, 94, 100, 250]) {
        let mut new = new_deployment("prod", steps(size));
        new.description = Some(format!("{size} steps"));
        let begun = place.ledger.start_deployment(&place.lease, new.clone()).await.unwrap();
        assert_eq!(begun.number, DeploymentNumber(number));
        assert_eq!(begun.status, DeploymentStatus::Running);
        assert_eq!((&begun.steps, begun.created_at), (&new.steps, new.at));
        assert_eq!(place.ledger.deployment(&project(), begun.number).await.unwrap(), begun);
        assert_eq!(place.ledger.unfinished(&project()).await.unwrap().first(), Some(&begun));
    }
}

#[tokio::test]
async fn a_process_that_dies_while_it_begins_leaves_no_deployment() {
    let place = Place::new().await;
    let mut deaths = 0;
    let whole = loop {
        let dying = place.dying_after(deaths);
        match dying.start_deployment(&place.lease, new_deployment("prod", steps(250))).await {
            Ok(deployment) => break deployment,
            Err(StoreError::Unavailable { .. }) => deaths += 1,
            Err(error) => panic!("{error:?}"),
        }
        assert_eq!(place.ledger.unfinished(&project()).await.unwrap(), []);
        assert_eq!(place.ledger.history(&project(), None, None, 9).await.unwrap(), []);
        let lost = place.ledger.deployment(&project(), DeploymentNumber(deaths as u64)).await;
        assert!(matches!(lost, Err(StoreError::NotFound { .. })), "{lost:?}");
    };
    assert_eq!(deaths, 5, "the number, three parts of steps, and what makes it seen");
    assert_eq!(place.ledger.deployment(&project(), whole.number).await.unwrap(), whole);
}

#[tokio::test]
async fn two_steps_for_one_service_are_refused() {
    let place = Place::new().await;
    let new = new_deployment("prod", vec![step("web"), step("web")]);
    let refused = place.ledger.start_deployment(&place.lease, new).await;
    assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_deployments_have_numbers_of_their_own() {
    let place = Place::new().await;
    let mut clients = JoinSet::new();
    for client in 0..12 {
        let (ledger, lease) = (place.another().await, place.lease.clone());
        clients.spawn(async move {
            let size = if client % 3 == 0 { 120 } else { 2 };
            let begun = ledger.start_deployment(&lease, new_deployment("prod", steps(size))).await;
            begun.unwrap()
        });
    }
    let begun = clients.join_all().await;
    let numbers: BTreeSet<u64> = begun.iter().map(|deployment| deployment.number.0).collect();
    assert_eq!(numbers, (1..=12).collect());
    for deployment in begun {
        let found = place.ledger.deployment(&project(), deployment.number).await.unwrap();
        assert_eq!(found, deployment);
    }
}

/// A deployment of one service that has begun.
async fn begun(place: &Place) -> (DeploymentKey, Step) {
    let new = new_deployment("prod", vec![step("web")]);
    let mut deployment = place.ledger.start_deployment(&place.lease, new).await.unwrap();
    (DeploymentKey::of(&deployment), deployment.steps.remove(0))
}

/// The stored step of such a deployment.
async fn stored(place: &Place, key: &DeploymentKey) -> Step {
    place.ledger.deployment(&key.project, key.number).await.unwrap().steps.remove(0)
}

#[tokio::test]
async fn a_step_is_recorded_as_it_goes() {
    let place = Place::new().await;
    let (key, mut step) = begun(&place).await;
    step.status = StepStatus::Intent;
    step.before = before();
    step.started_at = Some(time(1));
    place.ledger.record_step(&place.lease, &key, 0, &step, StepStatus::Pending, &[]).await.unwrap();
    assert_eq!(stored(&place, &key).await, step);
    let full = full_step("web");
    place.ledger.record_step(&place.lease, &key, 0, &full, StepStatus::Intent, &[]).await.unwrap();
    assert_eq!(stored(&place, &key).await, full);
    step = Step { compensation: full.compensation.clone(), ..step };
    step.status = StepStatus::Compensating;
    place.ledger.record_step(&place.lease, &key, 0, &step, StepStatus::Failed, &[]).await.unwrap();
    assert_eq!(stored(&place, &key).await, step, "what is not there any more is taken away");
}

#[tokio::test]
async fn a_step_moves_only_from_the_status_it_has() {
    let place = Place::new().await;
    let (key, mut step) = begun(&place).await;
    step.status = StepStatus::Applied;
    let refused =
        place.ledger.record_step(&place.lease, &key, 0, &step, StepStatus::Intent, &[]).await;
    assert_eq!(
        reason(refused),
        "step 1 (`web`) of deployment `d1` of `cat` is PENDING, not INTENT"
    );
    assert_eq!(stored(&place, &key).await.status, StepStatus::Pending);
    for (position, service) in [(1, "web"), (0, "api")] {
        let other =
            Step { service: service.parse().unwrap(), status: StepStatus::Intent, ..step.clone() };
        let refused = place
            .ledger
            .record_step(&place.lease, &key, position, &other, StepStatus::Pending, &[])
            .await;
        assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn what_was_before_a_step_is_written_once() {
    let place = Place::new().await;
    let (key, mut step) = begun(&place).await;
    step.before = before();
    place.ledger.record_step(&place.lease, &key, 0, &step, StepStatus::Pending, &[]).await.unwrap();
    step.status = StepStatus::Intent;
    place.ledger.record_step(&place.lease, &key, 0, &step, StepStatus::Pending, &[]).await.unwrap();
    let another = StepBefore {
        ecs_deployment: Some(EcsDeploymentId::new("ecs-svc/9")),
        ..StepBefore::default()
    };
    for other in [another, StepBefore::default()] {
        let changed = Step { before: other, ..step.clone() };
        let refused = place
            .ledger
            .record_step(&place.lease, &key, 0, &changed, StepStatus::Intent, &[])
            .await;
        assert_eq!(
            reason(refused),
            "step 1 (`web`) of deployment `d1` of `cat` has another state before it on record"
        );
    }
    assert_eq!(stored(&place, &key).await, step);
}

#[tokio::test]
async fn what_was_before_a_step_cannot_be_added_after_its_effect() {
    let place = Place::new().await;
    let (key, mut step) = begun(&place).await;
    step.status = StepStatus::Intent;
    place.ledger.record_step(&place.lease, &key, 0, &step, StepStatus::Pending, &[]).await.unwrap();
    step.before = before();
    reason(place.ledger.record_step(&place.lease, &key, 0, &step, StepStatus::Intent, &[]).await);
    assert_eq!(stored(&place, &key).await.before, StepBefore::default());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_moves_a_step() {
    let place = Place::new().await;
    let (key, mut step) = begun(&place).await;
    step.status = StepStatus::Intent;
    let mut clients = JoinSet::new();
    for client in 0..8 {
        let (ledger, lease) = (place.another().await, place.lease.clone());
        let (key, mut step) = (key.clone(), step.clone());
        step.started_at = Some(time(client));
        clients.spawn(async move {
            let result = ledger.record_step(&lease, &key, 0, &step, StepStatus::Pending, &[]).await;
            result.is_ok().then_some(step)
        });
    }
    let winners: Vec<Step> = clients.join_all().await.into_iter().flatten().collect();
    assert_eq!(winners, [stored(&place, &key).await]);
}

#[tokio::test]
async fn a_deployment_ends_once() {
    let place = Place::new().await;
    let (key, _) = begun(&place).await;
    let heads = [verified_head("web", 1)];
    assert_eq!(
        place.ledger.finish_deployment(&place.lease, &key, success(&heads)).await.unwrap(),
        []
    );
    let ended = place.ledger.deployment(&project(), key.number).await.unwrap();
    assert_eq!((ended.status, ended.finished_at), (DeploymentStatus::Succeeded, Some(time(9))));
    assert_eq!(place.ledger.unfinished(&project()).await.unwrap(), []);
    let found = place.ledger.heads(&project(), &key.environment).await.unwrap();
    assert_eq!(found.into_values().collect::<Vec<_>>(), heads);

    let failed = Ending { status: DeploymentStatus::Failed, ..success(&[]) };
    let refused = place.ledger.finish_deployment(&place.lease, &key, failed).await;
    assert_eq!(reason(refused), "deployment `d1` of `cat` is SUCCEEDED, not RUNNING");
    let (running, unknown) = (DeploymentStatus::Running, DeploymentStatus::Unknown);
    reason(place.ledger.change_status(&place.lease, &key, running, unknown, None).await);
}

#[tokio::test]
async fn a_deployment_that_goes_on_stays_in_sight() {
    use DeploymentStatus::{Interrupted, Running, Succeeded};
    let place = Place::new().await;
    let (key, _) = begun(&place).await;
    place.ledger.change_status(&place.lease, &key, Running, Interrupted, None).await.unwrap();
    let unfinished = place.ledger.unfinished(&project()).await.unwrap();
    assert_eq!(unfinished.iter().map(|found| found.status).collect::<Vec<_>>(), [Interrupted]);
    place.ledger.change_status(&place.lease, &key, Interrupted, Running, None).await.unwrap();
    for (expected, status) in [(Running, Succeeded), (Succeeded, Running)] {
        let refused = place.ledger.change_status(&place.lease, &key, expected, status, None).await;
        assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
    }
    for (expected, status) in [(Running, Interrupted), (Succeeded, Succeeded)] {
        let ending = Ending { expected, status, at: time(9), heads: &[] };
        let refused = place.ledger.finish_deployment(&place.lease, &key, ending).await;
        assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn a_deployment_that_never_was_is_not_found() {
    let place = Place::new().await;
    let (mut key, step) = begun(&place).await;
    key.number = DeploymentNumber(5);
    let refused = place.ledger.finish_deployment(&place.lease, &key, success(&[])).await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
    let refused =
        place.ledger.record_step(&place.lease, &key, 0, &step, StepStatus::Pending, &[]).await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
}

#[tokio::test]
async fn an_ending_of_250_services_can_be_broken_off_and_repeated() {
    let place = Place::new().await;
    let begun = place
        .ledger
        .start_deployment(&place.lease, new_deployment("prod", steps(250)))
        .await
        .unwrap();
    let key = DeploymentKey::of(&begun);
    let heads: Vec<_> = (0..250).map(|n| verified_head(&format!("s{n}"), 1)).collect();
    let mut deaths = 0;
    loop {
        match place.dying_after(deaths).finish_deployment(&place.lease, &key, success(&heads)).await
        {
            Ok(overtaken) => break assert_eq!(overtaken, []),
            Err(StoreError::Unavailable { .. }) => deaths += 1,
            Err(error) => panic!("{error:?}"),
        }
        let unfinished = place.ledger.unfinished(&project()).await.unwrap();
        assert_eq!(unfinished, std::slice::from_ref(&begun), "after {deaths} deaths");
    }
    assert_eq!(deaths, 3, "99, 99 and 52 heads, the status with the last");
    assert_eq!(place.ledger.unfinished(&project()).await.unwrap(), []);
    let mut found: Vec<_> =
        place.ledger.heads(&project(), &key.environment).await.unwrap().into_values().collect();
    found.sort_by_key(|head| head.service.as_str().trim_start_matches('s').parse::<u32>().unwrap());
    assert_eq!(found, heads);
}

#[tokio::test]
async fn heads_of_a_deployment_that_is_over_are_not_written_in_parts() {
    let place = Place::new().await;
    let begun = place
        .ledger
        .start_deployment(&place.lease, new_deployment("prod", steps(120)))
        .await
        .unwrap();
    let key = DeploymentKey::of(&begun);
    place.ledger.finish_deployment(&place.lease, &key, success(&[])).await.unwrap();
    let heads: Vec<_> = (0..120).map(|n| verified_head(&format!("s{n}"), 1)).collect();
    reason(place.ledger.finish_deployment(&place.lease, &key, success(&heads)).await);
    assert!(place.ledger.heads(&project(), &key.environment).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_lost_step_is_told() {
    let place = Place::new().await;
    let new = new_deployment("prod", steps(3));
    let begun = place.ledger.start_deployment(&place.lease, new).await.unwrap();
    let lost = keys::step(&DeploymentKey::of(&begun), 1, &"s1".parse().unwrap());
    place.store.transact(vec![Write::delete(lost)]).await.unwrap();
    let error = place.ledger.deployment(&project(), begun.number).await.unwrap_err();
    assert_eq!(error.to_string(), "failed to read deployment `d1` of `cat`: it is damaged");
    let cause = std::error::Error::source(&error).unwrap();
    assert_eq!(cause.to_string(), "it has 2 of 3 steps");
}
