//! `GET /v1/receipts/{root}` and the single tokens below it.

use std::time::Duration;

use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use serde::Serialize;
use treering_tlog::hash::Hash;
use treering_token::{commitment::Commitment, token::Token};
use utoipa::ToSchema;

use super::{
    App,
    answer::{self, Cache},
    negotiate::Form,
    problem::MEDIA_TYPE,
    query::{self, InPath, ReceiptQuery},
    refusal::Refusal,
};
use crate::log::ReceiptState;

/// A receipt as JSON.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReceiptAnswer {
    /// The receipt's text (C2SP tlog-proof), exactly as `text/plain` has it.
    receipt: String,
    /// The index of the entry in the log.
    entry: u64,
    /// The submission root, 64 lowercase hex digits.
    root: String,
}

/// One hash of a submission with `tokens=true`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenAnswer {
    /// The hash as it was sent, 64 lowercase hex digits.
    hash: String,
    /// Where its token can be fetched for the token window: a path on this server.
    url: String,
    /// The token's text (C2SP tlog-proof); absent while it is not published yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl TokenAnswer {
    pub(super) fn announced(root: Hash, hash: Hash) -> TokenAnswer {
        TokenAnswer { hash: hash.to_string(), url: format!("/v1/receipts/{root}/tokens/{hash}"), token: None }
    }

    pub(super) fn with_token(self, token: &Token) -> TokenAnswer {
        TokenAnswer { token: Some(token.to_string()), ..self }
    }
}

/// What is not there yet.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Pending {
    /// `pending`.
    status: &'static str,
}

/// The receipt of a submission root.
///
/// It uses the earliest published checkpoint that covers it, with all cosignatures that are kept; `size` proves to
/// a later one. It may still gain cosignatures.
#[utoipa::path(
    get,
    path = "/v1/receipts/{root}",
    tag = "receipts",
    params(
        ("root" = String, Path, pattern = "^[0-9a-f]{64}$", description = "The submission root, 64 lowercase hex digits"),
        ("size" = Option<u64>, Query, description = "Prove to the published checkpoint of this size"),
        ("min_entry" = Option<u64>, Query, description = "The earliest entry at or after this one"),
        ("Accept" = Option<String>, Header, description = "`text/plain` (default) or `application/json`"),
    ),
    responses(
        (status = 200, description = "The receipt", content((String = "text/plain"), (ReceiptAnswer = "application/json"))),
        (status = 202, description = "Durable, not published yet", body = Pending, headers(("Retry-After" = u64, description = "Seconds until it is likely there"))),
        (status = 400, description = "A bad root, parameter or size", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 404, description = "No such submission", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 410, description = "The batch was dropped after the retention", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 500, description = "The server failed", body = super::openapi::Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(super) async fn receipt(
    State(app): State<App>,
    InPath(root): InPath<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let root = query::hash_in_path("root", &root)?;
    let asked = ReceiptQuery::parse(query.as_deref())?;
    let cache = if asked == ReceiptQuery::default() { Cache::Minute } else { Cache::Never };
    match app.log().receipt(root, asked.min_entry, asked.size).await? {
        ReceiptState::Ready(receipt) => Ok(ready(&receipt, root, &headers, cache)),
        ReceiptState::Pending { retry_after } => Ok(pending(retry_after)),
        ReceiptState::Gone => Err(Refusal::Gone { what: "receipt's batch" }),
        ReceiptState::Unknown => Err(Refusal::UnknownRoot),
    }
}

/// The token of one hash of a submission that was sent with `tokens=true`.
///
/// Whoever asks has to know both the root and the hash. After the token window the hashes are erased: 410.
#[utoipa::path(
    get,
    path = "/v1/receipts/{root}/tokens/{commitment}",
    tag = "receipts",
    params(
        ("root" = String, Path, pattern = "^[0-9a-f]{64}$", description = "The submission root, 64 lowercase hex digits"),
        ("commitment" = String, Path, pattern = "^[0-9a-f]{64}$", description = "The hash as it was sent, 64 lowercase hex digits"),
        ("Accept" = Option<String>, Header, description = "`text/plain` (default) or `application/json`"),
    ),
    responses(
        (status = 200, description = "The token", content((String = "text/plain"), (TokenAnswer = "application/json"))),
        (status = 202, description = "Durable, not published yet", body = Pending, headers(("Retry-After" = u64, description = "Seconds until it is likely there"))),
        (status = 400, description = "A bad root or hash", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 404, description = "No such submission, or it was sent without tokens=true, or this hash is not in it", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 410, description = "The token window is over", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 500, description = "The server failed", body = super::openapi::Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(super) async fn small_token(
    State(app): State<App>,
    InPath((root, commitment)): InPath<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let root = query::hash_in_path("root", &root)?;
    let hash = query::hash_in_path("commitment", &commitment)?;
    query::none(query.as_deref())?;
    match app.log().small_token(root, Commitment(hash)).await? {
        ReceiptState::Ready(token) => Ok(ready_token(&token, root, hash, &headers)),
        ReceiptState::Pending { retry_after } => Ok(pending(retry_after)),
        ReceiptState::Gone => Err(Refusal::Gone { what: "token" }),
        ReceiptState::Unknown => Err(Refusal::UnknownRoot),
    }
}

/// 200 with a receipt in the form that is liked.
pub(super) fn ready(receipt: &Token, root: Hash, headers: &HeaderMap, cache: Cache) -> Response {
    let text = receipt.to_string();
    answer::negotiated(match Form::of(headers) {
        Form::Text => answer::ok(answer::TEXT, cache, text),
        Form::Json => {
            let entry = receipt.index();
            answer::ok_json(cache, &ReceiptAnswer { receipt: text, entry, root: root.to_string() })
        }
    })
}

/// What will be deleted is not left in caches.
fn ready_token(token: &Token, root: Hash, hash: Hash, headers: &HeaderMap) -> Response {
    answer::negotiated(match Form::of(headers) {
        Form::Text => answer::ok(answer::TEXT, Cache::Never, token.to_string()),
        Form::Json => answer::ok_json(Cache::Never, &TokenAnswer::announced(root, hash).with_token(token)),
    })
}

pub(super) fn pending(retry_after: Duration) -> Response {
    let mut response = answer::json(StatusCode::ACCEPTED, Cache::Never, &Pending { status: "pending" });
    response.headers_mut().insert(header::RETRY_AFTER, whole_seconds(retry_after).into());
    response
}

/// Rounded up, at least 1: the header knows nothing smaller.
pub(super) fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0 || duration.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_never_too_early() {
        for (millis, seconds) in [(0, 1), (50, 1), (1000, 1), (1001, 2)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds);
        }
    }

    #[test]
    fn a_pending_receipt_is_never_stored() {
        let response = pending(Duration::from_secs(1));
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["retry-after"], "1");
    }

    #[test]
    fn a_hash_whose_token_is_not_there_has_no_such_member() {
        let answer = TokenAnswer::announced(Hash::new([1; 32]), Hash::new([2; 32]));
        let (root, hash) = ("01".repeat(32), "02".repeat(32));
        assert_eq!(
            serde_json::to_value(&answer).unwrap(),
            serde_json::json!({"hash": hash, "url": format!("/v1/receipts/{root}/tokens/{hash}")})
        );
    }
}
