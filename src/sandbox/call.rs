//! One request to an emulated service, and the errors that a service answers with.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    SandboxError,
    credential::{DEFAULT_ACCOUNT, DEFAULT_REGION},
    region,
};

/// Whose resources a request is about. Resources of different scopes do not see each other, with
/// the exception of ECR images, which any account may pull.
///
/// In JSON, a member that is left out is the default's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scope {
    /// The account, 12 digits, told by the access key that signed the request.
    pub account: String,
    /// The region, told by the credential scope of the signature.
    pub region: String,
}

impl Default for Scope {
    /// That of requests which nobody signed.
    fn default() -> Self {
        Self { account: DEFAULT_ACCOUNT.to_owned(), region: DEFAULT_REGION.to_owned() }
    }
}

impl Scope {
    /// The start of every key of an entity in this scope.
    pub(crate) fn key(&self, rest: &str) -> String {
        format!("{}/{}/{rest}", self.account, self.region)
    }

    /// The ARN of a service's resource here, in the partition of the region.
    #[must_use]
    pub fn arn(&self, service: &str, resource: &str) -> String {
        let Self { account, region } = self;
        format!("arn:{}:{service}:{region}:{account}:{resource}", region::partition(region))
    }

    /// The ARN of a resource of IAM's in this account: IAM has no regions.
    #[must_use]
    pub fn iam_arn(&self, resource: &str) -> String {
        let Self { account, region } = self;
        format!("arn:{}:iam::{account}:{resource}", region::partition(region))
    }

    /// The host of the account's registry here.
    #[must_use]
    pub fn registry(&self) -> String {
        let Self { account, region } = self;
        format!("{account}.dkr.ecr.{region}.{}", region::domain(region))
    }
}

/// A request, once it is known which service and operation it is for.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Whose resources.
    pub(crate) scope: Scope,
    /// The operation, for example `UpdateService`.
    pub(crate) operation: String,
    /// The body as it came.
    pub(crate) body: Bytes,
    /// The sandbox's clock at the moment of the request.
    pub(crate) now: Timestamp,
    /// The ARN of the caller, for `registeredBy`, `LastModifiedUser` and `GetCallerIdentity`.
    pub(crate) caller: String,
}

/// An error in the emulated API's own form.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The service answers with an error.
    Answer {
        /// HTTP status.
        status: u16,
        /// The error's shape name, for example `ServiceNotFoundException`.
        code: String,
        /// The rest of the error's members as JSON, `message` included.
        members: serde_json::Map<String, serde_json::Value>,
    },
    /// The sandbox itself failed; the request's effects are undone and it is answered with a 500.
    Sandbox(SandboxError),
}

impl Fault {
    /// A client error with nothing but a message.
    pub(crate) fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        let members = [("message".to_owned(), serde_json::Value::from(message.into()))];
        Self::Answer { status: 400, code: code.into(), members: members.into_iter().collect() }
    }
}

impl From<SandboxError> for Fault {
    fn from(error: SandboxError) -> Self {
        Self::Sandbox(error)
    }
}
