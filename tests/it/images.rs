//! Which images are deployed: shared ones, missing ones, and tags that have moved.

use serde_json::json;

use crate::support::{PROD, Shop, until};

/// A deployment of the example project's background work.
const WORKERS: &[&str] = &["deploy", "workers", "prod", "-y"];

#[test]
fn services_that_share_an_image_move_together() {
    let shop = Shop::new();
    let plan = shop.run(&["deploy", "order-worker", "prod", "--dry-run"]).expect(0);
    insta::assert_snapshot!(plan.stdout, @r"
    This will deploy:

        worker@b38f496    (was deda49d)

    to prod (images from label latest):

        order-worker  (ECS service order-worker in bookshop-prod): moves to a new revision of bookshop-prod-order-worker:1
            containerDefinitions[worker].image: bookshop/worker:deda49d → :b38f496
            /bookshop/images/prod/worker: bookshop/worker:deda49d → :b38f496
        mail-worker  (ECS service mail-worker in bookshop-prod): moves to a new revision of bookshop-prod-mail-worker:1
            moves too, because it shares an image
            containerDefinitions[worker].image: bookshop/worker:deda49d → :b38f496
            /bookshop/images/prod/worker: bookshop/worker:deda49d → :b38f496
    ");
    shop.run(&["deploy", "order-worker", "prod", "-y"])
        .expect(0)
        .prints("2 of 2 services verified");
    let verdicts = shop.verdicts("d1");
    assert_eq!(verdicts.keys().collect::<Vec<_>>(), ["mail-worker", "order-worker"]);
    assert!(verdicts.values().all(|verdict| verdict == "VERIFIED"));
    shop.assert_in_step(&PROD[3]);
    shop.assert_in_step(&PROD[4]);
    // The parameter is one, and is written once.
    assert_eq!(shop.count("PutParameter"), 1);
}

#[test]
fn an_image_that_is_not_in_its_registry_is_refused_before_anything_is_changed() {
    let shop = Shop::new();
    shop.sandbox(&["set", "delete-image", &shop.latest("worker")]);
    shop.forget_requests();
    let run = shop.run(WORKERS).expect(1);
    insta::assert_snapshot!(shop.steady(&run.stderr), @r"
    sandbox: this is no AWS, nothing here is real. State is in .release-tool/sandbox
    error: image `worker` is not in its registry: `000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/worker:b38f496` (ECR has no such image)
    hint: push the image, or register another with `release-tool register <uri> worker`
    ");
    assert_eq!(run.stdout, "");
    assert_eq!(shop.writes(), [""; 0]);
    shop.run(&["history"]).expect(0).prints("No deployments are recorded.");

    shop.run(&["deploy", "workers", "prod", "-y", "--allow-missing"])
        .expect(0)
        .prints("1 of 1 services verified")
        .tells("`order-worker` is left out")
        .tells("`mail-worker` is left out");
    assert_eq!(shop.verdicts("d1").keys().collect::<Vec<_>>(), ["search-indexer"]);
    for service in &PROD[3..] {
        shop.assert_in_step(service);
    }
}

#[test]
fn everything_that_stands_against_a_deployment_is_told_at_once() {
    let shop = Shop::new();
    let latest = "/bookshop/images/latest/storefront";
    shop.ssm("DeleteParameter", &json!({ "Name": latest }));
    shop.sandbox(&["set", "delete-image", &shop.latest("worker")]);
    let gone = json!({
        "cluster": "bookshop-prod", "service": "orders-api", "force": true,
    });
    shop.ecs("DeleteService", &gone);
    shop.sandbox(&["advance", "1m"]);
    shop.forget_requests();
    let run = shop.run(&["deploy", "all", "prod", "-y"]).expect(1);
    insta::assert_snapshot!(shop.steady(&run.stderr), @r"
    sandbox: this is no AWS, nothing here is real. State is in .release-tool/sandbox
    error: 3 things stand against this deployment
      - image `storefront` (of `storefront`) has no URI in label `latest`: there is no parameter `/bookshop/images/latest/storefront` in account 000000000000 (eu-west-1)
      - image `worker` is not in its registry: `000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/worker:b38f496` (ECR has no such image)
      - service `orders-api` is not in cluster `bookshop-prod`: no ECS service `orders-api`
    hint: run `release-tool register <uri> storefront`, or leave its services out with `--allow-missing`
    hint: push the image, or register another with `release-tool register <uri> worker`
    hint: create it, or set `services.orders-api.service` in the manifest to the ECS service's name
    ");
    assert_eq!(shop.writes(), [""; 0]);
}

#[test]
fn a_tag_that_has_moved_since_it_was_registered_is_refused() {
    let shop = Shop::new();
    let uri = shop.latest("search-indexer");
    shop.run(&["register", &uri, "search-indexer"]).expect(0);
    let running = shop.parameter("/bookshop/images/prod/search-indexer").unwrap();
    let (_, older) = running.rsplit_once(':').unwrap();
    shop.sandbox(&["set", "move-tag", &uri, older]);
    shop.forget_requests();
    let run = shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(1);
    insta::assert_snapshot!(shop.steady(&run.stderr), @r"
    sandbox: this is no AWS, nothing here is real. State is in .release-tool/sandbox
    error: the tag of image `search-indexer` has moved: `000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/search-indexer:b0885c1` was 764328c216cc and is now 22985f5c6e49
    hint: if the new image is meant, run `release-tool register 000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/search-indexer:b0885c1 search-indexer` and deploy again
    ");
    assert_eq!(shop.writes(), [""; 0]);
    // What is meant is said once more, and then it is deployed.
    shop.run(&["register", &uri, "search-indexer"]).expect(0).prints("Updated");
    shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(0);
}

#[test]
fn a_tag_that_moves_while_tasks_start_is_no_success() {
    let shop = Shop::new();
    let uri = shop.latest("search-indexer");
    let running = shop.parameter("/bookshop/images/prod/search-indexer").unwrap();
    let (_, older) = running.rsplit_once(':').unwrap();
    shop.stand_still();
    let mut deploy = shop.start(&["deploy", "search-indexer", "prod", "-y"]);
    deploy.hears("search-indexer: started ecs-svc/");
    shop.sandbox(&["set", "move-tag", &uri, older]);
    shop.go_fast();
    let run = deploy.end().expect(3);
    run.prints("its tag has moved");
    assert_eq!(shop.verdicts("d1")["search-indexer"], "FAILED");
    assert_eq!(shop.parameter("/bookshop/images/prod/search-indexer"), Some(running));
    shop.assert_in_step(&PROD[5]);
}

/// A deployment of the search indexer whose command was stopped right after the service was told to
/// move.
fn interrupted(shop: &Shop) {
    shop.stand_still();
    let mut deploy = shop.start(&["deploy", "search-indexer", "prod", "-y"]);
    deploy.hears("search-indexer: started ecs-svc/");
    deploy.signal("INT");
    deploy.end().expect(7);
}

#[test]
fn whoever_resumes_compares_with_what_was_planned_though_the_tag_has_moved() {
    let shop = Shop::new();
    let uri = shop.latest("search-indexer");
    let running = shop.parameter("/bookshop/images/prod/search-indexer").unwrap();
    let (_, older) = running.rsplit_once(':').unwrap();
    interrupted(&shop);
    shop.sandbox(&["set", "move-tag", &uri, older]);
    shop.go_fast();
    shop.run(&["resume"]).expect(3).prints("its tag has moved");
    assert_eq!(shop.verdicts("d1")["search-indexer"], "FAILED");
    assert_eq!(shop.parameter("/bookshop/images/prod/search-indexer"), Some(running));
    shop.assert_in_step(&PROD[5]);
}

#[test]
fn what_runs_is_compared_though_its_image_is_gone() {
    let shop = Shop::new();
    interrupted(&shop);
    shop.go_fast();
    until("the new tasks run", || {
        let told = shop.service("bookshop-prod", "prod-search-indexer");
        told["deployments"][0]["rolloutState"] == "COMPLETED"
            && told["taskDefinition"].as_str().unwrap().ends_with(":2")
    });
    shop.sandbox(&["set", "delete-image", &shop.latest("search-indexer")]);
    shop.run(&["resume"]).expect(0).prints("1 of 1 services verified.");
    let step = shop.json(&["show", "d1"])["deployment"]["steps"][0].take();
    assert_eq!(step["note"], serde_json::Value::Null);
    let planned = step["digests"]["search-indexer"].as_array().unwrap();
    assert!(!planned.is_empty(), "{step}");
}
