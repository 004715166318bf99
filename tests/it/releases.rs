//! Releases by themselves: made without a deployment, listed, and shown with where they stand.

use insta::assert_snapshot;

use crate::support::{PROD, Shop};

/// Pushes a new image of the search indexer and registers it.
fn register(shop: &Shop, tag: &str) {
    let latest = shop.latest("search-indexer");
    let uri = format!("{}:{tag}", latest.rsplit_once(':').unwrap().0);
    shop.sandbox(&["set", "push-image", &uri]);
    shop.run(&["register", &uri, "search-indexer"]).expect(0);
}

#[test]
fn a_release_is_made_once_and_nothing_else_is_touched() {
    let shop = Shop::new();
    shop.forget_requests();
    let create = ["release", "create", "search-indexer", "--description", "Fix the search"];
    let made = shop.run(&create).expect(0);
    assert_snapshot!(shop.steady(&made.stdout), @"
    r1

        search-indexer@b0885c1    000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/search-indexer:b0885c1    sha256:[digest]
    ");
    let again = shop.run(&create).expect(0);
    assert_snapshot!(shop.steady(&again.stdout), @"
    r1 (already there)

        search-indexer@b0885c1    000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/search-indexer:b0885c1    sha256:[digest]
    ");
    assert_eq!(shop.writes(), [""; 0]);
    assert_eq!(shop.requests()[..3], ["GetCallerIdentity", "GetParameters", "BatchGetImage"]);
    let json = shop.json(&create);
    assert_eq!((&json["created"], &json["release"]["number"]), (&false.into(), &1.into()));
    // A deployment of the same images is one of the same release.
    shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(0).prints("r1 is deployed");
    shop.assert_in_step(&PROD[5]);
}

#[test]
fn a_release_takes_its_images_from_where_it_is_told() {
    let shop = Shop::new();
    shop.run(&["deploy", "search-indexer", "stage", "-y"]).expect(0);
    register(&shop, "newer");
    let images = |arguments: &[&str]| {
        let all: Vec<&str> = ["release", "create"].iter().chain(arguments).copied().collect();
        let made = shop.json(&all);
        let number = made["release"]["number"].as_u64().unwrap();
        (number, made["release"]["images"]["search-indexer"]["release_hash"].clone())
    };
    assert_eq!(images(&["search-indexer", "--from", "stage"]), (1, "b0885c1".into()));
    assert_eq!(images(&["search-indexer"]), (2, "newer".into()));
    assert_eq!(images(&["search-indexer", "--env", "prod"]), (2, "newer".into()));
    assert_eq!(images(&["search-indexer", "--from", "r1"]), (1, "b0885c1".into()));
    let given = format!("search-indexer={}", shop.latest("search-indexer"));
    let by_hand = ["search-indexer", "--from", "r1", "--image", &given];
    assert_eq!(images(&by_hand), (2, "newer".into()));
    let wrong = ["release", "create", "storefront", "--image", &given];
    shop.run(&wrong).expect(2).tells("no selected service has an image `search-indexer`");
    shop.run(&["release", "create", "search-indexer", "--env", "live"]).expect(2);
}

#[test]
fn a_release_of_images_that_do_not_exist_is_refused_unless_they_may_be_left_out() {
    let shop = Shop::new();
    shop.sandbox(&["set", "delete-image", &shop.latest("search-indexer")]);
    let refused = shop.run(&["release", "create", "workers"]).expect(1);
    assert_snapshot!(shop.steady(&refused.stderr), @"
    sandbox: this is no AWS, nothing here is real. State is in .release-tool/sandbox
    error: image `search-indexer` is not in its registry: `000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/search-indexer:b0885c1` (ECR has no such image)
    hint: push the image, or register another with `release-tool register <uri> search-indexer`
    ");
    let made = shop.run(&["release", "create", "workers", "--allow-missing"]).expect(0);
    made.tells("warning: search-indexer is left out: ").prints("worker@");
    let json = shop.json(&["release", "create", "workers", "--allow-missing"]);
    assert_eq!(json["left_out"].as_object().unwrap().len(), 1);
    let nothing = ["release", "create", "search-indexer", "--allow-missing"];
    shop.run(&nothing).expect(1).tells("every service is left out");
    assert_eq!(shop.json(&["releases"])["releases"].as_array().unwrap().len(), 1);
}

/// A project with a release that is verified, one that failed after it, and one that was only made.
fn with_a_past() -> Shop {
    let shop = Shop::new();
    shop.run(&["deploy", "search-indexer", "stage", "-y"]).expect(0);
    shop.run(&["deploy", "search-indexer", "prod", "-y", "--description", "First"]).expect(0);
    register(&shop, "broken");
    shop.sandbox(&["fate", "search-indexer", "crash=1"]);
    shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(3);
    shop.run(&["release", "create", "all", "--description", "For later"]).expect(0);
    shop
}

#[test]
fn releases_are_listed_with_where_they_stand() {
    assert_eq!(Shop::new().run(&["releases"]).expect(0).stdout, "No releases are recorded.\n");
    let shop = with_a_past();
    let listed = shop.run(&["releases"]).expect(0).stdout;
    assert_snapshot!(shop.steady(&listed), @"
    r3    [time]    all                                                      Bob Beardly <bob@example.com>    For later
    r2    [time]    search-indexer    prod: 1 not verified                   Bob Beardly <bob@example.com>
    r1    [time]    search-indexer    stage: 1 verified; prod: 1 verified    Bob Beardly <bob@example.com>
    ");
    let json = shop.json(&["releases", "--limit", "2"]);
    let releases = json["releases"].as_array().unwrap();
    assert_eq!(releases.len(), 2);
    assert_eq!(releases[0]["number"], 3);
    assert_eq!(releases[1]["standings"][0]["attempted"]["search-indexer"], "COMPENSATED");
}

#[test]
fn a_release_is_shown_whole() {
    let shop = with_a_past();
    let shown = shop.run(&["show", "r1"]).expect(0).stdout;
    let fingerprint = regex_lite::Regex::new("[0-9a-f]{64}").unwrap();
    let shown = fingerprint.replace_all(&shown, "[fingerprint]");
    assert_snapshot!(shop.steady(&shown), @"
    Release         r1
    Services        search-indexer
    By              Bob Beardly <bob@example.com>
    Signed in as    arn:aws:iam::000000000000:user/sandbox
    On  [host]
    Made            [time]
    Fingerprint     [fingerprint]
    In stage        verified: search-indexer
    In prod         verified: search-indexer

        search-indexer@b0885c1    000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/search-indexer:b0885c1    sha256:[fingerprint]

    d2    [time]    prod     search-indexer    r1    deploy    SUCCEEDED    Bob Beardly <bob@example.com>    First
    d1    [time]    stage    search-indexer    r1    deploy    SUCCEEDED    Bob Beardly <bob@example.com>
    ");
    let json = shop.json(&["show", "r2"]);
    assert_eq!(json["schema"], "release-tool/release");
    assert_eq!(json["release"]["number"], 2);
    assert_eq!(json["deployments"][0]["number"], 3);
    assert_eq!(json["deployments"].as_array().unwrap().len(), 1);
    shop.run(&["show", "r9"]).expect(1).tells("failed to find release `r9`");
    shop.run(&["show", "12"]).expect(2).tells("`12` is neither `d` nor `r` and a number");
    // Nothing in AWS is asked.
    shop.forget_requests();
    shop.run(&["show", "r1"]).expect(0);
    assert_eq!(shop.requests(), [""; 0]);
}

#[test]
fn history_goes_back_as_far_as_is_asked() {
    let shop = with_a_past();
    let numbers = |since: &str| {
        let history = shop.json(&["history", "--since", since]);
        let deployments = history["deployments"].as_array().unwrap().iter();
        deployments.map(|one| one["number"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(numbers("1h"), [3, 2, 1]);
    assert_eq!(numbers("2000-01-01"), [3, 2, 1]);
    assert_eq!(numbers("9000-01-01T12:00"), [0; 0]);
    let all = shop.json(&["history"]);
    let second = all["deployments"][1]["created_at"].as_str().unwrap();
    assert_eq!(numbers(second), [3, 2]);
    let limited = shop.json(&["history", "--since", "1h", "--limit", "1"]);
    assert_eq!(limited["deployments"].as_array().unwrap().len(), 1);
    let wrong = shop.run(&["history", "--since", "yesterday"]).expect(2);
    wrong.tells("`yesterday` is neither a date such as `2026-11-21`");
}
