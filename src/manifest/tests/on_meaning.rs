//! Parts of a file that contradict each other, or name what is not there.

use insta::assert_snapshot;

use super::rendered;

#[test]
fn duplicate_id() {
    assert_snapshot!(rendered("[[shop.environments]]\nid = 'prod'\n[[shop.environments]]\nid = 'prod'\n"), @"
    error: the environment `prod` is defined twice
     --> .weco-project:4:6
      |
    2 | id = 'prod'
      |      ------ first here
    3 | [[shop.environments]]
    4 | id = 'prod'
      |      ^^^^^^
      |
      = hint: define the environment `prod` once, and name it by its id everywhere else
    ");
    assert_snapshot!(rendered(r#"{ "shop": { "environments": [{ "id": "prod" }, { "id": "prod" }] } }"#), @r#"
    error: the environment `prod` is defined twice
     --> .weco-project:1:56
      |
    1 | { "shop": { "environments": [{ "id": "prod" }, { "id": "prod" }] } }
      |                                      ------ first here ^^^^^^
      |
      = hint: define the environment `prod` once, and name it by its id everywhere else
    "#);
}

#[test]
fn a_service_defined_in_two_places() {
    let text = r#"
[shop.services.api]
[[shop.service_sets]]
id = "web"
services = [{ id = "api" }]
"#;
    assert_snapshot!(rendered(text), @r#"
    error: the service `api` is defined twice
     --> .weco-project:5:20
      |
    2 | [shop.services.api]
      |                --- first here
    ...
    5 | services = [{ id = "api" }]
      |                    ^^^^^
      |
      = hint: define the service `api` once, and name it by its id everywhere else
    "#);
}

#[test]
fn duplicate_member() {
    assert_snapshot!(rendered("[shop.services.api]\n[shop.service_sets.web]\nservices = ['api', 'api']\n"), @"
    error: the service `api` is listed twice in the service set `web`
     --> .weco-project:3:20
      |
    3 | services = ['api', 'api']
      |             -----  ^^^^^
      |             |
      |             first here
      |
      = hint: remove the second `api`
    ");
    assert_snapshot!(rendered(r#"{ "shop": { "services": [{ "id": "api" }], "service_sets": [{ "id": "web", "services": ["api", "api"] }] } }"#), @r#"
    error: the service `api` is listed twice in the service set `web`
     --> .weco-project:1:96
      |
    1 | { "shop": { "services": [{ "id": "api" }], "service_sets": [{ "id": "web", "services": ["api", "api"] }] } }
      |                                                                                         -----  ^^^^^
      |                                                                                         |
      |                                                                                         first here
      |
      = hint: remove the second `api`
    "#);
}

#[test]
fn duplicate_container() {
    assert_snapshot!(rendered("[shop.services.api]\nimages = ['api', 'proxy', 'api']\n"), @"
    error: the container `api` of the service `api` is listed twice
     --> .weco-project:2:27
      |
    2 | images = ['api', 'proxy', 'api']
      |           -----           ^^^^^
      |           |
      |           first here
      |
      = hint: write `images` of `api` as a table of container names and image ids, with each container once
    ");
    assert_snapshot!(rendered(r#"{ "shop": { "services": { "api": { "images": ["api", "api"] } } } }"#), @r#"
    error: the container `api` of the service `api` is listed twice
     --> .weco-project:1:54
      |
    1 | { "shop": { "services": { "api": { "images": ["api", "api"] } } } }
      |                                               -----  ^^^^^
      |                                               |
      |                                               first here
      |
      = hint: write `images` of `api` as a table of container names and image ids, with each container once
    "#);
}

#[test]
fn duplicate_ecs_service() {
    let text = "
[shop.environments.prod]
[shop.services.api]
[shop.services.old-api]
service = 'api'
";
    assert_snapshot!(rendered(text), @"
    error: the services `api` and `old-api` are both the ECS service `api` in `prod`
     --> .weco-project:4:16
      |
    4 | [shop.services.old-api]
      |                ^^^^^^^
      |
      = hint: merge them into one service with several `images`, or give `old-api` another name by its key `service`
    ");
    let text = r#"{ "shop": {
  "environments": [{ "id": "prod", "cluster": "shop" }],
  "services": [{ "id": "api", "service": "{env}-web" }, { "id": "web", "service": "prod-web" }]
} }"#;
    assert_snapshot!(rendered(text), @r#"
    error: the services `api` and `web` are both the ECS service `prod-web` in `prod`
     --> .weco-project:3:65
      |
    3 |   "services": [{ "id": "api", "service": "{env}-web" }, { "id": "web", "service": "prod-web" }]
      |                                                                 ^^^^^
      |
      = hint: merge them into one service with several `images`, or give `web` another name by its key `service`
    "#);
}

#[test]
fn conflicting_values() {
    let text = r#"
[shop.environments.prod]
name = "Production"
account = 111111111111
[shop.services.api]
cluster = { prod = "blue" }
repository = "example/api"
[shop.images.api]
repository = "example/other"
[shop.service_sets.web]
services = ["api"]
account = 222222222222
environments.prod = { name = "Live", cluster = "green" }
"#;
    assert_snapshot!(rendered(text), @r#"
    error: `shop.services.api.repository` is `example/api`, but `shop.images.api.repository` is `example/other`
     --> .weco-project:7:14
      |
    7 | repository = "example/api"
      |              ^^^^^^^^^^^^^
      |
      = hint: make `shop.services.api.repository` and `shop.images.api.repository` the same, or remove one of them

    error: `shop.service_sets.web.account` is `222222222222`, but `shop.environments.prod.account` is `111111111111`
      --> .weco-project:12:11
       |
    12 | account = 222222222222
       |           ^^^^^^^^^^^^
       |
       = hint: make `shop.service_sets.web.account` and `shop.environments.prod.account` the same, or remove one of them

    error: `shop.service_sets.web.environments.prod.name` is `Live`, but `shop.environments.prod.name` is `Production`
      --> .weco-project:13:14
       |
    13 | environments.prod = { name = "Live", cluster = "green" }
       |              ^^^^
       |
       = hint: make `shop.service_sets.web.environments.prod.name` and `shop.environments.prod.name` the same, or remove one of them

    error: `shop.service_sets.web.environments.prod.cluster` is `green`, but `shop.services.api.cluster.prod` is `blue`
      --> .weco-project:13:48
       |
    13 | environments.prod = { name = "Live", cluster = "green" }
       |                                                ^^^^^^^
       |
       = hint: make `shop.service_sets.web.environments.prod.cluster` and `shop.services.api.cluster.prod` the same, or remove one of them
    "#);
    let text = r#"{ "shop": { "service_sets": [
  { "id": "web", "services": [{ "id": "api" }], "environments": [{ "id": "prod", "cluster_name": "blue" }] },
  { "id": "job", "services": ["api"], "environments": [{ "id": "prod", "cluster_name": "green" }] }
] } }"#;
    assert_snapshot!(rendered(text), @r#"
    error: `shop.service_sets.job.environments.prod.cluster` is `green`, but `shop.services.api.cluster.prod` is `blue`
     --> .weco-project:3:88
      |
    3 |   { "id": "job", "services": ["api"], "environments": [{ "id": "prod", "cluster_name": "green" }] }
      |                                                                                        ^^^^^^^
      |
      = hint: make `shop.service_sets.job.environments.prod.cluster` and `shop.services.api.cluster.prod` the same, or remove one of them
    "#);
}

#[test]
fn dangling_reference_to_a_service() {
    assert_snapshot!(rendered("[shop.services.api]\n[shop.service_sets.web]\nservices = ['apj', 'worker']\n"), @"
    error: `shop.service_sets.web.services` names the service `apj`, which the project does not have
     --> .weco-project:3:13
      |
    3 | services = ['apj', 'worker']
      |             ^^^^^
      |
      = hint: rename `apj` to `api`, or define the service `apj`

    error: `shop.service_sets.web.services` names the service `worker`, which the project does not have
     --> .weco-project:3:20
      |
    3 | services = ['apj', 'worker']
      |                    ^^^^^^^^
      |
      = hint: define the service `worker`, or name one of `api`
    ");
    assert_snapshot!(rendered(r#"{ "shop": { "service_sets": [{ "id": "web", "services": ["api"] }] } }"#), @r#"
    error: `shop.service_sets.web.services` names the service `api`, which the project does not have
     --> .weco-project:1:58
      |
    1 | { "shop": { "service_sets": [{ "id": "web", "services": ["api"] }] } }
      |                                                          ^^^^^
      |
      = hint: define the service `api`; there are none yet
    "#);
}

#[test]
fn dangling_reference_to_an_environment() {
    assert_snapshot!(rendered("[shop.environments.stage]\n[shop.environments.prod]\nfrom = 'stag'\n"), @"
    error: `shop.environments.prod.from` names the environment `stag`, which the project does not have
     --> .weco-project:3:8
      |
    3 | from = 'stag'
      |        ^^^^^^
      |
      = hint: rename `stag` to `stage`, or define the environment `stag`
    ");
    assert_snapshot!(rendered(r#"{ "shop": { "environments": [{ "id": "prod" }], "services": [{ "id": "api", "cluster": { "test": "x" } }] } }"#), @r#"
    error: `shop.services.api.cluster` names the environment `test`, which the project does not have
     --> .weco-project:1:90
      |
    1 | { "shop": { "environments": [{ "id": "prod" }], "services": [{ "id": "api", "cluster": { "test": "x" } }] } }
      |                                                                                          ^^^^^^
      |
      = hint: define the environment `test`, or name one of `prod`
    "#);
}

#[test]
fn dangling_reference_to_an_image_where_images_are_described() {
    let text = "
[shop.images.api]
[shop.services.api]
images = ['api', 'proxi']
[shop.services.worker]
";
    assert_snapshot!(rendered(text), @"
    error: `shop.services.api.images` names the image `proxi`, which the project does not have
     --> .weco-project:4:18
      |
    4 | images = ['api', 'proxi']
      |                  ^^^^^^^
      |
      = hint: define the image `proxi`, or name one of `api`

    error: `shop.services.worker` names the image `worker`, which the project does not have
     --> .weco-project:5:16
      |
    5 | [shop.services.worker]
      |                ^^^^^^
      |
      = hint: define the image `worker`, or name one of `api`
    ");
    assert_snapshot!(rendered(r#"{ "shop": { "images": [{ "id": "worker" }], "services": [{ "id": "wroker" }] } }"#), @r#"
    error: `shop.services.wroker` names the image `wroker`, which the project does not have
     --> .weco-project:1:66
      |
    1 | { "shop": { "images": [{ "id": "worker" }], "services": [{ "id": "wroker" }] } }
      |                                                                  ^^^^^^^^
      |
      = hint: rename `wroker` to `worker`, or define the image `wroker`
    "#);
}

#[test]
fn what_is_defined_wrongly_is_not_called_missing() {
    let text = "
[shop.environments.latest]
[shop.environments.prod]
from = 'latest'
[shop.services]
'a b' = {}
api = true
[shop.service_sets.web]
services = ['a b', 'api']
";
    assert_snapshot!(rendered(text), @"
    error: `latest` cannot be an environment: it is the label of what was registered last
     --> .weco-project:2:20
      |
    2 | [shop.environments.latest]
      |                    ^^^^^^
      |
      = hint: remove the environment `latest`: `release-tool register` needs none

    error: `a b` is not a valid service id: ' ' is not allowed, only letters, digits, `_`, `.` and `-` can stand in an SSM parameter path
     --> .weco-project:6:1
      |
    6 | 'a b' = {}
      | ^^^^^
      |
      = hint: rename it, for example to `a-b`

    error: `shop.services.api` is a boolean, not a table
     --> .weco-project:7:7
      |
    7 | api = true
      |       ^^^^
      |
      = hint: write a table as the value of `api`
    ");
}

#[test]
fn cycle() {
    assert_snapshot!(rendered("[shop.environments]\nprod = { from = 'prod' }\n"), @"
    error: `from` leads in a circle: `prod` → `prod`
     --> .weco-project:2:17
      |
    2 | prod = { from = 'prod' }
      |                 ^^^^^^
      |
      = hint: remove `from` from the environment `prod`
    ");
    let text = r#"{ "shop": { "environments": {
  "dev": { "from": "test" },
  "test": { "from": "prod" },
  "prod": { "from": "test" }
} } }"#;
    assert_snapshot!(rendered(text), @r#"
    error: `from` leads in a circle: `test` → `prod` → `test`
     --> .weco-project:3:21
      |
    3 |   "test": { "from": "prod" },
      |                     ^^^^^^
      |
      = hint: remove `from` from the environment `test`
    "#);
}

#[test]
fn reserved_id() {
    assert_snapshot!(rendered("[shop.services.all]\n[shop.environments.latest]\n"), @"
    error: `all` cannot be a service: it means every service on the command line
     --> .weco-project:1:16
      |
    1 | [shop.services.all]
      |                ^^^
      |
      = hint: give a service another id than `all`

    error: `latest` cannot be an environment: it is the label of what was registered last
     --> .weco-project:2:20
      |
    2 | [shop.environments.latest]
      |                    ^^^^^^
      |
      = hint: remove the environment `latest`: `release-tool register` needs none
    ");
    assert_snapshot!(rendered(r#"{ "shop": { "service_sets": [{ "id": "all", "services": [{ "id": "api" }] }] } }"#), @r#"
    error: `all` cannot be a service set: it means every service on the command line
     --> .weco-project:1:38
      |
    1 | { "shop": { "service_sets": [{ "id": "all", "services": [{ "id": "api" }] }] } }
      |                                      ^^^^^
      |
      = hint: give a service set another id than `all`
    "#);
}

#[test]
fn a_set_named_as_a_service() {
    assert_snapshot!(rendered("[shop.services.api]\n[shop.service_sets.api]\nservices = ['api']\n"), @"
    error: `api` is both a service and a service set
     --> .weco-project:2:20
      |
    1 | [shop.services.api]
      |                --- first here
    2 | [shop.service_sets.api]
      |                    ^^^
      |
      = hint: rename the service set, for example to `api-set`
    ");
    assert_snapshot!(rendered(r#"{ "shop": { "service_sets": [{ "id": "api", "services": [{ "id": "api" }] }] } }"#), @r#"
    error: `api` is both a service and a service set
     --> .weco-project:1:38
      |
    1 | { "shop": { "service_sets": [{ "id": "api", "services": [{ "id": "api" }] }] } }
      |                                      ^^^^^                       ----- first here
      |
      = hint: rename the service set, for example to `api-set`
    "#);
}
