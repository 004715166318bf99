//! One reading of everything that can go wrong with a request to AWS.
//!
//! The kind says what may be done about it; nothing else in this program looks at error codes.

mod causes;
mod codes;
mod denial;

use std::{error::Error, fmt};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::operation::{
    RequestId as _, assume_role::AssumeRoleError,
    assume_role_with_web_identity::AssumeRoleWithWebIdentityError,
};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};

pub(super) use self::causes::{find, innermost};
pub use self::denial::Denial;
use self::{
    causes::causes,
    codes::{lost, of_answer},
};
use super::{
    absence::{NoCredentials, renewal},
    call::{Operation, Repeat},
};
use crate::model::CredentialSource;

/// What the request that shows a token to STS is called.
const WITH_WEB_IDENTITY: &str = "AssumeRoleWithWebIdentity";

/// Codes with which AWS says that a session is over.
const EXPIRED: [&str; 2] = ["ExpiredToken", "ExpiredTokenException"];
/// What the SDK says when credentials do not come in time.
const LATE_SIGN_IN: &str = "identity resolver timed out";

/// A request to AWS that failed.
#[derive(Debug)]
pub struct AwsError {
    /// Boxed, since results are passed by value through many layers.
    details: Box<Details>,
}

/// What an [`AwsError`] holds.
#[derive(Debug, PartialEq, Eq)]
struct Details {
    /// The API's name of the operation.
    operation: &'static str,
    /// What may be done about it.
    kind: FaultKind,
    /// AWS's error code, if AWS answered.
    code: Option<String>,
    /// AWS's words, or those of whatever failed on the way.
    message: String,
    /// The request's id, if AWS answered.
    request_id: Option<String>,
    /// What to do about credentials, where that is known of the way to them.
    hint: Option<String>,
    /// Whether waiting mends nothing.
    is_lasting: bool,
}

/// What sort of failure it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// Too many requests, for longer than we wait. Nothing happened.
    Throttled,
    /// The caller may not do this. Nothing happened.
    AccessDenied(Denial),
    /// What the request is about does not exist. Holds what that is, such as `cluster`.
    NotFound(&'static str),
    /// AWS takes the request for wrong. Nothing happened.
    Invalid,
    /// The request contradicts what is there. Nothing happened.
    Conflict,
    /// Somebody else is changing the same thing right now. Nothing happened.
    Busy,
    /// There are no credentials, or AWS does not accept them. Nothing happened.
    Credentials,
    /// The answer to a write was lost: the effect may have happened.
    Ambiguous,
    /// AWS could not be reached. Nothing happened.
    Unreachable,
    /// AWS failed to answer a read.
    Server,
    /// Anything else.
    Other,
}

impl AwsError {
    /// Reads what the SDK returned.
    pub(crate) fn new<E>(operation: Operation, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let request_id = error.request_id().map(str::to_owned);
        let code = error.code().map(str::to_owned);
        let message = error.message().map_or_else(|| innermost(error), str::to_owned);
        let kind = match error {
            SdkError::ServiceError(_) => {
                of_answer(operation, code.as_deref().unwrap_or_default(), &message, status)
            }
            SdkError::ResponseError(_) | SdkError::TimeoutError(_) => lost(operation),
            SdkError::DispatchFailure(_) => {
                return Self::of_dispatch(operation, error, message);
            }
            _ => FaultKind::Other,
        };
        Self {
            details: Box::new(Details {
                operation: operation.name,
                kind,
                code,
                message,
                request_id,
                hint: None,
                is_lasting: false,
            }),
        }
    }

    /// That AWS answered a read, and not what it was asked.
    pub(crate) fn unsound(operation: Operation, message: String) -> Self {
        Self {
            details: Box::new(Details {
                operation: operation.name,
                kind: FaultKind::Server,
                code: None,
                message,
                request_id: None,
                hint: None,
                is_lasting: false,
            }),
        }
    }

    /// Reads a failure on the way: of credentials, of the connection, or after it stood.
    fn of_dispatch(operation: Operation, error: &(dyn Error + 'static), message: String) -> Self {
        if let Some(refused) = find::<AssumeRoleError>(error) {
            return Self::of_role(("AssumeRole", operation), refused.meta(), error);
        }
        if let Some(refused) = find::<AssumeRoleWithWebIdentityError>(error) {
            return Self::of_role((WITH_WEB_IDENTITY, operation), refused.meta(), error);
        }
        let absent = find::<NoCredentials>(error);
        let never_connected = find::<hyper_util::client::legacy::Error>(error)
            .is_some_and(hyper_util::client::legacy::Error::is_connect);
        // The request itself was not sent where the way to credentials ended before.
        let is_late = || causes(error).any(|cause| cause.to_string().starts_with(LATE_SIGN_IN));
        let (kind, message) = match absent {
            Some(absent) if never_connected && absent.asks_aws() => {
                (FaultKind::Unreachable, absent.to_string())
            }
            Some(absent) => (FaultKind::Credentials, absent.to_string()),
            None if never_connected => (FaultKind::Unreachable, message),
            None if is_late() => (FaultKind::Unreachable, "signing in takes too long".to_owned()),
            None if find::<CredentialsError>(error).is_some() => (FaultKind::Credentials, message),
            None => (lost(operation), message),
        };
        let hint = absent.filter(|_| kind == FaultKind::Credentials).map(NoCredentials::hint);
        let hint = hint.map(str::to_owned);
        let name = operation.name;
        let details = Details {
            operation: name,
            kind,
            code: None,
            message,
            request_id: None,
            hint,
            is_lasting: false,
        };
        Self { details: Box::new(details) }
    }

    /// Reads the refusal of a role that was to be taken on before anything else could be asked.
    fn of_role(
        (name, operation): (&'static str, Operation),
        refused: &ErrorMetadata,
        error: &(dyn Error + 'static),
    ) -> Self {
        let message = refused.message().unwrap_or_default().to_owned();
        let code = refused.code().map(str::to_owned);
        // Whatever was to come after it was not sent.
        let operation = Operation { repeat: Repeat::Harmless, ..operation };
        let kind = of_answer(operation, code.as_deref().unwrap_or_default(), &message, None);
        let request_id = refused.request_id().map(str::to_owned);
        let hint = find::<NoCredentials>(error).and_then(|absent| absent.hint_for(&kind));
        let details =
            Details { operation: name, kind, code, message, request_id, hint, is_lasting: false };
        Self { details: Box::new(details) }
    }

    /// The same, of a request that was signed with credentials from these places.
    pub(super) fn signed_by(mut self, sources: &[CredentialSource]) -> Self {
        if self.details.kind == FaultKind::Credentials && self.has_code(&EXPIRED) {
            self.details.hint = self.details.hint.or_else(|| renewal(sources));
            self.details.is_lasting = sources == [CredentialSource::EnvironmentKeys];
        }
        self
    }

    /// Whether it stays so however long one waits: a session in the environment's variables is over.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        self.details.is_lasting
    }

    /// Whether AWS answered with one of these codes.
    fn has_code(&self, codes: &[&str]) -> bool {
        self.code().is_some_and(|code| codes.contains(&code))
    }

    /// The API's name of the operation, such as `UpdateService`.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.details.operation
    }

    /// What sort of failure it is.
    #[must_use]
    pub fn kind(&self) -> &FaultKind {
        &self.details.kind
    }

    /// AWS's error code, if AWS answered.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.details.code.as_deref()
    }

    /// AWS's words, or those of whatever failed on the way.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.details.message
    }

    /// The request's id, which AWS's support asks for.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.details.request_id.as_deref()
    }

    /// Whether the effect may have happened all the same.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        self.details.kind == FaultKind::Ambiguous
    }

    /// Whether what the request is about does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self.details.kind, FaultKind::NotFound(_))
    }

    /// What to do about it, as one imperative sentence.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self.kind() {
            _ if self.details.hint.is_some() => self.details.hint.clone(),
            FaultKind::AccessDenied(denial) => Some(denial.hint(self.operation())),
            FaultKind::Credentials => Some(self.credentials_hint()),
            FaultKind::Throttled => {
                Some("see what else calls AWS in this account and region, then run it again".into())
            }
            FaultKind::Unreachable => {
                Some("check the network, the region's name and `HTTPS_PROXY`".into())
            }
            FaultKind::Conflict => {
                Some("see what somebody else changed there, then run it again".into())
            }
            FaultKind::Ambiguous => Some("look at what runs now before doing it again".into()),
            FaultKind::Server => Some(
                "see <https://health.aws.amazon.com> for an outage of AWS, then run it again"
                    .into(),
            ),
            _ => None,
        }
    }

    /// What to do about credentials.
    fn credentials_hint(&self) -> String {
        let says = |words: &str| self.message().contains(words);
        if self.has_code(&["RequestTimeTooSkewed", "RequestExpired"])
            || says("Signature expired")
            || says("Signature not yet current")
        {
            return "set this machine's clock right: AWS takes requests within five minutes of \
                    its own"
                .into();
        }
        if self.has_code(&EXPIRED) {
            return "sign in again, for example with `aws sso login`, or take fresh keys where they \
                    are in the environment"
                .into();
        }
        if self.has_code(&["SignatureDoesNotMatch", "InvalidSignatureException"]) {
            return "correct the secret access key: it is not the one of this access key".into();
        }
        "sign in again, for example with `aws sso login`, or set `AWS_PROFILE`".into()
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details { operation, kind, code, message, request_id, .. } = self.details.as_ref();
        match kind {
            FaultKind::Throttled => write!(f, "`{operation}` is throttled by AWS")?,
            FaultKind::AccessDenied(_) => write!(f, "`{operation}` is not allowed")?,
            FaultKind::NotFound(what) => write!(f, "`{operation}` found no such {what}")?,
            FaultKind::Invalid => write!(f, "`{operation}` is refused by AWS")?,
            FaultKind::Conflict => write!(f, "`{operation}` contradicts what is there")?,
            FaultKind::Busy => write!(f, "`{operation}` met another change of the same thing")?,
            FaultKind::Credentials => write!(f, "no valid AWS credentials for `{operation}`")?,
            FaultKind::Ambiguous => write!(f, "the outcome of `{operation}` is not known")?,
            FaultKind::Unreachable => write!(f, "`{operation}` cannot reach AWS")?,
            FaultKind::Server => write!(f, "`{operation}` gets no sound answer from AWS")?,
            FaultKind::Other => write!(f, "`{operation}` failed")?,
        }
        if !message.is_empty() {
            write!(f, ": {}", message.trim_end_matches('.'))?;
        }
        match (code, request_id) {
            (Some(code), Some(id)) => write!(f, " ({code}, request {id})"),
            (Some(code), None) => write!(f, " ({code})"),
            (None, Some(id)) => write!(f, " (request {id})"),
            (None, None) => Ok(()),
        }
    }
}

impl Error for AwsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_one_line_with_code_and_request() {
        let error = AwsError {
            details: Box::new(Details {
                operation: "DescribeServices",
                kind: FaultKind::NotFound("cluster"),
                code: Some("ClusterNotFoundException".to_owned()),
                message: "Cluster not found.".to_owned(),
                request_id: Some("r-1".to_owned()),
                hint: None,
                is_lasting: false,
            }),
        };
        assert_eq!(
            error.to_string(),
            "`DescribeServices` found no such cluster: Cluster not found \
             (ClusterNotFoundException, request r-1)"
        );
    }
}
