//! Layers: the blobs of a repository, an image's configuration among them.

use aws_smithy_types::base64;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{fault, image, manifest::is_digest, place::Place, repository::Repository};
use crate::sandbox::{
    SandboxError,
    call::{Call, Fault},
    state::{Entity, Transaction},
};

/// What is known of a layer without reading it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Layer {
    /// Its bytes.
    size: usize,
}

impl Entity for Layer {
    const KIND: &'static str = "ecr-layer";
}

/// A layer's content.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Blob {
    /// The bytes in base64.
    content: String,
}

impl Entity for Blob {
    const KIND: &'static str = "ecr-blob";
}

/// Keeps a layer.
pub(super) fn put(
    transaction: &mut Transaction<'_>,
    place: &Place,
    digest: &str,
    content: &[u8],
) -> Result<(), SandboxError> {
    let key = place.key_of(digest);
    transaction.put(&key, &Layer { size: content.len() })?;
    transaction.put(&key, &Blob { content: base64::encode(content) })
}

/// What is known of a layer, if the repository has it.
pub(super) fn find(
    transaction: &Transaction<'_>,
    place: &Place,
    digest: &str,
) -> Result<Option<Layer>, SandboxError> {
    transaction.get(&place.key_of(digest))
}

/// A layer's content.
pub(super) fn content(
    transaction: &Transaction<'_>,
    place: &Place,
    digest: &str,
) -> Result<Option<Bytes>, SandboxError> {
    let blob = transaction.get::<Blob>(&place.key_of(digest))?;
    // What is in the file was encoded by `put`.
    Ok(blob.and_then(|blob| base64::decode(blob.content).ok()).map(Bytes::from))
}

/// Checks that the repository has all of some layers.
pub(super) fn check_all_there(
    transaction: &Transaction<'_>,
    place: &Place,
    digests: &[String],
) -> Result<(), Fault> {
    let mut missing = Vec::new();
    for digest in digests {
        if find(transaction, place, digest)?.is_none() {
            missing.push(digest.as_str());
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(not_found(place, &missing.join(", "))) }
}

/// Says that there are no such layers.
fn not_found(place: &Place, digests: &str) -> Fault {
    let message = format!(
        "Layers with digests '[{digests}]' required for pushing image into repository with name \
         '{}' in the registry with id '{}' do not exist",
        place.repository, place.scope.account
    );
    Fault::new("LayersNotFoundException", message)
}

/// `BatchCheckLayerAvailabilityRequest`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct CheckAvailability {
    /// Whose registry.
    registry_id: Option<String>,
    /// Which repository.
    repository_name: String,
    /// Which layers.
    layer_digests: Vec<String>,
}

/// `BatchCheckLayerAvailabilityResponse`.
#[derive(Debug, Serialize)]
pub(super) struct Availability {
    /// The layers, there or not.
    layers: Vec<LayerStatus>,
    /// What cannot be a layer.
    failures: Vec<LayerFailure>,
}

/// Whether a layer is there.
#[derive(Debug, Serialize)]
struct LayerStatus {
    /// Its digest.
    #[serde(rename = "layerDigest")]
    digest: String,
    /// `AVAILABLE` or `UNAVAILABLE`.
    #[serde(rename = "layerAvailability")]
    availability: &'static str,
    /// Its bytes, if it is there.
    #[serde(rename = "layerSize", skip_serializing_if = "Option::is_none")]
    size: Option<usize>,
}

/// Why something cannot be a layer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LayerFailure {
    /// What was asked for.
    layer_digest: String,
    /// The reason's name.
    failure_code: &'static str,
    /// The reason.
    failure_reason: &'static str,
}

/// Answers `BatchCheckLayerAvailability`.
pub(super) fn check_availability(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &CheckAvailability,
) -> Result<Availability, Fault> {
    let place = Place::of(call, input.registry_id.as_deref(), &input.repository_name)?;
    if !(1..=100).contains(&input.layer_digests.len()) {
        return Err(fault::invalid("layerDigests", "there must be 1 to 100 of them"));
    }
    Repository::find(transaction, &place)?;
    let mut availability = Availability { layers: Vec::new(), failures: Vec::new() };
    for digest in &input.layer_digests {
        if let Some(failure) = failure_of(digest) {
            availability.failures.push(failure);
            continue;
        }
        let found = find(transaction, &place, digest)?;
        availability.layers.push(LayerStatus {
            digest: digest.clone(),
            availability: if found.is_some() { "AVAILABLE" } else { "UNAVAILABLE" },
            size: found.map(|layer| layer.size),
        });
    }
    Ok(availability)
}

/// Why a text cannot be a layer's digest, if it cannot.
fn failure_of(digest: &str) -> Option<LayerFailure> {
    let (failure_code, failure_reason) = match digest {
        "" => ("MissingLayerDigest", "The layer digest is missing"),
        digest if !is_digest(digest) => ("InvalidLayerDigest", "The layer digest is not valid"),
        _ => return None,
    };
    Some(LayerFailure { layer_digest: digest.to_owned(), failure_code, failure_reason })
}

/// `GetDownloadUrlForLayerRequest`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct GetDownloadUrl {
    /// Whose registry.
    registry_id: Option<String>,
    /// Which repository.
    repository_name: String,
    /// Which layer.
    layer_digest: String,
}

/// `GetDownloadUrlForLayerResponse`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DownloadUrl {
    /// Where the layer can be read, without a signature.
    download_url: String,
    /// The layer.
    layer_digest: String,
}

/// What the URL of every layer begins with. Its host is never looked up: in process, whoever
/// carries requests to the sandbox carries those to this path too; a server puts its own in place.
pub(in crate::sandbox) const LAYERS: &str = "http://sandbox.invalid/_sandbox/layers";

/// Answers `GetDownloadUrlForLayer`, for layers that an image has.
pub(super) fn download_url(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &GetDownloadUrl,
) -> Result<DownloadUrl, Fault> {
    let place = Place::of(call, input.registry_id.as_deref(), &input.repository_name)?;
    Repository::find(transaction, &place)?;
    let digest = input.layer_digest.clone();
    if !is_digest(&digest) {
        return Err(fault::invalid("layerDigest", "it must be sha256: and 64 hexadecimal digits"));
    }
    if find(transaction, &place, &digest)?.is_none() {
        return Err(not_found(&place, &digest));
    }
    if !image::all(transaction, &place)?.iter().any(|image| image.blobs.contains(&digest)) {
        return Err(Fault::new(
            "LayerInaccessibleException",
            format!("The layer with digest '{digest}' is not associated with an image."),
        ));
    }
    let path = place.scope.key(&place.repository);
    Ok(DownloadUrl { download_url: format!("{LAYERS}/{path}/{digest}"), layer_digest: digest })
}
