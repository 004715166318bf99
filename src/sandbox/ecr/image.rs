//! Images and the tags that point to them.
//!
//! Invariant: an image's `tags` are exactly the tags whose pointer has its digest; only the
//! functions of this module write either.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    ImageId,
    manifest::{Content, is_digest},
    place::Place,
};
use crate::sandbox::{
    SandboxError,
    state::{Entity, Transaction},
};

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Image {
    /// The SHA-256 of the manifest's bytes.
    pub(super) digest: String,
    /// The manifest as it came.
    pub(super) manifest: String,
    /// The manifest's media type.
    pub(super) media_type: String,
    /// What the image is, beyond being an image.
    pub(super) artifact_type: Option<String>,
    /// The manifest that this one is about.
    pub(super) subject: Option<String>,
    /// Manifests of the same repository that this one lists.
    pub(super) children: Vec<String>,
    /// Configuration and layers of the same repository that this one needs.
    pub(super) blobs: Vec<String>,
    /// Bytes of an image's configuration and layers; of a list, those of its biggest image.
    pub(super) size: u64,
    /// When it was first pushed.
    pub(super) pushed_at: Timestamp,
    /// The tags that point to it.
    pub(super) tags: BTreeSet<String>,
}

impl Entity for Image {
    const KIND: &'static str = "ecr-image";
}

impl Image {
    /// What the manifest refers to: blobs, and other manifests.
    pub(super) fn references(content: Content) -> (Vec<String>, Vec<String>) {
        match content {
            Content::Image { blobs, .. } => (blobs, Vec::new()),
            Content::Index { children } => (Vec::new(), children),
        }
    }

    /// The id of the image itself, or of one of its tags.
    pub(super) fn id(&self, tag: Option<&str>) -> ImageId {
        ImageId { image_digest: Some(self.digest.clone()), image_tag: tag.map(str::to_owned) }
    }
}

/// Where a tag points.
#[derive(Debug, Serialize, Deserialize)]
struct Pointer {
    /// The image's digest.
    digest: String,
}

impl Entity for Pointer {
    const KIND: &'static str = "ecr-tag";
}

/// Why an image cannot be given, as `failures` of a batch tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failure {
    /// What was asked for.
    pub(super) image_id: ImageId,
    /// The reason's name.
    #[serde(rename = "failureCode")]
    pub(super) code: &'static str,
    /// The reason.
    #[serde(rename = "failureReason")]
    pub(super) reason: &'static str,
}

/// Whether a text can be a tag.
pub(super) fn is_tag(text: &str) -> bool {
    let is_sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    (1..=300).contains(&text.len()) && text.chars().all(is_sound) && !text.starts_with(['.', '-'])
}

/// The image with a digest.
pub(super) fn by_digest(
    transaction: &Transaction<'_>,
    place: &Place,
    digest: &str,
) -> Result<Option<Image>, SandboxError> {
    transaction.get(&place.key_of(digest))
}

/// The image that a tag points to.
pub(super) fn by_tag(
    transaction: &Transaction<'_>,
    place: &Place,
    tag: &str,
) -> Result<Option<Image>, SandboxError> {
    match transaction.get::<Pointer>(&place.key_of(tag))? {
        Some(pointer) => by_digest(transaction, place, &pointer.digest),
        None => Ok(None),
    }
}

/// The image that an id names, or why there is none.
pub(super) fn look_up(
    transaction: &Transaction<'_>,
    place: &Place,
    id: &ImageId,
) -> Result<Result<Image, Failure>, SandboxError> {
    let failure = |code, reason| Ok(Err(Failure { image_id: id.clone(), code, reason }));
    let digest = id.image_digest.as_deref();
    if digest.is_some_and(|digest| !is_digest(digest)) {
        let reason = "Invalid request parameters: image digest should satisfy the regex \
                      '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'";
        return failure("InvalidImageDigest", reason);
    }
    let found = match (digest, id.image_tag.as_deref()) {
        (None, None) => {
            let reason = "Invalid request parameters: both tag and digest cannot be null";
            return failure("MissingDigestAndTag", reason);
        }
        (_, Some(tag)) if !is_tag(tag) => {
            return failure("InvalidImageTag", "Invalid request parameters: invalid image tag");
        }
        (None, Some(tag)) => by_tag(transaction, place, tag)?,
        (Some(digest), None) => by_digest(transaction, place, digest)?,
        (Some(digest), Some(tag)) => {
            let found = by_digest(transaction, place, digest)?;
            if found.as_ref().is_some_and(|image| !image.tags.contains(tag)) {
                let reason = "Requested image tag does not match the digest";
                return failure("ImageTagDoesNotMatchDigest", reason);
            }
            found
        }
    };
    match found {
        Some(image) => Ok(Ok(image)),
        None => failure("ImageNotFound", "Requested image not found"),
    }
}

/// Keeps an image that is new, without a tag.
pub(super) fn add(
    transaction: &mut Transaction<'_>,
    place: &Place,
    image: &Image,
) -> Result<(), SandboxError> {
    transaction.put(&place.key_of(&image.digest), image)
}

/// Points a tag to an image. An image that loses its last tag by that stays.
pub(super) fn point(
    transaction: &mut Transaction<'_>,
    place: &Place,
    tag: &str,
    image: &mut Image,
) -> Result<(), SandboxError> {
    if let Some(mut before) = by_tag(transaction, place, tag)? {
        before.tags.remove(tag);
        transaction.put(&place.key_of(&before.digest), &before)?;
    }
    image.tags.insert(tag.to_owned());
    transaction.put(&place.key_of(tag), &Pointer { digest: image.digest.clone() })?;
    transaction.put(&place.key_of(&image.digest), image)
}

/// Takes a tag off its image.
pub(super) fn unpoint(
    transaction: &mut Transaction<'_>,
    place: &Place,
    tag: &str,
    image: &mut Image,
) -> Result<(), SandboxError> {
    image.tags.remove(tag);
    transaction.delete::<Pointer>(&place.key_of(tag))?;
    transaction.put(&place.key_of(&image.digest), image)
}

/// Forgets an image and the tags that point to it.
pub(super) fn remove(
    transaction: &mut Transaction<'_>,
    place: &Place,
    image: &Image,
) -> Result<(), SandboxError> {
    for tag in &image.tags {
        transaction.delete::<Pointer>(&place.key_of(tag))?;
    }
    transaction.delete::<Image>(&place.key_of(&image.digest))?;
    Ok(())
}

/// All images of a repository, in the order of their digests.
pub(super) fn all(
    transaction: &Transaction<'_>,
    place: &Place,
) -> Result<Vec<Image>, SandboxError> {
    let images = transaction.scan::<Image>(&place.key_of(""))?;
    Ok(images.into_iter().map(|(_, image)| image).collect())
}
