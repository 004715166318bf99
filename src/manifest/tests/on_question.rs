//! Questions that a sound manifest has no answer to.

use insta::assert_snapshot;

use super::{super::ManifestError, manifest, project};
use crate::model::ServiceId;

const TOML: &str = "
[shop.environments.stage]
[shop.environments.prod]
cluster = 'shop-prod'
[shop.services.api]
[shop.services.web]
images = ['web', 'proxy']
cluster = { stage = 'web-stage' }
[shop.service_sets.front]
services = ['web']
";

const JSON: &str = r#"{
  "shop": {
    "environments": [{ "id": "stage" }, { "id": "prod", "cluster_name": "shop-prod" }],
    "services": [{ "id": "api" }]
  }
}"#;

fn asked<T: std::fmt::Debug>(answer: Result<T, ManifestError>) -> String {
    answer.unwrap_err().render(false)
}

#[test]
fn no_cluster() {
    for (text, project) in [(TOML, project(TOML)), (JSON, project(JSON))] {
        let stage = project.environment("stage").unwrap();
        let error = project.cluster(stage, &project.services["api"]).unwrap_err();
        let at = error.location().unwrap();
        let line = text.lines().nth(at.line - 1).unwrap();
        assert!(
            line.chars()
                .skip(at.column - 1)
                .collect::<String>()
                .trim_matches('"')
                .starts_with("stage")
        );
        assert_eq!(error.file(), Some(".weco-project"));
    }
    let project = project(TOML);
    let stage = project.environment("stage").unwrap();
    assert_snapshot!(asked(project.cluster(stage, &project.services["api"])), @r#"
    error: the environment `stage` has no cluster for the service `api`
     --> .weco-project:2:20
      |
    2 | [shop.environments.stage]
      |                    ^^^^^
      |
      = hint: add the key `cluster` to `shop.environments.stage`, such as `cluster = "web-stage"`
    "#);
    let project = super::project(JSON);
    let stage = project.environment("stage").unwrap();
    let error = project.cluster(stage, &project.services["api"]).unwrap_err();
    assert_snapshot!(error, @".weco-project:3:30: the environment `stage` has no cluster for the service `api`");
}

#[test]
fn project_ambiguous() {
    assert_snapshot!(asked(manifest("[shop]\n[bar]\n[cafe]\n").project(None)), @"
    error: the manifest has 3 projects: `shop`, `bar` and `cafe`
     |
     = hint: name the project, for example `--project shop`
    ");
    assert_snapshot!(asked(manifest(r#"{ "shop": {}, "bar": {} }"#).project(None)), @"
    error: the manifest has 2 projects: `shop` and `bar`
     |
     = hint: name the project, for example `--project shop`
    ");
}

#[test]
fn unknown_project() {
    assert_snapshot!(asked(manifest("[shop]\n[bar]\n").project(Some("shpo"))), @"
    error: there is no project `shpo`: there are `shop` and `bar`
     |
     = hint: use `--project shop`, if that is meant
    ");
    assert_snapshot!(asked(manifest(r#"{ "shop": {} }"#).project(Some("cafe"))), @"
    error: there is no project `cafe`: there is only `shop`
     |
     = hint: use `--project shop`
    ");
}

#[test]
fn unknown_environment() {
    assert_snapshot!(asked(project(TOML).environment("production")), @"
    error: the project `shop` has no environment `production`: there are `stage` and `prod`
     |
     = hint: use one of `stage` and `prod`
    ");
    assert_snapshot!(asked(project(JSON).environment("stag")), @"
    error: the project `shop` has no environment `stag`: there are `stage` and `prod`
     |
     = hint: use `stage`, if that is meant
    ");
    assert_snapshot!(asked(project(TOML).environment("all")), @"
    error: the project `shop` has no environment `all`: there are `stage` and `prod`
     |
     = hint: name `all` first and the environment after it
    ");
    assert_snapshot!(asked(project("[shop]").environment("prod")), @"
    error: the project `shop` has no environment `prod`: there are no environments
     |
     = hint: add the environment to the manifest as `[shop.environments.prod]`
    ");
}

#[test]
fn unknown_selection() {
    assert_snapshot!(asked(project(TOML).select("fornt")), @"
    error: the project `shop` has no service or service set `fornt`: there are `front`, `api` and `web`
     |
     = hint: use `front`, if that is meant
    ");
    assert_snapshot!(asked(project(JSON).select("worker")), @"
    error: the project `shop` has no service or service set `worker`: there is only `api`
     |
     = hint: use `api`
    ");
    assert_snapshot!(asked(project(TOML).select("prod")), @"
    error: the project `shop` has no service or service set `prod`: there are `front`, `api` and `web`
     |
     = hint: name the environment after `all`, a service set or a service, or as `--env prod` where the command has that
    ");
    assert_snapshot!(asked(project("[shop]").select("api")), @"
    error: the project `shop` has no service or service set `api`: there are no services or service sets
     |
     = hint: register an image first: `release-tool register <uri> api`
    ");
}

#[test]
fn unknown_image() {
    assert_snapshot!(asked(project(TOML).image_of_word("proxi")), @"
    error: the project `shop` has no image or service `proxi`: there are `api`, `web` and `proxy`
     |
     = hint: use `proxy`, if that is meant
    ");
    assert_snapshot!(asked(project(JSON).image_of_word("worker")), @"
    error: the project `shop` has no image or service `worker`: there is only `api`
     |
     = hint: use `api`
    ");
    assert_snapshot!(asked(project("[shop]").image_of_word("a/b")), @"
    error: `a/b` is not a valid service id: '/' is not allowed, only letters, digits, `_`, `.` and `-` can stand in an SSM parameter path
     |
     = hint: rename it, for example to `a-b`
    ");
}

#[test]
fn several_images() {
    let text = "[shop.services.web]\nimages = { web = 'site', proxy = 'proxy' }\n";
    assert_snapshot!(asked(project(text).image_of_word("web")), @"
    error: the service `web` runs several images: `site` and `proxy`
     |
     = hint: name the image, for example `release-tool register <uri> site`
    ");
    let text = r#"{ "shop": { "services": { "web": { "images": { "web": "site", "proxy": "proxy" } } } } }"#;
    assert_snapshot!(asked(project(text).image_of_word("web")), @"
    error: the service `web` runs several images: `site` and `proxy`
     |
     = hint: name the image, for example `release-tool register <uri> site`
    ");
}

#[test]
fn a_registered_image_that_is_no_ecs_service() {
    let services = vec![ServiceId::new("api.v2").unwrap()];
    let open = project("[shop.environments.prod]\n");
    assert_snapshot!(asked(open.with_services(services)), @"
    error: the service `api.v2` cannot be called `api.v2` in `prod`: '.' is not allowed, only letters, digits, `_` and `-` can stand in an ECS name
     |
     = hint: set the key `service` of `api.v2` to its ECS service's name, in which `{env}` stands for the environment id
    ");
}
