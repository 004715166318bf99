//! One-off tasks of earlier deployments: none is run again while it may still run, or while nobody
//! knows how it ended.

use serde_json::{Value, json};

use crate::{
    support::{PROD, Shop, until},
    tasks::manifest,
};

/// The service of the example project that shares no image with another.
const INDEXER: &[&str] = &["deploy", "search-indexer", "prod", "-y"];

/// A project whose first deployment was killed while its one-off task ran, and then ended by hand. The
/// clock stands still. Gives the ARN of the task too.
fn killed(fate: &str) -> (Shop, String) {
    let shop = Shop::with(&manifest());
    shop.sandbox(&["fate", "search-indexer", fate]);
    shop.stand_still();
    let mut deploy = shop.start(INDEXER);
    deploy.hears("one-off task PROVISIONING");
    deploy.signal("KILL");
    assert_eq!(deploy.end().signal, Some(9));
    shop.run(&["abort", "d1"]).expect(0).tells("still runs and is left running");
    let task = recorded(&shop, "d1");
    shop.forget_requests();
    (shop, task["task_arn"].as_str().unwrap().to_owned())
}

/// What is recorded of the one-off task of the only step.
fn recorded(shop: &Shop, deployment: &str) -> Value {
    shop.json(&["show", deployment])["deployment"]["steps"][0]["before_task"].take()
}

/// Waits until a task has a status.
fn comes_to(shop: &Shop, arn: &str, status: &str) {
    until(status, || {
        shop.sandbox(&["advance", "1s"]);
        let input = json!({ "cluster": "bookshop-prod", "tasks": [arn] });
        shop.ecs("DescribeTasks", &input)["tasks"][0]["lastStatus"] == status
    });
}

#[test]
fn none_is_run_beside_one_that_still_runs() {
    let (shop, arn) = killed("task-exit=0@300");
    comes_to(&shop, &arn, "RUNNING");
    let id = arn.rsplit('/').next().unwrap();
    for flags in [&[][..], &["--dry-run"], &["--rerun-before"]] {
        shop.run(&[INDEXER, flags].concat())
            .expect(9)
            .tells(
                "nothing was changed: the one-off task `./manage migrate` before `search-indexer`",
            )
            .tells("which d1 asked for at 20")
            .tells(&format!("as {arn}, is not over: ECS says that it is RUNNING"))
            .tells(&format!("`aws ecs stop-task --cluster bookshop-prod --task {id}`"));
    }
    let error = shop.run(&[INDEXER, &["--output", "json"]].concat()).expect(9).documents();
    assert!(error[0]["causes"][0].as_str().unwrap().contains(&arn), "{error:?}");
    assert!(error[0]["hints"][0].as_str().unwrap().contains(id), "{error:?}");
    // It may be left out, and is not taken to be over by that.
    let skipping = shop.run(&[INDEXER, &["--skip-before", "--dry-run"]].concat()).expect(0);
    skipping.prints("is moved all the same: the one-off task `./manage migrate`").prints("RUNNING");
    assert_eq!(shop.writes(), [""; 0]);
    shop.assert_in_step(&PROD[5]);

    comes_to(&shop, &arn, "STOPPED");
    shop.go_fast();
    shop.run(INDEXER)
        .expect(0)
        .tells("exited with 0; that is its end, although it is not recorded");
    assert_eq!(shop.count("RunTask"), 1);
}

#[test]
fn one_that_is_seen_to_have_failed_is_run_again() {
    let (shop, arn) = killed("task-exit=3");
    comes_to(&shop, &arn, "STOPPED");
    shop.sandbox(&["fate", "search-indexer", "healthy"]);
    shop.go_fast();
    shop.run(INDEXER)
        .expect(0)
        .tells("exited with 3; that is its end, although it is not recorded");
    assert_eq!(shop.count("RunTask"), 1);
    assert_eq!(recorded(&shop, "d2")["answers_for"], Value::Null);
    shop.assert_in_step(&PROD[5]);
}

#[test]
fn one_whose_end_nobody_knows_is_run_again_on_wish_alone() {
    let (shop, arn) = killed("task-exit=0@20");
    shop.sandbox(&["advance", "3h"]);
    let refused = |shop: &Shop| {
        shop.run(INDEXER)
            .expect(9)
            .tells(&format!(
                "as {arn}, is not known to ECS any more, and how it ended is not known"
            ))
            .tells("it is not run again by itself")
            .tells("hint: see what is recorded of it with `release-tool show d1`")
            .tells("deploy with `--rerun-before`")
            .tells("where it succeeded, deploy without it with `--skip-before`");
    };
    refused(&shop);
    assert_eq!(shop.writes(), [""; 0]);
    // What happens to the service meanwhile hides it from nobody.
    shop.go_fast();
    shop.run(&["restart", "search-indexer", "prod", "-y"]).expect(0);
    refused(&shop);

    shop.run(&[INDEXER, &["--rerun-before", "--dry-run"]].concat())
        .expect(0)
        .prints("before: runs `./manage migrate`")
        .prints("has its one-off task run again, although how it ended is not known")
        .prints("which d1 asked for at");
    assert_eq!(shop.count("RunTask"), 0);
    shop.run(&[INDEXER, &["--rerun-before"]].concat()).expect(0);
    assert_eq!(shop.count("RunTask"), 1);
    shop.assert_in_step(&PROD[5]);
    let shown = shop.run(&["show", "d3"]).expect(0);
    shown.prints("exit code 0, although how that of d1 ended is not known");
}

#[test]
fn one_whose_end_nobody_knows_is_left_out_on_wish() {
    let (shop, _) = killed("task-exit=0@20");
    shop.sandbox(&["advance", "3h"]);
    shop.go_fast();
    let both = shop.run(&[INDEXER, &["--skip-before", "--rerun-before"]].concat()).expect(2);
    both.tells("--skip-before");
    shop.run(&[INDEXER, &["--skip-before"]].concat())
        .expect(0)
        .tells("is moved as if its one-off task had succeeded, although how it ended is not known");
    assert_eq!(shop.count("RunTask"), 0);
    assert_eq!(recorded(&shop, "d2")["status"], "SKIPPED");
    shop.run(&["show", "d2"]).expect(0).prints("left out, although how that of d1 ended is not");
    // That was the answer: the task of the next image is run as any other.
    let latest = shop.latest("search-indexer");
    let uri = format!("{}:next", latest.rsplit_once(':').unwrap().0);
    shop.sandbox(&["set", "push-image", &uri]);
    shop.run(&["register", &uri, "search-indexer"]).expect(0);
    shop.run(INDEXER).expect(0);
    assert_eq!(shop.count("RunTask"), 1);
    shop.assert_in_step(&PROD[5]);
}

#[test]
fn one_that_was_asked_for_without_an_answer_is_looked_for() {
    let shop = Shop::with(&manifest());
    shop.sandbox(&["fate", "search-indexer", "task-exit=0@300"]);
    shop.sandbox(&["fault", "add", "RunTask", "error-after", "--times", "1"]);
    shop.sandbox(&["fault", "add", "RunTask", "deny"]);
    shop.run(INDEXER).expect(8);
    shop.sandbox(&["fault", "clear"]);
    assert_eq!(recorded(&shop, "d1")["task_arn"], Value::Null);
    shop.stand_still();
    shop.run(&["rollback", "prod", "d1", "-y"]).expect(0);
    let again = [INDEXER, &["--release-hold", "--reason", "it is over"]].concat();
    shop.forget_requests();
    shop.run(&again)
        .expect(9)
        .tells("as arn:aws:ecs:")
        .tells("is not over: ECS says that it is")
        .tells("`aws ecs stop-task --cluster bookshop-prod --task ");
    assert_eq!(shop.writes(), [""; 0]);
    // Where ECS has forgotten it, nobody knows whether it ever ran.
    shop.sandbox(&["advance", "3h"]);
    shop.run(&again).expect(9).tells("and ECS gave no ARN that was seen").tells("--rerun-before");
    shop.go_fast();
    shop.run(&[&again[..], &["--rerun-before"]].concat()).expect(0);
    assert_eq!(shop.count("RunTask"), 1);
}
