//! Answers as the services write them: status, headers and body of each protocol.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use serde_json::Value;
use uuid::Uuid;

use super::{
    SandboxError,
    call::Fault,
    cbor,
    service::{Protocol, Service},
    xml,
};

/// An answer, and what the log says of it.
#[derive(Debug)]
pub(super) struct Answer {
    /// The answer.
    pub(super) response: Response<Bytes>,
    /// The error's name, when it is one.
    pub(super) error: Option<String>,
}

impl Answer {
    /// The answer to an operation that succeeded. `result` is the body in awsJson, the same before it
    /// is CBOR or XML, and the content of STS's and IAM's `…Response` element.
    pub(super) fn success(protocol: Protocol, operation: &str, result: Bytes) -> Self {
        let id = Uuid::new_v4().to_string();
        let body = match protocol {
            Protocol::Json | Protocol::Json10 => result,
            Protocol::Cbor => cbor::from_json(&result),
            Protocol::Query(service @ (Service::Sts | Service::Iam)) => {
                xml::response(service, operation, &result, &id)
            }
            Protocol::Query(service) => {
                let result = xml::of_json(operation, &result);
                xml::response(service, operation, result.as_bytes(), &id)
            }
        };
        Self { response: response(protocol, StatusCode::OK, body, &id), error: None }
    }

    /// The answer to one that did not. A failure of the sandbox itself is not a service's answer,
    /// and is given back.
    pub(super) fn failure(protocol: Protocol, fault: Fault) -> Result<Self, SandboxError> {
        let (status, code, mut members) = match fault {
            Fault::Answer { status, code, members } => (status, code, members),
            Fault::Sandbox(error) => return Err(error),
        };
        let id = Uuid::new_v4().to_string();
        let is_senders = status < 500;
        let body = if let Protocol::Query(service) = protocol {
            let message = members.get("message").or_else(|| members.get("Message"));
            let message = message.and_then(Value::as_str).unwrap_or_default();
            xml::error(service, (is_senders, query_code(&code)), message, &id)
        } else {
            members.insert("__type".to_owned(), Value::from(code.as_str()));
            let json = Bytes::from(Value::Object(members).to_string());
            if protocol == Protocol::Cbor { cbor::from_json(&json) } else { json }
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = response(protocol, status, body, &id);
        if let Some((name, value)) = error_header(protocol, &code, is_senders)
            && let Ok(value) = HeaderValue::try_from(value)
        {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
        Ok(Self { response, error: Some(code) })
    }
}

/// The header that names an error, and what it says.
fn error_header(
    protocol: Protocol,
    code: &str,
    is_senders: bool,
) -> Option<(&'static str, String)> {
    match protocol {
        Protocol::Json => Some(("x-amzn-errortype", code.to_owned())),
        Protocol::Json10 | Protocol::Cbor => {
            let fault = if is_senders { "Sender" } else { "Receiver" };
            Some(("x-amzn-query-error", format!("{};{fault}", query_code(code))))
        }
        Protocol::Query(_) => None,
    }
}

/// What an error was called when its service still spoke AWS Query, where that is another name than
/// its shape's (`error.code` in the API model, and the trait `awsQueryCompatible`).
fn query_code(code: &str) -> &str {
    match code {
        "InvalidFormatFault" => "InvalidFormat",
        "UnknownOperationException" => "InvalidAction",
        other => other,
    }
}

/// An answer with the headers that all have.
fn response(protocol: Protocol, status: StatusCode, body: Bytes, id: &str) -> Response<Bytes> {
    let content_type = match protocol {
        Protocol::Json => "application/x-amz-json-1.1",
        Protocol::Json10 => "application/x-amz-json-1.0",
        Protocol::Cbor => "application/cbor",
        Protocol::Query(_) => "text/xml",
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if protocol == Protocol::Cbor {
        let value = HeaderValue::from_static("rpc-v2-cbor");
        response.headers_mut().insert(HeaderName::from_static("smithy-protocol"), value);
    }
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(HeaderName::from_static("x-amzn-requestid"), id);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::refusal;

    fn text(answer: &Answer) -> &str {
        std::str::from_utf8(answer.response.body()).unwrap()
    }

    #[test]
    fn errors_are_told_as_the_protocol_tells_them() {
        let answer = Answer::failure(Protocol::Json, refusal::throttled(Protocol::Json)).unwrap();
        assert_eq!(answer.response.status(), 400);
        assert_eq!(answer.response.headers()["content-type"], "application/x-amz-json-1.1");
        assert_eq!(answer.response.headers()["x-amzn-errortype"], "ThrottlingException");
        assert_eq!(text(&answer), r#"{"message":"Rate exceeded","__type":"ThrottlingException"}"#);
        assert_eq!(answer.error.as_deref(), Some("ThrottlingException"));

        let protocol = Protocol::Query(Service::Sts);
        let fault = refusal::denied(protocol, "arn:<ann>", "sts:AssumeRole", "*");
        let answer = Answer::failure(protocol, fault).unwrap();
        assert_eq!(answer.response.status(), 403);
        assert_eq!(answer.response.headers()["content-type"], "text/xml");
        let id = answer.response.headers()["x-amzn-requestid"].to_str().unwrap();
        assert!(text(&answer).contains(&format!("<RequestId>{id}</RequestId>")));
        assert!(text(&answer).contains("<Type>Sender</Type><Code>AccessDenied</Code>"));
        assert!(text(&answer).contains("User: arn:&lt;ann&gt; is not authorized"));
    }

    #[test]
    fn every_answer_has_an_id_of_its_own() {
        let id = || {
            let answer = Answer::success(Protocol::Json, "ListClusters", Bytes::from("{}"));
            answer.response.headers()["x-amzn-requestid"].clone()
        };
        assert_ne!(id(), id());
    }
}
