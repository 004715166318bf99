//! A new revision is the old one but for its images, whatever else is in it.

use std::fs;

use release_tool::sandbox::Estate;
use serde_json::{Value, json};

use crate::{projects::beside_the_repository, support::Shop};

/// The image that every container is to get.
const NEWER: &str = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/parts:newer";

/// What ECS itself says of a revision; what it requires depends on its images, too.
const OF_ITS_OWN: [&str; 5] =
    ["taskDefinitionArn", "revision", "registeredAt", "registeredBy", "requiresAttributes"];

/// Registers a task definition, has its images replaced by a deployment, and compares.
fn assert_only_images_change(name: &str, mut body: Value) {
    let members = body.as_object_mut().unwrap();
    let family = members
        .remove("family")
        .map_or_else(|| "web".to_owned(), |it| it.as_str().unwrap().to_owned());
    let containers: Vec<String> = members["containerDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|container| container["name"].as_str().unwrap().to_owned())
        .collect();
    let images: Vec<String> =
        containers.iter().map(|name| format!("\"{name}\" = \"part\"")).collect();
    let manifest = format!(
        "[shop.environments.prod]\ncluster = \"shop\"\n\n[shop.services.web]\nimages = {{ {} }}\n",
        images.join(", ")
    );
    let shop = Shop::unseeded(&manifest);
    let is_fargate = members["networkMode"] == "awsvpc";
    let network = json!({ "awsvpcConfiguration": { "subnets": ["subnet-0a1b2c3d4e5f60718"] } });
    let estate: Estate = serde_json::from_value(json!({
        "clusters": [{ "name": "shop" }],
        "repositories": [{ "name": "parts", "images": [{ "tag": "newer" }] }],
        "parameters": [{ "name": "/shop/images/latest/part", "value": NEWER }],
        "task_definitions": [{ "family": family, "body": members }],
        "services": [{
            "cluster": "shop",
            "name": "web",
            "task_definition": family,
            "desired_count": 1,
            "minimum_healthy_percent": 100,
            "maximum_percent": 200,
            "circuit_breaker": true,
            "further": if is_fargate { json!({ "networkConfiguration": network }) } else { json!({}) },
        }],
    }))
    .unwrap();
    shop.cloud().seed(&estate).unwrap();
    shop.go_fast();
    let before = shop.task_definition(&format!("{family}:1"));
    shop.run(&["deploy", "web", "prod", "-y"]).expect(0);
    let after = shop.task_definition(&format!("{family}:2"));

    let mut wanted = before.clone();
    for container in wanted["taskDefinition"]["containerDefinitions"].as_array_mut().unwrap() {
        container["image"] = NEWER.into();
    }
    let comparable = |mut told: Value| {
        for member in OF_ITS_OWN {
            assert!(told["taskDefinition"].as_object_mut().unwrap().shift_remove(member).is_some());
        }
        // Compared as text, so that the order of members and lists counts.
        serde_json::to_string_pretty(&told).unwrap()
    };
    let (after, wanted) = (comparable(after), comparable(wanted));
    assert!(after == wanted, "{name} has changed:\n{after}\nand not\n{wanted}");
    // A second deployment finds nothing to do: what comes back is what was sent.
    shop.run(&["deploy", "web", "prod", "-y"]).expect(0).prints("Nothing to deploy");
}

#[test]
fn everything_but_the_images_stays() {
    // A bit of everything, in no particular order.
    let much = serde_json::from_str(include_str!("task-definitions/much.json")).unwrap();
    assert_only_images_change("a task definition with much in it", much);
}

#[test]
fn every_member_of_the_api_stays() {
    // From botocore's model of the API, by `tests/peers/lossless.py`: with something in each
    // member, with nothing in any of them, and with members that nobody knows yet.
    let all = include_str!("task-definitions/every-member.json");
    let all: Value = serde_json::from_str(all).unwrap();
    for (name, body) in all.as_object().unwrap() {
        assert_only_images_change(name, body.clone());
    }
}

#[test]
fn real_task_definitions_survive() {
    let Some(folder) = beside_the_repository("shared/fixtures/task-definitions") else { return };
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let body = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        assert_only_images_change(&file.display().to_string(), body);
        count += 1;
    }
    assert!(count > 0, "there are real task definitions");
}
