//! A process that dies at an exact point: what was done by then is there, and nothing after it.

use serde_json::Value;

use crate::support::{Shop, text};

/// The service of the example project that shares no image with another.
const INDEXER: &[&str] = &["deploy", "search-indexer", "prod", "-y"];

/// The points that were counted.
fn points(shop: &Shop) -> Vec<String> {
    let told = shop.json(&["sandbox", "crash", "--points"]);
    let points = told["points"].as_array().unwrap().iter().enumerate();
    points
        .map(|(index, point)| {
            assert_eq!(point["number"], index + 1);
            text(&point["name"])
        })
        .collect()
}

/// Checks that the last of the points is the one at which the process was to die. Reads that are
/// made at the same time come in any order.
fn assert_last(shop: &Shop, expected: &[String]) {
    let (mut points, mut expected) = (points(shop), expected.to_vec());
    assert_eq!(points.last(), expected.last());
    points.sort();
    expected.sort();
    assert_eq!(points, expected);
}

/// The points of one whole deployment.
fn points_of_a_deployment() -> Vec<String> {
    let shop = Shop::new();
    shop.sandbox(&["crash", "--count"]);
    shop.run(INDEXER).expect(0);
    points(&shop)
}

/// A project in which a deployment has died at its point with this index from 0.
fn died_at(index: usize) -> Shop {
    let shop = Shop::new();
    let number = (index + 1).to_string();
    shop.sandbox(&["crash", "--after", &number]);
    let run = shop.run(INDEXER);
    assert_eq!((run.code, run.signal), (None, Some(9)), "\n{}\n{}", run.stdout, run.stderr);
    shop
}

#[test]
fn what_a_deployment_does_is_counted_and_changes_nothing_about_it() {
    let shop = Shop::new();
    shop.sandbox(&["crash", "--count"]);
    shop.run(INDEXER).expect(0).prints("VERIFIED");
    let counted = points(&shop);
    let requests: Vec<&str> =
        counted.iter().filter_map(|point| Some(point.split_once(':')?.1)).collect();
    assert_eq!(requests, shop.requests());
    assert!(counted.iter().filter(|point| *point == "store").count() > 2, "{counted:?}");
    let count = counted.len();
    assert_eq!(shop.sandbox(&["crash"]), format!("Counting. Points so far: {count}\n"));
    shop.sandbox(&["crash", "--off"]);
    shop.run(&["status", "all", "prod"]).expect(0);
    assert_eq!(shop.sandbox(&["crash"]), format!("Off. Points counted: {count}\n"));
    shop.sandbox(&["crash", "--count"]);
    assert_eq!(points(&shop), [""; 0]);
    assert_eq!(shop.sandbox(&["crash", "--points"]), "No points.\n");
}

#[test]
fn a_process_dies_after_a_request_with_its_effect_there_and_nothing_after_it() {
    let points = points_of_a_deployment();
    for (operation, revision) in [("RegisterTaskDefinition", 1), ("UpdateService", 2)] {
        let point = format!("ecs:{operation}");
        let index = points.iter().position(|name| *name == point).unwrap();
        let shop = died_at(index);
        assert_eq!(shop.requests().last().map(String::as_str), Some(operation));
        assert_last(&shop, &points[..=index]);
        let told = format!("A process was ended at point {}, {point}\n", index + 1);
        assert_eq!(shop.sandbox(&["crash"]), told);
        let family = shop.task_definition("bookshop-prod-search-indexer");
        assert_eq!(family["taskDefinition"]["revision"], 2);
        let service = shop.service("bookshop-prod", "prod-search-indexer");
        let runs = service["taskDefinition"].as_str().unwrap();
        assert!(runs.ends_with(&format!(":{revision}")), "{operation}: {runs}");
        assert_eq!(shop.json(&["show", "d1"])["deployment"]["steps"][0]["status"], "INTENT");
        // It has struck, and does not strike again.
        shop.run(&["status", "all", "prod"]).expect(0);
    }
}

#[test]
fn a_process_dies_after_a_write_to_the_record() {
    let points = points_of_a_deployment();
    let effects = points.iter().position(|name| name == "ecs:RegisterTaskDefinition").unwrap();
    let mut recorded = Vec::new();
    for index in (0..effects).filter(|index| points[*index] == "store") {
        let shop = died_at(index);
        assert_eq!(shop.writes(), [""; 0]);
        assert_last(&shop, &points[..=index]);
        let history = shop.json(&["history"]);
        let deployments = history["deployments"].as_array().unwrap();
        recorded.push(deployments.first().map(|one| one["steps"][0]["status"].clone()));
    }
    // Each write is there when its process dies, and none of those after it.
    recorded.dedup();
    assert!(recorded.len() > 1, "{recorded:?}");
    assert_eq!(recorded.last().unwrap().as_ref().and_then(Value::as_str), Some("INTENT"));
}

#[test]
fn points_are_counted_over_several_commands() {
    let shop = Shop::new();
    shop.sandbox(&["crash", "--count"]);
    shop.run(&["status", "all", "prod"]).expect(0);
    let each = points(&shop).len();
    shop.sandbox(&["crash", "--after", &(each + 1).to_string()]);
    shop.run(&["status", "all", "prod"]).expect(0);
    let told = shop.sandbox(&["crash"]);
    assert_eq!(told, format!("Armed: a process ends at point {}. So far: {each}\n", each + 1));
    // What a verb of `sandbox` looks up is its own business.
    shop.sandbox(&["fate", "search-indexer", "crash"]);
    let run = shop.run(&["status", "all", "prod"]);
    assert_eq!((run.signal, run.stdout.as_str()), (Some(9), ""));
    let told = shop.json(&["sandbox", "crash"]);
    assert_eq!((&told["mode"], &told["points"]), (&Value::from("struck"), &Value::from(each + 1)));
}

#[test]
fn a_crash_is_taken_back() {
    let shop = Shop::new();
    shop.sandbox(&["crash", "--after", "1"]);
    shop.sandbox(&["crash", "--off"]);
    shop.run(&["status", "all", "prod"]).expect(0);
    shop.sandbox(&["crash", "--after", "1"]);
    shop.run(&["sandbox", "reset"]).expect(0);
    assert_eq!(shop.sandbox(&["crash"]), "Off. Points counted: 0\n");
    shop.run(&["sandbox", "crash", "--after", "1", "--off"]).expect(2).tells("cannot be used");
    shop.run(&["sandbox", "crash", "--after", "0"]).expect(2);
}
