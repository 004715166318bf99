//! Who does something, and from where.

use serde::{Deserialize, Serialize};

use super::id::AccountId;

/// The person or job behind a change.
///
/// What AWS proves (`arn`) is kept apart from what the surroundings merely claim (`name`, `ci`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Actor {
    /// How people know them: git's `Name <mail>`, the CI actor, or the login name.
    pub name: String,
    /// The caller's ARN as STS tells it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub arn: Option<String>,
    /// The machine the command ran on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub host: Option<String>,
    /// The CI job the command ran in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ci: Option<CiJob>,
}

impl Actor {
    /// The account that they worked in, as the ARN tells it.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        AccountId::new(self.arn.as_deref()?.split(':').nth(4)?).ok()
    }
}

/// A CI job, read from the variables its system sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CiJob {
    /// The system's name, for example `GitHub Actions`.
    pub system: String,
    /// A link to the job.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
}
