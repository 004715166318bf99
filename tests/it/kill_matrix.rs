//! The process of a deployment dies after every single request and every single write to the
//! record, one run each. One command finishes the deployment, or takes it back, and nothing is
//! done twice or forgotten.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use crate::support::{Run, Service, Shop};

/// Five services, each with an image of its own.
const MANIFEST: &str = r#"
[shop.environments.prod]
cluster = "shop"

[shop.services.alpha]
[shop.services.beta]
[shop.services.gamma]
[shop.services.delta]
[shop.services.epsilon]
"#;

/// The services.
const SERVICES: [&str; 5] = ["alpha", "beta", "gamma", "delta", "epsilon"];
/// The deployment that dies.
const DEPLOY: &[&str] = &["deploy", "all", "prod", "-y"];
/// The points of a deployment may come in another order, and polls more or less often.
const SLACK: usize = 12;

/// The project with one release verified, and another registered.
fn template() -> Shop {
    let shop = Shop::with(MANIFEST);
    shop.run(DEPLOY).expect(0);
    for service in SERVICES {
        let uri = format!("000000000000.dkr.ecr.eu-west-1.amazonaws.com/shop/{service}:next");
        shop.sandbox(&["set", "push-image", &uri]);
        shop.run(&["register", &uri, service]).expect(0);
    }
    shop
}

/// How many points a whole deployment has.
fn points_of(template: &Shop) -> usize {
    let shop = template.copy();
    shop.sandbox(&["crash", "--count"]);
    shop.run(DEPLOY);
    let told = shop.json(&["sandbox", "crash", "--points"]);
    told["points"].as_array().unwrap().len()
}

/// Runs a deployment that dies at a point. Gives nothing where it was over before.
fn died_at(template: &Shop, point: usize) -> Option<Shop> {
    let shop = template.copy();
    shop.forget_requests();
    shop.sandbox(&["crash", "--after", &point.to_string()]);
    let run = shop.run(DEPLOY);
    if run.code.is_some() {
        return None;
    }
    assert_eq!((run.code, run.signal), (None, Some(9)), "\n{}\n{}", run.stdout, run.stderr);
    Some(shop)
}

/// Runs `check` for every point, on both processors. Gives the number of points.
fn for_every_point(template: &Shop, check: impl Fn(&Shop, usize) + Sync) -> usize {
    let all = points_of(template) + SLACK;
    let (next, died) = (AtomicUsize::new(1), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let point = next.fetch_add(1, Ordering::Relaxed);
                    if point > all {
                        break;
                    }
                    let Some(shop) = died_at(template, point) else { continue };
                    died.fetch_add(1, Ordering::Relaxed);
                    check(&shop, point);
                }
            });
        }
    });
    died.into_inner()
}

/// The statuses of all deployments, newest first.
fn statuses(shop: &Shop) -> Vec<String> {
    let history = shop.json(&["history"]);
    let deployments = history["deployments"].as_array().unwrap().iter();
    deployments.map(|one| one["status"].as_str().unwrap().to_owned()).collect()
}

/// The tag of the image that each service runs, all in step with SSM and the families.
fn tags(shop: &Shop) -> BTreeMap<&'static str, String> {
    SERVICES
        .into_iter()
        .map(|id| {
            let (family, parameter) =
                (format!("shop-prod-{id}"), format!("/shop/images/prod/{id}"));
            shop.assert_in_step(&Service {
                cluster: "shop",
                name: id,
                family: &family,
                containers: &[(id, &parameter)],
            });
            let uri = shop.parameter(&parameter).unwrap();
            (id, uri.rsplit_once(':').unwrap().1.to_owned())
        })
        .collect()
}

/// How often each operation that changes something was asked for.
fn effects(shop: &Shop) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for operation in shop.writes() {
        *counts.entry(operation).or_default() += 1;
    }
    counts
}

/// Fails with the point, what was printed, and where it died.
#[track_caller]
fn expect(shop: &Shop, point: usize, (run, code): (Run, i32)) {
    let told = shop.sandbox(&["crash"]);
    assert_eq!(run.code, Some(code), "point {point}: {told}\n{}\n{}", run.stdout, run.stderr);
}

#[test]
fn a_deployment_that_died_anywhere_is_finished_by_resume() {
    let template = template();
    let before = tags(&template);
    let points = for_every_point(&template, |shop, point| {
        match statuses(shop).as_slice() {
            [_only] => expect(shop, point, (shop.run(DEPLOY), 0)),
            // It died after its last write that matters: nothing is left.
            [newest, _] if newest == "SUCCEEDED" => {}
            _ => expect(shop, point, (shop.run(&["resume"]), 0)),
        }
        assert_eq!(statuses(shop), ["SUCCEEDED", "SUCCEEDED"], "point {point}");
        assert!(tags(shop).iter().all(|(id, tag)| tag == "next" && before[id] != "next"));
        // Everything was done once: nothing registered, written or moved twice.
        let once: BTreeMap<String, usize> =
            ["RegisterTaskDefinition", "PutParameter", "UpdateService"]
                .map(|operation| (operation.to_owned(), SERVICES.len()))
                .into();
        assert_eq!(effects(shop), once, "point {point}: {}", shop.sandbox(&["crash"]));
        shop.run(&["status", "all", "prod", "--exit-code"]).expect(0);
    });
    println!("died at {points} points, and was finished at each");
    assert!(points > 40, "{points}");
}

#[test]
fn a_deployment_that_died_anywhere_is_taken_back_by_rollback() {
    let template = template();
    let before = tags(&template);
    let points = for_every_point(&template, |shop, point| {
        if statuses(shop).len() == 1 {
            // It died before it was recorded: nothing was done, and nothing is to be taken back.
            assert_eq!(shop.writes(), [""; 0], "point {point}");
            return;
        }
        if statuses(shop)[0] == "SUCCEEDED" {
            return;
        }
        expect(shop, point, (shop.run(&["rollback", "prod", "-y"]), 0));
        assert_eq!(statuses(shop), ["ROLLED_BACK", "SUCCEEDED"], "point {point}");
        assert_eq!(tags(shop), before, "point {point}");
        let most = 2 * SERVICES.len();
        for (operation, count) in effects(shop) {
            assert!(count <= most, "point {point}: {operation} {count}");
        }
        shop.run(&["deploy", "all", "prod", "-y"]).expect(9).tells("on hold");
    });
    println!("died at {points} points, and was taken back at each");
    assert!(points > 40, "{points}");
}

#[test]
fn a_failing_deployment_that_died_anywhere_is_back_after_resume() {
    let template = template();
    let before = tags(&template);
    template.sandbox(&["fate", "gamma", "crash=1"]);
    let points = for_every_point(&template, |shop, point| {
        match statuses(shop).as_slice() {
            [_only] => expect(shop, point, (shop.run(DEPLOY), 3)),
            [newest, _] if newest == "ROLLED_BACK" => {}
            _ => expect(shop, point, (shop.run(&["resume"]), 3)),
        }
        assert_eq!(statuses(shop), ["ROLLED_BACK", "SUCCEEDED"], "point {point}");
        assert_eq!(tags(shop), before, "point {point}");
        // Once there, and once back where it was moved.
        let most = 2 * SERVICES.len();
        for (operation, count) in effects(shop) {
            assert!(count <= most, "point {point}: {operation} {count}");
        }
    });
    println!("died at {points} points while failing, and was back at each");
    assert!(points > 60, "{points}");
}
