//! Registries of other accounts: an environment may have its own, and only the very same image is
//! deployed from it.

use crate::support::{BOOKSHOP, Shop};

/// The registry that images are registered with.
const SHARED: &str = "111111111111.dkr.ecr.eu-west-1.amazonaws.com/bookshop/search-indexer";
/// That of the environment `prod`.
const OWN: &str = "222222222222.dkr.ecr.eu-west-1.amazonaws.com/bookshop/search-indexer";
/// The service that shares no image with another.
const DEPLOY: &[&str] = &["deploy", "search-indexer", "prod", "-y"];

/// The example project in one account, with its production in another.
fn project(of_prod: &str) -> Shop {
    let cluster = "cluster = \"bookshop-prod\"\n";
    let prod = format!("{cluster}account = \"222222222222\"\n{of_prod}\n");
    let manifest = BOOKSHOP
        .replace("region = \"eu-west-1\"", "region = \"eu-west-1\"\naccount = \"111111111111\"")
        .replace(cluster, &prod);
    Shop::with(&manifest)
}

/// The same with a registry of its own for production.
fn with_own_registry(more: &str) -> Shop {
    let registry = "registry = \"222222222222.dkr.ecr.eu-west-1.amazonaws.com\"";
    project(&format!("{registry}\n{more}"))
}

/// Pushes an image, built from a revision, and registers it if it is one of the shared registry.
fn push(shop: &Shop, repository: &str, revision: &str) {
    let uri = format!("{repository}:new");
    shop.sandbox(&["set", "push-image", &uri, "--revision", revision]);
    if repository == SHARED {
        shop.run(&["register", &uri, "search-indexer"]).expect(0);
    }
}

#[test]
fn the_same_image_is_deployed_from_the_environment_s_own_registry() {
    let shop = with_own_registry("");
    push(&shop, SHARED, "4246187");
    push(&shop, OWN, "4246187");
    shop.run(DEPLOY).expect(0).prints("VERIFIED");
    let shown = shop.json(&["show", "d1"]).to_string();
    assert!(shown.contains(&format!("{OWN}:new")), "{shown}");
    assert!(!shown.contains(&format!("{SHARED}:new")), "{shown}");
    shop.run(&["status", "search-indexer", "prod"]).expect(0).prints("COMPLETE");
    shop.run(DEPLOY).expect(0).prints("Nothing to deploy");
}

#[test]
fn another_image_of_the_same_name_is_refused() {
    let shop = with_own_registry("");
    push(&shop, SHARED, "4246187");
    push(&shop, OWN, "built-again");
    shop.forget_requests();
    let run = shop.run(DEPLOY).expect(1);
    run.tells("image `search-indexer` is another one in the environment's registry")
        .tells(&format!("hint: copy the image instead of building it again, for example with `crane copy {SHARED}@sha256:"));
    assert_eq!(shop.writes(), [""; 0]);
}

#[test]
fn an_image_that_was_not_copied_is_named_with_the_way_to_do_it() {
    let shop = with_own_registry("");
    push(&shop, SHARED, "4246187");
    let run = shop.run(DEPLOY).expect(1);
    run.tells(&format!("is not in the environment's registry: `{OWN}:new`")).tells(&format!(
        "hint: copy it as it is, for example with `crane copy {SHARED}:new {OWN}:new`"
    ));
}

#[test]
fn what_was_verified_in_one_account_goes_to_the_next_at_the_same_digest() {
    let shop = with_own_registry("from = \"stage\"");
    push(&shop, SHARED, "4246187");
    shop.run(&["deploy", "search-indexer", "stage", "-y"]).expect(0);
    push(&shop, OWN, "built-again");
    shop.run(DEPLOY).expect(1).tells("is another one in the environment's registry");
    push(&shop, OWN, "4246187");
    shop.run(DEPLOY).expect(0).prints("VERIFIED");
    let digest = |deployment: &str| {
        let shown = shop.json(&["show", deployment]);
        shown["release"]["images"]["search-indexer"]["digest"].clone()
    };
    assert!(digest("d1").is_string(), "{}", shop.json(&["show", "d1"]));
    assert_eq!(digest("d1"), digest("d2"));
}

#[test]
fn without_a_record_the_registries_themselves_are_compared() {
    let shop = with_own_registry("");
    for repository in [SHARED, OWN] {
        let revision = if repository == SHARED { "4246187" } else { "built-again" };
        let uri = format!("{repository}:unrecorded");
        shop.sandbox(&["set", "push-image", &uri, "--revision", revision]);
    }
    // Somebody else wrote the label.
    let put = serde_json::json!({
        "scope": { "account": "111111111111" },
        "name": "/bookshop/images/latest/search-indexer",
        "value": format!("{SHARED}:unrecorded"),
    });
    shop.cloud().put_parameter(&serde_json::from_value(put).unwrap()).unwrap();
    shop.run(DEPLOY).expect(1).tells("is another one in the environment's registry");
}

#[test]
fn a_registry_of_another_account_that_denies_is_named_with_its_policy() {
    let shop = project("");
    push(&shop, SHARED, "4246187");
    shop.sandbox(&["fault", "add", "BatchGetImage", "deny"]);
    shop.run(DEPLOY)
        .expect(1)
        .tells("ECR repository `bookshop/search-indexer` of account 111111111111")
        .tells("hint: allow `ecr:BatchGetImage` on ")
        .tells(", and in the repository's policy in account 111111111111");
    shop.sandbox(&["fault", "clear"]);
    shop.run(DEPLOY).expect(0).prints("VERIFIED");
}

#[test]
fn the_policy_of_whoever_deploys_names_both_registries() {
    let shop = with_own_registry("");
    let policy = shop.run(&["iam-policy", "deploy", "--env", "prod"]).expect(0).stdout;
    for account in ["111111111111", "222222222222"] {
        let arn = format!("arn:aws:ecr:eu-west-1:{account}:repository/bookshop/search-indexer");
        assert!(policy.contains(&arn), "{arn} in {policy}");
    }
}
