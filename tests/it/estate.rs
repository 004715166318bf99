//! A project of small services for tests that go over many cases: two releases of it, and the
//! proof of which one runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::{Value, json};

use crate::support::{Run, Shop, text};

/// How many cases are gone over at the same time.
const AT_ONCE: usize = 2;

/// The manifest of a project whose services each run an image of their own, all in one cluster.
pub(crate) fn manifest(services: &[&str]) -> String {
    let environment = "[shop.environments.prod]\ncluster = \"shop\"\n".to_owned();
    let services = services.iter().map(|service| format!("[shop.services.{service}]\n"));
    [environment].into_iter().chain(services).collect()
}

/// The project with one release verified, and the images of another registered, tagged `next`.
pub(crate) fn with_next(services: &[&str]) -> Shop {
    with_next_in(&manifest(services), services)
}

/// The same with another manifest of the same services.
pub(crate) fn with_next_in(manifest: &str, services: &[&str]) -> Shop {
    let shop = Shop::with(manifest);
    shop.run(&["deploy", "all", "prod", "-y"]).expect(0);
    for service in services {
        push(&shop, service, "next");
        shop.run(&["register", &uri(service, "next"), service]).expect(0);
    }
    shop
}

/// Pushes another image of a service.
pub(crate) fn push(shop: &Shop, service: &str, tag: &str) {
    shop.sandbox(&["set", "push-image", &uri(service, tag)]);
}

/// The URI of an image.
pub(crate) fn uri(service: &str, tag: &str) -> String {
    format!("000000000000.dkr.ecr.eu-west-1.amazonaws.com/shop/{service}:{tag}")
}

/// What a service runs for sure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Runs {
    /// The image's tag.
    pub(crate) tag: String,
    /// What the environment's parameter says.
    pub(crate) parameter: Option<String>,
}

/// What every service runs. Fails where that is not settled: ECS is at work, the family has a newer
/// revision, or a task runs another digest than the one behind the tag.
#[track_caller]
pub(crate) fn runs(shop: &Shop, services: &[&str]) -> BTreeMap<String, Runs> {
    services.iter().map(|service| ((*service).to_owned(), service_runs(shop, service))).collect()
}

/// What one service runs.
#[track_caller]
fn service_runs(shop: &Shop, service: &str) -> Runs {
    let told = shop.service("shop", service);
    let deployments = told["deployments"].as_array().unwrap();
    assert_eq!(deployments.len(), 1, "{service} is moving: {told}");
    assert_eq!(told["runningCount"], told["desiredCount"], "{service}: {told}");
    let latest = shop.task_definition(&format!("shop-prod-{service}"));
    let latest = &latest["taskDefinition"];
    let current = &told["taskDefinition"];
    assert_eq!(*current, latest["taskDefinitionArn"], "{service} does not run the latest revision");
    let image = text(&latest["containerDefinitions"][0]["image"]);
    assert_eq!(digests(shop, service), BTreeSet::from([digest(shop, service, &image)]));
    let (_, tag) = image.rsplit_once(':').unwrap();
    let parameter = shop.parameter(&format!("/shop/images/prod/{service}"));
    Runs { tag: tag.to_owned(), parameter }
}

/// The digests that the running tasks of a service report.
fn digests(shop: &Shop, service: &str) -> BTreeSet<String> {
    let body = json!({ "cluster": "shop", "serviceName": service, "desiredStatus": "RUNNING" });
    let tasks = shop.ecs("ListTasks", &body)["taskArns"].take();
    let told = shop.ecs("DescribeTasks", &json!({ "cluster": "shop", "tasks": tasks }));
    let containers = told["tasks"].as_array().unwrap().iter().map(|task| &task["containers"][0]);
    containers.map(|container| text(&container["imageDigest"])).collect()
}

/// The digest behind an image's tag.
fn digest(shop: &Shop, service: &str, image: &str) -> String {
    let (_, tag) = image.rsplit_once(':').unwrap();
    let repository = format!("shop/{service}");
    let body = json!({ "repositoryName": repository, "imageIds": [{ "imageTag": tag }] });
    text(&shop.ecr("BatchGetImage", &body)["images"][0]["imageId"]["imageDigest"])
}

/// Checks that everything runs one release, and that SSM says so.
#[track_caller]
pub(crate) fn assert_runs(shop: &Shop, services: &[&str], tag: &str) {
    for (service, runs) in runs(shop, services) {
        let wanted = Runs { tag: tag.to_owned(), parameter: Some(uri(&service, tag)) };
        assert_eq!(runs, wanted, "{service}");
    }
}

/// The statuses of all deployments, newest first.
pub(crate) fn statuses(shop: &Shop) -> Vec<String> {
    let history = shop.json(&["history"]);
    let deployments = history["deployments"].as_array().unwrap().iter();
    deployments.map(|one| text(&one["status"])).collect()
}

/// Whether a status is the end of a deployment.
pub(crate) fn is_final(status: &str) -> bool {
    !["RUNNING", "DETACHED", "INTERRUPTED", "ROLLING_BACK", "UNKNOWN"].contains(&status)
}

/// Checks what holds of everything that the program says: it does not panic, a failure has one
/// chain of causes, and where something is left to be done there is a hint.
#[track_caller]
pub(crate) fn assert_well_told(run: &Run) {
    let Run { code, stdout, stderr, .. } = run;
    let told = format!("exit {code:?}\n{stdout}\n{stderr}");
    assert!(!stderr.contains("panicked"), "{told}");
    let errors = stderr.lines().filter(|line| line.starts_with("error: ")).count();
    assert!(errors <= 1, "{told}");
    let has_hint = [stdout, stderr].iter().any(|text| text.contains("hint: "));
    let needs_none = *code == Some(0) || stderr.contains("error: interrupted, and nothing");
    assert!(has_hint || needs_none, "no hint: {told}");
}

/// Goes over all cases, some at the same time, and fails with all that failed.
pub(crate) fn for_each<T: fmt::Debug + Sync>(cases: &[T], check: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let failures: Mutex<Vec<String>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(panicked) = catch_unwind(AssertUnwindSafe(|| check(case))) {
                        let text = panicked.downcast_ref::<&str>().map(ToString::to_string);
                        let why = panicked.downcast_ref::<String>().cloned().or(text);
                        let why = why.unwrap_or_default();
                        failures.lock().unwrap().push(format!("{case:?}: {why}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} failed:\n\n{}", failures.len(), failures.join("\n\n"));
}

/// The operations that were asked for since the requests were forgotten, each once.
pub(crate) fn operations(shop: &Shop) -> BTreeSet<String> {
    shop.requests().into_iter().collect()
}

/// A text for a failure: what was printed.
pub(crate) fn told(run: &Run) -> String {
    format!("exit {:?}\n{}\n{}", run.code, run.stdout, run.stderr)
}

/// How many points a command has at which its process can die.
pub(crate) fn points_of(template: &Shop, command: &[&str]) -> usize {
    let shop = template.copy();
    shop.sandbox(&["crash", "--count"]);
    shop.run(command).expect(0);
    shop.cloud().crash_points().unwrap().len()
}

/// The newest deployment as `show` tells it.
pub(crate) fn newest(shop: &Shop) -> Value {
    let history = shop.json(&["history"]);
    let number = &history["deployments"][0]["number"];
    shop.json(&["show", &format!("d{number}")])["deployment"].take()
}
