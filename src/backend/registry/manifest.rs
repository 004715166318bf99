//! Reading image manifests, indexes and configurations (OCI image specification; Docker's older
//! formats have the same members).

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::model::{Digest, ReleaseHash};

/// The annotation and label that hold the commit (OCI image specification, "Pre-Defined
/// Annotation Keys").
const REVISION: &str = "org.opencontainers.image.revision";
/// Every manifest format there is; ECR may translate what the asker does not list, and a
/// translated manifest has another digest.
pub(super) const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// What we take from a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Manifest {
    /// The commit, where the manifest itself says.
    pub(super) revision: Option<ReleaseHash>,
    /// The image's configuration; an index has none.
    pub(super) config: Option<Digest>,
    /// The images of an index, one for each platform, the most usual one first.
    pub(super) platforms: Vec<Digest>,
}

/// A manifest or index as JSON. Members of the wrong kind make it no manifest.
#[derive(Deserialize)]
struct Raw {
    /// Free notes.
    annotations: Option<BTreeMap<String, String>>,
    /// The configuration of an image.
    config: Option<Descriptor>,
    /// The entries of an index.
    manifests: Option<Vec<Descriptor>>,
}

/// A reference to a blob or manifest.
#[derive(Deserialize)]
struct Descriptor {
    /// Its digest.
    digest: String,
    /// What it runs on.
    platform: Option<Platform>,
}

/// What an image runs on.
#[derive(Deserialize)]
struct Platform {
    /// Such as `linux`.
    os: String,
    /// Such as `amd64`.
    architecture: String,
}

impl Manifest {
    /// Reads a manifest; `None` when the text is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let raw: Raw = serde_json::from_str(text).ok()?;
        let mut entries = raw.manifests.unwrap_or_default();
        entries.retain(Descriptor::is_image);
        entries.sort_by_key(|entry| !entry.is_usual());
        Some(Self {
            revision: revision_in(raw.annotations.as_ref()),
            config: raw.config.and_then(|config| Digest::parse(&config.digest)),
            platforms: entries.iter().filter_map(|entry| Digest::parse(&entry.digest)).collect(),
        })
    }
}

impl Descriptor {
    /// Whether an entry of an index is an image. Builders put attestations beside the images, for
    /// a platform `unknown/unknown`.
    fn is_image(&self) -> bool {
        self.platform.as_ref().is_none_or(|platform| platform.os != "unknown")
    }

    /// Whether it is for the platform that most services run on.
    fn is_usual(&self) -> bool {
        self.platform
            .as_ref()
            .is_some_and(|platform| platform.os == "linux" && platform.architecture == "amd64")
    }
}

/// The commit that an image's configuration holds as a label.
pub(super) fn revision_of_config(config: &[u8]) -> Option<ReleaseHash> {
    /// The outer object.
    #[derive(Deserialize)]
    struct Image {
        /// The settings of its containers.
        config: Option<Settings>,
    }
    /// The settings of an image's containers.
    #[derive(Deserialize)]
    struct Settings {
        /// Free notes.
        #[serde(rename = "Labels")]
        labels: Option<BTreeMap<String, String>>,
    }
    let image: Image = serde_json::from_slice(config).ok()?;
    revision_in(image.config?.labels.as_ref())
}

/// The commit among notes.
fn revision_in(notes: Option<&BTreeMap<String, String>>) -> Option<ReleaseHash> {
    let revision = notes?.get(REVISION)?.trim();
    (!revision.is_empty()).then(|| ReleaseHash::new(revision))
}

/// The digest of some bytes, as text.
pub(super) fn digest_of(bytes: &[u8]) -> String {
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn digest(digit: char) -> String {
        format!("sha256:{}", digit.to_string().repeat(64))
    }

    #[test]
    fn an_index_gives_its_images_and_not_its_attestations() {
        let entry = |digit, os: &str, architecture: &str| json!({ "digest": digest(digit), "platform": { "os": os, "architecture": architecture } });
        let index = json!({ "schemaVersion": 2, "manifests": [
            entry('a', "linux", "arm64"),
            entry('b', "unknown", "unknown"),
            entry('c', "linux", "amd64"),
        ] });
        let manifest = Manifest::parse(&index.to_string()).unwrap();
        let platforms: Vec<_> = manifest.platforms.iter().map(Digest::as_str).collect();
        assert_eq!(platforms, [digest('c'), digest('a')]);
        assert_eq!((manifest.config, manifest.revision), (None, None));
    }

    #[test]
    fn a_commit_is_read_from_annotations_and_labels() {
        let notes = json!({ REVISION: " 4246187 " });
        let manifest = json!({ "config": { "digest": digest('d') }, "annotations": notes });
        let manifest = Manifest::parse(&manifest.to_string()).unwrap();
        assert_eq!(manifest.config.unwrap().as_str(), digest('d'));
        assert_eq!(manifest.revision.unwrap().as_str(), "4246187");
        let config = json!({ "config": { "Labels": notes } }).to_string();
        assert_eq!(revision_of_config(config.as_bytes()).unwrap().as_str(), "4246187");
        for other in ["{}", r#"{"config":{"Labels":null}}"#, "[", r#"{"config":{"Labels":{}}}"#] {
            assert_eq!(revision_of_config(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn a_digest_is_that_of_the_bytes() {
        assert_eq!(
            digest_of(b""),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
