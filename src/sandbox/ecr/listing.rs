//! `DescribeImages` and `ListImages`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    ImageId, Seconds, batch, fault,
    image::{self, Image},
    page_size, page_start,
    place::Place,
    repository::Repository,
};
use crate::sandbox::{
    call::{Call, Fault},
    page::{self, Page},
    state::Transaction,
};

/// `DescribeImagesRequest`, and `ListImagesRequest`, which has fewer members.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Listing {
    /// Whose registry.
    registry_id: Option<String>,
    /// Which repository.
    repository_name: String,
    /// Which images; all, when they are not given.
    image_ids: Option<Vec<ImageId>>,
    /// The page.
    next_token: Option<String>,
    /// Its size.
    max_results: Option<i64>,
    /// Which of the images.
    filter: Filter,
}

/// Which images are listed.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Filter {
    /// `TAGGED`, `UNTAGGED` or `ANY`.
    tag_status: Option<String>,
    /// `ACTIVE`, `ARCHIVED`, `ACTIVATING` or `ANY`.
    image_status: Option<String>,
}

impl Filter {
    /// Checks the words of a request.
    fn check(&self) -> Result<(), Fault> {
        if !matches!(self.tag_status.as_deref(), None | Some("TAGGED" | "UNTAGGED" | "ANY")) {
            return Err(fault::invalid("filter.tagStatus", "TAGGED, UNTAGGED or ANY"));
        }
        match self.image_status.as_deref() {
            None | Some("ACTIVE" | "ARCHIVED" | "ACTIVATING" | "ANY") => Ok(()),
            _ => Err(fault::invalid("filter.imageStatus", "ACTIVE, ARCHIVED, ACTIVATING or ANY")),
        }
    }

    /// Whether the image is listed. There is no archive here: all images are active.
    fn holds(&self, image: &Image) -> bool {
        let is_active = matches!(self.image_status.as_deref(), None | Some("ACTIVE" | "ANY"));
        is_active
            && match self.tag_status.as_deref() {
                Some("TAGGED") => !image.tags.is_empty(),
                Some("UNTAGGED") => image.tags.is_empty(),
                _ => true,
            }
    }
}

/// `ImageDetail`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    /// Whose registry.
    registry_id: String,
    /// Which repository.
    repository_name: String,
    /// The manifest's digest.
    image_digest: String,
    /// The tags, if there are any.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    image_tags: BTreeSet<String>,
    /// Bytes of configuration and layers.
    image_size_in_bytes: u64,
    /// When it was first pushed.
    image_pushed_at: Seconds,
    /// The manifest's media type.
    image_manifest_media_type: String,
    /// What the image is, beyond being an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_media_type: Option<String>,
    /// The manifest that this one is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_manifest_digest: Option<String>,
    /// Always `ACTIVE`.
    image_status: &'static str,
}

impl Detail {
    /// What is told of an image.
    fn new(place: &Place, image: Image) -> Self {
        Self {
            registry_id: place.scope.account.clone(),
            repository_name: place.repository.clone(),
            image_digest: image.digest,
            image_tags: image.tags,
            image_size_in_bytes: image.size,
            image_pushed_at: image.pushed_at.into(),
            image_manifest_media_type: image.media_type,
            artifact_media_type: image.artifact_type,
            subject_manifest_digest: image.subject,
            image_status: "ACTIVE",
        }
    }
}

/// `DescribeImagesResponse`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Described {
    /// The images.
    image_details: Vec<Detail>,
    /// The token of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// `ListImagesResponse`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listed {
    /// Each tag of each image, and the digests of those without one.
    image_ids: Vec<ImageId>,
    /// The token of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// Answers `DescribeImages`. One id that names nothing is an error of the whole call.
pub(super) fn describe_images(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &Listing,
) -> Result<Described, Fault> {
    let place = Place::of(call, input.registry_id.as_deref(), &input.repository_name)?;
    input.filter.check()?;
    let page = match &input.image_ids {
        Some(ids) => Page { items: named(transaction, &place, input, ids)?, next: None },
        None => listed(transaction, &place, input)?,
    };
    let image_details = page.items.into_iter().map(|image| Detail::new(&place, image)).collect();
    Ok(Described { image_details, next_token: page.next })
}

/// A page of a repository's images.
fn listed(
    transaction: &Transaction<'_>,
    place: &Place,
    input: &Listing,
) -> Result<Page<Image>, Fault> {
    Repository::find(transaction, place)?;
    let prefix = place.key_of("");
    let after = page_start(input.next_token.as_deref(), &prefix)?;
    let size = page_size(input.max_results)?;
    let keep = |image: Image| input.filter.holds(&image).then_some(image);
    Ok(page::read(transaction, &prefix, after, size, keep)?)
}

/// The images that a request names, each once.
fn named(
    transaction: &Transaction<'_>,
    place: &Place,
    input: &Listing,
    ids: &[ImageId],
) -> Result<Vec<Image>, Fault> {
    if input.next_token.is_some() || input.max_results.is_some() {
        let rule = "nextToken and maxResults cannot be used with it";
        return Err(fault::invalid("imageIds", rule));
    }
    batch::check(transaction, place, ids)?;
    let mut images: Vec<Image> = Vec::new();
    for id in ids {
        let image = match image::look_up(transaction, place, id)? {
            Ok(image) => image,
            Err(failure) if failure.code.starts_with("Image") => {
                return Err(fault::image_not_found(place, id));
            }
            Err(failure) => return Err(fault::invalid("imageIds", failure.reason)),
        };
        if input.filter.holds(&image) && !images.contains(&image) {
            images.push(image);
        }
    }
    Ok(images)
}

/// Answers `ListImages`.
pub(super) fn list_images(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &Listing,
) -> Result<Listed, Fault> {
    let place = Place::of(call, input.registry_id.as_deref(), &input.repository_name)?;
    input.filter.check()?;
    Repository::find(transaction, &place)?;
    let prefix = place.key_of("");
    let after = page_start(input.next_token.as_deref(), &prefix)?;
    let size = page_size(input.max_results)?;
    let entries = image::all(transaction, &place)?
        .iter()
        .filter(|image| input.filter.holds(image))
        .flat_map(batch::ids_of)
        .map(|id| (place.key_of(&sort_key(&id)), id))
        .collect();
    let page = page::cut(entries, &after, size);
    Ok(Listed { image_ids: page.items, next_token: page.next })
}

/// A text by which ids sort: by digest, then by tag.
fn sort_key(id: &ImageId) -> String {
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    format!("{}:{}", part(&id.image_digest), part(&id.image_tag))
}
