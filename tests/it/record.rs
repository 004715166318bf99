//! The record of a deployment whose process died tells what was done to AWS, no more and no less
//! than can be known: the store is compared with the sandbox's own log of requests.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::Value;

use crate::{
    estate::{for_each, newest, points_of, statuses, with_next},
    support::{Shop, text},
};

/// The services.
const SERVICES: [&str; 4] = ["alpha", "beta", "gamma", "delta"];
/// The deployment.
const DEPLOY: &[&str] = &["deploy", "all", "prod", "-y"];

/// The file that the record is in.
fn file(shop: &Shop) -> Connection {
    Connection::open(shop.path().join(".release-tool/sandbox/store.sqlite")).unwrap()
}

/// What the record's timeline says of the newest deployment, in its order: service and text.
pub(crate) fn timeline(shop: &Shop) -> Vec<(String, String)> {
    let connection = file(shop);
    let mut statement = connection
        .prepare(
            "SELECT doc FROM items WHERE pk = (SELECT max(pk) FROM items WHERE pk GLOB '*#D#*#EV') \
             ORDER BY sk",
        )
        .unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    rows.map(|row| {
        let entry: Value = serde_json::from_str(&row.unwrap()).unwrap();
        let service = entry["service"].as_str().unwrap_or_default().to_owned();
        (service, text(&entry["text"]))
    })
    .collect()
}

/// The effects on a service in the sandbox's log, each with its time.
fn effects(shop: &Shop) -> BTreeMap<&'static str, Vec<(String, Timestamp)>> {
    let mut effects: BTreeMap<&str, Vec<(String, Timestamp)>> = BTreeMap::new();
    for record in shop.cloud().requests(None).unwrap() {
        let entry = record.entry;
        let resource = entry.resources.first().cloned().unwrap_or_default();
        let is_about = |service: &&&str| {
            let own = [
                (*service).to_string(),
                format!("shop-prod-{service}"),
                format!("/shop/images/prod/{service}"),
            ];
            own.contains(&resource)
        };
        let is_effect = ["RegisterTaskDefinition", "PutParameter", "UpdateService"]
            .contains(&&*entry.operation);
        if is_effect {
            let service = SERVICES.iter().find(is_about).unwrap();
            effects.entry(service).or_default().push((entry.operation, entry.machine_at));
        }
    }
    effects
}

/// Compares the record of one service with what was done to it.
#[track_caller]
fn compare(shop: &Shop, step: &Value, done: &[(String, Timestamp)], said: &[&str], at: usize) {
    let service = text(&step["service"]);
    let status = text(&step["status"]);
    let context = format!("point {at}, {service}: {step}\ndone: {done:?}\nsaid: {said:?}");
    // Each effect once, in their order.
    let operations: Vec<&str> = done.iter().map(|(operation, _)| operation.as_str()).collect();
    let order = ["RegisterTaskDefinition", "PutParameter", "UpdateService"];
    assert_eq!(operations, order[..operations.len()], "{context}");
    if status == "PENDING" {
        assert!(done.is_empty() && said.is_empty(), "{context}");
        return;
    }
    // The intent was written before the first effect.
    assert_eq!(said.first(), Some(&"begun"), "{context}");
    let begun: Timestamp = text(&step["started_at"]).parse().unwrap();
    assert!(done.iter().all(|(_, at)| begun <= *at), "{context}");
    // What ran before is written down with it.
    let before = text(&step["before"]["task_definition"]);
    assert!(before.ends_with(":2"), "{context}");
    // A revision is written down once it is there, and before anything else is done with it.
    let latest = shop.task_definition(&format!("shop-prod-{service}"));
    let latest = &latest["taskDefinition"]["taskDefinitionArn"];
    let knows_revision = !step["task_definition"].is_null();
    if knows_revision {
        assert!(!done.is_empty(), "{context}");
        assert_eq!(step["task_definition"], *latest, "{context}");
        assert_eq!(step["registered"], true, "{context}");
        assert!(said[1].starts_with("registered shop-prod-"), "{context}");
    } else {
        assert!(done.len() < 2, "{context}");
        assert_eq!(said.len(), 1, "{context}");
    }
    // A service is told to have moved once it has, with the deployment that ECS has.
    let told = shop.service("shop", &service);
    let primary = &told["deployments"].as_array().unwrap()[0];
    if ["APPLIED", "VERIFIED"].contains(&status.as_str()) {
        assert_eq!(done.len(), 3, "{context}");
        assert_eq!(step["ecs_deployment"], primary["id"], "{context}");
        assert_eq!(step["task_definition"], told["taskDefinition"], "{context}");
        let id = text(&primary["id"]);
        assert!(said[2].starts_with(&format!("{id} moves it to shop-prod-")), "{context}");
    } else {
        assert_eq!(status, "INTENT", "{context}");
        assert!(step["ecs_deployment"].is_null() && said.len() < 3, "{context}");
    }
    assert_eq!(status == "VERIFIED", said.last() == Some(&"VERIFIED"), "{context}");
    if status == "VERIFIED" {
        assert_eq!(primary["rolloutState"], "COMPLETED", "{context}");
    }
}

#[test]
fn the_record_of_a_deployment_that_died_anywhere_tells_what_was_done() {
    let template = with_next(&SERVICES);
    let all = points_of(&template, DEPLOY);
    let points: Vec<usize> = (1..=all).collect();
    for_each(&points, |point| {
        let shop = template.copy();
        shop.forget_requests();
        shop.sandbox(&["crash", "--after", &point.to_string()]);
        let run = shop.run(DEPLOY);
        if run.code.is_some() {
            // Polls come more or less often: it was over before.
            assert_eq!(run.code, Some(0), "{}", run.stderr);
            return;
        }
        let effects = effects(&shop);
        if statuses(&shop).len() == 1 {
            assert!(effects.is_empty(), "point {point}: {effects:?}");
            return;
        }
        let deployment = newest(&shop);
        let said = timeline(&shop);
        for step in deployment["steps"].as_array().unwrap() {
            let service = text(&step["service"]);
            let of_service = said.iter().filter(|(about, _)| *about == service);
            let said: Vec<&str> = of_service.map(|(_, text)| text.as_str()).collect();
            let done = effects.get(service.as_str()).map(Vec::as_slice).unwrap_or_default();
            compare(&shop, step, done, &said, *point);
        }
        let verified = deployment["steps"].as_array().unwrap().iter();
        let all_verified = verified.clone().all(|step| step["status"] == "VERIFIED");
        if deployment["status"] == "SUCCEEDED" {
            assert!(all_verified, "point {point}: {deployment}");
        } else {
            assert_eq!(deployment["status"], "RUNNING", "point {point}");
        }
    });
    println!("compared at {all} points");
    assert!(all > 40, "{all}");
}

/// The sizes of what the record holds, in bytes, the greatest first.
pub(crate) fn sizes(shop: &Shop) -> Vec<(i64, String)> {
    let connection = file(shop);
    let mut statement = connection
        .prepare("SELECT length(CAST(doc AS BLOB)), pk || ' ' || sk FROM items ORDER BY 1 DESC")
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}
