//! What a command is about: all services, a set, or one service.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::{ServiceId, ServiceSetId};

/// The first argument of `deploy` and `status`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum Selection {
    /// Every service of the project.
    All,
    /// The services of one set.
    Set(ServiceSetId),
    /// One service.
    Service(ServiceId),
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Set(set) => set.fmt(f),
            Self::Service(service) => service.fmt(f),
        }
    }
}
