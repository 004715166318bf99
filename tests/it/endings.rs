//! Each way a rollout can end is told as what it is: the word, the cause, the exit code.

use serde_json::{Value, json};

use crate::{
    indexer::INDEXER,
    support::{BOOKSHOP, PROD, Shop, until},
};

/// What the record says of the one step of a deployment.
fn step(shop: &Shop, deployment: &str) -> Value {
    shop.json(&["show", deployment])["deployment"]["steps"][0].take()
}

#[test]
fn a_circuit_breaker_s_rollback_has_its_cause() {
    let shop = Shop::new();
    shop.sandbox(&["fate", "search-indexer", "crash=3"]);
    shop.run(INDEXER).expect(3).prints("ROLLED_BACK  ECS's circuit breaker put it back to");
    let verdict = step(&shop, "d1")["verdict"].take();
    assert_eq!(
        (&verdict["verdict"], &verdict["cause"]),
        (&"ROLLED_BACK".into(), &"CIRCUIT_BREAKER".into())
    );
}

#[test]
fn a_circuit_breaker_without_rollback_is_a_failure() {
    let shop = Shop::new();
    shop.sandbox(&["set", "breaker", "search-indexer", "prod", "no-rollback"]);
    shop.sandbox(&["fate", "search-indexer", "crash=3"]);
    let run = shop.run(&[INDEXER, &["--on-failure", "hold"]].concat()).expect(4);
    run.prints("FAILED  Service deployment stopped because the circuit breaker threshold was");
    assert_eq!(step(&shop, "d1")["verdict"]["verdict"], "FAILED");
    assert_eq!(shop.states("prod")["search-indexer"], "FAILED");
    // What runs is still the old revision, and none of the new one.
    let runs = "running; 2 old tasks run bookshop-prod-search-indexer:1";
    for more in [&["-v"][..], &[]] {
        let status = [&["status", "search-indexer", "prod"], more].concat();
        shop.run(&status).expect(0).prints(&format!("0/2 {runs}"));
    }
    let apart = "FAILED    bookshop-prod-search-indexer:1, set to bookshop-prod-search-indexer:2";
    let status = shop.run(&["status", "search-indexer", "prod"]).expect(0);
    status.prints("search-indexer    5226296    ").prints(apart).prints("wanted b0885c1");
    let told = shop.json(&["status", "search-indexer", "prod"])["services"][0].take();
    assert_eq!(told["runs"][0]["release_hashes"]["search-indexer"], "5226296");
    assert_eq!((&told["running"], &told["old_tasks"][0]["running"]), (&0.into(), &2.into()));
}

#[test]
fn somebody_who_stops_a_rollout_is_told_from_a_failure() {
    let shop = Shop::new();
    shop.stand_still();
    let mut deploy = shop.start(INDEXER);
    deploy.hears("search-indexer: started ecs-svc/");
    shop.sandbox(&["set", "stop-deployment", "search-indexer", "prod"]);
    shop.go_fast();
    let run = deploy.end().expect(3);
    run.prints("ROLLED_BACK  somebody stopped it, and ECS put it back to").prints(
        "hint: deploy again with `release-tool deploy search-indexer prod` when that is meant",
    );
    let verdict = step(&shop, "d1")["verdict"].take();
    assert_eq!((&verdict["verdict"], &verdict["cause"]), (&"ROLLED_BACK".into(), &"USER".into()));
    shop.assert_in_step(&PROD[5]);
}

#[test]
fn what_took_the_place_of_a_complete_rollout_is_told_so() {
    let shop = Shop::new();
    shop.run(&[INDEXER, &["--detach"]].concat()).expect(0);
    until("the rollout is complete", || {
        let told = shop.service("bookshop-prod", "prod-search-indexer");
        told["deployments"][0]["rolloutState"] == "COMPLETED"
            && told["taskDefinition"].as_str().unwrap().ends_with(":2")
    });
    let old = "bookshop-prod-search-indexer:1";
    shop.sandbox(&["set", "point-service", "search-indexer", "prod", old]);
    shop.run(&["wait", "d1"])
        .expect(4)
        .prints("SUPERSEDED  it was complete, and then ecs-svc/")
        .prints("made by another tool or by hand");
    let verdict = step(&shop, "d1")["verdict"].take();
    assert_eq!((&verdict["completed"], &verdict["deployment"]), (&true.into(), &Value::Null));
}

#[test]
fn another_deployment_of_the_record_that_took_the_place_is_named() {
    // Two environments, by mistake, of one cluster.
    let again = BOOKSHOP.replacen(
        "[bookshop.environments.prod]",
        "[bookshop.environments.live]\nname = \"Live\"\ncluster = \"bookshop-prod\"\n\n\
         [bookshop.environments.prod]",
        1,
    );
    let manifest =
        again.replace("service = \"{env}-search-indexer\"", "service = \"prod-search-indexer\"");
    let shop = Shop::with(&manifest);
    shop.stand_still();
    shop.run(&[INDEXER, &["--detach"]].concat()).expect(0);
    let other = shop.parameter("/bookshop/images/prod/search-indexer").unwrap();
    let mut live = vec!["deploy", "search-indexer", "live", "-y", "--detach", "--image"];
    let image =
        format!("search-indexer={}", shop.latest("search-indexer").replace(":b0885c1", ":5226296"));
    live.push(&image);
    shop.run(&live).expect(0);
    assert_ne!(other, image);
    shop.go_fast();
    shop.run(&["wait", "d1"])
        .expect(4)
        .prints(" of d2 took its place, with bookshop-live-search-indexer:");
    assert_eq!(step(&shop, "d1")["verdict"]["deployment"], 2);
}

#[test]
fn a_service_that_is_deleted_during_its_rollout_has_failed() {
    let shop = Shop::new();
    shop.stand_still();
    let mut deploy = shop.start(&[INDEXER, &["--on-failure", "hold"]].concat());
    deploy.hears("search-indexer: started ecs-svc/");
    let gone = json!({
        "cluster": "bookshop-prod", "service": "prod-search-indexer", "force": true,
    });
    shop.ecs("DeleteService", &gone);
    shop.go_fast();
    deploy.end().expect(4).prints("FAILED  the ECS service was deleted during the rollout");
}

#[test]
fn a_service_without_tasks_is_deployed_and_what_that_does_not_prove_is_said() {
    let shop = Shop::new();
    shop.sandbox(&["set", "scale", "search-indexer", "prod", "0"]);
    shop.sandbox(&["advance", "1m"]);
    let run = shop.run(INDEXER).expect(0);
    insta::assert_snapshot!(shop.steady(&run.stdout), @r"
    search-indexer    b0885c1    VERIFIED    bookshop-prod-search-indexer:2

    search-indexer: it wants 0 tasks, so no running task proves it; its images are resolved once it is scaled up and deployed again

d1: r1 is deployed to prod, 1 of 1 services verified, 1 of them not wholly proven.
    ");
    assert!(step(&shop, "d1")["note"].as_str().unwrap().starts_with("it wants 0 tasks"));
    let status = ["status", "search-indexer", "prod"];
    shop.run(&status).expect(0).prints(
        "search-indexer    -    COMPLETE    wants no tasks, set to bookshop-prod-search-indexer:2",
    );
    assert_eq!(shop.json(&status)["services"][0]["wants_no_task"], true);
    shop.assert_in_step(&PROD[5]);
}

#[test]
fn a_service_that_is_scaled_to_nothing_meanwhile_is_told_so() {
    let shop = Shop::new();
    shop.stand_still();
    let mut deploy = shop.start(INDEXER);
    deploy.hears("search-indexer: started ecs-svc/");
    shop.sandbox(&["set", "scale", "search-indexer", "prod", "0"]);
    shop.go_fast();
    deploy
        .end()
        .expect(0)
        .tells("it wants 0 tasks, so no running task proves it")
        .prints("1 of 1 services verified, 1 of them not wholly proven");
}

#[test]
fn a_timeout_says_what_runs_instead() {
    let shop = Shop::new();
    shop.stand_still();
    let run = shop.run(&[INDEXER, &["--timeout", "2s"]].concat()).expect(8);
    run.prints("TIMED_OUT  not done after").prints(" s: 0 of 2 new tasks run, and 2 old ones do: ");
    let verdict = step(&shop, "d1")["verdict"].take();
    let seen = verdict["last_seen"].as_str().unwrap();
    assert!(seen.ends_with("(bookshop-prod-search-indexer:1)"), "{seen}");
    shop.go_fast();
    shop.run(&["resume", "d1"]).expect(0);
}

#[test]
fn what_was_told_to_move_when_the_time_was_up_is_looked_at_once() {
    let shop = Shop::new();
    shop.stand_still();
    shop.sandbox(&["fault", "add", "UpdateService", "latency=2500"]);
    let run = shop.run(&[INDEXER, &["--timeout", "1s"]].concat()).expect(8);
    run.prints(
        " s: it was first looked at when the time was up; 0 of 2 new tasks run, and 2 old ones do: ",
    );
    let waited = step(&shop, "d1")["verdict"]["seconds"].as_u64().unwrap();
    assert!(waited >= 2, "since the time began, not since the service was told: {waited}");
}

#[test]
fn an_image_that_crashes_after_ecs_has_called_it_complete_is_found_out() {
    let shop = Shop::new();
    shop.sandbox(&["speed", "20"]);
    shop.sandbox(&["fate", "search-indexer", "crash=3@30"]);
    let run = shop.run(&[INDEXER, &["--settle", "1h"]].concat()).expect(3);
    run.prints("FAILED  ECS called it complete, and then its tasks stopped: ");
    assert_eq!(step(&shop, "d1")["verdict"]["verdict"], "FAILED");
    shop.assert_in_step(&PROD[5]);
}
