//! How much a deployment of many services writes at once, and how large its items are.

use super::{support::*, *};
use crate::{
    backend::store::{MAX_ITEM_BYTES, MAX_WRITES, item::check_item},
    model::{
        ContainerLog, DeploymentStatus, Evidence, LogLine, ServiceEvent, StepStatus, StoppedTask,
        TimelineEntry,
    },
};

/// What a deployment of so many services comes to: transactions, their largest, the largest item.
async fn written(services: usize) -> (usize, usize, usize) {
    let place = Place::new().await;
    place.ledger.release(&place.lease).await.unwrap();
    let (ledger, sizes) = place.counted();
    let mut steps = steps(services);
    let names: Vec<&str> = steps.iter().map(|step| step.service.as_str()).collect();
    let lease = Asking::of("prod", "everything", &names).take(&ledger).await;
    let begun = ledger.start_deployment(&lease, new_deployment("prod", steps.clone())).await;
    let key = DeploymentKey::of(&begun.unwrap());
    let whole = sizes.lock().unwrap().len();
    for (position, step) in steps.iter_mut().enumerate().take(3) {
        let service = Some(step.service.clone());
        let note = TimelineEntry { at: time(1), service, text: "x".repeat(9000) };
        step.before = before();
        for (from, to) in [
            (StepStatus::Pending, StepStatus::Intent),
            (StepStatus::Intent, StepStatus::Applied),
            (StepStatus::Applied, StepStatus::Failed),
        ] {
            step.status = to;
            step.evidence = (to == StepStatus::Failed).then(much_evidence);
            let notes = [note.clone(), note.clone()];
            ledger.record_step(&lease, &key, position, step, from, &notes).await.unwrap();
        }
    }
    let heads: Vec<_> = (0..services).map(|n| verified_head(&format!("s{n}"), 1)).collect();
    let (expected, status) = (DeploymentStatus::Running, DeploymentStatus::Succeeded);
    let ending = Ending { expected, status, at: time(9), heads: &heads };
    ledger.finish_deployment(&lease, &key, ending).await.unwrap();
    ledger.release(&lease).await.unwrap();
    let sizes = sizes.lock().unwrap().clone();
    assert!(sizes.iter().all(|size| *size <= MAX_WRITES), "{sizes:?}");
    let largest = sizes.iter().max().copied().unwrap();
    tell(&format!(
        "{services} services: {whole} transactions to begin, of {sizes:?} writes in all"
    ));
    (sizes.len(), largest, largest_item(&place))
}

/// Prints a figure, for `cargo test -- --nocapture`.
#[expect(clippy::print_stdout, reason = "the figures are for whoever changes what is written")]
fn tell(figures: &str) {
    println!("{figures}");
}

/// As much as is collected of a service that failed.
fn much_evidence() -> Evidence {
    let event = |n| ServiceEvent { id: format!("e{n}"), at: time(n), message: "m".repeat(400) };
    let task = |n| StoppedTask {
        id: format!("t{n}"),
        stop_code: "EssentialContainerExited".to_owned(),
        stopped_reason: "r".repeat(400),
        ..StoppedTask::default()
    };
    let line = LogLine { at: time(1), message: "l".repeat(300) };
    let log = |n| ContainerLog {
        task: format!("t{n}"),
        lines: vec![line.clone(); 20],
        ..ContainerLog::default()
    };
    let all = Evidence {
        events: (0..50).map(event).collect(),
        stopped_tasks: (0..20).map(task).collect(),
        logs: (0..4).map(log).collect(),
        ..Evidence::default()
    };
    all.fit()
}

/// Bytes of the largest item of a store.
fn largest_item(place: &Place) -> usize {
    let connection = rusqlite::Connection::open(place.store.path()).unwrap();
    let mut statement = connection.prepare("SELECT pk, sk, doc FROM items").unwrap();
    let rows = statement.query_map([], |row| {
        let (pk, sk, doc): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let key = Key::new(pk, sk);
        let bytes = check_item(&key, &serde_json::from_str(&doc).unwrap()).unwrap();
        Ok((bytes, key.to_string()))
    });
    let largest = rows.unwrap().map(Result::unwrap).max().unwrap();
    tell(&format!("largest item: {} bytes, {}", largest.0, largest.1));
    largest.0
}

#[tokio::test]
async fn what_many_services_write_stays_within_the_limits() {
    // The lease, the beginning, nine steps, the end, and giving the lease back.
    let (transactions, largest, item) = written(90).await;
    assert_eq!((transactions, largest), (13, 97));
    assert!(item < MAX_ITEM_BYTES / 10, "{item}");
    let (transactions, largest, item) = written(100).await;
    assert_eq!((transactions, largest), (17, 100));
    assert!(item < MAX_ITEM_BYTES / 10, "{item}");
    let (transactions, largest, item) = written(1000).await;
    assert_eq!((transactions, largest), (35, 100));
    assert!(item < MAX_ITEM_BYTES / 5, "{item}");
}
