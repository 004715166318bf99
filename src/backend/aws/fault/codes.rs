//! What AWS's error codes mean: the one place that looks at them.

use super::{Denial, FaultKind};
use crate::backend::aws::call::{Operation, Repeat};

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
const BAD_CREDENTIALS: [&str; 15] = [
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
    "InvalidIdentityToken",
    "IDPRejectedClaim",
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
pub(super) fn of_answer(
    operation: Operation,
    code: &str,
    message: &str,
    status: Option<u16>,
) -> FaultKind {
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
    // The last is STS that does not reach the identity provider: the token may be good.
    let server = [
        "ServerException",
        "InternalServerError",
        "InternalFailure",
        "ServiceUnavailable",
        "IDPCommunicationError",
    ];
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
pub(super) fn lost(operation: Operation) -> FaultKind {
    match operation.repeat {
        Repeat::Harmless => FaultKind::Server,
        Repeat::ActsAgain => FaultKind::Ambiguous,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::aws::Bucket;

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
}
