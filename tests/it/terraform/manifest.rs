//! `init --from-terraform`.

use std::{collections::BTreeMap, fs};

use insta::assert_snapshot;

use super::{PLAN, RECIPE};
use crate::support::{Shop, text};

#[test]
fn a_manifest_is_made_of_a_state() {
    let shop = Shop::unseeded("");
    fs::remove_file(shop.path().join(".weco-project")).unwrap();
    shop.write("state.json", RECIPE);
    let made = shop.run(&["init", "--from-terraform", "state.json"]).expect(0);
    assert_snapshot!(made.stdout, @"`.weco-project` was written, services: 2, environments: 1.");
    let manifest = fs::read_to_string(shop.path().join(".weco-project")).unwrap();
    assert_snapshot!(manifest, @r#"
    # What can be deployed, and where: made from what Terraform says. Terraform does not tell of service
    # sets, of the roles to deploy with, of the store, and from which environment another takes its images.

    [bookshop]

    [bookshop.environments.prod]
    cluster = "bookshop-prod"
    region  = "eu-west-1"
    account = "000000000000"

    [bookshop.services.catalogue-api]

    [bookshop.services.orders-api]
    "#);
    let status = shop.json(&["status", "all", "prod"]);
    let services: BTreeMap<String, String> = status["services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (text(&one["service"]), text(&one["ecs_service"])))
        .collect();
    let same = |name: &str| (name.to_owned(), name.to_owned());
    assert_eq!(services, BTreeMap::from([same("catalogue-api"), same("orders-api")]));
    let again = shop.run(&["init", "--from-terraform", "state.json"]).expect(2);
    assert_snapshot!(shop.steady(&again.stderr), @"
    error: `.weco-project` is there already, and is not overwritten
    hint: move it away first, or add `--dry-run` to have it printed only
    ");
    assert_eq!(fs::read_to_string(shop.path().join(".weco-project")).unwrap(), manifest);
}

#[test]
fn what_cannot_be_known_of_a_manifest_is_said() {
    let shop = Shop::unseeded("");
    shop.write("plan.json", PLAN);
    let dry = ["init", "--from-terraform", "plan.json", "--dry-run"];
    let made = shop.run(&dry).expect(0);
    assert_snapshot!(made.stdout, @r#"
    # What can be deployed, and where: made from what Terraform says. Terraform does not tell of service
    # sets, of the roles to deploy with, of the store, and from which environment another takes its images.

    [quirks]

    [quirks.environments.prod]
    cluster = "quirks-prod"
    region  = "eu-west-1"
    account = "000000000000"

    [quirks.services.empty]

    [quirks.services.exposed]

    [quirks.services.family]

    # no parameter tells the image of `ignored`: deployments write `/quirks/images/<environment>/ignored`, which Terraform has to read
    [quirks.services.ignored]

    # no parameter tells the image of `literal`: deployments write `/quirks/images/<environment>/literal`, which Terraform has to read
    [quirks.services.literal]

    [quirks.services.managed]

    [quirks.services.reset]

    [quirks.services.revision]

    [quirks.services.secure]

    [quirks.services.sensitive]

    [quirks.services.tidy]

    [quirks.services.untracked]
    "#);
    assert_snapshot!(made.stderr, @"
    note: ignored: no parameter tells the image of `ignored`: deployments write `/quirks/images/<environment>/ignored`, which Terraform has to read
    note: literal: no parameter tells the image of `literal`: deployments write `/quirks/images/<environment>/literal`, which Terraform has to read
    ");
    shop.write("empty.json", "{\"format_version\": \"1.0\"}");
    let none = shop.run(&["init", "--from-terraform", "empty.json"]).expect(2);
    assert_snapshot!(none.stderr, @"
    error: failed to make a manifest
      because: Terraform has no ECS service there
    hint: give the state that has the `aws_ecs_service` resources
    ");
}
