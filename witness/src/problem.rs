//! What the answers of the witness and of the mirror have in common where they refuse something.

use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use treering_tlog::{
    tree::TreeSize,
    witness::{SIZE_CONTENT_TYPE, print_conflict},
};

/// SPEC: RFC 9457: the problem's `type` is a stable name. `retry`: the same request may do better later.
pub(crate) fn problem(status: StatusCode, name: &str, detail: &str, retry: bool) -> Response {
    let body = serde_json::json!({
        "type": format!("urn:treering:problem:{name}"),
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": detail,
        "retry": retry,
    });
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// SPEC: tlog-witness, add-checkpoint: 409, text/x.tlog.size, the size in decimal and a newline.
pub(crate) fn conflict(size: TreeSize) -> Response {
    (StatusCode::CONFLICT, [(header::CONTENT_TYPE, SIZE_CONTENT_TYPE)], print_conflict(size)).into_response()
}

/// With a capital first letter, as errors have none.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
