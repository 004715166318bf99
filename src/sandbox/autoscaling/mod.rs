//! Application Auto Scaling: the bounds between which a service's number of tasks is kept.
//!
//! There are no scaling policies, so that nothing here changes a number of tasks: it is told who
//! is scaled, and between which bounds. Only ECS services are scaled. Names, limits and error texts
//! are those of the service's API model, version 2016-02-06.

mod tags;
mod target;

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    call::{Call, Fault},
    ecs, page, refusal,
    service::Protocol,
    state::Transaction,
};
use target::{ScalableTarget, SuspendedState, resource};

/// The most targets that a page has.
const PAGE: i32 = 50;

/// Sets between which bounds a service is scaled, as somebody else would.
///
/// # Errors
/// As `RegisterScalableTarget`.
pub(in crate::sandbox) fn set(
    call: &Call,
    transaction: &mut Transaction<'_>,
    (id, min, max): (&str, u32, u32),
) -> Result<(), Fault> {
    let bound = |bound: u32| i32::try_from(bound).unwrap_or(i32::MAX);
    let named = Named {
        service_namespace: Some("ecs".to_owned()),
        resource_id: Some(id.to_owned()),
        scalable_dimension: Some(target::DIMENSION.to_owned()),
    };
    let (min_capacity, max_capacity) = (Some(bound(min)), Some(bound(max)));
    let input = RegisterInput { named, min_capacity, max_capacity, ..RegisterInput::default() };
    register(call, transaction, &input).map(|_answer| ())
}

/// Answers one request to `AnyScaleFrontendService`.
pub(super) fn answer(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    match call.operation.as_str() {
        "RegisterScalableTarget" => register(call, transaction, &read(call)?),
        "DescribeScalableTargets" => describe(call, transaction, &read(call)?),
        "DeregisterScalableTarget" => deregister(call, transaction, &read(call)?),
        "ListTagsForResource" => tags::list(call, transaction, &read(call)?),
        "TagResource" => tags::tag(call, transaction, read(call)?),
        "UntagResource" => tags::untag(call, transaction, &read(call)?),
        other => Err(refusal::unknown_operation(Protocol::Json, other)),
    }
}

/// What names a target.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    /// `ecs`.
    service_namespace: Option<String>,
    /// `service/<cluster>/<service>`.
    resource_id: Option<String>,
    /// `ecs:service:DesiredCount`.
    scalable_dimension: Option<String>,
}

/// `RegisterScalableTarget`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RegisterInput {
    /// Which target.
    #[serde(flatten)]
    named: Named,
    /// The fewest tasks.
    min_capacity: Option<i32>,
    /// The most tasks.
    max_capacity: Option<i32>,
    /// Which kinds of scaling rest.
    suspended_state: Option<SuspendedState>,
    /// The role that scales, which is always the service-linked one.
    #[serde(rename = "RoleARN")]
    role_arn: Option<String>,
    /// What a new target is tagged with.
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

/// `DescribeScalableTargets`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeInput {
    /// `ecs`.
    service_namespace: Option<String>,
    /// Which; all where none is named.
    #[serde(default)]
    resource_ids: Vec<String>,
    /// Of which dimension.
    scalable_dimension: Option<String>,
    /// How many a page.
    max_results: Option<i32>,
    /// Where the page begins.
    next_token: Option<String>,
}

/// Reads a body.
fn read<I: DeserializeOwned>(call: &Call) -> Result<I, Fault> {
    let body: &[u8] = if call.body.is_empty() { b"{}" } else { &call.body };
    serde_json::from_slice(body)
        .map_err(|error| Fault::new("SerializationException", error.to_string()))
}

/// Writes an answer.
fn write(answer: &impl Serialize) -> Result<Bytes, Fault> {
    let text = serde_json::to_vec(answer);
    text.map(Bytes::from).map_err(|error| Fault::new("InternalServiceException", error.to_string()))
}

/// Makes a service's number of tasks scalable, or changes its bounds.
fn register(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &RegisterInput,
) -> Result<Bytes, Fault> {
    let id = named(&input.named)?;
    if input.role_arn.is_some() {
        return Err(invalid(
            "ECS services are scaled by the service-linked role: RoleARN is not taken",
        ));
    }
    exists(call, transaction, id)?;
    let key = call.scope.key(id);
    let before: Option<ScalableTarget> = transaction.get(&key)?;
    let bound = |given: Option<i32>, before: Option<i32>| given.or(before);
    let min = bound(input.min_capacity, before.as_ref().map(|target| target.min_capacity));
    let max = bound(input.max_capacity, before.as_ref().map(|target| target.max_capacity));
    let (Some(min), Some(max)) = (min, max) else {
        return Err(invalid("Both minimum and maximum capacity must be specified."));
    };
    if min < 0 || min > max {
        return Err(invalid("Maximum capacity cannot be less than minimum capacity"));
    }
    let suspended = input.suspended_state.or(before.as_ref().map(|target| target.suspended_state));
    let target = ScalableTarget {
        min_capacity: min,
        max_capacity: max,
        suspended_state: suspended.unwrap_or_default(),
        ..before.unwrap_or_else(|| ScalableTarget {
            tags: input.tags.clone(),
            ..ScalableTarget::new(&call.scope, id, call.now)
        })
    };
    transaction.put(&key, &target)?;
    write(&json!({ "ScalableTargetARN": target.arn }))
}

/// Tells the bounds of targets.
fn describe(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &DescribeInput,
) -> Result<Bytes, Fault> {
    namespace(input.service_namespace.as_deref())?;
    if let Some(given) = &input.scalable_dimension {
        dimension(Some(given))?;
        if input.resource_ids.is_empty() {
            return Err(invalid("ResourceIds must be specified with a scalable dimension"));
        }
    }
    let size = input.max_results.unwrap_or(PAGE);
    if !(1..=PAGE).contains(&size) {
        return Err(invalid("MaxResults must be between 1 and 50"));
    }
    let prefix = call.scope.key("");
    let after = page::after(input.next_token.as_deref(), &prefix)
        .map_err(|_bad_token| fault("InvalidNextTokenException", "Invalid next token"))?;
    let is_asked = |target: ScalableTarget| {
        let all = input.resource_ids.is_empty();
        (all || input.resource_ids.contains(&target.resource_id)).then(|| target.told())
    };
    let size = usize::try_from(size).unwrap_or_default();
    let page = page::read(transaction, &prefix, after, size, is_asked)?;
    let mut answer = json!({ "ScalableTargets": page.items });
    if let (Some(next), Some(members)) = (page.next, answer.as_object_mut()) {
        members.insert("NextToken".to_owned(), next.into());
    }
    write(&answer)
}

/// Makes a service's number of tasks its own again.
fn deregister(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &Named,
) -> Result<Bytes, Fault> {
    let id = named(input)?;
    if transaction.delete::<ScalableTarget>(&call.scope.key(id))? {
        return write(&json!({}));
    }
    let words = format!(
        "No scalable target found for service namespace: ecs, resource ID: {id}, scalable \
         dimension: {}",
        target::DIMENSION
    );
    Err(fault("ObjectNotFoundException", words))
}

/// The resource id of a target, once all that names it is checked.
fn named(named: &Named) -> Result<&str, Fault> {
    namespace(named.service_namespace.as_deref())?;
    dimension(named.scalable_dimension.as_deref())?;
    let id = named.resource_id.as_deref().unwrap_or_default();
    resource(id).map(|_parts| id).ok_or_else(|| {
        invalid(format!("Unsupported resource ID: {id}. It is service/<cluster>/<service>"))
    })
}

/// Checks the namespace.
fn namespace(given: Option<&str>) -> Result<(), Fault> {
    match given {
        Some("ecs") => Ok(()),
        Some(other) => Err(invalid(format!("The sandbox scales nothing of namespace {other}"))),
        None => Err(invalid("1 validation error detected: Value null at 'serviceNamespace'")),
    }
}

/// Checks the dimension.
fn dimension(given: Option<&str>) -> Result<(), Fault> {
    match given {
        Some(target::DIMENSION) => Ok(()),
        other => Err(invalid(format!(
            "Unsupported service namespace, resource type or scalable dimension: {}",
            other.unwrap_or("null")
        ))),
    }
}

/// Checks that there is such a service in ECS.
fn exists(call: &Call, transaction: &mut Transaction<'_>, id: &str) -> Result<(), Fault> {
    let found = match resource(id) {
        Some((cluster, service)) => ecs::admin::has_service(transaction, call, (cluster, service))?,
        None => false,
    };
    if found { Ok(()) } else { Err(invalid(format!("ECS service doesn't exist: {id}"))) }
}

/// A request that is not valid.
fn invalid(message: impl Into<String>) -> Fault {
    fault("ValidationException", message)
}

/// An error, whose model calls the text `Message`.
fn fault(code: &str, message: impl Into<String>) -> Fault {
    let members = [("Message".to_owned(), Value::from(message.into()))];
    Fault::Answer { status: 400, code: code.to_owned(), members: members.into_iter().collect() }
}

#[cfg(test)]
mod tests;
