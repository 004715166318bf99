//! What proves that a rollout failed, and what it means: told at the end, stored with the deployment,
//! and the same in JSON.

use serde_json::{Value, json};

use crate::support::{Run, Shop, until};

/// The service of the example project that shares no image with another.
const INDEXER: &[&str] = &["deploy", "search-indexer", "prod", "-y"];

/// The evidence of the first step of `d1`, as `show` has it.
fn recorded(shop: &Shop) -> Value {
    shop.json(&["show", "d1"])["deployment"]["steps"][0]["evidence"].take()
}

/// Deploys an image with a fate, and gives how that ended and what was recorded.
fn deployed(fate: &str, code: i32) -> (Shop, Run, Value) {
    let shop = Shop::new();
    shop.sandbox(&["fate", "search-indexer", fate]);
    let run = shop.run(INDEXER).expect(code);
    let evidence = recorded(&shop);
    (shop, run, evidence)
}

#[test]
fn a_crash_is_told_with_the_last_lines_of_its_log() {
    let (shop, run, evidence) = deployed("crash=3", 3);
    let cause = "cause: container search-indexer exited with 3; the last it said: \
                 ConnectionRefusedError: [Errno 111] Connection refused";
    let log = "log of container search-indexer in /ecs/bookshop/search-indexer, task ";
    let run = run.prints(cause).prints("  fix: mend what its log tells").prints(log);
    let run = run.prints("ERROR cannot reach the database at db.internal:5432");
    let shown = shop.run(&["show", "d1"]).expect(0);
    for one in [&run, &shown] {
        assert_eq!(one.stdout.matches("log of container").count(), 1, "{}", one.stdout);
    }
    shown.prints("more tasks failed alike:");
    assert_eq!(evidence["diagnosis"][0]["cause"], "CRASHED");
    assert_eq!(evidence["logs"].as_array().unwrap().len(), 1, "the record has no second one");
    let lines = evidence["logs"][0]["lines"].as_array().unwrap();
    assert!(lines.iter().any(|line| line["message"] == "Traceback (most recent call last):"));
    let task = evidence["stopped_tasks"][0].clone();
    assert!(task["stopped_at"].is_string() && task["containers"][0]["image_digest"].is_string());
    let name = evidence["logs"][0]["stream"].as_str().unwrap();
    assert_eq!(name.split('/').next_back(), evidence["logs"][0]["task"].as_str());

    // ECS forgets it, the record does not.
    shop.sandbox(&["advance", "3h"]);
    shop.run(&["show", "d1"]).expect(0).prints(cause).prints("Traceback (most recent call last):");
    assert_eq!(recorded(&shop), evidence);
}

#[test]
fn each_usual_cause_is_told_by_its_name() {
    for (fate, cause, words) in [
        ("oom", "OUT_OF_MEMORY", "used more memory than it may"),
        ("crash=139", "SEGMENTATION_FAULT", "segmentation fault"),
        ("crash=127", "COMMAND_NOT_FOUND", "its command is not in the image"),
        ("exec-format", "WRONG_PLATFORM", "another processor"),
        ("wrong-platform", "WRONG_PLATFORM", "not built for linux/amd64"),
        ("unpullable", "IMAGE_NOT_FOUND", "is not in its registry"),
        (
            "no-secret",
            "SECRET_UNREADABLE",
            "its execution role may not read arn:aws:secretsmanager",
        ),
        ("unhealthy", "CONTAINER_UNHEALTHY", "the health check of container search-indexer fails"),
    ] {
        let (_shop, run, evidence) = deployed(fate, 3);
        assert_eq!(evidence["diagnosis"][0]["cause"], cause, "{fate}: {evidence}");
        run.prints("cause: ").prints(words).prints("  fix: ");
    }
}

#[test]
fn of_two_containers_the_one_that_failed_is_named() {
    let shop = Shop::new();
    shop.sandbox(&["fate", "storefront-proxy", "crash=2"]);
    let run = shop.run(&["deploy", "storefront", "prod", "-y"]).expect(3);
    run.prints("cause: container storefront-proxy exited with 2")
        .prints("container storefront, exit code 143")
        .prints("log of container storefront-proxy in");
    let logs = recorded(&shop)["logs"].take();
    let logs = logs.as_array().unwrap();
    assert!(logs.iter().all(|log| log["container"] == "storefront-proxy"), "{logs:?}");
}

#[test]
fn what_a_target_group_finds_is_told() {
    let shop = Shop::new();
    shop.sandbox(&["set", "target-group", "search-indexer", "prod", "--port", "9000"]);
    shop.sandbox(&["fate", "search-indexer", "target-unhealthy"]);
    let run = shop.run(INDEXER).expect(3);
    run.prints("the load balancer's health check of port 9000 is answered with 502")
        .prints(
            "aws elbv2 describe-target-groups --target-group-arns arn:aws:elasticloadbalancing:",
        )
        .prints("Task failed ELB health checks in (target-group");
    assert_eq!(recorded(&shop)["diagnosis"][0]["cause"], "TARGET_UNHEALTHY");
}

#[test]
fn targets_of_tasks_that_run_are_looked_at_until_the_time_is_over() {
    let shop = Shop::new();
    shop.sandbox(&["set", "target-group", "search-indexer", "prod", "--port", "9000"]);
    shop.sandbox(&["fate", "search-indexer", "target-unhealthy"]);
    shop.stand_still();
    shop.run(&["deploy", "search-indexer", "prod", "-y", "--detach"]).expect(0);
    let groups = shop.balancers("Action=DescribeTargetGroups&Version=2015-12-01");
    let (_, rest) = groups.split_once("<TargetGroupArn>").unwrap();
    let (arn, _) = rest.split_once("</TargetGroupArn>").unwrap();
    let health = format!(
        "Action=DescribeTargetHealth&Version=2015-12-01&TargetGroupArn={}",
        arn.replace(':', "%3A").replace('/', "%2F")
    );
    assert_eq!(shop.balancers(&health).matches("<State>healthy</State>").count(), 2);
    until("targets are unhealthy", || {
        shop.sandbox(&["advance", "200ms"]);
        shop.balancers(&health).contains("<State>unhealthy</State>")
    });
    shop.run(&["wait", "d1", "--timeout", "1s"]).expect(8).prints("is answered with 502");
    let evidence = recorded(&shop);
    let target = &evidence["targets"][0];
    assert_eq!(target["reason"], "Target.ResponseCodeMismatch", "{evidence}");
    assert!(target["target"].as_str().unwrap().ends_with(":9000") && target["task"].is_string());
}

#[test]
fn a_rollout_that_never_ends_says_why_it_does_not_come_up() {
    for (setting, cause, words) in [
        (&["set", "capacity", "search-indexer", "prod", "none"][..], "NO_CAPACITY", "no capacity"),
        (
            &["fate", "search-indexer", "no-role"][..],
            "ROLE_UNASSUMABLE",
            "ECS cannot assume the role arn:aws:iam::000000000000:role/bookshop-task-execution",
        ),
    ] {
        let shop = Shop::new();
        shop.sandbox(setting);
        let run = shop.run(&[INDEXER, &["--timeout", "10s"]].concat()).expect(8);
        run.prints("cause: ").prints(words).tells("TROUBLE");
        let evidence = recorded(&shop);
        assert_eq!(evidence["diagnosis"][0]["cause"], cause, "{evidence}");
        assert_eq!(shop.verdicts("d1")["search-indexer"], "TIMED_OUT");
    }
}

#[test]
fn what_was_found_out_outlives_the_process_and_what_ecs_remembers() {
    let shop = Shop::new();
    shop.sandbox(&["set", "breaker", "search-indexer", "prod", "off"]);
    shop.sandbox(&["fate", "search-indexer", "crash=3"]);
    shop.stand_still();
    let mut deploy = shop.start(INDEXER);
    deploy.hears("search-indexer: started ecs-svc/");
    until("a task fails", || {
        shop.sandbox(&["advance", "500ms"]);
        let service = shop.service("bookshop-prod", "prod-search-indexer");
        service["deployments"][0]["failedTasks"].as_i64().unwrap() > 0
    });
    until("it is recorded", || recorded(&shop)["logs"].is_array());
    deploy.signal("KILL");
    assert_eq!(deploy.end().signal, Some(9));

    let cause = "cause: container search-indexer exited with 3";
    let shown = shop.run(&["show", "d1"]).expect(0);
    let shown = shown.prints("search-indexer: IN_PROGRESS").prints(cause);
    shown.prints("ConnectionRefusedError").prints("in trouble: container search-indexer exited");
    let before = recorded(&shop);
    let task = before["stopped_tasks"][0]["id"].as_str().unwrap();

    shop.sandbox(&["set", "capacity", "search-indexer", "prod", "none"]);
    shop.sandbox(&["advance", "3h"]);
    let asked = json!({ "cluster": "bookshop-prod", "tasks": [task] });
    assert_eq!(shop.ecs("DescribeTasks", &asked)["failures"][0]["reason"], "MISSING");
    let resumed = shop.run(&["resume", "d1", "--timeout", "2s"]).expect(8);
    resumed.prints("no capacity").prints(cause).prints("ConnectionRefusedError");
    let after = recorded(&shop);
    assert_eq!(after["stopped_tasks"], before["stopped_tasks"], "{after}");
    assert_eq!(after["logs"], before["logs"], "{after}");
    let causes = after["diagnosis"].as_array().unwrap();
    assert!(causes.iter().any(|one| one["cause"] == "NO_CAPACITY"), "{after}");
}

#[test]
fn what_may_not_be_read_hides_no_verdict() {
    let shop = Shop::new();
    shop.sandbox(&["set", "target-group", "search-indexer", "prod"]);
    shop.sandbox(&["fate", "search-indexer", "crash=3"]);
    for operation in ["GetLogEvents", "DescribeTargetHealth"] {
        shop.sandbox(&["fault", "add", operation, "deny"]);
    }
    let run = shop.run(INDEXER).expect(3);
    run.prints("cause: container search-indexer exited with 3")
        .prints(
            "missing: the log of container search-indexer in /ecs/bookshop/search-indexer could",
        )
        .prints("allow `logs:GetLogEvents` on")
        .prints("allow `elasticloadbalancing:DescribeTargetHealth` on");
    assert_eq!(shop.verdicts("d1")["search-indexer"], "ROLLED_BACK");
    assert_eq!(recorded(&shop)["gaps"].as_array().unwrap().len(), 2);
}

#[test]
fn events_have_the_evidence_in_json() {
    let shop = Shop::new();
    shop.sandbox(&["fate", "search-indexer", "oom"]);
    let run = shop.run(&[INDEXER, &["--output", "json"]].concat()).expect(3);
    let documents = run.documents();
    let of = |event: &str| documents.iter().find(|one| one["event"] == event).cloned();
    let finished = of("step_finished").unwrap();
    assert_eq!(finished["evidence"]["diagnosis"][0]["cause"], "OUT_OF_MEMORY", "{finished}");

    // What has not failed yet is told of, too.
    let shop = Shop::new();
    shop.sandbox(&["set", "capacity", "search-indexer", "prod", "none"]);
    let waiting = ["--timeout", "2s", "--output", "json"];
    let documents = shop.run(&[INDEXER, &waiting].concat()).expect(8).documents();
    let troubled = documents.iter().find(|one| one["event"] == "troubled").unwrap();
    assert_eq!(troubled["evidence"]["diagnosis"][0]["cause"], "NO_CAPACITY", "{troubled}");
}

#[test]
fn the_sandbox_has_logs_as_aws_has_them() {
    let (shop, _run, evidence) = deployed("crash=3", 3);
    let group = "/ecs/bookshop/search-indexer";
    let groups = shop.logs("DescribeLogGroups", &json!({ "logGroupNamePrefix": group }));
    assert_eq!(groups["logGroups"][0]["logGroupName"], group);
    let stream = evidence["logs"][0]["stream"].as_str().unwrap();
    let wanted = json!({ "logGroupName": group, "logStreamNamePrefix": stream });
    let streams = shop.logs("DescribeLogStreams", &wanted);
    assert_eq!(streams["logStreams"][0]["logStreamName"], stream);
    let read = |extra: Value| {
        let mut body = json!({ "logGroupName": group, "logStreamName": stream });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        shop.logs("GetLogEvents", &body)
    };
    let all = read(json!({}));
    let count = all["events"].as_array().unwrap().len();
    assert!(count >= 7, "{all}");
    let last = read(json!({ "limit": 2 }));
    assert_eq!(last["events"][1], all["events"][count - 1]);
    let before = read(json!({ "limit": 2, "nextToken": last["nextBackwardToken"] }));
    assert_eq!(before["events"][1], all["events"][count - 3]);
    assert_eq!(read(json!({ "startFromHead": true, "limit": 1 }))["events"][0], all["events"][0]);
    let filter = json!({ "logGroupName": group, "filterPattern": "Traceback" });
    let found = shop.logs("FilterLogEvents", &filter);
    assert!(found["events"].as_array().unwrap().iter().any(|one| one["logStreamName"] == stream));
}
