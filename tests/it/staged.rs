//! Rollouts in stages, through the program: what is shown, hooks that wait and are answered, and the
//! way back while one bakes.

use crate::{
    indexer::{ASKED, BACK, INDEXER, register, tag, with_releases},
    support::{Shop, Started},
};

/// The stage at which the hooks of these tests wait.
const STAGE: &str = "POST_TEST_TRAFFIC_SHIFT";

/// A project with release `one` verified in production and `two` registered, whose search indexer is
/// deployed so from now on.
fn staged(strategy: &[&str]) -> Shop {
    let shop = with_releases(&["one"]);
    register(&shop, "two");
    let place = ["set", "strategy", "search-indexer", "prod"];
    shop.sandbox(&[&place[..], strategy].concat());
    shop
}

/// The same, deploying, with a hook that waits.
fn paused() -> (Shop, Started) {
    let shop = staged(&["blue-green", "--pause-hook", STAGE]);
    let mut deploy = shop.start(INDEXER);
    deploy.hears("search-indexer: WAITING  PAUSE hook");
    (shop, deploy)
}

#[test]
fn a_plan_says_how_a_service_is_deployed_and_how_long_at_least() {
    let shop = staged(&["canary=10", "--step-bake", "15", "--bake", "10", "--pause-hook", STAGE]);
    let run = shop.run(&["deploy", "search-indexer", "prod", "--dry-run"]).expect(0);
    run.prints("CANARY: 10 % of traffic for 15 min, then all, then bakes for 10 min; takes at least 25 min")
        .prints("PAUSE hook at POST_TEST_TRAFFIC_SHIFT: waits for `release-tool continue`");
}

#[test]
fn a_hook_that_waits_is_told_and_goes_on_when_it_is_answered() {
    let (shop, deploy) = paused();
    let status = shop.run(&["status", "search-indexer", "prod"]).expect(0);
    status
        .prints("BLUE_GREEN  POST_TEST_TRAFFIC_SHIFT")
        .prints("PAUSE hook waits until")
        .prints("hint: go on with `release-tool continue d2 --service search-indexer`")
        .prints("hint: or take it back with `release-tool continue d2 --service search-indexer --");
    shop.run(&["continue", "prod", "--service", "mail-worker", "-y"]).expect(1);
    shop.run(&["continue", "prod"]).expect(2).tells("--skip-confirm");
    let answer = ["continue", "d2", "--service", "search-indexer", "-y", "--reason", "it is good"];
    shop.run(&answer).expect(0).tells("These will go on").prints("d2: search-indexer goes on.");
    let run = deploy.end().expect(0).tells("release-tool continue d2 --service search-indexer");
    run.tells("--rollback`").prints("d2: r2 is deployed to prod");
    assert_eq!(tag(&shop), "two");
    shop.run(&["continue", "prod", "-y"]).expect(1).tells("nothing waits");
    let log = shop.json(&["log", "--env", "prod"]);
    let actions = log["events"].as_array().unwrap();
    let answered = actions.iter().find(|one| one["action"] == "deployment.hook_answered").unwrap();
    assert_eq!((&answered["subject"], &answered["reason"]), (&"d2".into(), &"it is good".into()));
    assert_eq!(shop.count("ContinueServiceDeployment"), 1);
}

#[test]
fn whoever_looks_at_a_deployment_whose_hook_waits_is_told_what_to_type() {
    let (shop, deploy) = paused();
    let hint = "hint: go on with `release-tool continue d2 --service search-indexer`";
    shop.run(&["show", "d2"])
        .expect(0)
        .prints("search-indexer: WAITING  PAUSE hook")
        .prints(hint)
        .prints("hint: or take it back with `release-tool continue d2 --service search-indexer --");
    let shown = shop.json(&["show", "d2"]);
    assert_eq!(shown["waiting"][0]["service"], "search-indexer");
    let mut wait = shop.start(&["wait", "d2"]);
    wait.hears("search-indexer: WAITING  PAUSE hook");
    wait.hears(hint);
    let answered = shop.run(&["continue", "d2", "-y"]).expect(0);
    answered.tells("hint: see it through with `release-tool wait d2`");
    deploy.end().expect(0);
    wait.end().expect(0);
}

#[test]
fn a_hook_that_is_answered_with_rollback_fails_the_service() {
    let (shop, deploy) = paused();
    shop.run(&["continue", "prod", "-y", "--rollback"]).expect(0).prints("goes back");
    deploy
        .end()
        .expect(3)
        .prints("d2 failed and was rolled back")
        .prints("ROLLED_BACK  somebody said no at a hook, and ECS put it back to")
        .prints(
            "hint: deploy again with `release-tool deploy search-indexer prod` when that is meant",
        );
    assert_eq!(tag(&shop), "one");
}

#[test]
fn a_lock_keeps_answers_away() {
    let (shop, deploy) = paused();
    shop.run(&["lock", "search-indexer", "prod", "--reason", "the database moves"]).expect(0);
    shop.run(&["continue", "prod", "-y"]).expect(6).tells("the database moves");
    shop.run(&["unlock", "search-indexer", "prod"]).expect(0);
    shop.run(&["continue", "prod", "-y"]).expect(0);
    deploy.end().expect(0);
}

#[test]
fn whoever_takes_it_up_sees_the_stage_and_follows_it() {
    let (shop, deploy) = paused();
    deploy.signal("KILL");
    deploy.end();
    let mut wait = shop.start(&["wait", "d2"]);
    wait.hears("search-indexer: WAITING  PAUSE hook");
    shop.run(&["continue", "d2", "-y"]).expect(0);
    wait.end().expect(0);
    assert_eq!(tag(&shop), "two");
    assert_eq!(shop.count("UpdateService"), 2);
}

#[test]
fn when_the_time_is_up_a_hook_that_waits_is_no_failure() {
    let shop = staged(&["blue-green", "--pause-hook", STAGE]);
    let arguments = [INDEXER, &["--timeout", "10s"]].concat();
    let run = shop.run(&arguments).expect(8);
    run.prints("still going, BLUE_GREEN in POST_TEST_TRAFFIC_SHIFT, PAUSE hook")
        .prints("hint: go on with `release-tool continue d2 --service search-indexer`")
        .prints("release-tool resume d2");
    let answered = shop.run(&["continue", "d2", "-y"]).expect(0);
    answered.tells("hint: finish it with `release-tool resume d2`");
    shop.run(&["wait", "d2"]).expect(0);
    assert_eq!(tag(&shop), "two");
}

#[test]
fn a_bake_is_rolled_back_at_once() {
    let shop = staged(&["blue-green", "--bake", "600"]);
    let mut deploy = shop.start(INDEXER);
    deploy.hears("BLUE_GREEN  BAKE_TIME  100 % green");
    let run = shop.run(BACK).expect(0);
    run.tells(ASKED).prints("d2 was rolled back");
    deploy.end().expect(7).tells("bake ends");
    assert_eq!(tag(&shop), "one");
    assert_eq!(shop.count("StopServiceDeployment"), 1);
}

#[test]
fn nobody_waits_for_the_bakes_of_others_once_a_service_has_failed() {
    let shop = staged(&["blue-green", "--bake", "600"]);
    let bad = shop.latest("worker");
    let bad = format!("{}:bad", bad.rsplit_once(':').unwrap().0);
    shop.sandbox(&["set", "push-image", &bad]);
    shop.sandbox(&["fate", &bad, "crash=1"]);
    shop.run(&["register", &bad, "worker"]).expect(0);
    let run = shop.run(&["deploy", "workers", "prod", "-y"]).expect(3);
    run.tells(ASKED).prints("failed and was rolled back");
    assert_eq!(tag(&shop), "one");
}
