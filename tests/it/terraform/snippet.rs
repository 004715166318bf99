//! `terraform snippet`.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::estate;
use crate::{docs::assert_committed, support::until};

#[test]
fn hcl_takes_images_from_parameters() {
    let shop = estate("");
    let simple = shop.run(&["terraform", "snippet", "--env", "prod", "secure"]).expect(0);
    assert_snapshot!(simple.stdout, @r#"
    # What `release-tool deploy` moves of quirks in prod.
    # Needs version 5.37 or newer of the AWS provider.

    data "aws_ecs_cluster" "quirks-prod" {
      cluster_name = "quirks-prod"
    }

    # Written by `release-tool deploy`. Terraform only makes it exist.
    resource "aws_ssm_parameter" "secure" {
      name  = "/quirks/images/prod/secure"
      type  = "SecureString"
      value = "not-shown"

      lifecycle {
        ignore_changes = [value, insecure_value]
      }
    }

    # What is deployed now.
    data "aws_ssm_parameter" "secure" {
      name = aws_ssm_parameter.secure.name
    }

    resource "aws_ecs_task_definition" "secure" {
      family       = "quirks-secure"
      track_latest = true
      skip_destroy = true

      container_definitions = jsonencode([
        {
          name      = "secure"
          image     = nonsensitive(data.aws_ssm_parameter.secure.value)
          memory    = 64
          essential = true
        },
      ])
    }

    resource "aws_ecs_service" "secure" {
      name                          = "secure"
      cluster                       = data.aws_ecs_cluster.quirks-prod.arn
      task_definition               = aws_ecs_task_definition.secure.arn
      desired_count                 = 1
      launch_type                   = "EC2"
      availability_zone_rebalancing = "ENABLED"

      deployment_circuit_breaker {
        enable   = false
        rollback = false
      }

      # ECS does not go back by itself when a deployment fails: `enable` and `rollback` of `deployment_circuit_breaker` make it.
    }
    "#);
}

#[test]
fn hcl_has_all_that_ecs_has() {
    let shop = estate("");
    let much = include_str!("../task-definitions/much.json");
    let mut much: Value = serde_json::from_str(much).unwrap();
    much["family"] = json!("quirks-tidy");
    shop.ecs("RegisterTaskDefinition", &much);
    let told = shop.run(&["terraform", "snippet", "--env", "prod", "tidy"]).expect(0).stdout;
    assert_committed("tests/it/terraform/much.tf", &told);
}

#[test]
fn hcl_has_all_that_a_service_has() {
    let shop = estate("");
    let containers = json!([{
        "name": "tidy", "image": "registry.example/quirks/first:1",
        "portMappings": [{ "containerPort": 8080 }],
        "command": ["serve", "--token=tok9", "--password", "hunter2", "--port", "8080"],
        "environment": [
            { "name": "ZONE", "value": "${eu}" },
            { "name": "DB_PASSWORD", "value": "hunter2" },
        ],
        "logConfiguration": {
            "logDriver": "splunk",
            "options": { "splunk-token": "0f-1a", "splunk-url": "https://splunk.example" },
        },
    }]);
    let definition = json!({ "family": "quirks-tidy", "containerDefinitions": containers,
        "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
        "memory": "512" });
    shop.ecs("RegisterTaskDefinition", &definition);
    let there = json!({ "cluster": "quirks-prod", "service": "tidy", "force": true });
    shop.ecs("DeleteService", &there);
    until("the service is gone", || shop.service("quirks-prod", "tidy")["status"] == "INACTIVE");
    let service = include_str!("service.json");
    shop.ecs("CreateService", &serde_json::from_str(service).unwrap());
    let told = shop.run(&["terraform", "snippet", "--env", "prod", "tidy"]).expect(0).stdout;
    for secret in ["hunter2", "tok9", "0f-1a", "0f-2b"] {
        assert!(!told.contains(secret), "{told}");
    }
    assert_committed("tests/it/terraform/service.tf", &told);
}

#[test]
fn hcl_is_as_the_manifest_where_ecs_does_not_tell() {
    let shop = estate("");
    shop.sandbox(&["seed"]);
    shop.ecs(
        "DeleteService",
        &json!({ "cluster": "quirks-prod", "service": "family", "force": true }),
    );
    let untold = shop.run(&["terraform", "snippet", "--env", "prod", "family"]).expect(0);
    assert_snapshot!(untold.stdout, @r#"
    # What `release-tool deploy` moves of quirks in prod.
    # Needs version 5.37 or newer of the AWS provider.

    data "aws_ecs_cluster" "quirks-prod" {
      cluster_name = "quirks-prod"
    }

    # Written by `release-tool deploy`. Terraform only makes it exist.
    resource "aws_ssm_parameter" "family" {
      name           = "/quirks/images/prod/family"
      type           = "String"
      insecure_value = "registry.example/quirks/first:1"

      lifecycle {
        ignore_changes = [value, insecure_value]
      }
    }

    # What is deployed now.
    data "aws_ssm_parameter" "family" {
      name = aws_ssm_parameter.family.name
    }

    # Not as ECS has it: ECS has no service family in quirks-prod.
    # Family and containers are as the manifest has them; the rest is yours.
    resource "aws_ecs_task_definition" "family" {
      family       = "family"
      track_latest = true
      skip_destroy = true

      container_definitions = jsonencode([
        {
          name   = "family"
          image  = data.aws_ssm_parameter.family.insecure_value
          memory = 512
        },
      ])
    }

    resource "aws_ecs_service" "family" {
      name            = "family"
      cluster         = data.aws_ecs_cluster.quirks-prod.arn
      task_definition = aws_ecs_task_definition.family.arn
      # Network, load balancers and all else as you have them.

      deployment_circuit_breaker {
        enable   = true
        rollback = true
      }
    }
    "#);
    assert!(
        untold.stderr.contains("`family` is written as the manifest has it"),
        "{}",
        untold.stderr
    );
}
