//! What others do to the same services: past `release-tool`, after it and during its rollouts.

use serde_json::{Value, json};

use crate::support::{PROD, Shop, text, with_little_proof};

/// The service of the example project that shares no image with another.
const INDEXER: &[&str] = &["deploy", "search-indexer", "prod", "-y"];

#[test]
fn drift_is_seen_and_mended() {
    let shop = Shop::new();
    shop.run(INDEXER).expect(0);
    shop.sandbox(&[
        "set",
        "point-service",
        "search-indexer",
        "prod",
        "bookshop-prod-search-indexer:1",
    ]);
    shop.sandbox(&["advance", "1m"]);
    let run = shop.run(&["status", "workers", "prod"]).expect(0);
    insta::assert_snapshot!(shop.steady(&run.stdout), @r"
     Last released: [time]
       Released by: Bob Beardly <bob@example.com>
            Status: DRIFTED
        Deployment: d1 of r1, SUCCEEDED

    order-worker      deda49d    COMPLETE
    mail-worker       deda49d    COMPLETE
    search-indexer    5226296    DRIFTED     runs bookshop-prod-search-indexer:1, verified was bookshop-prod-search-indexer:2
    ");

    // The wanted revision is there already: no other is registered.
    shop.forget_requests();
    shop.run(INDEXER).expect(0);
    assert_eq!(shop.writes(), ["UpdateService"]);
    shop.assert_in_step(&PROD[5]);
    assert_eq!(shop.states("prod")["search-indexer"], "COMPLETE");
}

#[test]
fn a_person_scales_switches_the_breaker_and_rolls_back_by_hand() {
    let shop = Shop::new();
    let service = || shop.service("bookshop-prod", "prod-search-indexer");
    let set = |verb: &str, more: &[&str]| {
        let words = ["set", verb, "search-indexer", "prod"];
        shop.sandbox(&words.iter().chain(more).copied().collect::<Vec<_>>())
    };
    assert_eq!(set("scale", &["3"]), "search-indexer wants 3 tasks.\n");
    assert_eq!(service()["desiredCount"], 3);
    assert_eq!(set("breaker", &["off"]), "The circuit breaker of search-indexer is off.\n");
    let breaker = service()["deploymentConfiguration"]["deploymentCircuitBreaker"].take();
    assert_eq!(breaker["enable"], false);

    shop.stand_still();
    let mut deploy = shop.start(INDEXER);
    deploy.hears("search-indexer: started ecs-svc/");
    let told = set("stop-deployment", &[]);
    assert_eq!(told, "The deployment of search-indexer is being rolled back.\n");
    shop.go_fast();
    deploy.end().expect(3).prints("ROLLED_BACK");
    assert!(text(&service()["taskDefinition"]).ends_with("search-indexer:1"));
}

#[test]
fn a_rollout_that_another_replaces_is_superseded() {
    let shop = Shop::new();
    shop.stand_still();
    let mut deploy = shop.start(INDEXER);
    deploy.hears("search-indexer: started ecs-svc/");
    shop.sandbox(&[
        "set",
        "point-service",
        "search-indexer",
        "prod",
        "bookshop-prod-search-indexer:1",
    ]);
    shop.go_fast();
    let run = deploy.end().expect(4);
    insta::assert_snapshot!(shop.steady(&with_little_proof(&run.stdout)), @r"
        search-indexer    5226296    SUPERSEDED    bookshop-prod-search-indexer:1    wanted b0885c1

        search-indexer: SUPERSEDED  ecs-svc/[id] took its place, with bookshop-prod-search-indexer:1, made by another tool or by hand

    d1 was superseded: somebody else deployed meanwhile.
    hint: see what runs with `release-tool status search-indexer prod`
    hint: bring SSM, task definitions and services in step again with `release-tool deploy search-indexer prod`
    hint: see all that was recorded with `release-tool show d1`
    ");
    assert_eq!(shop.verdicts("d1")["search-indexer"], "SUPERSEDED");
    assert_eq!(shop.json(&["show", "d1"])["deployment"]["status"], "SUPERSEDED");
    assert_eq!(shop.states("prod")["search-indexer"], "SUPERSEDED");
}

#[test]
fn changes_of_others_to_the_task_definition_go_out_and_are_shown() {
    let shop = Shop::new();
    let told = shop.task_definition("bookshop-prod-search-indexer");
    let mut next = told["taskDefinition"].clone();
    next["cpu"] = "512".into();
    next["memory"] = "1024".into();
    register(&shop, next);
    let run = shop.run(INDEXER).expect(0);
    insta::assert_snapshot!(shop.steady(plan_of(&run.stderr)), @r#"
    This will deploy:

        search-indexer@b0885c1    (was 5226296)

    to prod (images from label latest):

        search-indexer  (ECS service prod-search-indexer in bookshop-prod): moves to a new revision of bookshop-prod-search-indexer:2
            containerDefinitions[search-indexer].image: bookshop/search-indexer:5226296 → :b0885c1
            cpu: "256" → "512"
            memory: "512" → "1024"
            /bookshop/images/prod/search-indexer: bookshop/search-indexer:5226296 → :b0885c1

    warning: `search-indexer` runs bookshop-prod-search-indexer:1, and the latest ACTIVE revision is bookshop-prod-search-indexer:2: its other changes go out too
      hint: read the changes listed above before saying yes
    "#);
    let now = shop.task_definition("bookshop-prod-search-indexer");
    assert_eq!(now["taskDefinition"]["cpu"], "512");
    shop.assert_in_step(&PROD[5]);
}

/// Registers a task definition from what `DescribeTaskDefinition` tells.
fn register(shop: &Shop, mut told: Value) {
    for member in [
        "taskDefinitionArn",
        "revision",
        "status",
        "requiresAttributes",
        "compatibilities",
        "registeredAt",
        "registeredBy",
    ] {
        told.as_object_mut().unwrap().remove(member);
    }
    shop.ecs("RegisterTaskDefinition", &told);
}

/// The plan in what is printed beside the result.
fn plan_of(stderr: &str) -> &str {
    let start = stderr.find("This will deploy").unwrap();
    let end = stderr.find("\n[").unwrap();
    stderr[start..end].trim_end()
}

#[test]
fn a_service_recovers_from_a_stopped_task() {
    let shop = Shop::new();
    shop.run(INDEXER).expect(0);
    shop.stand_still();
    shop.sandbox(&["set", "stop-task", "search-indexer", "prod"]);
    shop.sandbox(&["advance", "2s"]);
    assert_eq!(shop.states("prod")["search-indexer"], "NOT_STABLE");
    shop.sandbox(&["advance", "1m"]);
    assert_eq!(shop.states("prod")["search-indexer"], "COMPLETE");
}

#[test]
fn a_service_that_was_deleted_is_missing() {
    let shop = Shop::new();
    shop.run(INDEXER).expect(0);
    let gone = json!({
        "cluster": "bookshop-prod", "service": "prod-search-indexer", "force": true,
    });
    shop.ecs("DeleteService", &gone);
    shop.sandbox(&["advance", "1m"]);
    assert_eq!(shop.states("prod")["search-indexer"], "MISSING");
    shop.run(INDEXER).expect(1).tells("hint: create it");
}
