//! What is told of Terraform, with what the real one said: `tests/it/terraform` has the state, the
//! state file and the plan of a configuration whose services are each made in another way.
//!
//! They were written by Terraform 1.11.4 with its AWS provider 5.100.0 against the sandbox, the plan
//! after all services had been moved from `first:1` to `app:2`. What is long was left out of them.

use std::{collections::BTreeMap, fs, io::Write as _, process::Stdio};

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::{
    docs::assert_committed,
    support::{Shop, document, text, until},
};

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

/// A line for each service: where it stands, what becomes of it now and then, and what was found.
fn lines(told: &Value) -> String {
    let services = told["environments"][0]["services"].as_array().unwrap();
    let line = |one: &Value| {
        let findings = one["findings"].as_array().unwrap().iter();
        let findings: Vec<String> = findings.map(|finding| text(&finding["name"])).collect();
        let kind = |member: &str| one[member]["kind"].as_str().unwrap_or("-").to_owned();
        format!(
            "{} {} now={} then={} [{}] by={} clean={}\n",
            text(&one["service"]),
            text(&one["standing"]),
            kind("next_apply"),
            kind("after_deployment"),
            findings.join(" "),
            text(&one["basis"]),
            one["clean"]
        )
    };
    services.iter().map(line).collect()
}

fn check(shop: &Shop, more: &[&str]) -> Value {
    let all: Vec<&str> =
        ["terraform", "check", "--env", "prod"].iter().chain(more).copied().collect();
    shop.json(&all)
}

#[test]
fn a_plan_tells_everything() {
    let shop = moved("");
    shop.write("plan.json", PLAN);
    assert_snapshot!(lines(&check(&shop, &["--state", "plan.json"])), @"
    tidy IN_STEP now=nothing then=nothing [] by=plan clean=true
    untracked IN_STEP now=registers then=registers [TRACK_LATEST_OFF SKIP_DESTROY_OFF] by=plan clean=false
    sensitive IN_STEP now=nothing then=nothing [READ_AS_SECRET] by=plan clean=true
    secure IN_STEP now=nothing then=nothing [] by=plan clean=true
    reset IN_STEP now=registers then=registers [PARAMETER_RESET] by=plan clean=false
    family IN_STEP now=moves then=moves [NAMES_FAMILY] by=plan clean=false
    ignored IN_STEP now=nothing then=nothing [TRACK_LATEST_OFF DEFINITION_IGNORED IMAGE_NOT_FROM_PARAMETER] by=plan clean=false
    exposed IN_STEP now=beside then=beside [OUTPUT_OF_REVISION] by=plan clean=false
    managed IN_STEP now=nothing then=nothing [] by=plan clean=true
    literal IN_STEP now=registers then=registers [IMAGE_NOT_FROM_PARAMETER] by=plan clean=false
    revision IN_STEP now=nothing then=nothing [] by=plan clean=true
    empty IN_STEP now=fails then=fails [EMPTY_INSECURE_VALUE] by=plan clean=false
    ");
}

#[test]
fn a_state_and_its_file_foretell_the_same() {
    let shop = moved("");
    shop.write("state.json", STATE);
    shop.write("terraform.tfstate", FILE);
    let told = lines(&check(&shop, &["--state", "state.json"]));
    assert_snapshot!(told, @"
    tidy IN_STEP now=nothing then=nothing [] by=state clean=true
    untracked IN_STEP now=registers then=registers [TRACK_LATEST_OFF SKIP_DESTROY_OFF] by=state clean=false
    sensitive IN_STEP now=nothing then=nothing [READ_AS_SECRET] by=state clean=true
    secure IN_STEP now=nothing then=nothing [] by=state clean=true
    reset IN_STEP now=nothing then=nothing [] by=state clean=true
    family IN_STEP now=nothing then=nothing [] by=state clean=true
    ignored IN_STEP now=moves then=moves [TRACK_LATEST_OFF IMAGE_NOT_FROM_PARAMETER] by=state clean=false
    exposed IN_STEP now=beside then=beside [OUTPUT_OF_REVISION] by=state clean=false
    managed IN_STEP now=nothing then=nothing [] by=state clean=true
    literal IN_STEP now=registers then=registers [IMAGE_NOT_FROM_PARAMETER] by=state clean=false
    revision IN_STEP now=nothing then=nothing [] by=state clean=true
    empty IN_STEP now=fails then=fails [EMPTY_INSECURE_VALUE] by=state clean=false
    ");
    assert_eq!(lines(&check(&shop, &["--state", "terraform.tfstate"])), told);
}

#[test]
fn what_is_foretold_is_told_to_people() {
    let shop = moved("");
    shop.write("state.json", STATE);
    let told = |service: &str| {
        let of = ["terraform", "check", service, "--env", "prod", "--state", "state.json"];
        shop.run(&of).expect(0).stdout
    };
    assert_snapshot!(told("untracked"), @"
    prod: 0 of 1 clean as far as AWS and the state tell (state.json)

        untracked    IN_STEP    quirks-untracked:2
            the next `terraform apply`, as it seems, registers what runs once more, and replaces every task by one that runs the same
            and so after each deployment
            TRACK_LATEST_OFF: aws_ecs_task_definition.untracked compares with quirks-untracked:1, which Terraform made, and not with the latest revision
                fix: write `track_latest = true` into it, and run `terraform apply`: it registers a revision once more, and does not do so again
            SKIP_DESTROY_OFF: aws_ecs_task_definition.untracked deregisters the revision that runs when Terraform makes another
                fix: write `skip_destroy = true` into it

    note: a state tells neither `ignore_changes` nor what was changed in the configuration since; a plan tells both: `terraform plan -out p && terraform show -json p`
    ");
    assert_snapshot!(told("ignored"), @r#"
    prod: 0 of 1 clean as far as AWS and the state tell (state.json)

        ignored    IN_STEP    quirks-ignored:2
            the next `terraform apply`, as it seems, moves the service to quirks-ignored:1: `ignored` goes from registry.example/quirks/app:2 to registry.example/quirks/first:1
            after a deployment it moves the service to quirks-ignored:1: `ignored` goes from the image that is deployed to registry.example/quirks/first:1
            TRACK_LATEST_OFF: aws_ecs_task_definition.ignored compares with quirks-ignored:1, which Terraform made, and not with the latest revision
                fix: write `track_latest = true` into it, and run `terraform apply`: it registers a revision once more, and does not do so again
            IMAGE_NOT_FROM_PARAMETER: the image of `ignored` does not come from `/quirks/images/prod/ignored`
                fix: read it: `data "aws_ssm_parameter" "image" { name = "/quirks/images/prod/ignored" }`, and `image = data.aws_ssm_parameter.image.insecure_value`

    note: a state tells neither `ignore_changes` nor what was changed in the configuration since; a plan tells both: `terraform plan -out p && terraform show -json p`
    "#);
    assert_snapshot!(told("tidy"), @"
    prod: 1 of 1 clean as far as AWS and the state tell (state.json)

        tidy    IN_STEP    quirks-tidy:2

    note: a state tells neither `ignore_changes` nor what was changed in the configuration since; a plan tells both: `terraform plan -out p && terraform show -json p`
    ");
}

#[test]
fn a_plan_that_is_old_is_a_state() {
    let shop = moved("");
    shop.write("plan.json", PLAN);
    move_on(
        &shop,
        "literal",
        "registry.example/quirks/app:3",
        &["revision", "parameter", "service"],
    );
    let told = check(&shop, &["literal", "--state", "plan.json"]);
    assert_snapshot!(lines(&told), @"literal IN_STEP now=registers then=registers [PLAN_IS_OLD IMAGE_NOT_FROM_PARAMETER] by=state clean=false");
}

#[test]
fn what_is_out_of_step_is_put_in_step_by_the_command_that_is_shown() {
    let shop = moved("");
    let bare = ["terraform", "check", "tidy", "--env", "prod", "--exit-code"];
    shop.run(&bare).expect(0);
    for (image, places) in [
        ("registry.example/quirks/app:3", &["revision", "parameter"][..]),
        ("registry.example/quirks/app:4", &["revision"]),
        ("registry.example/quirks/app:5", &["parameter"]),
        ("registry.example/quirks/app:6", &["revision", "service"]),
    ] {
        move_on(&shop, "tidy", image, places);
        shop.states("prod");
        let told = shop.run(&bare).expect(10).stdout;
        let (_, command) = told.split_once("in step: release-tool ").unwrap();
        let command = command.lines().next().unwrap();
        let mut words: Vec<&str> = command.split_whitespace().collect();
        words.push("--skip-confirm");
        shop.run(&words).expect(0);
        shop.run(&bare).expect(0).prints("1 of 1 in step");
    }
}

#[test]
fn each_way_of_being_out_of_step_has_a_word() {
    let shop = moved("");
    let put = |places: &[&str]| move_on(&shop, "tidy", "registry.example/quirks/app:3", places);
    let standing = || text(&check(&shop, &["tidy"])["environments"][0]["services"][0]["standing"]);
    put(&["parameter"]);
    assert_eq!(standing(), "PARAMETER_APART");
    put(&["revision"]);
    assert_eq!(standing(), "SERVICE_BEHIND");
    move_on(&shop, "tidy", "registry.example/quirks/app:2", &["parameter"]);
    assert_eq!(standing(), "REVISION_ASIDE");
    move_on(&shop, "tidy", "registry.example/quirks/app:4", &["parameter"]);
    assert_eq!(standing(), "ALL_APART");
    shop.ssm("DeleteParameter", &json!({ "Name": parameter("tidy") }));
    assert_eq!(standing(), "NO_PARAMETER");
}

#[test]
fn what_ecs_put_back_would_be_deployed_again() {
    let shop = estate("");
    let breaker = json!({ "deploymentCircuitBreaker": { "enable": true, "rollback": true } });
    shop.ecs(
        "UpdateService",
        &json!({ "cluster": "quirks-prod", "service": "tidy",
        "deploymentConfiguration": breaker }),
    );
    until("the first rollout is complete", || {
        shop.service("quirks-prod", "tidy")["deployments"][0]["rolloutState"] == "COMPLETED"
    });
    shop.sandbox(&["fate", "registry.example/quirks/app:2", "crash"]);
    let all = ["revision", "parameter", "service"];
    move_on(&shop, "tidy", "registry.example/quirks/app:2", &all);
    until("ECS has put it back", || {
        let told = shop.service("quirks-prod", "tidy");
        let is_back = text(&told["taskDefinition"]).ends_with("quirks-tidy:1");
        is_back && told["deployments"][0]["rolloutState"] == "COMPLETED"
    });
    let bare = ["terraform", "check", "tidy", "--env", "prod", "--exit-code"];
    assert_snapshot!(shop.run(&bare).expect(10).stdout, @"
    prod: 0 of 1 in step in AWS; Terraform was not asked

        tidy    PUT_BACK    quirks-tidy:1
            ECS put it back, and the revision that failed is the latest still, with the parameter's image (quirks-tidy:2)
            the next `terraform apply`, as it seems, moves the service to quirks-tidy:2: `tidy` goes from registry.example/quirks/first:1 to registry.example/quirks/app:2
            to keep what runs, and have all in step: release-tool deploy tidy prod --image tidy=registry.example/quirks/first:1

    note: what Terraform itself would do is told with `--state`, from what `terraform show -json` says of a state or a plan
    ");
}

#[test]
fn the_standard_input_is_read() {
    let shop = moved("");
    let arguments =
        ["terraform", "check", "tidy", "--env", "prod", "--state", "-", "--output", "json"];
    let mut command = shop.program(&arguments);
    let mut process =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(STATE.as_bytes()).unwrap();
    let told = String::from_utf8(process.wait_with_output().unwrap().stdout).unwrap();
    let told = document(&told);
    assert_eq!(text(&told["environments"][0]["state"]), "the standard input");
    assert_eq!(told["clean"], true);
}

#[test]
fn what_is_not_terraforms_is_refused() {
    let shop = moved("");
    let refused = |file: &str| {
        let of = ["terraform", "check", "--env", "prod", "--state", file];
        let told = shop.run(&of).expect(2).stderr;
        let lines = told.lines().filter(|line| !line.starts_with("sandbox: "));
        lines.collect::<Vec<_>>().join("\n")
    };
    shop.write("other.json", "{\"apiVersion\": \"v1\"}");
    shop.write("old.tfstate", "{\"version\": 3, \"lineage\": \"x\", \"modules\": []}");
    assert_snapshot!(refused("other.json"), @"
    error: failed to understand `other.json` as what Terraform says
      because: it is neither `terraform show -json` nor a state file
    hint: write it with `terraform show -json > terraform.json`, or `terraform show -json <plan>`
    ");
    assert_snapshot!(refused("old.tfstate"), @"
    error: failed to understand `old.tfstate` as what Terraform says
      because: it is a state file of version 3, and only version 4 is read
    hint: write it with `terraform show -json > terraform.json`, or `terraform show -json <plan>`
    ");
    assert_snapshot!(refused("missing.json"), @"
    error: failed to read `missing.json`
      because: No such file or directory (os error 2)
    hint: write it with `terraform show -json > missing.json`, or correct its name
    ");
    fs::write(shop.path().join("p"), b"PK\x03\x04\xff\xfe").unwrap();
    assert_snapshot!(refused("p"), @"
    error: failed to read `p`
      because: stream did not contain valid UTF-8
    hint: a saved plan is no text: `terraform show -json p > p.json`, and name that
    ");
}

#[test]
fn a_deployment_is_warned_of_what_terraform_would_take_back() {
    let shop = moved("terraform = { state = \"{env}.tfstate\" }\n");
    shop.write("prod.tfstate", FILE);
    let image = |service: &str| format!("{service}=registry.example/quirks/app:3");
    let mut arguments = vec!["deploy".to_owned(), "all".to_owned(), "prod".to_owned()];
    for service in QUIRKS {
        arguments.extend(["--image".to_owned(), image(service)]);
    }
    arguments.extend(["--dry-run", "--output", "json"].map(str::to_owned));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let plan = document(&shop.run(&arguments).expect(0).stdout);
    let warnings = plan["warnings"].as_array().unwrap().iter();
    let about_terraform = warnings.filter(|one| text(&one["hint"]).contains("terraform check"));
    let line = |one: &Value| {
        let (service, words) = (text(&one["service"]), text(&one["text"]));
        format!("`{service}` {words}\n  hint: {}", text(&one["hint"]))
    };
    let told = about_terraform.map(line).collect::<Vec<_>>().join("\n");
    assert_snapshot!(told, @r#"
    `untracked` would not stay: after this deployment `terraform apply` registers what runs once more, and replaces every task by one that runs the same
      hint: write `track_latest = true` into it, and run `terraform apply`: it registers a revision once more, and does not do so again; see `release-tool terraform check untracked --env prod`
    `ignored` would not stay: after this deployment `terraform apply` moves the service to quirks-ignored:1: `ignored` goes from registry.example/quirks/app:3 to registry.example/quirks/first:1
      hint: write `track_latest = true` into it, and run `terraform apply`: it registers a revision once more, and does not do so again; see `release-tool terraform check ignored --env prod`
    `literal` would not stay: after this deployment `terraform apply` registers a revision and deploys it: `literal` goes from registry.example/quirks/app:3 to registry.example/quirks/first:1
      hint: read it: `data "aws_ssm_parameter" "image" { name = "/quirks/images/prod/literal" }`, and `image = data.aws_ssm_parameter.image.insecure_value`; see `release-tool terraform check literal --env prod`
    `empty` would not stay: after this deployment `terraform apply` fails: the parameter is a SecureString, whose `insecure_value` is empty, and ECS takes no container without an image
      hint: make it a String, or read it with `nonsensitive(data.aws_ssm_parameter.….value)`; see `release-tool terraform check empty --env prod`
    "#);
}

#[test]
fn a_state_of_something_else_is_told_before_a_deployment() {
    let shop = moved("terraform = { state = \"other.json\" }\n");
    shop.write("other.json", r#"{"format_version":"1.0"}"#);
    let image = "tidy=registry.example/quirks/app:3";
    let arguments = ["deploy", "tidy", "prod", "--image", image, "--dry-run"];
    let told = shop.run(&arguments).expect(0);
    let all = format!("{}{}", told.stdout, told.stderr);
    assert!(
        all.contains("whether Terraform agrees is not known: `other.json` does not have tidy"),
        "{all}"
    );
}

#[test]
fn a_container_that_is_not_there_is_no_other_image() {
    let shop = moved("");
    let containers = json!([{ "name": "renamed", "image": "registry.example/quirks/app:2",
        "memory": 64 }]);
    let request = json!({ "family": "quirks-tidy", "containerDefinitions": containers });
    shop.ecs("RegisterTaskDefinition", &request);
    move_on(&shop, "tidy", "", &["service"]);
    let told = shop.run(&["terraform", "check", "tidy", "--env", "prod", "--exit-code"]).expect(10);
    told.prints("quirks-tidy:3 has no container tidy, which the manifest names; it has renamed");
}

#[test]
fn whether_ecs_put_it_back_is_not_known_where_that_may_not_be_read() {
    let shop = moved("");
    move_on(&shop, "tidy", "registry.example/quirks/app:3", &["revision", "parameter"]);
    shop.sandbox(&["fault", "add", "ecs:ListServiceDeployments", "deny"]);
    let told = check(&shop, &["tidy"]);
    let found = &told["environments"][0]["services"][0]["findings"][0];
    assert_eq!(text(&found["name"]), "HISTORY_NOT_READ");
    assert!(text(&found["text"]).contains("ecs:ListServiceDeployments"), "{found}");
}

#[test]
fn a_state_that_cannot_be_read_stops_no_deployment() {
    let shop = moved("terraform = { state = \"gone.json\" }\n");
    let arguments = [
        "deploy",
        "tidy",
        "prod",
        "--image",
        "tidy=registry.example/quirks/app:3",
        "--skip-confirm",
    ];
    let run = shop.run(&arguments).expect(0);
    assert!(
        run.stderr.contains("note: whether Terraform agrees is not known: failed to read"),
        "{}",
        run.stderr
    );
    let checked = shop.run(&["terraform", "check", "--env", "prod"]).expect(2);
    assert!(checked.stderr.contains("failed to read"), "{}", checked.stderr);
}

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
      value = "registry.example/quirks/first:1"

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
      name            = "secure"
      cluster         = data.aws_ecs_cluster.quirks-prod.arn
      task_definition = aws_ecs_task_definition.secure.arn
      desired_count   = 1
      # Network, load balancers and all else as you have them.

      deployment_circuit_breaker {
        enable   = true
        rollback = true
      }
    }
    "#);
}

#[test]
fn hcl_has_all_that_ecs_has() {
    let shop = estate("");
    let much = include_str!("task-definitions/much.json");
    let mut much: Value = serde_json::from_str(much).unwrap();
    much["family"] = json!("quirks-tidy");
    shop.ecs("RegisterTaskDefinition", &much);
    let told = shop.run(&["terraform", "snippet", "--env", "prod", "tidy"]).expect(0).stdout;
    assert_committed("tests/it/terraform/much.tf", &told);
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
