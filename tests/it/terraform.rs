//! What is told of Terraform, with what the real one said: `tests/it/terraform` has the state, the
//! state file and the plan of a configuration whose services are each made in another way.
//!
//! They were written by Terraform 1.11.4 with its AWS provider 5.100.0 against the sandbox, the plan
//! after all services had been moved from `first:1` to `app:2`. What is long was left out of them.

mod check;
mod manifest;
mod snippet;

use std::fs;

use serde_json::json;

use crate::{docs::assert_committed, support::Shop};

/// The services of the configuration.
const QUIRKS: [&str; 12] = [
    "tidy",
    "untracked",
    "sensitive",
    "secure",
    "reset",
    "family",
    "ignored",
    "exposed",
    "managed",
    "literal",
    "revision",
    "empty",
];

const STATE: &str = include_str!("terraform/quirks-state.json");
const FILE: &str = include_str!("terraform/quirks.tfstate");
const PLAN: &str = include_str!("terraform/quirks-plan.json");
const RECIPE: &str = include_str!("terraform/recipe-state.json");

/// The manifest of the configuration.
fn manifest(more: &str) -> String {
    let services: Vec<String> = QUIRKS.iter().map(|name| format!("{name} = {{}}")).collect();
    let services = services.join("\n");
    format!(
        "[quirks]\nregion = \"eu-west-1\"\n{more}\n[quirks.environments.prod]\ncluster = \
         \"quirks-prod\"\n\n[quirks.services]\n{services}\n"
    )
}

/// The estate as Terraform made it, with everything moved on since to another image.
fn estate(more: &str) -> Shop {
    let shop = Shop::unseeded(&manifest(more));
    shop.ecs("CreateCluster", &json!({ "clusterName": "quirks-prod" }));
    for service in QUIRKS {
        let kind = if ["secure", "empty"].contains(&service) { "SecureString" } else { "String" };
        register(&shop, service, "registry.example/quirks/first:1");
        let parameter = json!({ "Name": parameter(service), "Type": kind,
            "Value": "registry.example/quirks/first:1" });
        shop.ssm("PutParameter", &parameter);
        shop.ecs(
            "CreateService",
            &json!({ "cluster": "quirks-prod", "serviceName": service,
            "desiredCount": 1, "taskDefinition": format!("quirks-{service}") }),
        );
    }
    shop.go_fast();
    shop
}

/// Moves a service by hand, in the places that are named.
fn move_on(shop: &Shop, service: &str, image: &str, places: &[&str]) {
    if places.contains(&"revision") {
        register(shop, service, image);
    }
    if places.contains(&"parameter") {
        let parameter = json!({ "Name": parameter(service), "Value": image, "Overwrite": true });
        shop.ssm("PutParameter", &parameter);
    }
    if places.contains(&"service") {
        shop.ecs(
            "UpdateService",
            &json!({ "cluster": "quirks-prod", "service": service,
            "taskDefinition": format!("quirks-{service}") }),
        );
    }
}

/// Moves all services on, as a deployment does.
fn moved(more: &str) -> Shop {
    let shop = estate(more);
    for service in QUIRKS {
        let all = ["revision", "parameter", "service"];
        move_on(&shop, service, "registry.example/quirks/app:2", &all);
    }
    shop
}

fn parameter(service: &str) -> String {
    format!("/quirks/images/prod/{service}")
}

fn register(shop: &Shop, service: &str, image: &str) {
    let containers = json!([{ "name": service, "image": image, "memory": 64 }]);
    let family = format!("quirks-{service}");
    shop.ecs(
        "RegisterTaskDefinition",
        &json!({ "family": family, "containerDefinitions": containers }),
    );
}

/// A command and what it prints, as a block of the documentation.
fn printed(shop: &Shop, arguments: &[&str]) -> String {
    let told = shop.run(arguments).expect(0).stdout;
    format!("\n```console\n$ release-tool {}\n{}\n```\n\n", arguments.join(" "), told.trim_end())
}

#[test]
fn the_outputs_that_are_shown_are_those_of_the_program() {
    let bookshop = Shop::new();
    let snippet = printed(&bookshop, &["terraform", "snippet", "--env", "prod", "search-indexer"]);
    let quirks = moved("");
    quirks.write("prod.json", STATE);
    let of_state = ["terraform", "check", "literal", "--env", "prod", "--state", "prod.json"];
    let with_a_state = printed(&quirks, &of_state);
    move_on(&quirks, "tidy", "registry.example/quirks/app:3", &["revision", "parameter"]);
    let out_of_step = printed(&quirks, &["terraform", "check", "tidy", "--env", "prod"]);
    let empty = Shop::unseeded("");
    empty.write("prod.json", RECIPE);
    let init = printed(&empty, &["init", "--from-terraform", "prod.json", "--dry-run"]);
    let path = "docs/terraform.md";
    let page = fs::read_to_string(path).unwrap();
    let blocks = [
        ("snippet", snippet),
        ("out of step", out_of_step),
        ("with a state", with_a_state),
        ("init", init),
    ];
    let page = blocks.iter().fold(page, |page, (name, block)| {
        let (before, rest) = page.split_once(&format!("<!-- {name} -->")).unwrap();
        let (_, after) = rest.split_once(&format!("<!-- /{name} -->")).unwrap();
        format!("{before}<!-- {name} -->\n{block}<!-- /{name} -->{after}")
    });
    assert_committed(path, &page);
}
