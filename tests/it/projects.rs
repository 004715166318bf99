//! Projects of other shapes than the example: open ones, the RFC's sets, and a real team's six.

use std::path::{Path, PathBuf};

use release_tool::sandbox::Estate;
use serde_json::json;

use crate::support::{Shop, text};

/// The registry of the sandbox's default account.
const REGISTRY: &str = "000000000000.dkr.ecr.eu-west-1.amazonaws.com";

/// The manifest that RFC 013 gives, with the clusters that a deployment needs.
const OPEN: &str = r#"{
  "project_name": {
    "environments": [
      { "id": "stage", "name": "Staging", "cluster_name": "stage" },
      { "id": "prod", "name": "Production", "cluster_name": "prod" }
    ],
    "name": "Example project"
  }
}"#;

/// A cluster in which a service of each of these names runs the older image of its repository.
fn estate(cluster: &str, services: &[&str]) -> Estate {
    let image = |name: &str, tag: &str| format!("{REGISTRY}/{name}:{tag}");
    let network = json!({ "awsvpcConfiguration": { "subnets": ["subnet-0a1b2c3d4e5f60718"] } });
    serde_json::from_value(json!({
        "clusters": [{ "name": cluster }],
        "repositories": services.iter().map(|name| json!({
            "name": name, "images": [{ "tag": "older" }, { "tag": "newer" }],
        })).collect::<Vec<_>>(),
        "task_definitions": services.iter().map(|name| json!({
            "family": format!("{cluster}-{name}"),
            "body": {
                "containerDefinitions": [{ "name": name, "image": image(name, "older") }],
                "networkMode": "awsvpc",
                "requiresCompatibilities": ["FARGATE"],
                "cpu": "256",
                "memory": "512",
            },
        })).collect::<Vec<_>>(),
        "services": services.iter().map(|name| json!({
            "cluster": cluster,
            "name": name,
            "task_definition": format!("{cluster}-{name}"),
            "desired_count": 1,
            "minimum_healthy_percent": 100,
            "maximum_percent": 200,
            "circuit_breaker": true,
            "further": { "launchType": "FARGATE", "networkConfiguration": network },
        })).collect::<Vec<_>>(),
    }))
    .unwrap()
}

#[test]
fn an_open_project_deploys_whatever_was_registered() {
    let shop = Shop::with(OPEN);
    shop.run(&["deploy", "all", "prod", "-y"]).expect(1).tells("has no services yet");
    shop.cloud().seed(&estate("prod", &["id_minter", "matcher"])).unwrap();
    for name in ["id_minter", "matcher"] {
        let uri = format!("{REGISTRY}/{name}:newer");
        let run = shop.run(&["register", &uri, name]).expect(0);
        run.prints(&format!("Updated: /project_name/images/latest/{name}"));
    }
    shop.run(&["deploy", "all", "prod", "-y"]).expect(0).prints("2 of 2 services verified");
    let status = shop.run(&["status", "all", "prod"]).expect(0);
    insta::assert_snapshot!(shop.steady(&status.stdout), @r"
     Last released: [time]
       Released by: Bob Beardly <bob@example.com>
            Status: COMPLETE
        Deployment: d1 of r1, SUCCEEDED

    id_minter    newer    COMPLETE
    matcher      newer    COMPLETE
    ");
    let newer = format!("{REGISTRY}/matcher:newer");
    assert_eq!(shop.parameter("/project_name/images/prod/matcher"), Some(newer));
    // In the other environment there is none of them.
    shop.ecs("CreateCluster", &json!({ "clusterName": "stage" }));
    shop.run(&["deploy", "all", "stage", "-y"]).expect(1).tells("no ECS service `matcher`");
}

#[test]
fn a_service_of_an_open_project_goes_back_alone() {
    let shop = Shop::with(OPEN);
    shop.cloud().seed(&estate("prod", &["id_minter", "matcher"])).unwrap();
    let uri = |name: &str, tag: &str| format!("{REGISTRY}/{name}:{tag}");
    for name in ["id_minter", "matcher"] {
        shop.run(&["register", &uri(name, "newer"), name]).expect(0);
    }
    shop.run(&["deploy", "all", "prod", "-y"]).expect(0);
    for name in ["matcher", "id_minter"] {
        shop.run(&["register", &uri(name, "older"), name]).expect(0);
        shop.run(&["deploy", name, "prod", "-y"]).expect(0);
    }
    let back = ["rollback", "prod", "-y", "--set"];
    shop.run(&[&back[..], &["nobody"]].concat()).expect(2).tells("matcher");
    shop.run(&[&back[..], &["matcher"]].concat()).expect(0).prints("prod is back at r1");
    let runs = |name: &str| shop.parameter(&format!("/project_name/images/prod/{name}"));
    assert_eq!(runs("matcher"), Some(uri("matcher", "newer")));
    assert_eq!(runs("id_minter"), Some(uri("id_minter", "older")));
}

#[test]
fn the_projects_of_a_real_team_are_all_deployed() {
    let manifest = include_str!("manifests/wellcome-2022.weco-project.toml");
    let shop = Shop::with(manifest);
    for (project, environment, services) in [
        ("mets_adapter", "prod", 1),
        ("calm_adapter", "prod", 3),
        ("tei_adapter", "prod", 2),
        ("sierra_adapter", "prod", 12),
        ("reindexer", "prod", 1),
        ("catalogue_pipeline", "2022-11-03", 15),
    ] {
        let run = shop.run(&["deploy", "all", environment, "-y", "--project", project]);
        run.expect(0).prints(&format!("{services} of {services} services verified"));
    }
    let run = shop.run(&["deploy", "items-reader", "prod", "-y", "--project", "sierra_adapter"]);
    run.expect(0).prints("Nothing to deploy");
    // Numbers are a project's own.
    let history = shop.json(&["history", "--project", "catalogue_pipeline"]);
    assert_eq!(history["deployments"][0]["number"], 1);
}

/// A folder of data that is kept beside the repository, where it is kept at all.
pub(crate) fn beside_the_repository(folder: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = root.ancestors().skip(1).map(|above| above.join(folder)).find(|it| it.is_dir());
    if found.is_none() {
        #[expect(clippy::print_stderr, reason = "whoever runs the tests is to see it")]
        {
            eprintln!("skipped: there is no folder `{folder}` beside the repository");
        }
    }
    found
}

#[test]
fn the_sets_of_the_rfc_are_deployed() {
    let Some(folder) = beside_the_repository("shared/fixtures/manifests") else { return };
    let manifest = std::fs::read_to_string(folder.join("rfc-013-service-sets.json")).unwrap();
    let shop = Shop::with(&manifest);
    let run = shop.run(&["deploy", "catalogue_pipeline", "stage", "-y"]).expect(0);
    run.prints("3 of 3 services verified");
    shop.run(&["deploy", "merger", "prod", "-y", "--from", "stage"]).expect(0);
    let shown = shop.json(&["show", "d2"]);
    let step = &shown["deployment"]["steps"][0];
    assert_eq!(text(&step["target"]["cluster"]), "my_prod_cluster");
    let arn = text(&step["task_definition"]);
    assert!(arn.starts_with("arn:aws:ecs:eu-west-1:001234567890:"), "{arn}");
}

#[test]
fn environments_may_be_in_accounts_and_regions_of_their_own() {
    let manifest = r#"
        [shop]
        region = "eu-west-1"
        account = "111111111111"
        environments.stage = { cluster = "shop", account = "222222222222" }
        environments.prod = { cluster = "shop", account = "333333333333", region = "us-east-1", role_arn = "arn:aws:iam::333333333333:role/release" }
        services.web = {}
    "#;
    let shop = Shop::with(manifest);
    for (environment, arn) in [
        ("stage", "arn:aws:ecs:eu-west-1:222222222222:task-definition/shop-stage-web:2"),
        ("prod", "arn:aws:ecs:us-east-1:333333333333:task-definition/shop-prod-web:2"),
    ] {
        shop.run(&["deploy", "all", environment, "-y"]).expect(0);
        let status = shop.json(&["status", "all", environment]);
        assert_eq!(status["services"][0]["task_definition"], arn);
    }
    let shown = shop.json(&["show", "d2"]);
    let signed_in = text(&shown["deployment"]["actor"]["arn"]);
    assert!(signed_in.contains(":assumed-role/release/release-tool-shop"), "{signed_in}");
}
