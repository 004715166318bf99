//! One-off tasks before a rollout: nothing is touched before they have succeeded, and none is ever
//! run twice.

use std::time::{Duration, Instant};

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{BOOKSHOP, PROD, Shop, until};

/// The service of the example project that shares no image with another.
const INDEXER: &[&str] = &["deploy", "search-indexer", "prod", "-y"];

/// The example project, with a migration before the search indexer and the catalogue.
pub(crate) fn manifest() -> String {
    let migrated = BOOKSHOP.replace(
        "service = \"{env}-search-indexer\"",
        "service = \"{env}-search-indexer\"\nbefore = { run_task = [\"./manage\", \"migrate\"] }",
    );
    migrated.replace(
        "name = \"Catalogue API\"",
        "name = \"Catalogue API\"\nbefore = { run_task = [\"rake\", \"db:migrate\"] }",
    )
}

fn shop() -> Shop {
    Shop::with(&manifest())
}

/// Where an operation first stands among the writes.
fn first(writes: &[String], operation: &str) -> usize {
    let found = writes.iter().position(|write| write == operation);
    found.unwrap_or_else(|| panic!("no {operation} in {writes:?}"))
}

/// What is recorded of the one-off task of the only step.
fn task(shop: &Shop, deployment: &str) -> Value {
    shop.json(&["show", deployment])["deployment"]["steps"][0]["before_task"].take()
}

#[test]
fn the_task_is_run_from_the_new_revision_before_anything_else() {
    let shop = shop();
    let plan = shop.run(&["deploy", "search-indexer", "prod", "--dry-run"]).expect(0);
    plan.prints(
        "before: runs `./manage migrate` from search-indexer@b0885c1, and waits for its end",
    );
    assert_eq!(shop.count("RunTask"), 0);
    let run = shop.run(INDEXER).expect(0);
    run.tells("runs the one-off task `./manage migrate`").tells("one-off task exited with 0");
    assert_eq!(
        shop.writes(),
        ["RegisterTaskDefinition", "RunTask", "PutParameter", "UpdateService"]
    );
    shop.assert_in_step(&PROD[5]);
    let recorded = task(&shop, "d1");
    assert_eq!((&recorded["status"], &recorded["exit_code"]), (&json!("SUCCEEDED"), &json!(0)));
    shop.run(&["show", "d1"]).expect(0).prints("one-off task       ./manage migrate  exit code 0");

    let arn = &recorded["task_arn"];
    let told = shop.ecs("DescribeTasks", &json!({ "cluster": "bookshop-prod", "tasks": [arn] }));
    let told = &told["tasks"][0];
    let service = shop.service("bookshop-prod", "prod-search-indexer");
    assert_eq!(told["taskDefinitionArn"], service["taskDefinition"]);
    assert_eq!(told["group"], "release-tool");
    assert!(told["startedBy"].as_str().unwrap().starts_with("release-tool/d1/"));
    let command = json!([{ "name": "search-indexer", "command": ["./manage", "migrate"] }]);
    assert_eq!(told["overrides"]["containerOverrides"], command);
    assert_eq!(told["launchType"], service["launchType"]);

    // The image is the same: its task was run.
    shop.run(INDEXER).expect(0).prints("Nothing to deploy");
    shop.run(&["rollback", "prod", "-y", "--reason", "test"]);
    assert_eq!(shop.count("RunTask"), 1);
}

#[test]
fn a_task_that_fails_leaves_everything_as_it_was() {
    for on_failure in ["rollback", "hold", "continue"] {
        let shop = shop();
        let parameter = shop.parameter("/bookshop/images/prod/search-indexer");
        shop.sandbox(&["fate", "search-indexer", "task-exit=3"]);
        let run = shop.run(&["deploy", "all", "prod", "-y", "--on-failure", on_failure]).expect(3);
        run.prints("exited with 3 in container `search-indexer`")
            .prints("container search-indexer, exit code 3")
            .prints(
                "d1 failed: the task before search-indexer failed, and no service was touched.",
            );
        let writes = shop.writes();
        assert_eq!(shop.count("RunTask"), 2, "the catalogue comes first");
        assert_eq!(shop.count("PutParameter") + shop.count("UpdateService"), 0, "{writes:?}");
        assert_eq!(shop.count("DeregisterTaskDefinition"), 2, "{writes:?}");
        assert_eq!(shop.parameter("/bookshop/images/prod/search-indexer"), parameter);
        for service in &PROD {
            shop.assert_in_step(service);
        }
        let verdicts = shop.verdicts("d1");
        assert_eq!(verdicts["search-indexer"], "FAILED");
        assert_eq!(verdicts["storefront"], "NOT_STARTED");
        assert!(shop.states("prod").values().all(|state| state == "COMPLETE"));

        shop.sandbox(&["fate", "search-indexer", "healthy"]);
        shop.run(&["deploy", "all", "prod", "-y"]).expect(0);
    }
}

#[test]
fn what_a_failed_task_leaves_is_told() {
    let shop = shop();
    shop.sandbox(&["fate", "search-indexer", "task-exit=3"]);
    let run = shop.run(INDEXER).expect(3);
    assert_snapshot!(shop.steady(&run.stdout), @"
        search-indexer    5226296    ROLLED_BACK    bookshop-prod-search-indexer:1    wanted b0885c1

        search-indexer: FAILED  its one-off task `./manage migrate` exited with 3 in container `search-indexer`
            cause: container search-indexer exited with 3; the last it said: ERROR step 3 failed, exiting with 3
              fix: mend what its log tells, register the image, and deploy again
            task [id] stopped, EssentialContainerExited: Essential container in task exited
              container search-indexer, exit code 3
            log of container search-indexer in /ecs/bookshop/search-indexer:
              | [clock] INFO  starting a command of search-indexer:b0885c1
              | [clock] INFO  step 1 of 3
              | [clock] INFO  step 2 of 3
              | [clock] INFO  step 3 of 3
              | [clock] ERROR step 3 failed, exiting with 3

    d1 failed: the task before search-indexer failed, and no service was touched.
    hint: see all that was recorded with `release-tool show d1`
    hint: do what is told under fix:, then deploy again with `release-tool deploy search-indexer prod`
    ");
}

/// The status of the only one-off task, as ECS tells it.
fn status_of_task(shop: &Shop) -> String {
    let arn = task(shop, "d1")["task_arn"].take();
    let told = shop.ecs("DescribeTasks", &json!({ "cluster": "bookshop-prod", "tasks": [arn] }));
    told["tasks"][0]["lastStatus"].as_str().unwrap_or_default().to_owned()
}

/// What the one-off task of the search indexer logs, as the error stream has it.
fn told(stderr: &str) -> Vec<&str> {
    stderr.lines().filter_map(|line| Some(line.split_once("search-indexer: | ")?.1)).collect()
}

#[test]
fn what_a_task_logs_is_told_while_it_runs_in_order_and_once() {
    let shop = shop();
    shop.sandbox(&["fate", "search-indexer", "task-exit=0@40"]);
    shop.stand_still();
    let mut deploy = shop.start(INDEXER);
    deploy.hears("one-off task PROVISIONING");
    until("the task runs", || {
        shop.sandbox(&["advance", "1s"]);
        status_of_task(&shop) == "RUNNING"
    });
    deploy.hears("search-indexer: | INFO  starting a command of search-indexer:b0885c1");
    for step in ["step 1 of 3", "step 2 of 3", "step 3 of 3"] {
        shop.sandbox(&["advance", "10s"]);
        deploy.hears(&format!("search-indexer: | INFO  {step}"));
        assert_eq!(status_of_task(&shop), "RUNNING");
    }
    shop.go_fast();
    let run = deploy.end().expect(0);
    assert_eq!(
        told(&run.stderr),
        [
            "INFO  starting a command of search-indexer:b0885c1",
            "INFO  step 1 of 3",
            "INFO  step 2 of 3",
            "INFO  step 3 of 3",
            "INFO  done, exiting with 0",
        ]
    );
    let place = |text: &str| run.stderr.find(text).unwrap_or_else(|| panic!("no {text}"));
    assert!(place("| INFO  done") < place("one-off task exited with 0"), "{}", run.stderr);
}

#[test]
fn programs_read_the_log_of_a_task_in_its_events() {
    let shop = shop();
    shop.sandbox(&["fate", "search-indexer", "task-exit=0@20"]);
    let run = shop.run(&[INDEXER, &["--output", "json"]].concat()).expect(0);
    let documents = run.documents();
    let logs = documents.iter().filter(|one| one["happening"] == "log");
    let lines: Vec<&Value> = logs
        .flat_map(|log| {
            assert_eq!(
                (&log["event"], &log["service"]),
                (&json!("before_task"), &json!("search-indexer"))
            );
            assert_eq!(log["container"], "search-indexer");
            log["lines"].as_array().unwrap()
        })
        .collect();
    let messages: Vec<&str> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
    assert_eq!(messages.len(), 5, "{messages:?}");
    assert_eq!(messages[4], "INFO  done, exiting with 0");
    assert!(lines.iter().all(|line| line["at"].is_string()));
}

#[test]
fn a_log_that_may_not_be_read_is_said_once_and_stops_nothing() {
    let shop = shop();
    shop.sandbox(&["fate", "search-indexer", "task-exit=0@60"]);
    shop.sandbox(&["fault", "add", "GetLogEvents", "deny"]);
    let run = shop.run(INDEXER).expect(0);
    assert_eq!(run.stderr.matches("warning: `search-indexer`: the log of container").count(), 1);
    assert_eq!(run.stderr.matches("allow `logs:GetLogEvents` on").count(), 1, "{}", run.stderr);
    assert!(told(&run.stderr).is_empty());
    assert_eq!(shop.count("GetLogEvents"), 1);
    shop.assert_in_step(&PROD[5]);

    // Nor does it hide how a task ended.
    let shop = self::shop();
    shop.sandbox(&["fate", "search-indexer", "task-exit=3"]);
    shop.sandbox(&["fault", "add", "GetLogEvents", "deny"]);
    let run = shop.run(INDEXER).expect(3);
    run.prints("exited with 3 in container `search-indexer`")
        .prints("missing: the log of container");
}

#[test]
fn a_log_that_goes_elsewhere_is_said_once() {
    let shop = shop();
    let mut definition =
        shop.task_definition("bookshop-prod-search-indexer")["taskDefinition"].take();
    let members = definition.as_object_mut().unwrap();
    members.retain(|member, _| {
        [
            "family",
            "networkMode",
            "requiresCompatibilities",
            "cpu",
            "memory",
            "executionRoleArn",
            "taskRoleArn",
            "containerDefinitions",
        ]
        .contains(&member.as_str())
    });
    let container = &mut definition["containerDefinitions"][0];
    container.as_object_mut().unwrap().remove("logConfiguration").unwrap();
    shop.ecs("RegisterTaskDefinition", &definition);
    let moved = json!({
        "cluster": "bookshop-prod", "service": "prod-search-indexer",
        "taskDefinition": "bookshop-prod-search-indexer",
    });
    shop.ecs("UpdateService", &moved);
    until("the service is steady", || {
        let service = shop.service("bookshop-prod", "prod-search-indexer");
        service["deployments"].as_array().unwrap().len() == 1
    });
    let run = shop.run(INDEXER).expect(0);
    run.tells("the log of container search-indexer is not read: it has no `logConfiguration`; set");
    assert_eq!(shop.count("GetLogEvents"), 0);
}

#[test]
fn a_task_that_fails_is_told_with_the_last_lines_of_its_log() {
    let shop = shop();
    shop.sandbox(&["fate", "search-indexer", "task-exit=3"]);
    let last = "ERROR step 3 failed, exiting with 3";
    let cause = format!("cause: container search-indexer exited with 3; the last it said: {last}");
    let run = shop.run(INDEXER).expect(3).prints(&cause);
    assert_eq!(told(&run.stderr).last(), Some(&last));
    let group = "log of container search-indexer in /ecs/bookshop/search-indexer:";
    run.prints(group);
    shop.run(&["show", "d1"]).expect(0).prints(&cause).prints(group).prints("INFO  step 1 of 3");
    let evidence = shop.json(&["show", "d1"])["deployment"]["steps"][0]["evidence"].take();
    assert_eq!(evidence["diagnosis"][0]["cause"], "CRASHED", "{evidence}");
    let lines = evidence["logs"][0]["lines"].as_array().unwrap();
    assert_eq!(lines.last().unwrap()["message"], last);
    assert_eq!(evidence["stopped_tasks"][0]["containers"][0]["exit_code"], 3);
}

#[test]
fn a_task_that_never_runs_has_failed() {
    let shop = shop();
    shop.sandbox(&["fate", "search-indexer", "unpullable"]);
    let run = shop.run(INDEXER).expect(3);
    run.prints("never ran: CannotPullContainerError").prints("no service was touched");
    shop.assert_in_step(&PROD[5]);
    assert_eq!(shop.writes(), ["RegisterTaskDefinition", "RunTask", "DeregisterTaskDefinition"]);
}

#[test]
fn a_task_that_ecs_refuses_has_failed() {
    let shop = shop();
    shop.sandbox(&["fault", "add", "RunTask", "deny"]);
    shop.run(INDEXER).expect(3).prints("no service was touched").prints("ecs:RunTask");
    shop.assert_in_step(&PROD[5]);
    assert_eq!(task(&shop, "d1")["status"], "FAILED");
}

#[test]
fn an_answer_that_is_lost_runs_nothing_twice() {
    let shop = shop();
    shop.sandbox(&["fault", "add", "RunTask", "error-after", "--times", "1"]);
    shop.run(INDEXER).expect(0);
    assert_eq!(shop.count("RunTask"), 2);
    assert_eq!(tasks_of(&shop), 1);
}

/// How many one-off tasks there are.
fn tasks_of(shop: &Shop) -> usize {
    let mut count = 0;
    for status in ["RUNNING", "STOPPED"] {
        let family = "bookshop-prod-search-indexer";
        let input = json!({
            "cluster": "bookshop-prod", "family": family, "desiredStatus": status,
        });
        let arns = shop.ecs("ListTasks", &input)["taskArns"].take();
        if arns.as_array().unwrap().is_empty() {
            continue;
        }
        let told = shop.ecs("DescribeTasks", &json!({ "cluster": "bookshop-prod", "tasks": arns }));
        let ours = |task: &&Value| task["group"] == "release-tool";
        count += told["tasks"].as_array().unwrap().iter().filter(ours).count();
    }
    count
}

#[test]
fn tasks_are_left_out_on_wish_and_where_nothing_changes() {
    let shop = shop();
    let run = shop.run(&["deploy", "search-indexer", "prod", "-y", "--skip-before"]).expect(0);
    run.tells("`search-indexer` is moved without its one-off task `./manage migrate`");
    assert_eq!(shop.count("RunTask"), 0);
    // Nothing of the catalogue changes.
    shop.run(&["deploy", "orders-api", "prod", "-y"]).expect(0);
    assert_eq!(shop.count("RunTask"), 0);
    shop.run(&["deploy", "all", "prod", "-y"]).expect(0);
    assert_eq!(shop.count("RunTask"), 1);
}

#[test]
fn several_tasks_run_one_after_the_other_in_the_order_of_the_file() {
    let shop = shop();
    let run = shop.run(&["deploy", "all", "prod", "-y"]).expect(0);
    let place = |text: &str| run.stderr.find(text).unwrap_or_else(|| panic!("no {text}"));
    let (rake, manage) = (place("runs the one-off task `rake"), place("runs the one-off task `./"));
    assert!(rake < place("catalogue-api: one-off task exited with 0"));
    assert!(place("catalogue-api: one-off task exited with 0") < manage);
    let writes = shop.writes();
    let last = writes.iter().rposition(|write| write == "RunTask").unwrap();
    assert!(last < first(&writes, "PutParameter"), "{writes:?}");
    assert!(last < first(&writes, "UpdateService"), "{writes:?}");
}

#[test]
fn a_task_is_not_stopped_by_a_signal_and_followed_by_resume() {
    let shop = shop();
    shop.stand_still();
    let mut deploy = shop.start(INDEXER);
    deploy.hears("one-off task PROVISIONING");
    let at = Instant::now();
    deploy.signal("INT");
    deploy
        .end()
        .expect(7)
        .prints("search-indexer: its one-off task `./manage migrate` goes on in ECS: task ")
        .prints("hint: finish it with `release-tool resume d1`")
        .prints("hint: see how the one-off task is with `aws ecs describe-tasks --cluster bookshop-prod")
        .prints("hint: or stop it with `aws ecs stop-task --cluster bookshop-prod --task ");
    assert!(at.elapsed() < Duration::from_secs(2), "it took {:?}", at.elapsed());
    assert_eq!(task(&shop, "d1")["status"], "RUNNING");
    assert_eq!(shop.count("PutParameter"), 0);

    let mut resume = shop.start(&["resume", "--before-task-succeeded"]);
    resume.hears("follows the one-off task `./manage migrate`");
    resume.hears("still runs, so that `--before-task-succeeded` does not count for it");
    shop.go_fast();
    resume.end().expect(0);
    assert_eq!(
        shop.writes(),
        ["RegisterTaskDefinition", "RunTask", "PutParameter", "UpdateService"]
    );
    shop.assert_in_step(&PROD[5]);
}

#[test]
fn a_task_that_takes_too_long_is_left_running() {
    let text = manifest().replace(
        "run_task = [\"./manage\", \"migrate\"]",
        "run_task = { command = [\"./manage\", \"migrate\"], timeout = \"1s\" }",
    );
    let shop = Shop::with(&text);
    shop.stand_still();
    let run = shop.run(INDEXER).expect(8);
    run.prints("is PROVISIONING, and is left running").prints("`release-tool resume d1`");
    assert_eq!(shop.count("StopTask") + shop.count("PutParameter"), 0);
    shop.go_fast();
    shop.run(&["resume"]).expect(0);
    assert_eq!(shop.count("RunTask"), 1);
}

#[test]
fn abort_and_rollback_leave_a_task_running_and_say_so() {
    for command in [&["abort", "d1"][..], &["rollback", "prod", "d1", "-y"]] {
        let shop = shop();
        shop.stand_still();
        let mut deploy = shop.start(INDEXER);
        deploy.hears("one-off task PROVISIONING");
        deploy.signal("INT");
        deploy.end().expect(7);
        let told = "still runs and is left running; stop it with `aws ecs stop-task --cluster";
        let run = shop.run(command).expect(0).tells(told);
        let run = run.prints("its one-off task `./manage migrate` goes on in ECS: task ");
        let run =
            run.prints("hint: or stop it with `aws ecs stop-task --cluster bookshop-prod --task ");
        if command == ["abort", "d1"] {
            run.tells("d1: nothing more is begun, and nothing is on its way");
        }
        assert_eq!(shop.count("StopTask"), 0);
        shop.assert_in_step(&PROD[5]);
        assert_eq!(tasks_of(&shop), 1);
    }
}

#[test]
fn a_task_whose_end_nobody_saw_is_never_run_again() {
    let shop = shop();
    shop.stand_still();
    let mut deploy = shop.start(INDEXER);
    deploy.hears("one-off task PROVISIONING");
    deploy.signal("INT");
    deploy.end().expect(7);
    // It ends, and ECS forgets it.
    shop.sandbox(&["advance", "3h"]);
    let run = shop.run(&["resume"]).expect(8);
    run.prints("how it ended is not known; it is not run again")
        .prints("if its one-off task succeeded, go on with `release-tool resume d1 --before-task-")
        .prints("if it did not, take it back with `release-tool rollback prod d1`");
    assert_eq!(task(&shop, "d1")["status"], "UNKNOWN");
    assert_eq!((shop.count("RunTask"), shop.count("PutParameter")), (1, 0));
    let taken_back = shop.copy();
    taken_back.run(&["rollback", "prod", "d1", "-y"]).expect(0);
    taken_back.assert_in_step(&PROD[5]);

    shop.go_fast();
    shop.run(&["resume", "--before-task-succeeded"]).expect(0);
    assert_eq!(shop.count("RunTask"), 1);
    let recorded = task(&shop, "d1");
    assert_eq!(recorded["status"], "SUCCEEDED");
    assert_eq!(recorded["confirmed_by"], "Bob Beardly <bob@example.com>");
    shop.assert_in_step(&PROD[5]);
}

#[test]
fn wherever_the_process_dies_the_task_is_run_once() {
    let shop = shop();
    shop.sandbox(&["crash", "--count"]);
    shop.run(INDEXER).expect(0);
    let told = shop.json(&["sandbox", "crash", "--points"]);
    let points: Vec<String> = told["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| point["name"].as_str().unwrap().to_owned())
        .collect();
    let register = first(&points, "ecs:RegisterTaskDefinition");
    let put = first(&points, "ssm:PutParameter");
    assert!(register + 3 < put, "{points:?}");
    for (number, point) in points.iter().enumerate().take(put + 1).skip(register) {
        let shop = self::shop();
        shop.sandbox(&["crash", "--after", &(number + 1).to_string()]);
        let run = shop.run(INDEXER);
        if run.signal != Some(9) {
            // Fewer reads than when they were counted: the task was over sooner.
            assert_eq!(run.code, Some(0), "{}", run.stderr);
            continue;
        }
        shop.sandbox(&["crash", "--off"]);
        let resumed = shop.run(&["resume"]);
        assert_eq!(resumed.code, Some(0), "at {point}: {}", resumed.stderr);
        assert_eq!(tasks_of(&shop), 1, "at {point} ({number})");
        shop.assert_in_step(&PROD[5]);
        assert_eq!(shop.verdicts("d1")["search-indexer"], "VERIFIED");
        let definition = shop.task_definition("bookshop-prod-search-indexer");
        assert_eq!(definition["taskDefinition"]["revision"], 2, "at {point}");
    }
}

#[test]
fn a_refusal_after_a_lost_answer_leaves_it_in_doubt() {
    let shop = shop();
    shop.sandbox(&["fault", "add", "RunTask", "error-after", "--times", "1"]);
    shop.sandbox(&["fault", "add", "RunTask", "deny"]);
    shop.run(INDEXER).expect(8).prints("it is not known whether the one-off task");
    assert_eq!(task(&shop, "d1")["status"], "INTENT");
    assert_eq!((tasks_of(&shop), shop.count("PutParameter")), (1, 0));
    shop.sandbox(&["fault", "clear"]);
    shop.run(&["resume"]).expect(0);
    assert_eq!(tasks_of(&shop), 1);
}

#[test]
fn wherever_the_process_dies_a_failure_is_kept_and_no_other_task_is_run() {
    let shop = failing_first();
    shop.sandbox(&["crash", "--count"]);
    shop.run(&["deploy", "all", "prod", "-y"]).expect(3);
    let told = shop.json(&["sandbox", "crash", "--points"]);
    let points = told["points"].as_array().unwrap();
    let names: Vec<String> =
        points.iter().map(|point| point["name"].as_str().unwrap().to_owned()).collect();
    let (run, undo) = (first(&names, "ecs:RunTask"), first(&names, "ecs:DeregisterTaskDefinition"));
    let mut were_known = 0;
    for number in (run + 2..=undo).rev().step_by(3) {
        let shop = failing_first();
        shop.sandbox(&["crash", "--after", &number.to_string()]);
        if shop.run(&["deploy", "all", "prod", "-y"]).signal != Some(9) {
            continue;
        }
        shop.sandbox(&["crash", "--off"]);
        let shown = shop.json(&["show", "d1"]);
        let steps = shown["deployment"]["steps"].as_array().unwrap();
        if steps.iter().any(|step| step["before_task"]["status"] == "FAILED") {
            were_known += 1;
            // ECS has forgotten the task, and the record has not.
            shop.sandbox(&["advance", "3h"]);
        }
        shop.run(&["resume"]).expect(3).prints("exited with 3");
        assert_eq!(shop.count("RunTask"), 1, "at {number}, {names:?}");
        assert_eq!(shop.verdicts("d1")["search-indexer"], "NOT_STARTED", "at {number}");
    }
    assert!(were_known > 0, "{were_known} of {names:?}");
}

/// A project whose first one-off task fails.
fn failing_first() -> Shop {
    let shop = shop();
    shop.sandbox(&["fate", "catalogue-api", "task-exit=3"]);
    shop
}
