//! What labels point to, and every image that was ever registered.

use serde::{Deserialize, Serialize};

use super::Record;
use crate::model::{ImageId, LabelRecord};

/// What a label points to for one image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct LabelItem {
    /// The image.
    pub(in super::super) image: ImageId,
    /// What it points to.
    #[serde(flatten)]
    pub(in super::super) record: LabelRecord,
}

impl Record for LabelItem {
    const TYPE: &'static str = "label";
}

/// An image as it was registered; never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(in super::super) struct ArtifactRecord(pub(in super::super) LabelRecord);

impl Record for ArtifactRecord {
    const TYPE: &'static str = "artifact";
}
