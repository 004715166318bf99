//! What is left behind is seen and settled: `resume`, `wait` and `abort`, whoever worked on it.

use insta::assert_snapshot;

use crate::support::{PROD, Run, Service, Shop, Started, until};

/// The service of the example project that shares no image with another.
const INDEXER: &[&str] = &["deploy", "search-indexer", "prod", "-y"];
/// What one deployment of it changes.
const ONCE: [&str; 3] = ["RegisterTaskDefinition", "PutParameter", "UpdateService"];

/// Two services, each with an image of its own.
const PAIR: &str = r#"
[shop.environments.prod]
cluster = "shop"

[shop.services.alpha]
[shop.services.beta]
"#;

/// The services of [`PAIR`].
const ALPHA: Service<'static> = Service {
    cluster: "shop",
    name: "alpha",
    family: "shop-prod-alpha",
    containers: &[("alpha", "/shop/images/prod/alpha")],
};
/// See [`ALPHA`].
const BETA: Service<'static> = Service {
    cluster: "shop",
    name: "beta",
    family: "shop-prod-beta",
    containers: &[("beta", "/shop/images/prod/beta")],
};

/// Starts a deployment of the indexer, up to its rollout, which stands still.
fn begun(shop: &Shop, environment: &str) -> Started {
    shop.stand_still();
    let mut deploy = shop.start(&["deploy", "search-indexer", environment, "-y"]);
    deploy.hears("search-indexer: started ecs-svc/");
    deploy
}

/// A project in which the process of such a deployment is lost.
fn lost() -> Shop {
    let shop = Shop::new();
    kill(begun(&shop, "prod"));
    shop
}

/// Kills a process.
fn kill(process: Started) {
    process.signal("KILL");
    assert_eq!(process.end().signal, Some(9));
}

/// What a command prints beside its result, without the sandbox's banner.
fn remarks(shop: &Shop, run: &Run) -> String {
    let text = shop.steady(&run.stderr);
    text.lines().filter(|line| !line.starts_with("sandbox: ")).collect::<Vec<_>>().join("\n")
}

/// The status of a deployment.
fn status(shop: &Shop, deployment: &str) -> String {
    shop.json(&["show", deployment])["deployment"]["status"].as_str().unwrap().to_owned()
}

/// `PAIR`, with a deployment that has moved `alpha`, and is held up by AWS before it moves `beta`.
fn halfway() -> (Shop, Started) {
    let shop = Shop::with(PAIR);
    shop.stand_still();
    shop.sandbox(&["fault", "add", "PutParameter//shop/images/prod/beta", "latency=600000"]);
    let mut deploy = shop.start(&["deploy", "all", "prod", "-y"]);
    deploy.hears("alpha: started ecs-svc/");
    until("beta is about to move", || shop.count("PutParameter") == 2);
    (shop, deploy)
}

/// Checks that `beta` is as it was, and that `alpha` runs what was deployed.
fn assert_only_alpha_moved(shop: &Shop) {
    shop.assert_in_step(&ALPHA);
    shop.assert_in_step(&BETA);
    let runs = |service: &Service<'_>| {
        let told = shop.service(service.cluster, service.name);
        let arn = told["taskDefinition"].as_str().unwrap();
        arn.rsplit_once('/').unwrap().1.to_owned()
    };
    assert_eq!(
        (runs(&ALPHA), runs(&BETA)),
        ("shop-prod-alpha:2".into(), "shop-prod-beta:1".into())
    );
}

#[test]
fn the_only_one_is_found_and_finished() {
    let shop = lost();
    assert_eq!(status(&shop, "d1"), "RUNNING");
    let mut resume = shop.start(&["resume"]);
    resume.hears("search-indexer: follows ecs-svc/");
    shop.go_fast();
    let run = resume.end().expect(0);
    assert_snapshot!(shop.steady(&run.stdout), @"
        search-indexer    b0885c1    VERIFIED    bookshop-prod-search-indexer:2

    d1: r1 is deployed to prod, 1 of 1 services verified.
    ");
    assert_eq!(shop.writes(), ONCE);
    assert_eq!(status(&shop, "d1"), "SUCCEEDED");
    shop.assert_in_step(&PROD[5]);
}

#[test]
fn there_may_be_nothing_to_resume() {
    let shop = Shop::new();
    let none = shop.run(&["resume"]).expect(1);
    assert_snapshot!(remarks(&shop, &none), @"
    error: no deployment is unfinished
    hint: see what there was with `release-tool history`
    ");
    shop.run(INDEXER).expect(0);
    let over = shop.run(&["resume", "d1"]).expect(1);
    assert_snapshot!(remarks(&shop, &over), @"
    error: d1 is over: it is SUCCEEDED
    hint: see how it ended with `release-tool show d1`
    ");
    let abort = shop.run(&["abort", "d1"]).expect(1);
    assert_snapshot!(remarks(&shop, &abort), @"
    error: d1 is over: it is SUCCEEDED
    hint: see how it ended with `release-tool show d1`
    ");
    shop.run(&["resume", "d9"]).expect(1).tells("d9");
    shop.run(&["wait", "d9"]).expect(1).tells("d9");
    // What is over has its exit code once more.
    shop.run(&["wait", "d1"]).expect(0).prints("1 of 1 services verified");
}

#[test]
fn where_there_are_several_one_must_be_named() {
    let shop = Shop::new();
    kill(begun(&shop, "stage"));
    kill(begun(&shop, "prod"));
    let several = shop.run(&["resume"]).expect(1);
    assert_snapshot!(remarks(&shop, &several), @"
    error: 2 deployments are unfinished: d2, d1
    hint: name the one that is meant, for example `d2`
    ");
    shop.go_fast();
    shop.run(&["resume", "d1"]).expect(0).prints("d1: r1 is deployed to stage");
    shop.run(&["resume"]).expect(0).prints("d2: r1 is deployed to prod");
    shop.run(&["resume"]).expect(1).tells("no deployment is unfinished");
}

#[test]
fn what_is_left_behind_is_told_by_every_command() {
    let shop = lost();
    let orphaned = shop.run(&["status", "all", "prod"]).expect(0);
    assert_snapshot!(remarks(&shop, &orphaned), @"
    warning: d1 (r1 to prod, begun [time] by Bob Beardly <bob@example.com>) is ORPHANED: nobody works on it any more
    hint: finish it with `release-tool resume d1`, or take it back with `release-tool rollback prod d1`
    ");
    shop.run(&["history"]).expect(0).tells("is ORPHANED: nobody works on it any more");

    let mut resume = shop.start(&["resume"]);
    resume.hears("search-indexer: follows ecs-svc/");
    resume.signal("INT");
    resume.end().expect(7);
    let interrupted = shop.run(&["status", "all", "stage"]).expect(0);
    assert_snapshot!(remarks(&shop, &interrupted), @"
    warning: d1 (r1 to prod, begun [time] by Bob Beardly <bob@example.com>) is INTERRUPTED
    hint: finish it with `release-tool resume d1`, or take it back with `release-tool rollback prod d1`
    ");

    shop.go_fast();
    shop.run(&["resume"]).expect(0);
    shop.stand_still();
    shop.run(&["deploy", "orders-api", "prod", "-y", "--no-wait"]).expect(0);
    let detached = shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(0);
    assert_snapshot!(remarks(&shop, &detached), @"
    warning: d2 (r2 to prod, begun [time] by Bob Beardly <bob@example.com>) is DETACHED: nobody has verified it yet
    hint: finish it with `release-tool resume d2`, or take it back with `release-tool rollback prod d2`
    ");
}

#[test]
fn what_is_worked_on_is_not_left_behind() {
    let shop = Shop::new();
    let deploy = begun(&shop, "prod");
    let status = shop.run(&["status", "all", "prod"]).expect(0);
    assert_eq!(remarks(&shop, &status), "");
    let refused = shop.run(&["resume"]).expect(6);
    assert_snapshot!(remarks(&shop, &refused), @"
    error: prod is held, so nothing was changed: `search-indexer` by Bob Beardly <bob@example.com>
      `search-indexer`: in use by Bob Beardly <bob@example.com> since [time] ([age])
          for d1
          on [host]
          until [time] unless renewed; renewed [age] ago
    hint: see it through with `release-tool wait d1`, or stop it with `release-tool abort d1`
    hint: `release-tool deploy` waits for its turn with `--wait 15m`
    hint: where its command hangs, `release-tool unlock search-indexer prod --force --reason TEXT` breaks its lease
    ");
    shop.go_fast();
    deploy.end().expect(0);
}

#[test]
fn what_was_detached_is_seen_through_by_wait() {
    let shop = Shop::new();
    shop.stand_still();
    shop.run(&["deploy", "search-indexer", "prod", "-y", "--detach"]).expect(0);
    assert_eq!(status(&shop, "d1"), "DETACHED");
    let mut wait = shop.start(&["wait", "d1"]);
    wait.hears("search-indexer: follows ecs-svc/");
    shop.go_fast();
    let run = wait.end().expect(0);
    assert_snapshot!(shop.steady(&run.stdout), @"
        search-indexer    b0885c1    VERIFIED    bookshop-prod-search-indexer:2

    d1: r1 is deployed to prod, 1 of 1 services verified.
    ");
    assert_eq!(shop.writes(), ONCE);
    assert_eq!(status(&shop, "d1"), "SUCCEEDED");
}

#[test]
fn what_was_detached_and_fails_is_rolled_back_by_whoever_waits() {
    let shop = Shop::new();
    shop.sandbox(&["fate", "search-indexer", "crash=1"]);
    shop.stand_still();
    shop.run(&["deploy", "workers", "prod", "-y", "--detach"]).expect(0);
    shop.go_fast();
    shop.run(&["wait", "d1"]).expect(3).prints("d1 failed and was rolled back");
    for service in &PROD {
        shop.assert_in_step(service);
    }
    shop.run(&["wait", "d1"]).expect(3).prints("d1 failed and was rolled back");
}

#[test]
fn whoever_works_on_it_is_watched() {
    let shop = Shop::new();
    let deploy = begun(&shop, "prod");
    let mut wait = shop.start(&["wait", "d1"]);
    wait.hears("d1: RUNNING, 0 of 1 services have ended");
    shop.go_fast();
    deploy.end().expect(0);
    wait.end().expect(0).prints("d1: r1 is deployed to prod");
    assert_eq!(shop.writes(), ONCE);

    let shop = Shop::new();
    shop.sandbox(&["fate", "search-indexer", "crash=1"]);
    let deploy = begun(&shop, "prod");
    let mut wait = shop.start(&["wait", "d1"]);
    wait.hears("d1: RUNNING, 0 of 1 services have ended");
    shop.go_fast();
    deploy.end().expect(3);
    wait.end().expect(3).prints("d1 failed and was rolled back");
}

#[test]
fn whoever_is_watched_may_be_lost() {
    let shop = Shop::new();
    let deploy = begun(&shop, "prod");
    let mut wait = shop.start(&["wait", "d1"]);
    wait.hears("d1: RUNNING, 0 of 1 services have ended");
    kill(deploy);
    wait.hears("search-indexer: follows ecs-svc/");
    shop.go_fast();
    wait.end().expect(0);
    assert_eq!(shop.writes(), ONCE);
}

#[test]
fn nobody_waits_longer_than_wanted() {
    let shop = Shop::new();
    let deploy = begun(&shop, "prod");
    let late = shop.run(&["wait", "d1", "--timeout", "1s"]).expect(8);
    assert_snapshot!(remarks(&shop, &late), @"
    d1: RUNNING, 0 of 1 services have ended
    error: d1 did not end in time; its outcome is not known
    hint: see it through with `release-tool wait d1`
    ");
    shop.go_fast();
    deploy.end().expect(0);
}

#[test]
fn what_was_asked_to_stop_is_not_gone_on_with_by_whoever_waits() {
    let shop = Shop::new();
    let deploy = begun(&shop, "prod");
    deploy.signal("STOP");
    let abort = shop.start(&["abort", "d1"]);
    until("it is asked to stop", || !shop.json(&["show", "d1"])["deployment"]["cancel"].is_null());
    kill(abort);
    kill(deploy);
    let late = shop.run(&["wait", "d1", "--timeout", "1s"]).expect(8);
    late.tells("asked it to stop").tells("d1 did not end in time");
    assert_eq!(status(&shop, "d1"), "RUNNING");
    shop.go_fast();
    shop.run(&["abort", "d1"]).expect(0);
}

#[test]
fn to_stop_watching_changes_nothing() {
    let shop = Shop::new();
    let deploy = begun(&shop, "prod");
    let mut wait = shop.start(&["wait", "d1"]);
    wait.hears("d1: RUNNING");
    wait.signal("INT");
    wait.end().expect(7);
    shop.go_fast();
    deploy.end().expect(0);
}

#[test]
fn a_running_deployment_is_aborted_before_its_next_effect() {
    let (shop, mut deploy) = halfway();
    let mut abort = shop.start(&["abort", "--reason", "wrong branch"]);
    deploy.hears("Bob Beardly");
    let stopped = deploy.end().expect(7);
    assert_snapshot!(shop.steady(&stopped.stdout), @"
        alpha    99d5b57    IN_PROGRESS    shop-prod-alpha:1, set to shop-prod-alpha:2                         wanted 71292e6
        beta     c7fb89f    BEGUN          shop-prod-beta:1, may have been told to move to shop-prod-beta:2    wanted 7c88b82

    d1 was stopped here by Bob Beardly <bob@example.com>, who ends it where it is (wrong branch).
    hint: see what becomes of it with `release-tool show d1`
    hint: see what runs with `release-tool status all prod`
    ");
    shop.sandbox(&["fault", "clear"]);
    abort
        .hears("d1: nothing more is begun; waiting up to 30 min, and for as long as rollouts are set to bake, for what was: alpha, beta. Ctrl-C");
    abort.hears("alpha: follows ecs-svc/");
    shop.go_fast();
    let run = abort.end().expect(0);
    assert_snapshot!(shop.steady(&run.stdout), @"
        alpha    71292e6    VERIFIED       shop-prod-alpha:2
        beta     c7fb89f    ROLLED_BACK    shop-prod-beta:1     wanted 7c88b82

    d1 was cancelled: 1 of 2 services are verified to run r1.
    prod is MIXED: some of its services run r1, some do not.
    hint: go back to what ran before with `release-tool rollback prod`
    hint: see all that was recorded with `release-tool show d1`
    ");
    assert_eq!(status(&shop, "d1"), "CANCELLED");
    assert_eq!(shop.verdicts("d1")["alpha"], "VERIFIED");
    assert_eq!(shop.verdicts("d1")["beta"], "NOT_STARTED");
    assert_only_alpha_moved(&shop);
    // The environment is not blocked: what is left is deployed.
    shop.run(&["deploy", "all", "prod", "-y"]).expect(0).prints("2 of 2 services verified");
    assert_eq!(shop.count("UpdateService"), 2);
}

#[test]
fn what_nobody_works_on_is_aborted_too() {
    let (shop, deploy) = halfway();
    kill(deploy);
    shop.sandbox(&["fault", "clear"]);
    shop.go_fast();
    shop.run(&["abort", "d1"]).expect(0).prints("d1 was cancelled");
    assert_eq!(status(&shop, "d1"), "CANCELLED");
    assert_only_alpha_moved(&shop);
    shop.run(&["resume"]).expect(1).tells("no deployment is unfinished");
}

#[test]
fn a_deployment_that_stops_halfway_is_resumed() {
    let (shop, deploy) = halfway();
    deploy.signal("INT");
    deploy.end().expect(7);
    shop.sandbox(&["fault", "clear"]);
    shop.go_fast();
    shop.run(&["resume", "d1"]).expect(0).prints("2 of 2 services verified");
    assert_eq!(shop.count("RegisterTaskDefinition"), 2);
    assert_eq!(shop.count("UpdateService"), 2);
    shop.assert_in_step(&ALPHA);
    shop.assert_in_step(&BETA);
}

#[test]
fn a_failure_after_an_interruption_takes_everything_back() {
    let (shop, deploy) = halfway();
    deploy.signal("INT");
    deploy.end().expect(7);
    shop.sandbox(&["fault", "clear"]);
    shop.sandbox(&["fate", "beta", "crash=1"]);
    shop.go_fast();
    shop.run(&["resume"]).expect(3).prints("d1 failed and was rolled back");
    shop.assert_in_step(&ALPHA);
    shop.assert_in_step(&BETA);
}
