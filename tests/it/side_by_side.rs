//! Several commands on one sandbox and one record at the same time.

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
fn the_same_deployment_twice_at_once_is_one() {
    let shop = Shop::new();
    shop.stand_still();
    let mut first = shop.start(&["deploy", "search-indexer", "prod", "-y"]);
    first.hears("search-indexer: started ecs-svc/");
    shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(6).tells("for d1");
    shop.go_fast();
    first.end().expect(0);
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
