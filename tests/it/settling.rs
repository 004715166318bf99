//! `--settle`: a rollout that ECS calls complete is watched for a while longer, by whoever takes the
//! deployment up, and only by tasks that were really seen.

use serde_json::{Value, json};

use crate::{
    indexer::INDEXER,
    support::{PROD, Shop, Started, until},
};

/// The command that deploys it, with more arguments.
fn with(more: &[&'static str]) -> Vec<&'static str> {
    [INDEXER, more].concat()
}

/// The tasks of the second revision that ECS wants to run.
fn new_tasks(shop: &Shop) -> Vec<String> {
    let asked = json!({ "cluster": "bookshop-prod", "serviceName": "prod-search-indexer" });
    let listed = shop.ecs("ListTasks", &asked)["taskArns"].take();
    if listed.as_array().is_none_or(Vec::is_empty) {
        return Vec::new();
    }
    let asked = json!({ "cluster": "bookshop-prod", "tasks": listed });
    let told = shop.ecs("DescribeTasks", &asked);
    let is_new = |task: &&Value| {
        task["desiredStatus"] == "RUNNING"
            && task["taskDefinitionArn"].as_str().unwrap().ends_with(":2")
    };
    let tasks = told["tasks"].as_array().unwrap().iter().filter(is_new);
    tasks.map(|task| task["taskArn"].as_str().unwrap().to_owned()).collect()
}

/// Stops a task of the second revision, as soon as there is one.
fn stop_one(shop: &Shop) {
    let mut tasks = Vec::new();
    until("there is a new task", || {
        shop.sandbox(&["advance", "500ms"]);
        tasks = new_tasks(shop);
        !tasks.is_empty()
    });
    shop.sandbox(&["set", "stop-task", "search-indexer", "prod", "--task", &tasks[0]]);
}

/// Waits until ECS calls the second revision complete.
fn complete(shop: &Shop) {
    until("the rollout is complete", || {
        let told = shop.service("bookshop-prod", "prod-search-indexer");
        told["taskDefinition"].as_str().unwrap().ends_with(":2")
            && told["deployments"][0]["rolloutState"] == "COMPLETED"
            && told["runningCount"] == 2
    });
}

/// What the record says of the one step of `d1`.
fn step(shop: &Shop) -> Value {
    shop.json(&["show", "d1"])["deployment"]["steps"][0].take()
}

/// A deployment that has begun its rollout and is to watch it for some time, with the clock stopped.
fn begun(settle: &str) -> (Shop, Started) {
    let shop = Shop::new();
    shop.stand_still();
    let mut deploy = shop.start(&[INDEXER, &["--settle", settle]].concat());
    deploy.hears("search-indexer: started ecs-svc/");
    (shop, deploy)
}

#[test]
fn what_had_stopped_before_is_no_failure_where_the_first_look_sees_nothing() {
    let (shop, deploy) = begun("12s");
    (0..4).for_each(|_| stop_one(&shop));
    // What there was to tell of these is told before the tasks cannot be read.
    let looks = shop.count("DescribeServices");
    until("it has looked again", || shop.count("DescribeServices") > looks + 2);
    shop.sandbox(&["fault", "add", "ListTasks", "deny", "--times", "1"]);
    shop.go_fast();
    deploy.end().expect(0).prints("d1: r1 is deployed to prod, 1 of 1 services verified.");
    assert!(shop.sandbox(&["fault", "list"]).contains("acted 1 times"));
    assert_eq!(step(&shop)["note"], Value::Null);
}

#[test]
fn success_is_not_wholly_proven_where_stopped_tasks_could_not_be_read() {
    let (shop, deploy) = begun("3s");
    // The first look, and each that is taken once it has stayed complete for long enough.
    shop.sandbox(&["fault", "add", "ListTasks", "deny", "--times", "4"]);
    shop.go_fast();
    let run = deploy.end().expect(0);
    run.tells("`search-indexer`: its stopped tasks could not be read, so it is not known whether")
        .prints("1 of 1 services verified, 1 of them not wholly proven");
    let note = step(&shop)["note"].take();
    assert!(note.as_str().unwrap().starts_with("its stopped tasks could not be read"), "{note}");
}

#[test]
fn success_is_proven_where_the_last_look_is_read() {
    let (shop, deploy) = begun("3s");
    shop.sandbox(&["fault", "add", "ListTasks", "deny", "--times", "1"]);
    shop.go_fast();
    deploy.end().expect(0).prints("d1: r1 is deployed to prod, 1 of 1 services verified.");
    assert!(shop.sandbox(&["fault", "list"]).contains("acted 1 times"));
    assert_eq!(step(&shop)["note"], Value::Null);
}

#[test]
fn whoever_resumes_it_goes_on_watching() {
    let shop = Shop::new();
    let mut deploy = shop.start(&with(&["--settle", "1h"]));
    deploy.hears("search-indexer: started ecs-svc/");
    complete(&shop);
    deploy.signal("KILL");
    assert_eq!(deploy.end().signal, Some(9));
    assert_eq!(shop.json(&["show", "d1"])["deployment"]["settle_seconds"], 3600);
    let mut resume = shop.start(&["resume"]);
    resume.hears("search-indexer: follows ecs-svc/");
    for _ in 0..3 {
        complete(&shop);
        stop_one(&shop);
    }
    let run = resume.end().expect(3);
    run.prints("FAILED  ECS called it complete, and then its tasks stopped: ");
    assert_eq!(step(&shop)["verdict"]["verdict"], "FAILED");
    shop.assert_in_step(&PROD[5]);
}

#[test]
fn whoever_waits_for_it_watches_as_long_as_it_was_begun_with() {
    let looks = |settle: &'static str| {
        let shop = Shop::new();
        shop.run(&with(&["--detach", "--settle", settle])).expect(0);
        shop.forget_requests();
        shop.run(&["wait", "d1"]).expect(0).prints("1 of 1 services verified.");
        shop.count("ListTasks")
    };
    // While they are watched those that stopped are listed: at first, and once the time is up.
    assert_eq!(looks("3s"), looks("0s") + 2);
}
