//! Restarts: the same runs again, verified, once and never twice.

use serde_json::{Value, json};

use crate::support::{BOOKSHOP, PROD, Shop};

/// A restart of the service of the example project that shares no image with another.
const INDEXER: &[&str] = &["restart", "search-indexer", "prod", "-y"];

/// The example project, whose web shop has the search indexer restarted.
fn shop() -> Shop {
    let set = "services = [\"storefront\", \"catalogue-api\", \"orders-api\"]";
    Shop::with(&BOOKSHOP.replace(set, &format!("{set}\nrestart = [\"search-indexer\"]")))
}

/// The service that is restarted.
fn indexer(shop: &Shop) -> Value {
    shop.service("bookshop-prod", "prod-search-indexer")
}

/// The id of its PRIMARY deployment.
fn primary(shop: &Shop) -> Value {
    indexer(shop)["deployments"][0]["id"].clone()
}

/// How many deployments ECS has made of it.
fn forced(shop: &Shop) -> usize {
    let service = indexer(shop);
    let arn = service["serviceArn"].as_str().unwrap();
    let input = json!({ "cluster": "bookshop-prod", "service": arn });
    let told = shop.ecs("ListServiceDeployments", &input);
    told["serviceDeployments"].as_array().unwrap().len()
}

#[test]
fn every_task_is_replaced_by_one_that_runs_the_same() {
    let shop = Shop::new();
    let (before, was) = (indexer(&shop), primary(&shop));
    let plan = shop.run(&["restart", "search-indexer", "prod", "--dry-run"]).expect(0);
    plan.prints("This will restart, in prod:")
        .prints("is restarted with bookshop-prod-search-indexer:1");
    assert_eq!(shop.writes(), [""; 0]);
    shop.run(INDEXER)
        .expect(0)
        .tells("d1: restarting 1 service")
        .prints("bookshop-prod-search-indexer:1, restarted")
        .prints("d1: 1 of 1 services in prod are restarted and verified.");
    assert_eq!(shop.writes(), ["UpdateService"]);
    let after = indexer(&shop);
    assert_eq!(after["taskDefinition"], before["taskDefinition"]);
    assert_ne!(primary(&shop), was);
    shop.assert_in_step(&PROD[5]);
    assert_eq!(shop.states("prod")["search-indexer"], "COMPLETE");

    let shown = shop.json(&["show", "d1"]);
    assert_eq!(shown["deployment"]["kind"], "restart");
    assert_eq!(shown["deployment"]["steps"][0]["restart"], true);
    let history = shop.json(&["history"]);
    assert_eq!(history["deployments"][0]["kind"], "restart");
    // What is verified is still what was deployed last, and a restart is nothing to go back from.
    shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(0);
    shop.run(&["restart", "all", "prod", "-y", "--reason", "new certificate"]).expect(0);
    assert!(shop.states("prod").values().all(|state| state == "COMPLETE"));
    shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(0).prints("Nothing to deploy");
}

#[test]
fn a_set_restarts_others_once_it_is_verified() {
    let shop = shop();
    let was = primary(&shop);
    let plan = shop.run(&["deploy", "web", "prod", "--dry-run"]).expect(0);
    plan.prints("search-indexer").prints("once all others are verified");
    let run = shop.run(&["deploy", "web", "prod", "-y"]).expect(0);
    let run =
        run.prints("4 of 4 services verified").prints("bookshop-prod-search-indexer:1, restarted");
    let place = |text: &str| run.stderr.find(text).unwrap_or_else(|| panic!("no {text}"));
    for service in ["storefront", "catalogue-api", "orders-api"] {
        let verified = place(&format!("{service}: VERIFIED"));
        assert!(verified < place("search-indexer: started ecs-svc/"), "{}", run.stderr);
    }
    assert_ne!(primary(&shop), was);
    for service in &PROD {
        shop.assert_in_step(service);
    }
    assert!(shop.states("prod").values().all(|state| state == "COMPLETE"));
    // Nothing changes, so nothing is restarted; what moves itself is not restarted as well.
    shop.forget_requests();
    shop.run(&["deploy", "web", "prod", "-y"]).expect(0).prints("Nothing to deploy");
    assert_eq!(shop.writes(), [""; 0]);
    shop.run(&["deploy", "all", "prod", "-y"]).expect(0);
    assert_eq!(shop.verdicts("d2").len(), 3);
    assert_eq!(forced(&shop), 3);
}

#[test]
fn a_rollback_restarts_others_once_it_is_verified() {
    let shop = shop();
    let latest = shop.latest("orders-api");
    for tag in ["one", "two"] {
        let uri = format!("{}:{tag}", latest.rsplit_once(':').unwrap().0);
        shop.sandbox(&["set", "push-image", &uri]);
        shop.run(&["register", &uri, "orders-api"]).expect(0);
        shop.run(&["deploy", "web", "prod", "-y"]).expect(0);
    }
    let (was, count) = (primary(&shop), forced(&shop));
    let plan = shop.run(&["rollback", "prod", "--dry-run"]).expect(0);
    plan.prints("once all others are verified");
    let run = shop.run(&["rollback", "prod", "-y", "--reason", "slow"]).expect(0);
    let place = |text: &str| run.stderr.find(text).unwrap_or_else(|| panic!("no {text}"));
    assert!(place("orders-api: VERIFIED") < place("search-indexer: started ecs-svc/"));
    run.prints(", restarted");
    assert_ne!(primary(&shop), was);
    assert_eq!(forced(&shop), count + 1);
    let tag = shop.parameter("/bookshop/images/prod/orders-api").unwrap();
    assert!(tag.ends_with(":one"), "{tag}");
    for service in &PROD {
        shop.assert_in_step(service);
    }
}

#[test]
fn what_fails_restarts_nothing() {
    for on_failure in ["rollback", "continue"] {
        let shop = shop();
        let was = primary(&shop);
        shop.sandbox(&["fate", "orders-api", "crash=3"]);
        let run = shop.run(&["deploy", "web", "prod", "-y", "--on-failure", on_failure]);
        assert_ne!(run.code, Some(0), "{}", run.stdout);
        assert_eq!(shop.verdicts("d1")["search-indexer"], "NOT_STARTED");
        assert_eq!(primary(&shop), was);
        for service in &PROD {
            shop.assert_in_step(service);
        }
    }
}

#[test]
fn a_restart_that_fails_takes_the_set_back() {
    let shop = shop();
    let image = shop.parameter("/bookshop/images/prod/search-indexer").unwrap();
    let end = image.rsplit('/').next().unwrap();
    shop.sandbox(&["fate", end, "crash=3"]);
    // The others are back; the service that does not start any more does so neither way.
    let run = shop.run(&["deploy", "web", "prod", "-y"]).expect(5);
    let run = run
        .prints("search-indexer: not rolled back")
        .prints("is mended, restart it with `release-tool restart search-indexer prod`")
        .prints("see what runs with `release-tool status search-indexer prod`");
    assert!(!run.stdout.contains("release-tool rollback"), "{}", run.stdout);
    assert!(!run.stdout.contains("status web"), "{}", run.stdout);
    for service in &PROD {
        shop.assert_in_step(service);
    }
    let shown = shop.json(&["show", "d1"]);
    for step in shown["deployment"]["steps"].as_array().unwrap() {
        let wanted = if step["restart"] == true { "COMPENSATE_FAILED" } else { "COMPENSATED" };
        assert_eq!(step["status"], wanted, "{step}");
    }
}

#[test]
fn an_image_that_would_be_another_is_no_restart() {
    let shop = Shop::new();
    let image = shop.parameter("/bookshop/images/prod/search-indexer").unwrap();
    let (repository, tag) = image.rsplit_once(':').unwrap();
    let name = repository.split_once('/').unwrap().1;
    let gone = json!({ "repositoryName": name, "imageIds": [{ "imageTag": tag }] });
    shop.ecr("BatchDeleteImage", &gone);
    shop.run(INDEXER).expect(1).tells("is not in its registry");
    assert_eq!(shop.count("UpdateService"), 0);
}

#[test]
fn wherever_the_process_dies_the_restart_is_asked_for_once() {
    let shop = Shop::new();
    shop.sandbox(&["crash", "--count"]);
    shop.run(INDEXER).expect(0);
    let before = forced(&shop);
    let told = shop.json(&["sandbox", "crash", "--points"]);
    let points: Vec<String> = told["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| point["name"].as_str().unwrap().to_owned())
        .collect();
    let update = points.iter().position(|point| point == "ecs:UpdateService").unwrap();
    for (index, point) in points.iter().enumerate().take(update + 3).skip(update - 3) {
        let shop = Shop::new();
        shop.sandbox(&["crash", "--after", &(index + 1).to_string()]);
        assert_eq!(shop.run(INDEXER).signal, Some(9), "{point}");
        shop.sandbox(&["crash", "--off"]);
        if shop.json(&["history"])["deployments"].as_array().unwrap().is_empty() {
            continue;
        }
        let resumed = shop.run(&["resume"]);
        assert_eq!(resumed.code, Some(0), "at {point}: {}", resumed.stderr);
        assert_eq!(forced(&shop), before, "at {point}");
        assert_eq!(shop.count("UpdateService"), 1, "at {point}");
        assert_eq!(shop.verdicts("d1")["search-indexer"], "VERIFIED");
    }
}

/// A project whose set was interrupted while it moves, with the clock stopped.
fn interrupted() -> Shop {
    let shop = shop();
    shop.stand_still();
    let mut deploy = shop.start(&["deploy", "web", "prod", "-y"]);
    deploy.hears("orders-api: started ecs-svc/");
    deploy.signal("INT");
    deploy.end().expect(7);
    shop
}

#[test]
fn an_interrupted_set_restarts_when_it_is_resumed() {
    let shop = interrupted();
    shop.go_fast();
    shop.run(&["resume"]).expect(0).prints("bookshop-prod-search-indexer:1, restarted");
    assert_eq!(shop.verdicts("d1")["search-indexer"], "VERIFIED");
    assert_eq!(forced(&shop), 2);
    for service in &PROD {
        shop.assert_in_step(service);
    }
}

/// Has what runs fail from now on, or run again.
fn fate(shop: &Shop, fate: &str) {
    let image = shop.parameter("/bookshop/images/prod/search-indexer").unwrap();
    shop.sandbox(&["fate", image.rsplit('/').next().unwrap(), fate]);
}

/// The restart that `status` says did not succeed.
fn failed_restart(shop: &Shop) -> Value {
    let status = shop.json(&["status", "search-indexer", "prod"]);
    status["services"][0]["failed_restart"].clone()
}

#[test]
fn a_restart_that_failed_is_told_until_one_succeeds_or_the_service_is_deployed() {
    let shop = Shop::new();
    shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(0);
    let after = |way: &[&str]| {
        let shop = shop.copy();
        fate(&shop, "crash=3");
        assert_ne!(shop.run(INDEXER).code, Some(0));
        let verdict = shop.verdicts("d2")["search-indexer"].clone();
        assert_eq!(failed_restart(&shop)["deployment"], 2);
        assert_eq!(failed_restart(&shop)["verdict"]["verdict"], verdict.as_str());
        let status = shop.run(&["status", "all", "prod"]).expect(0);
        status
            .prints("search-indexer: restarting it did not succeed on 20")
            .prints(&verdict)
            .prints("hint: see why with `release-tool show d2`");
        // What is done elsewhere does not hide it.
        shop.run(&["deploy", "orders-api", "prod", "-y"]).expect(0);
        assert_eq!(failed_restart(&shop)["deployment"], 2);
        fate(&shop, "healthy");
        shop.run(way).expect(0);
        assert_eq!(failed_restart(&shop), Value::Null, "after {way:?}");
        assert!(!shop.run(&["status", "all", "prod"]).expect(0).stdout.contains("restarting it"));
    };
    after(INDEXER);
    let latest = shop.latest("search-indexer");
    let next = format!("{}:next", latest.rsplit_once(':').unwrap().0);
    shop.sandbox(&["set", "push-image", &next]);
    shop.run(&["register", &next, "search-indexer"]).expect(0);
    after(&["deploy", "search-indexer", "prod", "-y"]);
}

#[test]
fn a_restart_after_a_deployment_that_failed_is_told_too() {
    let shop = shop();
    fate(&shop, "crash=3");
    shop.run(&["deploy", "web", "prod", "-y"]).expect(5);
    assert_eq!(failed_restart(&shop)["deployment"], 1);
    fate(&shop, "healthy");
    // It may be restarted while the environment is on hold.
    shop.run(INDEXER).expect(0);
    assert_eq!(failed_restart(&shop), Value::Null);
}

/// The image of the search indexer, and the tag of another of its repository.
fn running_and_other(shop: &Shop) -> (String, String) {
    let running = shop.parameter("/bookshop/images/prod/search-indexer").unwrap();
    let other = shop.latest("search-indexer");
    (running, other.rsplit_once(':').unwrap().1.to_owned())
}

#[test]
fn what_a_resumed_restart_starts_is_held_to_what_ran() {
    let shop = Shop::new();
    let (running, other) = running_and_other(&shop);
    shop.stand_still();
    let mut restart = shop.start(INDEXER);
    restart.hears("search-indexer: started ecs-svc/");
    restart.signal("INT");
    restart.end().expect(7);
    let step = shop.json(&["show", "d1"])["deployment"]["steps"][0].take();
    let digests = step["before"]["digests"]["search-indexer"].as_array().unwrap();
    assert!(digests[0].as_str().unwrap().starts_with("sha256:"), "{step}");
    shop.sandbox(&["set", "move-tag", &running, &other]);
    shop.go_fast();
    let resumed = shop.run(&["resume"]);
    assert_ne!(resumed.code, Some(0));
    resumed.prints("its tag has moved");
    assert_eq!(shop.verdicts("d1")["search-indexer"], "FAILED");
}

#[test]
fn a_resumed_set_restarts_nothing_with_another_image() {
    let shop = interrupted();
    let (running, other) = running_and_other(&shop);
    shop.sandbox(&["set", "move-tag", &running, &other]);
    let was = primary(&shop);
    shop.go_fast();
    shop.run(&["resume"]).expect(1).tells("the tag of image `search-indexer` has moved");
    assert_eq!(primary(&shop), was);
    shop.run(&["rollback", "prod", "d1", "-y"]).expect(0);
    assert_eq!(primary(&shop), was);
}

/// Has somebody else register a revision of the service that runs another image, and deploy it.
fn deployed_by_somebody_else(shop: &Shop) {
    let (running, other) = running_and_other(shop);
    let told = shop.task_definition("bookshop-prod-search-indexer");
    let containers = told["taskDefinition"]["containerDefinitions"].clone();
    let image = format!("{}:{other}", running.rsplit_once(':').unwrap().0);
    let containers = containers.to_string().replace(&running, &image);
    let containers: Value = serde_json::from_str(&containers).unwrap();
    let mut body = told["taskDefinition"].clone();
    let of_output = ["taskDefinitionArn", "revision", "status", "registeredAt", "registeredBy"];
    for member in of_output.iter().chain(&["requiresAttributes", "compatibilities"]) {
        body.as_object_mut().unwrap().remove(*member);
    }
    body["containerDefinitions"] = containers;
    shop.ecs("RegisterTaskDefinition", &body);
    let theirs = "bookshop-prod-search-indexer:2";
    shop.sandbox(&["set", "point-service", "search-indexer", "prod", theirs]);
}

#[test]
fn what_somebody_else_deployed_meanwhile_is_not_restarted_by_resume() {
    let shop = interrupted();
    deployed_by_somebody_else(&shop);
    let (theirs, updates) = (primary(&shop), shop.count("UpdateService"));
    shop.go_fast();
    let resumed = shop.run(&["resume"]).expect(4);
    resumed
        .prints("search-indexer: SUPERSEDED")
        .prints("d1 was superseded: somebody else deployed meanwhile.");
    assert_eq!((primary(&shop), shop.count("UpdateService")), (theirs, updates));
    let verdicts = shop.verdicts("d1");
    assert_eq!(verdicts["search-indexer"], "SUPERSEDED");
    for moved in ["storefront", "catalogue-api", "orders-api"] {
        assert_eq!(verdicts[moved], "VERIFIED");
    }
    // What is shown to run is not what was to be restarted.
    let told = shop.json(&["show", "d1"]);
    let services = told["services"].as_array().unwrap();
    let told = services.iter().find(|one| one["service"] == "search-indexer").unwrap();
    assert_eq!(told["runs"][0]["release_hashes"], json!({}), "{told}");
}

#[test]
fn a_restart_that_is_overtaken_takes_back_nothing_of_others() {
    let shop = Shop::new();
    shop.stand_still();
    let mut restart = shop.start(&["restart", "search-indexer", "prod", "-y"]);
    restart.hears("search-indexer: started ecs-svc/");
    deployed_by_somebody_else(&shop);
    shop.go_fast();
    let run = restart.end().expect(4).prints("search-indexer: SUPERSEDED");
    let run = run.prints("restart it with `release-tool restart search-indexer prod`");
    assert!(!run.stdout.contains("release-tool deploy"), "{}", run.stdout);
}

#[test]
fn after_a_failed_restart_nobody_is_sent_back_to_another_release() {
    let shop = Shop::new();
    shop.run(&["deploy", "workers", "prod", "-y"]).expect(0);
    fate(&shop, "crash=3");
    let run = shop.run(&["restart", "workers", "prod", "-y"]);
    assert_ne!(run.code, Some(0));
    let run = run
        .prints("there is nothing to go back to")
        .prints("hint: see all that was recorded with `release-tool show d2`");
    assert!(run.stdout.contains("restart again with `release-tool restart "), "{}", run.stdout);
    assert!(!run.stdout.contains("release-tool rollback"), "{}", run.stdout);
}
