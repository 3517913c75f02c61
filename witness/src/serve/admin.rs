//! The admin listener: `/metrics` (OpenMetrics), `/livez` and `/readyz`.
//!
//! Ready means that a good request would be cosigned: the store works and is not an old one, and the clock is not behind.
//! What is wrong stands in the body, one line each.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::{StatusCode, header};

use super::App;
use crate::cosigner::Comparison;

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
    let comparisons = app.cosigner.comparisons();
    let logs = app.cosigner.logs();
    let unchecked = |origin| matches!(comparisons.get(origin), Comparison::Unchecked(_));
    app.metrics.compared(
        logs.iter().filter(|(origin, _)| unchecked(origin)).count(),
        logs.iter().filter(|(origin, _)| !comparisons.may_sign(origin)).count(),
    );
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
    if app.cosigner.comparisons().rolled_back() {
        wrong.push_str("records: older than what this witness signed; see `treering-witness list`\n");
    }
    if wrong.is_empty() {
        format!("ready: {} logs\n", app.cosigner.logs().len()).into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, wrong).into_response()
    }
}
