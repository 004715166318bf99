//! Images that come from elsewhere than their parameter, and revisions that a data source tells: what
//! is said of them, and what becomes of them.

use serde_json::{Value, json};

use super::{tests::facts, *};

/// The place of everything.
const ECS: &str = "arn:aws:ecs:eu-west-1:000000000000";

/// A configuration whose task definition and service depend on what is given.
struct Configuration {
    track_latest: bool,
    /// The revision that the service ran when it was read last.
    known: u32,
    /// The sources, each with its type and its values.
    sources: &'static [(&'static str, &'static str, &'static str)],
    /// What the service depends on besides.
    service: &'static [&'static str],
    /// What the expression of the containers names, where it is a plan.
    references: Option<&'static [&'static str]>,
}

/// It depends on nothing.
const LITERAL: Configuration =
    Configuration { track_latest: true, known: 1, sources: &[], service: &[], references: None };

impl Configuration {
    /// As Terraform says it, with all read at the first revision.
    fn document(&self) -> TerraformDocument {
        let containers = json!([{ "name": "app", "image": "x:1" }]).to_string();
        let addresses: Vec<String> =
            self.sources.iter().map(|(kind, name, _)| format!("data.{kind}.{name}")).collect();
        let mut resources: Vec<Value> = self
            .sources
            .iter()
            .map(|(kind, name, called)| {
                json!({ "address": format!("data.{kind}.{name}"), "mode": "data", "type": kind,
                    "values": { "name": called } })
            })
            .collect();
        resources.push(json!({ "address": "aws_ecs_task_definition.web", "mode": "managed",
            "type": "aws_ecs_task_definition", "depends_on": addresses, "values": {
            "arn": format!("{ECS}:task-definition/web:1"), "family": "web", "skip_destroy": true,
            "track_latest": self.track_latest, "container_definitions": containers,
            "tags_all": {} } }));
        resources.push(json!({ "address": "aws_ecs_service.web", "mode": "managed",
            "type": "aws_ecs_service", "depends_on": self.service, "values": {
            "id": format!("{ECS}:service/shop/web"), "name": "web",
            "cluster": format!("{ECS}:cluster/shop"),
            "task_definition": format!("{ECS}:task-definition/web:{}", self.known) } }));
        let values = json!({ "root_module": { "resources": resources } });
        let text = match self.references {
            None => json!({ "format_version": "1.0", "values": values }),
            Some(references) => json!({ "format_version": "1.0", "planned_values": {},
                "prior_state": { "values": values }, "configuration": { "root_module": {
                "resources": [{ "address": "aws_ecs_task_definition.web", "expressions": {
                "container_definitions": { "references": references } } }] } } }),
        };
        TerraformDocument::read(&text.to_string()).unwrap()
    }
}

/// What the next apply does, and what is found.
fn told(configuration: &Configuration) -> String {
    let check = check_terraform(&facts((2, 2), (2, 2), Some(2)), Some(&configuration.document()));
    let found = check.findings.iter().map(|one| format!("\n  {}: {}", one.name.as_str(), one.text));
    format!("{}{}", check.next_apply.words(), found.collect::<String>())
}

#[test]
fn what_an_image_may_come_from_is_said() {
    let other = &[("aws_ssm_parameter", "tag", "/app/tag")];
    let several = &[("terraform_remote_state", "ci", ""), ("aws_ecr_image", "web", "")];
    let cases = [
        LITERAL,
        Configuration { sources: other, ..LITERAL },
        Configuration { sources: several, ..LITERAL },
        Configuration { references: Some(&["var.tag", "local.port"]), ..LITERAL },
    ]
    .map(|one| told(&one))
    .join("\n");
    insta::assert_snapshot!(cases, @"
    registers a revision and deploys it: `app` goes from x:2 to x:1
      IMAGE_NOT_FROM_PARAMETER: the image of `app` does not come from `/shop/images/prod/web`
    registers a revision and deploys it: `app` goes from x:2 to x:1
      IMAGE_NOT_FROM_PARAMETER: the image of `app` does not come from `/shop/images/prod/web`; its task definition depends on the parameter `/app/tag`
    registers a revision and deploys it: `app` goes from x:2 to x:1
      IMAGE_NOT_FROM_PARAMETER: the image of `app` does not come from `/shop/images/prod/web`; its task definition depends on another state, by `data.terraform_remote_state.ci`, the registry, by `data.aws_ecr_image.web`
    registers a revision and deploys it: `app` goes from x:2 to x:1
      IMAGE_NOT_FROM_PARAMETER: the image of `app` does not come from `/shop/images/prod/web`; its task definition depends on the variable `tag`
    ");
}

#[test]
fn an_image_that_is_read_from_what_is_deployed_stays() {
    let deployed = &[("aws_ecs_container_definition", "app", "")];
    let follows = Configuration { sources: deployed, ..LITERAL };
    let loses = Configuration { track_latest: false, ..follows };
    insta::assert_snapshot!([told(&follows), told(&loses)].join("\n"), @"
    changes nothing
      IMAGE_FROM_DEPLOYED: the image of `app` is the one that is deployed, by `data.aws_ecs_container_definition.app`
    registers what runs once more, and replaces every task by one that runs the same
      TRACK_LATEST_OFF: aws_ecs_task_definition.web compares with web:1, which Terraform made, and not with the latest revision
      IMAGE_FROM_DEPLOYED: the image of `app` is the one that is deployed, by `data.aws_ecs_container_definition.app`
    ");
}

#[test]
fn a_service_that_takes_the_highest_revision_hides_nothing() {
    let service = &["data.aws_ecs_task_definition.latest", "aws_ecs_task_definition.web"];
    let sources = &[("aws_ecs_task_definition", "latest", "")];
    let mut maximum = Configuration { service, known: 2, ..LITERAL };
    let with_source = |one: &Configuration| {
        let mut document = one.document();
        let more = Configuration { sources, ..LITERAL }.document();
        document.resources.extend(more.resources.into_iter().filter(|one| !one.is_managed));
        let check = check_terraform(&facts((2, 1), (2, 1), Some(1)), Some(&document));
        let names: Vec<&str> = check.findings.iter().map(|one| one.name.as_str()).collect();
        format!("{} {}", check.next_apply.words(), names.join(" "))
    };
    let tracked = with_source(&maximum);
    maximum.track_latest = false;
    insta::assert_snapshot!([tracked, with_source(&maximum)].join("\n"), @"
    cannot be foretold: the image of `app` does not come from its parameter, and a state does not tell what the configuration says LATEST_BY_MAXIMUM IMAGE_NOT_FROM_PARAMETER
    changes nothing TRACK_LATEST_OFF LATEST_BY_MAXIMUM IMAGE_NOT_FROM_PARAMETER
    ");
}
