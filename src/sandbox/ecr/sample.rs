//! Small images that are whole: a configuration with labels, a layer with a file, a manifest.
//!
//! Invariant: the bytes depend on repository, tag and revision alone, and differ when one of them
//! does.

use serde_json::{Map, Value, json};

use super::manifest::digest_of;

/// The label and annotation that names the version of the code an image was built from.
const REVISION: &str = "org.opencontainers.image.revision";

/// The parts of an image, ready to be pushed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sample {
    /// The configuration, a layer among others for the registry.
    pub(super) config: Vec<u8>,
    /// The only layer of files.
    pub(super) layer: Vec<u8>,
    /// The manifest.
    pub(super) manifest: String,
}

impl Sample {
    /// An image of a repository.
    pub(super) fn new(repository: &str, tag: &str, revision: Option<&str>) -> Self {
        let mut labels = Map::new();
        labels.insert("org.opencontainers.image.title".to_owned(), json!(repository));
        labels.insert("org.opencontainers.image.version".to_owned(), json!(tag));
        labels.extend(revision.map(|revision| (REVISION.to_owned(), json!(revision))));
        let layer = tar("etc/release", &Value::from(labels.clone()).to_string());
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": { "Labels": labels, "Entrypoint": ["/bin/app"] },
            "rootfs": { "type": "layers", "diff_ids": [digest_of(&layer)] },
        })
        .to_string()
        .into_bytes();
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &layer)],
        });
        if let (Some(revision), Value::Object(members)) = (revision, &mut manifest) {
            members.insert("annotations".to_owned(), json!({ REVISION: revision }));
        }
        Self { config, layer, manifest: manifest.to_string() }
    }
}

/// A reference to some bytes.
fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": digest_of(bytes), "size": bytes.len() })
}

/// Bytes of a block of a tar archive.
const BLOCK: usize = 512;

/// A tar archive with one file in it, as POSIX.1-1988 has it ("ustar").
fn tar(path: &str, content: &str) -> Vec<u8> {
    let mut header = Vec::with_capacity(BLOCK);
    let before = [
        (path.to_owned(), 100),
        ("0000644".to_owned(), 8),
        ("0000000".to_owned(), 8),
        ("0000000".to_owned(), 8),
        (format!("{:011o}", content.len()), 12),
        (format!("{:011o}", 0), 12),
    ];
    for (text, width) in before {
        field(&mut header, &text, width);
    }
    let mut rest = Vec::new();
    for (text, width) in [("0", 1), ("", 100), ("ustar", 6), ("00", 2), ("", 247)] {
        field(&mut rest, text, width);
    }
    // The sum is of the header with eight spaces in the sum's own place.
    let sum: u32 = header.iter().chain(&rest).map(|byte| u32::from(*byte)).sum();
    field(&mut header, &format!("{:06o}\0 ", sum + 8 * u32::from(b' ')), 8);
    header.extend(rest);
    let mut archive = header;
    archive.extend(content.as_bytes());
    let padded = archive.len().next_multiple_of(BLOCK);
    // Two empty blocks are the archive's end.
    archive.resize(padded + 2 * BLOCK, 0);
    archive
}

/// Appends a text, filled up with zeros.
fn field(header: &mut Vec<u8>, text: &str, width: usize) {
    let end = header.len() + width;
    header.extend(text.as_bytes());
    header.resize(end, 0);
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_repository_tag_and_revision_has_bytes_of_its_own() {
        let sample = |(repository, tag, revision): (&str, &str, Option<&str>)| {
            Sample::new(repository, tag, revision).manifest
        };
        let all = [("a", "1", None), ("a", "1", Some("r")), ("a", "2", None), ("b", "1", None)];
        let manifests: HashSet<_> = all.into_iter().map(sample).collect();
        assert_eq!(manifests.len(), all.len());
        assert!(all.into_iter().map(sample).all(|manifest| manifests.contains(&manifest)));
    }

    #[test]
    fn the_layer_is_a_tar_archive() {
        let archive = tar("etc/release", "hello");
        assert_eq!(archive.len(), 4 * BLOCK);
        assert_eq!(&archive[..11], b"etc/release");
        assert_eq!(&archive[124..136], b"00000000005\0");
        assert_eq!(&archive[257..263], b"ustar\0");
        assert_eq!(&archive[BLOCK..BLOCK + 5], b"hello");
        let spaced = archive[..148].iter().chain(b"        ").chain(&archive[156..BLOCK]);
        let sum: u32 = spaced.map(|byte| u32::from(*byte)).sum();
        assert_eq!(&archive[148..156], format!("{sum:06o}\0 ").as_bytes());
    }
}
