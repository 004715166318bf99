//! The HTTP client of this program, and plain downloads through whatever client is in use.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use aws_smithy_http_client::{
    Connector,
    proxy::ProxyConfig,
    tls::{self, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        http::{
            HttpClient as _, HttpConnector as _, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector, http_client_fn,
        },
        interceptors::{Intercept, context::BeforeTransmitInterceptorContextRef},
        orchestrator::HttpRequest,
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::{body::SdkBody, config_bag::ConfigBag};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};

/// How long a connection may take to stand.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a download may take.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(12);
/// The most bytes a download may have; image configurations are a few kilobytes.
const DOWNLOAD_MAX: usize = 4 << 20;

/// The client that real AWS is spoken to with: Rustls with ring and the machine's own root
/// certificates, by way of the proxy that `HTTPS_PROXY` and `NO_PROXY` name.
pub(super) fn client() -> SharedHttpClient {
    client_through(ProxyConfig::from_env())
}

/// A client by way of a proxy. The SDK's ready-made client takes none, so that connectors are
/// made and kept here, one for each pair of timeouts, as the SDK's own does.
fn client_through(proxy: ProxyConfig) -> SharedHttpClient {
    type Timeouts = (Option<Duration>, Option<Duration>);
    let connectors: Mutex<HashMap<Timeouts, SharedHttpConnector>> = Mutex::default();
    http_client_fn(move |settings, _| {
        let timeouts = (settings.connect_timeout(), settings.read_timeout());
        let mut connectors = connectors.lock().unwrap_or_else(PoisonError::into_inner);
        connectors.entry(timeouts).or_insert_with(|| connector(settings, &proxy)).clone()
    })
}

/// A connector with its own pool of connections.
fn connector(settings: &HttpConnectorSettings, proxy: &ProxyConfig) -> SharedHttpConnector {
    SharedHttpConnector::new(
        Connector::builder()
            .connector_settings(settings.clone())
            .proxy_config(proxy.clone())
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .build(),
    )
}

/// Why a download failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BlobError {
    /// No request was sent yet whose surroundings could be used.
    #[error("there is no HTTP client")]
    NoClient,
    /// The URL is none.
    #[error("the URL is not valid")]
    Url(#[source] aws_smithy_runtime_api::http::HttpError),
    /// The server could not be reached.
    #[error("the server cannot be reached")]
    Transport(#[source] ConnectorError),
    /// The server refused.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// The body was cut short or is too long.
    #[error("the body cannot be read")]
    Body(#[source] BoxError),
    /// It took too long.
    #[error("the download took longer than {} s", DOWNLOAD_TIMEOUT.as_secs())]
    Timeout,
}

/// Catches what the SDK sends requests with, so that a URL that AWS hands out can be fetched with
/// the very same client, be it the real one or one that answers in process.
#[derive(Debug, Clone, Default)]
pub(crate) struct HttpContext(Arc<OnceLock<RuntimeComponents>>);

impl Intercept for HttpContext {
    fn name(&self) -> &'static str {
        "HttpContext"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        components: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.get_or_init(|| components.clone());
        Ok(())
    }
}

impl HttpContext {
    /// Fetches a URL, unsigned.
    ///
    /// # Errors
    /// Fails unless the server answers with a success and at most 4 MiB in 12 s.
    pub(crate) async fn download(&self, url: &str) -> Result<Bytes, BlobError> {
        tokio::time::timeout(DOWNLOAD_TIMEOUT, self.fetch(url))
            .await
            .unwrap_or(Err(BlobError::Timeout))
    }

    /// [`Self::download`] without the deadline.
    async fn fetch(&self, url: &str) -> Result<Bytes, BlobError> {
        let components = self.0.get().ok_or(BlobError::NoClient)?;
        let client = components.http_client().ok_or(BlobError::NoClient)?;
        let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).build();
        let mut request = HttpRequest::new(SdkBody::empty());
        request.set_uri(url).map_err(BlobError::Url)?;
        let answer = client
            .http_connector(&settings, components)
            .call(request)
            .await
            .map_err(BlobError::Transport)?;
        if !answer.status().is_success() {
            return Err(BlobError::Status(answer.status().as_u16()));
        }
        let body = Limited::new(answer.into_body(), DOWNLOAD_MAX).collect().await;
        Ok(body.map_err(BlobError::Body)?.to_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{
        aws::{
            Aws, AwsError, AwsOptions, Bucket, FaultKind, Operation, Repeat, connection::Connection,
        },
        testing::connection,
    };

    #[tokio::test]
    async fn a_write_that_never_left_is_not_in_doubt() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let aws = Aws::new(AwsOptions {
            http_client: Some(client_through(ProxyConfig::disabled())),
            ..AwsOptions::default()
        });
        let nobody = Connection { endpoint_url: Some(format!("http://{address}")), ..connection() };
        let session = aws.connect(&nobody).await;
        let client = aws_sdk_ecs::Client::new(session.config());
        let refused = client.update_service().service("s").send().await.unwrap_err();
        let write = Operation {
            name: "UpdateService",
            bucket: Bucket::ServiceModify,
            repeat: Repeat::ActsAgain,
        };
        let error = AwsError::new(write, refused);
        assert_eq!(error.kind(), &FaultKind::Unreachable, "{error}");
        assert!(error.message().contains("refused"), "{error}");
    }
}
