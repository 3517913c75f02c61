//! The admin listener: `/metrics` (OpenMetrics), `/livez` and `/readyz`. HTTP/1.1, for a private network.
//!
//! At most [`MAX_CONNECTIONS`] at once, each closed after [`MAX_AGE`]: Prometheus comes back by itself.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::State, routing::get};
use http::{StatusCode, header};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};
use tokio_util::sync::CancellationToken;

const MAX_CONNECTIONS: usize = 32;
const MAX_AGE: Duration = Duration::from_secs(60);
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// After a failure to accept (no file descriptors left) the loop waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What stands on the pages.
pub(crate) trait Pages: Send + Sync + 'static {
    /// The OpenMetrics text.
    fn metrics(&self) -> String;

    /// The text of `/readyz`: of a 200, or of a 503.
    fn ready(&self) -> Result<String, String> {
        Ok("ready\n".to_owned())
    }
}

/// Serves until the stop; gives the address.
pub(crate) async fn start(
    address: SocketAddr,
    pages: Arc<dyn Pages>,
    stop: CancellationToken,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    tokio::spawn(async move { stop.run_until_cancelled(accept(listener, router(pages))).await });
    Ok(bound)
}

/// The calls, for a listener of any kind.
pub(crate) fn router(pages: Arc<dyn Pages>) -> Router {
    Router::new()
        .route("/metrics", get(answer))
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(ready))
        .with_state(pages)
}

async fn answer(State(pages): State<Arc<dyn Pages>>) -> ([(header::HeaderName, &'static str); 1], String) {
    ([(header::CONTENT_TYPE, OPEN_METRICS)], pages.metrics())
}

async fn ready(State(pages): State<Arc<dyn Pages>>) -> (StatusCode, String) {
    match pages.ready() {
        Ok(text) => (StatusCode::OK, text),
        Err(text) => (StatusCode::SERVICE_UNAVAILABLE, text),
    }
}

async fn accept(listener: TcpListener, router: Router) {
    let open = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let permit = Arc::clone(&open).acquire_owned().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let service = TowerToHyperService::new(router.clone());
                tokio::spawn(async move {
                    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
                    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
                    let connection = builder.serve_connection(TokioIo::new(stream), service);
                    if let Ok(Err(error)) = timeout(MAX_AGE, connection).await {
                        tracing::debug!(error, "a connection ended early");
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "can't accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
