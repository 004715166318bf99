//! `PutImage`, and everything else that makes an image or moves a tag.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    ImageId, fault,
    image::{self, Image},
    layer,
    manifest::{Content, Manifest, digest_of},
    place::Place,
    repository::Repository,
};
use crate::sandbox::{
    call::{Call, Fault},
    state::Transaction,
};

/// Tags that one image may have.
const MAX_TAGS: usize = 1000;

/// `PutImageRequest`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PutImage {
    /// Whose registry.
    registry_id: Option<String>,
    /// Which repository.
    repository_name: String,
    /// The manifest, byte for byte.
    image_manifest: String,
    /// Its media type, where the manifest does not tell it.
    image_manifest_media_type: Option<String>,
    /// The tag that is to point to it.
    image_tag: Option<String>,
    /// The digest that it must have.
    image_digest: Option<String>,
}

/// An image with its manifest, as answers give it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FullImage {
    /// Whose registry.
    registry_id: String,
    /// Which repository.
    repository_name: String,
    /// The digest, and the tag that was asked for.
    image_id: ImageId,
    /// The manifest, byte for byte.
    image_manifest: String,
    /// Its media type.
    image_manifest_media_type: String,
}

impl FullImage {
    /// The image as a request for this tag, or for none, sees it.
    pub(super) fn new(place: &Place, image: Image, tag: Option<&str>) -> Self {
        Self {
            registry_id: place.scope.account.clone(),
            repository_name: place.repository.clone(),
            image_id: image.id(tag),
            image_manifest: image.manifest,
            image_manifest_media_type: image.media_type,
        }
    }
}

/// `PutImageResponse`.
#[derive(Debug, Serialize)]
pub(super) struct ImagePut {
    /// The image.
    image: FullImage,
}

/// Answers `PutImage`.
pub(super) fn put_image(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &PutImage,
) -> Result<ImagePut, Fault> {
    let place = Place::of(call, input.registry_id.as_deref(), &input.repository_name)?;
    let pushed = Push {
        manifest: &input.image_manifest,
        media_type: input.image_manifest_media_type.as_deref(),
        tag: input.image_tag.as_deref(),
        digest: input.image_digest.as_deref(),
    };
    let image = push(transaction, &place, pushed, call.now)?;
    Ok(ImagePut { image: FullImage::new(&place, image, pushed.tag) })
}

/// What is pushed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Push<'a> {
    /// The manifest.
    pub(super) manifest: &'a str,
    /// Its media type, where the manifest does not tell it.
    pub(super) media_type: Option<&'a str>,
    /// The tag that is to point to it.
    pub(super) tag: Option<&'a str>,
    /// The digest that it must have.
    pub(super) digest: Option<&'a str>,
}

/// Keeps an image, and points a tag to it. Everything is checked before anything is written.
pub(super) fn push(
    transaction: &mut Transaction<'_>,
    place: &Place,
    push: Push<'_>,
    now: Timestamp,
) -> Result<Image, Fault> {
    let repository = Repository::find(transaction, place)?;
    let manifest = Manifest::read(push.manifest, push.media_type)?;
    let digest = digest_of(push.manifest.as_bytes());
    if push.digest.is_some_and(|expected| expected != digest) {
        return Err(Fault::new(
            "ImageDigestDoesNotMatchException",
            format!("The specified image digest does not match the calculated digest '{digest}'"),
        ));
    }
    if let Some(tag) = push.tag {
        check_move(transaction, place, &repository, (tag, &digest))?;
    }
    let mut image = match image::by_digest(transaction, place, &digest)? {
        Some(_) if push.tag.is_none() => {
            return Err(fault::image_already_exists(place, &digest, None));
        }
        Some(image) => image,
        None => {
            let image = build(transaction, place, manifest, push.manifest, now)?;
            image::add(transaction, place, &image)?;
            image
        }
    };
    if let Some(tag) = push.tag {
        image::point(transaction, place, tag, &mut image)?;
    }
    Ok(image)
}

/// Checks that a tag may point to the image with this digest from now on.
pub(super) fn check_move(
    transaction: &Transaction<'_>,
    place: &Place,
    repository: &Repository,
    (tag, digest): (&str, &str),
) -> Result<(), Fault> {
    if !image::is_tag(tag) {
        return Err(fault::invalid("imageTag", "must satisfy regular expression '[\\w][\\w.-]*'"));
    }
    if let Some(before) = image::by_tag(transaction, place, tag)? {
        if !repository.mutability.may_move(tag) {
            return Err(fault::tag_already_exists(place, tag));
        }
        if before.digest == digest {
            return Err(fault::image_already_exists(place, digest, Some(tag)));
        }
    }
    let tags = image::by_digest(transaction, place, digest)?.map_or(0, |image| image.tags.len());
    if tags >= MAX_TAGS {
        let message = format!("An image can have at most {MAX_TAGS} tags.");
        return Err(Fault::new("LimitExceededException", message));
    }
    Ok(())
}

/// The image of a manifest that is new; what it refers to must be there.
fn build(
    transaction: &Transaction<'_>,
    place: &Place,
    manifest: Manifest,
    text: &str,
    now: Timestamp,
) -> Result<Image, Fault> {
    let size = match &manifest.content {
        Content::Image { blobs, size } => {
            layer::check_all_there(transaction, place, blobs)?;
            *size
        }
        Content::Index { children } => biggest(transaction, place, children)?,
    };
    let (blobs, children) = Image::references(manifest.content);
    Ok(Image {
        digest: digest_of(text.as_bytes()),
        manifest: text.to_owned(),
        media_type: manifest.media_type,
        artifact_type: manifest.artifact_type,
        subject: manifest.subject,
        children,
        blobs,
        size,
        pushed_at: now,
        tags: BTreeSet::new(),
    })
}

/// The size of the biggest of a list's images, all of which must be in the repository.
fn biggest(
    transaction: &Transaction<'_>,
    place: &Place,
    children: &[String],
) -> Result<u64, Fault> {
    let mut size = 0;
    let mut missing = Vec::new();
    for digest in children {
        match image::by_digest(transaction, place, digest)? {
            Some(child) => size = size.max(child.size),
            None => missing.push(digest.as_str()),
        }
    }
    if missing.is_empty() {
        return Ok(size);
    }
    let message = format!(
        "Images with digests '[{}]' required for pushing image into repository with name '{}' in \
         the registry with id '{}' do not exist",
        missing.join(", "),
        place.repository,
        place.scope.account
    );
    Err(Fault::new("ReferencedImagesNotFoundException", message))
}
