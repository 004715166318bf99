//! Service revisions: what a deployment is to run, and never changes again, but for the digests
//! that its first pull finds.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A container of a task definition, as far as a rollout depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox::ecs) struct ContainerSpec {
    /// Its name.
    pub(in crate::sandbox::ecs) name: String,
    /// The image as the task definition writes it.
    pub(in crate::sandbox::ecs) image: String,
    /// Whether the task stops when it exits.
    pub(in crate::sandbox::ecs) essential: bool,
    /// Whether the task definition gives it a health check.
    pub(in crate::sandbox::ecs) checked: bool,
    /// Whether all tasks of a deployment run the digest that the first one found: the task
    /// definition's `versionConsistency`, which is on unless it says `disabled`.
    pub(in crate::sandbox::ecs) consistent: bool,
}

impl ContainerSpec {
    /// What is pulled: the image as written, or `repository@digest` once a digest is fixed.
    pub(in crate::sandbox::ecs) fn reference(&self, digest: Option<&str>) -> String {
        digest.map_or_else(|| self.image.clone(), |digest| pinned(&self.image, digest))
    }
}

/// An image URI with its tag or digest replaced.
pub(super) fn pinned(image: &str, digest: &str) -> String {
    let name = image.split('@').next().unwrap_or(image);
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    let tag = name.get(last..).and_then(|rest| rest.find(':')).map(|colon| last + colon);
    format!("{}@{digest}", name.get(..tag.unwrap_or(name.len())).unwrap_or(name))
}

/// One service revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox::ecs) struct Revision {
    /// Ends its ARN, and the id of the deployment that made it.
    pub(in crate::sandbox::ecs) number: u64,
    /// The full ARN.
    pub(in crate::sandbox::ecs) task_definition: String,
    /// When it was made.
    pub(in crate::sandbox::ecs) created_at: Timestamp,
    /// What its tasks consist of.
    pub(in crate::sandbox::ecs) containers: Vec<ContainerSpec>,
    /// Per container the digest that the deployment's first pull found.
    pub(in crate::sandbox::ecs) digests: Vec<Option<String>>,
    /// The service's settings at that time, as the API tells them.
    pub(in crate::sandbox::ecs) snapshot: serde_json::Value,
}

impl Revision {
    /// The digest that is fixed for the container at `index`.
    pub(in crate::sandbox::ecs) fn digest(&self, index: usize) -> Option<&str> {
        self.digests.get(index).and_then(Option::as_deref)
    }

    /// Fixes the digests of a first pull; those that are fixed stay.
    pub(super) fn fix(&mut self, found: &[Option<String>]) {
        self.digests.resize(self.containers.len(), None);
        for ((slot, found), container) in self.digests.iter_mut().zip(found).zip(&self.containers) {
            if slot.is_none() && container.consistent {
                slot.clone_from(found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_replaces_the_tag_only() {
        for (image, expected) in [
            ("app", "app@sha256:1"),
            ("host:5000/a/b:v1", "host:5000/a/b@sha256:1"),
            ("host/a@sha256:0", "host/a@sha256:1"),
            ("host:5000/a", "host:5000/a@sha256:1"),
        ] {
            assert_eq!(pinned(image, "sha256:1"), expected);
        }
    }
}
