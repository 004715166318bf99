//! An AWS that throttles, denies, and loses answers.

use crate::support::{PROD, Shop};

/// The service of the example project that shares no image with another.
const INDEXER: &[&str] = &["deploy", "search-indexer", "prod", "-y"];

/// Every operation of a deployment.
const OPERATIONS: [&str; 13] = [
    "GetCallerIdentity",
    "GetParameters",
    "BatchGetImage",
    "DescribeServices",
    "DescribeScalableTargets",
    "DescribeTaskDefinition",
    "RegisterTaskDefinition",
    "PutParameter",
    "UpdateService",
    "DescribeServiceDeployments",
    "DescribeServiceRevisions",
    "ListTasks",
    "DescribeTasks",
];

#[test]
fn the_list_of_operations_is_whole() {
    let shop = Shop::new();
    shop.run(INDEXER).expect(0);
    let mut asked = shop.requests();
    asked.sort();
    asked.dedup();
    let mut known = OPERATIONS.to_vec();
    known.sort_unstable();
    assert_eq!(asked, known);
}

#[test]
fn throttling_slows_down_and_fails_nothing() {
    let shop = Shop::new();
    for operation in OPERATIONS {
        shop.sandbox(&["fault", "add", operation, "throttle", "--times", "2"]);
    }
    let run = shop.run(INDEXER).expect(0);
    run.tells("UpdateService is throttled, going slower");
    shop.assert_in_step(&PROD[5]);
    for operation in ["RegisterTaskDefinition", "PutParameter", "UpdateService"] {
        assert_eq!(shop.count(operation), 3, "{operation}");
    }
}

#[test]
fn a_write_that_is_not_allowed_is_named_and_what_came_before_is_put_back() {
    for operation in ["RegisterTaskDefinition", "PutParameter", "UpdateService"] {
        let shop = Shop::new();
        shop.sandbox(&["fault", "add", operation, "deny"]);
        let run = shop.run(INDEXER).expect(3);
        let service = if operation == "PutParameter" { "ssm" } else { "ecs" };
        run.prints("FAILED").prints(&format!("{service}:{operation}"));
        assert_eq!(shop.verdicts("d1")["search-indexer"], "FAILED");
        shop.sandbox(&["fault", "clear"]);
        shop.assert_in_step(&PROD[5]);
        let service = shop.service("bookshop-prod", "prod-search-indexer");
        assert!(service["taskDefinition"].as_str().unwrap().ends_with(":1"), "{operation}");
        shop.run(INDEXER).expect(0);
        shop.assert_in_step(&PROD[5]);
    }
}

#[test]
fn a_read_that_is_not_allowed_changes_nothing() {
    for (operation, action) in [
        ("DescribeServices", "ecs:DescribeServices"),
        ("DescribeTaskDefinition", "ecs:DescribeTaskDefinition"),
        ("BatchGetImage", "ecr:BatchGetImage"),
        ("GetParameters", "ssm:GetParameters"),
    ] {
        let shop = Shop::new();
        shop.sandbox(&["fault", "add", operation, "deny"]);
        let run = shop.run(INDEXER).expect(1);
        assert_eq!(run.stdout, "");
        let hint = run.stderr.lines().find(|line| line.starts_with("hint: ")).unwrap_or_default();
        assert!(hint.contains(action), "{}", run.stderr);
        assert_eq!(shop.writes(), [""; 0]);
    }
}

#[test]
fn a_lost_answer_is_looked_after_and_nothing_is_done_twice() {
    let shop = Shop::new();
    for (operation, fault) in [
        ("RegisterTaskDefinition", "timeout"),
        ("PutParameter", "timeout"),
        ("UpdateService", "drop-after"),
    ] {
        shop.sandbox(&["fault", "add", operation, fault, "--times", "1"]);
    }
    shop.run(INDEXER).expect(0).prints("VERIFIED");
    assert_eq!(shop.count("RegisterTaskDefinition"), 1);
    assert_eq!(shop.count("UpdateService"), 1);
    shop.assert_in_step(&PROD[5]);
}

#[test]
fn a_lost_request_is_sent_again() {
    let shop = Shop::new();
    for operation in ["RegisterTaskDefinition", "PutParameter", "UpdateService", "DescribeServices"]
    {
        shop.sandbox(&["fault", "add", operation, "drop", "--times", "1"]);
    }
    shop.run(INDEXER).expect(0);
    shop.assert_in_step(&PROD[5]);
    let family = shop.task_definition("bookshop-prod-search-indexer");
    assert_eq!(family["taskDefinition"]["revision"], 2);
}

#[test]
fn a_failing_aws_is_waited_out_while_a_rollout_goes_on() {
    let shop = Shop::new();
    shop.stand_still();
    let mut deploy = shop.start(INDEXER);
    deploy.hears("search-indexer: started ecs-svc/");
    // More failures than one look bears.
    shop.sandbox(&["fault", "add", "DescribeServices", "error", "--times", "5"]);
    deploy.hears("cannot see how the rollouts go, trying again");
    shop.go_fast();
    deploy.end().expect(0);
}

#[test]
fn a_parameter_of_somebody_else_is_not_put_back() {
    let shop = Shop::new();
    shop.stand_still();
    shop.sandbox(&["fate", "search-indexer", "crash=1"]);
    let mut deploy = shop.start(INDEXER);
    deploy.hears("search-indexer: started ecs-svc/");
    let name = "/bookshop/images/prod/search-indexer";
    let theirs = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/search-indexer:theirs";
    let put = serde_json::json!({ "Name": name, "Value": theirs, "Overwrite": true });
    shop.ssm("PutParameter", &put);
    shop.go_fast();
    deploy.end().expect(3);
    assert_eq!(shop.parameter(name).as_deref(), Some(theirs));
}
