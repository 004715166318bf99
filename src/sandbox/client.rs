//! The sandbox as the SDK's HTTP client: requests reach it in process, with no socket.
//!
//! Faults become what the SDK makes of a real connection's: a cut one is a transient error, an
//! answer that does not come is a timeout, a crash ends the process. The timeout is told at once, since nobody gains by waiting for
//! it; only latencies are waited for.

use aws_smithy_runtime_api::client::{
    connector_metadata::ConnectorMetadata,
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::{body::SdkBody, retry::ErrorKind};
use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt as _;

use super::{Outcome, Sandbox, crash};

/// Why a request was not answered.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    /// The fault `timeout`.
    #[error("the sandbox withheld its answer")]
    Withheld,
    /// The faults `drop` and `drop-after`.
    #[error("the sandbox cut the connection")]
    Cut,
}

/// Sends requests to the sandbox.
#[derive(Debug, Clone)]
struct InProcess(Sandbox);

impl Sandbox {
    /// The HTTP client with which an SDK client talks to this sandbox. It needs a Tokio runtime.
    #[must_use]
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(InProcess(self.clone()))
    }

    /// Answers a request off the runtime's own threads, since the state is a file.
    async fn respond(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request = collect(request).await?;
        let turn = self.turn().await;
        let answering = tokio::task::spawn_blocking(move || {
            let reply = self.handle_client(request);
            if matches!(reply.outcome, Outcome::Crash) {
                crash::strike();
            }
            drop(turn);
            reply
        });
        let reply =
            answering.await.map_err(|panicked| ConnectorError::other(panicked.into(), None))?;
        tokio::time::sleep(reply.delay).await;
        match reply.outcome {
            Outcome::Answer(response) => HttpResponse::try_from(response.map(SdkBody::from))
                .map_err(|error| ConnectorError::other(error.into(), None)),
            Outcome::Silence => Err(ConnectorError::timeout(Unanswered::Withheld.into())),
            Outcome::Hangup | Outcome::Crash => {
                // What the SDK's own client tells of a connection that ends before the answer.
                let kind = Some(ErrorKind::TransientError);
                Err(ConnectorError::other(Unanswered::Cut.into(), kind))
            }
        }
    }
}

/// The request with its whole body.
async fn collect(request: HttpRequest) -> Result<Request<Bytes>, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(ConnectorError::user)?;
    Ok(Request::from_parts(parts, body.to_bytes()))
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.0.clone().respond(request))
    }
}

impl HttpClient for InProcess {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        Some(ConnectorMetadata::new("sandbox", None))
    }
}
