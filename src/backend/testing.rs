//! An AWS for tests: a function answers each request, and every request is kept to look at.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector,
            http_client_fn,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use serde_json::Value;

use super::aws::{Aws, AwsOptions, AwsSession, Connection, Pacing};
use crate::model::Region;

/// A request as it went over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The operation, or the method for a request that names none.
    pub(crate) operation: String,
    /// The address.
    pub(crate) uri: String,
    /// Headers by lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    /// The body.
    pub(crate) body: String,
}

impl Seen {
    /// Reads a request.
    fn of(request: &HttpRequest) -> Self {
        let headers: BTreeMap<_, _> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let body = request.body().bytes().unwrap_or_default();
        let body = String::from_utf8_lossy(body).into_owned();
        let target = headers.get("x-amz-target").and_then(|target| target.split('.').nth(1));
        let action = || body.strip_prefix("Action=")?.split('&').next();
        let operation = target.or_else(action).unwrap_or(request.method()).to_owned();
        Self { operation, uri: request.uri().to_owned(), headers, body }
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What a request is answered with.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// A status, a content type and a body.
    Body(u16, &'static str, String),
    /// The connection breaks after the request was sent.
    Cut,
    /// Nothing comes, ever.
    Silence,
}

impl Answer {
    /// JSON with status 200.
    pub(crate) fn json(body: &Value) -> Self {
        Self::raw(&body.to_string())
    }

    /// JSON as text with status 200.
    pub(crate) fn raw(body: &str) -> Self {
        Self::Body(200, "application/x-amz-json-1.1", body.to_owned())
    }

    /// XML with status 200.
    pub(crate) fn xml(body: &str) -> Self {
        Self::Body(200, "text/xml", body.to_owned())
    }

    /// An error of a JSON service.
    pub(crate) fn error(code: &str, message: &str) -> Self {
        Self::json(&serde_json::json!({ "__type": code, "message": message })).with_status(400)
    }

    /// The same with another status.
    pub(crate) fn with_status(self, status: u16) -> Self {
        match self {
            Self::Body(_, kind, body) => Self::Body(status, kind, body),
            other => other,
        }
    }
}

/// What answers requests.
type Handler = Box<dyn FnMut(&Seen) -> Answer + Send>;

/// An AWS that a test plays.
#[derive(Clone)]
pub(crate) struct FakeAws {
    handler: Arc<Mutex<Handler>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    date: Option<&'static str>,
}

impl std::fmt::Debug for FakeAws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FakeAws")
    }
}

impl HttpConnector for FakeAws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let seen = Seen::of(&request);
        self.seen.lock().unwrap().push(seen.clone());
        let answer = (self.handler.lock().unwrap())(&seen);
        let date = self.date;
        HttpConnectorFuture::new(async move {
            match answer {
                Answer::Body(status, kind, body) => {
                    let status = StatusCode::try_from(status).unwrap();
                    let mut response = HttpResponse::new(status, SdkBody::from(body));
                    response.headers_mut().insert("content-type", kind);
                    response.headers_mut().insert("x-amzn-requestid", "request-1");
                    if let Some(date) = date {
                        response.headers_mut().insert("date", date);
                    }
                    Ok(response)
                }
                Answer::Cut => Err(ConnectorError::io("the connection broke".into())),
                Answer::Silence => std::future::pending().await,
            }
        })
    }
}

impl FakeAws {
    /// An AWS that answers with a function.
    pub(crate) fn new(handler: impl FnMut(&Seen) -> Answer + Send + 'static) -> Self {
        let handler: Handler = Box::new(handler);
        Self { handler: Arc::new(Mutex::new(handler)), seen: Arc::default(), date: None }
    }

    /// The same, with a `Date` on every answer.
    pub(crate) fn dated(self, date: &'static str) -> Self {
        Self { date: Some(date), ..self }
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The bodies of the requests for an operation so far.
    pub(crate) fn sent(&self, operation: &str) -> Vec<Value> {
        let of_operation = |seen: &Seen| seen.operation == operation;
        self.seen().iter().filter(|seen| of_operation(seen)).map(Seen::json).collect()
    }

    /// An HTTP client that comes here.
    pub(crate) fn http_client(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        http_client_fn(move |_, _| connector.clone())
    }

    /// The way to all accounts of this AWS.
    pub(crate) fn aws(&self) -> Aws {
        Aws::new(AwsOptions {
            http_client: Some(self.http_client()),
            pacing: Pacing::AfterThrottle,
            on_throttle: None,
        })
    }

    /// A session with fixed credentials.
    pub(crate) async fn session(&self) -> AwsSession {
        self.aws().connect(&connection()).await
    }
}

/// A connection with fixed credentials.
pub(crate) fn connection() -> Connection {
    let credentials = Credentials::new("AKIATEST", "secret", None, None, "test");
    Connection {
        credentials: Some(SharedCredentialsProvider::new(credentials)),
        ..Connection::to(Region::new("eu-west-1").unwrap())
    }
}
