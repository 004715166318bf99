//! One emulated service for its tests, asked with JSON or through the SDK's own client.

use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use jiff::{Timestamp, ToSpan};
use serde_json::{Map, Value, json};

use super::{
    SandboxError,
    call::{Call, Fault, Scope},
    state::{State, Transaction},
};

/// A module's `answer`.
type Answer = fn(&Call, &mut Transaction<'_>) -> Result<Bytes, Fault>;

/// An error as the service answers it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    /// The error's name.
    pub(super) code: String,
    /// Its members.
    pub(super) members: Map<String, Value>,
}

/// A service with a state of its own, in memory, and a clock that goes on a second a request.
#[derive(Debug, Clone)]
pub(super) struct Service {
    answer: Answer,
    state: Arc<State>,
    now: Arc<Mutex<Timestamp>>,
}

/// Account and region that requests are for, where a test says nothing else.
pub(super) fn scope() -> Scope {
    Scope { account: "000000000000".to_owned(), region: "eu-west-1".to_owned() }
}

/// The error's name.
pub(super) fn code(fault: Fault) -> String {
    match fault {
        Fault::Answer { code, .. } => code,
        Fault::Sandbox(error) => panic!("{error:?}"),
    }
}

impl Service {
    /// The service with nothing in it.
    pub(super) fn new(answer: Answer) -> Self {
        let state = State::open(std::path::Path::new(":memory:")).unwrap();
        let now = "2026-11-21T16:32:12.125Z".parse().unwrap();
        Self { answer, state: Arc::new(state), now: Arc::new(Mutex::new(now)) }
    }

    /// Sends a request.
    pub(super) fn ask(&self, operation: &str, body: &Value) -> Result<Value, Refusal> {
        self.ask_in(&scope(), operation, body)
    }

    /// Sends a request that must be answered.
    pub(super) fn get(&self, operation: &str, body: &Value) -> Value {
        self.ask(operation, body).unwrap_or_else(|refusal| panic!("{operation}: {refusal:?}"))
    }

    /// Sends a request that must be refused; gives the error's name.
    pub(super) fn refused(&self, operation: &str, body: &Value) -> String {
        match self.ask(operation, body) {
            Ok(answer) => panic!("{operation} answered {answer}"),
            Err(refusal) => refusal.code,
        }
    }

    /// Sends a request of another account or region.
    pub(super) fn ask_in(
        &self,
        scope: &Scope,
        operation: &str,
        body: &Value,
    ) -> Result<Value, Refusal> {
        let body = Bytes::from(serde_json::to_vec(body).unwrap());
        match self.call(scope.clone(), operation.to_owned(), body) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap()),
            Err(Fault::Answer { code, members, .. }) => Err(Refusal { code, members }),
            Err(Fault::Sandbox(error)) => panic!("{error:?}"),
        }
    }

    /// Works on the state directly, as other parts of the sandbox do.
    pub(super) fn transact<T>(&self, work: impl FnOnce(&mut Transaction<'_>) -> T) -> T {
        self.state.transact(|transaction| Ok::<_, SandboxError>(work(transaction))).unwrap()
    }

    /// The clock.
    pub(super) fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    /// One request in one transaction.
    fn call(&self, scope: Scope, operation: String, body: Bytes) -> Result<Bytes, Fault> {
        let now = {
            let mut now = self.now.lock().unwrap();
            *now += 1.second();
            *now
        };
        let caller = format!("arn:aws:iam::{}:user/ann", scope.account);
        let call = Call { scope, operation, body, now, caller };
        self.transact(|transaction| (self.answer)(&call, transaction))
    }

    /// The answer to a request of the SDK's client.
    fn respond(&self, request: &HttpRequest) -> HttpResponse {
        let target = request.headers().get("x-amz-target").unwrap();
        let operation = target.rsplit('.').next().unwrap().to_owned();
        let body = Bytes::copy_from_slice(request.body().bytes().unwrap());
        match self.call(scope(), operation, body) {
            Ok(body) => response(200, body),
            Err(Fault::Answer { status, code, mut members }) => {
                members.insert("__type".to_owned(), json!(code));
                response(status, Bytes::from(serde_json::to_vec(&members).unwrap()))
            }
            Err(Fault::Sandbox(error)) => panic!("{error:?}"),
        }
    }
}

/// A response with a JSON body.
fn response(status: u16, body: Bytes) -> HttpResponse {
    HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body))
}

impl HttpConnector for Service {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(Ok(self.respond(&request)))
    }
}

impl HttpClient for Service {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
