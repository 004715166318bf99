//! Image URIs, digests and release hashes.
//!
//! An [`ImageUri`] keeps the text exactly as it was given: the same bytes go to SSM and into the
//! task definition, so that Terraform sees no difference.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::id::{AccountId, Region};

/// Why a text is not an image URI that can be registered or deployed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageUriError {
    /// Neither a tag nor a digest says which image is meant.
    #[error("`{0}` names no tag and no digest")]
    NoVersion(String),
    /// The text is not of the form `[registry/]repository[:tag][@sha256:…]`.
    #[error("`{uri}` is not an image URI: {reason}")]
    Malformed {
        /// The text as given.
        uri: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// `[registry/]repository(:tag|@digest|:tag@digest)`, kept byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageUri {
    /// The text as given.
    text: String,
    /// Bytes of the repository part, registry host included.
    repository_end: usize,
    /// Bytes where the tag begins and ends, if there is one.
    tag: Option<(usize, usize)>,
    /// The digest, if the URI is pinned.
    digest: Option<Digest>,
}

/// Repository and tag rules are those of the OCI distribution specification, section "Pulling
/// manifests": lower-case path components, and tags of at most 128 characters.
impl ImageUri {
    /// Parses and checks a URI.
    ///
    /// # Errors
    /// Fails when the text is malformed, or has neither tag nor digest.
    pub fn parse(text: impl Into<String>) -> Result<Self, ImageUriError> {
        let text = text.into();
        let malformed = |reason| ImageUriError::Malformed { uri: text.clone(), reason };
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => {
                let digest = Digest::parse(digest)
                    .ok_or_else(|| malformed("a digest is `sha256:` and 64 hexadecimal digits"))?;
                (name, Some(digest))
            }
            None => (text.as_str(), None),
        };
        let last_slash = name.rfind('/').map_or(0, |at| at + 1);
        let colon =
            name.get(last_slash..).and_then(|last| last.find(':')).map(|at| at + last_slash);
        let repository_end = colon.unwrap_or(name.len());
        let repository = name.get(..repository_end).unwrap_or_default();
        check_repository(repository).map_err(malformed)?;
        let tag = colon.map(|at| (at + 1, name.len()));
        if let Some((from, to)) = tag {
            check_tag(name.get(from..to).unwrap_or_default()).map_err(malformed)?;
        }
        if tag.is_none() && digest.is_none() {
            return Err(ImageUriError::NoVersion(text));
        }
        Ok(Self { text, repository_end, tag, digest })
    }

    /// The text exactly as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Registry host and repository, without tag and digest.
    #[must_use]
    pub fn repository(&self) -> &str {
        self.text.get(..self.repository_end).unwrap_or_default()
    }

    /// The tag, if the URI has one.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.and_then(|(from, to)| self.text.get(from..to))
    }

    /// The digest, if the URI is pinned to one.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The private ECR repository this image lives in, or `None` for any other registry.
    #[must_use]
    pub fn ecr(&self) -> Option<EcrRepository> {
        EcrRepository::parse(self.repository())
    }

    /// The release hash that the URI alone tells: its tag, or the start of its digest.
    #[must_use]
    pub fn release_hash(&self) -> ReleaseHash {
        match (self.tag(), &self.digest) {
            (Some(tag), _) => ReleaseHash::new(tag),
            (None, Some(digest)) => ReleaseHash::new(digest.short()),
            (None, None) => ReleaseHash::new(self.as_str()),
        }
    }
}

/// Checks registry host and repository path.
fn check_repository(repository: &str) -> Result<(), &'static str> {
    if repository.is_empty() {
        return Err("the repository is missing");
    }
    if repository.contains("://") {
        return Err("it has no scheme such as `https://`");
    }
    let mut components = repository.split('/');
    let first = components.next().unwrap_or_default();
    let has_host = repository.contains('/') && (first.contains(['.', ':']) || first == "localhost");
    let path: Vec<&str> =
        if has_host { components.collect() } else { repository.split('/').collect() };
    let host_is_sound = !has_host
        || first.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':'));
    if !host_is_sound {
        return Err("the registry host has a character that no host name has");
    }
    let sound = |component: &&str| {
        !component.is_empty()
            && component.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && component.chars().all(|c| {
                c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-')
            })
    };
    if path.is_empty() || !path.iter().all(sound) {
        return Err("a repository is lower-case letters, digits, `.`, `_`, `-` and `/`");
    }
    Ok(())
}

/// Checks a tag.
fn check_tag(tag: &str) -> Result<(), &'static str> {
    let first = tag.chars().next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    let rest = tag.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    if first && rest && tag.len() <= 128 {
        return Ok(());
    }
    Err("a tag is at most 128 letters, digits, `_`, `.` and `-`, and begins with none of `.-`")
}

impl fmt::Display for ImageUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl FromStr for ImageUri {
    type Err = ImageUriError;
    fn from_str(text: &str) -> Result<Self, ImageUriError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for ImageUri {
    type Error = ImageUriError;
    fn try_from(text: String) -> Result<Self, ImageUriError> {
        Self::parse(text)
    }
}

impl From<ImageUri> for String {
    fn from(uri: ImageUri) -> Self {
        uri.text
    }
}

/// An image's content address, `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// Parses a digest; `None` when the text is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("sha256:")?;
        let sound = hex.len() == 64
            && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        sound.then(|| Self(text.to_owned()))
    }

    /// The digest as text, `sha256:` included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 12 hexadecimal digits, for people to read.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(7..19).unwrap_or(&self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for Digest {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is not a sha256 digest"))
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

/// The version of the code an image was built from: usually a git commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReleaseHash(String);

impl ReleaseHash {
    /// Takes any text: it is shown, and looked up in git where it can be.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The hash as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The hash for people to read: a full 40-digit commit is cut to 7 digits.
    #[must_use]
    pub fn short(&self) -> &str {
        let commit = self.0.len() == 40 && self.0.bytes().all(|b| b.is_ascii_hexdigit());
        if commit { self.0.get(..7).unwrap_or(&self.0) } else { &self.0 }
    }
}

impl fmt::Display for ReleaseHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Where a private ECR repository is: read from the host of an image URI.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EcrRepository {
    /// The account that owns the registry.
    pub account: AccountId,
    /// The registry's region.
    pub region: Region,
    /// The repository's name, without host.
    pub name: String,
}

impl EcrRepository {
    /// Reads a repository without tag and digest, `<account>.dkr.ecr[-fips].<region>.amazonaws.com[.cn]/<name>`.
    #[must_use]
    pub fn parse(repository: &str) -> Option<Self> {
        let (host, name) = repository.split_once('/')?;
        let mut parts = host.split('.');
        let account = AccountId::new(parts.next()?).ok()?;
        let is_ecr =
            parts.next() == Some("dkr") && matches!(parts.next(), Some("ecr" | "ecr-fips"));
        let region = Region::new(parts.next()?).ok()?;
        let rest: Vec<&str> = parts.collect();
        let in_aws = matches!(rest.as_slice(), ["amazonaws", "com"] | ["amazonaws", "com", "cn"]);
        (is_ecr && in_aws && !name.is_empty()).then(|| Self {
            account,
            region,
            name: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn a_uri_keeps_its_bytes_and_tells_its_parts() {
        let text =
            "111111111111.dkr.ecr.eu-west-1.amazonaws.com/uk.ac.wellcome/bag_register:4246187";
        let uri = ImageUri::parse(text).unwrap();
        assert_eq!(uri.as_str(), text);
        assert_eq!(uri.tag(), Some("4246187"));
        assert_eq!(uri.ecr().unwrap().name, "uk.ac.wellcome/bag_register");
        assert_eq!(uri.release_hash().as_str(), "4246187");
    }

    #[test]
    fn a_port_is_no_tag() {
        let uri = ImageUri::parse("localhost:5000/app:v1").unwrap();
        assert_eq!(uri.repository(), "localhost:5000/app");
        assert_eq!(uri.tag(), Some("v1"));
        assert!(uri.ecr().is_none());
        assert!(matches!(ImageUri::parse("localhost:5000/app"), Err(ImageUriError::NoVersion(_))));
    }

    #[test]
    fn a_digest_pins() {
        let uri = ImageUri::parse(format!("public.ecr.aws/nginx/nginx:1.27@{DIGEST}")).unwrap();
        assert_eq!(uri.digest().unwrap().short(), "0123456789ab");
        assert_eq!(uri.repository(), "public.ecr.aws/nginx/nginx");
    }

    #[test]
    fn nonsense_is_refused() {
        for text in
            ["", ":tag", "Upper/case:1", "https://x/y:1", "a@sha256:12", "a:b:c", "a//b:1", "a:-x"]
        {
            assert!(ImageUri::parse(text).is_err(), "{text:?}");
        }
    }
}
