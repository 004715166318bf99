//! History: newest first, by environment and service, however far back.

use std::collections::BTreeMap;

use super::{support::*, *};
use crate::model::Deployment;

/// The numbers of some deployments.
fn numbers(deployments: &[Deployment]) -> Vec<u64> {
    deployments.iter().map(|deployment| deployment.number.0).collect()
}

#[tokio::test]
async fn history_is_searched_until_there_is_enough() {
    let place = Place::new().await;
    let stage = lease(&place.ledger, "stage").await;
    let leases = BTreeMap::from([("prod", &place.lease), ("stage", &stage)]);
    for n in 1..=260_u64 {
        let environment = if n % 10 == 0 { "prod" } else { "stage" };
        let mut steps = vec![step("web")];
        if n == 3 || n == 20 || n == 130 {
            steps.push(step("rare"));
        }
        place
            .ledger
            .start_deployment(leases[environment], new_deployment(environment, steps))
            .await
            .unwrap();
    }
    let of = async |environment: Option<&str>, service: Option<&str>, limit| {
        let environment = environment.map(|id| id.parse().unwrap());
        let service = service.map(|id| id.parse().unwrap());
        let ledger = &place.ledger;
        let found = ledger.history(&project(), environment.as_ref(), service.as_ref(), limit).await;
        numbers(&found.unwrap())
    };
    assert_eq!(of(None, None, 3).await, [260, 259, 258]);
    assert_eq!(of(None, None, 0).await, [0; 0]);
    assert_eq!(of(Some("prod"), None, 3).await, [260, 250, 240]);
    assert_eq!(of(Some("prod"), None, 500).await.len(), 26);
    assert_eq!(of(Some("pro"), None, 5).await, [0; 0]);
    assert_eq!(of(None, Some("rare"), 2).await, [130, 20]);
    assert_eq!(of(None, Some("rare"), 9).await, [130, 20, 3]);
    assert_eq!(of(Some("stage"), Some("rare"), 9).await, [3]);
    assert_eq!(of(Some("prod"), Some("rare"), 1).await, [130]);
    assert_eq!(of(None, Some("web"), 150).await, (111..=260).rev().collect::<Vec<u64>>());
    let unfinished = place.ledger.unfinished(&project()).await.unwrap();
    assert_eq!(numbers(&unfinished), (1..=260).rev().collect::<Vec<u64>>());
}

#[tokio::test]
async fn history_tells_whole_deployments() {
    let place = Place::new().await;
    let begun = place
        .ledger
        .start_deployment(&place.lease, new_deployment("prod", steps(3)))
        .await
        .unwrap();
    let found = place.ledger.history(&project(), None, None, 9).await.unwrap();
    assert_eq!(found, [begun]);
    let other = "dog".parse().unwrap();
    assert_eq!(place.ledger.history(&other, None, None, 9).await.unwrap(), []);
    let missing = place.ledger.deployment(&other, DeploymentNumber(1)).await.unwrap_err();
    assert_eq!(missing.to_string(), "failed to find deployment `d1` of `dog`");
}
