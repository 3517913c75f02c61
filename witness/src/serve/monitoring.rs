//! `GET /<origin hash>/checkpoint` (C2SP tlog-witness, monitor retrieval): the last checkpoint that was cosigned, with
//! the log's verified signatures and this witness's own.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Response},
};
use http::header;

use super::{App, problem::Problem};

/// A cache may hold it this long; the standard allows an hour.
const CACHE_CONTROL: &str = "public, max-age=5";

pub(super) async fn checkpoint(State(app): State<Arc<App>>, Path(origin_hash): Path<String>) -> Response {
    match app.cosigner.latest(&origin_hash) {
        Some(record) => {
            let headers =
                [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, CACHE_CONTROL)];
            (headers, record.note().to_string()).into_response()
        }
        // SPEC: tlog-witness, monitor retrieval: 404 if this witness has never cosigned a checkpoint of that log.
        None => Problem::NotFound.into_response(),
    }
}
