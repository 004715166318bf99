//! Heads: the newest deployment has the attempt, and verified states outlive failed attempts.

use super::{support::*, *};
use crate::model::{DeploymentStatus, ServiceHead};

/// The key of a deployment to prod.
fn key(number: u64) -> DeploymentKey {
    let environment = "prod".parse().unwrap();
    DeploymentKey { project: project(), environment, number: DeploymentNumber(number) }
}

/// The stored heads of prod.
async fn heads(place: &Place) -> Vec<ServiceHead> {
    place.ledger.heads(&project(), &key(1).environment).await.unwrap().into_values().collect()
}

#[tokio::test]
async fn a_failed_attempt_keeps_the_verified_state() {
    let place = Place::new().await;
    let good = verified_head("web", 1);
    place.ledger.record_heads(&place.lease, &key(1), std::slice::from_ref(&good)).await.unwrap();
    place.ledger.record_heads(&place.lease, &key(2), &[head("web", 2)]).await.unwrap();
    let both = [ServiceHead { verified: good.verified.clone(), ..head("web", 2) }];
    assert_eq!(heads(&place).await, both);
    place.ledger.record_heads(&place.lease, &key(2), &both).await.unwrap();
    assert_eq!(heads(&place).await, both, "and so does one that hands it on");
    let stale = ServiceHead { verified: verified_head("web", 0).verified, ..head("web", 2) };
    place.ledger.record_heads(&place.lease, &key(2), &[stale]).await.unwrap();
    assert_eq!(heads(&place).await, both, "or hands on an older one");
    let better = verified_head("web", 2);
    place.ledger.record_heads(&place.lease, &key(2), std::slice::from_ref(&better)).await.unwrap();
    assert_eq!(heads(&place).await, [better]);
}

#[tokio::test]
async fn the_last_one_off_task_outlives_attempts_without_one() {
    let place = Place::new().await;
    let asked = ServiceHead { before_task: Some(DeploymentNumber(1)), ..head("web", 1) };
    place.ledger.record_heads(&place.lease, &key(1), &[asked]).await.unwrap();
    for number in [2, 3] {
        let later = [head("web", number)];
        place.ledger.record_heads(&place.lease, &key(number), &later).await.unwrap();
    }
    let known = heads(&place).await;
    assert_eq!((known[0].deployment.0, known[0].before_task), (3, Some(DeploymentNumber(1))));
    let again = ServiceHead { before_task: Some(DeploymentNumber(4)), ..head("web", 4) };
    place.ledger.record_heads(&place.lease, &key(4), &[again]).await.unwrap();
    assert_eq!(heads(&place).await[0].before_task, Some(DeploymentNumber(4)));
}

#[tokio::test]
async fn an_older_deployment_does_not_take_a_head_back() {
    let place = Place::new().await;
    let old = place
        .ledger
        .start_deployment(&place.lease, new_deployment("prod", steps(2)))
        .await
        .unwrap();
    place.ledger.record_heads(&place.lease, &key(2), &[head("s1", 2)]).await.unwrap();
    let late = [verified_head("s0", 1), verified_head("s1", 1)];
    let overtaken = place.ledger.record_heads(&place.lease, &key(1), &late).await.unwrap();
    assert_eq!(overtaken, ["s1".parse().unwrap()]);
    assert_eq!(heads(&place).await, [verified_head("s0", 1), head("s1", 2)]);

    let ending = Ending {
        expected: DeploymentStatus::Running,
        status: DeploymentStatus::Superseded,
        at: time(9),
        heads: &late,
    };
    let overtaken = place
        .ledger
        .finish_deployment(&place.lease, &DeploymentKey::of(&old), ending)
        .await
        .unwrap();
    assert_eq!(overtaken, ["s1".parse().unwrap()]);
    assert_eq!(heads(&place).await, [verified_head("s0", 1), head("s1", 2)]);
    let ended = place.ledger.deployment(&project(), old.number).await.unwrap();
    assert_eq!(ended.status, DeploymentStatus::Superseded, "it ends all the same");
}

#[tokio::test]
async fn heads_are_of_their_environment_and_deployment() {
    let place = Place::new().await;
    let refused = place.ledger.record_heads(&place.lease, &key(2), &[head("web", 1)]).await;
    assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
    let stage = DeploymentKey { environment: "prod2".parse().unwrap(), ..key(1) };
    let other = lease(&place.ledger, "prod2").await;
    place.ledger.record_heads(&other, &stage, &[head("web", 1)]).await.unwrap();
    assert_eq!(heads(&place).await, []);
    assert_eq!(place.ledger.record_heads(&place.lease, &key(1), &[]).await.unwrap(), []);
}

#[tokio::test]
async fn many_heads_are_recorded() {
    let place = Place::new().await;
    let many: Vec<_> = (0..250).map(|n| head(&format!("s{n:03}"), 1)).collect();
    place.ledger.record_heads(&place.lease, &key(1), &many).await.unwrap();
    assert_eq!(heads(&place).await, many);
}
