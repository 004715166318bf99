//! `rollback`: back to what was verified before, whatever an environment is in, and the hold that
//! keeps it there.

use insta::assert_snapshot;

use crate::{
    indexer::{ASKED, BACK, INDEXER, PARAMETER, register, register_as, tag, with_releases},
    support::{BOOKSHOP, PROD, Run, Shop, Started, until, with_little_proof},
};

/// What a command prints beside its result, without the sandbox's banner.
fn remarks(shop: &Shop, run: &Run) -> String {
    let text = shop.steady(&run.stderr);
    text.lines().filter(|line| !line.starts_with("sandbox: ")).collect::<Vec<_>>().join("\n")
}

/// The status of a deployment.
fn status(shop: &Shop, deployment: &str) -> String {
    shop.json(&["show", deployment])["deployment"]["status"].as_str().unwrap().to_owned()
}

/// Starts a command about the indexer, up to its rollout, which stands still.
fn begun(shop: &Shop, arguments: &[&str]) -> Started {
    shop.stand_still();
    let mut command = shop.start(arguments);
    command.hears("search-indexer: started ecs-svc/");
    command
}

#[test]
fn what_was_verified_before_is_deployed_again_and_stays() {
    let shop = with_releases(&["one", "two"]);
    let back = ["rollback", "prod", "-y", "--reason", "search is slow"];
    let run = shop.run(&back).expect(0).tells("prod is on hold");
    assert!(run.stderr.contains(
        "hint: lift the hold with `release-tool deploy search-indexer prod --release-hold --reason"
    ));
    assert_snapshot!(shop.steady(&run.stdout), @"
        search-indexer    one    VERIFIED    bookshop-prod-search-indexer:4

    d3: prod is back at r1, 1 of 1 services verified.
    ");
    assert_eq!(tag(&shop), "one");
    let shown = shop.json(&["show", "d3"])["deployment"].take();
    assert_eq!((&shown["kind"], &shown["status"]), (&"rollback".into(), &"SUCCEEDED".into()));
    assert_eq!((&shown["release"], &shown["from_release"]), (&1.into(), &2.into()));
    assert_eq!(shop.states("prod")["search-indexer"], "COMPLETE");

    let blocked = shop.run(INDEXER).expect(9);
    assert_snapshot!(remarks(&shop, &blocked), @"
    error: the environment is on hold since [time], by Bob Beardly <bob@example.com>: rolled back: search is slow
    hint: lift the hold with `release-tool deploy search-indexer prod --release-hold --reason 'why it may move again'`
    ");
    let other = [INDEXER, &["--from", "r2", "--allow-missing"]].concat();
    shop.run(&other).expect(9).tells(
        "`release-tool deploy search-indexer prod --from r2 --allow-missing --release-hold --reason",
    );
    let lift = ["deploy", "search-indexer", "prod", "-y", "--release-hold"];
    let without_reason = shop.run(&lift).expect(2);
    assert_snapshot!(remarks(&shop, &without_reason), @"
    error: a reason is needed for `prod`
    hint: say why the hold may be lifted with `--reason TEXT`
    ");
    let blank = [&lift[..], &["--reason", " "]].concat();
    shop.run(&blank).expect(2);
    assert_eq!(tag(&shop), "one");
    // Other environments have nothing to do with it.
    shop.run(&["deploy", "search-indexer", "stage", "-y"]).expect(0);
    let lift = [&lift[..], &["--reason", "the index is rebuilt"]].concat();
    shop.run(&lift).expect(0).prints("r2 is deployed to prod");
    assert_eq!(tag(&shop), "two");
    shop.run(INDEXER).expect(0).prints("Nothing to deploy");
}

#[test]
fn a_way_back_may_only_be_shown() {
    let shop = with_releases(&["one", "two"]);
    shop.forget_requests();
    let run = shop.run(&["rollback", "prod", "--dry-run"]).expect(0);
    assert_snapshot!(shop.steady(&run.stdout), @"
    This will deploy:

        search-indexer@one    (was two)

    to prod (images of r1):

        search-indexer  (ECS service prod-search-indexer in bookshop-prod): moves to a new revision of bookshop-prod-search-indexer:3
            containerDefinitions[search-indexer].image: bookshop/search-indexer:two → :one
            /bookshop/images/prod/search-indexer: bookshop/search-indexer:two → :one
    ");
    let registered = register(&shop, "three");
    let mut deploy = begun(&shop, INDEXER);
    deploy.hears("IN_PROGRESS");
    let run = shop.run(&["rollback", "prod", "--dry-run"]).expect(0);
    assert_snapshot!(shop.steady(&run.stdout), @"
    This will take back d3 (r3 to prod, RUNNING):

        search-indexer    IN_PROGRESS    goes back to bookshop-prod-search-indexer:3
    ");
    shop.go_fast();
    deploy.end().expect(0);
    assert_eq!(shop.parameter(PARAMETER), Some(registered));
    // Nobody answers, so nothing is done.
    shop.run(&["rollback", "prod"]).expect(2).tells("--skip-confirm");
    assert_eq!(shop.json(&["history"])["deployments"].as_array().unwrap().len(), 3);
    shop.run(INDEXER).expect(0);
}

#[test]
fn a_release_to_go_back_to_may_be_named() {
    let shop = with_releases(&["one", "two", "three"]);
    register(&shop, "four");
    shop.run(&["release", "create", "search-indexer"]).expect(0).prints("r4");
    let never = shop.run(&["rollback", "prod", "-y", "--to", "r4"]).expect(1);
    assert_snapshot!(remarks(&shop, &never), @"
    error: r4 was never verified there
    hint: name one of r3, r2, r1
    ");
    shop.run(&["rollback", "prod", "-y", "--to", "r9"]).expect(1).tells("r9");
    shop.run(&["rollback", "prod", "-y", "--to", "one"]).expect(2);
    assert_eq!(tag(&shop), "three");
    shop.run(&["rollback", "prod", "-y", "--to", "r1"]).expect(0).prints("prod is back at r1");
    assert_eq!(tag(&shop), "one");
}

#[test]
fn to_go_back_twice_goes_further_back() {
    let shop = with_releases(&["one", "two", "three"]);
    shop.run(BACK).expect(0).prints("prod is back at r2");
    assert_eq!(tag(&shop), "two");
    shop.run(BACK).expect(0).prints("prod is back at r1");
    assert_eq!(tag(&shop), "one");
    // Before that it was not deployed from here.
    shop.run(BACK).expect(0).tells("prod goes back to what ran before d1. What search-indexer ran");
    assert_eq!(tag(&shop), "5226296");
    shop.run(BACK).expect(1).tells("there is nothing to go back to");
    assert_eq!(tag(&shop), "5226296");
}

#[test]
fn before_the_first_deployment_there_is_nothing_to_go_back_to() {
    let shop = Shop::new();
    let never = shop.run(BACK).expect(1);
    assert_snapshot!(remarks(&shop, &never), @"
    error: nothing that `all` ran in `prod` before is in the record, so there is nothing to go back to
    hint: deploy what shall run instead, as in `release-tool deploy all prod --image <image>=<uri>`
    ");
    // Nothing was begun, so nothing is on hold.
    shop.run(INDEXER).expect(0);
}

#[test]
fn from_the_first_that_was_verified_it_goes_back_to_what_ran_before() {
    let shop = Shop::new();
    shop.run(INDEXER).expect(0);
    let shown = shop.run(&["rollback", "prod", "--dry-run"]).expect(0);
    assert_snapshot!(remarks(&shop, &shown), @"prod goes back to what ran before d1. What search-indexer ran then was not deployed by release-tool, and so never verified. By tag, as the registry has it now, which need not be what ran then: search-indexer.");
    let run = shop.run(BACK).expect(0).tells("prod is on hold");
    assert_snapshot!(shop.steady(&run.stdout), @"
        search-indexer    5226296    VERIFIED    bookshop-prod-search-indexer:3

    d2: prod is back at r2, 1 of 1 services verified.
    ");
    assert_eq!(tag(&shop), "5226296");
    assert_eq!(shop.states("prod")["search-indexer"], "COMPLETE");
    shop.run(BACK).expect(1).tells("there is nothing to go back to");
    // A service that ran what was wanted was never moved.
    let lift = ["--release-hold", "--reason", "it is as it was", "--image"];
    let same = format!("search-indexer={}", shop.parameter(PARAMETER).unwrap());
    shop.run(&[INDEXER, &lift, &[same.as_str()]].concat()).expect(0).prints("Nothing to deploy");
}

/// A project whose first deployment has failed, and was left where it failed.
fn held() -> Shop {
    let shop = Shop::new();
    let off = serde_json::json!({
        "deploymentCircuitBreaker": { "enable": false, "rollback": false },
    });
    shop.configure("bookshop-prod", "prod-search-indexer", &off);
    shop.sandbox(&["fate", "search-indexer", "crash=1"]);
    let run = shop.run(&[INDEXER, &["--on-failure", "hold"]].concat()).expect(4);
    run.prints("hint: go back to what ran before with `release-tool rollback prod`");
    shop
}

#[test]
fn a_first_deployment_that_was_left_where_it_failed_goes_back_to_what_ran_before() {
    let shop = held();
    let shown = shop.json(&["show", "d1"])["services"][0].take();
    assert_eq!(
        (&shown["state"], &shown["wanted"]["search-indexer"]),
        (&"FAILED".into(), &"b0885c1".into())
    );
    // A task that crashes a second later may have run at the last look, too.
    let runs = shown["runs"].as_array().unwrap();
    assert!(
        runs.iter().any(|one| one["release_hashes"]["search-indexer"] == "5226296"),
        "{runs:?}"
    );
    let run = shop.run(BACK).expect(0).tells("prod goes back to what ran before d1.");
    assert_snapshot!(shop.steady(&run.stdout), @"
        search-indexer    5226296    VERIFIED    bookshop-prod-search-indexer:3

    d2: prod is back at r2, 1 of 1 services verified.
    ");
    assert_eq!(tag(&shop), "5226296");
    assert_eq!(shop.states("prod")["search-indexer"], "COMPLETE");
    shop.run(BACK).expect(1).tells("there is nothing to go back to");
}

#[test]
fn after_failures_in_a_row_it_goes_back_to_what_ran_before_the_first() {
    let shop = held();
    for worse in ["worse", "worst"] {
        let uri = register(&shop, worse);
        shop.sandbox(&["fate", &uri, "crash=2"]);
        shop.run(&[INDEXER, &["--on-failure", "hold"]].concat()).expect(4);
        assert_eq!(tag(&shop), worse);
    }
    let run = shop.run(BACK).expect(0).tells("prod goes back to what ran before d1.");
    // Hints name no flag that this command does not have.
    assert!(!run.stderr.contains("--enable-circuit-breaker"), "{}", run.stderr);
    assert!(!run.stderr.contains("--watch"), "{}", run.stderr);
    run.prints("d4: prod is back at r4, 1 of 1 services verified.");
    assert_eq!(tag(&shop), "5226296");
    assert_eq!(shop.states("prod")["search-indexer"], "COMPLETE");
}

#[test]
fn what_ran_before_and_is_gone_is_not_gone_back_to() {
    let shop = held();
    let gone = serde_json::json!({
        "repositoryName": "bookshop/search-indexer", "imageIds": [{ "imageTag": "5226296" }],
    });
    shop.ecr("BatchDeleteImage", &gone);
    shop.run(BACK).expect(1).tells("is not in its registry");
}

#[test]
fn the_first_deployment_of_all_is_taken_back_while_it_is_not_over() {
    let shop = Shop::new();
    let before = tag(&shop);
    let deploy = begun(&shop, INDEXER);
    deploy.signal("KILL");
    deploy.end();
    let mut back = shop.start(BACK);
    back.hears(ASKED);
    shop.go_fast();
    let run = back.end().expect(0).tells("prod is on hold");
    assert_snapshot!(shop.steady(&run.stdout), @"
        search-indexer    5226296    ROLLED_BACK    bookshop-prod-search-indexer:1    wanted b0885c1

    d1 was rolled back: every service that was changed runs what it ran before.
    hint: see all that was recorded with `release-tool show d1`
    ");
    assert_eq!(tag(&shop), before);
    assert_eq!(status(&shop, "d1"), "ROLLED_BACK");
    shop.run(INDEXER).expect(9).tells("on hold");
    // What was put back was released by nobody, and is not called verified.
    shop.run(&["status", "all", "prod"])
        .expect(0)
        .prints("Last released: never by release-tool")
        .prints("d1 of r1, ROLLED_BACK, begun ");
}

#[test]
fn what_was_verified_and_put_back_is_told_as_put_back() {
    let shop = with_releases(&["one"]);
    let latest = shop.latest("worker");
    let broken = format!("{}:broken", latest.rsplit_once(':').unwrap().0);
    shop.sandbox(&["set", "push-image", &broken]);
    shop.run(&["register", &broken, "worker"]).expect(0);
    shop.sandbox(&["fate", &broken, "crash=1"]);
    register(&shop, "two");
    shop.run(&["deploy", "workers", "prod", "-y"]).expect(3);
    let shown = shop.json(&["show", "d2"]);
    let services = shown["services"].as_array().unwrap();
    let indexer = services.iter().find(|one| one["service"] == "search-indexer").unwrap();
    assert_eq!(indexer["state"], "ROLLED_BACK");
    assert_eq!(indexer["runs"][0]["release_hashes"]["search-indexer"], "one");
    assert_eq!(indexer["wanted"]["search-indexer"], "two");
    let text = shop.run(&["show", "d2"]).expect(0);
    text.prints("search-indexer: ROLLED_BACK\n").prints("own rollout        VERIFIED");
    let status = shop.json(&["status", "all", "prod"]);
    assert_eq!(
        (&status["last"]["number"], &status["last_released"]["deployment"]),
        (&2.into(), &1.into())
    );
}

#[test]
fn a_running_deployment_stops_and_is_taken_back() {
    let shop = with_releases(&["one"]);
    register(&shop, "two");
    let deploy = begun(&shop, &["deploy", "workers", "prod", "-y"]);
    until("all services were told to move", || shop.count("UpdateService") == 4);
    let mut back = shop.start(&["rollback", "prod", "-y", "--reason", "wrong branch"]);
    let stopped = deploy.end().expect(7);
    assert_snapshot!(shop.steady(&stopped.stdout), @"
        order-worker      deda49d    IN_PROGRESS    bookshop-prod-order-worker:1, set to bookshop-prod-order-worker:2        wanted b38f496
        mail-worker       deda49d    IN_PROGRESS    bookshop-prod-mail-worker:1, set to bookshop-prod-mail-worker:2          wanted b38f496
        search-indexer    one        IN_PROGRESS    bookshop-prod-search-indexer:2, set to bookshop-prod-search-indexer:3    wanted two

    d2 was stopped here by Bob Beardly <bob@example.com>, who takes it back (wrong branch).
    hint: see what becomes of it with `release-tool show d2`
    hint: see what runs with `release-tool status workers prod`
    ");
    back.hears("d2: rolling back 3 services");
    (0..3).for_each(|_| drop(back.hears(": asked ECS to roll ecs-svc/")));
    shop.go_fast();
    let run = back.end().expect(0);
    assert_snapshot!(shop.steady(&run.stdout), @"
        order-worker      deda49d    ROLLED_BACK    bookshop-prod-order-worker:1      wanted b38f496
        mail-worker       deda49d    ROLLED_BACK    bookshop-prod-mail-worker:1       wanted b38f496
        search-indexer    one        ROLLED_BACK    bookshop-prod-search-indexer:2    wanted two

    d2 was rolled back: every service that was changed runs what it ran before.
    hint: see all that was recorded with `release-tool show d2`
    ");
    assert_eq!(status(&shop, "d2"), "ROLLED_BACK");
    assert_eq!(tag(&shop), "one");
    for service in &PROD {
        shop.assert_in_step(service);
    }
    shop.run(INDEXER).expect(9).tells("wrong branch");
}

#[test]
fn a_rollback_that_fails_is_not_rolled_back() {
    let shop = with_releases(&["one", "two"]);
    let one = shop.latest("search-indexer").replace(":two", ":one");
    shop.sandbox(&["fate", &one, "crash=1"]);
    let run = shop.run(BACK).expect(5).tells("prod is on hold");
    assert_snapshot!(shop.steady(&with_little_proof(&run.stdout)), @"
        search-indexer    two    ROLLED_BACK    bookshop-prod-search-indexer:3    wanted one

        search-indexer: ROLLED_BACK  ECS's circuit breaker put it back to bookshop-prod-search-indexer:3: Service deployment rolled back because the circuit breaker threshold was exceeded.
            cause: container search-indexer exited with 1; the last it said: ConnectionRefusedError: [Errno 111] Connection refused
              fix: mend what its log tells, register the image, and deploy again
            task [id] stopped, EssentialContainerExited: Essential container in task exited
              container search-indexer, exit code 1

    d3, a rollback, failed: prod needs attention now.
    hint: go back to r1 again with `release-tool rollback prod`, once what stood in the way is mended
    hint: or deploy what shall run instead with `release-tool deploy search-indexer prod --release-hold --reason 'why it may move again'`
    hint: see what runs with `release-tool status search-indexer prod`
    hint: see all that was recorded with `release-tool show d3`
    ");
    assert_eq!(status(&shop, "d3"), "ROLLBACK_FAILED");
    // ECS has put it back to what ran, and everything is in step with that.
    assert_eq!(tag(&shop), "two");
    assert_eq!(shop.json(&["history"])["deployments"].as_array().unwrap().len(), 3);
}

#[test]
fn only_a_part_goes_back_when_that_is_wanted() {
    let shop = Shop::new();
    shop.run(&["deploy", "all", "prod", "-y"]).expect(0);
    register(&shop, "two");
    let uri = register_as(&shop, "orders-api", "two");
    shop.run(&["deploy", "all", "prod", "-y"]).expect(0);
    let part = shop.run(&["rollback", "prod", "-y", "--set", "search-indexer"]).expect(0);
    part.prints("prod is back at r1, 1 of 1 services verified");
    assert_ne!(tag(&shop), "two");
    assert_eq!(shop.parameter("/bookshop/images/prod/orders-api"), Some(uri));
    for service in &PROD {
        shop.assert_in_step(service);
    }
    shop.run(&["rollback", "prod", "-y", "--set", "search"]).expect(2);
}

#[test]
fn what_was_deployed_last_is_what_goes_back() {
    let shop = Shop::new();
    shop.run(&["deploy", "all", "prod", "-y"]).expect(0);
    let first = tag(&shop);
    for tag in ["two", "three"] {
        register(&shop, tag);
        shop.run(INDEXER).expect(0);
    }
    shop.forget_requests();
    shop.run(BACK).expect(0).prints("prod is back at r2, 1 of 1 services verified");
    assert_eq!(tag(&shop), "two");
    // That release was of all services, and only this one goes back to it.
    shop.run(BACK).expect(0).prints("prod is back at r1, 1 of 1 services verified");
    assert_eq!(tag(&shop), first);
    assert_eq!(shop.count("UpdateService"), 2);
    // Before all of it, it was not deployed from here.
    shop.run(BACK)
        .expect(0)
        .tells("prod goes back to what ran before d1")
        .prints("1 of 1 services");
    shop.run(BACK)
        .expect(1)
        .tells("nothing that `search-indexer` ran in `prod` before is in the record");
    for service in &PROD {
        shop.assert_in_step(service);
    }
}

#[test]
fn a_way_back_that_is_interrupted_is_finished_by_resume() {
    // To a release.
    let shop = with_releases(&["one", "two"]);
    let back = begun(&shop, BACK);
    back.signal("INT");
    let run = back.end().expect(7);
    assert_snapshot!(shop.steady(&run.stdout), @"
        search-indexer    two    IN_PROGRESS    bookshop-prod-search-indexer:3, set to bookshop-prod-search-indexer:4    wanted one

    d3 was interrupted; what was started goes on in ECS.
    hint: finish it with `release-tool resume d3`
    ");
    let again = shop.run(BACK).expect(9);
    assert_snapshot!(remarks(&shop, &again), @"
    error: d3 to prod is not over: it is INTERRUPTED, and nobody works on it
    hint: finish it with `release-tool resume d3`
    ");
    shop.go_fast();
    shop.run(&["resume"]).expect(0).prints("prod is back at r1");
    assert_eq!(tag(&shop), "one");
    shop.run(INDEXER).expect(9).tells("on hold");

    // Of a deployment.
    let shop = with_releases(&["one"]);
    register(&shop, "two");
    let deploy = begun(&shop, INDEXER);
    deploy.signal("INT");
    deploy.end().expect(7);
    let mut back = shop.start(BACK);
    back.hears(ASKED);
    back.signal("INT");
    let run = back.end().expect(7);
    assert_snapshot!(shop.steady(&run.stdout), @"
        search-indexer    one    ROLLING_BACK    bookshop-prod-search-indexer:2    wanted two

    d2 is not back yet; what was started goes on in ECS.
    hint: finish it with `release-tool resume d2`
    hint: see what runs with `release-tool status search-indexer prod`
    ");
    let left = shop.run(&["status", "all", "prod"]).expect(0);
    assert_snapshot!(remarks(&shop, &left), @"
    warning: d2 (r2 to prod, begun [time] by Bob Beardly <bob@example.com>) is on its way back, and nobody works on it
    hint: finish it with `release-tool resume d2`
    ");
    shop.go_fast();
    shop.run(&["resume"]).expect(3).prints("d2 was rolled back");
    assert_eq!(tag(&shop), "one");
    shop.run(INDEXER).expect(9).tells("on hold");
}

#[test]
fn a_reason_may_be_needed() {
    let reason = "cluster = \"bookshop-prod\"\nrequire_reason = true";
    let manifest = BOOKSHOP.replace("cluster = \"bookshop-prod\"", reason);
    assert_ne!(manifest, BOOKSHOP);
    let shop = Shop::with(&manifest);
    shop.forget_requests();
    let run = shop.run(INDEXER).expect(2);
    assert_snapshot!(remarks(&shop, &run), @"
    error: a reason is needed for `prod`
    hint: add `--reason TEXT`
    ");
    shop.run(&["deploy", "search-indexer", "prod", "-y", "--reason", " "]).expect(2);
    assert_eq!(shop.writes(), [""; 0]);
    shop.run(&["deploy", "search-indexer", "prod", "-y", "--reason", "one"]).expect(0);
    register(&shop, "two");
    shop.run(&["deploy", "search-indexer", "prod", "-y", "--reason", "two"]).expect(0);
    shop.run(BACK).expect(2).tells("add `--reason TEXT`");
    shop.run(&["rollback", "prod", "-y", "--reason", " "]).expect(2);
    shop.run(&["rollback", "prod", "-y", "--reason", "back"]).expect(0);
    assert_eq!(shop.json(&["show", "d3"])["deployment"]["description"], "back");
    shop.run(&["deploy", "search-indexer", "stage", "-y"]).expect(0);
}

#[test]
fn a_release_is_deployed_exactly_as_it_is_everywhere() {
    let shop = Shop::new();
    register(&shop, "one");
    shop.run(&["deploy", "workers", "stage", "-y"]).expect(0);
    register(&shop, "two");
    shop.run(&["deploy", "r1", "prod", "-y"]).expect(0).prints("r1 is deployed to prod");
    assert_eq!(tag(&shop), "one");
    for image in ["search-indexer", "worker"] {
        let of = |environment| shop.parameter(&format!("/bookshop/images/{environment}/{image}"));
        assert_eq!(of("stage"), of("prod"));
    }
    let images = |deployment: &str| {
        let steps = shop.json(&["show", deployment])["deployment"]["steps"].take();
        let steps = steps.as_array().unwrap().iter();
        steps.map(|step| step["target"]["images"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(images("d1"), images("d2"));
    let whole = shop.run(&["deploy", "r1", "prod", "-y", "--from", "latest"]).expect(2);
    assert_snapshot!(remarks(&shop, &whole), @"
    error: r1 is deployed as it is, so neither `--from` nor `--image` goes with it
    hint: leave them away
    ");
    shop.run(&["deploy", "r9", "prod", "-y"]).expect(1).tells("r9");
}

/// Two services, each with an image of its own.
const PAIR: &str = r#"
[shop.environments.prod]
cluster = "shop"

[shop.services.alpha]
[shop.services.beta]
"#;

/// `PAIR`, with `d2`, of all and nobody's by now, which had begun to move `beta` alone; and `d3`,
/// which moves `alpha` and stands still.
fn beside() -> (Shop, Started) {
    let shop = Shop::with(PAIR);
    shop.run(&["deploy", "alpha", "prod", "-y"]).expect(0);
    shop.stand_still();
    let mut lost = shop.start(&["deploy", "all", "prod", "-y"]);
    lost.hears("beta: started ecs-svc/");
    lost.signal("KILL");
    lost.end();
    let latest = shop.parameter("/shop/images/latest/alpha").unwrap();
    let uri = format!("{}:next", latest.rsplit_once(':').unwrap().0);
    shop.sandbox(&["set", "push-image", &uri]);
    shop.run(&["register", &uri, "alpha"]).expect(0);
    let mut healthy = shop.start(&["deploy", "alpha", "prod", "-y"]);
    healthy.hears("alpha: started ecs-svc/");
    (shop, healthy)
}

#[test]
fn who_works_on_other_services_is_left_in_peace() {
    let (shop, healthy) = beside();
    let mut back = shop.start(&["rollback", "prod", "-y", "--set", "beta"]);
    back.hears("beta: asked ECS to roll ecs-svc/");
    shop.go_fast();
    back.end().expect(0).prints("d2 was rolled back");
    healthy.end().expect(0).prints("d3: r3 is deployed to prod");
}

#[test]
fn where_several_are_unfinished_one_is_named() {
    let (shop, healthy) = beside();
    shop.run(&["history"]).expect(0).tells("`release-tool rollback prod d2`");
    let several = shop.run(BACK).expect(1);
    assert_snapshot!(remarks(&shop, &several), @"
    error: 2 deployments are unfinished: d3, d2
    hint: name the one that is meant, for example `d3`
    ");
    shop.run(&["rollback", "prod", "d1", "-y"]).expect(1).tells("d1 is over");
    shop.run(&["rollback", "prod", "d9", "-y"]).expect(1).tells("d9");
    shop.run(&["rollback", "prod", "d2", "-y", "--to", "r1"]).expect(2);
    let mut back = shop.start(&["rollback", "prod", "d2", "-y"]);
    back.hears("beta: asked ECS to roll ecs-svc/");
    shop.go_fast();
    back.end().expect(0).prints("d2 was rolled back");
    healthy.end().expect(0).prints("d3: r3 is deployed to prod");
}

#[test]
fn a_rollback_whose_command_dies_leaves_the_hold() {
    let shop = with_releases(&["one", "two"]);
    let back = begun(&shop, BACK);
    back.signal("KILL");
    back.end();
    shop.run(&["status", "all", "prod"]).expect(0).prints("On hold");
    shop.go_fast();
    shop.run(&["resume"]).expect(0).prints("prod is back at r1");
    shop.run(INDEXER).expect(9).tells("on hold");
}

#[test]
fn a_hold_is_lifted_only_by_what_is_recorded() {
    let shop = with_releases(&["one", "two"]);
    shop.run(BACK).expect(0).tells("prod is on hold");
    let lift = [INDEXER, &["--release-hold", "--reason", "the index is rebuilt"]].concat();
    let refused = (0..9).take_while(|after| {
        shop.sandbox(&["outage", "--after", &after.to_string()]);
        let run = shop.run(&lift);
        shop.sandbox(&["outage", "--off"]);
        if run.code == Some(1) {
            shop.run(INDEXER).expect(9).tells("on hold");
        }
        run.code == Some(1)
    });
    assert!((1..9).contains(&refused.count()));
}

#[test]
fn what_was_verified_by_itself_since_stays() {
    let shop = Shop::with(PAIR);
    shop.run(&["deploy", "all", "prod", "-y"]).expect(0);
    let register = |service: &str, tag: &str| {
        let name = format!("/shop/images/latest/{service}");
        let uri = format!("{}:{tag}", shop.parameter(&name).unwrap().rsplit_once(':').unwrap().0);
        shop.sandbox(&["set", "push-image", &uri]);
        shop.run(&["register", &uri, service]).expect(0);
        uri
    };
    let alone = register("alpha", "alone");
    shop.run(&["deploy", "alpha", "prod", "-y"]).expect(0);
    let broken = register("beta", "broken");
    shop.sandbox(&["fate", &broken, "crash=1"]);
    shop.run(&["deploy", "all", "prod", "-y", "--on-failure", "hold"]).expect(3);
    shop.run(BACK).expect(0).prints("Nothing to deploy");
    assert_eq!(shop.parameter("/shop/images/prod/alpha"), Some(alone));
}

#[test]
fn what_dies_half_way_back_is_not_complete() {
    let shop = Shop::with(PAIR);
    shop.run(&["deploy", "all", "prod", "-y", "--detach"]).expect(0);
    until("both run what was deployed", || {
        shop.states("prod").values().all(|state| state == "COMPLETE")
    });
    let slow = ["fault", "add", "UpdateService", "latency=3000", "--times", "2"];
    shop.sandbox(&slow);
    let mut back = shop.start(BACK);
    back.hears("d1: rolling back 2 services");
    back.signal("KILL");
    back.end();
    shop.sandbox(&["advance", "1h"]);
    shop.run(&["status", "all", "prod", "--exit-code"])
        .expect(10)
        .prints("Last released: never by release-tool")
        .prints("Status: ROLLING_BACK")
        .prints("d1 of r1, ROLLING_BACK, begun ")
        .tells("is on its way back, and nobody works on it");
    shop.run(&["resume"]).expect(3).prints("d1 was rolled back");
}

#[test]
fn what_the_way_back_finds_in_place_is_complete() {
    let shop = Shop::with(PAIR);
    shop.run(&["deploy", "all", "prod", "-y"]).expect(0);
    for service in ["alpha", "beta"] {
        let latest = shop.parameter(&format!("/shop/images/latest/{service}")).unwrap();
        let uri = format!("{}:two", latest.rsplit_once(':').unwrap().0);
        shop.sandbox(&["set", "push-image", &uri]);
        shop.run(&["register", &uri, service]).expect(0);
    }
    shop.sandbox(&["fate", "beta", "crash=1"]);
    shop.run(&["deploy", "all", "prod", "-y", "--on-failure", "hold"]).expect(4);
    assert_eq!(shop.states("prod")["beta"], "ROLLED_BACK");
    shop.sandbox(&["fate", "beta", "healthy"]);
    shop.run(BACK).expect(0).prints("prod is back at r1, 1 of 1 services verified");
    for selection in ["all", "beta"] {
        shop.run(&["status", selection, "prod", "--exit-code"]).expect(0);
    }
}
