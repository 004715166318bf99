//! The last numbers that were given in a project.

use serde::{Deserialize, Serialize};

use super::Record;

/// The counters of a project. They only ever grow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Counters {
    /// The last release; none when there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(in super::super) release: Option<u64>,
    /// The last deployment; none when there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(in super::super) deployment: Option<u64>,
}

impl Record for Counters {
    const TYPE: &'static str = "counters";
}
