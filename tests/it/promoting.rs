//! Where the images of a deployment come from: another environment, a release, the command line.

use crate::support::{BOOKSHOP, Shop};

/// The images of a service's latest task definition in an environment.
fn image(shop: &Shop, environment: &str) -> String {
    let told = shop.task_definition(&format!("bookshop-{environment}-search-indexer"));
    told["taskDefinition"]["containerDefinitions"][0]["image"].as_str().unwrap().to_owned()
}

/// Pushes a new image of the search indexer and registers it; gives its URI.
fn release(shop: &Shop, tag: &str) -> String {
    let (repository, _) = shop.latest("search-indexer").rsplit_once(':').map(own).unwrap();
    let uri = format!("{repository}:{tag}");
    shop.sandbox(&["set", "push-image", &uri]);
    shop.run(&["register", &uri, "search-indexer"]).expect(0);
    uri
}

/// Both parts of a text as their own.
fn own((left, right): (&str, &str)) -> (String, String) {
    (left.to_owned(), right.to_owned())
}

#[test]
fn what_was_verified_in_one_environment_goes_to_the_next() {
    let shop = Shop::new();
    let verified = release(&shop, "tested");
    shop.run(&["deploy", "search-indexer", "stage", "-y"]).expect(0);
    let newer = release(&shop, "untested");
    let run = shop.run(&["deploy", "search-indexer", "prod", "-y", "--from", "stage"]).expect(0);
    run.tells("(images of stage)");
    assert_eq!(image(&shop, "prod"), verified);
    assert_eq!(shop.latest("search-indexer"), newer);
    // The same images at the same digests are the same release.
    let history = shop.json(&["history"]);
    let releases: Vec<_> =
        history["deployments"].as_array().unwrap().iter().map(|d| d["release"].clone()).collect();
    assert_eq!(releases, [1, 1]);
}

#[test]
fn the_manifest_may_say_where_images_come_from() {
    let manifest = BOOKSHOP
        .replace("cluster = \"bookshop-prod\"", "cluster = \"bookshop-prod\"\nfrom = \"stage\"");
    assert_ne!(manifest, BOOKSHOP);
    let shop = Shop::with(&manifest);
    let verified = release(&shop, "tested");
    shop.run(&["deploy", "search-indexer", "stage", "-y"]).expect(0);
    release(&shop, "untested");
    shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(0);
    assert_eq!(image(&shop, "prod"), verified);
}

#[test]
fn a_deployment_that_failed_in_stage_is_not_what_goes_on() {
    let shop = Shop::new();
    let good = release(&shop, "good");
    shop.run(&["deploy", "search-indexer", "stage", "-y"]).expect(0);
    release(&shop, "bad");
    shop.sandbox(&["fate", "search-indexer", "crash=1"]);
    shop.run(&["deploy", "search-indexer", "stage", "-y"]).expect(3);
    shop.run(&["deploy", "search-indexer", "prod", "-y", "--from", "stage"]).expect(0);
    assert_eq!(image(&shop, "prod"), good);
}

#[test]
fn an_older_release_is_deployed_again() {
    let shop = Shop::new();
    let first = release(&shop, "first");
    shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(0);
    let second = release(&shop, "second");
    shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(0);
    assert_eq!(image(&shop, "prod"), second);
    shop.run(&["deploy", "search-indexer", "prod", "-y", "--from", "r1"])
        .expect(0)
        .prints("r1 is deployed");
    assert_eq!(image(&shop, "prod"), first);
    assert_eq!(shop.latest("search-indexer"), second);
    shop.run(&["deploy", "search-indexer", "prod", "-y", "--from", "r9"]).expect(1).tells("r9");
}

#[test]
fn an_image_may_be_given_by_hand() {
    let shop = Shop::new();
    let before = shop.latest("search-indexer");
    let by_hand = release(&shop, "by-hand");
    shop.run(&["register", &before, "search-indexer"]).expect(0);
    let given = format!("search-indexer={by_hand}");
    shop.run(&["deploy", "workers", "prod", "-y", "--image", &given]).expect(0);
    assert_eq!(image(&shop, "prod"), by_hand);
    let unknown = format!("storefront={by_hand}");
    let run = shop.run(&["deploy", "workers", "prod", "-y", "--image", &unknown]).expect(2);
    run.tells("no selected service has an image `storefront`");
}

#[test]
fn a_label_of_its_own_is_deployed_by_name() {
    let shop = Shop::new();
    let (repository, _) = shop.latest("search-indexer").rsplit_once(':').map(own).unwrap();
    let uri = format!("{repository}:stable");
    shop.sandbox(&["set", "push-image", &uri]);
    shop.run(&["register", &uri, "search-indexer", "--label", "stable"]).expect(0);
    shop.run(&["deploy", "search-indexer", "prod", "-y", "--from", "stable"]).expect(0);
    assert_eq!(image(&shop, "prod"), uri);
    let run = shop.run(&["deploy", "workers", "prod", "-y", "--from", "stable"]).expect(1);
    run.tells("image `worker` (of `order-worker`, `mail-worker`) has no URI in label `stable`");
}
