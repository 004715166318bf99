//! The errors that every AWS service has, each in its protocol's words.
//!
//! Names and statuses are those of "Common Errors" in the services' API references; the sentences
//! are the ones that AWS answers with.

use jiff::{SignedDuration, Timestamp};

use super::{
    call::Fault,
    service::{Protocol, Service},
};

/// An error with its name and status in either family of protocols.
fn refuse(
    protocol: Protocol,
    json: (u16, &str),
    query: (u16, &str),
    message: impl Into<String>,
) -> Fault {
    let (status, code) = if protocol.is_query() { query } else { json };
    let members = [("message".to_owned(), serde_json::Value::from(message.into()))];
    Fault::Answer { status, code: code.to_owned(), members: members.into_iter().collect() }
}

/// The service, or its operation, is not emulated.
pub(super) fn unknown_operation(protocol: Protocol, operation: &str) -> Fault {
    let message = if protocol.is_query() {
        format!("Could not find operation {operation} in the sandbox")
    } else {
        format!("The sandbox has no operation `{operation}`")
    };
    refuse(protocol, (400, "UnknownOperationException"), (400, "InvalidAction"), message)
}

/// The request names no operation in a way that is understood.
pub(super) fn no_operation() -> Fault {
    let message = "The request has neither X-Amz-Target nor Action";
    refuse(Protocol::Json, (404, "UnknownOperationException"), (404, "InvalidAction"), message)
}

/// More requests than the service lets through.
pub(super) fn throttled(protocol: Protocol) -> Fault {
    refuse(protocol, (400, "ThrottlingException"), (400, "Throttling"), "Rate exceeded")
}

/// No policy lets the caller do it.
pub(super) fn denied(protocol: Protocol, caller: &str, action: &str, resource: &str) -> Fault {
    let message = format!(
        "User: {caller} is not authorized to perform: {action} on resource: {resource} \
         because no identity-based policy allows the {action} action"
    );
    refuse(protocol, (400, "AccessDeniedException"), (403, "AccessDenied"), message)
}

/// A role's trust policy does not let the caller take it on. STS does not say why.
pub(super) fn not_trusted(caller: &str, role: &str) -> Fault {
    let message =
        format!("User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role}");
    let protocol = Protocol::Query(Service::Sts);
    refuse(protocol, (400, "AccessDeniedException"), (403, "AccessDenied"), message)
}

/// A policy forbids the caller to do it.
pub(super) fn forbidden(protocol: Protocol, caller: &str, action: &str, resource: &str) -> Fault {
    let message = format!(
        "User: {caller} is not authorized to perform: {action} on resource: {resource} with an \
         explicit deny in an identity-based policy"
    );
    refuse(protocol, (400, "AccessDeniedException"), (403, "AccessDenied"), message)
}

/// The service itself fails, with the error that its API model has for that.
pub(super) fn internal(service: Service) -> Fault {
    let (code, message) = match service {
        Service::Ecs => ("ServerException", "These errors are usually caused by a server issue."),
        Service::Ecr => {
            ("ServerException", "These errors are usually caused by a server-side issue.")
        }
        Service::Ssm => ("InternalServerError", "An error occurred on the server side."),
        Service::AutoScaling => {
            ("InternalServiceException", "The service encountered an internal error.")
        }
        Service::Logs => {
            ("ServiceUnavailableException", "The service cannot complete the request.")
        }
        Service::CloudWatch
        | Service::CodeDeploy
        | Service::Sts
        | Service::Elb
        | Service::Iam
        | Service::ServiceQuotas => (
            "InternalFailure",
            "The request processing has failed because of an unknown error, exception or failure.",
        ),
    };
    // Some models of the error write the member with a capital, unlike most.
    let has_capital = matches!(service, Service::Ssm | Service::AutoScaling);
    let member = if has_capital { "Message" } else { "message" };
    let members = [(member.to_owned(), serde_json::Value::from(message))];
    Fault::Answer { status: 500, code: code.to_owned(), members: members.into_iter().collect() }
}

/// The request contradicts what is there.
pub(super) fn conflict(protocol: Protocol) -> Fault {
    let message = "The request conflicts with the current state of the resource.";
    refuse(protocol, (400, "ConflictException"), (409, "Conflict"), message)
}

/// An error as a service spells it: the model of Service Quotas has its denial with a capital member.
pub(super) fn spelled(service: Service, fault: Fault) -> Fault {
    match fault {
        Fault::Answer { status, code, mut members }
            if service == Service::ServiceQuotas && code == "AccessDeniedException" =>
        {
            if let Some(message) = members.remove("message") {
                members.insert("Message".to_owned(), message);
            }
            Fault::Answer { status, code, members }
        }
        other => other,
    }
}

/// The session that signed the request is over.
pub(super) fn expired(protocol: Protocol) -> Fault {
    let message = "The security token included in the request is expired";
    refuse(protocol, (400, "ExpiredTokenException"), (403, "ExpiredToken"), message)
}

/// The request was signed at `signed` by the client's clock, and the service's is ahead of that by so
/// many seconds. Nothing where that is little enough.
pub(super) fn skewed(protocol: Protocol, signed: Timestamp, ahead: i32) -> Option<Fault> {
    let limit = 5 * 60;
    if ahead.abs() <= limit {
        return None;
    }
    let at = |seconds: i32| {
        let at = signed.checked_add(SignedDuration::from_secs(seconds.into())).unwrap_or(signed);
        at.strftime("%Y%m%dT%H%M%SZ").to_string()
    };
    let (then, now) = (at(0), at(ahead));
    let message = if ahead > 0 {
        let bound = at(ahead.saturating_sub(limit));
        format!("Signature expired: {then} is now earlier than {bound} ({now} - 5 min.)")
    } else {
        let bound = at(ahead.saturating_add(limit));
        format!("Signature not yet current: {then} is still later than {bound} ({now} + 5 min.)")
    };
    let json = (400, "InvalidSignatureException");
    Some(refuse(protocol, json, (403, "SignatureDoesNotMatch"), message))
}

/// The `Authorization` header is not one of Signature Version 4.
pub(super) fn incomplete_signature(protocol: Protocol) -> Fault {
    let message = "Authorization header requires 'Credential' parameter";
    let code = (400, "IncompleteSignatureException");
    refuse(protocol, code, (400, "IncompleteSignature"), message)
}

/// The request is signed for another service than it is sent to.
pub(super) fn signed_for_another(service: Service) -> Fault {
    let name = service.signing_name();
    let message = format!("Credential should be scoped to correct service: '{name}'.");
    let json = (400, "InvalidSignatureException");
    refuse(service.protocol(), json, (403, "SignatureDoesNotMatch"), message)
}
