//! The admin listener: metrics and probes, never on the public address.
//!
//! `/livez`: the process answers. `/readyz`: submissions are taken (a load balancer asks this). `/readyz/publish`:
//! what is sealed is also published (people are told by this). A frozen log is well with both. Both say in words what is degraded.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{encoding::text, registry::Registry};

use super::{Api, HttpMetrics, refusal::Refusal};
use crate::log::{Log, Status};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Debug)]
struct Admin {
    log: Log,
    registry: Arc<Registry>,
}

/// Metrics of the log and of its public listener, and probes.
pub fn api(log: Log, public: &HttpMetrics) -> Api {
    let mut registry = Registry::default();
    log.register_metrics(&mut registry);
    public.register(&mut registry);
    let routes = Router::new()
        .route("/metrics", get(show_metrics))
        .route("/livez", get(async || StatusCode::NO_CONTENT))
        .route("/readyz", get(ready))
        .route("/readyz/publish", get(ready_to_publish))
        .with_state(Admin { log, registry: Arc::new(registry) });
    // Probes are no traffic: they are counted apart, and nobody reads that.
    Api::new(routes, HttpMetrics::default())
}

async fn show_metrics(State(admin): State<Admin>) -> Result<Response, Refusal> {
    let mut body = String::new();
    text::encode(&mut body, &admin.registry).map_err(|_| Refusal::Internal)?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], body).into_response())
}

async fn ready(State(admin): State<Admin>) -> Response {
    let status = admin.log.status();
    probe(status.accepting || status.frozen.is_some(), &status)
}

async fn ready_to_publish(State(admin): State<Admin>) -> Response {
    let status = admin.log.status();
    probe(status.publishing, &status)
}

fn probe(well: bool, status: &Status) -> Response {
    let code = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, [(header::CACHE_CONTROL, "no-store")], Json(status)).into_response()
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_probe_says_what_is_degraded() {
        let status = Status {
            accepting: true,
            publishing: false,
            frozen: None,
            degraded: vec!["2 of 3 witnesses do not answer".to_owned()],
            sealed_size: 5,
            published_size: Some(4),
            pending: 1,
        };
        assert_eq!(probe(status.accepting, &status).status(), StatusCode::OK);
        let response = probe(status.publishing, &status);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["degraded"][0], "2 of 3 witnesses do not answer");
        assert_eq!(body["sealed_size"], 5);
    }
}
