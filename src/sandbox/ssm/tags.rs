//! `AddTagsToResource`, `RemoveTagsFromResource` and `ListTagsForResource`, for parameters.

use std::collections::BTreeMap;

use aws_sdk_ssm::{
    operation::{
        add_tags_to_resource::{AddTagsToResourceInput, AddTagsToResourceOutput},
        list_tags_for_resource::{ListTagsForResourceInput, ListTagsForResourceOutput},
        remove_tags_from_resource::{RemoveTagsFromResourceInput, RemoveTagsFromResourceOutput},
    },
    types::{ResourceTypeForTagging, Tag},
};

use super::{
    fault,
    parameter::{self, Parameter},
};
use crate::sandbox::{
    call::{Call, Fault},
    state::Transaction,
};

/// Tags that a resource may have.
const MAX_TAGS: usize = 50;

/// Answers `AddTagsToResource`: a tag with the same key gets the new value.
pub(super) fn add(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &AddTagsToResourceInput,
) -> Result<AddTagsToResourceOutput, Fault> {
    let mut parameter = resource(call, transaction, input.resource_type(), input.resource_id())?;
    parameter.tags.extend(checked(input.tags())?);
    if parameter.tags.len() > MAX_TAGS {
        return Err(fault::bare("TooManyTagsError"));
    }
    parameter.save(transaction, &call.scope)?;
    Ok(AddTagsToResourceOutput::builder().build())
}

/// Answers `RemoveTagsFromResource`; keys that are not there do not matter.
pub(super) fn remove(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &RemoveTagsFromResourceInput,
) -> Result<RemoveTagsFromResourceOutput, Fault> {
    let mut parameter = resource(call, transaction, input.resource_type(), input.resource_id())?;
    parameter.tags.retain(|key, _| !input.tag_keys().contains(key));
    parameter.save(transaction, &call.scope)?;
    Ok(RemoveTagsFromResourceOutput::builder().build())
}

/// Answers `ListTagsForResource`.
pub(super) fn list(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &ListTagsForResourceInput,
) -> Result<ListTagsForResourceOutput, Fault> {
    let parameter = resource(call, transaction, input.resource_type(), input.resource_id())?;
    let tags = parameter
        .tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect::<Result<_, _>>()
        .map_err(|error| Fault::new("InternalServerError", error.to_string()))?;
    Ok(ListTagsForResourceOutput::builder().set_tag_list(Some(tags)).build())
}

/// The parameter that a request is about; there are no other resources with tags here.
fn resource(
    call: &Call,
    transaction: &Transaction<'_>,
    kind: Option<&ResourceTypeForTagging>,
    id: Option<&str>,
) -> Result<Parameter, Fault> {
    let known = ResourceTypeForTagging::values();
    match kind {
        Some(ResourceTypeForTagging::Parameter) => parameter::named(transaction, &call.scope, id)
            .map_err(|missing| match missing {
                Fault::Answer { .. } => fault::bare("InvalidResourceId"),
                broken @ Fault::Sandbox(_) => broken,
            }),
        Some(other) if known.contains(&other.as_str()) => Err(fault::bare("InvalidResourceId")),
        _ => Err(fault::bare("InvalidResourceType")),
    }
}

/// Checks tags and gives them by key.
pub(super) fn checked(tags: &[Tag]) -> Result<BTreeMap<String, String>, Fault> {
    for tag in tags {
        check_text(tag.key(), "tags.key", 1..=128)?;
        check_text(tag.value(), "tags.value", 0..=256)?;
        if tag.key().get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
            return Err(fault::validation("Tag keys that begin with aws: are reserved."));
        }
    }
    let by_key: BTreeMap<_, _> =
        tags.iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect();
    if by_key.len() > MAX_TAGS {
        return Err(fault::validation(format!("A parameter can have at most {MAX_TAGS} tags.")));
    }
    Ok(by_key)
}

/// Checks the length and the characters of a tag's key or value.
fn check_text(
    text: &str,
    member: &str,
    length: std::ops::RangeInclusive<usize>,
) -> Result<(), Fault> {
    let is_sound = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c);
    if length.contains(&text.chars().count()) && text.chars().all(is_sound) {
        return Ok(());
    }
    let rule =
        "Member must satisfy regular expression pattern: ^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$";
    Err(fault::constraint(text, member, rule))
}
