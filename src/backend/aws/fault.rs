//! One reading of everything that can go wrong with a request to AWS.
//!
//! The kind says what may be done about it; nothing else in this program looks at error codes.

use std::{error::Error, fmt};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::operation::{RequestId as _, assume_role::AssumeRoleError};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::call::{Operation, Repeat};

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

/// Who may not do what, as far as AWS's message tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Denial {
    /// The caller's ARN.
    pub principal: Option<String>,
    /// The IAM action, such as `ecs:UpdateService`.
    pub action: Option<String>,
    /// The resource's ARN.
    pub resource: Option<String>,
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
            }),
        }
    }

    /// Reads a failure on the way: of credentials, of the connection, or after it stood.
    fn of_dispatch(operation: Operation, error: &(dyn Error + 'static), message: String) -> Self {
        let name = operation.name;
        let of = |kind, code, message| Self {
            details: Box::new(Details { operation: name, kind, code, message, request_id: None }),
        };
        if let Some(refused) = find::<AssumeRoleError>(error) {
            return Self::of_role(operation, refused);
        }
        let never_connected = find::<hyper_util::client::legacy::Error>(error)
            .is_some_and(hyper_util::client::legacy::Error::is_connect);
        if never_connected {
            return of(FaultKind::Unreachable, None, message);
        }
        match find::<CredentialsError>(error) {
            Some(failed) => of(FaultKind::Credentials, None, credentials_message(failed)),
            None => of(lost(operation), None, message),
        }
    }

    /// Reads the refusal of a role that was to be taken on before anything else could be asked.
    fn of_role(operation: Operation, refused: &AssumeRoleError) -> Self {
        let message = refused.message().unwrap_or_default().to_owned();
        let code = refused.code().map(str::to_owned);
        let kind = of_answer(operation, code.as_deref().unwrap_or_default(), &message, None);
        let request_id = refused.meta().request_id().map(str::to_owned);
        let details = Details { operation: "AssumeRole", kind, code, message, request_id };
        Self { details: Box::new(details) }
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
            FaultKind::AccessDenied(denial) => Some(denial.hint(self.operation())),
            FaultKind::Credentials => Some(self.credentials_hint()),
            FaultKind::Throttled => {
                Some("see what else calls AWS in this account and region, then run it again".into())
            }
            FaultKind::Unreachable => {
                Some("check the network, the region's name and `HTTPS_PROXY`".into())
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
        let has_code = |codes: &[&str]| self.code().is_some_and(|code| codes.contains(&code));
        let says = |words: &str| self.message().contains(words);
        if has_code(&["RequestTimeTooSkewed", "RequestExpired"])
            || says("Signature expired")
            || says("Signature not yet current")
        {
            return "set this machine's clock right: AWS takes requests within five minutes of \
                    its own"
                .into();
        }
        if has_code(&["ExpiredToken", "ExpiredTokenException"]) {
            return "sign in again, for example with `aws sso login`, or take fresh keys where they \
                    are in the environment"
                .into();
        }
        if has_code(&["SignatureDoesNotMatch", "InvalidSignatureException"]) {
            return "correct the secret access key: it is not the one of this access key".into();
        }
        "sign in again, for example with `aws sso login`, or set `AWS_PROFILE`".into()
    }
}

impl Denial {
    /// Reads AWS's usual sentence, `User: <arn> is not authorized to perform: <action> on
    /// resource: <arn> because …`; what it does not hold is left out.
    fn read(message: &str) -> Self {
        let word_after = |mark: &str| {
            let rest = message.split_once(mark)?.1;
            rest.split_whitespace().next().map(|word| word.trim_end_matches(['.', ',']).to_owned())
        };
        Self {
            principal: word_after("User: "),
            action: word_after("is not authorized to perform: "),
            resource: word_after("on resource: "),
        }
    }

    /// What to allow to whom.
    fn hint(&self, operation: &str) -> String {
        let action = self.action.as_deref().unwrap_or(operation);
        let principal = self.principal.as_deref().unwrap_or("the role in use");
        match &self.resource {
            Some(resource) => format!("allow `{action}` on `{resource}` to `{principal}`"),
            None => format!("allow `{action}` to `{principal}`"),
        }
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details { operation, kind, code, message, request_id } = self.details.as_ref();
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

/// Codes with which AWS services say that there were too many requests. ECS has no shape for its
/// own, so that only the code tells. `LimitExceededException` is none of them: ECS and ECR mean a
/// lasting limit by it.
const THROTTLES: [&str; 11] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "BandwidthLimitExceeded",
    "SlowDown",
    "PriorRequestNotComplete",
];
/// Codes with which AWS refuses what the caller may not do.
const DENIALS: [&str; 4] =
    ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"];
/// Codes with which AWS refuses the credentials themselves.
const BAD_CREDENTIALS: [&str; 13] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
    "AuthFailure",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
];
/// Codes for things that do not exist, with what they are.
const MISSING: [(&str, &str); 10] = [
    ("ClusterNotFoundException", "cluster"),
    ("ServiceNotFoundException", "service"),
    ("ServiceDeploymentNotFoundException", "service deployment"),
    ("ParameterNotFound", "parameter"),
    ("ParameterVersionNotFound", "parameter version"),
    ("RepositoryNotFoundException", "repository"),
    ("ImageNotFoundException", "image"),
    ("LayersNotFoundException", "layer"),
    ("ResourceNotFoundException", "resource"),
    ("NoSuchEntity", "resource"),
];
/// Codes for requests that contradict what is there.
const CONFLICTS: [&str; 4] = [
    "ConflictException",
    "ParameterAlreadyExists",
    "ResourceInUseException",
    "UpdateInProgressException",
];
/// Codes for requests that are wrong.
const INVALIDS: [&str; 15] = [
    "ClientException",
    "InvalidParameterException",
    "ValidationException",
    "ValidationError",
    "SerializationException",
    "UnsupportedFeatureException",
    "PlatformUnknownException",
    "PlatformTaskDefinitionIncompatibilityException",
    "ServiceNotActiveException",
    "ParameterPatternMismatchException",
    "HierarchyTypeMismatchException",
    "HierarchyLevelLimitExceededException",
    "ParameterLimitExceeded",
    "ParameterMaxVersionLimitExceeded",
    "LimitExceededException",
];

/// What an error that AWS answered with means.
fn of_answer(operation: Operation, code: &str, message: &str, status: Option<u16>) -> FaultKind {
    // Codes come with a namespace from some services, `com.amazonaws.ssm#ParameterNotFound`.
    let code = code.rsplit('#').next().unwrap_or(code);
    if THROTTLES.contains(&code) || status == Some(429) || message.starts_with("Rate exceeded") {
        return FaultKind::Throttled;
    }
    if DENIALS.contains(&code) {
        return FaultKind::AccessDenied(Denial::read(message));
    }
    if BAD_CREDENTIALS.contains(&code) {
        return FaultKind::Credentials;
    }
    if let Some((_, what)) = MISSING.iter().find(|(missing, _)| *missing == code) {
        return FaultKind::NotFound(what);
    }
    if code == "TooManyUpdates" {
        return FaultKind::Busy;
    }
    if code == "ClientException" {
        return of_client_exception(message);
    }
    if CONFLICTS.contains(&code) {
        return FaultKind::Conflict;
    }
    if INVALIDS.contains(&code) {
        return FaultKind::Invalid;
    }
    let server =
        ["ServerException", "InternalServerError", "InternalFailure", "ServiceUnavailable"];
    if server.contains(&code) || status.is_some_and(|status| status >= 500) {
        return lost(operation);
    }
    FaultKind::Other
}

/// What ECS's `ClientException` means: it has one code for much, and only the words differ.
fn of_client_exception(message: &str) -> FaultKind {
    let message = message.to_ascii_lowercase();
    if message.contains("too many concurrent attempts to create a new revision") {
        return FaultKind::Busy;
    }
    let missing = [
        "unable to describe task definition",
        "taskdefinition not found",
        "task definition does not exist",
    ];
    if missing.iter().any(|words| message.contains(words)) {
        return FaultKind::NotFound("task definition");
    }
    FaultKind::Invalid
}

/// What a lost answer means: nothing for what can be repeated, doubt for what cannot.
fn lost(operation: Operation) -> FaultKind {
    match operation.repeat {
        Repeat::Harmless => FaultKind::Server,
        Repeat::ActsAgain => FaultKind::Ambiguous,
    }
}

/// The words on credentials that could not be had.
fn credentials_message(error: &CredentialsError) -> String {
    match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            "none were found in the environment, the shared configuration files, or the container"
                .to_owned()
        }
        other => innermost(other),
    }
}

/// The first error of a type in a chain of causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    causes(error).find_map(|cause| cause.downcast_ref::<E>())
}

/// What the last cause in the chain says.
fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

/// An error and its causes. `io::Error` hides the error it wraps from `source`.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<std::io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::aws::pacer::Bucket;

    const READ: Operation =
        Operation { name: "X", bucket: Bucket::ServiceRead, repeat: Repeat::Harmless };
    const WRITE: Operation = Operation { repeat: Repeat::ActsAgain, ..READ };

    #[test]
    fn answers_are_read_by_code_words_and_status() {
        let revision =
            "Too many concurrent attempts to create a new revision of the specified family.";
        let cases = [
            ("ThrottlingException", "Rate exceeded", 400, FaultKind::Throttled),
            ("ClientException", "Rate exceeded", 400, FaultKind::Throttled),
            ("", "", 429, FaultKind::Throttled),
            ("ClusterNotFoundException", "Cluster not found.", 400, FaultKind::NotFound("cluster")),
            ("com.amazonaws.ssm#ParameterNotFound", "", 400, FaultKind::NotFound("parameter")),
            (
                "ClientException",
                "Unable to describe task definition.",
                400,
                FaultKind::NotFound("task definition"),
            ),
            ("ClientException", "TaskDefinition is inactive", 400, FaultKind::Invalid),
            ("ClientException", revision, 400, FaultKind::Busy),
            ("TooManyUpdates", "", 400, FaultKind::Busy),
            ("ParameterAlreadyExists", "", 400, FaultKind::Conflict),
            ("InvalidParameterException", "", 400, FaultKind::Invalid),
            ("LimitExceededException", "", 400, FaultKind::Invalid),
            ("ExpiredTokenException", "", 400, FaultKind::Credentials),
            ("ServerException", "", 500, FaultKind::Server),
            ("", "", 503, FaultKind::Server),
            ("NeverHeardOf", "", 400, FaultKind::Other),
        ];
        for (code, message, status, kind) in cases {
            assert_eq!(of_answer(READ, code, message, Some(status)), kind, "{code} {message}");
        }
        assert_eq!(of_answer(WRITE, "ServerException", "", Some(500)), FaultKind::Ambiguous);
        assert_eq!(of_answer(WRITE, "ThrottlingException", "", Some(400)), FaultKind::Throttled);
    }

    #[test]
    fn a_denial_names_who_and_what() {
        let denial = Denial::read(
            "User: arn:aws:sts::1:assumed-role/dev/bob is not authorized to perform: \
             ecs:UpdateService on resource: arn:aws:ecs:eu-west-1:1:service/c/s because no \
             identity-based policy allows the ecs:UpdateService action",
        );
        assert_eq!(
            denial.hint("UpdateService"),
            "allow `ecs:UpdateService` on `arn:aws:ecs:eu-west-1:1:service/c/s` to \
             `arn:aws:sts::1:assumed-role/dev/bob`"
        );
        assert_eq!(Denial::read("no"), Denial::default());
        assert_eq!(
            Denial::default().hint("PutParameter"),
            "allow `PutParameter` to `the role in use`"
        );
    }

    #[test]
    fn the_text_is_one_line_with_code_and_request() {
        let error = AwsError {
            details: Box::new(Details {
                operation: "DescribeServices",
                kind: FaultKind::NotFound("cluster"),
                code: Some("ClusterNotFoundException".to_owned()),
                message: "Cluster not found.".to_owned(),
                request_id: Some("r-1".to_owned()),
            }),
        };
        assert_eq!(
            error.to_string(),
            "`DescribeServices` found no such cluster: Cluster not found \
             (ClusterNotFoundException, request r-1)"
        );
    }
}
