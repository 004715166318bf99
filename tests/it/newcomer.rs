//! The main job in the example project: from nothing to verified in one step, and what is asked
//! before anything is changed.

use std::process::Stdio;

use crate::support::{PROD, Shop, Started, document};

#[test]
fn a_set_is_deployed_and_verified_in_one_step() {
    let shop = Shop::new();
    let run = shop.run(&["deploy", "all", "prod", "-y", "--description", "First"]).expect(0);
    insta::assert_snapshot!(shop.steady(&run.stdout), @r"
        storefront        7240c1b,f871a6a    VERIFIED    bookshop-prod-storefront:2
        catalogue-api     156b5d5            VERIFIED    bookshop-prod-catalogue-api:2
        orders-api        25b9d30            VERIFIED    bookshop-prod-orders-api:2
        order-worker      b38f496            VERIFIED    bookshop-prod-order-worker:2
        mail-worker       b38f496            VERIFIED    bookshop-prod-mail-worker:2
        search-indexer    b0885c1            VERIFIED    bookshop-prod-search-indexer:2

    d1: r1 is deployed to prod, 6 of 6 services verified.
    ");
    for service in &PROD {
        shop.assert_in_step(service);
    }
    assert!(shop.verdicts("d1").values().all(|verdict| verdict == "VERIFIED"));
    assert!(shop.states("prod").values().all(|state| state == "COMPLETE"));

    insta::assert_snapshot!(shop.steady(&shop.run(&["status", "all", "prod"]).expect(0).stdout), @r"
     Last released: [time]
       Released by: Bob Beardly <bob@example.com>
            Status: COMPLETE
        Deployment: d1 of r1, SUCCEEDED
       Description: First

    storefront        7240c1b,f871a6a    COMPLETE
    catalogue-api     156b5d5            COMPLETE
    orders-api        25b9d30            COMPLETE
    order-worker      b38f496            COMPLETE
    mail-worker       b38f496            COMPLETE
    search-indexer    b0885c1            COMPLETE
    ");
    insta::assert_snapshot!(shop.steady(&shop.run(&["history"]).expect(0).stdout), @"d1    [time]    prod    all    r1    deploy    SUCCEEDED    Bob Beardly <bob@example.com>    First");
    let shown = shop.run(&["show", "d1"]).expect(0).stdout;
    let (head, _) = shown.split_once("\nstorefront: ").unwrap();
    insta::assert_snapshot!(shop.steady(head), @r"
    Deployment      d1
    Kind            deploy
    Status          SUCCEEDED
    Environment     prod
    Services        all
    Release         r1
    By              Bob Beardly <bob@example.com>
    Signed in as    arn:aws:iam::000000000000:user/sandbox
    On  [host]
    Description     First
    Started         [time]
    Ended           [time]
    Made with       release-tool [version]

        catalogue-api@156b5d5       000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/catalogue-api:156b5d5       sha256:[digest]
        orders-api@25b9d30          000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/orders-api:25b9d30          sha256:[digest]
        search-indexer@b0885c1      000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/search-indexer:b0885c1      sha256:[digest]
        storefront@7240c1b          000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/storefront:7240c1b          sha256:[digest]
        storefront-proxy@f871a6a    000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/storefront-proxy:f871a6a    sha256:[digest]
        worker@b38f496              000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/worker:b38f496              sha256:[digest]
    ");
}

#[test]
fn the_plan_shows_every_change_before_it_is_made() {
    let shop = Shop::new();
    shop.forget_requests();
    let run = shop.run(&["deploy", "web", "prod", "--dry-run"]).expect(0);
    insta::assert_snapshot!(run.stdout, @r"
    This will deploy:

        catalogue-api@156b5d5       (was e05b4e0)
        orders-api@25b9d30          (was dc560ae)
        storefront@7240c1b          (was c83dbde)
        storefront-proxy@f871a6a    (was d8c10e6)

    to prod (images from label latest):

        storefront  (ECS service storefront in bookshop-prod): moves to a new revision of bookshop-prod-storefront:1
            containerDefinitions[storefront].image: bookshop/storefront:c83dbde → :7240c1b
            containerDefinitions[storefront-proxy].image: bookshop/storefront-proxy:d8c10e6 → :f871a6a
            /bookshop/images/prod/storefront: bookshop/storefront:c83dbde → :7240c1b
            /bookshop/images/prod/storefront-proxy: bookshop/storefront-proxy:d8c10e6 → :f871a6a
        catalogue-api  (ECS service catalogue-api in bookshop-prod): moves to a new revision of bookshop-prod-catalogue-api:1
            containerDefinitions[catalogue-api].image: bookshop/catalogue-api:e05b4e0 → :156b5d5
            /bookshop/images/prod/catalogue-api: bookshop/catalogue-api:e05b4e0 → :156b5d5
        orders-api  (ECS service orders-api in bookshop-prod): moves to a new revision of bookshop-prod-orders-api:1
            containerDefinitions[orders-api].image: bookshop/orders-api:dc560ae → :25b9d30
            /bookshop/images/prod/orders-api: bookshop/orders-api:dc560ae → :25b9d30
    ");
    assert_eq!(shop.writes(), [""; 0]);

    let plan = shop.json(&["deploy", "web", "prod", "--dry-run"]);
    assert_eq!(plan["schema"], "release-tool/plan");
    assert_eq!(plan["steps"].as_array().unwrap().len(), 3);
    assert_eq!(shop.writes(), [""; 0]);
    shop.run(&["history"]).expect(0).prints("No deployments are recorded.");
}

#[test]
fn what_runs_already_is_not_deployed_again() {
    let shop = Shop::new();
    shop.run(&["deploy", "all", "prod", "-y"]).expect(0);
    shop.forget_requests();
    let run = shop.run(&["deploy", "all", "prod", "-y"]).expect(0);
    insta::assert_snapshot!(run.stdout, @r"
    Nothing to deploy: prod (images from label latest) runs these already.

        storefront        7240c1b,f871a6a    bookshop-prod-storefront:2
        catalogue-api     156b5d5            bookshop-prod-catalogue-api:2
        orders-api        25b9d30            bookshop-prod-orders-api:2
        order-worker      b38f496            bookshop-prod-order-worker:2
        mail-worker       b38f496            bookshop-prod-mail-worker:2
        search-indexer    b0885c1            bookshop-prod-search-indexer:2
    ");
    // Not even a question is asked.
    shop.run(&["deploy", "all", "prod"]).expect(0).prints("Nothing to deploy");
    assert_eq!(shop.writes(), [""; 0]);
    assert_eq!(shop.json(&["history"])["deployments"].as_array().unwrap().len(), 1);
}

#[test]
fn every_result_is_a_document() {
    let shop = Shop::new();
    let run = shop.run(&["deploy", "workers", "prod", "-y", "--output", "json"]).expect(0);
    let documents = run.documents();
    let (first, last) = (documents.first().unwrap(), documents.last().unwrap());
    assert_eq!(first["schema"], "release-tool/plan");
    assert_eq!(last["schema"], "release-tool/deployment");
    assert_eq!(last["deployment"]["status"], "SUCCEEDED");
    assert!(
        documents[1..documents.len() - 1].iter().all(|one| one["schema"] == "release-tool/event")
    );
    let finished = documents.iter().filter(|one| one["event"] == "step_finished");
    assert_eq!(finished.filter(|one| one["verdict"] == "VERIFIED").count(), 3);

    for (arguments, schema) in [
        (&["deploy", "workers", "prod"] as &[&str], "release-tool/plan"),
        (&["status", "workers", "prod"], "release-tool/status"),
        (&["history"], "release-tool/history"),
        (&["show", "d1"], "release-tool/deployment"),
        (&["sandbox", "requests"], "release-tool/sandbox-requests"),
    ] {
        assert_eq!(shop.json(arguments)["schema"], schema, "{arguments:?}");
    }
    let failed = shop.run(&["show", "d7", "--output", "json"]).expect(1);
    assert_eq!(document(&failed.stdout)["schema"], "release-tool/error");
}

#[test]
fn without_a_terminal_nothing_goes_on_without_consent() {
    let shop = Shop::new();
    shop.forget_requests();
    let run = shop.run(&["deploy", "mail-worker", "prod"]).expect(2);
    assert_eq!(run.stdout, "");
    run.tells("error: nobody is there to answer").tells("hint: add `--skip-confirm`");
    // An answer from a pipe is no answer of a person.
    let mut command = shop.program(&["deploy", "mail-worker", "prod"]);
    let mut started = Started::of({
        command.stdin(Stdio::piped());
        command
    });
    drop(std::io::Write::write_all(&mut started.stdin(), b"y\n"));
    started.end().expect(2);
    assert_eq!(shop.writes(), [""; 0]);

    for (flag, service) in [
        ("--skip_confirm", "storefront"),
        ("--yes", "catalogue-api"),
        ("--skip-confirm", "orders-api"),
    ] {
        shop.run(&["deploy", service, "prod", flag]).expect(0);
    }
}

#[test]
fn quiet_is_quiet() {
    let shop = Shop::new();
    let run = shop.run(&["deploy", "orders-api", "prod", "-y", "--quiet"]).expect(0);
    assert_eq!(run.stderr, "");
    assert!(run.stdout.contains("VERIFIED"));
}
