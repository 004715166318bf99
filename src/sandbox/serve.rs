//! The sandbox over HTTP/1.1, for any AWS client: `AWS_ENDPOINT_URL=http://HOST:PORT`.
//!
//! Invariant: every connection is a task of the server's own, so that none is left when
//! [`serve`](Sandbox::serve) returns. Serve on loopback only: there is no access control.

use std::{pin::pin, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{CONNECTION, HOST},
};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{
    body::{Body as _, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use super::{Outcome, Sandbox, SandboxError, ecr};

/// The largest body that is taken. The largest that AWS takes is a part of a layer, 20 MiB that are
/// a third longer in base64.
pub(super) const LARGEST_BODY: usize = 28 << 20;

/// How long an answer is withheld from a client that does not give up.
const SILENCE: Duration = Duration::from_mins(2);

/// How long requests that are being answered may take when the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// How long to wait after a connection could not be accepted, for example for want of file
/// descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Why a connection is cut in place of an answer.
#[derive(Debug, thiserror::Error)]
enum Cut {
    /// The fault `drop`, `drop-after` or, at last, `timeout`; or a crash.
    #[error("a fault cuts the connection")]
    Fault,
    /// The request did not come whole.
    #[error("the request's body did not come")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The answer could not be made.
    #[error("the request was not answered")]
    Panicked(#[source] tokio::task::JoinError),
}

impl Sandbox {
    /// Serves until `stop` is done; then takes no more connections, and lets requests that are
    /// being answered end for up to two seconds.
    ///
    /// # Errors
    ///
    /// The state cannot be read. It is tried once before the first connection.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
    ) -> Result<(), SandboxError> {
        self.health()?;
        let (stopping, stopped) = watch::channel(());
        let mut connections = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(_ended) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _peer)) => {
                        connections.spawn(connection(self.clone(), stream, stopped.clone()));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection was not accepted");
                        tokio::time::sleep(PAUSE).await;
                    }
                },
            }
        }
        drop(listener);
        drop(stopping);
        let ended = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, ended).await.is_err() {
            connections.shutdown().await;
        }
        Ok(())
    }

    /// Answers one HTTP request, or tells that the connection is to be cut.
    async fn exchange(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Cut> {
        let (parts, body) = request.into_parts();
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
        if body.size_hint().lower() > LARGEST_BODY as u64 {
            return Ok(too_large());
        }
        let body = match Limited::new(body, LARGEST_BODY).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Ok(too_large()),
            Err(error) => return Err(Cut::Body(error)),
        };
        let request = Request::from_parts(parts, body);
        let reply = tokio::task::spawn_blocking(move || self.handle_client(request))
            .await
            .map_err(Cut::Panicked)?;
        tokio::time::sleep(reply.delay).await;
        match reply.outcome {
            Outcome::Answer(response) => {
                Ok(response.map(|body| Full::new(reachable(body, host.as_deref()))))
            }
            // The client is another process, which the server does not end.
            Outcome::Hangup | Outcome::Crash => Err(Cut::Fault),
            Outcome::Silence => {
                tokio::time::sleep(SILENCE).await;
                Err(Cut::Fault)
            }
        }
    }
}

/// Serves one connection until it ends or the server stops.
async fn connection(sandbox: Sandbox, stream: TcpStream, mut stopped: watch::Receiver<()>) {
    let answer = service_fn(move |request| sandbox.clone().exchange(request));
    let mut builder = http1::Builder::new();
    let connection =
        builder.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), answer);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        // The sender is dropped when the server stops.
        _closed = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection ended early");
    }
}

/// A body in which the URLs of layers have the host that the client knows the sandbox by.
fn reachable(body: Bytes, host: Option<&str>) -> Bytes {
    let Some(host) = host else { return body };
    match std::str::from_utf8(&body) {
        Ok(text) if text.contains(ecr::LAYERS) => {
            Bytes::from(text.replace(ecr::LAYERS, &format!("http://{host}/_sandbox/layers")))
        }
        _ => body,
    }
}

/// The answer to a body that is too large.
fn too_large() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
    // What is left of the body is not waited for.
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
