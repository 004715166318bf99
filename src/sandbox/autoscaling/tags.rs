//! Tags of scalable targets, which go by the target's ARN.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{target::ScalableTarget, write};
use crate::sandbox::{
    call::{Call, Fault},
    state::Transaction,
};

/// What all of the three operations take, with what each has of its own.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagInput {
    /// The target.
    #[serde(rename = "ResourceARN", default)]
    resource_arn: String,
    /// Tags to put on.
    #[serde(default)]
    tags: BTreeMap<String, String>,
    /// Tags to take off.
    #[serde(default)]
    tag_keys: Vec<String>,
}

/// `ListTagsForResource`.
pub(super) fn list(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &TagInput,
) -> Result<Bytes, Fault> {
    let target = find(call, transaction, input)?;
    write(&json!({ "Tags": target.tags }))
}

/// `TagResource`.
pub(super) fn tag(
    call: &Call,
    transaction: &mut Transaction<'_>,
    mut input: TagInput,
) -> Result<Bytes, Fault> {
    let mut target = find(call, transaction, &input)?;
    target.tags.append(&mut input.tags);
    save(call, transaction, &target)
}

/// `UntagResource`.
pub(super) fn untag(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &TagInput,
) -> Result<Bytes, Fault> {
    let mut target = find(call, transaction, input)?;
    target.tags.retain(|key, _| !input.tag_keys.contains(key));
    save(call, transaction, &target)
}

/// The target with an ARN.
fn find(
    call: &Call,
    transaction: &Transaction<'_>,
    input: &TagInput,
) -> Result<ScalableTarget, Fault> {
    let all: Vec<(String, ScalableTarget)> = transaction.scan(&call.scope.key(""))?;
    let found = all.into_iter().map(|(_, target)| target);
    let mut found = found.filter(|target| target.arn == input.resource_arn);
    found.next().ok_or_else(|| {
        let members = [
            ("Message".to_owned(), Value::from("The resource doesn't exist.")),
            ("ResourceName".to_owned(), Value::from(input.resource_arn.as_str())),
        ];
        let code = "ResourceNotFoundException".to_owned();
        Fault::Answer { status: 400, code, members: members.into_iter().collect() }
    })
}

/// Keeps a target whose tags were changed.
fn save(
    call: &Call,
    transaction: &mut Transaction<'_>,
    target: &ScalableTarget,
) -> Result<Bytes, Fault> {
    transaction.put(&call.scope.key(&target.resource_id), target)?;
    write(&json!({}))
}
