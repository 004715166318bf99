//! From URIs to digests.

use std::collections::BTreeMap;

use aws_sdk_ecr::types::{Image, ImageFailure, ImageFailureCode, ImageIdentifier};

use super::{BATCH_GET_IMAGE, Registry, manifest::MEDIA_TYPES};
use crate::{
    backend::aws::{AwsError, FaultKind, in_parallel},
    model::{AccountId, Digest, EcrRepository, ImageUri, ReleaseHash},
};

/// The most images `BatchGetImage` takes (ECR API reference).
const IMAGES_A_CALL: usize = 100;

/// What a registry says of a URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// There is such an image.
    Found {
        /// What it is.
        digest: Digest,
        /// The images of an index, one for each platform; empty for a single image. A task may
        /// tell one of these instead of the index.
        platforms: Vec<Digest>,
        /// The commit, where the manifest itself says.
        revision: Option<ReleaseHash>,
    },
    /// There is no such image, or it cannot be pulled.
    Missing {
        /// Why, as a sentence without its full stop.
        reason: String,
    },
    /// The URI names a tag and a digest, and the tag is another image by now.
    TagMoved,
    /// The image is not in a private ECR repository, so that nobody was asked.
    NotAsked,
}

/// Why a registry did not answer.
#[derive(Debug, thiserror::Error)]
#[error("failed to look for images in ECR repository `{repository}` of account {account}")]
pub struct RegistryError {
    /// The repository's name.
    pub repository: String,
    /// The account that owns it.
    pub account: String,
    /// Whether that is another account than the caller's.
    pub is_foreign: bool,
    /// What went wrong.
    pub source: AwsError,
}

impl RegistryError {
    /// The error of a request about a repository, of a caller in an account.
    fn of(repository: &EcrRepository, caller: Option<&AccountId>, source: AwsError) -> Self {
        Self {
            repository: repository.name.clone(),
            account: repository.account.to_string(),
            is_foreign: caller.is_some_and(|caller| *caller != repository.account),
            source,
        }
    }

    /// What to do about it, as one imperative sentence.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = self.source.hint()?;
        let is_denied = matches!(self.source.kind(), FaultKind::AccessDenied(_));
        if is_denied && self.is_foreign {
            let account = &self.account;
            return Some(format!("{hint}, and in the repository's policy in account {account}"));
        }
        Some(hint)
    }
}

impl Registry {
    /// Asks which images URIs mean right now, a hundred of a repository in one request and the
    /// requests side by side. Repositories may be in any account and region.
    ///
    /// # Errors
    /// Fails when a registry does not answer. That an image is missing is an answer.
    pub async fn resolve(
        &self,
        uris: &[ImageUri],
    ) -> Result<BTreeMap<ImageUri, Resolution>, RegistryError> {
        let mut resolved = BTreeMap::new();
        let mut by_repository: BTreeMap<EcrRepository, Vec<&ImageUri>> = BTreeMap::new();
        for uri in uris {
            match uri.ecr() {
                Some(repository) => by_repository.entry(repository).or_default().push(uri),
                None => drop(resolved.insert(uri.clone(), Resolution::NotAsked)),
            }
        }
        let mut requests = Vec::new();
        for (repository, uris) in &mut by_repository {
            uris.sort_unstable();
            uris.dedup();
            requests
                .extend(uris.chunks(IMAGES_A_CALL).map(|uris| self.resolve_some(repository, uris)));
        }
        let answers = in_parallel(requests).await?;
        resolved.extend(answers.into_iter().flatten());
        Ok(resolved)
    }

    /// Asks about at most a hundred images of one repository.
    async fn resolve_some(
        &self,
        repository: &EcrRepository,
        uris: &[&ImageUri],
    ) -> Result<Vec<(ImageUri, Resolution)>, RegistryError> {
        let ids = uris.iter().map(|uri| identifier(uri.tag(), uri.digest())).collect();
        let resolved = match self.images(repository, ids).await {
            Ok((images, failures)) => {
                let of = |uri: &ImageUri| self.resolution(uri, &images, &failures);
                uris.iter().map(|uri| ((*uri).clone(), of(uri))).collect()
            }
            Err(error) if *error.kind() == FaultKind::NotFound("repository") => {
                let EcrRepository { account, region, name } = repository;
                let reason =
                    format!("there is no ECR repository `{name}` in account {account}, {region}");
                let missing = Resolution::Missing { reason };
                uris.iter().map(|uri| ((*uri).clone(), missing.clone())).collect()
            }
            Err(source) => {
                return Err(RegistryError::of(repository, self.session.account(), source));
            }
        };
        Ok(resolved)
    }

    /// Fetches manifests of one repository.
    pub(super) async fn images(
        &self,
        repository: &EcrRepository,
        ids: Vec<ImageIdentifier>,
    ) -> Result<(Vec<Image>, Vec<ImageFailure>), AwsError> {
        let ecr = self.in_region(&repository.region);
        let request = ecr
            .client
            .batch_get_image()
            .registry_id(repository.account.as_str())
            .repository_name(&repository.name)
            .set_image_ids(Some(ids))
            .set_accepted_media_types(Some(MEDIA_TYPES.map(str::to_owned).to_vec()));
        let answer = ecr.session.call(BATCH_GET_IMAGE, || request.clone().send()).await?;
        Ok((answer.images.unwrap_or_default(), answer.failures.unwrap_or_default()))
    }

    /// What an answer says of one URI.
    fn resolution(
        &self,
        uri: &ImageUri,
        images: &[Image],
        failures: &[ImageFailure],
    ) -> Resolution {
        let found = images.iter().find(|image| image.image_id().is_some_and(|id| is_of(uri, id)));
        let digest =
            found.and_then(|image| image.image_id()?.image_digest()).and_then(Digest::parse);
        let Some((image, digest)) = found.zip(digest) else {
            let failure =
                failures.iter().find(|failure| failure.image_id().is_some_and(|id| is_of(uri, id)));
            return of_failure(failure);
        };
        let manifest = image
            .image_manifest()
            .and_then(|text| self.keep_manifest(&digest, text))
            .unwrap_or_default();
        Resolution::Found { digest, platforms: manifest.platforms, revision: manifest.revision }
    }
}

/// An image as ECR takes it.
pub(super) fn identifier(tag: Option<&str>, digest: Option<&Digest>) -> ImageIdentifier {
    ImageIdentifier::builder()
        .set_image_tag(tag.map(str::to_owned))
        .set_image_digest(digest.map(ToString::to_string))
        .build()
}

/// Whether ECR speaks of the image that a URI names: everything the URI says is as ECR says.
fn is_of(uri: &ImageUri, id: &ImageIdentifier) -> bool {
    let same = |wanted: Option<&str>, given: Option<&str>| wanted.is_none() || wanted == given;
    same(uri.tag(), id.image_tag()) && same(uri.digest().map(Digest::as_str), id.image_digest())
}

/// What ECR's refusal of one image means.
fn of_failure(failure: Option<&ImageFailure>) -> Resolution {
    match failure.and_then(ImageFailure::failure_code) {
        Some(ImageFailureCode::ImageTagDoesNotMatchDigest) => Resolution::TagMoved,
        Some(ImageFailureCode::ImageNotFound) => {
            Resolution::Missing { reason: "ECR has no such image".to_owned() }
        }
        Some(code) => {
            let words = failure.and_then(ImageFailure::failure_reason).unwrap_or("no reason given");
            Resolution::Missing { reason: format!("ECR says {}: {words}", code.as_str()) }
        }
        None => Resolution::Missing { reason: "ECR's answer does not mention it".to_owned() },
    }
}
