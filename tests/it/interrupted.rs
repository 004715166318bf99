//! Deployments that end before their rollouts: by a signal, by a lost process, on purpose, and
//! because the time is up. `resume` does what is left, and nothing twice; nothing else begins before
//! that is settled.

use std::time::{Duration, Instant};

use crate::support::{PROD, Shop, Started, until};

/// The service of the example project that shares no image with another.
const INDEXER: &[&str] = &["deploy", "search-indexer", "prod", "-y"];

/// How long an interrupted command may take to its end.
const PROMPT: Duration = Duration::from_secs(2);

#[test]
fn a_second_signal_says_what_it_does() {
    let shop = Shop::new();
    shop.sandbox(&["fault", "add", "UpdateService", "latency=600000"]);
    let mut deploy = shop.start(INDEXER);
    until("the effect has happened", || shop.count("UpdateService") > 0);
    // The answer is waited for a while after the first one.
    until("it ends", || {
        let has_ended = deploy.has_ended();
        if !has_ended {
            deploy.signal("TERM");
        }
        has_ended
    });
    deploy
        .end()
        .expect(7)
        .tells("stopped at once, by a second signal: what was asked of AWS goes on there")
        .tells("hint: finish what was begun with `release-tool resume`");
    shop.sandbox(&["fault", "clear"]);
    shop.run(&["resume"]).expect(0);
    shop.assert_in_step(&PROD[5]);
}

/// Interrupts a program, and checks that it ends soon and with the code for it.
fn interrupt(shop: &Shop, program: Started) -> String {
    let at = Instant::now();
    program.signal("INT");
    let run = program.end().expect(7);
    assert!(at.elapsed() < PROMPT, "it took {:?}", at.elapsed());
    shop.steady(&run.stdout)
}

#[test]
fn an_interrupted_deployment_is_recorded_and_finished_by_resume() {
    let shop = Shop::new();
    shop.stand_still();
    let mut deploy = shop.start(INDEXER);
    deploy.hears("search-indexer: started ecs-svc/");
    insta::assert_snapshot!(interrupt(&shop, deploy), @"
        search-indexer    5226296    IN_PROGRESS    bookshop-prod-search-indexer:1, set to bookshop-prod-search-indexer:2    wanted b0885c1

    d1 was interrupted; what was started goes on in ECS.
    hint: finish it with `release-tool resume d1`
    hint: or take it back with `release-tool rollback prod d1`
    ");
    let shown = shop.json(&["show", "d1"]);
    assert_eq!(shown["deployment"]["status"], "INTERRUPTED");
    assert_eq!(shown["deployment"]["steps"][0]["status"], "APPLIED");
    assert_eq!(shop.states("prod")["search-indexer"], "IN_PROGRESS");

    let blocked = shop.run(INDEXER).expect(9);
    insta::assert_snapshot!(shop.steady(&blocked.stderr), @"
    sandbox: this is no AWS, nothing here is real. State is in .release-tool/sandbox
    error: d1 to prod is not over: it is INTERRUPTED, and nobody works on it
    hint: finish it with `release-tool resume d1`
    hint: or take it back with `release-tool rollback prod d1`
    ");
    assert_eq!(blocked.stdout, "");
    // What shares nothing with it may go on.
    shop.run(&["deploy", "orders-api", "prod", "--dry-run"]).expect(0).tells("d1 (r1 to prod");

    let mut resume = shop.start(&["resume"]);
    resume.hears("search-indexer: follows ecs-svc/");
    shop.go_fast();
    resume.end().expect(0);
    assert_eq!(shop.writes(), ["RegisterTaskDefinition", "PutParameter", "UpdateService"]);
    shop.assert_in_step(&PROD[5]);
    assert_eq!(shop.verdicts("d1")["search-indexer"], "VERIFIED");
    shop.run(INDEXER).expect(0).prints("Nothing to deploy");
}

#[test]
fn what_went_on_in_ecs_after_an_interruption_needs_nothing_more() {
    let shop = Shop::new();
    shop.stand_still();
    let mut deploy = shop.start(INDEXER);
    deploy.hears("search-indexer: started ecs-svc/");
    interrupt(&shop, deploy);
    shop.sandbox(&["advance", "1m"]);
    assert_eq!(shop.states("prod")["search-indexer"], "COMPLETE");
    shop.run(&["resume"]).expect(0).prints("d1: r1 is deployed to prod, 1 of 1 services verified");
    assert_eq!(shop.writes(), ["RegisterTaskDefinition", "PutParameter", "UpdateService"]);
}

#[test]
fn a_command_that_is_still_planning_is_interrupted_too() {
    let shop = Shop::new();
    shop.sandbox(&["fault", "add", "DescribeServices", "latency=20000"]);
    let deploy = shop.start(INDEXER);
    until("the services are asked for", || shop.count("DescribeServices") > 0);
    assert_eq!(interrupt(&shop, deploy), "");
    assert_eq!(shop.writes(), [""; 0]);
    shop.run(&["history"]).expect(0).prints("No deployments are recorded.");
}

#[test]
fn a_terminated_job_is_an_interrupted_one() {
    let shop = Shop::new();
    shop.stand_still();
    let mut deploy = shop.start(INDEXER);
    deploy.hears("search-indexer: started ecs-svc/");
    deploy.signal("TERM");
    deploy.end().expect(7);
    assert_eq!(shop.json(&["show", "d1"])["deployment"]["status"], "INTERRUPTED");
}

#[test]
fn a_lost_process_leaves_nothing_to_be_done_twice() {
    // Each effect happens, and the process is lost before it hears of it.
    for (operation, left) in [
        ("RegisterTaskDefinition", &["PutParameter", "UpdateService"] as &[&str]),
        ("PutParameter", &["UpdateService"]),
        ("UpdateService", &[]),
    ] {
        let shop = Shop::new();
        shop.stand_still();
        shop.sandbox(&["fault", "add", operation, "latency=600000"]);
        let deploy = shop.start(INDEXER);
        until("the effect has happened", || shop.count(operation) > 0);
        deploy.signal("KILL");
        assert_eq!(deploy.end().code, None);
        shop.sandbox(&["fault", "clear"]);
        shop.forget_requests();

        let mut resume = shop.start(&["resume"]);
        resume.hears("ecs-svc/");
        shop.go_fast();
        resume.end().expect(0);
        assert_eq!(shop.writes(), left, "after {operation}");
        shop.assert_in_step(&PROD[5]);
        assert_eq!(shop.states("prod")["search-indexer"], "COMPLETE");
    }
}

#[test]
fn nobody_has_to_wait() {
    let shop = Shop::new();
    shop.stand_still();
    let run = shop.run(&["deploy", "search-indexer", "prod", "-y", "--no-wait"]).expect(0);
    insta::assert_snapshot!(shop.steady(&run.stdout), @r"
        search-indexer    5226296    IN_PROGRESS    bookshop-prod-search-indexer:1, set to bookshop-prod-search-indexer:2    wanted b0885c1

    d1: Deployment requested. r1 is on its way to prod.
    hint: finish it with `release-tool resume d1`
    ");
    assert_eq!(shop.json(&["show", "d1"])["deployment"]["status"], "DETACHED");
    assert_eq!(shop.states("prod")["search-indexer"], "IN_PROGRESS");
    assert_eq!(shop.run(&["status", "all", "prod", "--exit-code"]).code, Some(10));

    let mut watch = shop.start(&["status", "search-indexer", "prod", "--watch", "--exit-code"]);
    watch.reads("IN_PROGRESS");
    shop.go_fast();
    watch.end().expect(0);
    shop.run(&["wait", "d1"]).expect(0);
    assert_eq!(shop.count("UpdateService"), 1);
}

#[test]
fn when_the_time_is_up_the_outcome_is_not_known() {
    let shop = Shop::new();
    shop.stand_still();
    let run = shop.run(&["deploy", "search-indexer", "prod", "-y", "--timeout", "1s"]).expect(8);
    let summary = shop.steady(&run.stdout);
    let seconds = regex_lite::Regex::new(r"not done after \d+ s").unwrap();
    insta::assert_snapshot!(seconds.replace(&summary, "not done after [seconds]"), @r"
        search-indexer    5226296    TIMED_OUT    bookshop-prod-search-indexer:1, set to bookshop-prod-search-indexer:2    wanted b0885c1

        search-indexer: TIMED_OUT  not done after [seconds]: 0 of 2 new tasks run, and 2 old ones do: [task] (bookshop-prod-search-indexer:1), [task] (bookshop-prod-search-indexer:1)

    d1 did not end in time and may go on in ECS: its outcome is not known.
    hint: finish it with `release-tool resume d1`
    hint: or take it back with `release-tool rollback prod d1`
    ");
    assert_eq!(shop.verdicts("d1")["search-indexer"], "TIMED_OUT");
    assert_eq!(shop.json(&["show", "d1"])["deployment"]["status"], "UNKNOWN");
    shop.go_fast();
    shop.run(&["resume"]).expect(0);
    assert_eq!(shop.verdicts("d1")["search-indexer"], "VERIFIED");
    assert_eq!(shop.count("RegisterTaskDefinition"), 1);
    assert_eq!(shop.count("UpdateService"), 1);
}
