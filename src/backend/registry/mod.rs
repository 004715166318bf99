//! Image registries: which image a URI means right now, and which commit it was built from.
//!
//! Only private ECR repositories are asked. Manifests are kept by digest, which says what is in
//! them for good; nothing that goes by a tag is kept.

mod lookup;
mod manifest;
mod resolve;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use manifest::Manifest;
pub use resolve::{RegistryError, Resolution};

use super::aws::{AwsSession, Bucket, HttpContext, Operation, Repeat};
use crate::model::{Digest, Region, ReleaseHash};

const BATCH_GET_IMAGE: Operation =
    Operation { name: "BatchGetImage", bucket: Bucket::ImageRead, repeat: Repeat::Harmless };
const GET_DOWNLOAD_URL_FOR_LAYER: Operation = Operation {
    name: "GetDownloadUrlForLayer",
    bucket: Bucket::LayerRead,
    repeat: Repeat::Harmless,
};

/// The registries that a session may ask. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Registry {
    /// The way to the environment's region, from which the others are reached.
    session: AwsSession,
    /// What is shared among clones.
    shared: Arc<Shared>,
}

/// What the clones of a [`Registry`] share.
#[derive(Debug, Default)]
struct Shared {
    /// ECR by region: an image may live in another region than its service.
    regions: Mutex<HashMap<Region, Regional>>,
    /// Manifests by digest.
    manifests: Mutex<HashMap<Digest, Manifest>>,
    /// Commits by image digest; `None` where an image does not tell.
    commits: Mutex<HashMap<Digest, Option<ReleaseHash>>>,
    /// What downloads are made with.
    http: HttpContext,
}

/// ECR in one region.
#[derive(Debug, Clone)]
struct Regional {
    /// The way there.
    session: AwsSession,
    /// The SDK's client.
    client: aws_sdk_ecr::Client,
}

impl Registry {
    /// The registries that a session may ask.
    #[must_use]
    pub fn new(session: AwsSession) -> Self {
        Self { session, shared: Arc::default() }
    }

    /// ECR in a region.
    fn in_region(&self, region: &Region) -> Regional {
        let mut regions = self.shared.regions.lock().unwrap_or_else(PoisonError::into_inner);
        let regional = regions.entry(region.clone()).or_insert_with(|| {
            let session = self.session.in_region(region);
            let client = aws_sdk_ecr::Client::new(session.config());
            Regional { session, client }
        });
        regional.clone()
    }

    /// Keeps a manifest, if it is what its digest says.
    fn keep_manifest(&self, digest: &Digest, text: &str) -> Option<Manifest> {
        if manifest::digest_of(text.as_bytes()) != digest.as_str() {
            tracing::warn!(%digest, "the registry returned another manifest than this");
            return None;
        }
        let manifest = Manifest::parse(text)?;
        let mut kept = self.shared.manifests.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(digest.clone(), manifest.clone());
        Some(manifest)
    }

    /// A manifest that was fetched before.
    fn kept_manifest(&self, digest: &Digest) -> Option<Manifest> {
        let kept = self.shared.manifests.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(digest).cloned()
    }
}
