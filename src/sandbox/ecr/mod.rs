//! ECR: private registries with their repositories, images, tags and layers.
//!
//! The registry's client has no schemas to read a request by, so that the few shapes that are
//! needed are serde types of this module, beside the operations that use them. Limits, error names
//! and texts are those of the service's API model, API version 2015-09-21.
//!
//! Invariants: an image's digest is the SHA-256 of its manifest's bytes, which are kept as they
//! came; a tag points to one image; an image stays when its last tag moves away. A request may name
//! any account's registry, since there are no repository policies here that could forbid it.
//! Manifests are never translated: an image that has none of the accepted media types is not found.

pub(in crate::sandbox) mod admin;
mod batch;
mod fault;
mod image;
mod layer;
mod listing;
mod manifest;
mod mutability;
mod place;
mod push;
mod registry;
mod repository;
mod sample;
mod tags;
mod upload;

pub(super) use layer::LAYERS;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    call::{Call, Fault},
    state::Transaction,
};

/// Answers one request to `AmazonEC2ContainerRegistry_V20150921`.
pub(super) fn answer(call: &Call, transaction: &mut Transaction<'_>) -> Result<Bytes, Fault> {
    match call.operation.as_str() {
        "CreateRepository" => run(call, transaction, repository::create),
        "DescribeRepositories" => run(call, transaction, repository::describe),
        "DeleteRepository" => run(call, transaction, repository::delete),
        "PutImageTagMutability" => run(call, transaction, repository::put_mutability),
        "PutImage" => run(call, transaction, push::put_image),
        "DescribeImages" => run(call, transaction, listing::describe_images),
        "ListImages" => run(call, transaction, listing::list_images),
        "BatchGetImage" => run(call, transaction, batch::get),
        "BatchDeleteImage" => run(call, transaction, batch::delete),
        "BatchCheckLayerAvailability" => run(call, transaction, layer::check_availability),
        "GetDownloadUrlForLayer" => run(call, transaction, layer::download_url),
        "InitiateLayerUpload" => run(call, transaction, upload::initiate),
        "UploadLayerPart" => run(call, transaction, upload::part),
        "CompleteLayerUpload" => run(call, transaction, upload::complete),
        "GetAuthorizationToken" => run(call, transaction, registry::authorize),
        "GetLifecyclePolicy" => run(call, transaction, registry::lifecycle_policy),
        "GetRepositoryPolicy" => run(call, transaction, registry::repository_policy),
        "TagResource" => run(call, transaction, tags::add),
        "UntagResource" => run(call, transaction, tags::remove),
        "ListTagsForResource" => run(call, transaction, tags::list),
        other => Err(fault::unknown_operation(other)),
    }
}

/// Reads the input, does the work and writes the output.
fn run<I: DeserializeOwned, O: Serialize>(
    call: &Call,
    transaction: &mut Transaction<'_>,
    work: impl FnOnce(&Call, &mut Transaction<'_>, &I) -> Result<O, Fault>,
) -> Result<Bytes, Fault> {
    let body: &[u8] = if call.body.is_empty() { b"{}" } else { &call.body };
    let input: I = serde_json::from_slice(body)
        .map_err(|error| Fault::new("SerializationException", error.to_string()))?;
    let output = serde_json::to_vec(&work(call, transaction, &input)?)
        .map_err(|error| Fault::new("ServerException", error.to_string()))?;
    Ok(Bytes::from(output))
}

/// An answer with nothing in it.
#[derive(Debug, Serialize)]
struct Nothing {}

/// What names an image: its digest, a tag, or both, which must then agree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageId {
    /// The manifest's digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    image_digest: Option<String>,
    /// A tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    image_tag: Option<String>,
}

/// A point in time as awsJson has it: seconds since 1970, with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(transparent)]
struct Seconds(f64);

impl From<Timestamp> for Seconds {
    fn from(at: Timestamp) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds of the next 200,000 years are whole numbers below 2^53"
        )]
        let milliseconds = at.as_millisecond() as f64;
        Self(milliseconds / 1000.0)
    }
}

/// The size of a page: what was asked for, of at most 1,000, or 100.
fn page_size(asked: Option<i64>) -> Result<usize, Fault> {
    let size = asked.unwrap_or(100);
    if !(1..=1000).contains(&size) {
        return Err(fault::invalid("maxResults", "it must be from 1 to 1000"));
    }
    Ok(usize::try_from(size).unwrap_or_default())
}

/// Where the page begins that a token asks for.
fn page_start(token: Option<&str>, prefix: &str) -> Result<super::page::After, Fault> {
    super::page::after(token, prefix)
        .map_err(|_bad_token| fault::invalid("nextToken", "it is none that this listing gave"))
}

#[cfg(test)]
mod tests;
