//! The log's HTTP API: one file a group of calls, `problem` for every refusal, `accept` for connections.
//!
//! Handlers read a request strictly, ask [`Log`], and write the answer; they know nothing of how
//! the log keeps its promises. The API's description (`spec/openapi.json`) is made from the same registrations as
//! the routes.

pub mod accept;
mod admin;
mod answer;
mod batches;
mod body;
mod checkpoints;
mod gate;
mod gather;
mod hashes;
mod info;
mod metrics;
mod negotiate;
mod observe;
pub mod openapi;
mod pieces;
mod pool;
pub mod problem;
mod query;
mod receipts;
pub mod refusal;
mod room;
mod stall;
mod submissions;
mod tiles;
pub mod tls;
mod tokens;
mod tsa;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

pub use admin::api as admin_api;
pub use hashes::MAX_TOKENS;
pub use metrics::HttpMetrics;

use axum::{
    Router,
    extract::Request,
    http::{HeaderName, HeaderValue},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::FutureExt;
use tower::ServiceExt;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::{pool::WorkPool, refusal::Refusal};
use crate::{access::Access, config::Limits, log::Log, throttle::Throttle, tsa::Tsa};

/// What the handlers share; cheap to clone.
#[derive(Clone, Debug)]
pub struct App(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    log: Log,
    access: Access,
    tsa: Option<Tsa>,
    /// Signs where that is slow: a key's token that hangs must not keep anybody's hashes waiting.
    signers: Option<WorkPool>,
    limits: Limits,
    metrics: HttpMetrics,
    pool: WorkPool,
    limit_headers: [(HeaderName, HeaderValue); 4],
}

impl App {
    /// The API of this log, and of its timestamp authority if it has one, for whom `access` lets in, within these limits.
    ///
    /// # Errors
    /// The threads that hash bodies could not be started.
    pub fn new(
        log: Log,
        access: Access,
        tsa: Option<Tsa>,
        limits: Limits,
        metrics: HttpMetrics,
    ) -> Result<App, rayon::ThreadPoolBuildError> {
        let pool = WorkPool::start("hash")?;
        let signers =
            tsa.as_ref().filter(|tsa| tsa.is_slow()).map(|_| WorkPool::start("sign")).transpose()?;
        Ok(App(Arc::new(Shared {
            log,
            access,
            tsa,
            signers,
            limits,
            metrics,
            pool,
            limit_headers: submissions::limit_headers(&limits),
        })))
    }

    fn log(&self) -> &Log {
        &self.0.log
    }

    fn access(&self) -> &Access {
        &self.0.access
    }

    fn tsa(&self) -> Option<&Tsa> {
        self.0.tsa.as_ref()
    }

    fn signers(&self) -> Option<&WorkPool> {
        self.0.signers.as_ref()
    }

    fn limits(&self) -> &Limits {
        &self.0.limits
    }

    fn limit_headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.0.limit_headers
    }

    fn pool(&self) -> &WorkPool {
        &self.0.pool
    }

    fn metrics(&self) -> &HttpMetrics {
        &self.0.metrics
    }
}

/// Routes with what goes around every request; cheap to clone. It stands around the router and not in it: a layer of
/// the router's is a boxed service of its own around each route, made anew for each request.
#[derive(Clone, Debug)]
pub struct Api {
    router: Router,
    metrics: HttpMetrics,
    /// How often it is told that a request failed.
    failures: Arc<Throttle>,
}

/// The public API.
pub fn api(app: App) -> Api {
    let metrics = app.metrics().clone();
    let (routes, _) = routes_and_description().split_for_parts();
    Api::new(routes.with_state(app), metrics)
}

impl Api {
    /// Unknown paths and methods become problems, as on every listener.
    fn new(routes: Router, metrics: HttpMetrics) -> Api {
        let router = routes
            .fallback(async || Refusal::UnknownPath)
            .method_not_allowed_fallback(async || Refusal::Method);
        Api { router, metrics, failures: Arc::new(Throttle::new(Duration::from_secs(1))) }
    }

    /// Answers a request, whatever becomes of it: counted, with an ID, a panic as a 500.
    pub async fn answer(&self, request: Request) -> Response {
        observe::observe((&self.metrics, &self.failures), request, async |request| {
            let answer = self.router.clone().oneshot(request);
            match AssertUnwindSafe(answer).catch_unwind().await {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(_) => Refusal::Internal.into_response(),
            }
        })
        .await
    }
}

/// Each call once: its route, and what `openapi` says of it.
fn routes_and_description() -> OpenApiRouter<App> {
    let mut router = OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(submissions::submit))
        .routes(routes!(receipts::receipt))
        .routes(routes!(receipts::small_token))
        .routes(routes!(tsa::timestamp))
        .routes(routes!(tsa::proof))
        .routes(routes!(batches::batch))
        .routes(routes!(checkpoints::past))
        .routes(routes!(checkpoints::newest))
        .routes(routes!(info::log))
        .routes(routes!(info::policy))
        // A tile's path has slashes, which no parameter of OpenAPI can hold: described as one, routed as the rest.
        .route("/tile/{*path}", get(tiles::tile));
    let (_, described, _): (_, _, axum::routing::MethodRouter<App>) = routes!(tiles::tile);
    router.get_openapi_mut().paths.paths.extend(described.paths);
    router
}
