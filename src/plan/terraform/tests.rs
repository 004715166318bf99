//! Tables of situations and configurations, each with what becomes of it. What becomes of them was
//! seen with Terraform 1.11.4 and its AWS provider 5.100.0.

use serde_json::{Value, json};

use super::*;
use crate::model::{ImageId, ParameterName};

/// The place of everything.
pub(super) const ECS: &str = "arn:aws:ecs:eu-west-1:000000000000";

/// A revision of the family `web` that runs an image.
fn revision(number: u32, image: &str) -> RevisionFacts {
    let document = json!({ "family": "web", "cpu": "256", "containerDefinitions": [
        { "name": "app", "image": image }, { "name": "proxy", "image": "nginx:1" } ] });
    RevisionFacts {
        arn: TaskDefinitionArn::parse(&format!("{ECS}:task-definition/web:{number}")).unwrap(),
        is_active: true,
        images: BTreeMap::from([("app".into(), image.into()), ("proxy".into(), "nginx:1".into())]),
        tags: BTreeMap::new(),
        document: document.to_string(),
    }
}

/// A service: what it runs, the latest revision, and what the parameter says; `x:<number>` each.
pub(super) fn facts(running: (u32, u32), latest: (u32, u32), parameter: Option<u32>) -> Facts {
    let of = |(number, image): (u32, u32)| revision(number, &format!("x:{image}"));
    Facts {
        service: ServiceId::new("web").unwrap(),
        arn: format!("{ECS}:service/shop/web"),
        running: of(running),
        latest: of(latest),
        others: vec![revision(1, "x:1")],
        parameters: vec![ParameterFacts {
            container: ContainerName::new("app").unwrap(),
            image: ImageId::new("web").unwrap(),
            name: ParameterName::new("/shop/images/prod/web").unwrap(),
            value: parameter.map(|number| format!("x:{number}")),
            is_secret: false,
        }],
        is_put_back: false,
        history_not_read: None,
        by_code_deploy: false,
    }
}

/// Where the image of a configuration comes from.
#[derive(PartialEq)]
enum Image {
    Literal,
    InsecureValue,
    Value,
}

/// A configuration, as a state has it. The default is as it should be.
struct State {
    track_latest: bool,
    skip_destroy: bool,
    image: Image,
    /// The revision and image of the task definition when it was read last.
    definition: (u32, u32),
    /// The revision that the service ran then.
    service: u32,
    tags: Value,
    outputs: Value,
}

impl Default for State {
    fn default() -> Self {
        Self {
            track_latest: true,
            skip_destroy: true,
            image: Image::InsecureValue,
            definition: (1, 1),
            service: 1,
            tags: json!({}),
            outputs: json!({}),
        }
    }
}

impl State {
    fn document(&self) -> TerraformDocument {
        let (number, image) = self.definition;
        let containers = json!([{ "name": "app", "image": format!("x:{image}") }]).to_string();
        let depends_on = if self.image == Image::Literal {
            json!([])
        } else {
            json!(["data.aws_ssm_parameter.web"])
        };
        let resources = json!([
            { "address": "data.aws_ssm_parameter.web", "mode": "data", "type": "aws_ssm_parameter",
              "values": { "name": "/shop/images/prod/web", "type": "String" } },
            { "address": "aws_ecs_task_definition.web", "mode": "managed",
              "type": "aws_ecs_task_definition", "depends_on": depends_on,
              "sensitive_values": { "container_definitions": self.image == Image::Value },
              "values": { "arn": format!("{ECS}:task-definition/web:{number}"), "family": "web",
                "track_latest": self.track_latest, "skip_destroy": self.skip_destroy,
                "container_definitions": containers, "tags_all": self.tags } },
            { "address": "aws_ecs_service.web", "mode": "managed", "type": "aws_ecs_service",
              "values": { "id": format!("{ECS}:service/shop/web"), "name": "web",
                "cluster": format!("{ECS}:cluster/shop"),
                "task_definition": format!("{ECS}:task-definition/web:{}", self.service) } },
        ]);
        let values = json!({ "outputs": self.outputs, "root_module": { "resources": resources } });
        TerraformDocument::read(&json!({ "format_version": "1.0", "values": values }).to_string())
            .unwrap()
    }
}

fn names(check: &TerraformCheck) -> Vec<&str> {
    check.findings.iter().map(|finding| finding.name.as_str()).collect()
}

#[test]
fn where_a_service_stands_is_seen_from_aws_alone() {
    let put_back = Facts { is_put_back: true, ..facts((1, 1), (2, 2), Some(2)) };
    let told = [
        ("all moved", facts((2, 2), (2, 2), Some(2))),
        ("a crash in the middle", facts((1, 1), (2, 2), Some(2))),
        ("put back by ECS", put_back),
        ("put back, and the parameter too", facts((1, 1), (2, 2), Some(1))),
        ("the parameter was left", facts((2, 2), (2, 2), Some(1))),
        ("only registered, and written", facts((1, 1), (2, 2), Some(3))),
        ("no parameter", facts((1, 1), (1, 1), None)),
    ]
    .map(|(when, facts)| {
        let check = check_terraform(&facts, None);
        format!("{when}: {} · {}", check.standing.as_str(), check.next_apply.words())
    });
    insta::assert_debug_snapshot!(told, @r#"
    [
        "all moved: IN_STEP · changes nothing",
        "a crash in the middle: SERVICE_BEHIND · moves the service to web:2: `app` goes from x:1 to x:2",
        "put back by ECS: PUT_BACK · moves the service to web:2: `app` goes from x:1 to x:2",
        "put back, and the parameter too: REVISION_ASIDE · registers what runs once more, and replaces every task by one that runs the same",
        "the parameter was left: PARAMETER_APART · registers a revision and deploys it: `app` goes from x:2 to x:1",
        "only registered, and written: ALL_APART · registers a revision and deploys it: `app` goes from x:1 to x:3",
        "no parameter: NO_PARAMETER · cannot be foretold: SSM has no parameter `/shop/images/prod/web` to take the image from",
    ]
    "#);
}

#[test]
fn what_a_configuration_makes_of_a_situation() {
    let off = || State { track_latest: false, ..State::default() };
    let literal = || State { image: Image::Literal, ..State::default() };
    let moved = || facts((2, 2), (2, 2), Some(2));
    let told = [
        ("as it should be", State::default(), moved()),
        ("parameter left", State::default(), facts((2, 2), (2, 2), Some(1))),
        ("track_latest off, all moved", off(), moved()),
        ("track_latest off, parameter left", off(), facts((2, 2), (2, 2), Some(1))),
        ("ahead of the service", State::default(), facts((1, 1), (2, 2), Some(2))),
        ("parameter ahead", State::default(), facts((1, 1), (1, 1), Some(2))),
        ("image in the configuration", literal(), moved()),
        ("the same, read since", State { definition: (2, 2), service: 2, ..literal() }, moved()),
        (
            "ignored, track_latest off",
            State { service: 2, image: Image::Literal, ..off() },
            moved(),
        ),
        ("ignored, parameter moved", State { service: 2, ..off() }, moved()),
    ]
    .map(|(when, state, facts)| {
        let check = check_terraform(&facts, Some(&state.document()));
        format!("{when}: {} · {:?}", check.next_apply.words(), names(&check))
    });
    insta::assert_debug_snapshot!(told, @r#"
    [
        "as it should be: changes nothing · []",
        "parameter left: registers a revision and deploys it: `app` goes from x:2 to x:1 · []",
        "track_latest off, all moved: registers what runs once more, and replaces every task by one that runs the same · [\"TRACK_LATEST_OFF\"]",
        "track_latest off, parameter left: moves the service to web:1: `app` goes from x:2 to x:1 · [\"TRACK_LATEST_OFF\"]",
        "ahead of the service: moves the service to web:2: `app` goes from x:1 to x:2 · []",
        "parameter ahead: registers a revision and deploys it: `app` goes from x:1 to x:2 · []",
        "image in the configuration: registers a revision and deploys it: `app` goes from x:2 to x:1 · [\"IMAGE_NOT_FROM_PARAMETER\"]",
        "the same, read since: cannot be foretold: the image of `app` does not come from its parameter, and a state does not tell what the configuration says · [\"IMAGE_NOT_FROM_PARAMETER\"]",
        "ignored, track_latest off: changes nothing · [\"TRACK_LATEST_OFF\", \"DEFINITION_IGNORED\", \"IMAGE_NOT_FROM_PARAMETER\"]",
        "ignored, parameter moved: registers a revision that the service is not moved to · [\"TRACK_LATEST_OFF\", \"DEFINITION_IGNORED\"]",
    ]
    "#);
}

#[test]
fn what_is_about_to_come_is_said_before_the_next_deployment() {
    let steady = || facts((1, 1), (1, 1), Some(1));
    let mut secret = steady();
    secret.parameters[0].is_secret = true;
    let arn = json!({ "web": { "value": [format!("{ECS}:task-definition/web:1")] } });
    let told = [
        ("as it should be", State::default(), steady()),
        ("track_latest off", State { track_latest: false, ..State::default() }, steady()),
        (
            "both off",
            State { track_latest: false, skip_destroy: false, ..State::default() },
            steady(),
        ),
        (
            "image in the configuration",
            State { image: Image::Literal, ..State::default() },
            steady(),
        ),
        ("an output of the ARN", State { outputs: arn, ..State::default() }, steady()),
        ("other tags", State { tags: json!({ "team": "web" }), ..State::default() }, steady()),
        ("read as a secret", State { image: Image::Value, ..State::default() }, steady()),
        ("a secret", State::default(), secret.clone()),
        ("a secret, read as one", State { image: Image::Value, ..State::default() }, secret),
    ]
    .map(|(when, state, facts)| {
        let check = check_terraform(&facts, Some(&state.document()));
        let after = check.after_deployment.as_ref().unwrap().words();
        let now = check.next_apply.words();
        format!("{when}: now {now} · then {after} · {:?} · clean: {}", names(&check), check.clean)
    });
    insta::assert_debug_snapshot!(told, @r#"
    [
        "as it should be: now changes nothing · then changes nothing · [] · clean: true",
        "track_latest off: now changes nothing · then registers what runs once more, and replaces every task by one that runs the same · [\"TRACK_LATEST_OFF\"] · clean: false",
        "both off: now changes nothing · then registers what runs once more, and replaces every task by one that runs the same · [\"TRACK_LATEST_OFF\", \"SKIP_DESTROY_OFF\"] · clean: false",
        "image in the configuration: now cannot be foretold: the image of `app` does not come from its parameter, and a state does not tell what the configuration says · then registers a revision and deploys it: `app` goes from the image that is deployed to x:1 · [\"IMAGE_NOT_FROM_PARAMETER\"] · clean: false",
        "an output of the ARN: now changes nothing · then changes the output `web`; what runs stays · [\"OUTPUT_OF_REVISION\"] · clean: false",
        "other tags: now changes tags of the task definition; what runs stays · then changes tags of the task definition; what runs stays · [\"TAGS_DIFFER\"] · clean: false",
        "read as a secret: now changes nothing · then changes nothing · [\"READ_AS_SECRET\"] · clean: true",
        "a secret: now fails: the parameter is a SecureString, whose `insecure_value` is empty, and ECS takes no container without an image · then fails: the parameter is a SecureString, whose `insecure_value` is empty, and ECS takes no container without an image · [\"EMPTY_INSECURE_VALUE\"] · clean: false",
        "a secret, read as one: now changes nothing · then changes nothing · [] · clean: true",
    ]
    "#);
}

#[test]
fn what_terraform_did_not_make_is_put_back() {
    let mut facts = facts((2, 2), (2, 2), Some(2));
    facts.latest.document = facts.latest.document.replace("256", "512");
    let check = check_terraform(&facts, Some(&State::default().document()));
    assert_eq!(check.next_apply.words(), "registers a revision and deploys it: it changes cpu");
}

#[test]
fn a_revision_that_is_gone_is_made_again() {
    let mut facts = facts((2, 2), (2, 2), Some(2));
    facts.others[0].is_active = false;
    let off = State { track_latest: false, image: Image::Literal, ..State::default() };
    let check = check_terraform(&facts, Some(&off.document()));
    assert_eq!(
        check.next_apply.words(),
        "registers a revision and deploys it: `app` goes from x:2 to x:1"
    );
}

#[test]
fn a_service_of_another_place_is_not_the_same() {
    let state = State::default().document();
    for arn in [
        "arn:aws:ecs:eu-west-1:111111111111:service/shop/web",
        "arn:aws:ecs:eu-west-2:000000000000:service/shop/web",
        "arn:aws:ecs:eu-west-1:000000000000:service/other/web",
        "arn:aws:ecs:eu-west-1:000000000000:service/shop/api",
    ] {
        let other = Facts { arn: arn.to_owned(), ..facts((1, 1), (1, 1), Some(1)) };
        let check = check_terraform(&other, Some(&state));
        assert_eq!((names(&check), check.clean), (vec!["NOT_IN_STATE"], false), "{arn}");
    }
    let old = Facts { arn: format!("{ECS}:service/web"), ..facts((1, 1), (1, 1), Some(1)) };
    assert!(check_terraform(&old, Some(&state)).findings.is_empty(), "ARNs without cluster");
}

#[test]
fn what_runs_can_be_put_in_step() {
    let check = check_terraform(&facts((1, 1), (2, 2), Some(2)), None);
    assert_eq!(check.puts_in_step, BTreeMap::from([("web".to_owned(), "x:1".to_owned())]));
    assert!(check_terraform(&facts((1, 1), (1, 1), Some(1)), None).puts_in_step.is_empty());
}
