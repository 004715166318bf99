//! Task definitions, kept as the JSON they came in.
//!
//! Invariant: a revision's content never changes, members that the SDK does not know included; and
//! a family's revision numbers only ever grow.

mod check;
mod normalise;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use aws_sdk_ecs::{
    operation::{
        delete_task_definitions::DeleteTaskDefinitionsInput,
        deregister_task_definition::DeregisterTaskDefinitionInput,
        describe_task_definition::DescribeTaskDefinitionInput,
        list_task_definition_families::{
            ListTaskDefinitionFamiliesInput, ListTaskDefinitionFamiliesOutput,
        },
        list_task_definitions::{ListTaskDefinitionsInput, ListTaskDefinitionsOutput},
        register_task_definition::RegisterTaskDefinitionInput,
    },
    types::{SortOrder, TaskDefinitionFamilyStatus, TaskDefinitionField, TaskDefinitionStatus},
};
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    faults::{client, invalid, required, sized},
    names, paging,
    rollout::ContainerSpec,
    tags::{self, Tag},
};
use crate::sandbox::{
    call::{Call, Fault, Scope},
    state::{Entity, Transaction},
    wire,
};

/// One revision.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TaskDefinition {
    /// The family.
    pub(super) family: String,
    /// The revision, from 1.
    pub(super) revision: u32,
    /// All that is told of it but its tags, in the order it came in.
    pub(super) body: Map<String, Value>,
    /// Its tags.
    pub(super) tags: Vec<Tag>,
}

impl Entity for TaskDefinition {
    const KIND: &'static str = "ecs.task-definition";
}

impl TaskDefinition {
    /// A member that is a text.
    pub(super) fn text(&self, member: &str) -> Option<&str> {
        self.body.get(member).and_then(Value::as_str)
    }

    /// The full ARN.
    pub(super) fn arn(&self) -> &str {
        self.text("taskDefinitionArn").unwrap_or_default()
    }

    /// Whether it can be deployed.
    pub(super) fn is_active(&self) -> bool {
        self.text("status") == Some("ACTIVE")
    }

    /// Whether it can run on Fargate.
    pub(super) fn fits_fargate(&self) -> bool {
        let list = self.body.get("compatibilities").and_then(Value::as_array);
        list.is_some_and(|list| list.iter().any(|one| one == "FARGATE"))
    }

    /// The containers, as far as rollouts depend on them.
    pub(super) fn containers(&self) -> Vec<ContainerSpec> {
        let list = self.body.get("containerDefinitions").and_then(Value::as_array);
        list.into_iter().flatten().map(container).collect()
    }

    /// The container definition with a name.
    pub(super) fn container(&self, name: &str) -> Option<&Value> {
        let list = self.body.get("containerDefinitions").and_then(Value::as_array);
        list.into_iter().flatten().find(|one| one.get("name").is_some_and(|its| its == name))
    }
}

/// A container definition, as far as rollouts depend on it.
fn container(definition: &Value) -> ContainerSpec {
    let text = |member: &str| definition.get(member).and_then(Value::as_str).unwrap_or_default();
    ContainerSpec {
        name: text("name").to_owned(),
        image: text("image").to_owned(),
        essential: definition.get("essential").and_then(Value::as_bool).unwrap_or(true),
        checked: definition.get("healthCheck").is_some(),
        consistent: text("versionConsistency") != "disabled",
    }
}

/// The revisions of a family, by status.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Family {
    /// The highest revision that was ever given.
    last: u32,
    /// Those that can be deployed.
    active: BTreeSet<u32>,
    /// Those that were deregistered.
    inactive: BTreeSet<u32>,
    /// Those that were deleted.
    deleting: BTreeSet<u32>,
}

impl Entity for Family {
    const KIND: &'static str = "ecs.family";
}

/// The key of a revision.
pub(super) fn key(scope: &Scope, family: &str, revision: u32) -> String {
    scope.key(&format!("{family}:{revision:010}"))
}

/// Cuts `family:revision`.
pub(super) fn exact(text: &str) -> Option<(&str, u32)> {
    let (family, revision) = text.split_once(':')?;
    Some((family, revision.parse().ok().filter(|number| *number > 0)?))
}

/// The revision that a request names by ARN, by `family:revision`, or by its family, which is the
/// latest ACTIVE one of it; `None` where there is none.
pub(super) fn find(
    transaction: &Transaction<'_>,
    scope: &Scope,
    given: &str,
) -> Result<Option<TaskDefinition>, Fault> {
    let name = match names::parts(scope, given).as_deref() {
        Some(["task-definition", name]) => name,
        _ if given.starts_with("arn:") => return Ok(None),
        _ => given,
    };
    let (family, revision) = match exact(name) {
        Some(exact) => exact,
        None if name.contains(':') => return Ok(None),
        None => {
            let family: Option<Family> = transaction.get(&scope.key(name))?;
            let Some(latest) = family.and_then(|family| family.active.last().copied()) else {
                return Ok(None);
            };
            (name, latest)
        }
    };
    Ok(transaction.get(&key(scope, family, revision))?)
}

/// The revision with an ARN, whosever it is.
pub(super) fn find_by_arn(
    transaction: &Transaction<'_>,
    arn: &str,
) -> Result<Option<TaskDefinition>, Fault> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _partition, "ecs", region, account, _resource] = parts.as_slice() else {
        return Ok(None);
    };
    let scope = Scope { account: (*account).to_owned(), region: (*region).to_owned() };
    find(transaction, &scope, arn)
}

/// The ACTIVE revision that something is to be run with.
pub(super) fn deployable(
    transaction: &Transaction<'_>,
    scope: &Scope,
    given: &str,
) -> Result<TaskDefinition, Fault> {
    let found = find(transaction, scope, given)?;
    let found = found.ok_or_else(|| client("TaskDefinition not found."))?;
    if found.is_active() { Ok(found) } else { Err(client("TaskDefinition is inactive")) }
}

/// `RegisterTaskDefinition`.
pub(super) fn register(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, RegisterTaskDefinitionInput::deserialize)?;
    let tags = tags::given(input.tags.as_deref())?;
    check::all(&input, call.body.len())?;
    let raw: Map<String, Value> = serde_json::from_slice(&call.body)
        .map_err(|error| Fault::new("SerializationException", error.to_string()))?;
    let family = input.family().unwrap_or_default().to_owned();
    let family_key = call.scope.key(&family);
    let mut revisions: Family = transaction.get(&family_key)?.unwrap_or_default();
    revisions.last += 1;
    revisions.active.insert(revisions.last);
    let revision = revisions.last;
    let mut body = normalise::all(raw, &input);
    let arn = names::task_definition_arn(&call.scope, &family, revision);
    body.shift_insert(0, "taskDefinitionArn".to_owned(), arn.into());
    body.insert("revision".to_owned(), revision.into());
    body.insert("status".to_owned(), "ACTIVE".into());
    body.insert("registeredAt".to_owned(), seconds(call.now));
    body.insert("registeredBy".to_owned(), call.caller.as_str().into());
    let definition = TaskDefinition { family, revision, body, tags };
    transaction.put(&key(&call.scope, &definition.family, revision), &definition)?;
    transaction.put(&family_key, &revisions)?;
    Ok(told(&definition, !definition.tags.is_empty()))
}

/// A moment as the API writes it.
fn seconds(moment: Timestamp) -> Value {
    let millis = moment.as_millisecond();
    if millis % 1000 == 0 {
        return (millis / 1000).into();
    }
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of our times fit a double")]
    let seconds = millis as f64 / 1000.0;
    seconds.into()
}

/// The answer that tells one revision.
fn told(definition: &TaskDefinition, with_tags: bool) -> Bytes {
    let mut answer = Map::new();
    answer.insert("taskDefinition".to_owned(), Value::Object(definition.body.clone()));
    if with_tags {
        answer.insert("tags".to_owned(), json!(definition.tags));
    }
    Bytes::from(Value::Object(answer).to_string())
}

/// `DescribeTaskDefinition`.
pub(super) fn describe(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, DescribeTaskDefinitionInput::deserialize)?;
    let given = required(input.task_definition(), "TaskDefinition")?;
    let found = find(transaction, &call.scope, given)?;
    let found = found.ok_or_else(|| client("Unable to describe task definition."))?;
    Ok(told(&found, input.include().contains(&TaskDefinitionField::Tags)))
}

/// `ListTaskDefinitions`.
pub(super) fn list(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, ListTaskDefinitionsInput::deserialize)?;
    let mut arns = Vec::new();
    for (family, revisions) in families(transaction, &call.scope)? {
        if input.family_prefix().is_some_and(|wanted| wanted != family) {
            continue;
        }
        let wanted = match input.status() {
            None | Some(TaskDefinitionStatus::Active) => &revisions.active,
            Some(TaskDefinitionStatus::Inactive) => &revisions.inactive,
            Some(TaskDefinitionStatus::DeleteInProgress) => &revisions.deleting,
            Some(other) => return Err(invalid(format!("Invalid status: {}", other.as_str()))),
        };
        arns.extend(
            wanted.iter().map(|one| names::task_definition_arn(&call.scope, &family, *one)),
        );
    }
    match input.sort() {
        None | Some(SortOrder::Asc) => {}
        Some(SortOrder::Desc) => arns.reverse(),
        Some(other) => return Err(invalid(format!("Invalid sort: {}", other.as_str()))),
    }
    let token = input.next_token();
    let (page, next) = paging::page(arns, |arn| arn, token, input.max_results(), 100)?;
    let output = ListTaskDefinitionsOutput::builder().set_task_definition_arns(Some(page));
    wire::write(&output.set_next_token(next).build())
}

/// All families, in the order of their names.
fn families(transaction: &Transaction<'_>, scope: &Scope) -> Result<Vec<(String, Family)>, Fault> {
    let prefix = scope.key("");
    let found: Vec<(String, Family)> = transaction.scan(&prefix)?;
    let name = |key: &str| key.strip_prefix(&prefix).unwrap_or_default().to_owned();
    Ok(found.into_iter().map(|(key, family)| (name(&key), family)).collect())
}

/// `ListTaskDefinitionFamilies`: those without ACTIVE revisions included, unless asked otherwise.
pub(super) fn list_families(
    call: &Call,
    transaction: &mut Transaction<'_>,
) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, ListTaskDefinitionFamiliesInput::deserialize)?;
    let prefix = input.family_prefix().unwrap_or_default();
    let mut names = Vec::new();
    for (name, family) in families(transaction, &call.scope)? {
        let has_active = !family.active.is_empty();
        let is_wanted = match input.status() {
            None | Some(TaskDefinitionFamilyStatus::All) => true,
            Some(TaskDefinitionFamilyStatus::Active) => has_active,
            Some(TaskDefinitionFamilyStatus::Inactive) => !has_active,
            Some(other) => return Err(invalid(format!("Invalid status: {}", other.as_str()))),
        };
        if is_wanted && name.starts_with(prefix) {
            names.push(name);
        }
    }
    let token = input.next_token();
    let (page, next) = paging::page(names, |name| name, token, input.max_results(), 100)?;
    let output = ListTaskDefinitionFamiliesOutput::builder().set_families(Some(page));
    wire::write(&output.set_next_token(next).build())
}

/// `DeregisterTaskDefinition`; of one that is INACTIVE already it tells again.
pub(super) fn deregister(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, DeregisterTaskDefinitionInput::deserialize)?;
    let given = required(input.task_definition(), "TaskDefinition")?;
    let mut found = of_revision(call, transaction, given)?
        .ok_or_else(|| client("The specified task definition does not exist."))?;
    if found.is_active() {
        found.body.insert("deregisteredAt".to_owned(), seconds(call.now));
        turn(call, transaction, &mut found, "INACTIVE")?;
    }
    Ok(told(&found, false))
}

/// The revision that a request names with its number, as it must.
fn of_revision(
    call: &Call,
    transaction: &Transaction<'_>,
    given: &str,
) -> Result<Option<TaskDefinition>, Fault> {
    if !given.rsplit('/').next().is_some_and(|name| name.contains(':')) {
        return Err(invalid(format!("Invalid revision number. Number: {given}")));
    }
    find(transaction, &call.scope, given)
}

/// Gives a revision another status.
fn turn(
    call: &Call,
    transaction: &mut Transaction<'_>,
    definition: &mut TaskDefinition,
    status: &str,
) -> Result<(), Fault> {
    definition.body.insert("status".to_owned(), status.into());
    transaction.put(&key(&call.scope, &definition.family, definition.revision), definition)?;
    let family_key = call.scope.key(&definition.family);
    let mut family: Family = transaction.get(&family_key)?.unwrap_or_default();
    family.active.remove(&definition.revision);
    family.inactive.remove(&definition.revision);
    let of_status = if status == "INACTIVE" { &mut family.inactive } else { &mut family.deleting };
    of_status.insert(definition.revision);
    transaction.put(&family_key, &family)?;
    Ok(())
}

/// `DeleteTaskDefinitions`. What is deleted stays `DELETE_IN_PROGRESS` in the sandbox.
pub(super) fn delete(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, DeleteTaskDefinitionsInput::deserialize)?;
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for given in sized(input.task_definitions(), "TaskDefinitions", 10)? {
        let failure = match of_revision(call, transaction, given)? {
            None => "The specified task definition does not exist.",
            Some(found) if found.is_active() => {
                "The specified task definition is still in ACTIVE status. Please deregister the \
                 target and try again."
            }
            Some(mut found) => {
                if found.text("status") != Some("DELETE_IN_PROGRESS") {
                    found.body.insert("deleteRequestedAt".to_owned(), seconds(call.now));
                    turn(call, transaction, &mut found, "DELETE_IN_PROGRESS")?;
                }
                deleted.push(Value::Object(found.body));
                continue;
            }
        };
        failures.push(json!({ "arn": given, "reason": failure }));
    }
    let answer = json!({ "taskDefinitions": deleted, "failures": failures });
    Ok(Bytes::from(answer.to_string()))
}
