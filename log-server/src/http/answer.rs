//! Positive answers: a body, its media type, and how long caches may keep it.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

pub(super) const TEXT: &str = "text/plain; charset=utf-8";
pub(super) const OCTETS: &str = "application/octet-stream";
pub(super) const JSON: &str = "application/json";

/// How long an answer stays true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cache {
    /// For ever: full and partial tiles, bundles and batches never change (tlog-tiles).
    Immutable,
    /// A minute: receipts and past checkpoints may still gain cosignatures.
    Minute,
    /// A second: the newest checkpoint.
    Second,
    /// Not at all: states that pass, what is to be deleted, answers to query strings.
    Never,
}

impl Cache {
    fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Cache::Immutable => "public, max-age=31536000, immutable",
            Cache::Minute => "public, max-age=60",
            Cache::Second => "public, max-age=1",
            Cache::Never => "no-store",
        })
    }
}

/// 200 with these bytes.
pub(super) fn ok(media_type: &'static str, cache: Cache, body: impl Into<Body>) -> Response {
    with_status(StatusCode::OK, media_type, cache, body)
}

/// 200 with this value as JSON.
pub(super) fn ok_json(cache: Cache, value: &impl Serialize) -> Response {
    json(StatusCode::OK, cache, value)
}

/// Any status with this value as JSON.
pub(super) fn json(status: StatusCode, cache: Cache, value: &impl Serialize) -> Response {
    // Plain structs of strings and numbers always become JSON.
    let body = serde_json::to_string(value).expect("a struct of strings, numbers and lists is JSON");
    with_status(status, JSON, cache, body)
}

/// The answer differs by `Accept`.
pub(super) fn negotiated(mut response: Response) -> Response {
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    response
}

fn with_status(
    status: StatusCode,
    media_type: &'static str,
    cache: Cache,
    body: impl Into<Body>,
) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CACHE_CONTROL, cache.header()),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, headers, body.into()).into_response()
}
