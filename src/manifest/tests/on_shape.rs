//! What is wrong with the form of a text: syntax, keys, types.

use insta::assert_snapshot;

use super::rendered;

#[test]
fn syntax_error() {
    assert_snapshot!(rendered("[shop]\nname = Shop\n"), @"
    error: invalid TOML: string values must be quoted, expected literal string
     --> .weco-project:2:8
      |
    2 | name = Shop
      |        ^^^^
      |
      = hint: correct the TOML here, or begin the file with `{` to write JSON
    ");
    assert_snapshot!(rendered(r#"{ "shop": { "name": "Shop", } }"#), @r#"
    error: invalid JSON: trailing commas are not allowed
     --> .weco-project:1:27
      |
    1 | { "shop": { "name": "Shop", } }
      |                           ^
      |
      = hint: correct the JSON here; comments and trailing commas are not part of it
    "#);
    assert_snapshot!(rendered("{ \"shop\": {} // the shop\n}"), @r#"
    error: invalid JSON: comments are not allowed
     --> .weco-project:1:14
      |
    1 | { "shop": {} // the shop
      |              ^^^^^^^^^^^
      |
      = hint: correct the JSON here; comments and trailing commas are not part of it
    "#);
    assert_snapshot!(rendered(r#"{ "shop": {}"#), @r#"
    error: invalid JSON: unterminated object
     --> .weco-project:1:1
      |
    1 | { "shop": {}
      | ^^^^^^^^^^^^
      |
      = hint: correct the JSON here; comments and trailing commas are not part of it
    "#);
}

#[test]
fn all_syntax_errors_of_toml_are_reported() {
    assert_snapshot!(rendered("[shop]\nname = Shop\nregion == eu\naccount = 012345678901\n"), @"
    error: invalid TOML: string values must be quoted, expected literal string
     --> .weco-project:2:8
      |
    2 | name = Shop
      |        ^^^^
      |
      = hint: correct the TOML here, or begin the file with `{` to write JSON

    error: invalid TOML: extra `=`
     --> .weco-project:3:9
      |
    3 | region == eu
      |         ^
      |
      = hint: correct the TOML here, or begin the file with `{` to write JSON

    error: invalid TOML: unexpected leading zero
     --> .weco-project:4:11
      |
    4 | account = 012345678901
      |           ^
      |
      = hint: correct the TOML here, or begin the file with `{` to write JSON
    ");
}

#[test]
fn yaml() {
    assert_snapshot!(rendered("shop:\n  environments:\n  - id: prod\n"), @"
    error: invalid TOML: key with no value, expected `=`
     --> .weco-project:1:6
      |
    1 | shop:
      |      ^
      |
      = hint: rewrite the file in TOML, with tables such as `[my-project.environments.prod]`; YAML is not read
    ");
}

#[test]
fn unknown_key() {
    assert_snapshot!(rendered("[shop]\nenviroments = { prod = {} }\n"), @"
    error: unknown key `enviroments` in `shop`
     --> .weco-project:2:1
      |
    2 | enviroments = { prod = {} }
      | ^^^^^^^^^^^
      |
      = hint: rename `enviroments` to `environments`
    ");
    assert_snapshot!(rendered(r#"{ "shop": { "enviroments": { "prod": {} } } }"#), @r#"
    error: unknown key `enviroments` in `shop`
     --> .weco-project:1:13
      |
    1 | { "shop": { "enviroments": { "prod": {} } } }
      |             ^^^^^^^^^^^^^
      |
      = hint: rename `enviroments` to `environments`
    "#);
}

#[test]
fn unknown_keys_of_older_manifests_are_explained() {
    let text = r#"{
  "shop": {
    "aws_region_name": "eu-west-1",
    "image_repositories": [],
    "github_repository": "example/shop"
  }
}"#;
    assert_snapshot!(rendered(text), @r#"
    error: unknown key `aws_region_name` in `shop`
     --> .weco-project:3:5
      |
    3 |     "aws_region_name": "eu-west-1",
      |     ^^^^^^^^^^^^^^^^^
      |
      = hint: rename `aws_region_name` to `region`

    error: unknown key `image_repositories` in `shop`
     --> .weco-project:4:5
      |
    4 |     "image_repositories": [],
      |     ^^^^^^^^^^^^^^^^^^^^
      |
      = hint: replace `image_repositories` by a table `services` with each service's `images`, and a table `images` with their repositories

    error: unknown key `github_repository` in `shop`
     --> .weco-project:5:5
      |
    5 |     "github_repository": "example/shop"
      |     ^^^^^^^^^^^^^^^^^^^
      |
      = hint: remove `github_repository`: nothing uses it
    "#);
}

#[test]
fn a_key_of_another_table() {
    assert_snapshot!(rendered("[shop]\ncluster = 'x'\n[shop.environments.prod]\npaymaster = ''\nwaiting_time = 3"), @"
    error: unknown key `cluster` in `shop`
     --> .weco-project:2:1
      |
    2 | cluster = 'x'
      | ^^^^^^^
      |
      = hint: move `cluster`: it is a key of an environment, not of a project

    error: unknown key `paymaster` in `shop.environments.prod`
     --> .weco-project:4:1
      |
    4 | paymaster = ''
      | ^^^^^^^^^
      |
      = hint: remove `paymaster`: an environment has the keys `name`, `cluster`, `region`, `account`, `role_arn`, `external_id`, `profile`, `from`, `registry`, `on_failure`, `require_reason` and `terraform`

    error: unknown key `waiting_time` in `shop.environments.prod`
     --> .weco-project:5:1
      |
    5 | waiting_time = 3
      | ^^^^^^^^^^^^
      |
      = hint: remove `waiting_time`: an environment has the keys `name`, `cluster`, `region`, `account`, `role_arn`, `external_id`, `profile`, `from`, `registry`, `on_failure`, `require_reason` and `terraform`
    ");
}

#[test]
fn an_id_within_a_table_by_id() {
    assert_snapshot!(rendered("[shop.environments.prod]\nid = 'prod'\n"), @"
    error: unknown key `id` in `shop.environments.prod`
     --> .weco-project:2:1
      |
    2 | id = 'prod'
      | ^^
      |
      = hint: remove `id`: the id of an environment is the key that leads to `shop.environments.prod`
    ");
}

#[test]
fn wrong_type() {
    assert_snapshot!(rendered("[shop]\nregion = 3\nenvironments = true\n"), @"
    error: `shop.region` is an integer, not a string
     --> .weco-project:2:10
      |
    2 | region = 3
      |          ^
      |
      = hint: write a string as the value of `region`

    error: `shop.environments` is a boolean, not a table or a list
     --> .weco-project:3:16
      |
    3 | environments = true
      |                ^^^^
      |
      = hint: write a table or a list as the value of `environments`
    ");
    assert_snapshot!(rendered(r#"{ "shop": { "region": null, "services": { "api": { "images": "api" } } } }"#), @r#"
    error: `shop.region` is null, not a string
     --> .weco-project:1:23
      |
    1 | { "shop": { "region": null, "services": { "api": { "images": "api" } } } }
      |                       ^^^^
      |
      = hint: write a string as the value of `region`

    error: `shop.services.api.images` is a string, not a list or a table
     --> .weco-project:1:62
      |
    1 | { "shop": { "region": null, "services": { "api": { "images": "api" } } } }
      |                                                              ^^^^^
      |
      = hint: write a list or a table as the value of `images`
    "#);
}

#[test]
fn wrong_type_of_everything() {
    let text = "
shop.name = 1.5
shop.account = true
shop.store = 'shop.db'
shop.environments.prod = []
shop.services.api = { images = 3, cluster = 'blue' }
shop.service_sets.all-of-it = { services = [['api']] }
";
    assert_snapshot!(rendered(text), @"
    error: `shop.name` is a number with a fraction, not a string
     --> .weco-project:2:13
      |
    2 | shop.name = 1.5
      |             ^^^
      |
      = hint: write a string as the value of `name`

    error: `shop.account` is a boolean, not an account id of 12 digits
     --> .weco-project:3:16
      |
    3 | shop.account = true
      |                ^^^^
      |
      = hint: write an account id of 12 digits as the value of `account`

    error: `shop.store` is a string, not a table
     --> .weco-project:4:14
      |
    4 | shop.store = 'shop.db'
      |              ^^^^^^^^^
      |
      = hint: write a table as the value of `store`

    error: `shop.environments.prod` is a list, not a table
     --> .weco-project:5:26
      |
    5 | shop.environments.prod = []
      |                          ^^
      |
      = hint: write a table as the value of `prod`

    error: `shop.services.api.images` is an integer, not a list or a table
     --> .weco-project:6:32
      |
    6 | shop.services.api = { images = 3, cluster = 'blue' }
      |                                ^
      |
      = hint: write a list or a table as the value of `images`

    error: `shop.services.api.cluster` is a string, not a table of environments and clusters
     --> .weco-project:6:45
      |
    6 | shop.services.api = { images = 3, cluster = 'blue' }
      |                                             ^^^^^^
      |
      = hint: write a table of environments and clusters as the value of `cluster`

    error: `shop.service_sets.all-of-it.services[0]` is a list, not a string
     --> .weco-project:7:45
      |
    7 | shop.service_sets.all-of-it = { services = [['api']] }
      |                                             ^^^^^^^
      |
      = hint: write a string as the value of `services[0]`
    ");
}

#[test]
fn a_key_outside_of_a_project() {
    assert_snapshot!(rendered("name = 'Shop'\n[shop]\n"), @"
    error: `name` is a string, not a table
     --> .weco-project:1:8
      |
    1 | name = 'Shop'
      |        ^^^^^^
      |
      = hint: move `name` into a project such as `[my-project]`: the keys of the file are project ids
    ");
    assert_snapshot!(rendered(r#"[{ "id": "shop" }, "other"]"#), @r#"
    error: `[1]` is a string, not a table
     --> .weco-project:1:20
      |
    1 | [{ "id": "shop" }, "other"]
      |                    ^^^^^^^
      |
      = hint: write a table as the value of `[1]`
    "#);
}

#[test]
fn duplicate_key() {
    assert_snapshot!(rendered("[shop]\nregion = 'eu-west-1'\n\"region\" = 'us-east-1'\n"), @r#"
    error: the key `region` is given twice
     --> .weco-project:3:1
      |
    3 | "region" = 'us-east-1'
      | ^^^^^^^^
      |
      = hint: remove one of the two `region`, or merge them
    "#);
    assert_snapshot!(rendered(r#"{ "shop": { "region": "eu-west-1", "region": "us-east-1" } }"#), @r#"
    error: the key `region` is given twice
     --> .weco-project:1:36
      |
    1 | { "shop": { "region": "eu-west-1", "region": "us-east-1" } }
      |             -------- first here    ^^^^^^^^
      |
      = hint: remove one of the two `region`, or merge them
    "#);
}

#[test]
fn a_duplicate_key_hides_no_other_error() {
    assert_snapshot!(rendered("[shop]\nregion = 'eu-west-1'\n[shop]\nnaem = 'Shop'\n"), @"
    error: the key `shop` is given twice
     --> .weco-project:3:2
      |
    3 | [shop]
      |  ^^^^
      |
      = hint: remove one of the two `shop`, or merge them

    error: unknown key `naem` in `shop`
     --> .weco-project:4:1
      |
    4 | naem = 'Shop'
      | ^^^^
      |
      = hint: rename `naem` to `name`
    ");
    assert_snapshot!(rendered("{ \"shop\": {}, \"shop\": {},\n\"bar\": { \"naem\": \"\" } }"), @r#"
    error: the key `shop` is given twice
     --> .weco-project:1:15
      |
    1 | { "shop": {}, "shop": {},
      |   ------      ^^^^^^
      |   |
      |   first here
      |
      = hint: remove one of the two `shop`, or merge them

    error: unknown key `naem` in `bar`
     --> .weco-project:2:10
      |
    2 | "bar": { "naem": "" } }
      |          ^^^^^^
      |
      = hint: rename `naem` to `name`
    "#);
}

#[test]
fn conflicting_keys() {
    assert_snapshot!(rendered("[shop.environments.prod]\ncluster = 'a'\ncluster_name = 'b'\n"), @"
    error: `shop.environments.prod` has both `cluster` and `cluster_name`
     --> .weco-project:3:1
      |
    2 | cluster = 'a'
      | ------- first here
    3 | cluster_name = 'b'
      | ^^^^^^^^^^^^
      |
      = hint: keep `cluster` and remove `cluster_name`
    ");
    let text = r#"{ "shop": { "services": [
  { "id": "api", "images": ["api"], "repository_name": "example/api" }
] } }"#;
    assert_snapshot!(rendered(text), @r#"
    error: `shop.services.api` has both `images` and `repository`
     --> .weco-project:2:56
      |
    2 |   { "id": "api", "images": ["api"], "repository_name": "example/api" }
      |                                                        ^^^^^^^^^^^^^
      |
      = hint: keep `images` and remove `repository`
    "#);
}

#[test]
fn empty() {
    assert_snapshot!(rendered("[shop]\nname = ' '\nservices = {}\n[shop.environments]\n"), @"
    error: `shop.name` is empty
     --> .weco-project:2:8
      |
    2 | name = ' '
      |        ^^^
      |
      = hint: fill `shop.name`, or remove it

    error: `shop.services` is empty
     --> .weco-project:3:12
      |
    3 | services = {}
      |            ^^
      |
      = hint: fill `shop.services`, or remove it

    error: `shop.environments` is empty
     --> .weco-project:4:1
      |
    4 | [shop.environments]
      | ^^^^^^^^^^^^^^^^^^^
      |
      = hint: fill `shop.environments`, or remove it
    ");
    assert_snapshot!(rendered(r#"{ "shop": { "service_sets": { "web": { "services": [] }, "api": {} } } }"#), @r#"
    error: the service set `shop.service_sets.web` has no services
     --> .weco-project:1:52
      |
    1 | { "shop": { "service_sets": { "web": { "services": [] }, "api": {} } } }
      |                                                    ^^
      |
      = hint: list the ids of its services in `shop.service_sets.web.services`, or remove the set

    error: `shop.service_sets.api` has no `services`
     --> .weco-project:1:65
      |
    1 | { "shop": { "service_sets": { "web": { "services": [] }, "api": {} } } }
      |                                                                 ^^
      |
      = hint: add the key `services` to `shop.service_sets.api`
    "#);
}

#[test]
fn missing_id() {
    assert_snapshot!(rendered("[[shop.environments]]\nname = 'Production'\n"), @"
    error: `shop.environments[0]` has no `id`
     --> .weco-project:1:1
      |
    1 | [[shop.environments]]
      | ^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: add the key `id` to `shop.environments[0]`
    ");
    assert_snapshot!(rendered(r#"{ "shop": { "environments": [{ "name": "Production" }] } }"#), @r#"
    error: `shop.environments[0]` has no `id`
     --> .weco-project:1:30
      |
    1 | { "shop": { "environments": [{ "name": "Production" }] } }
      |                              ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: add the key `id` to `shop.environments[0]`
    "#);
}

#[test]
fn needs_key() {
    assert_snapshot!(rendered("[shop.environments.prod]\nexternal_id = 'x1'\n"), @"
    error: `shop.environments.prod.external_id` means nothing without `role_arn`
     --> .weco-project:1:20
      |
    1 | [shop.environments.prod]
      |                    ^^^^
      |
      = hint: add `role_arn` to `shop.environments.prod`, or remove `external_id`
    ");
    let text = r#"{ "shop": { "services": { "api": {} }, "service_sets": [
  { "id": "web", "account_id": "1", "services": ["api"] }
] } }"#;
    assert_snapshot!(rendered(text), @r#"
    error: `shop.service_sets.web.account` means nothing without `environments`
     --> .weco-project:2:32
      |
    2 |   { "id": "web", "account_id": "1", "services": ["api"] }
      |                                ^^^
      |
      = hint: add `environments` to `shop.service_sets.web`, or remove `account`
    "#);
}

#[test]
fn no_projects() {
    assert_snapshot!(rendered(""), @"
    error: the manifest has no projects
    --> .weco-project
     = hint: describe a project, beginning with a table such as `[my-project]`
    ");
    assert_snapshot!(rendered("# nothing yet\n"), @"
    error: the manifest has no projects
     --> .weco-project:1:1
      |
    1 | # nothing yet
      | ^
      |
      = hint: describe a project, beginning with a table such as `[my-project]`
    ");
    assert_snapshot!(rendered("{}"), @"
    error: the manifest has no projects
     --> .weco-project:1:1
      |
    1 | {}
      | ^
      |
      = hint: describe a project, beginning with a table such as `[my-project]`
    ");
}

#[test]
fn unknown_value() {
    let text = r#"
[shop.environments.stage]
on_failure = "Rolback"
[shop.environments.prod]
on_failure = "stop"
require_reason = "yes"
[shop.environments.test]
on_failure = false
"#;
    assert_snapshot!(rendered(text), @r#"
    error: `shop.environments.stage.on_failure` cannot be `Rolback`, only `rollback`, `hold` or `continue`
     --> .weco-project:3:14
      |
    3 | on_failure = "Rolback"
      |              ^^^^^^^^^
      |
      = hint: write `on_failure = "rollback"`

    error: `shop.environments.prod.on_failure` cannot be `stop`, only `rollback`, `hold` or `continue`
     --> .weco-project:5:14
      |
    5 | on_failure = "stop"
      |              ^^^^^^
      |
      = hint: set `on_failure` to one of `rollback`, `hold` and `continue`, or remove it

    error: `shop.environments.prod.require_reason` is a string, not `true` or `false`
     --> .weco-project:6:18
      |
    6 | require_reason = "yes"
      |                  ^^^^^
      |
      = hint: write `true` or `false` as the value of `require_reason`

    error: `shop.environments.test.on_failure` is a boolean, not a string
     --> .weco-project:8:14
      |
    8 | on_failure = false
      |              ^^^^^
      |
      = hint: write a string as the value of `on_failure`
    "#);
}

#[test]
fn a_terraform_table_without_its_state() {
    assert_snapshot!(rendered("[shop]\nterraform = { path = 'x' }\n[shop.environments.prod]\nterraform = 'x'"), @"
    error: `shop.terraform` has no `state`
     --> .weco-project:2:13
      |
    2 | terraform = { path = 'x' }
      |             ^^^^^^^^^^^^^^
      |
      = hint: add the key `state` to `shop.terraform`

    error: unknown key `path` in `shop.terraform`
     --> .weco-project:2:15
      |
    2 | terraform = { path = 'x' }
      |               ^^^^
      |
      = hint: remove `path`: a `terraform` table has the keys `state`

    error: `shop.environments.prod.terraform` is a string, not a table
     --> .weco-project:4:13
      |
    4 | terraform = 'x'
      |             ^^^
      |
      = hint: write a table as the value of `terraform`
    ");
}
