//! What a rollout sees of the rest of the sandbox: images, their fates, and the pace.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    super::fate::{Fate, Fates},
    pace::Pace,
    revision::pinned,
};

/// The world at the time of a request, as plain data, so that rollouts stay pure.
#[derive(Debug, Clone, Default)]
pub(in crate::sandbox::ecs) struct World {
    /// How long things take.
    pub(in crate::sandbox::ecs) pace: Pace,
    /// The digest of every image that may be pulled, by the reference it is pulled by; an image
    /// that is not here cannot be found.
    pub(in crate::sandbox::ecs) images: BTreeMap<String, String>,
    /// What becomes of tasks, by image.
    pub(in crate::sandbox::ecs) fates: Fates,
}

impl World {
    /// Adds an image that can be pulled, by the reference given and by its digest: a deployment
    /// that finds the digest pulls by it from then on.
    pub(in crate::sandbox::ecs) fn add(&mut self, reference: &str, digest: &str) {
        self.images.insert(pinned(reference, digest), digest.to_owned());
        self.images.insert(reference.to_owned(), digest.to_owned());
    }

    /// Pulls an image at a moment: its digest, and what becomes of the container; or ECS's words
    /// on why it cannot be pulled.
    pub(super) fn pull(
        &self,
        image: &str,
        reference: &str,
        moment: Timestamp,
    ) -> Result<(String, Fate), String> {
        let fate = self.fates.of(image, moment);
        match self.images.get(reference) {
            Some(digest) if fate != Fate::Unpullable => Ok((digest.clone(), fate)),
            _ => Err(format!(
                "CannotPullContainerError: pull image manifest has been retried 1 time(s): \
                 failed to resolve ref {reference}: {reference}: not found"
            )),
        }
    }
}
