//! What a plan warns of and refuses before the first effect.

use std::collections::BTreeMap;

use release_tool::{
    backend::{
        alarms::Alarms,
        aws::{Aws, AwsOptions, Connection, Pacing},
    },
    model::{AlarmState, Region},
    sandbox,
};
use serde_json::json;

use crate::support::{PROD, Shop};

/// The service of the example project that shares no image with another.
const INDEXER: &[&str] = &["deploy", "search-indexer", "prod", "-y"];
/// The same, without effect.
const PLAN: &[&str] = &["deploy", "search-indexer", "prod", "--dry-run"];

/// An older image of it.
const MENDED: &str = "search-indexer=000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/\
                      search-indexer:5226296";

/// The deployment configuration of the service.
fn configuration(shop: &Shop) -> serde_json::Value {
    let mut service = shop.service("bookshop-prod", "prod-search-indexer");
    service["deploymentConfiguration"].take()
}

#[test]
fn the_circuit_breaker_is_turned_on_with_the_one_update() {
    let shop = Shop::new();
    shop.sandbox(&["set", "breaker", "search-indexer", "prod", "off"]);
    let before = configuration(&shop);
    shop.run(PLAN).expect(0).prints("deploy with `--enable-circuit-breaker`");
    shop.forget_requests();
    let run = shop.run(&[INDEXER, &["--enable-circuit-breaker"]].concat()).expect(0);
    run.tells(
        "deploymentConfiguration.deploymentCircuitBreaker: {\"enable\":false,\"rollback\":false} \
         → {\"enable\":true,\"rollback\":true}",
    )
    .tells("gets a circuit breaker with rollback, and keeps it");
    assert_eq!(shop.count("UpdateService"), 1);
    let mut wanted = before;
    wanted["deploymentCircuitBreaker"]["enable"] = json!(true);
    wanted["deploymentCircuitBreaker"]["rollback"] = json!(true);
    assert_eq!(configuration(&shop), wanted, "nothing else has changed");
    shop.assert_in_step(&PROD[5]);
    // It has it now: nothing is warned of and nothing is to be done.
    shop.forget_requests();
    shop.run(&[INDEXER, &["--enable-circuit-breaker"]].concat()).expect(0);
    assert_eq!(shop.writes(), Vec::<String>::new());
}

#[test]
fn a_rollout_that_fails_under_the_new_circuit_breaker_is_put_back_by_ecs() {
    let shop = Shop::new();
    shop.sandbox(&["set", "breaker", "search-indexer", "prod", "off"]);
    shop.sandbox(&["fate", "search-indexer", "crash=3"]);
    let run = shop.run(&[INDEXER, &["--enable-circuit-breaker"]].concat()).expect(3);
    run.prints("ROLLED_BACK  ECS's circuit breaker put it back to bookshop-prod-search-indexer:1");
    shop.assert_in_step(&PROD[5]);
}

#[test]
fn bounds_that_leave_no_room_are_refused() {
    let shop = Shop::new();
    shop.sandbox(&["set", "scale", "search-indexer", "prod", "1"]);
    let bounds = json!({
        "cluster": "bookshop-prod", "service": "prod-search-indexer",
        "deploymentConfiguration": { "minimumHealthyPercent": 50, "maximumPercent": 100 },
    });
    shop.ecs("UpdateService", &bounds);
    shop.forget_requests();
    shop.run(INDEXER)
        .expect(1)
        .tells("`search-indexer` cannot replace a task: 1 tasks, minimum healthy 50 %, maximum")
        .tells("`--force` deploys all the same");
    assert_eq!(shop.writes(), Vec::<String>::new());
    let forced = shop.run(&[INDEXER, &["--force", "--timeout", "2s"]].concat()).expect(8);
    forced.tells("warning: `search-indexer` cannot replace a task").prints("TIMED_OUT");
}

#[test]
fn a_rollback_under_way_is_deployed_over_only_by_force() {
    let shop = Shop::new();
    shop.run(INDEXER).expect(0);
    shop.stand_still();
    let old = "bookshop-prod-search-indexer:1";
    shop.sandbox(&["set", "point-service", "search-indexer", "prod", old]);
    shop.sandbox(&["advance", "1s"]);
    shop.sandbox(&["set", "stop-deployment", "search-indexer", "prod"]);
    shop.sandbox(&["advance", "1s"]);
    let mended = [PLAN, &["--image", MENDED]].concat();
    shop.run(&mended)
        .expect(1)
        .tells("service `search-indexer` is being rolled back by ECS")
        .tells("`--force` deploys over it");
    shop.run(&[&mended, &["--force"][..]].concat())
        .expect(0)
        .prints("warning: `search-indexer` is being rolled back by ECS");
}

#[test]
fn what_was_moved_by_hand_is_said_before_it_is_deployed_over() {
    let shop = Shop::new();
    shop.run(INDEXER).expect(0);
    let old = "bookshop-prod-search-indexer:1";
    shop.sandbox(&["set", "point-service", "search-indexer", "prod", old]);
    shop.sandbox(&["advance", "1m"]);
    shop.run(PLAN).expect(0).prints(
        "warning: `search-indexer` was moved past release-tool: it runs \
         bookshop-prod-search-indexer:1, and bookshop-prod-search-indexer:2 was verified last",
    );
    shop.run(INDEXER).expect(0);
    assert_eq!(shop.states("prod")["search-indexer"], "COMPLETE");
}

#[test]
fn a_deregistered_revision_that_runs_is_warned_of() {
    let shop = Shop::new();
    shop.run(INDEXER).expect(0);
    let running = json!({ "taskDefinition": "bookshop-prod-search-indexer:2" });
    shop.ecs("DeregisterTaskDefinition", &running);
    shop.run(PLAN).expect(0).prints(
        "warning: `search-indexer` runs bookshop-prod-search-indexer:2, which is deregistered",
    );
}

#[test]
fn who_is_scaled_by_itself_is_noted_and_never_told_how_many_tasks() {
    let shop = Shop::new();
    shop.sandbox(&["set", "autoscale", "search-indexer", "prod", "2", "10"]);
    shop.forget_requests();
    shop.run(INDEXER).expect(0).tells(
        "note: Application Auto Scaling sets the number of tasks of `search-indexer` (2 to 10); it \
         is left alone",
    );
    assert_eq!(shop.count("DescribeScalableTargets"), 1);
    let records = shop.cloud().requests(None).unwrap();
    let sent = records.into_iter().filter(|record| record.entry.operation == "UpdateService");
    assert_eq!(sent.count(), 1);
    let told = shop.service("bookshop-prod", "prod-search-indexer");
    assert_eq!(told["desiredCount"], 2);
}

#[test]
fn what_may_not_be_read_is_said_once_with_the_action_and_stops_nothing() {
    let shop = Shop::new();
    shop.sandbox(&["fault", "add", "DescribeScalableTargets", "deny"]);
    let run = shop.run(&["deploy", "workers", "prod", "-y"]).expect(0);
    let hint = "hint: allow the action `application-autoscaling:DescribeScalableTargets`";
    assert_eq!(run.stderr.matches(hint).count(), 1, "{}", run.stderr);
    run.tells("note: cannot see which services are scaled by themselves: ");
}

#[test]
fn where_aws_does_not_answer_no_action_is_to_be_allowed() {
    let shop = Shop::new();
    shop.sandbox(&["fault", "add", "DescribeScalableTargets", "error"]);
    let run = shop.run(PLAN).expect(0);
    let run = run.prints("note: cannot see which services are scaled by themselves: ");
    assert!(!run.stdout.contains("allow the action"), "{}", run.stdout);
}

#[test]
fn a_service_that_ecs_cannot_put_back_is_warned_of() {
    let shop = Shop::new();
    shop.stand_still();
    // A service whose first rollout is still under way has nothing complete.
    let gone = json!({
        "cluster": "bookshop-prod", "service": "prod-search-indexer", "force": true,
    });
    shop.ecs("DeleteService", &gone);
    shop.sandbox(&["advance", "5m"]);
    let anew = json!({
        "cluster": "bookshop-prod", "serviceName": "prod-search-indexer", "desiredCount": 2,
        "taskDefinition": "bookshop-prod-search-indexer", "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
        "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": true, "rollback": true } },
    });
    shop.ecs("CreateService", &anew);
    shop.run(PLAN).expect(0).prints(
        "warning: `search-indexer` has no completed rollout that ECS could go back to by itself",
    );
}

#[tokio::test]
async fn alarms_are_told_by_state_and_those_that_there_are_not_are_left_out() {
    let shop = Shop::new();
    shop.sandbox(&["alarm", "red", "ALARM"]);
    shop.sandbox(&["alarm", "green", "OK"]);
    let aws = Aws::new(AwsOptions {
        http_client: Some(shop.cloud().http_client()),
        pacing: Pacing::AfterThrottle,
        on_throttle: None,
    });
    let mut connection = Connection::to(Region::new("eu-west-1").unwrap());
    connection.sign_in(sandbox::credentials(sandbox::DEFAULT_ACCOUNT));
    let alarms = Alarms::new(aws.connect(&connection).await);
    shop.forget_requests();
    // More than one request takes.
    let mut names: Vec<String> = (0..150).map(|n| format!("none-{n}")).collect();
    names.extend(["red".to_owned(), "green".to_owned()]);
    let states = alarms.states(&names).await.unwrap();
    let wanted = [("green", AlarmState::Ok), ("red", AlarmState::Alarm)];
    let wanted: BTreeMap<String, AlarmState> =
        wanted.into_iter().map(|(name, state)| (name.to_owned(), state)).collect();
    assert_eq!(states, wanted);
    assert_eq!(shop.count("DescribeAlarms"), 2);
}
