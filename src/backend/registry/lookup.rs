//! From a digest to the commit an image was built from.

use std::{
    collections::HashMap,
    sync::{MutexGuard, PoisonError},
};

use bytes::Bytes;

use super::{
    GET_DOWNLOAD_URL_FOR_LAYER, Registry,
    manifest::{Manifest, digest_of, revision_of_config},
    resolve::identifier,
};
use crate::{
    backend::aws::{AwsError, BlobError},
    model::{Digest, EcrRepository, ImageUri, ReleaseHash},
};

/// Why a commit could not be looked up. Never more than logged: the URI's own words do instead.
#[derive(Debug, thiserror::Error)]
enum LookupError {
    /// ECR did not answer.
    #[error("failed to ask ECR")]
    Aws(#[from] AwsError),
    /// The configuration could not be fetched.
    #[error("failed to download the image's configuration")]
    Download(#[from] BlobError),
    /// What was fetched is not what was asked for, or was not there.
    #[error("the registry does not have `{0}`, or returned something else")]
    Absent(Digest),
}

impl Registry {
    /// The commit that an image was built from: the revision that its manifest notes, or the
    /// label of its configuration. An index is read through the image of one platform.
    ///
    /// The URI tells the repository, and `digest` the image. Up to four requests, none for an
    /// image asked about before. Best effort: `None` where the image does not tell, where it is
    /// not in ECR, and where it cannot be read.
    pub async fn release_hash(&self, uri: &ImageUri, digest: &Digest) -> Option<ReleaseHash> {
        let repository = uri.ecr()?;
        if let Some(known) = self.commits().get(digest) {
            return known.clone();
        }
        match self.look_up(&repository, digest).await {
            Ok(hash) => {
                self.commits().insert(digest.clone(), hash.clone());
                hash
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::debug!(%uri, %error, cause, "no commit for this image");
                None
            }
        }
    }

    /// What was found out before.
    fn commits(&self) -> MutexGuard<'_, HashMap<Digest, Option<ReleaseHash>>> {
        self.shared.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks through index, manifest and configuration, in this order.
    async fn look_up(
        &self,
        repository: &EcrRepository,
        digest: &Digest,
    ) -> Result<Option<ReleaseHash>, LookupError> {
        let mut manifest = self.manifest(repository, digest).await?;
        if manifest.revision.is_none()
            && let Some(image) = manifest.platforms.first()
        {
            manifest = self.manifest(repository, &image.clone()).await?;
        }
        match manifest {
            Manifest { revision: Some(revision), .. } => Ok(Some(revision)),
            Manifest { config: Some(config), .. } => {
                let config = self.blob(repository, &config).await?;
                Ok(revision_of_config(&config))
            }
            _ => Ok(None),
        }
    }

    /// A manifest by digest.
    async fn manifest(
        &self,
        repository: &EcrRepository,
        digest: &Digest,
    ) -> Result<Manifest, LookupError> {
        if let Some(kept) = self.kept_manifest(digest) {
            return Ok(kept);
        }
        let (images, _) = self.images(repository, vec![identifier(None, Some(digest))]).await?;
        let text = images.first().and_then(|image| image.image_manifest());
        text.and_then(|text| self.keep_manifest(digest, text))
            .ok_or_else(|| LookupError::Absent(digest.clone()))
    }

    /// A blob by digest. The URL that ECR gives is a secret for as long as it works; it goes into
    /// no message.
    async fn blob(
        &self,
        repository: &EcrRepository,
        digest: &Digest,
    ) -> Result<Bytes, LookupError> {
        let ecr = self.in_region(&repository.region);
        let http = &self.shared.http;
        let request = ecr
            .client
            .get_download_url_for_layer()
            .registry_id(repository.account.as_str())
            .repository_name(&repository.name)
            .layer_digest(digest.as_str());
        let answer = ecr
            .session
            .call(GET_DOWNLOAD_URL_FOR_LAYER, || {
                request.clone().customize().interceptor(http.clone()).send()
            })
            .await?;
        let absent = || LookupError::Absent(digest.clone());
        let blob = http.download(answer.download_url().ok_or_else(absent)?).await?;
        if digest_of(&blob) == digest.as_str() { Ok(blob) } else { Err(absent()) }
    }
}
