//! What sound manifests say: defaults, both forms of a collection, and answers.

use std::path::Path;

use super::{
    super::{Format, ManifestErrorKind, StoreSetting},
    Manifest, Project, manifest, project,
};
use crate::model::{EnvironmentId, ImageId, ImageUri, OnFailure, Selection, ServiceId};

const BOOKSHOP: &str = include_str!("../../../examples/bookshop/.weco-project");
const REFERENCE: &str = include_str!("../../../.weco-project.example");
const WELLCOME: &str = include_str!("../../../tests/it/manifests/wellcome-2022.weco-project.toml");

fn ids<'s>(services: impl IntoIterator<Item = &'s super::super::Service>) -> Vec<&'s str> {
    services.into_iter().map(|service| service.id.as_str()).collect()
}

fn containers(project: &Project, service: &str) -> Vec<(String, String)> {
    let pairs = project.services[service].containers.iter();
    pairs.map(|(container, image)| (container.to_string(), image.to_string())).collect()
}

#[test]
fn the_least_there_can_be() {
    let project = project("[shop]");
    assert_eq!(project.name, "shop");
    assert_eq!(project.store, StoreSetting::BesideManifest);
    assert!(project.is_open());
    assert!(project.environments.is_empty() && project.services.is_empty());
}

#[test]
fn an_environment_takes_from_the_project_what_it_does_not_say() {
    let project = project(
        r#"
[shop]
region = "eu-west-1"
account = 1234567890
profile = "shop"
[shop.environments.stage]
[shop.environments.prod]
name = "Production"
region = "us-east-1"
account_id = "222222222222"
role_arn = "arn:aws:iam::222222222222:role/deploy"
external_id = "x1"
profile = "shop-prod"
from = "stage"
on_failure = "hold"
require_reason = true
"#,
    );
    let stage = project.environment("stage").unwrap();
    assert_eq!(stage.name, "stage");
    assert_eq!(stage.region.as_ref().unwrap().as_str(), "eu-west-1");
    assert_eq!(stage.account.as_ref().unwrap().as_str(), "001234567890");
    assert_eq!(stage.profile.as_deref(), Some("shop"));
    assert_eq!((&stage.role_arn, &stage.external_id, &stage.from), (&None, &None, &None));
    assert_eq!((stage.on_failure, stage.require_reason), (OnFailure::Rollback, false));
    let prod = project.environment("prod").unwrap();
    assert_eq!((prod.on_failure, prod.require_reason), (OnFailure::Hold, true));
    assert_eq!(prod.name, "Production");
    assert_eq!(prod.region.as_ref().unwrap().as_str(), "us-east-1");
    assert_eq!(prod.account.as_ref().unwrap().as_str(), "222222222222");
    assert_eq!(prod.role_arn.as_ref().unwrap().account(), "222222222222");
    assert_eq!(prod.external_id.as_deref(), Some("x1"));
    assert_eq!(prod.profile.as_deref(), Some("shop-prod"));
    assert_eq!(prod.from.as_ref(), Some(&stage.id));
}

#[test]
fn the_project_lends_its_role_to_environments_of_the_role_s_account_only() {
    let project = project(
        r#"
[shop]
account = "999999999999"
role_arn = "arn:aws:iam::999999999999:role/labels"
[shop.environments.dev]
[shop.environments.test]
account = "999999999999"
[shop.environments.prod]
account = "222222222222"
"#,
    );
    let role = |id: &str| {
        let environment = project.environment(id).unwrap();
        environment.role_arn.as_ref().map(|role| role.account().to_owned())
    };
    let own = Some("999999999999".to_owned());
    assert_eq!([role("dev"), role("test"), role("prod")], [own.clone(), own, None]);
}

#[test]
fn the_order_of_the_file_is_kept() {
    let project = project(
        "[s.environments.z]\n[s.services]\nweb = {}\napi = {}\n[s.environments.a]\n[s.images]\nweb={}\napi={}",
    );
    assert_eq!(
        project.environments.keys().map(EnvironmentId::as_str).collect::<Vec<_>>(),
        ["z", "a"]
    );
    assert_eq!(ids(project.services.values()), ["web", "api"]);
}

#[test]
fn images_go_into_containers() {
    let project = project(
        r#"
[shop.services]
api = {}
web = { images = ["site", "proxy"] }
worker = { images = { main = "api", side-car = "proxy" } }
"#,
    );
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(containers(&project, "api"), [pair("api", "api")]);
    assert_eq!(containers(&project, "web"), [pair("site", "site"), pair("proxy", "proxy")]);
    assert_eq!(containers(&project, "worker"), [pair("main", "api"), pair("side-car", "proxy")]);
    let image = |id: &str| ImageId::new(id).unwrap();
    assert_eq!(ids(project.services_running(&image("proxy"))), ["web", "worker"]);
    assert_eq!(ids(project.services_running(&image("api"))), ["api", "worker"]);
    assert!(project.services_running(&image("other")).is_empty());
    assert_eq!(
        project.images.keys().map(ImageId::as_str).collect::<Vec<_>>(),
        ["api", "site", "proxy"]
    );
}

#[test]
fn one_off_tasks_and_restarts_have_a_short_form_and_a_long_one() {
    let project = project(
        r#"
[shop.service_sets.all-of-it]
services = ["api", "web"]
restart = ["tiles", "tiles"]
[shop.services]
api = { before = { run_task = ["manage", "migrate"] }, restart = ["tiles"] }
tiles = {}
[shop.services.web]
images = ["site", "proxy"]
before = { run_task = { command = ["rake"], container = "proxy", timeout = "90s" } }
"#,
    );
    let run = |id: &str| project.services[id].before.clone().unwrap();
    assert_eq!(run("api").command, ["manage", "migrate"]);
    assert_eq!((run("api").container.as_str(), run("api").timeout_seconds), ("api", 900));
    assert_eq!((run("web").container.as_str(), run("web").timeout_seconds), ("proxy", 90));
    let tiles = vec![ServiceId::new("tiles").unwrap()];
    assert_eq!(project.services["api"].restart, tiles);
    assert_eq!(project.service_sets["all-of-it"].restart, tiles);
    assert_eq!(project.services["tiles"].before, None);
}

#[test]
fn a_word_on_the_command_line_means_one_thing() {
    let project = project(BOOKSHOP);
    let select = |word| project.select(word).unwrap();
    assert_eq!(select("all"), Selection::All);
    assert_eq!(
        ids(project.services_of(&select("workers"))),
        ["order-worker", "mail-worker", "search-indexer"]
    );
    assert_eq!(ids(project.services_of(&select("storefront"))), ["storefront"]);
    assert_eq!(project.services_of(&Selection::All).len(), project.services.len());
}

#[test]
fn the_word_of_register_is_an_image_or_a_service_of_one() {
    let project = project(BOOKSHOP);
    let image = |word| project.image_of_word(word).map(|image| image.to_string());
    assert_eq!(image("worker").unwrap(), "worker");
    assert_eq!(image("mail-worker").unwrap(), "worker");
    assert_eq!(image("storefront").unwrap(), "storefront", "an image before a service");
    assert_eq!(image("catalogue-api").unwrap(), "catalogue-api");
    let error = image("catalog-api").unwrap_err();
    assert!(matches!(error.kind(), ManifestErrorKind::UnknownImage { .. }));
}

#[test]
fn the_name_in_ecs_is_the_id_unless_there_is_a_template() {
    let project = project(BOOKSHOP);
    let stage = &project.environment("stage").unwrap().id;
    let name =
        |service: &str| project.services[service].ecs_service_name(stage).unwrap().to_string();
    assert_eq!(name("orders-api"), "orders-api");
    assert_eq!(name("search-indexer"), "stage-search-indexer");
}

#[test]
fn a_cluster_is_the_services_own_before_the_environments() {
    let project = project(REFERENCE);
    let cluster = |environment, service: &str| {
        let environment = project.environment(environment).unwrap();
        project.cluster(environment, &project.services[service]).unwrap().to_string()
    };
    assert_eq!(cluster("stage", "catalogue-api"), "library-stage");
    assert_eq!(cluster("stage", "reading-room"), "library-readers-stage");
    assert_eq!(cluster("stage", "scanner"), "library-ingest-stage");
    assert_eq!(cluster("prod", "scanner"), "library-prod");
}

#[test]
fn an_open_project_gets_its_services_later() {
    let open = project("[shop.environments.prod]\ncluster = 'shop'\n");
    assert!(open.is_open());
    assert_eq!(open.image_of_word("api").unwrap().as_str(), "api");
    assert!(open.image_of_word("all").is_err());
    let services = ["api", "web"].map(|id| ServiceId::new(id).unwrap()).to_vec();
    let project = open.with_services(services).unwrap();
    assert!(project.is_open(), "what is registered next is a service too");
    assert_eq!(ids(project.services_of(&Selection::All)), ["api", "web"]);
    assert_eq!(ids(project.services_running(&ImageId::new("web").unwrap())), ["web"]);
    let prod = project.environment("prod").unwrap();
    assert_eq!(project.cluster(prod, &project.services["api"]).unwrap().as_str(), "shop");
}

#[test]
fn services_that_are_defined_stay_the_only_ones() {
    let closed = project("[shop.services.api]");
    assert!(!closed.is_open());
    let same = closed.clone().with_services(vec![ServiceId::new("web").unwrap()]).unwrap();
    assert_eq!(same, closed);
}

#[test]
fn a_repository_may_stand_at_the_service_or_at_the_image() {
    let at_service = project("[shop.services.api]\nrepository = 'example/api'");
    let at_image = project("[shop.services.api]\n[shop.images.api]\nrepository = 'example/api'");
    assert_eq!(at_service.images, at_image.images);
    let uri = ImageUri::parse("example/api:1").unwrap();
    assert!(at_service.images["api"].has_its_repository(&uri));
}

#[test]
fn what_is_merged_from_sets_may_agree() {
    let text = r#"
[shop.environments.prod]
name = "Production"
account = 111111111111
[[shop.service_sets]]
id = "web"
account_id = 111111111111
services = [{ id = "api", repository_name = "example/api" }]
environments = [{ id = "prod", name = "Production", cluster_name = "blue" }]
[[shop.service_sets]]
id = "everything"
services = ["api"]
environments = [{ id = "prod", cluster_name = "blue" }, { id = "test" }]
"#;
    let project = project(text);
    assert_eq!(project.environments.len(), 2);
    let prod = project.environment("prod").unwrap();
    assert_eq!(project.cluster(prod, &project.services["api"]).unwrap().as_str(), "blue");
    let other = project.environment("test").unwrap();
    assert!(project.cluster(other, &project.services["api"]).is_err());
}

#[test]
fn one_ecs_service_name_in_two_clusters_is_two_services() {
    let project = project(
        "[s.environments.prod]\ncluster = 'a'\n[s.services]\nweb = {}\nold = { service = 'web', cluster = { prod = 'b' } }",
    );
    assert_eq!(project.services.len(), 2);
}

#[test]
fn several_projects_are_told_apart_by_name() {
    let manifest = manifest("[shop]\nname = 'Shop'\n[cafe]\n");
    assert_eq!(manifest.projects().count(), 2);
    assert_eq!(manifest.project(Some("shop")).unwrap().name, "Shop");
    assert!(manifest.project(None).is_err());
}

#[test]
fn the_example_is_what_the_readme_tells() {
    let project = project(BOOKSHOP);
    assert!(project.services.len() >= 5);
    assert_eq!(project.service_sets.len(), 2);
    assert_eq!(
        project.environments.keys().map(EnvironmentId::as_str).collect::<Vec<_>>(),
        ["stage", "prod"]
    );
    assert!(project.environments.values().all(|environment| environment.cluster.is_some()
        && environment.account.is_none()
        && environment.role_arn.is_none()
        && environment.from.is_none()));
    assert_eq!(ids(project.services_running(&ImageId::new("worker").unwrap())).len(), 2);
    assert_eq!(project.services["storefront"].containers.len(), 2);
}

#[test]
fn the_services_of_a_real_team_can_be_written_down() {
    let manifest = manifest(WELLCOME);
    let counts: Vec<(&str, usize)> =
        manifest.projects().map(|p| (p.id.as_str(), p.services.len())).collect();
    assert_eq!(
        counts,
        [
            ("mets_adapter", 1),
            ("calm_adapter", 3),
            ("tei_adapter", 2),
            ("sierra_adapter", 12),
            ("reindexer", 1),
            ("catalogue_pipeline", 15),
        ]
    );
    let sierra = manifest.project(Some("sierra_adapter")).unwrap();
    let merger = sierra.image_of_word("orders-merger").unwrap();
    assert_eq!(
        ids(sierra.services_running(&merger)),
        ["bibs-merger", "items-merger", "holdings-merger", "orders-merger"]
    );
    let pipeline = manifest.project(Some("catalogue_pipeline")).unwrap();
    assert_eq!(pipeline.services["image-inferrer"].images().len(), 4);
    let october = pipeline.environment("2022-10-03").unwrap();
    let cluster = pipeline.cluster(october, &pipeline.services["matcher"]).unwrap();
    assert_eq!(cluster.as_str(), "catalogue-2022-10-03");
}

/// The example of RFC 013, in both notations.
#[test]
fn the_example_of_the_rfc_loads() {
    let json = r#"{
  "project_name": {
    "environments": [
      { "id": "stage", "name": "Staging" },
      { "id": "prod", "name": "Production" }
    ],
    "name": "Example project"
  }
}"#;
    let toml = r#"
[project_name]
environments = [{ id = "stage", name = "Staging" }, { id = "prod", name = "Production" }]
name = "Example project"
"#;
    for project in [project(json), project(toml)] {
        assert_eq!(project.name, "Example project");
        assert!(project.is_open());
        assert_eq!(project.environment("prod").unwrap().name, "Production");
    }
}

/// Real manifests are kept beside the repository, where they are kept at all.
#[test]
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn real_manifests_load_or_say_what_to_change() {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(1);
    let mut folders = folders.map(|folder| folder.join("shared/fixtures/manifests"));
    let Some(files) = folders.find_map(|folder| std::fs::read_dir(folder).ok()) else {
        println!("skipped: there is no folder `shared/fixtures/manifests` beside the repository");
        return;
    };
    for file in files {
        let path = file.unwrap().path();
        let is_yaml = path.extension().is_some_and(|extension| extension == "yaml");
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        match Manifest::parse(name, &text) {
            Ok(manifest) => {
                assert_eq!(name, "rfc-013-service-sets.json");
                check_rfc_service_sets(manifest.project(None).unwrap());
            }
            Err(errors) => {
                assert_ne!(name, "rfc-013-service-sets.json", "{errors}");
                assert!(errors.errors().iter().all(|error| !error.hint().is_empty()));
                let is_syntax = matches!(
                    errors.errors()[0].kind(),
                    ManifestErrorKind::Syntax { format: Format::Toml, is_yaml: true, .. }
                );
                assert_eq!(is_syntax, is_yaml, "{}", errors.render(false));
            }
        }
    }
}

/// The manifest of RFC 013's draft: a set that has its own environments and services.
fn check_rfc_service_sets(project: &Project) {
    assert_eq!(project.name, "Catalogue");
    let pipeline = project.select("catalogue_pipeline").unwrap();
    assert_eq!(ids(project.services_of(&pipeline)), ["id_minter", "matcher", "merger"]);
    let prod = project.environment("prod").unwrap();
    assert_eq!(prod.account.as_ref().unwrap().as_str(), "001234567890");
    let cluster = project.cluster(prod, &project.services["merger"]).unwrap();
    assert_eq!(cluster.as_str(), "my_prod_cluster");
    let image = &project.images["id_minter"];
    assert_eq!(image.repository.as_deref(), Some("uk.ac.wellcome/id_minter"));
}

#[test]
fn a_terraform_state_is_lent_and_may_be_one_for_each_environment() {
    let project = project(
        r#"
[shop]
terraform = { state = "terraform/{env}.json" }
[shop.environments.stage]
[shop.environments.prod]
terraform = { state = "live.tfstate" }
"#,
    );
    let state = |id: &str| project.environment(id).unwrap().terraform_state.clone().unwrap();
    assert_eq!(state("stage"), Path::new("terraform/stage.json"));
    assert_eq!(state("prod"), Path::new("live.tfstate"));
}
