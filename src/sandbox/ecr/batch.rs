//! `BatchGetImage` and `BatchDeleteImage`: what one image lacks is no error of the whole call.

use serde::{Deserialize, Serialize};

use super::{
    ImageId, fault,
    image::{self, Failure, Image},
    place::Place,
    push::FullImage,
    repository::Repository,
};
use crate::sandbox::{
    SandboxError,
    call::{Call, Fault},
    state::Transaction,
};

/// Ids that one request may give.
const MAX_IDS: usize = 100;

/// `BatchGetImageRequest`, and `BatchDeleteImageRequest`, which has fewer members.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Batch {
    /// Whose registry.
    registry_id: Option<String>,
    /// Which repository.
    repository_name: String,
    /// Which images.
    image_ids: Vec<ImageId>,
    /// Media types that the caller takes; any, when there are none.
    accepted_media_types: Vec<String>,
}

/// `BatchGetImageResponse`.
#[derive(Debug, Serialize)]
pub(super) struct Got {
    /// What was found.
    images: Vec<FullImage>,
    /// What was not, and why.
    failures: Vec<Failure>,
}

/// `BatchDeleteImageResponse`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Deleted {
    /// What is gone: images with each of their tags, or a tag only.
    image_ids: Vec<ImageId>,
    /// What is not, and why.
    failures: Vec<Failure>,
}

/// Checks the ids of a request, and that its repository exists.
pub(super) fn check(
    transaction: &Transaction<'_>,
    place: &Place,
    ids: &[ImageId],
) -> Result<Repository, Fault> {
    if !(1..=MAX_IDS).contains(&ids.len()) {
        return Err(fault::invalid("imageIds", "there must be 1 to 100 of them"));
    }
    Repository::find(transaction, place)
}

/// Answers `BatchGetImage`.
pub(super) fn get(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &Batch,
) -> Result<Got, Fault> {
    let place = Place::of(call, input.registry_id.as_deref(), &input.repository_name)?;
    check(transaction, &place, &input.image_ids)?;
    let (mut images, mut failures) = (Vec::new(), Vec::new());
    for id in &input.image_ids {
        let found = image::look_up(transaction, &place, id)?;
        match found.and_then(|image| accept(image, id, &input.accepted_media_types)) {
            Ok(image) => images.push(FullImage::new(&place, image, id.image_tag.as_deref())),
            Err(failure) => failures.push(failure),
        }
    }
    Ok(Got { images, failures })
}

/// The image, if it is of a type that the caller takes.
fn accept(image: Image, id: &ImageId, accepted: &[String]) -> Result<Image, Failure> {
    if accepted.is_empty() || accepted.contains(&image.media_type) {
        return Ok(image);
    }
    Err(Failure {
        image_id: id.clone(),
        code: "ImageNotFound",
        reason: "Requested image has none of the accepted media types",
    })
}

/// Answers `BatchDeleteImage`.
pub(super) fn delete(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &Batch,
) -> Result<Deleted, Fault> {
    let place = Place::of(call, input.registry_id.as_deref(), &input.repository_name)?;
    check(transaction, &place, &input.image_ids)?;
    let mut deleted = Deleted { image_ids: Vec::new(), failures: Vec::new() };
    for id in &input.image_ids {
        match delete_one(transaction, &place, id)? {
            Ok(ids) => deleted.image_ids.extend(ids),
            Err(failure) => deleted.failures.push(failure),
        }
    }
    Ok(deleted)
}

/// Deletes an image by its digest, or takes a tag off it; with its last tag, an image goes too.
pub(super) fn delete_one(
    transaction: &mut Transaction<'_>,
    place: &Place,
    id: &ImageId,
) -> Result<Result<Vec<ImageId>, Failure>, SandboxError> {
    let mut image = match image::look_up(transaction, place, id)? {
        Ok(image) => image,
        Err(failure) => return Ok(Err(failure)),
    };
    if let Some(tag) = &id.image_tag
        && image.tags.len() > 1
    {
        image::unpoint(transaction, place, tag, &mut image)?;
        return Ok(Ok(vec![image.id(Some(tag))]));
    }
    if is_listed(transaction, place, &image.digest)? {
        return Ok(Err(Failure {
            image_id: id.clone(),
            code: "ImageReferencedByManifestList",
            reason: "Requested image referenced by manifest list",
        }));
    }
    image::remove(transaction, place, &image)?;
    Ok(Ok(ids_of(&image)))
}

/// Whether some list of the repository has the image.
fn is_listed(
    transaction: &Transaction<'_>,
    place: &Place,
    digest: &str,
) -> Result<bool, SandboxError> {
    let images = image::all(transaction, place)?;
    Ok(images.iter().any(|other| other.children.iter().any(|child| child == digest)))
}

/// The ids of an image: one a tag, or the digest alone.
pub(super) fn ids_of(image: &Image) -> Vec<ImageId> {
    if image.tags.is_empty() {
        return vec![image.id(None)];
    }
    image.tags.iter().map(|tag| image.id(Some(tag))).collect()
}
