//! The members of a task definition as Terraform has them: attributes, and blocks.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::hcl::{Expression, Item};
use crate::plan::document::READ_ONLY;

/// Members of a task definition that are attributes in Terraform, each with its name there.
const SETTINGS: [(&str, &str); 9] = [
    ("cpu", "cpu"),
    ("memory", "memory"),
    ("networkMode", "network_mode"),
    ("requiresCompatibilities", "requires_compatibilities"),
    ("executionRoleArn", "execution_role_arn"),
    ("taskRoleArn", "task_role_arn"),
    ("ipcMode", "ipc_mode"),
    ("pidMode", "pid_mode"),
    ("enableFaultInjection", "enable_fault_injection"),
];

/// The attributes of a task definition that stand on one line.
pub(super) fn settings(document: &Value) -> Vec<Item> {
    let present = SETTINGS.iter().filter_map(|(member, name)| {
        let value = document.get(*member).filter(|value| !is_nothing(value))?;
        Some(Item::attribute(name, Expression::of(value)))
    });
    present.collect()
}

/// Whether a value says nothing.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// Members of a task definition that are blocks in Terraform, each with its name there.
const BLOCKS: [(&str, &str); 4] = [
    ("volumes", "volume"),
    ("placementConstraints", "placement_constraints"),
    ("runtimePlatform", "runtime_platform"),
    ("ephemeralStorage", "ephemeral_storage"),
];

/// The blocks of a task definition, and a comment for each member that is left to the reader.
pub(super) fn blocks(document: &Value) -> Vec<Item> {
    let mut items = Vec::new();
    for (member, name) in BLOCKS {
        let Some(value) = document.get(member).filter(|value| !is_nothing(value)) else { continue };
        let single = [value.clone()];
        let all = value.as_array().map_or(single.as_slice(), Vec::as_slice);
        for one in all.iter().filter_map(Value::as_object) {
            if !items.is_empty() {
                items.push(Item::Blank);
            }
            items.push(Item::block(name, nested(one)));
        }
    }
    let known: BTreeSet<&str> = SETTINGS
        .iter()
        .chain(&BLOCKS)
        .map(|(member, _)| *member)
        .chain(["family", "containerDefinitions", "tags"])
        .chain(READ_ONLY)
        .collect();
    let members = document.as_object().into_iter().flat_map(Map::iter);
    for (member, _) in
        members.filter(|(name, value)| !known.contains(name.as_str()) && !is_nothing(value))
    {
        items.push(Item::Comment(format!("ECS has `{member}` too, which is left to you.")));
    }
    items
}

/// The members of a block: attributes first, blocks after them.
fn nested(members: &Map<String, Value>) -> Vec<Item> {
    let (mut attributes, mut blocks) = (Vec::new(), Vec::new());
    for (member, value) in members.iter().filter(|(_, value)| !is_nothing(value)) {
        match (member.as_str(), value) {
            ("host", Value::Object(host)) => {
                attributes.push(Item::text(
                    "host_path",
                    host.get("sourcePath").and_then(Value::as_str).unwrap_or_default(),
                ));
            }
            ("configuredAtLaunch", value) => {
                attributes.push(Item::attribute("configure_at_launch", Expression::of(value)));
            }
            ("driverOpts" | "labels", value) => {
                attributes.push(Item::attribute(&snake(member), Expression::of(value)));
            }
            (_, Value::Object(inner)) => {
                blocks.push(Item::Blank);
                blocks.push(Item::block(snake(member), nested(inner)));
            }
            ("sizeInGiB", value) => {
                attributes.push(Item::attribute("size_in_gib", Expression::of(value)));
            }
            (_, value) => attributes.push(Item::attribute(&snake(member), Expression::of(value))),
        }
    }
    attributes.into_iter().chain(blocks).collect()
}

/// A member's name as Terraform writes it.
fn snake(member: &str) -> String {
    let mut name = String::new();
    for c in member.chars() {
        if c.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}
