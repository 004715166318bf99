//! What a label points to, as it is recorded.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    actor::Actor,
    image::{Digest, ImageUri, ReleaseHash},
};

/// An image at the moment a label was set to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelRecord {
    /// The URI as registered, byte for byte.
    pub uri: ImageUri,
    /// The digest it resolved to; none only for a registry that could not be asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digest: Option<Digest>,
    /// The version of the code.
    pub release_hash: ReleaseHash,
    /// Who set the label.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}
