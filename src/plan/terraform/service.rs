//! The members of an ECS service as Terraform has them: attributes, and blocks.
//!
//! `DescribeServices` tells all of them but one: what Service Connect, volumes and VPC Lattice are
//! set to is told of the PRIMARY deployment only.

use serde_json::{Map, Value, json};

use super::{
    members::left_to_you,
    service_shape::{ROLLOUT, SERVICE, STRATEGY},
    shape::{is_nothing, written},
};
use crate::plan::hcl::{Expression, Item};

/// The members that only describe a service, or are written elsewhere.
const ELSEWHERE: [&str; 22] = [
    "serviceArn",
    "serviceName",
    "clusterArn",
    "status",
    "desiredCount",
    "runningCount",
    "pendingCount",
    "taskDefinition",
    "taskSets",
    "deployments",
    "events",
    "createdAt",
    "createdBy",
    "currentServiceDeployment",
    "currentServiceRevisions",
    "platformFamily",
    "deploymentController",
    "deploymentConfiguration",
    "resourceManagementType",
    "roleArn",
    "tags",
    "launchType",
];

/// The members that are told of a deployment.
const OF_DEPLOYMENT: [&str; 3] =
    ["serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations"];

/// The first version of the provider that has strategies.
const STAGED: (u32, u32) = (6, 4);
/// The first that has those that go step by step.
const STEPWISE: (u32, u32) = (6, 21);

/// The version of the provider that a service needs, beyond what all need.
pub(super) fn provider(document: &Value) -> Option<(u32, u32)> {
    let told = strategy(document)?;
    let is_stepwise = ["linearConfiguration", "canaryConfiguration"];
    let is_stepwise = is_stepwise.iter().any(|member| told.contains_key(*member));
    Some(if is_stepwise { STEPWISE } else { STAGED })
}

/// The members of a deployment configuration that are about its strategy; nothing for one that
/// replaces tasks in place, and no more.
fn strategy(document: &Value) -> Option<Map<String, Value>> {
    let all = document.get("deploymentConfiguration")?.as_object()?;
    let of_strategy = |name: &str| STRATEGY.iter().any(|(member, ..)| *member == name);
    let says = |name: &str, value: &Value| match name {
        "strategy" => value != "ROLLING",
        "bakeTimeInMinutes" => value.as_f64() != Some(0.0),
        _ => !is_nothing(value),
    };
    let told: Map<String, Value> = all
        .iter()
        .filter(|(name, _)| of_strategy(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    told.iter().any(|(name, value)| says(name, value)).then_some(told)
}

/// The body of a service, but for what is about its releases: attributes, then blocks.
pub(super) fn settings(document: &Value) -> Vec<Item> {
    let mut left = Vec::new();
    let mut items = Vec::new();
    if let Some(launch_type) = launch_type(document) {
        items.push(Item::text("launch_type", launch_type));
    }
    items.extend(role(document).map(|role| Item::text("iam_role", role)));
    let of_rollout = rollout(document);
    let (first, last) =
        split(written(&of_rollout, (ROLLOUT, "deploymentConfiguration"), &mut left));
    let (attributes, blocks) = split(written(&flat(document), (SERVICE, ""), &mut left));
    items.extend(attributes.into_iter().chain(first));
    items.extend(tags(document));
    items.extend(blocks.into_iter().chain(last).flat_map(|block| [Item::Blank, block]));
    items.extend(of_strategy(document, &mut left));
    if left.is_empty() {
        return items;
    }
    items.push(Item::Blank);
    items.extend(left_to_you(&left));
    items
}

/// Attributes, and blocks.
fn split(items: Vec<Item>) -> (Vec<Item>, Vec<Item>) {
    let all = items.into_iter().filter(|item| !matches!(item, Item::Blank));
    all.partition(|item| matches!(item, Item::Attribute(..)))
}

/// A member's text, unless it is empty.
fn text<'a>(value: &'a Value, member: &str) -> Option<&'a str> {
    value.get(member)?.as_str().filter(|text| !text.is_empty())
}

/// On what tasks are started, where capacity providers do not tell it.
fn launch_type(document: &Value) -> Option<&str> {
    let providers = document.get("capacityProviderStrategy").and_then(Value::as_array);
    let is_told = providers.is_none_or(Vec::is_empty);
    text(document, "launchType").filter(|_| is_told)
}

/// The role for the load balancer, where it is not the one that ECS has in every account.
fn role(document: &Value) -> Option<&str> {
    text(document, "roleArn").filter(|role| !role.contains("/aws-service-role/"))
}

/// The members of a service that stand by themselves, without those that say what is so anyway.
fn flat(document: &Value) -> Map<String, Value> {
    let primary = document.get("deployments").and_then(Value::as_array);
    let primary =
        primary.and_then(|all| all.iter().find(|one| text(one, "status") == Some("PRIMARY")));
    let mut all: Map<String, Value> = document
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, value)| !ELSEWHERE.contains(&name.as_str()) && !is_default(name, value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    for member in OF_DEPLOYMENT {
        if let Some(told) = primary.and_then(|primary| primary.get(member)) {
            all.insert(member.to_owned(), told.clone());
        }
    }
    if let Some(network) = document.pointer("/networkConfiguration/awsvpcConfiguration") {
        all.insert("networkConfiguration".to_owned(), network.clone());
    }
    all
}

/// Whether a member says what Terraform takes for granted, or may not name.
fn is_default(member: &str, value: &Value) -> bool {
    match member {
        "platformVersion" => value == "LATEST",
        "schedulingStrategy" => value == "REPLICA",
        "propagateTags" => value == "NONE",
        "healthCheckGracePeriodSeconds" => *value == json!(0),
        "enableExecuteCommand" | "enableECSManagedTags" => *value == json!(false),
        _ => false,
    }
}

/// What of a deployment configuration stands by itself, without what Terraform takes for granted.
fn rollout(document: &Value) -> Map<String, Value> {
    let is_by_ecs = controller(document) == "ECS";
    let is_granted = |name: &str, value: &Value| match name {
        "minimumHealthyPercent" => *value == json!(100),
        "maximumPercent" => *value == json!(200),
        "deploymentCircuitBreaker" => !is_by_ecs,
        "alarms" => value.get("alarmNames").is_none_or(is_nothing),
        _ => STRATEGY.iter().any(|(member, ..)| *member == name),
    };
    let all = document.get("deploymentConfiguration").and_then(Value::as_object);
    let all = all.into_iter().flatten().filter(|(name, value)| !is_granted(name, value));
    all.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Who moves the tasks.
fn controller(document: &Value) -> &str {
    document.pointer("/deploymentController/type").and_then(Value::as_str).unwrap_or("ECS")
}

/// The tags of a service.
fn tags(document: &Value) -> Option<Item> {
    let tags = document.get("tags").and_then(Value::as_array)?;
    let pair = |tag: &Value| {
        let key = text(tag, "key").filter(|key| !key.starts_with("aws:"))?;
        let value = text(tag, "value").unwrap_or_default();
        Some((key.to_owned(), Expression::Text(value.to_owned())))
    };
    let pairs: Vec<_> = tags.iter().filter_map(pair).collect();
    (!pairs.is_empty()).then(|| Item::attribute("tags", Expression::Object(pairs)))
}

/// The block of a strategy, and what is to be known of it.
fn of_strategy(document: &Value, left: &mut Vec<String>) -> Vec<Item> {
    let (Some(mut told), Some((major, minor))) = (strategy(document), provider(document)) else {
        return Vec::new();
    };
    let hooks = told.get_mut("lifecycleHooks").and_then(Value::as_array_mut);
    for hook in hooks.into_iter().flatten().filter_map(Value::as_object_mut) {
        hook.remove("targetType");
    }
    if let Some(Value::Array(hooks)) = told.get_mut("lifecycleHooks") {
        let all = hooks.len();
        hooks.retain(|hook| text(hook, "hookTargetArn").is_some());
        if hooks.len() < all {
            left.push("deploymentConfiguration.lifecycleHooks of PAUSE".to_owned());
        }
    }
    let mut items = vec![Item::Blank];
    if has_listeners(document) {
        let words = "ECS changes the weights in the rules of listeners: write `ignore_changes = [action]` \
                     into their `lifecycle`.";
        items.push(Item::Comment(words.to_owned()));
    }
    items.push(Item::Comment(format!(
        "For a provider older than {major}.{minor} leave this block out, and `advanced_configuration` \
         too: it leaves the strategy alone."
    )));
    let block = written(&told, (STRATEGY, "deploymentConfiguration"), left);
    items.push(Item::block("deployment_configuration", block));
    items
}

/// Whether ECS shifts traffic between target groups.
fn has_listeners(document: &Value) -> bool {
    let balancers = document.get("loadBalancers").and_then(Value::as_array);
    balancers.into_iter().flatten().any(|one| one.get("advancedConfiguration").is_some())
}
