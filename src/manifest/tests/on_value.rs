//! Values that their key cannot have.

use insta::assert_snapshot;

use super::rendered;

#[test]
fn invalid_id() {
    let text = r#"
[awsome]
[shop]
region = "Ireland"
[shop.environments.prod]
cluster = "arn:aws:ecs:eu-west-1:111111111111:cluster/shop-prod"
[shop.environments."pre prod"]
cluster = "shop.test"
"#;
    assert_snapshot!(rendered(text), @r#"
    error: `awsome` is not a valid project id: SSM parameter paths may not begin with `aws`
     --> .weco-project:2:2
      |
    2 | [awsome]
      |  ^^^^^^
      |
      = hint: rename it, for example to `my-awsome`

    error: `Ireland` is not a valid region: a region looks like `eu-west-1`
     --> .weco-project:4:10
      |
    4 | region = "Ireland"
      |          ^^^^^^^^^
      |
      = hint: write the region's code, such as `eu-west-1`

    error: `arn:aws:ecs:eu-west-1:111111111111:cluster/shop-prod` is not a valid cluster name: ':' is not allowed, only letters, digits, `_` and `-` can stand in an ECS name
     --> .weco-project:6:11
      |
    6 | cluster = "arn:aws:ecs:eu-west-1:111111111111:cluster/shop-prod"
      |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: write the cluster's name alone, `shop-prod`

    error: `pre prod` is not a valid environment id: ' ' is not allowed, only letters, digits, `_`, `.` and `-` can stand in an SSM parameter path
     --> .weco-project:7:20
      |
    7 | [shop.environments."pre prod"]
      |                    ^^^^^^^^^^
      |
      = hint: rename it, for example to `pre-prod`

    error: `shop.test` is not a valid cluster name: '.' is not allowed, only letters, digits, `_` and `-` can stand in an ECS name
     --> .weco-project:8:11
      |
    8 | cluster = "shop.test"
      |           ^^^^^^^^^^^
      |
      = hint: rename it, for example to `shop-test`
    "#);
}

#[test]
fn an_id_that_cannot_stand_in_a_parameter_path() {
    assert_snapshot!(rendered("[shop.services.api]\nimages = ['example/api', '{}']\n"), @"
    error: `example/api` is not a valid image id: '/' is not allowed, only letters, digits, `_`, `.` and `-` can stand in an SSM parameter path
     --> .weco-project:2:11
      |
    2 | images = ['example/api', '{}']
      |           ^^^^^^^^^^^^^
      |
      = hint: rename it, for example to `example-api`

    error: `{}` is not a valid image id: '{' is not allowed, only letters, digits, `_`, `.` and `-` can stand in an SSM parameter path
     --> .weco-project:2:26
      |
    2 | images = ['example/api', '{}']
      |                          ^^^^
      |
      = hint: use letters, digits, `_` and `-` only
    ");
    assert_snapshot!(rendered(r#"{ "the shop": { "services": [{ "id": "api/v2" }] } }"#), @r#"
    error: `the shop` is not a valid project id: ' ' is not allowed, only letters, digits, `_`, `.` and `-` can stand in an SSM parameter path
     --> .weco-project:1:3
      |
    1 | { "the shop": { "services": [{ "id": "api/v2" }] } }
      |   ^^^^^^^^^^
      |
      = hint: rename it, for example to `the-shop`

    error: `api/v2` is not a valid service id: '/' is not allowed, only letters, digits, `_`, `.` and `-` can stand in an SSM parameter path
     --> .weco-project:1:38
      |
    1 | { "the shop": { "services": [{ "id": "api/v2" }] } }
      |                                      ^^^^^^^^
      |
      = hint: rename it, for example to `api-v2`
    "#);
}

#[test]
fn invalid_account() {
    assert_snapshot!(rendered("[shop]\naccount = 0x1F\n[shop.environments.prod]\naccount = 'shop'\n"), @r#"
    error: `0x1F` is not an account id: an AWS account id is at most 12 digits
     --> .weco-project:2:11
      |
    2 | account = 0x1F
      |           ^^^^
      |
      = hint: write the account id as 12 digits between quotes, such as `"123456789012"`

    error: `shop` is not an account id: an AWS account id is at most 12 digits
     --> .weco-project:4:11
      |
    4 | account = 'shop'
      |           ^^^^^^
      |
      = hint: write the account id as 12 digits between quotes, such as `"123456789012"`
    "#);
    assert_snapshot!(rendered(r#"{ "shop": { "account_id": 1234567890123 } }"#), @r#"
    error: `1234567890123` is not an account id: an AWS account id is at most 12 digits
     --> .weco-project:1:27
      |
    1 | { "shop": { "account_id": 1234567890123 } }
      |                           ^^^^^^^^^^^^^
      |
      = hint: write the account id as 12 digits between quotes, such as `"123456789012"`
    "#);
    assert_snapshot!(rendered(r#"{ "shop": { "account_id": -1 } }"#), @r#"
    error: `-1` is not an account id: an AWS account id is at most 12 digits
     --> .weco-project:1:27
      |
    1 | { "shop": { "account_id": -1 } }
      |                           ^^
      |
      = hint: write the account id as 12 digits between quotes, such as `"123456789012"`
    "#);
}

#[test]
fn invalid_role_arn() {
    assert_snapshot!(rendered("[shop]\nrole_arn = 'release-tool'\n"), @"
    error: `release-tool` is not the ARN of an IAM role
     --> .weco-project:2:12
      |
    2 | role_arn = 'release-tool'
      |            ^^^^^^^^^^^^^^
      |
      = hint: write the role as `arn:aws:iam::<account>:role/<name>`
    ");
    assert_snapshot!(rendered(r#"{ "shop": { "environments": [{ "id": "prod", "role_arn": "arn:aws:iam::1:role/x" }] } }"#), @r#"
    error: `arn:aws:iam::1:role/x` is not the ARN of an IAM role
     --> .weco-project:1:58
      |
    1 | { "shop": { "environments": [{ "id": "prod", "role_arn": "arn:aws:iam::1:role/x" }] } }
      |                                                          ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: write the role as `arn:aws:iam::<account>:role/<name>`
    "#);
}

#[test]
fn invalid_repository() {
    assert_snapshot!(rendered("[shop.images.api]\nrepository = 'example/api:v1'\n"), @"
    error: `example/api:v1` is not an image repository: it names a tag or a digest
     --> .weco-project:2:14
      |
    2 | repository = 'example/api:v1'
      |              ^^^^^^^^^^^^^^^^
      |
      = hint: write the repository without tag and digest, such as `example/id_minter`
    ");
    assert_snapshot!(rendered(r#"{ "shop": { "services": [{ "id": "api", "repository_name": "Example/API" }] } }"#), @r#"
    error: `Example/API` is not an image repository: a repository is lower-case letters, digits, `.`, `_`, `-` and `/`
     --> .weco-project:1:60
      |
    1 | { "shop": { "services": [{ "id": "api", "repository_name": "Example/API" }] } }
      |                                                            ^^^^^^^^^^^^^
      |
      = hint: write the repository without tag and digest, such as `example/id_minter`
    "#);
}

#[test]
fn account_mismatch() {
    let text = r#"
[shop]
account = "111111111111"
[shop.environments.prod]
role_arn = "arn:aws:iam::222222222222:role/deploy"
"#;
    assert_snapshot!(rendered(text), @r#"
    error: `shop.environments.prod` is in the account 111111111111, but its role is in 222222222222
     --> .weco-project:4:20
      |
    4 | [shop.environments.prod]
      |                    ^^^^
      |
      = hint: set `account` of `shop.environments.prod` to `"222222222222"`, or name a role in its own account
    "#);
    assert_snapshot!(rendered("[shop]\naccount = 111111111111\nrole_arn = 'arn:aws:iam::222222222222:role/deploy'\nenvironments.prod = {}"), @r#"
    error: `shop` is in the account 111111111111, but its role is in 222222222222
     --> .weco-project:3:12
      |
    3 | role_arn = 'arn:aws:iam::222222222222:role/deploy'
      |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: set `account` of `shop` to `"222222222222"`, or name a role in its own account
    "#);
    let text = r#"{ "shop": {
  "environments": [{ "id": "prod", "account_id": 1234567890, "role_arn": "arn:aws:iam::222222222222:role/deploy" }] } }"#;
    assert_snapshot!(rendered(text), @r#"
    error: `shop.environments.prod` is in the account 001234567890, but its role is in 222222222222
     --> .weco-project:2:28
      |
    2 |   "environments": [{ "id": "prod", "account_id": 1234567890, "role_arn": "arn:aws:iam::222222222222:role/deploy" }] } }
      |                            ^^^^^^
      |
      = hint: set `account` of `shop.environments.prod` to `"222222222222"`, or name a role in its own account
    "#);
}

#[test]
fn invalid_ecs_service_name() {
    assert_snapshot!(rendered("[shop.environments.prod]\n[shop.services.'api.v2']\n"), @"
    error: the service `api.v2` cannot be called `api.v2` in `prod`: '.' is not allowed, only letters, digits, `_` and `-` can stand in an ECS name
     --> .weco-project:2:16
      |
    2 | [shop.services.'api.v2']
      |                ^^^^^^^^
      |
      = hint: set the key `service` of `api.v2` to its ECS service's name, in which `{env}` stands for the environment id
    ");
    assert_snapshot!(rendered(r#"{ "shop": { "environments": [{ "id": "1.0" }], "services": [{ "id": "api", "service": "{env}-api" }] } }"#), @r#"
    error: the service `api` cannot be called `1.0-api` in `1.0`: '.' is not allowed, only letters, digits, `_` and `-` can stand in an ECS name
     --> .weco-project:1:69
      |
    1 | { "shop": { "environments": [{ "id": "1.0" }], "services": [{ "id": "api", "service": "{env}-api" }] } }
      |                                                                     ^^^^^
      |
      = hint: set the key `service` of `api` to its ECS service's name, in which `{env}` stands for the environment id
    "#);
    assert_snapshot!(rendered("[shop.environments.prod]\n[shop.services.api]\nservice = '{environment}-api'"), @"
    error: the service `api` cannot be called `{environment}-api` in `prod`: '{' is not allowed, only letters, digits, `_` and `-` can stand in an ECS name
     --> .weco-project:2:16
      |
    2 | [shop.services.api]
      |                ^^^
      |
      = hint: set the key `service` of `api` to its ECS service's name, in which `{env}` stands for the environment id
    ");
}

#[test]
fn store_that_contradicts_itself() {
    assert_snapshot!(rendered("[shop]\nstore = { dynamodb = 'releases', sqlite = 'a.db' }\n"), @r"
    error: `shop.store` has both `dynamodb` and `sqlite`
     --> .weco-project:2:43
      |
    2 | store = { dynamodb = 'releases', sqlite = 'a.db' }
      |                                           ^^^^^^
      |
      = hint: keep `dynamodb` and remove `sqlite`
    ");
    assert_snapshot!(rendered("[shop]\nstore = { region = 'eu-west-1', profile = 'shop' }\n"), @r"
    error: `shop.store.region` means nothing without `dynamodb`
     --> .weco-project:2:20
      |
    2 | store = { region = 'eu-west-1', profile = 'shop' }
      |                    ^^^^^^^^^^^
      |
      = hint: add `dynamodb` to `shop.store`, or remove `region`

    error: `shop.store.profile` means nothing without `dynamodb`
     --> .weco-project:2:43
      |
    2 | store = { region = 'eu-west-1', profile = 'shop' }
      |                                           ^^^^^^
      |
      = hint: add `dynamodb` to `shop.store`, or remove `profile`
    ");
    assert_snapshot!(rendered("[shop]\nstore = { dynamodb = 'releases', external_id = 'x' }\n"), @r"
    error: `shop.store.external_id` means nothing without `role_arn`
     --> .weco-project:2:48
      |
    2 | store = { dynamodb = 'releases', external_id = 'x' }
      |                                                ^^^
      |
      = hint: add `role_arn` to `shop.store`, or remove `external_id`
    ");
    assert_snapshot!(rendered("[shop]\nstore = { dynamodb = 'releases', account = 111111111111, role_arn = 'arn:aws:iam::222222222222:role/store' }\n"), @r#"
    error: `shop.store` is in the account 111111111111, but its role is in 222222222222
     --> .weco-project:2:69
      |
    2 | store = { dynamodb = 'releases', account = 111111111111, role_arn = 'arn:aws:iam::222222222222:role/store' }
      |                                                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: set `account` of `shop.store` to `"222222222222"`, or name a role in its own account
    "#);
}

#[test]
fn store_in_a_table_with_no_such_name() {
    assert_snapshot!(rendered("[shop]\nstore = { dynamodb = 'our releases' }\n"), @r"
    error: `our releases` is not a valid table name: ' ' is not allowed, only letters, digits, `_`, `.` and `-` can stand in a table's name
     --> .weco-project:2:22
      |
    2 | store = { dynamodb = 'our releases' }
      |                      ^^^^^^^^^^^^^^
      |
      = hint: rename it, for example to `our-releases`
    ");
    assert_snapshot!(rendered("[shop]\nstore = { dynamodb = 'r', role = 'x' }\n"), @r"
    error: `r` is not a valid table name: it is shorter than 3 characters
     --> .weco-project:2:22
      |
    2 | store = { dynamodb = 'r', role = 'x' }
      |                      ^^^
      |
      = hint: rename it, for example to `release-tool`

    error: unknown key `role` in `shop.store`
     --> .weco-project:2:27
      |
    2 | store = { dynamodb = 'r', role = 'x' }
      |                           ^^^^
      |
      = hint: remove `role`: a store has the keys `sqlite`, `dynamodb`, `region`, `account`, `role_arn`, `external_id` and `profile`
    ");
    assert_snapshot!(rendered(r#"{ "shop": { "store": { "dynamodb": { "table": "releases" } } } }"#), @r#"
    error: `shop.store.dynamodb` is a table, not a string
     --> .weco-project:1:36
      |
    1 | { "shop": { "store": { "dynamodb": { "table": "releases" } } } }
      |                                    ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: write a string as the value of `dynamodb`
    "#);
}

#[test]
fn places_are_right_behind_wide_characters_and_carriage_returns() {
    let text = "[shop]\r\nname = \"Buchhandlung für Ägyptologie 📚\"\r\nstore = { \"ü\" = \"📚\", sqlit = \"x\" }\r\n";
    assert_snapshot!(rendered(text), @r#"
    error: unknown key `ü` in `shop.store`
     --> .weco-project:3:11
      |
    3 | store = { "ü" = "📚", sqlit = "x" }
      |           ^^^
      |
      = hint: remove `ü`: a store has the keys `sqlite`, `dynamodb`, `region`, `account`, `role_arn`, `external_id` and `profile`

    error: unknown key `sqlit` in `shop.store`
     --> .weco-project:3:22
      |
    3 | store = { "ü" = "📚", sqlit = "x" }
      |                       ^^^^^
      |
      = hint: rename `sqlit` to `sqlite`
    "#);
    let text = "\u{feff}{ \"shop\": {\r\n  \"name\": \"📚\", \"naem\": \"für\" } }";
    assert_snapshot!(rendered(text), @r#"
    error: unknown key `naem` in `shop`
     --> .weco-project:2:16
      |
    2 |   "name": "📚", "naem": "für" } }
      |                 ^^^^^^
      |
      = hint: rename `naem` to `name`
    "#);
}

#[test]
fn control_characters_are_shown_and_not_sent() {
    let text = "[shop]\n\"\\u001b[31mname\\n\" = 'x'\nregion = \"\\u202Eeu\"\n";
    let shown = rendered(text);
    assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
    assert_snapshot!(shown, @r#"
    error: unknown key `\u{1b}[31mname\n` in `shop`
     --> .weco-project:2:1
      |
    2 | "\u001b[31mname\n" = 'x'
      | ^^^^^^^^^^^^^^^^^^
      |
      = hint: remove `\u{1b}[31mname\n`: a project has the keys `name`, `region`, `account`, `role_arn`, `profile`, `store`, `terraform`, `environments`, `service_sets`, `services` and `images`

    error: `\u{202e}eu` is not a valid region: a region looks like `eu-west-1`
     --> .weco-project:3:10
      |
    3 | region = "\u202Eeu"
      |          ^^^^^^^^^^
      |
      = hint: write the region's code, such as `eu-west-1`
    "#);
}

#[test]
fn one_off_tasks_of_the_wrong_shape() {
    let text = r#"
[shop.services.api]
before = { run_task = "manage migrate" }
[shop.services.mail]
before = { runtask = ["manage"] }
"#;
    assert_snapshot!(rendered(text), @r#"
    error: `shop.services.api.before.run_task` is a string, not a list or a table
     --> .weco-project:3:23
      |
    3 | before = { run_task = "manage migrate" }
      |                       ^^^^^^^^^^^^^^^^
      |
      = hint: write a list or a table as the value of `run_task`

    error: `shop.services.mail.before` has no `run_task`
     --> .weco-project:5:10
      |
    5 | before = { runtask = ["manage"] }
      |          ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: add the key `run_task` to `shop.services.mail.before`

    error: unknown key `runtask` in `shop.services.mail.before`
     --> .weco-project:5:12
      |
    5 | before = { runtask = ["manage"] }
      |            ^^^^^^^
      |
      = hint: rename `runtask` to `run_task`
    "#);
}

#[test]
fn one_off_tasks_and_restarts_that_cannot_be() {
    let text = r#"
[shop.services.mail]
[shop.services.web]
images = ["site", "proxy"]
before = { run_task = ["rake"] }
[shop.services.stock]
restart = ["mial"]
[shop.services.stock.before.run_task]
command = ["rake"]
container = "stokc"
timeout = "15 bananas"
"#;
    assert_snapshot!(rendered(text), @r#"
    error: `shop.services.web.before.run_task` does not say in which container it runs: there are `site` and `proxy`
     --> .weco-project:5:23
      |
    5 | before = { run_task = ["rake"] }
      |                       ^^^^^^^^
      |
      = hint: write `shop.services.web.before.run_task` as a table with `command` and `container`, such as `container = "site"`

    error: `shop.services.stock.restart` names the service `mial`, which the project does not have
     --> .weco-project:7:12
      |
    7 | restart = ["mial"]
      |            ^^^^^^
      |
      = hint: rename `mial` to `mail`, or define the service `mial`

    error: `shop.services.stock.before.run_task.container` is `stokc`, which is no container of the service `stock`
      --> .weco-project:10:13
       |
    10 | container = "stokc"
       |             ^^^^^^^
       |
       = hint: use `stock`, if that is meant

    error: `shop.services.stock.before.run_task.timeout` is `15 bananas`, which is no time to wait such as `15m`
      --> .weco-project:11:11
       |
    11 | timeout = "15 bananas"
       |           ^^^^^^^^^^^^
       |
       = hint: write `timeout` as a time such as `90s`, `15m` or `2h`
    "#);
}
