//! Elastic Load Balancing, as far as ECS services stand behind it: target groups and what their
//! health checks find.
//!
//! Nothing is written here: a target group is there because a service or a deployment group of
//! CodeDeploy names it, and its targets are the service's tasks
//! ([`witness`](super::ecs::witness)). Names, reasons and error texts are those of the API, version
//! 2015-12-01.

use bytes::Bytes;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    call::{Call, Fault, Scope},
    codedeploy,
    ecs::witness::{self, Target, TargetHealth},
    page, refusal,
    service::{Protocol, Service},
    state::Transaction,
};

/// Answers one request. Requests and answers are JSON here, and forms and XML on the wire.
pub(super) fn answer(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let answer = match call.operation.as_str() {
        "DescribeTargetGroups" => describe_groups(call, transaction, &read(call)?)?,
        "DescribeTargetHealth" => describe_health(call, transaction, &read(call)?)?,
        other => return Err(refusal::unknown_operation(Protocol::Query(Service::Elb), other)),
    };
    Ok(Bytes::from(answer.to_string()))
}

/// The ARN of the target group that a service is put behind: always the same for a name. The names
/// of target groups have at most 32 characters.
pub(in crate::sandbox) fn target_group_arn(scope: &Scope, service: &str) -> String {
    let Scope { account, region } = scope;
    let name: String = service.chars().take(32).collect();
    let text = format!("{account}/{region}/{service}");
    let hash = Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes()).simple().to_string();
    let id: String = hash.chars().take(16).collect();
    scope.arn("elasticloadbalancing", &format!("targetgroup/{name}/{id}"))
}

/// The name in a target group's ARN.
fn name_of(arn: &str) -> &str {
    arn.rsplit('/').nth(1).unwrap_or(arn)
}

/// All target groups, each with the port that is reached: those that services are behind, and those
/// that CodeDeploy will put them behind.
fn all_groups(call: &Call, transaction: &mut Transaction<'_>) -> Result<Vec<(String, u16)>, Fault> {
    let mut all = witness::target_groups(transaction, call.into())?;
    all.extend(codedeploy::admin::target_groups(transaction, call.into())?);
    all.sort();
    all.dedup_by(|one, other| one.0 == other.0);
    Ok(all)
}

/// `DescribeTargetGroups`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
struct GroupsInput {
    /// Those of a load balancer.
    load_balancer_arn: Option<String>,
    /// Some, by ARN.
    target_group_arns: Vec<String>,
    /// Some, by name.
    names: Vec<String>,
    /// Where the last answer ended.
    marker: Option<String>,
    /// How many.
    page_size: Option<usize>,
}

/// `DescribeTargetHealth`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
struct HealthInput {
    /// The group.
    target_group_arn: Option<String>,
    /// Some targets.
    targets: Option<Vec<Wanted>>,
    /// What else is to be told.
    include: Vec<String>,
}

/// A target that is asked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Wanted {
    /// Its address.
    id: String,
    /// Its port; the group's where none is given.
    port: Option<u16>,
}

/// The most target groups that a page has.
const PAGE: usize = 400;

/// Reads a request. What the sandbox does not know it refuses.
fn read<I: DeserializeOwned>(call: &Call) -> Result<I, Fault> {
    let body: &[u8] = if call.body.is_empty() { b"{}" } else { &call.body };
    serde_json::from_slice(body)
        .map_err(|error| invalid(&format!("The sandbox cannot do what is asked: {error}.")))
}

/// `DescribeTargetGroups`.
fn describe_groups(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &GroupsInput,
) -> Result<Value, Fault> {
    let (arns, names) = (&input.target_group_arns, &input.names);
    let size = input.page_size.unwrap_or(PAGE);
    if !(1..=PAGE).contains(&size) {
        return Err(invalid("The page size must be between 1 and 400."));
    }
    if !arns.is_empty() && !names.is_empty() {
        return Err(invalid("Target group ARNs and names cannot be specified together."));
    }
    if let Some(arn) = &input.load_balancer_arn {
        let words = format!("Load balancer '{arn}' not found: the sandbox has none.");
        return Err(Fault::new("LoadBalancerNotFound", words));
    }
    let mut wanted = all_groups(call, transaction)?;
    wanted.retain(|(arn, _)| arns.is_empty() || arns.contains(arn));
    wanted.retain(|(arn, _)| names.is_empty() || names.iter().any(|name| name == name_of(arn)));
    if wanted.len() < arns.len().max(names.len()) {
        return Err(no_group());
    }
    let after = page::after(input.marker.as_deref(), "arn:")
        .map_err(|_bad_token| invalid("The marker is not valid."))?;
    let told = wanted.into_iter().map(|(arn, port)| (arn.clone(), group(&arn, port)));
    let page = page::cut(told.collect(), &after, size);
    let mut answer = json!({ "TargetGroups": page.items });
    if let (Some(next), Some(members)) = (page.next, answer.as_object_mut()) {
        members.insert("NextMarker".to_owned(), next.into());
    }
    Ok(answer)
}

/// One target group.
fn group(arn: &str, port: u16) -> Value {
    json!({
        "TargetGroupArn": arn,
        "TargetGroupName": name_of(arn),
        "Protocol": "HTTP",
        "Port": port,
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPort": "traffic-port",
        "HealthCheckEnabled": true,
        "HealthCheckPath": "/",
        "Matcher": { "HttpCode": "200" },
        "TargetType": "ip",
    })
}

/// `DescribeTargetHealth`.
fn describe_health(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &HealthInput,
) -> Result<Value, Fault> {
    let arn = input.target_group_arn.as_deref();
    let arn = arn.ok_or_else(|| invalid("A target group ARN must be specified."))?;
    if !input.include.is_empty() {
        return Err(invalid("The sandbox detects no anomalies: Include is not taken."));
    }
    let groups = all_groups(call, transaction)?;
    let (_, port) = groups.iter().find(|(known, _)| known == arn).ok_or_else(no_group)?;
    let targets = witness::targets(transaction, call.into(), arn)?.unwrap_or_default();
    let region = &call.scope.region;
    let told: Vec<Value> = match &input.targets {
        None => targets.iter().map(|target| description(target, region)).collect(),
        Some(wanted) => wanted
            .iter()
            .map(|one| {
                let port = one.port.unwrap_or(*port);
                let found = targets.iter().find(|it| it.ip == one.id && it.port == port);
                found.map_or_else(|| unused(&one.id, port), |it| description(it, region))
            })
            .collect(),
    };
    Ok(json!({ "TargetHealthDescriptions": told }))
}

/// What is told of a target that is not registered.
fn unused(id: &str, port: u16) -> Value {
    json!({
        "Target": { "Id": id, "Port": port },
        "TargetHealth": {
            "State": "unused",
            "Reason": "Target.NotRegistered",
            "Description": "Target is not registered to the target group",
        },
    })
}

/// What the health checks of a target found.
fn description(target: &Target, region: &str) -> Value {
    let mut health = Map::new();
    let (state, why) = health_of(target);
    health.insert("State".to_owned(), state.into());
    if let Some((reason, words)) = why {
        health.insert("Reason".to_owned(), reason.into());
        health.insert("Description".to_owned(), words.into());
    }
    json!({
        "Target": {
            "Id": target.ip,
            "Port": target.port,
            "AvailabilityZone": format!("{region}a"),
        },
        "HealthCheckPort": target.port.to_string(),
        "TargetHealth": health,
    })
}

/// A target's state, with the reason and its words where there are such.
const fn health_of(target: &Target) -> (&'static str, Option<(&'static str, &'static str)>) {
    match target.health {
        TargetHealth::Registering => {
            ("initial", Some(("Elb.RegistrationInProgress", "Target registration is in progress")))
        }
        TargetHealth::Initial => {
            ("initial", Some(("Elb.InitialHealthChecking", "Initial health checks in progress")))
        }
        TargetHealth::Healthy => ("healthy", None),
        TargetHealth::Unhealthy => (
            "unhealthy",
            Some(("Target.ResponseCodeMismatch", "Health checks failed with these codes: [502]")),
        ),
        TargetHealth::Draining => (
            "draining",
            Some(("Target.DeregistrationInProgress", "Target deregistration is in progress")),
        ),
    }
}

/// That a target group is not there.
fn no_group() -> Fault {
    Fault::new("TargetGroupNotFound", "One or more target groups not found")
}

/// A request that is not valid, or that the sandbox does not do.
fn invalid(message: &str) -> Fault {
    Fault::new("ValidationError", message)
}
