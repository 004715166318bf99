//! Releases: immutable, numbered sets of images at exact digests.

use std::{collections::BTreeMap, fmt, fmt::Write as _, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    actor::Actor,
    id::{ImageId, ProjectId},
    image::{Digest, ImageUri, ReleaseHash},
    selection::Selection,
};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $letter:literal) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&format!("{}{}", $letter, self.0))
            }
        }

        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                text.strip_prefix($letter)
                    .and_then(|digits| digits.parse().ok())
                    .filter(|number| *number > 0)
                    .map(Self)
                    .ok_or_else(|| format!("`{text}` is not `{}` and a number", $letter))
            }
        }
    };
}

number!(
    /// A release's number within its project, from 1; shown as `r12`.
    ReleaseNumber, 'r'
);
number!(
    /// A deployment's number within its project, from 1; shown as `d12`.
    DeploymentNumber, 'd'
);

/// An image at an exact digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleasedImage {
    /// The URI as registered, byte for byte.
    pub uri: ImageUri,
    /// The digest it resolved to; `None` only for a registry that could not be asked.
    pub digest: Option<Digest>,
    /// The version of the code.
    pub release_hash: ReleaseHash,
}

/// An immutable set of images for a selection of services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Its number.
    pub number: ReleaseNumber,
    /// Its project.
    pub project: ProjectId,
    /// The services it was made for.
    pub selection: Selection,
    /// Its images.
    pub images: BTreeMap<ImageId, ReleasedImage>,
    /// What makes it the same as another.
    pub fingerprint: Fingerprint,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: Actor,
    /// Why, in the words given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
}

/// The content address of a release: the same images at the same digests give the same one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// SHA-256, as 64 hexadecimal digits, over selection, image ids, URIs and digests in the order
    /// of the ids.
    ///
    /// It is kept in stores, so what is hashed never changes.
    #[must_use]
    pub fn of(selection: &Selection, images: &BTreeMap<ImageId, ReleasedImage>) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(match selection {
            Selection::All => "all\n".to_owned(),
            Selection::Set(id) => format!("set\t{id}\n"),
            Selection::Service(id) => format!("service\t{id}\n"),
        });
        for (id, image) in images {
            let digest = image.digest.as_ref().map_or("-", Digest::as_str);
            hasher.update(format!("{id}\t{}\t{digest}\n", image.uri));
        }
        let mut text = String::with_capacity(64);
        for byte in hasher.finalize() {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// The fingerprint as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(uri: &str) -> ReleasedImage {
        let uri = ImageUri::parse(uri).unwrap();
        ReleasedImage { release_hash: uri.release_hash(), digest: uri.digest().cloned(), uri }
    }

    #[test]
    fn numbers_round_trip() {
        assert_eq!("r12".parse::<ReleaseNumber>().unwrap().to_string(), "r12");
        assert_eq!(format!("{:<5}|", DeploymentNumber(7)), "d7   |");
        for text in ["12", "r0", "d1", "r", "r-1"] {
            assert!(text.parse::<ReleaseNumber>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_same_content_has_the_same_fingerprint() {
        let one = |uri: &str| BTreeMap::from([(ImageId::new("a").unwrap(), image(uri))]);
        let of = |uri| Fingerprint::of(&Selection::All, &one(uri));
        assert_eq!(of("a:1"), of("a:1"));
        assert_ne!(of("a:1"), of("a:2"));
        assert_eq!(of("a:1").as_str().len(), 64);
    }

    #[test]
    fn the_selection_is_part_of_the_fingerprint() {
        let id = "web";
        let selections = [
            Selection::All,
            Selection::Set(id.parse().unwrap()),
            Selection::Service(id.parse().unwrap()),
        ];
        let of = selections.map(|selection| Fingerprint::of(&selection, &BTreeMap::new()));
        assert_ne!(of[0], of[1]);
        assert_ne!(of[1], of[2]);
        assert_eq!(
            of[0].as_str(),
            "722cdd399249d70c5dac1ff2b103a0b271d8fb9816fa52af6ce6b88eda1d389a",
            "stores hold fingerprints made by earlier versions"
        );
    }
}
