//! `register`: what is written, what is only warned of, and what is refused.

use crate::support::Shop;

/// Where the example project's images are.
const REPOSITORY: &str = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/search-indexer";
/// The parameter that names the search indexer's latest image.
const LATEST: &str = "/bookshop/images/latest/search-indexer";

/// Pushes an image with a tag; gives its URI.
fn push(shop: &Shop, tag: &str) -> String {
    let uri = format!("{REPOSITORY}:{tag}");
    shop.sandbox(&["set", "push-image", &uri]);
    uri
}

#[test]
fn an_image_becomes_the_latest_of_its_service() {
    let shop = Shop::new();
    let uri = push(&shop, "4246187");
    let run = shop.run(&["register", &uri, "search-indexer"]).expect(0);
    insta::assert_snapshot!(run.stdout, @"Updated: /bookshop/images/latest/search-indexer");
    assert_eq!(shop.parameter(LATEST), Some(uri.clone()));

    shop.forget_requests();
    let run = shop.run(&["register", &uri, "search-indexer"]).expect(0);
    insta::assert_snapshot!(run.stdout, @"Unchanged: /bookshop/images/latest/search-indexer is 000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/search-indexer:4246187 already");
    assert_eq!(shop.writes(), [""; 0]);

    // The same tag names another image now: the record changes, the parameter need not.
    shop.sandbox(&["set", "push-image", &uri, "--revision", "another"]);
    let run = shop.run(&["register", &uri, "search-indexer"]).expect(0);
    insta::assert_snapshot!(shop.steady(&run.stdout), @"Updated: /bookshop/images/latest/search-indexer (the same tag, now 9d0a8e4118f0)");
    assert_eq!(shop.writes(), [""; 0]);
    shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(0);
}

#[test]
fn the_commit_is_known_by_the_image_s_label() {
    let shop = Shop::new();
    let uri = format!("{REPOSITORY}:nightly");
    let revision = "0123456789abcdef0123456789abcdef01234567";
    shop.sandbox(&["set", "push-image", &uri, "--revision", revision]);
    let registered = shop.json(&["register", &uri, "search-indexer"]);
    assert_eq!(registered["schema"], "release-tool/registration");
    assert_eq!(registered["outcome"], "updated");
    assert_eq!(registered["release_hash"], revision);
    assert!(registered["digest"].as_str().unwrap().starts_with("sha256:"));
    shop.run(&["deploy", "search-indexer", "prod", "-y"]).expect(0).prints("0123456    VERIFIED");
}

#[test]
fn another_label_is_another_parameter() {
    let shop = Shop::new();
    let before = shop.parameter(LATEST);
    let uri = push(&shop, "4246187");
    let run = shop.run(&["register", &uri, "search-indexer", "--env", "stable"]).expect(0);
    run.prints("Updated: /bookshop/images/stable/search-indexer");
    assert_eq!(shop.parameter("/bookshop/images/stable/search-indexer"), Some(uri));
    assert_eq!(shop.parameter(LATEST), before);
}

#[test]
fn what_cannot_be_deployed_is_not_registered() {
    let shop = Shop::new();
    let uri = push(&shop, "4246187");
    let absent = format!("{REPOSITORY}:absent");
    let elsewhere = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/nowhere:1";
    let other = format!("sha256:{}", "0".repeat(64));
    shop.forget_requests();
    let cases: [(&[&str], i32); 7] = [
        (&[&uri, "search-indexr"], 2),
        (&[&absent, "search-indexer"], 1),
        (&[elsewhere, "search-indexer"], 1),
        (&[REPOSITORY, "search-indexer"], 2),
        (&["not an image", "search-indexer"], 2),
        (&[&uri, "search-indexer", "--digest", &other], 1),
        (&[&uri, "storefront", "--env", "no label"], 2),
    ];
    let mut told = String::new();
    for (arguments, code) in cases {
        let all: Vec<&str> = ["register", "-q"].iter().chain(arguments).copied().collect();
        let run = shop.run(&all).expect(code);
        assert_eq!(run.stdout, "", "{arguments:?}");
        told.push_str(&run.stderr);
        told.push('\n');
    }
    insta::assert_snapshot!(shop.steady(&told), @r"
    error: the project `bookshop` has no image or service `search-indexr`: there are `storefront`, `storefront-proxy`, `catalogue-api`, `orders-api`, `worker` and `search-indexer`
    hint: use `search-indexer`, if that is meant

    error: `000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/search-indexer:absent` is not in its registry (ECR has no such image)
    hint: push it first: `docker push 000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/search-indexer:absent`

    error: `000000000000.dkr.ecr.eu-west-1.amazonaws.com/nowhere:1` is not in its registry (there is no ECR repository `nowhere` in account 000000000000, eu-west-1)
    hint: push it first: `docker push 000000000000.dkr.ecr.eu-west-1.amazonaws.com/nowhere:1`

    error: `000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/search-indexer` names no tag and no digest
    hint: give it as `<registry>/<repository>:<tag>`

    error: `not an image` is not an image URI: a repository is lower-case letters, digits, `.`, `_`, `-` and `/`
    hint: give it as `<registry>/<repository>:<tag>`

    error: `000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop/search-indexer:4246187` is sha256:[digest], and sha256:[digest] was given
    hint: leave `--digest` away, or give the digest that the registry has

    error: `no label` is not a valid label: ' ' is not allowed, only letters, digits, `_`, `.` and `-` can stand in an SSM parameter path
    ");
    assert_eq!(shop.writes(), [""; 0]);
}

#[test]
fn a_registry_that_cannot_be_asked_is_warned_of() {
    let shop = Shop::new();
    let uri = "docker.io/library/nginx:1.27";
    let run = shop.run(&["register", uri, "search-indexer", "-q"]).expect(0);
    insta::assert_snapshot!(shop.steady(&run.stderr), @"warning: `docker.io/library/nginx` is not an ECR repository, so the digest of `docker.io/library/nginx:1.27` is not known and a deployment cannot prove that it runs; give it with `--digest sha256:…`");
    assert_eq!(shop.parameter(LATEST).as_deref(), Some(uri));

    let digest = format!("sha256:{}", "a".repeat(64));
    let run = shop.run(&["register", uri, "search-indexer", "-q", "--digest", &digest]).expect(0);
    assert_eq!(run.stderr, "");
}
