//! What a request is for: service, operation, and whose resources.

use bytes::Bytes;
use http::{Request, header::AUTHORIZATION, request::Parts};
use jiff::Timestamp;

use super::{
    call::{Call, Fault, Scope},
    cbor,
    credential::Signer,
    form, refusal,
    service::{Protocol, Service},
};

/// What a request is for.
#[derive(Debug)]
pub(super) struct Target {
    /// The service as the client named it, for the log; empty when it named none.
    pub(super) service_name: String,
    /// The operation; empty when the client named none.
    pub(super) operation: String,
    /// How to answer.
    pub(super) protocol: Protocol,
    /// Whose resources.
    pub(super) scope: Scope,
    /// The access key that signed; empty when none did.
    pub(super) access_key: String,
    /// The body, as JSON if it came as CBOR; for AWS Query the parameters, whether they came as a
    /// body or in the address, as JSON too, but for STS and IAM.
    pub(super) body: Bytes,
}

impl Target {
    /// Finds out what a request is for, and which service answers it: or, where none does, the
    /// error that it is answered with.
    pub(super) fn of(request: Request<Bytes>) -> (Self, Result<Service, Fault>) {
        let (parts, body) = request.into_parts();
        let (address, body) = Address::of(&parts, body);
        let (signer, badly_signed) = match signer(&parts, address.protocol(None)) {
            Ok(signer) => (signer, None),
            Err(fault) => (None, Some(fault)),
        };
        let protocol = address.protocol(signer.as_ref());
        let (body, badly_written) = match readable(protocol, body) {
            Ok(body) => (body, None),
            Err(fault) => (Bytes::new(), Some(fault)),
        };
        let (service_name, service) = address.service(signer.as_ref());
        let target = Self {
            service_name,
            operation: address.operation(),
            protocol,
            scope: signer.as_ref().map_or_else(Scope::default, Signer::scope),
            access_key: signer.map(|signer| signer.access_key).unwrap_or_default(),
            body,
        };
        (target, badly_signed.or(badly_written).map_or(service, Err))
    }

    /// What the request is called as a point for crashes.
    pub(super) fn point(&self) -> String {
        format!("{}:{}", self.service_name, self.operation)
    }

    /// The request as a service takes it.
    pub(super) fn call(&self, caller: String, now: Timestamp) -> Call {
        Call {
            scope: self.scope.clone(),
            operation: self.operation.clone(),
            body: self.body.clone(),
            now,
            caller,
        }
    }
}

/// How a request names what it is for.
enum Address {
    /// awsJson: `X-Amz-Target: PREFIX.Operation`; or Smithy RPC v2, which has both in the path.
    Json {
        /// Tells the service.
        prefix: String,
        /// The operation.
        operation: String,
        /// Whether the body is CBOR.
        is_cbor: bool,
    },
    /// AWS Query: the parameter `Action`; the service is the one that the request is signed for.
    Query {
        /// The operation.
        action: String,
    },
    /// Not at all.
    Missing,
}

impl Address {
    /// Finds the address of a request; gives its parameters, too.
    fn of(parts: &Parts, body: Bytes) -> (Self, Bytes) {
        if let Some(target) = parts.headers.get("x-amz-target").and_then(|it| it.to_str().ok()) {
            let (prefix, operation) = target.rsplit_once('.').unwrap_or(("", target));
            let (prefix, operation) = (prefix.to_owned(), operation.to_owned());
            return (Self::Json { prefix, operation, is_cbor: false }, body);
        }
        if let Some(address) = Self::in_path(parts) {
            return (address, body);
        }
        let form = match parts.uri.query() {
            Some(query) => Bytes::from([query.as_bytes(), b"&", &body].concat()),
            None => body,
        };
        let action = form_urlencoded::parse(&form).find(|(name, _)| name == "Action");
        match action.map(|(_, action)| action.into_owned()) {
            Some(action) => (Self::Query { action }, form),
            None => (Self::Missing, form),
        }
    }

    /// The address that a path of Smithy RPC v2 is: `/service/PREFIX/operation/Operation`.
    fn in_path(parts: &Parts) -> Option<Self> {
        let rest = parts.uri.path().strip_prefix("/service/")?;
        let (prefix, operation) = rest.split_once("/operation/")?;
        let speaks_cbor =
            parts.headers.get("smithy-protocol").is_some_and(|it| it == "rpc-v2-cbor");
        let (prefix, operation) = (prefix.to_owned(), operation.to_owned());
        speaks_cbor.then_some(Self::Json { prefix, operation, is_cbor: true })
    }

    /// The service with a prefix.
    fn with_prefix(prefix: &str) -> Option<Service> {
        Service::ALL.into_iter().find(|service| service.target_prefix() == Some(prefix))
    }

    /// How to answer whoever signed.
    fn protocol(&self, signer: Option<&Signer>) -> Protocol {
        match self {
            Self::Json { is_cbor: true, .. } => Protocol::Cbor,
            Self::Json { prefix, .. } => {
                Self::with_prefix(prefix).map_or(Protocol::Json, Service::protocol)
            }
            Self::Missing => Protocol::Json,
            Self::Query { .. } => {
                let signed_for = signer.and_then(|signer| Service::of_query(&signer.service));
                Protocol::Query(signed_for.unwrap_or(Service::Sts))
            }
        }
    }

    /// The operation.
    fn operation(&self) -> String {
        match self {
            Self::Json { operation, .. } => operation.clone(),
            Self::Query { action } => action.clone(),
            Self::Missing => String::new(),
        }
    }

    /// The service's name, and the service.
    fn service(&self, signer: Option<&Signer>) -> (String, Result<Service, Fault>) {
        let signed_for = signer.map(|signer| signer.service.as_str());
        let (name, service) = match self {
            Self::Json { prefix, .. } => {
                let service = Self::with_prefix(prefix);
                let name = match service {
                    Some(service) => service.name(),
                    None => prefix,
                };
                (name, service)
            }
            Self::Query { .. } => {
                // Only STS has operations that need no signature.
                let name = signed_for.unwrap_or(Service::Sts.signing_name());
                let service = Service::of_query(name);
                let name = match service {
                    Some(service) => service.name(),
                    None => name,
                };
                (name, service)
            }
            Self::Missing => {
                return (signed_for.unwrap_or_default().to_owned(), Err(refusal::no_operation()));
            }
        };
        let service = match service {
            Some(service) if signed_for.is_some_and(|name| name != service.signing_name()) => {
                Err(refusal::signed_for_another(service))
            }
            Some(service) => Ok(service),
            None => Err(refusal::unknown_operation(self.protocol(signer), &self.operation())),
        };
        (name.to_owned(), service)
    }
}

/// The body as it is read inside: JSON, but for STS and IAM, which read forms.
fn readable(protocol: Protocol, body: Bytes) -> Result<Bytes, Fault> {
    match protocol {
        Protocol::Cbor => cbor::to_json(&body).map(|value| Bytes::from(value.to_string())),
        Protocol::Query(Service::Sts | Service::Iam) | Protocol::Json | Protocol::Json10 => {
            Ok(body)
        }
        Protocol::Query(_) => Ok(Bytes::from(form::to_json(&body).to_string())),
    }
}

/// Who signed the request; none where it is not signed.
fn signer(parts: &Parts, protocol: Protocol) -> Result<Option<Signer>, Fault> {
    let Some(header) = parts.headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    Signer::parse(header.to_str().unwrap_or_default(), protocol).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::credential::authorization;

    const ECS: &str = "AmazonEC2ContainerServiceV20141113.UpdateService";

    fn scope() -> Scope {
        Scope { account: "123456789012".to_owned(), region: "us-east-1".to_owned() }
    }

    /// What a request is for that has a target, is signed for a service, and has a body.
    fn target(
        target: Option<&str>,
        signed_for: Option<&str>,
        body: &str,
    ) -> (Target, Result<Service, Fault>) {
        let mut request = Request::post("/");
        if let Some(target) = target {
            request = request.header("X-Amz-Target", target);
        }
        if let Some(service) = signed_for {
            request = request.header("Authorization", authorization(&scope(), service));
        }
        Target::of(request.body(Bytes::from(body.to_owned())).unwrap())
    }

    fn code(service: Result<Service, Fault>) -> String {
        match service {
            Err(Fault::Answer { code, .. }) => code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn json_goes_by_the_target_and_query_by_the_signature() {
        let (it, service) = target(Some(ECS), Some("ecs"), "{}");
        assert_eq!((service.unwrap(), it.operation.as_str()), (Service::Ecs, "UpdateService"));
        assert_eq!((it.scope, it.protocol), (scope(), Protocol::Json));

        let (it, service) = target(None, Some("sts"), "Version=2011-06-15&Action=AssumeRole");
        assert_eq!((service.unwrap(), it.operation.as_str()), (Service::Sts, "AssumeRole"));
        assert_eq!(it.protocol, Protocol::Query(Service::Sts));
    }

    #[test]
    fn cloudwatch_speaks_three_protocols() {
        const PREFIX: &str = "GraniteServiceVersion20100801";
        let (it, service) =
            target(Some(&format!("{PREFIX}.DescribeAlarms")), Some("monitoring"), "{}");
        assert_eq!((service.unwrap(), it.protocol), (Service::CloudWatch, Protocol::Json10));

        let path = format!("/service/{PREFIX}/operation/DescribeAlarms");
        let request = |body: &[u8]| {
            let request = Request::post(&path).header("smithy-protocol", "rpc-v2-cbor");
            Target::of(request.body(Bytes::copy_from_slice(body)).unwrap())
        };
        let (it, service) = request(&cbor::from_json(br#"{"MaxRecords":1}"#));
        assert_eq!((service.unwrap(), it.protocol), (Service::CloudWatch, Protocol::Cbor));
        assert_eq!(
            (it.operation.as_str(), &it.body[..]),
            ("DescribeAlarms", &br#"{"MaxRecords":1}"#[..])
        );
        let form = "Action=DescribeAlarms&Version=2010-08-01&MaxRecords=1";
        let (it, service) = target(None, Some("monitoring"), form);
        assert_eq!(
            (service.unwrap(), it.protocol),
            (Service::CloudWatch, Protocol::Query(Service::CloudWatch))
        );
        assert_eq!(&it.body[..], &br#"{"MaxRecords":1}"#[..]);
        let (_, broken) = request(&[0xff]);
        assert_eq!(code(broken), "SerializationException");
    }

    #[test]
    fn parameters_may_come_in_the_address() {
        let request = Request::get("/?Action=GetCallerIdentity&Version=2011-06-15");
        let (it, service) = Target::of(request.body(Bytes::new()).unwrap());
        assert_eq!((service.unwrap(), it.operation.as_str()), (Service::Sts, "GetCallerIdentity"));
    }

    #[test]
    fn an_unsigned_request_is_the_default_accounts() {
        let (it, service) = target(Some(ECS), None, "{}");
        assert_eq!(service.unwrap(), Service::Ecs);
        assert_eq!(it.scope.key(""), "000000000000/eu-west-1/");
    }

    #[test]
    fn what_is_not_emulated_is_an_error() {
        for (sent_to, signed_for, body, expected) in [
            (
                Some("DynamoDB_20120810.GetItem"),
                Some("dynamodb"),
                "{}",
                "UnknownOperationException",
            ),
            (Some("nonsense"), None, "{}", "UnknownOperationException"),
            (None, None, "", "UnknownOperationException"),
            (None, Some("ec2"), "Action=DescribeVpcs", "InvalidAction"),
            (None, Some("ecs"), "Action=UpdateService", "InvalidAction"),
            (Some(ECS), Some("ssm"), "{}", "InvalidSignatureException"),
        ] {
            let (_, service) = target(sent_to, signed_for, body);
            assert_eq!(code(service), expected, "{sent_to:?} {body}");
        }
    }

    #[test]
    fn a_broken_signature_is_an_error() {
        let request = Request::post("/").header("X-Amz-Target", ECS).header("Authorization", "x");
        let (it, service) = Target::of(request.body(Bytes::new()).unwrap());
        assert_eq!(it.operation, "UpdateService");
        assert_eq!(code(service), "IncompleteSignatureException");
    }
}
