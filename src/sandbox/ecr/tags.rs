//! `TagResource`, `UntagResource` and `ListTagsForResource`, for repositories.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Nothing, place::Place, repository::Repository};
use crate::sandbox::{
    call::{Call, Fault},
    state::Transaction,
};

/// Tags that a repository may have.
const MAX_TAGS: usize = 50;

/// A repository's tags, by key.
pub(super) type Tags = BTreeMap<String, String>;

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    /// Its key.
    key: String,
    /// Its value.
    #[serde(default)]
    value: String,
}

/// The three requests, each with those members that it has.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TagRequest {
    /// The repository.
    resource_arn: String,
    /// Tags to add.
    tags: Vec<Tag>,
    /// Keys to remove.
    tag_keys: Vec<String>,
}

/// `ListTagsForResourceResponse`.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    /// All tags, by key.
    tags: Vec<Tag>,
}

/// Answers `TagResource`: a tag with the same key gets the new value.
pub(super) fn add(
    _call: &Call,
    transaction: &mut Transaction<'_>,
    input: &TagRequest,
) -> Result<Nothing, Fault> {
    change(transaction, input, |tags| merged(tags, &input.tags))
}

/// Answers `UntagResource`; keys that are not there do not matter.
pub(super) fn remove(
    _call: &Call,
    transaction: &mut Transaction<'_>,
    input: &TagRequest,
) -> Result<Nothing, Fault> {
    change(transaction, input, |mut tags| {
        tags.retain(|key, _| !input.tag_keys.contains(key));
        Ok(tags)
    })
}

/// Changes the tags of the repository that a request is about.
fn change(
    transaction: &mut Transaction<'_>,
    input: &TagRequest,
    changed: impl FnOnce(Tags) -> Result<Tags, Fault>,
) -> Result<Nothing, Fault> {
    let place = Place::from_arn(&input.resource_arn)?;
    let mut repository = Repository::find(transaction, &place)?;
    repository.tags = changed(repository.tags)?;
    repository.save(transaction, &place)?;
    Ok(Nothing {})
}

/// Answers `ListTagsForResource`.
pub(super) fn list(
    _call: &Call,
    transaction: &mut Transaction<'_>,
    input: &TagRequest,
) -> Result<Listed, Fault> {
    let place = Place::from_arn(&input.resource_arn)?;
    let repository = Repository::find(transaction, &place)?;
    let tags = repository.tags.into_iter().map(|(key, value)| Tag { key, value }).collect();
    Ok(Listed { tags })
}

/// The tags that there are after some are added.
pub(super) fn merged(mut tags: Tags, added: &[Tag]) -> Result<Tags, Fault> {
    for Tag { key, value } in added {
        let is_reserved = key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
        let key_fits = (1..=128).contains(&key.chars().count());
        if is_reserved || !key_fits || value.chars().count() > 256 {
            return Err(Fault::new(
                "InvalidTagParameterException",
                "Tag keys have 1 to 128 characters and do not begin with aws:, and tag values have \
                 at most 256 characters.",
            ));
        }
        tags.insert(key.clone(), value.clone());
    }
    if tags.len() > MAX_TAGS {
        let message = format!("A repository can have at most {MAX_TAGS} tags.");
        return Err(Fault::new("TooManyTagsException", message));
    }
    Ok(tags)
}
