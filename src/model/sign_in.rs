//! How a caller came to its credentials, and how long they are good for.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::id::AccountId;

/// What to do where this is another account than the manifest's. The manifest's comes first: it is
/// there so that nobody writes into another.
#[must_use]
pub fn other_account(expected: &AccountId, found: &AccountId) -> String {
    format!(
        "sign in to account {expected}: with another `AWS_PROFILE`, or with a `profile` or `role_arn` \
         there in the manifest; change `account` only where {found} is meant"
    )
}

/// A place that credentials come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialSource {
    /// `AWS_ACCESS_KEY_ID` and its companions.
    EnvironmentKeys,
    /// A profile of the shared configuration files, by its name; nothing where it is the default one.
    Profile(Option<String>),
    /// Single sign-on.
    SingleSignOn,
    /// A token of an OIDC provider, as CI jobs have one.
    WebIdentity,
    /// A program that a profile names.
    Process,
    /// The container's agent, as for tasks of ECS and pods of EKS.
    Container,
    /// EC2's metadata service.
    Instance,
    /// A role that a profile names.
    ProfileRole,
    /// A role that the manifest names, by its ARN.
    Role(String),
    /// The sandbox, which takes anybody.
    Sandbox,
    /// A place that this program does not know.
    Unknown,
}

impl fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EnvironmentKeys => f.write_str("keys of the environment"),
            Self::Profile(Some(name)) => write!(f, "profile `{name}`"),
            Self::Profile(None) => f.write_str("the default profile"),
            Self::SingleSignOn => f.write_str("single sign-on"),
            Self::WebIdentity => f.write_str("a web identity token (OIDC)"),
            Self::Process => f.write_str("a credential process"),
            Self::Container => f.write_str("the container's role"),
            Self::Instance => f.write_str("the instance's role"),
            Self::ProfileRole => f.write_str("the profile's role"),
            Self::Role(arn) => write!(f, "role `{arn}`"),
            Self::Sandbox => f.write_str("the sandbox"),
            Self::Unknown => f.write_str("a way this program does not know"),
        }
    }
}

/// Credentials, without what is secret of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignIn {
    /// Where they come from, one after the other: a role is taken on with what came before it.
    pub sources: Vec<CredentialSource>,
    /// When they end, where that is told.
    pub until: Option<Timestamp>,
    /// Whether they are temporary and cannot be renewed: a session in the environment's variables.
    pub is_fixed: bool,
}

impl SignIn {
    /// The sources in words.
    #[must_use]
    pub fn by(&self) -> String {
        let sources: Vec<String> = self.sources.iter().map(ToString::to_string).collect();
        sources.join(", then ")
    }
}
