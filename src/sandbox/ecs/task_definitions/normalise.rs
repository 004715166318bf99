//! What ECS makes of a task definition when it is registered.
//!
//! Invariant: members keep their order and their values, those that nobody here knows included;
//! only nulls go, and what ECS fills in comes after what was given.

use aws_sdk_ecs::{
    operation::register_task_definition::RegisterTaskDefinitionInput,
    types::{LogDriver, NetworkMode},
};
use serde_json::{Map, Value, json};

/// The body that is told of a definition, but for what its registration adds.
pub(super) fn all(
    mut body: Map<String, Value>,
    input: &RegisterTaskDefinitionInput,
) -> Map<String, Value> {
    body.shift_remove("tags");
    drop_nulls(&mut body);
    let shares_ports =
        matches!(input.network_mode(), Some(NetworkMode::Awsvpc | NetworkMode::Host));
    let containers = body.get_mut("containerDefinitions").and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten().filter_map(Value::as_object_mut) {
        fill_container(container, shares_ports);
    }
    size(&mut body, "cpu", "vcpu");
    size(&mut body, "memory", "gb");
    fill(&mut body, "volumes", json!([]));
    fill(&mut body, "placementConstraints", json!([]));
    let attributes: Vec<Value> =
        attributes(input).into_iter().map(|name| json!({ "name": name })).collect();
    body.insert("requiresAttributes".to_owned(), attributes.into());
    body.insert("compatibilities".to_owned(), json!(compatibilities(input)));
    body
}

/// Removes null members, however deep.
fn drop_nulls(body: &mut Map<String, Value>) {
    body.retain(|_, value| !value.is_null());
    for value in body.values_mut() {
        match value {
            Value::Object(inner) => drop_nulls(inner),
            Value::Array(list) => {
                list.retain(|one| !one.is_null());
                list.iter_mut().filter_map(Value::as_object_mut).for_each(drop_nulls);
            }
            _ => {}
        }
    }
}

/// Sets a member that was not given.
fn fill(body: &mut Map<String, Value>, member: &str, value: Value) {
    if !body.contains_key(member) {
        body.insert(member.to_owned(), value);
    }
}

/// Fills in what a container definition leaves out.
fn fill_container(container: &mut Map<String, Value>, shares_ports: bool) {
    fill(container, "cpu", json!(0));
    fill(container, "portMappings", json!([]));
    fill(container, "essential", json!(true));
    for list in ["environment", "mountPoints", "volumesFrom", "systemControls"] {
        fill(container, list, json!([]));
    }
    let ports = container.get_mut("portMappings").and_then(Value::as_array_mut);
    for mapping in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
        let same = mapping.get("containerPort").cloned();
        let range = mapping.contains_key("containerPortRange");
        if !range {
            fill(mapping, "hostPort", same.filter(|_| shares_ports).unwrap_or(json!(0)));
        }
        fill(mapping, "protocol", json!("tcp"));
    }
    if let Some(check) = container.get_mut("healthCheck").and_then(Value::as_object_mut) {
        fill(check, "interval", json!(30));
        fill(check, "timeout", json!(5));
        fill(check, "retries", json!(3));
    }
}

/// Writes a size given in vCPUs or gigabytes as a number of 1024ths, as ECS does.
fn size(body: &mut Map<String, Value>, member: &str, unit: &str) {
    let Some(text) = body.get(member).and_then(Value::as_str) else { return };
    let lower = text.to_ascii_lowercase();
    let Some(number) = lower.strip_suffix(unit).map(str::trim) else { return };
    let Ok(number) = number.parse::<f64>() else { return };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float is cut at the bounds of the integer"
    )]
    let whole = (number * 1024.0) as u64;
    body.insert(member.to_owned(), whole.to_string().into());
}

/// What a definition can run on.
fn compatibilities(input: &RegisterTaskDefinitionInput) -> Vec<&'static str> {
    if input.network_mode() != Some(&NetworkMode::Awsvpc) {
        return vec!["EXTERNAL", "EC2"];
    }
    if input.cpu().is_some() && input.memory().is_some() {
        return vec!["EC2", "FARGATE"];
    }
    vec!["EC2"]
}

/// What a container instance must be able to do, for the members that are used most.
fn attributes(input: &RegisterTaskDefinitionInput) -> Vec<&'static str> {
    let containers = input.container_definitions();
    let in_ecr = containers.iter().any(|one| one.image().is_some_and(|i| i.contains(".dkr.ecr.")));
    let logs = |driver: &LogDriver| {
        containers
            .iter()
            .filter_map(|one| one.log_configuration())
            .any(|l| l.log_driver() == driver)
    };
    let has_role = input.execution_role_arn().is_some();
    [
        (logs(&LogDriver::Awslogs), "com.amazonaws.ecs.capability.logging-driver.awslogs"),
        (logs(&LogDriver::Awslogs) && has_role, "ecs.capability.execution-role-awslogs"),
        (in_ecr, "com.amazonaws.ecs.capability.ecr-auth"),
        (in_ecr && has_role, "ecs.capability.execution-role-ecr-pull"),
        (true, "com.amazonaws.ecs.capability.docker-remote-api.1.18"),
        (input.task_role_arn().is_some(), "com.amazonaws.ecs.capability.task-iam-role"),
        (
            containers.iter().any(|one| one.health_check().is_some()),
            "ecs.capability.container-health-check",
        ),
        (
            containers.iter().any(|one| !one.secrets().is_empty()),
            "ecs.capability.secrets.ssm.environment-variables",
        ),
        (input.network_mode() == Some(&NetworkMode::Awsvpc), "ecs.capability.task-eni"),
    ]
    .into_iter()
    .filter_map(|(is_needed, name)| is_needed.then_some(name))
    .collect()
}
