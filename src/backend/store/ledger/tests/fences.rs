//! What is written under a lease is written by whoever has it, and what stops a deployment.

use super::{support::*, *};
use crate::model::{
    Actor, Compensation, DeploymentStatus, EcsDeploymentId, Step, StepBefore, StepStatus,
    TimelineEntry,
};

/// A deployment of one service in prod that has begun.
async fn begun(place: &Place) -> (DeploymentKey, Step) {
    let new = new_deployment("prod", vec![step("web")]);
    let mut deployment = place.ledger.start_deployment(&place.lease, new).await.unwrap();
    (DeploymentKey::of(&deployment), deployment.steps.remove(0))
}

/// Whether a write was refused since the lease is somebody else's.
fn is_lost<T>(result: Result<T, StoreError>) -> bool {
    let Err(error) = result else { return false };
    matches!(&error, StoreError::LeaseLost { held: Some(held), .. } if held.by.name == "ann")
        && error.to_string() == "failed to change the record of `prod`: ann has its lease now"
}

#[tokio::test]
async fn a_process_that_was_paused_writes_nothing_when_it_wakes_up() {
    use DeploymentStatus::{Interrupted, Running, Succeeded};
    let place = Place::new().await;
    let (key, mut step) = begun(&place).await;
    place.clock.set(999);
    let ann = Asking::all("prod").by("ann").take(&place.ledger).await;
    let all = [
        keys::deployment(&key),
        keys::step(&key, 0, &step.service),
        keys::counters(&project()),
        ann.key(),
        keys::audit_head(&project(), Some(&key.environment)),
    ];
    let mut stored = Vec::new();
    for item in &all {
        stored.push(place.stored(item).await);
    }

    let (ledger, late) = (&place.ledger, &place.lease);
    step.status = StepStatus::Intent;
    let note = TimelineEntry { at: time(1), service: None, text: "late".to_owned() };
    assert!(is_lost(ledger.record_step(late, &key, 0, &step, StepStatus::Pending, &[note]).await));
    assert!(is_lost(ledger.record_heads(late, &key, &[head("web", 1)]).await));
    assert!(is_lost(ledger.change_status(late, &key, Running, Interrupted, None).await));
    assert!(is_lost(ledger.adopt(late, &key).await));
    assert!(is_lost(ledger.start_deployment(late, new_deployment("prod", steps(1))).await));
    let heads = [verified_head("web", 1)];
    let ending = Ending { expected: Running, status: Succeeded, at: time(9), heads: &heads };
    assert!(is_lost(ledger.finish_deployment(late, &key, ending).await));
    assert!(is_lost(ledger.renew(late).await));
    ledger.release(late).await.unwrap();

    for (item, before) in all.iter().zip(stored) {
        assert_eq!(place.stored(item).await, before, "{item}");
    }
    assert_eq!(ledger.timeline(&key).await.unwrap().len(), 1, "the beginning");
    assert!(ledger.heads(&project(), &key.environment).await.unwrap().is_empty());
    // The one who has it by now goes on.
    ledger.adopt(&ann, &key).await.unwrap();
    ledger.record_step(&ann, &key, 0, &step, StepStatus::Pending, &[]).await.unwrap();
    ledger.finish_deployment(&ann, &key, ending).await.unwrap();
}

#[tokio::test]
async fn a_beginning_in_parts_stops_when_the_lease_is_lost() {
    let place = Place::new().await;
    place.clock.set(999);
    Asking::all("prod").by("ann").take(&place.ledger).await;
    let new = new_deployment("prod", steps(250));
    assert!(is_lost(place.ledger.start_deployment(&place.lease, new).await));
    assert_eq!(place.ledger.unfinished(&project()).await.unwrap(), []);
}

#[tokio::test]
async fn a_lease_is_for_its_environment() {
    let place = Place::new().await;
    let (key, step) = begun(&place).await;
    let other = lease(&place.ledger, "stage").await;
    let refused = place.ledger.record_step(&other, &key, 0, &step, StepStatus::Pending, &[]).await;
    assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
    let refused = place.ledger.start_deployment(&other, new_deployment("prod", steps(1))).await;
    assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
}

#[tokio::test]
async fn steps_move_as_the_model_allows() {
    let all = [
        StepStatus::Pending,
        StepStatus::Intent,
        StepStatus::Applied,
        StepStatus::Verified,
        StepStatus::Skipped,
        StepStatus::Failed,
        StepStatus::Compensating,
        StepStatus::Compensated,
        StepStatus::CompensateFailed,
    ];
    let place = Place::new().await;
    let (key, step) = begun(&place).await;
    for from in all {
        for to in all {
            let moved = Step { status: to, ..step.clone() };
            let result = place.ledger.record_step(&place.lease, &key, 0, &moved, from, &[]).await;
            let refused = matches!(result, Err(StoreError::Invalid { .. }));
            assert_eq!(refused, from != to && !from.may_become(to), "{from:?} {to:?}");
            let item = keys::step(&key, 0, &step.service);
            place.change(&item, |item| item["status"] = "PENDING".into()).await;
        }
    }
}

#[tokio::test]
async fn what_was_there_before_a_service_is_put_back_is_written_once() {
    let place = Place::new().await;
    let (key, mut step) = begun(&place).await;
    let (ledger, lease) = (&place.ledger, &place.lease);
    step.status = StepStatus::Intent;
    ledger.record_step(lease, &key, 0, &step, StepStatus::Pending, &[]).await.unwrap();
    let back = |ecs: &str| {
        let ecs_deployment = Some(EcsDeploymentId::new(ecs));
        let before = StepBefore { ecs_deployment, ..before() };
        Some(Compensation { before, ..Compensation::default() })
    };
    step.status = StepStatus::Compensating;
    step.compensation = back("ecs-svc/3");
    ledger.record_step(lease, &key, 0, &step, StepStatus::Intent, &[]).await.unwrap();
    let mut further = step.clone();
    further.compensation.as_mut().unwrap().task_definition = Some(arn(3));
    let status = StepStatus::Compensating;
    ledger.record_step(lease, &key, 0, &further, status, &[]).await.unwrap();
    for other in [back("ecs-svc/4"), None] {
        let other = Step { compensation: other, ..step.clone() };
        let refused = ledger.record_step(lease, &key, 0, &other, status, &[]).await;
        let error = refused.unwrap_err().to_string();
        assert!(error.ends_with("has another state before it on record"), "{error}");
    }
    let stored = ledger.deployment(&project(), key.number).await.unwrap();
    assert_eq!(stored.steps, [further.clone()]);
    // A newer program's members stay.
    let item = keys::step(&key, 0, &step.service);
    place.change(&item, |item| item["compensation_before"]["new"] = 1.into()).await;
    further.status = StepStatus::Compensated;
    ledger.record_step(lease, &key, 0, &further, status, &[]).await.unwrap();
    assert_eq!(place.stored(&item).await["compensation_before"]["new"], 1);
}

#[tokio::test]
async fn a_wish_to_stop_lets_nothing_new_begin() {
    use DeploymentStatus::{Interrupted, Running};
    let place = Place::new().await;
    let (key, mut step) = begun(&place).await;
    let (ledger, lease) = (&place.ledger, &place.lease);
    let ann = Actor { name: "ann".to_owned(), ..Actor::default() };
    ledger.request_cancel(&key, &ann, (false, Some("wrong release"))).await.unwrap();
    let bob = Actor { name: "bob".to_owned(), ..Actor::default() };
    ledger.request_cancel(&key, &bob, (false, None)).await.unwrap();
    let wish = ledger.renew(lease).await.unwrap().cancel.unwrap();
    assert_eq!((wish.by.name.as_str(), wish.reason.as_deref()), ("ann", Some("wrong release")));

    step.status = StepStatus::Intent;
    let refused = ledger.record_step(lease, &key, 0, &step, StepStatus::Pending, &[]).await;
    let Err(error @ StoreError::CancelRequested(_)) = refused else { panic!("{refused:?}") };
    assert_eq!(
        error.to_string(),
        "failed to begin the next change: ann asked the deployment to stop"
    );
    let skipped = Step { status: StepStatus::Skipped, ..step.clone() };
    ledger.record_step(lease, &key, 0, &skipped, StepStatus::Pending, &[]).await.unwrap();
    let item = keys::step(&key, 0, &step.service);
    place.change(&item, |item| item["status"] = "PENDING".into()).await;

    ledger.change_status(lease, &key, Running, Interrupted, Some("ann")).await.unwrap();
    ledger.change_status(lease, &key, Interrupted, Running, None).await.unwrap();
    assert_eq!(ledger.renew(lease).await.unwrap().cancel, None, "who resumes it, wants it");
    ledger.record_step(lease, &key, 0, &step, StepStatus::Pending, &[]).await.unwrap();

    ledger.request_cancel(&key, &ann, (false, None)).await.unwrap();
    ledger.adopt(lease, &key).await.unwrap();
    let deployment = ledger.deployment(&project(), key.number).await.unwrap();
    assert_eq!(deployment.cancel, None);
    let status = DeploymentStatus::Cancelled;
    let ending = Ending { expected: Running, status, at: time(9), heads: &[] };
    ledger.finish_deployment(lease, &key, ending).await.unwrap();
    let late = ledger.request_cancel(&key, &ann, (false, None)).await.unwrap_err();
    assert_eq!(
        late.to_string(),
        "failed to change the record: deployment `d1` of `cat` is CANCELLED, not going on"
    );
    let none = DeploymentKey { number: DeploymentNumber(9), ..key };
    let none = ledger.request_cancel(&none, &ann, (false, None)).await;
    assert!(matches!(none, Err(StoreError::NotFound { .. })), "{none:?}");
}

#[tokio::test]
async fn whoever_resumes_a_deployment_has_it_in_the_lease() {
    use DeploymentStatus::{Interrupted, RollingBack, Running};
    let place = Place::new().await;
    let (key, _) = begun(&place).await;
    place.ledger.change_status(&place.lease, &key, Running, Interrupted, None).await.unwrap();
    place.ledger.release(&place.lease).await.unwrap();
    let locked = async || {
        let locks = place.ledger.locks(&project(), &key.environment).await.unwrap();
        locks.held.first().and_then(|held| held.deployment)
    };
    let next = lease(&place.ledger, "prod").await;
    let early = place.ledger.adopt(&next, &key).await.unwrap_err().to_string();
    assert!(early.ends_with("is INTERRUPTED, not RUNNING or ROLLING_BACK"), "{early}");
    assert_eq!(locked().await, None);
    place.ledger.change_status(&next, &key, Interrupted, RollingBack, None).await.unwrap();
    assert_eq!(locked().await, Some(key.number));
    place.ledger.release(&next).await.unwrap();
    let third = lease(&place.ledger, "prod").await;
    assert_eq!(locked().await, None);
    place.ledger.adopt(&third, &key).await.unwrap();
    assert_eq!(locked().await, Some(key.number));
}

#[tokio::test]
async fn a_timeline_tells_what_was_written_with_it() {
    use DeploymentStatus::{Interrupted, Running};
    let place = Place::new().await;
    let (key, mut step) = begun(&place).await;
    step.status = StepStatus::Intent;
    let service = Some(step.service.clone());
    let long = "é".repeat(4000);
    let notes = [
        TimelineEntry { at: time(2), service: service.clone(), text: "begins".to_owned() },
        TimelineEntry { at: time(2), service, text: long },
    ];
    let (ledger, lease) = (&place.ledger, &place.lease);
    ledger.record_step(lease, &key, 0, &step, StepStatus::Pending, &notes).await.unwrap();
    let again = ledger.record_step(lease, &key, 0, &step, StepStatus::Pending, &notes).await;
    assert!(again.is_err());
    place.clock.set(5);
    ledger.change_status(lease, &key, Running, Interrupted, Some("a signal")).await.unwrap();
    let timeline = ledger.timeline(&key).await.unwrap();
    let texts: Vec<&str> = timeline.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!(texts.len(), 4);
    let bob = actor().name;
    assert_eq!(texts[0], format!("started by {bob}: r1 of all"));
    assert_eq!(texts[1], "begins");
    assert_eq!(texts[2], "é".repeat(2048));
    assert_eq!(texts[3], format!("interrupted by {bob}: it was RUNNING: a signal"));
    assert_eq!(ledger.deployment(&project(), key.number).await.unwrap().steps, [step]);
}
