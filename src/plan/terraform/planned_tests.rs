//! Plans that were made by hand, with what each is told to do.

use serde_json::{Value, json};

use super::{
    tests::{ECS, facts},
    *,
};

/// The address of the service.
const SERVICE: &str = "aws_ecs_service.web";
/// The address of the task definition.
const DEFINITION: &str = "aws_ecs_task_definition.web";
/// The address of the parameter.
const PARAMETER: &str = "aws_ssm_parameter.web";

/// A state of what is as it should be: everything is at `web:2` and `x:2`, in a place.
fn resources(place: &str, suffix: &str) -> Vec<Value> {
    let containers = json!([{ "name": "app", "image": "x:2" }]).to_string();
    let parameter = format!("{PARAMETER}{suffix}");
    vec![
        json!({ "address": parameter, "mode": "managed", "type": "aws_ssm_parameter",
            "values": { "name": "/shop/images/prod/web", "type": "String", "insecure_value": "x:2" } }),
        json!({ "address": format!("{DEFINITION}{suffix}"), "mode": "managed",
            "type": "aws_ecs_task_definition", "depends_on": [parameter],
            "values": { "arn": format!("{place}:task-definition/web:2"), "family": "web",
                "track_latest": true, "skip_destroy": true, "container_definitions": containers } }),
        json!({ "address": format!("{SERVICE}{suffix}"), "mode": "managed",
            "type": "aws_ecs_service",
            "values": { "id": format!("{place}:service/shop/web"), "name": "web",
                "cluster": format!("{place}:cluster/shop"),
                "task_definition": format!("{place}:task-definition/web:2") } }),
    ]
}

/// A change of one resource, and nothing for the others.
fn plan(changed: &str, actions: &[&str], change: &Value, root: &Value) -> TerraformDocument {
    let resources = resources(ECS, "");
    let entry = |address: &str| {
        let found = resources.iter().find(|one| one["address"] == address).unwrap();
        let mut change = if address == changed { change.clone() } else { json!({}) };
        let actions = if address == changed { json!(actions) } else { json!(["no-op"]) };
        change["actions"] = actions;
        change["before"] = found["values"].clone();
        let mut after = found["values"].clone();
        match change["after"].take() {
            Value::Object(members) => after.as_object_mut().unwrap().extend(members),
            Value::Null if actions_end(&change) => after = Value::Null,
            _ => {}
        }
        change["after"] = after;
        json!({ "address": address, "change": change })
    };
    let mut plan = json!({
        "format_version": "1.2",
        "resource_changes": [entry(SERVICE), entry(DEFINITION), entry(PARAMETER)],
        "prior_state": { "values": { "root_module": { "resources": resources } } },
    });
    plan.as_object_mut().unwrap().extend(root.as_object().unwrap().clone());
    TerraformDocument::read(&plan.to_string()).unwrap()
}

/// Whether nothing is left of a resource.
fn actions_end(change: &Value) -> bool {
    ["delete", "forget"].iter().any(|end| change["actions"] == json!([end]))
}

/// What is told of a plan, where everything is in step.
fn told(document: &TerraformDocument) -> String {
    let check = check_terraform(&facts((2, 2), (2, 2), Some(2)), Some(document));
    let names: Vec<&str> = check.findings.iter().map(|one| one.name.as_str()).collect();
    let danger = if check.next_apply.is_a_danger() { " (danger)" } else { "" };
    let basis = if check.basis == Basis::Plan { "plan" } else { "state" };
    format!("{basis}: {}{danger} {names:?} clean: {}", check.next_apply.words(), check.clean)
}

#[test]
fn each_action_is_told_for_what_it_is() {
    let by = |address, actions: &[&str]| told(&plan(address, actions, &json!({}), &json!({})));
    let all = [
        by(SERVICE, &["no-op"]),
        by(SERVICE, &["delete"]),
        by(SERVICE, &["delete", "create"]),
        by(SERVICE, &["create", "delete"]),
        by(SERVICE, &["forget"]),
        by(SERVICE, &["dance"]),
        by(DEFINITION, &["delete"]),
        by(PARAMETER, &["delete"]),
    ];
    insta::assert_debug_snapshot!(all, @r#"
    [
        "plan: changes nothing [] clean: true",
        "plan: destroys aws_ecs_service.web (danger) [] clean: false",
        "plan: destroys aws_ecs_service.web and makes it anew: nothing of it runs in between (danger) [] clean: false",
        "plan: destroys aws_ecs_service.web and makes it anew: nothing of it runs in between (danger) [] clean: false",
        "plan: takes aws_ecs_service.web out of its state, and leaves it running [] clean: false",
        "plan: cannot be foretold: the plan does something with aws_ecs_service.web that is not known here [] clean: false",
        "plan: takes aws_ecs_task_definition.web out of its state, and leaves it running [] clean: false",
        "plan: destroys aws_ssm_parameter.web (danger) [] clean: false",
    ]
    "#);
}

#[test]
fn what_a_plan_changes_is_named() {
    let containers = |image: &str, more: &Value| {
        let mut one = json!({ "name": "app", "image": image });
        one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([one]).to_string()
    };
    let moved = json!({ "task_definition": true });
    let by = |after: &Value| {
        let change = json!({ "after": after, "after_unknown": { "arn": true, "revision": true } });
        let mut document = plan(DEFINITION, &["delete", "create"], &change, &json!({}));
        if let Some(planned) = &mut document.planned
            && let Some(service) = planned.changes.get_mut(SERVICE)
        {
            service.action = document::Action::Update;
            service.after_unknown = moved.clone();
        }
        told(&document)
    };
    let all = [
        by(&json!({ "container_definitions": containers("x:2", &json!({})) })),
        by(&json!({ "container_definitions": containers("x:1", &json!({})) })),
        by(&json!({ "cpu": "512" })),
        by(&json!({ "container_definitions":
            containers("x:2", &json!({ "environment": [{ "name": "A", "value": "1" }] })) })),
    ];
    insta::assert_debug_snapshot!(all, @r#"
    [
        "plan: registers what runs once more, and replaces every task by one that runs the same (danger) [] clean: false",
        "plan: registers a revision and deploys it: `app` goes from x:2 to x:1 (danger) [] clean: false",
        "plan: registers a revision and deploys it: it changes cpu (danger) [] clean: false",
        "plan: registers a revision and deploys it: it changes containerDefinitions[app].environment (danger) [] clean: false",
    ]
    "#);
}

#[test]
fn a_plan_counts_only_where_it_is_whole_and_new() {
    let nothing = || plan(SERVICE, &["no-op"], &json!({}), &json!({ "complete": false }));
    let wants = json!({ "track_latest": false });
    let off = plan(DEFINITION, &["update"], &json!({ "after": wants }), &json!({}));
    let whole = plan(SERVICE, &["no-op"], &json!({}), &json!({ "complete": true }));
    let written = check_terraform(&facts((2, 2), (2, 2), Some(3)), Some(&whole));
    let words = written.next_apply.words();
    insta::assert_debug_snapshot!((told(&nothing()), told(&off), written.basis, words), @r#"
    (
        "state: changes nothing [\"PLAN_IS_PARTIAL\"] clean: true",
        "plan: changes track_latest of the task definition; what runs stays [\"TRACK_LATEST_OFF\"] clean: false",
        State,
        "registers a revision and deploys it: `app` goes from x:2 to x:3",
    )
    "#);
}

#[test]
fn each_place_has_its_own_revisions() {
    let elsewhere = "arn:aws:ecs:us-east-1:111111111111";
    let mut all = resources(elsewhere, "_elsewhere");
    all.extend(resources(ECS, ""));
    // There it is another revision, and an output tells that one.
    all[1]["values"]["arn"] = json!(format!("{elsewhere}:task-definition/web:7"));
    let outputs = json!({ "there": { "value": format!("{elsewhere}:task-definition/web:2") } });
    let state = json!({ "format_version": "1.0",
        "values": { "outputs": outputs, "root_module": { "resources": all } } });
    let state = TerraformDocument::read(&state.to_string()).unwrap();
    assert_eq!(told(&state), "state: changes nothing [] clean: true");
}
