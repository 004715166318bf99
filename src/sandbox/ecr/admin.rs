//! The registry as the sandbox itself uses it: what ECS pulls, what an estate is seeded with, and
//! what somebody else is made to have pushed, moved or deleted.

use bytes::Bytes;
use jiff::Timestamp;

use super::{
    ImageId, batch, fault,
    image::{self, Image},
    layer,
    manifest::{digest_of, is_digest},
    place::{self, Place},
    push::{self, Push},
    repository::Repository,
    sample::Sample,
};
use crate::sandbox::{
    SandboxError,
    call::{Fault, Scope},
    state::Transaction,
};

/// What an image URI stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) enum Resolution {
    /// The image with this digest.
    Digest(String),
    /// No image: the repository, the tag or the digest is not there.
    NotFound,
    /// An image of a registry that is not emulated.
    OtherRegistry,
}

/// What is known of an image that is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) struct ImageOptions {
    /// The version of the code it was built from: a git commit.
    pub(in crate::sandbox) revision: Option<String>,
    /// When it is pushed.
    pub(in crate::sandbox) created: Timestamp,
}

/// Resolves `<account>.dkr.ecr.<region>.amazonaws.com/<repository>[:<tag>][@<digest>]` as a pull
/// does: a digest goes before a tag, and no tag is the tag `latest`. Whose the registry is does not
/// matter.
pub(in crate::sandbox) fn resolve(
    transaction: &Transaction<'_>,
    uri: &str,
) -> Result<Resolution, SandboxError> {
    let Some((place, reference)) = read_uri(uri) else { return Ok(Resolution::OtherRegistry) };
    let image = find(transaction, &place, reference)?;
    Ok(image.map_or(Resolution::NotFound, |image| Resolution::Digest(image.digest)))
}

/// The URIs of all images, by tag and by digest.
pub(in crate::sandbox) fn uris(transaction: &Transaction<'_>) -> Result<Vec<String>, SandboxError> {
    let repositories: Vec<(String, Repository)> = transaction.scan("")?;
    let mut uris = Vec::new();
    for (key, Repository { name, .. }) in repositories {
        let mut parts = key.split('/').map(str::to_owned);
        let (Some(account), Some(region)) = (parts.next(), parts.next()) else { continue };
        let place = Place { scope: Scope { account, region }, repository: name };
        let uri = place.uri();
        for image in image::all(transaction, &place)? {
            uris.push(format!("{uri}@{}", image.digest));
            uris.extend(image.tags.iter().map(|tag| format!("{uri}:{tag}")));
        }
    }
    Ok(uris)
}

/// Pushes a small image by the rules of `PutImage`, and creates the repository if there is none.
/// Its bytes depend on repository, tag and revision alone: pushing the same again changes nothing.
/// Gives the digest.
pub(in crate::sandbox) fn put_image(
    transaction: &mut Transaction<'_>,
    scope: &Scope,
    repository: &str,
    tag: &str,
    options: &ImageOptions,
) -> Result<String, Fault> {
    let place = Place { scope: scope.clone(), repository: repository.to_owned() };
    place::check_name(repository)?;
    if transaction.get::<Repository>(&place.key())?.is_none() {
        Repository::plain(repository, options.created).save(transaction, &place)?;
    }
    let sample = Sample::new(repository, tag, options.revision.as_deref());
    let digest = digest_of(sample.manifest.as_bytes());
    if find(transaction, &place, tag)?.is_some_and(|image| image.digest == digest) {
        return Ok(digest);
    }
    for blob in [&sample.config, &sample.layer] {
        layer::put(transaction, &place, &digest_of(blob), blob)?;
    }
    let pushed =
        Push { manifest: &sample.manifest, media_type: None, tag: Some(tag), digest: None };
    Ok(push::push(transaction, &place, pushed, options.created)?.digest)
}

/// Deletes the image with a digest, or takes a tag off its image, as `BatchDeleteImage` does.
pub(in crate::sandbox) fn delete_image(
    transaction: &mut Transaction<'_>,
    scope: &Scope,
    repository: &str,
    reference: &str,
) -> Result<(), Fault> {
    let place = existing(transaction, scope, repository)?;
    let id = id_of(reference);
    match batch::delete_one(transaction, &place, &id)? {
        Ok(_) => Ok(()),
        Err(failure) if failure.code == "ImageNotFound" => Err(fault::image_not_found(&place, &id)),
        Err(failure) => Err(fault::invalid("imageIds", failure.reason)),
    }
}

/// Points a tag to the image that another tag or a digest names, by the rules of `PutImage`.
pub(in crate::sandbox) fn move_tag(
    transaction: &mut Transaction<'_>,
    scope: &Scope,
    repository: &str,
    tag: &str,
    reference: &str,
) -> Result<(), Fault> {
    let place = existing(transaction, scope, repository)?;
    let settings = Repository::find(transaction, &place)?;
    let Some(mut image) = find(transaction, &place, reference)? else {
        return Err(fault::image_not_found(&place, &id_of(reference)));
    };
    push::check_move(transaction, &place, &settings, (tag, &image.digest))?;
    image::point(transaction, &place, tag, &mut image)?;
    Ok(())
}

/// The layer at `<account>/<region>/<repository>/<digest>`: what follows `/_sandbox/layers/` in the
/// URLs of `GetDownloadUrlForLayer`.
pub(in crate::sandbox) fn layer(
    transaction: &Transaction<'_>,
    path: &str,
) -> Result<Option<Bytes>, SandboxError> {
    let mut parts = path.splitn(3, '/');
    let (Some(account), Some(region), Some(rest)) = (parts.next(), parts.next(), parts.next())
    else {
        return Ok(None);
    };
    let Some((repository, digest)) = rest.rsplit_once('/') else { return Ok(None) };
    let scope = Scope { account: account.to_owned(), region: region.to_owned() };
    layer::content(transaction, &Place { scope, repository: repository.to_owned() }, digest)
}

/// Reads an image URI of an ECR registry: where the image is, and its digest or tag.
fn read_uri(uri: &str) -> Option<(Place, &str)> {
    let (host, path) = uri.split_once('/')?;
    let (account, rest) = host.split_once(".dkr.")?;
    let rest = rest.strip_prefix("ecr.").or_else(|| rest.strip_prefix("ecr-fips."))?;
    let (region, domain) = rest.split_once('.')?;
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    if !is_account || !matches!(domain, "amazonaws.com" | "amazonaws.com.cn") {
        return None;
    }
    let (name, digest) = match path.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (path, None),
    };
    let (repository, tag) = name.split_once(':').unwrap_or((name, "latest"));
    let scope = Scope { account: account.to_owned(), region: region.to_owned() };
    let place = Place { scope, repository: repository.to_owned() };
    Some((place, digest.unwrap_or(tag)))
}

/// The image that a tag or a digest names.
fn find(
    transaction: &Transaction<'_>,
    place: &Place,
    reference: &str,
) -> Result<Option<Image>, SandboxError> {
    if is_digest(reference) {
        return image::by_digest(transaction, place, reference);
    }
    image::by_tag(transaction, place, reference)
}

/// The id that a tag or a digest is.
fn id_of(reference: &str) -> ImageId {
    let reference = Some(reference.to_owned());
    if reference.as_deref().is_some_and(is_digest) {
        return ImageId { image_digest: reference, image_tag: None };
    }
    ImageId { image_digest: None, image_tag: reference }
}

/// The place of a repository that must be there.
fn existing(
    transaction: &Transaction<'_>,
    scope: &Scope,
    repository: &str,
) -> Result<Place, Fault> {
    let place = Place { scope: scope.clone(), repository: repository.to_owned() };
    Repository::find(transaction, &place)?;
    Ok(place)
}
