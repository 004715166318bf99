//! Rollouts that fail: never told as success, told with what proves it, and put back.

use serde_json::{Value, json};

use crate::support::{PROD, Service, Shop, with_little_proof};

/// The service of the example project that shares no image with another.
const INDEXER: &[&str] = &["deploy", "search-indexer", "prod", "-y"];

#[test]
fn a_crash_is_told_with_its_proof_and_everything_is_put_back() {
    let shop = Shop::new();
    let before = shop.parameter("/bookshop/images/prod/search-indexer");
    shop.sandbox(&["fate", "search-indexer", "crash=3"]);
    let run = shop.run(INDEXER).expect(3);
    insta::assert_snapshot!(shop.steady(&with_little_proof(&run.stdout)), @r"
        search-indexer    5226296    ROLLED_BACK    bookshop-prod-search-indexer:1    wanted b0885c1

        search-indexer: ROLLED_BACK  ECS's circuit breaker put it back to bookshop-prod-search-indexer:1: Service deployment rolled back because the circuit breaker threshold was exceeded.
            cause: container search-indexer exited with 3; the last it said: ConnectionRefusedError: [Errno 111] Connection refused
              fix: mend what its log tells, register the image, and deploy again
            task [id] stopped, EssentialContainerExited: Essential container in task exited
              container search-indexer, exit code 3

    d1 failed and was rolled back: every service that was changed runs what it ran before.
    hint: see all that was recorded with `release-tool show d1`
    hint: do what is told under fix:, then deploy again with `release-tool deploy search-indexer prod`
    ");

    let service = shop.service("bookshop-prod", "prod-search-indexer");
    assert!(service["taskDefinition"].as_str().unwrap().ends_with("search-indexer:1"));
    assert_eq!(service["runningCount"], 2);
    assert_eq!(shop.parameter("/bookshop/images/prod/search-indexer"), before);
    let failed = shop.task_definition("bookshop-prod-search-indexer:2");
    assert_eq!(failed["taskDefinition"]["status"], "INACTIVE");
    shop.assert_in_step(&PROD[5]);

    assert_eq!(shop.states("prod")["search-indexer"], "ROLLED_BACK");
    assert_eq!(shop.states("prod")["storefront"], "COMPLETE");
    assert_eq!(shop.run(&["status", "all", "prod", "--exit-code"]).code, Some(10));
    assert_eq!(shop.verdicts("d1")["search-indexer"], "ROLLED_BACK");
    let step = shop.json(&["show", "d1"])["deployment"]["steps"][0].take();
    assert_eq!(step["evidence"]["stopped_tasks"][0]["containers"][0]["exit_code"], 3);
    shop.run(&["show", "d1"]).expect(0).prints("container search-indexer, exit code 3");

    shop.sandbox(&["fate", "search-indexer", "healthy"]);
    shop.run(INDEXER).expect(0);
    shop.assert_in_step(&PROD[5]);
    assert_eq!(shop.states("prod")["search-indexer"], "COMPLETE");
}

#[test]
fn ecs_s_own_words_are_shown() {
    let shop = Shop::new();
    shop.sandbox(&["fate", "search-indexer", "crash=3"]);
    shop.run(INDEXER)
        .expect(3)
        .prints("deployment failed: tasks failed to start.")
        .prints("rolling back to deployment ecs-svc/");
}

#[test]
fn each_way_to_fail_has_its_own_words() {
    for (fate, words) in [
        ("unpullable", "CannotPullContainerError"),
        ("unhealthy", "failed container health checks"),
        ("crash=137", "exit code 137"),
    ] {
        let shop = Shop::new();
        shop.sandbox(&["fate", "search-indexer", fate]);
        shop.run(INDEXER).expect(3).prints("ROLLED_BACK").prints(words);
        shop.assert_in_step(&PROD[5]);
    }
}

#[test]
fn one_failure_of_several_takes_the_whole_set_back() {
    let shop = Shop::new();
    let before = images(&shop);
    shop.sandbox(&["fate", "search-indexer", "crash=1"]);
    let run = shop.run(&["deploy", "all", "prod", "-y"]).expect(3);
    let (services, _) = run.stdout.split_once("\n\n").unwrap();
    insta::assert_snapshot!(shop.steady(services), @"
    storefront        c83dbde,d8c10e6    ROLLED_BACK    bookshop-prod-storefront:3        wanted 7240c1b,f871a6a
    catalogue-api     e05b4e0            ROLLED_BACK    bookshop-prod-catalogue-api:3     wanted 156b5d5
    orders-api        dc560ae            ROLLED_BACK    bookshop-prod-orders-api:3        wanted 25b9d30
    order-worker      deda49d            ROLLED_BACK    bookshop-prod-order-worker:3      wanted b38f496
    mail-worker       deda49d            ROLLED_BACK    bookshop-prod-mail-worker:3       wanted b38f496
    search-indexer    5226296            ROLLED_BACK    bookshop-prod-search-indexer:1    wanted b0885c1
    ");
    run.prints("d1 failed and was rolled back: every service that was changed runs what it ran")
        .tells("d1: rolling back 6 services");
    let shown = shop.json(&["show", "d1"]);
    assert_eq!(shown["deployment"]["status"], "ROLLED_BACK");
    for step in shown["deployment"]["steps"].as_array().unwrap() {
        assert_eq!(step["status"], "COMPENSATED");
    }
    assert_eq!(images(&shop), before);
    for service in &PROD {
        shop.assert_in_step(service);
    }
    assert!(shop.states("prod").values().all(|state| state == "ROLLED_BACK"));
    shop.sandbox(&["fate", "search-indexer", "healthy"]);
    shop.run(&["deploy", "all", "prod", "-y"]).expect(0);
    for service in &PROD {
        shop.assert_in_step(service);
    }
}

#[test]
fn the_others_stay_where_they_are_when_that_is_wanted() {
    let shop = Shop::new();
    shop.sandbox(&["fate", "search-indexer", "crash=1"]);
    let run = shop.run(&["deploy", "all", "prod", "-y", "--on-failure", "hold"]).expect(4);
    let (services, _) = run.stdout.split_once("\n\n").unwrap();
    insta::assert_snapshot!(shop.steady(services), @r"
    storefront        7240c1b,f871a6a    VERIFIED       bookshop-prod-storefront:2
    catalogue-api     156b5d5            VERIFIED       bookshop-prod-catalogue-api:2
    orders-api        25b9d30            VERIFIED       bookshop-prod-orders-api:2
    order-worker      b38f496            VERIFIED       bookshop-prod-order-worker:2
    mail-worker       b38f496            VERIFIED       bookshop-prod-mail-worker:2
    search-indexer    5226296            ROLLED_BACK    bookshop-prod-search-indexer:1    wanted b0885c1
    ");
    run.prints("d1 failed: 5 of 6 services are verified to run r1.")
        .prints("prod is MIXED: some of its services run r1, some do not.");
    let mut verdicts = shop.verdicts("d1");
    assert_eq!(verdicts.remove("search-indexer").unwrap(), "ROLLED_BACK");
    assert!(verdicts.values().all(|verdict| verdict == "VERIFIED"));
    let shown = shop.json(&["show", "d1"]);
    assert_eq!(shown["deployment"]["status"], "FAILED");
    for service in &PROD {
        shop.assert_in_step(service);
    }
}

#[test]
fn a_shared_image_that_one_service_still_runs_is_not_put_back() {
    let shop = Shop::new();
    // The worker runs in two services. One of them cannot come up in its ECS service.
    let wanted = shop.latest("worker");
    let off = json!({ "deploymentCircuitBreaker": { "enable": false, "rollback": false } });
    shop.configure("bookshop-prod", "mail-worker", &off);
    shop.sandbox(&["fate", "worker", "crash=1"]);
    let deploy = ["deploy", "order-worker", "prod", "-y", "--on-failure", "hold"];
    let run = shop.run(&deploy).expect(4);
    run.prints("no circuit breaker will end the rollout");
    let verdicts = shop.verdicts("d1");
    assert_eq!(verdicts["mail-worker"], "FAILED");
    // ECS went on with the one, so that the parameter stays what that one runs.
    assert_eq!(shop.parameter("/bookshop/images/prod/worker"), Some(wanted));
    shop.assert_in_step(&PROD[4]);
}

/// More services than are told to move at the same time; the first of them cannot be.
fn many() -> (Shop, Vec<String>) {
    let services: Vec<String> = (1..=24).map(|n| format!("service-{n:02}")).collect();
    let tables: Vec<String> = services.iter().map(|id| format!("[shop.services.{id}]\n")).collect();
    let list = tables.concat();
    let manifest = format!("[shop.environments.prod]\ncluster = \"shop\"\n\n{list}");
    let shop = Shop::with(&manifest);
    shop.sandbox(&["fault", "add", "RegisterTaskDefinition/shop-prod-service-01", "deny"]);
    (shop, services)
}

/// Checks that each of many services is in step.
fn assert_all_in_step(shop: &Shop, services: &[String]) {
    for id in services {
        let (family, parameter) = (format!("shop-prod-{id}"), format!("/shop/images/prod/{id}"));
        shop.assert_in_step(&Service {
            cluster: "shop",
            name: id,
            family: &family,
            containers: &[(id, &parameter)],
        });
    }
}

#[test]
fn the_others_go_on_when_that_is_wanted() {
    let (shop, services) = many();
    let run = shop.run(&["deploy", "all", "prod", "-y", "--on-failure", "continue"]).expect(4);
    run.prints("d1 failed: 23 of 24 services are verified to run r1.")
        .prints("prod is MIXED: some of its services run r1, some do not.");
    let mut verdicts = shop.verdicts("d1");
    assert_eq!(verdicts.remove("service-01").unwrap(), "FAILED");
    assert!(verdicts.values().all(|verdict| verdict == "VERIFIED"));
    shop.sandbox(&["fault", "clear"]);
    assert_all_in_step(&shop, &services);
}

#[test]
fn nothing_new_is_started_after_a_failure() {
    let (shop, services) = many();
    let run = shop.run(&["deploy", "all", "prod", "-y"]).expect(3);
    let verdicts = shop.verdicts("d1");
    let count = |wanted: &str| verdicts.values().filter(|verdict| *verdict == wanted).count();
    assert_eq!(verdicts["service-01"], "FAILED");
    // Whoever had been told to move by then went on, and back; nobody was told any more.
    let (moved, not_started) = (count("VERIFIED"), count("NOT_STARTED"));
    assert_eq!(moved + not_started, 23, "{verdicts:?}");
    assert!(not_started >= 14, "{verdicts:?}");
    run.tells("`service-01` failed first").prints("d1 failed and was rolled back");
    shop.sandbox(&["fault", "clear"]);
    assert_all_in_step(&shop, &services);
}

#[test]
fn without_a_circuit_breaker_we_end_the_wait_and_go_back_ourselves() {
    let shop = Shop::new();
    let before = images(&shop);
    let off = json!({ "deploymentCircuitBreaker": { "enable": false, "rollback": false } });
    shop.configure("bookshop-prod", "prod-search-indexer", &off);
    shop.sandbox(&["fate", "search-indexer", "crash=3"]);
    let run = shop.run(INDEXER).expect(3);
    assert!(run.stdout.contains("FAILED") && run.stdout.contains("exit code 3"), "{}", run.stdout);
    run.tells("has no deployment circuit breaker")
        .prints("no circuit breaker will end the rollout");
    assert_eq!(shop.verdicts("d1")["search-indexer"], "FAILED");
    // ECS would go on trying what failed. Asked to, it goes back to the very revision that ran before.
    let service = shop.service("bookshop-prod", "prod-search-indexer");
    assert!(service["taskDefinition"].as_str().unwrap().ends_with("search-indexer:1"));
    assert_eq!(shop.count("StopServiceDeployment"), 1);
    assert_eq!(images(&shop), before);
    shop.assert_in_step(&PROD[5]);
    assert_eq!(shop.states("prod")["search-indexer"], "ROLLED_BACK");
}

#[test]
fn a_rollback_that_fails_is_an_end_of_its_own() {
    let shop = Shop::new();
    shop.sandbox(&["fate", "search-indexer", "crash=3"]);
    // Old tasks make room for new ones, and what ran before does not come up again either.
    let bounds = json!({ "minimumHealthyPercent": 0, "maximumPercent": 100 });
    shop.configure("bookshop-prod", "prod-search-indexer", &bounds);
    let before = shop.parameter("/bookshop/images/prod/search-indexer").unwrap();
    shop.sandbox(&["fate", &before, "crash=4"]);
    let run = shop.run(INDEXER).expect(5);
    insta::assert_snapshot!(shop.steady(&with_little_proof(&run.stdout)), @"
        search-indexer    -    ROLLBACK_FAILED    no task runs, set to bookshop-prod-search-indexer:1    wanted b0885c1

        search-indexer: ROLLBACK_FAILED  Rollback failed because the circuit breaker threshold was exceeded.
            cause: container search-indexer exited with 3; the last it said: ConnectionRefusedError: [Errno 111] Connection refused
              fix: mend what its log tells, register the image, and deploy again
            task [id] stopped, EssentialContainerExited: Essential container in task exited
              container search-indexer, exit code 3
        search-indexer: not rolled back: ECS put it back, and it did not come up again: ECS deployment circuit breaker: tasks failed to start.

    d1 failed, and so did its rollback: prod needs attention now.
    hint: bring it back with `release-tool rollback prod`, once what stood in the way is mended
    hint: or deploy what shall run instead with `release-tool deploy search-indexer prod --release-hold --reason 'why it may move again'`
    hint: see what runs with `release-tool status search-indexer prod`
    hint: see all that was recorded with `release-tool show d1`
    ");
    assert_eq!(shop.verdicts("d1")["search-indexer"], "ROLLBACK_FAILED");
    let shown = shop.json(&["show", "d1"]);
    assert_eq!(shown["deployment"]["status"], "ROLLBACK_FAILED");
    assert_eq!(shown["deployment"]["steps"][0]["status"], "COMPENSATE_FAILED");
    // What it is set to, it does not run; parameter and family are in step with it all the same.
    assert_eq!(shop.parameter("/bookshop/images/prod/search-indexer"), Some(before));
    shop.assert_in_step(&PROD[5]);
}

/// The image of each service's parameter in `prod`.
fn images(shop: &Shop) -> Vec<Option<String>> {
    let containers = PROD.iter().flat_map(|service| service.containers);
    containers.map(|(_, parameter)| shop.parameter(parameter)).collect()
}

impl Shop {
    /// Changes how a service's deployments go.
    pub(crate) fn configure(&self, cluster: &str, service: &str, configuration: &Value) {
        let body = json!({
            "cluster": cluster,
            "service": service,
            "deploymentConfiguration": configuration,
        });
        self.ecs("UpdateService", &body);
    }
}
