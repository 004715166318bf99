//! Releases: equal content is one release, and no number is given twice.

use std::collections::BTreeSet;

use tokio::task::JoinSet;

use super::{support::*, *};
use crate::model::{ReleaseNumber, Selection};

#[tokio::test]
async fn the_same_content_is_the_same_release() {
    let place = Place::new().await;
    let (first, created) = place.ledger.record_release(new_release("v1")).await.unwrap();
    assert!(created);
    assert_eq!(first.number, ReleaseNumber(1));
    let mut again = new_release("v1");
    again.description = Some("somebody else's words".to_owned());
    again.at = time(99);
    assert_eq!(place.ledger.record_release(again).await.unwrap(), (first.clone(), false));
    let mut other = new_release("v1");
    other.selection = Selection::Service("web".parse().unwrap());
    let (other, created) = place.ledger.record_release(other).await.unwrap();
    assert_eq!((other.number, created), (ReleaseNumber(2), true));
    assert_eq!(place.ledger.find_release(&project(), ReleaseNumber(1)).await.unwrap(), first);
}

#[tokio::test]
async fn a_release_without_images_is_refused() {
    let place = Place::new().await;
    let mut new = new_release("v1");
    new.images.clear();
    let refused = place.ledger.record_release(new).await;
    assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_release_that_is_not_there_is_named() {
    let place = Place::new().await;
    let error = place.ledger.find_release(&project(), ReleaseNumber(7)).await.unwrap_err();
    assert_eq!(error.to_string(), "failed to find release `r7` of `cat`");
}

#[tokio::test]
async fn releases_come_newest_first_and_all_of_them() {
    let place = Place::new().await;
    for n in 0..120 {
        place.ledger.record_release(new_release(&format!("v{n}"))).await.unwrap();
    }
    let numbers = async |limit| {
        let found = place.ledger.releases(&project(), limit).await.unwrap();
        found.into_iter().map(|release| release.number.0).collect::<Vec<_>>()
    };
    assert_eq!(numbers(3).await, [120, 119, 118]);
    assert_eq!(numbers(0).await, [0; 0]);
    assert_eq!(numbers(1000).await, (1..=120).rev().collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_processes_make_one_release_of_one_content() {
    let place = Place::new().await;
    let mut clients = JoinSet::new();
    for client in 0..16 {
        let ledger = place.another().await;
        clients.spawn(async move {
            let new = new_release(&format!("v{}", client % 4));
            let (release, created) = ledger.record_release(new).await.unwrap();
            (client % 4, release.number, created)
        });
    }
    let results = clients.join_all().await;
    assert_eq!(results.iter().filter(|(_, _, created)| *created).count(), 4);
    let distinct: BTreeSet<_> =
        results.iter().map(|(content, number, _)| (content, number.0)).collect();
    assert_eq!(distinct.len(), 4, "each content has one number: {results:?}");
    let numbers: BTreeSet<u64> = distinct.into_iter().map(|(_, number)| number).collect();
    assert_eq!(numbers, (1..=4).collect(), "without a gap");
}
