//! `terraform check`, and what a deployment is told of Terraform.

use std::{fs, io::Write as _, process::Stdio};

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{FILE, PLAN, QUIRKS, STATE, estate, move_on, moved, parameter};
use crate::support::{Shop, document, text, until};

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
