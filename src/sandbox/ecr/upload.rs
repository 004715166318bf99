//! Uploading layers: `InitiateLayerUpload`, `UploadLayerPart`, `CompleteLayerUpload`.

use aws_smithy_types::base64;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{
    fault, layer,
    manifest::{digest_of, is_digest},
    place::Place,
    repository::Repository,
};
use crate::sandbox::{
    SandboxError,
    call::{Call, Fault},
    state::{Entity, Transaction},
};

/// Bytes that a part may have, and that clients are told to send.
const MAX_PART: u64 = 20_971_520;
/// Bytes that every part but the last must have.
const MIN_PART: usize = 5_242_880;

/// An upload that is not complete.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Upload {
    /// Bytes that have come.
    received: u64,
}

impl Entity for Upload {
    const KIND: &'static str = "ecr-upload";
}

/// A part of an upload.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Part {
    /// The bytes in base64.
    content: String,
}

impl Entity for Part {
    const KIND: &'static str = "ecr-upload-part";
}

/// The three requests, each with those members that it has.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct UploadRequest {
    /// Whose registry.
    registry_id: Option<String>,
    /// Which repository.
    repository_name: String,
    /// Which upload.
    upload_id: String,
    /// Where the part begins.
    part_first_byte: u64,
    /// Where it ends, this byte included.
    part_last_byte: u64,
    /// The part in base64.
    layer_part_blob: String,
    /// The digest that the whole must have.
    layer_digests: Vec<String>,
}

/// `InitiateLayerUploadResponse`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Initiated {
    /// The new upload.
    upload_id: String,
    /// Bytes that parts should have.
    part_size: u64,
}

/// `UploadLayerPartResponse`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PartReceived {
    /// Whose registry.
    registry_id: String,
    /// Which repository.
    repository_name: String,
    /// Which upload.
    upload_id: String,
    /// The last byte that has come.
    last_byte_received: u64,
}

/// `CompleteLayerUploadResponse`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Completed {
    /// Whose registry.
    registry_id: String,
    /// Which repository.
    repository_name: String,
    /// Which upload.
    upload_id: String,
    /// The new layer.
    layer_digest: String,
}

/// Answers `InitiateLayerUpload`.
pub(super) fn initiate(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &UploadRequest,
) -> Result<Initiated, Fault> {
    let place = Place::of(call, input.registry_id.as_deref(), &input.repository_name)?;
    Repository::find(transaction, &place)?;
    let upload_id = Uuid::new_v4().to_string();
    transaction.put(&place.key_of(&upload_id), &Upload { received: 0 })?;
    Ok(Initiated { upload_id, part_size: MAX_PART })
}

/// Answers `UploadLayerPart`. Parts come one after the other, without gaps.
pub(super) fn part(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &UploadRequest,
) -> Result<PartReceived, Fault> {
    let place = Place::of(call, input.registry_id.as_deref(), &input.repository_name)?;
    let upload = find(transaction, &place, &input.upload_id)?;
    let content = base64::decode(&input.layer_part_blob)
        .map_err(|_not_base64| fault::invalid("layerPartBlob", "it must be base64"))?;
    let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
    let is_whole = input.part_first_byte.checked_add(length) == input.part_last_byte.checked_add(1);
    if input.part_first_byte != upload.received || !is_whole || length > MAX_PART {
        return Err(invalid_part(&place, &input.upload_id, upload.received));
    }
    let key = place.key_of(&input.upload_id);
    // Numbers of one length sort like numbers.
    let part_key = format!("{key}/{:020}", input.part_first_byte);
    transaction.put(&part_key, &Part { content: input.layer_part_blob.clone() })?;
    transaction.put(&key, &Upload { received: upload.received + length })?;
    Ok(PartReceived {
        registry_id: place.scope.account,
        repository_name: place.repository,
        upload_id: input.upload_id.clone(),
        last_byte_received: input.part_last_byte,
    })
}

/// Answers `CompleteLayerUpload`.
pub(super) fn complete(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &UploadRequest,
) -> Result<Completed, Fault> {
    let place = Place::of(call, input.registry_id.as_deref(), &input.repository_name)?;
    find(transaction, &place, &input.upload_id)?;
    let parts = parts(transaction, &place, &input.upload_id)?;
    check_parts(&parts)?;
    let content = parts.concat();
    let digest = digest_of(&content);
    check_digests(&input.layer_digests, &digest)?;
    if layer::find(transaction, &place, &digest)?.is_some() {
        let message = format!("The layer with digest '{digest}' already exists in the repository.");
        return Err(Fault::new("LayerAlreadyExistsException", message));
    }
    layer::put(transaction, &place, &digest, &content)?;
    forget(transaction, &place, &input.upload_id)?;
    Ok(Completed {
        registry_id: place.scope.account,
        repository_name: place.repository,
        upload_id: input.upload_id.clone(),
        layer_digest: digest,
    })
}

/// The upload that a request names.
fn find(transaction: &Transaction<'_>, place: &Place, id: &str) -> Result<Upload, Fault> {
    Repository::find(transaction, place)?;
    transaction.get(&place.key_of(id))?.ok_or_else(|| {
        let message = format!("The upload with id '{id}' could not be found.");
        Fault::new("UploadNotFoundException", message)
    })
}

/// The parts of an upload, decoded.
fn parts(
    transaction: &Transaction<'_>,
    place: &Place,
    id: &str,
) -> Result<Vec<Vec<u8>>, SandboxError> {
    let parts = transaction.scan::<Part>(&place.key_of(&format!("{id}/")))?;
    // What is in the file was checked when it came.
    Ok(parts.into_iter().filter_map(|(_, part)| base64::decode(part.content).ok()).collect())
}

/// Forgets an upload and its parts.
fn forget(transaction: &mut Transaction<'_>, place: &Place, id: &str) -> Result<(), SandboxError> {
    for (key, _) in transaction.scan::<Part>(&place.key_of(&format!("{id}/")))? {
        transaction.delete::<Part>(&key)?;
    }
    transaction.delete::<Upload>(&place.key_of(id))?;
    Ok(())
}

/// Checks that there is something, and that only the last part is small.
fn check_parts(parts: &[Vec<u8>]) -> Result<(), Fault> {
    let Some((last, others)) = parts.split_last() else { return Err(empty_upload()) };
    if others.is_empty() && last.is_empty() {
        return Err(empty_upload());
    }
    if others.iter().any(|part| part.len() < MIN_PART) {
        let message = "Layer parts must be at least 5 MiB in size.";
        return Err(Fault::new("LayerPartTooSmallException", message));
    }
    Ok(())
}

/// Says that nothing has come.
fn empty_upload() -> Fault {
    let message = "The specified layer upload does not contain any layer parts.";
    Fault::new("EmptyUploadException", message)
}

/// Checks the digests that a request expects of the whole.
fn check_digests(expected: &[String], digest: &str) -> Result<(), Fault> {
    if expected.is_empty() || !expected.iter().all(|digest| is_digest(digest)) {
        return Err(fault::invalid("layerDigests", "sha256: and 64 hexadecimal digits"));
    }
    if expected.iter().any(|expected| expected == digest) {
        return Ok(());
    }
    let message = format!(
        "The layer digest calculation performed by Amazon ECR upon receipt of the image layer \
         does not match the digest specified: it is '{digest}'"
    );
    Err(Fault::new("InvalidLayerException", message))
}

/// Says that a part is not the next one.
fn invalid_part(place: &Place, upload_id: &str, received: u64) -> Fault {
    let mut fault = Fault::new(
        "InvalidLayerPartException",
        "The layer part size is not valid, or the first byte specified is not consecutive to the \
         last byte of a previous layer part upload.",
    );
    if let Fault::Answer { members, .. } = &mut fault {
        members.insert("registryId".to_owned(), json!(place.scope.account));
        members.insert("repositoryName".to_owned(), json!(place.repository));
        members.insert("uploadId".to_owned(), json!(upload_id));
        members.insert("lastValidByteReceived".to_owned(), json!(received.saturating_sub(1)));
    }
    fault
}
