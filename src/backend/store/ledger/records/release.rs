//! Releases, which never change once they are written, and what finds them by content.

use serde::{Deserialize, Serialize};

use super::Record;
use crate::model::{Release, ReleaseNumber};

/// A release is kept as the model has it.
impl Record for Release {
    const TYPE: &'static str = "release";
}

/// The release with a fingerprint. That it can be written once makes equal content one release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct FingerprintRecord {
    /// Its number.
    pub(in super::super) release: ReleaseNumber,
}

impl Record for FingerprintRecord {
    const TYPE: &'static str = "fingerprint";
}
