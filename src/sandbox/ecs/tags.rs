//! Tags of clusters, services, task definitions and tasks.

use aws_sdk_ecs::{
    operation::{
        list_tags_for_resource::{ListTagsForResourceInput, ListTagsForResourceOutput},
        tag_resource::{TagResourceInput, TagResourceOutput},
        untag_resource::{UntagResourceInput, UntagResourceOutput},
    },
    types,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    estate::{Cluster, Service},
    faults::{invalid, no_cluster, required},
    names,
    run_task::LoneTask,
    task_definitions::{self, TaskDefinition},
};
use crate::sandbox::{
    call::{Call, Fault},
    state::{Entity, Transaction},
    wire,
};

/// How many tags a resource can have.
const MOST: usize = 50;

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tag {
    /// Its key, unique on its resource.
    pub(super) key: String,
    /// Its value; empty where none was given.
    pub(super) value: String,
}

impl From<&Tag> for types::Tag {
    fn from(tag: &Tag) -> Self {
        Self::builder().key(&tag.key).value(&tag.value).build()
    }
}

/// Tags as the API tells them.
pub(super) fn told(tags: &[Tag]) -> Vec<types::Tag> {
    tags.iter().map(types::Tag::from).collect()
}

/// The tags of a request that makes a resource; no tags is right, an empty list is not.
pub(super) fn given(tags: Option<&[types::Tag]>) -> Result<Vec<Tag>, Fault> {
    let Some(tags) = tags else { return Ok(Vec::new()) };
    if tags.is_empty() {
        return Err(invalid("Tags can not be empty."));
    }
    check(tags)
}

/// Checks tags against the rules of the ECS API: at most 50, keys of 1 to 128 characters without
/// the prefix `aws:`, values of at most 256, no key twice.
fn check(tags: &[types::Tag]) -> Result<Vec<Tag>, Fault> {
    let mut checked: Vec<Tag> = Vec::with_capacity(tags.len());
    for tag in tags {
        let key = tag.key().unwrap_or_default();
        let value = tag.value().unwrap_or_default();
        if !(1..=128).contains(&key.chars().count()) {
            return Err(invalid("Tag keys must have between 1 and 128 characters."));
        }
        if value.chars().count() > 256 {
            return Err(invalid("Tag values can have at most 256 characters."));
        }
        if [key, value].iter().any(|text| text.to_ascii_lowercase().starts_with("aws:")) {
            return Err(invalid("Tag keys and values with the prefix aws: are reserved."));
        }
        if checked.iter().any(|tag| tag.key == key) {
            return Err(invalid(format!("Duplicate tag keys found: {key}")));
        }
        checked.push(Tag { key: key.to_owned(), value: value.to_owned() });
    }
    limit(checked)
}

/// Refuses more tags than a resource can have.
fn limit(tags: Vec<Tag>) -> Result<Vec<Tag>, Fault> {
    if tags.len() > MOST {
        return Err(invalid(format!("The maximum number of tags per resource is {MOST}.")));
    }
    Ok(tags)
}

/// `TagResource`.
pub(super) fn tag(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, TagResourceInput::deserialize)?;
    let new = check(input.tags())?;
    change(call, transaction, input.resource_arn(), |tags| {
        let kept = tags.into_iter().filter(|old| new.iter().all(|tag| tag.key != old.key));
        limit(kept.chain(new.iter().cloned()).collect())
    })?;
    wire::write(&TagResourceOutput::builder().build())
}

/// `UntagResource`.
pub(super) fn untag(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, UntagResourceInput::deserialize)?;
    let keys = input.tag_keys();
    change(call, transaction, input.resource_arn(), |tags| {
        Ok(tags.into_iter().filter(|tag| !keys.contains(&tag.key)).collect())
    })?;
    wire::write(&UntagResourceOutput::builder().build())
}

/// `ListTagsForResource`.
pub(super) fn list(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, ListTagsForResourceInput::deserialize)?;
    let arn = required(input.resource_arn(), "Resource ARN")?;
    let mut told_tags = Vec::new();
    change(call, transaction, Some(arn), |tags| {
        told_tags = told(&tags);
        Ok(tags)
    })
    .map_err(|fault| as_declared(fault, arn))?;
    wire::write(&ListTagsForResourceOutput::builder().set_tags(Some(told_tags)).build())
}

/// `ListTagsForResource` has no `ResourceNotFoundException`.
fn as_declared(fault: Fault, arn: &str) -> Fault {
    match fault {
        Fault::Answer { code, .. } if code == "ResourceNotFoundException" => {
            invalid(format!("The specified resource was not found: {arn}"))
        }
        other => other,
    }
}

/// A kind of thing that has tags.
trait Tagged: Entity {
    /// Its tags.
    fn tags_mut(&mut self) -> &mut Vec<Tag>;
}

impl Tagged for Cluster {
    fn tags_mut(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }
}

impl Tagged for Service {
    fn tags_mut(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }
}

impl Tagged for TaskDefinition {
    fn tags_mut(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }
}

impl Tagged for LoneTask {
    fn tags_mut(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }
}

/// Gives the resource with an ARN other tags.
fn change(
    call: &Call,
    transaction: &mut Transaction<'_>,
    arn: Option<&str>,
    how: impl FnOnce(Vec<Tag>) -> Result<Vec<Tag>, Fault>,
) -> Result<(), Fault> {
    let arn = required(arn, "Resource ARN")?;
    let parts = names::parts(&call.scope, arn);
    let missing =
        || Fault::new("ResourceNotFoundException", "The specified resource was not found.");
    let key = |rest: String| call.scope.key(&rest);
    match parts.as_deref() {
        Some(["cluster", name]) => {
            let is_done = change_at::<Cluster>(transaction, &key((*name).to_owned()), how)?;
            if is_done { Ok(()) } else { Err(no_cluster()) }
        }
        Some(["service", cluster, name]) => {
            let is_done =
                change_at::<Service>(transaction, &key(format!("{cluster}/{name}")), how)?;
            if is_done { Ok(()) } else { Err(missing()) }
        }
        Some(["task", cluster, id]) => {
            let is_done = change_at::<LoneTask>(transaction, &key(format!("{cluster}/{id}")), how)?;
            if is_done { Ok(()) } else { Err(missing()) }
        }
        Some(["task-definition", name]) => {
            let Some((family, revision)) = task_definitions::exact(name) else {
                return Err(invalid(format!("Invalid identifier: {arn}")));
            };
            let key = task_definitions::key(&call.scope, family, revision);
            if change_at::<TaskDefinition>(transaction, &key, how)? {
                Ok(())
            } else {
                Err(missing())
            }
        }
        _ => Err(invalid(format!("Invalid identifier: {arn}"))),
    }
}

/// Gives an entity other tags; tells whether there is one.
fn change_at<E: Tagged>(
    transaction: &mut Transaction<'_>,
    key: &str,
    how: impl FnOnce(Vec<Tag>) -> Result<Vec<Tag>, Fault>,
) -> Result<bool, Fault> {
    let Some(mut entity) = transaction.get::<E>(key)? else { return Ok(false) };
    let old = entity.tags_mut().clone();
    let new = how(old.clone())?;
    if new != old {
        *entity.tags_mut() = new;
        transaction.put(key, &entity)?;
    }
    Ok(true)
}
