//! Image manifests: what kind one is, and what it refers to.
//!
//! Nothing here changes a manifest; what is read from it is used beside its bytes, never instead of
//! them.

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::fault;
use crate::sandbox::call::Fault;

/// Media types of manifests of one image.
const IMAGES: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
];
/// Media types of lists of manifests.
const INDEXES: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
];
/// Bytes that a manifest may have.
const MAX_LENGTH: usize = 4_194_304;

/// What a manifest tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    /// Its media type.
    pub(super) media_type: String,
    /// What the image is, beyond being an image: the configuration's media type, or the one that
    /// the manifest names itself.
    pub(super) artifact_type: Option<String>,
    /// The manifest that this one is about, for signatures and the like.
    pub(super) subject: Option<String>,
    /// What it refers to.
    pub(super) content: Content,
}

/// What a manifest refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// One image.
    Image {
        /// Digests of the configuration and the layers that the repository must have.
        blobs: Vec<String>,
        /// Bytes of all of them together.
        size: u64,
    },
    /// A list of images.
    Index {
        /// Digests of their manifests.
        children: Vec<String>,
    },
}

/// The members of a manifest that matter here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    /// Always 2.
    schema_version: u64,
    /// The media type, which an OCI manifest may leave out.
    media_type: Option<String>,
    /// What the image is, in newer OCI manifests.
    artifact_type: Option<String>,
    /// The configuration, of an image.
    config: Option<Descriptor>,
    /// The layers, of an image.
    layers: Option<Vec<Descriptor>>,
    /// The manifests, of a list.
    manifests: Option<Vec<Descriptor>>,
    /// The manifest that this one is about.
    subject: Option<Descriptor>,
}

/// A reference to a blob or a manifest.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    /// What it is.
    media_type: Option<String>,
    /// Its digest.
    digest: String,
    /// Its bytes.
    #[serde(default)]
    size: u64,
    /// Where else it is: such a layer need not be in the repository.
    #[serde(default)]
    urls: Vec<String>,
}

impl Manifest {
    /// Reads a manifest; `declared` is the media type that came beside it.
    pub(super) fn read(text: &str, declared: Option<&str>) -> Result<Self, Fault> {
        if !(1..=MAX_LENGTH).contains(&text.len()) {
            return Err(malformed("it must have 1 to 4194304 characters"));
        }
        let raw: Raw = serde_json::from_str(text)
            .map_err(|_not_a_manifest| malformed("Invalid JSON syntax"))?;
        let media_type = media_type(raw.media_type.as_deref(), declared)?.to_owned();
        if raw.schema_version != 2 {
            return Err(malformed("schemaVersion must be 2"));
        }
        let config_type = raw.config.as_ref().and_then(|config| config.media_type.clone());
        let content = if INDEXES.contains(&media_type.as_str()) {
            let manifests = raw.manifests.ok_or_else(|| malformed("a list has manifests"))?;
            Content::Index { children: digests(&manifests)? }
        } else {
            let config = raw.config.ok_or_else(|| malformed("an image has a config"))?;
            let mut blobs = raw.layers.ok_or_else(|| malformed("an image has layers"))?;
            blobs.insert(0, config);
            let size = blobs.iter().fold(0, |sum: u64, blob| sum.saturating_add(blob.size));
            blobs.retain(|blob| blob.urls.is_empty());
            Content::Image { blobs: digests(&blobs)?, size }
        };
        Ok(Self {
            media_type,
            artifact_type: raw.artifact_type.or(config_type),
            subject: raw.subject.map(|subject| subject.digest),
            content,
        })
    }
}

/// The manifest's media type: told by itself, by the request, or by both alike.
fn media_type<'a>(inside: Option<&'a str>, declared: Option<&'a str>) -> Result<&'a str, Fault> {
    let rule = |rule: String| fault::invalid("imageManifestMediaType", rule);
    let media_type = match (inside, declared) {
        (Some(inside), Some(declared)) if inside != declared => {
            return Err(rule(format!("the manifest itself says {inside}")));
        }
        (Some(media_type), _) | (None, Some(media_type)) => media_type,
        (None, None) => {
            return Err(rule("it is needed for a manifest without a mediaType".to_owned()));
        }
    };
    if IMAGES.contains(&media_type) || INDEXES.contains(&media_type) {
        return Ok(media_type);
    }
    Err(rule(format!("{media_type} is not supported")))
}

/// The digests of some references.
fn digests(references: &[Descriptor]) -> Result<Vec<String>, Fault> {
    let all = references.iter().map(|reference| &reference.digest);
    match all.clone().find(|digest| !is_digest(digest)) {
        Some(digest) => Err(malformed(&format!("{digest} is not a digest"))),
        None => Ok(all.cloned().collect()),
    }
}

/// Says what is wrong with a manifest.
fn malformed(rule: &str) -> Fault {
    fault::invalid("ImageManifest", rule)
}

/// The digest of some bytes.
pub(super) fn digest_of(bytes: &[u8]) -> String {
    let digits = Sha256::digest(bytes).into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let hex: String = digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect();
    format!("sha256:{hex}")
}

/// Whether a text is a SHA-256 digest.
pub(super) fn is_digest(text: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && hex.bytes().all(is_hex))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn digest(c: char) -> String {
        format!("sha256:{}", c.to_string().repeat(64))
    }

    fn read(manifest: &Value, declared: Option<&str>) -> Result<Manifest, Fault> {
        Manifest::read(&manifest.to_string(), declared)
    }

    #[test]
    fn a_digest_is_the_sha_256_of_the_bytes() {
        // The test vector of FIPS 180-2 for "abc".
        let expected = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest_of(b"abc"), expected);
        assert!(is_digest(expected));
        for text in ["sha256:BA78", "sha512:00", "ba7816bf", &expected.to_uppercase()] {
            assert!(!is_digest(text), "{text}");
        }
    }

    #[test]
    fn an_image_tells_its_blobs_and_a_list_its_manifests() {
        let config_type = "application/vnd.oci.image.config.v1+json";
        let image = json!({"schemaVersion": 2, "mediaType": IMAGES[1],
        "config": {"mediaType": config_type, "digest": digest('a'), "size": 3},
        "layers": [
            {"digest": digest('b'), "size": 4},
            {"digest": digest('c'), "size": 5, "urls": ["https://elsewhere"]},
        ]});
        let read_image = read(&image, None).unwrap();
        let blobs = vec![digest('a'), digest('b')];
        assert_eq!(read_image.content, Content::Image { blobs, size: 12 });
        assert_eq!(read_image.artifact_type.as_deref(), Some(config_type));
        let list = json!({"schemaVersion": 2, "manifests": [{"digest": digest('d')}]});
        let children = vec![digest('d')];
        let read_list = read(&list, Some(INDEXES[1])).unwrap();
        assert_eq!(read_list.content, Content::Index { children });
    }

    #[test]
    fn the_media_type_is_told_once_or_twice_alike() {
        let bare = json!({"schemaVersion": 2, "config": {"digest": digest('a')}, "layers": []});
        let mut named = bare.clone();
        named["mediaType"] = json!(IMAGES[0]);
        assert_eq!(read(&bare, Some(IMAGES[1])).unwrap().media_type, IMAGES[1]);
        assert_eq!(read(&named, None).unwrap().media_type, IMAGES[0]);
        assert_eq!(read(&named, Some(IMAGES[0])).unwrap().media_type, IMAGES[0]);
        assert!(read(&named, Some(IMAGES[1])).is_err());
        assert!(read(&bare, None).is_err());
        assert!(read(&bare, Some("text/plain")).is_err());
    }

    #[test]
    fn nonsense_is_refused() {
        let oci = Some(IMAGES[1]);
        for (text, declared) in [
            ("", oci),
            ("{", oci),
            ("[]", oci),
            ("{}", oci),
            (r#"{"schemaVersion": 1, "config": {"digest": "x"}, "layers": []}"#, oci),
            (r#"{"schemaVersion": 2, "config": {"digest": "x"}, "layers": []}"#, oci),
            (r#"{"schemaVersion": 2, "layers": []}"#, oci),
            (r#"{"schemaVersion": 2, "config": {"digest": "x"}}"#, Some(INDEXES[0])),
        ] {
            assert!(Manifest::read(text, declared).is_err(), "{text}");
        }
    }
}
