//! The admin listener: `/metrics` (OpenMetrics), `/livez` and `/readyz`.
//!
//! Ready means that a good request would be cosigned: the store works and the clock is not behind. What is wrong
//! stands in the body, one line each.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::{StatusCode, header};

use super::App;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(ready))
        .with_state(app)
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    for record in app.cosigner.records() {
        app.metrics.cosigned(&record);
    }
    ([(header::CONTENT_TYPE, OPEN_METRICS)], app.metrics.encode()).into_response()
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    let mut wrong = String::new();
    if let Some(failure) = &*app.cosigner.failure().borrow() {
        wrong.push_str(&format!("store: {failure}\n"));
    }
    if let Err(error) = app.cosigner.check_clock() {
        wrong.push_str(&format!("clock: {error}\n"));
    }
    if wrong.is_empty() {
        format!("ready: {} logs\n", app.cosigner.logs().len()).into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, wrong).into_response()
    }
}
