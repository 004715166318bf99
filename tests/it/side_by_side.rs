//! Several commands on one sandbox and one record at the same time.

use insta::assert_snapshot;

use crate::support::{BOOKSHOP, PROD, Shop, Started, until};

#[test]
fn everybody_may_look_while_a_deployment_goes_on() {
    let shop = Shop::new();
    shop.stand_still();
    let deploy = shop.start(&["deploy", "all", "prod", "-y"]);
    until("all services were told to move", || shop.count("UpdateService") == 6);
    let looks: Vec<Started> =
        (0..4).map(|_| shop.start(&["status", "all", "prod", "-v"])).collect();
    for look in looks {
        look.end().expect(0).prints("IN_PROGRESS");
    }
    shop.run(&["history"]).expect(0).prints("RUNNING");
    shop.go_fast();
    deploy.end().expect(0).prints("6 of 6 services verified");
}

#[test]
fn different_services_are_deployed_at_the_same_time() {
    let shop = Shop::new();
    let web = shop.start(&["deploy", "web", "prod", "-y"]);
    let workers = shop.start(&["deploy", "workers", "prod", "-y"]);
    web.end().expect(0);
    workers.end().expect(0);
    for service in &PROD {
        shop.assert_in_step(service);
    }
    let history = shop.json(&["history"]);
    let mut numbers: Vec<u64> = history["deployments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d["number"].as_u64().unwrap())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2]);
}

#[test]
fn a_plan_that_was_overtaken_is_made_again_and_carried_out_where_it_is_the_same() {
    let shop = Shop::new();
    shop.sandbox(&["fault", "add", "DescribeServices", "latency=3000"]);
    let workers = shop.start(&["deploy", "workers", "prod", "-y"]);
    until("the services are asked for", || shop.count("DescribeServices") > 0);
    shop.sandbox(&["fault", "clear"]);
    shop.run(&["deploy", "web", "prod", "-y"]).expect(0);
    workers.end().expect(0).prints("d2: r2 is deployed to prod");
    for service in &PROD {
        shop.assert_in_step(service);
    }
}

#[test]
fn the_same_deployment_twice_is_one_rollout() {
    let shop = Shop::new();
    shop.stand_still();
    let mut first = shop.start(&["deploy", "search-indexer", "prod", "-y"]);
    first.hears("search-indexer: started ecs-svc/");
    let refused = shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(6);
    assert_snapshot!(shop.steady(&refused.stderr), @"
    sandbox: this is no AWS, nothing here is real. State is in .release-tool/sandbox
    error: prod is held, so nothing was changed: `search-indexer` by Bob Beardly <bob@example.com>
      `search-indexer`: in use by Bob Beardly <bob@example.com> since [time] ([age])
          for d1
          on [host]
          until [time] unless renewed; renewed [age] ago
    hint: see it through with `release-tool wait d1`, or stop it with `release-tool abort d1`
    hint: `release-tool deploy` waits for its turn with `--wait 15m`
    hint: where its command hangs, `release-tool unlock search-indexer prod --force --reason TEXT` breaks its lease
    ");
    assert_eq!(refused.stdout, "");
    // A service that shares no image is nobody else's business.
    shop.run(&["deploy", "orders-api", "prod", "--dry-run"]).expect(0);
    shop.run(&["deploy", "workers", "prod", "--dry-run"]).expect(6).tells("for d1");
    shop.run(&["deploy", "all", "prod", "--dry-run"]).expect(6).tells("for d1");
    let second = shop.start(&["deploy", "search-indexer", "prod", "-y", "--wait", "1m"]);
    shop.go_fast();
    first.end().expect(0);
    second.end().expect(0).prints("Nothing to deploy");
    assert_eq!(shop.writes(), ["RegisterTaskDefinition", "PutParameter", "UpdateService"]);
}

#[test]
fn the_first_commands_of_all_seed_the_sandbox_once() {
    let shop = Shop::unseeded(BOOKSHOP);
    let commands: Vec<Started> = (0..4).map(|_| shop.start(&["status", "all", "prod"])).collect();
    for command in commands {
        command.end().expect(0).prints("Status: COMPLETE");
    }
}
