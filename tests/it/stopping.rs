//! The way back of rollouts that are still under way: ECS is asked to roll them back itself, and
//! where it does not, a new deployment does.

use crate::{
    indexer::{ASKED, BACK, INDEXER, register, with_releases},
    support::{PROD, Shop, Started},
};

/// A project with release `one` verified in production, and `two` on its way without a command that
/// works on it. Its rollout stands still. The requests so far are forgotten.
fn left_on_its_way() -> Shop {
    let shop = with_releases(&["one"]);
    register(&shop, "two");
    shop.stand_still();
    let mut deploy = shop.start(INDEXER);
    deploy.hears("search-indexer: started ecs-svc/");
    deploy.signal("INT");
    deploy.end().expect(7);
    shop.forget_requests();
    shop
}

/// Starts the way back, up to what ECS was asked.
fn asked(shop: &Shop) -> Started {
    let mut back = shop.start(BACK);
    back.hears(ASKED);
    back
}

/// Asserts that `one` runs again, as the family's latest revision, with its parameter.
fn assert_back(shop: &Shop, revision: &str) {
    shop.assert_in_step(&PROD[5]);
    let value = shop.parameter("/bookshop/images/prod/search-indexer").unwrap();
    assert!(value.ends_with(":one"), "{value}");
    let state = &shop.json(&["status", "search-indexer", "prod"])["services"][0];
    let runs = state["task_definition"].as_str().unwrap();
    assert!(runs.ends_with(revision), "{runs}");
    assert_eq!(state["state"], "ROLLED_BACK");
}

#[test]
fn ecs_rolls_back_what_is_under_way_and_no_copy_is_registered() {
    let shop = left_on_its_way();
    let back = asked(&shop);
    shop.go_fast();
    back.end()
        .expect(0)
        .prints("d2 was rolled back")
        .tells("ROLLED_BACK  to bookshop-prod-search-indexer:2");
    assert_back(&shop, "search-indexer:2");
    let counts = ["StopServiceDeployment", "RegisterTaskDefinition", "UpdateService"];
    assert_eq!(counts.map(|operation| shop.count(operation)), [1, 0, 0]);
    assert_eq!(shop.count("DeregisterTaskDefinition"), 1, "nothing runs the one that failed");
}

#[test]
fn what_ecs_may_not_be_asked_goes_back_by_a_new_deployment() {
    let shop = left_on_its_way();
    shop.sandbox(&["fault", "add", "StopServiceDeployment", "deny"]);
    let mut back = shop.start(BACK);
    back.hears("a new deployment does it");
    shop.go_fast();
    back.end().expect(0).prints("d2 was rolled back");
    assert_back(&shop, "search-indexer:4");
}

#[test]
fn a_lost_answer_and_a_lost_process_ask_ecs_once() {
    let shop = left_on_its_way();
    shop.sandbox(&["fault", "add", "StopServiceDeployment", "drop-after", "--times", "1"]);
    let back = asked(&shop);
    back.signal("KILL");
    back.end();
    shop.go_fast();
    shop.run(&["resume"]).expect(3).prints("d2 was rolled back");
    assert_back(&shop, "search-indexer:2");
    assert_eq!(shop.count("StopServiceDeployment"), 1);
    assert_eq!(shop.count("RegisterTaskDefinition"), 0);
}

#[test]
fn the_way_back_may_die_anywhere() {
    let template = left_on_its_way();
    let mut deaths = 0;
    for point in 1_usize.. {
        let shop = template.copy();
        shop.go_fast();
        shop.sandbox(&["crash", "--after", &point.to_string()]);
        if shop.run(BACK).code.is_some() {
            break;
        }
        deaths += 1;
        let again = shop.run(&["rollback", "prod", "d2", "-y"]);
        match again.code {
            Some(0) => {}
            // The record was closed before it died.
            Some(1) => drop(again.tells("d2 is over")),
            code => panic!("after point {point}: {code:?}\n{}", again.stderr),
        }
        assert_back(&shop, "");
        assert!(shop.count("StopServiceDeployment") <= 1, "asked twice after point {point}");
    }
    assert!(deaths > 10, "{deaths}");
}

#[test]
fn a_hook_is_answered_only_where_one_waits() {
    let shop = left_on_its_way();
    let run = shop.run(&["continue", "prod", "-y"]).expect(1);
    run.tells("nothing waits for an answer in `prod`").tells("release-tool status all prod");
    shop.run(&["continue", "d2", "-y", "--service", "search-indexer"]).expect(1).tells("d2");
    shop.run(&["continue", "d1", "-y"]).expect(1).tells("d1 is over");
    shop.run(&["continue", "nowhere", "-y"]).expect(2);
    assert_eq!(shop.count("ContinueServiceDeployment"), 0);
}
