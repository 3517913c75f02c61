//! From a refusal to an HTTP answer: `application/problem+json` (RFC 9457). No other module knows which status an
//! error has.
//!
//! A body has `type` (`urn:treering:problem:<name>`, stable: programs may match on it), `title`, `status`, `detail`
//! (for people), `retry` (may the same request succeed later?) and the members of its kind, as `limit`. Problems
//! are `no-store`. 429, 503 and 507 carry `Retry-After`, spread out so that clients don't come back all at once. A 500
//! says nothing about its cause: that is in the server's log, which has the ID of one failed request a second.

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use super::refusal::Refusal;
use crate::{
    access::Denied,
    log::{ReadError, SubmitError},
};

/// What `type` begins with.
pub const TYPE_PREFIX: &str = "urn:treering:problem:";
/// The media type of every refusal.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// The formats that a submission may have, for `Accept-Post`.
const ACCEPT_POST: &str = "application/octet-stream, application/json, text/plain";
/// A stopping log is usually back soon after.
const RESTART: Duration = Duration::from_secs(5);
/// Somebody has to make room on a full disk.
const SPACE: Duration = Duration::from_secs(30);
/// Somebody has to find out who is right.
const HELD: Duration = Duration::from_secs(60);

/// What a kind of refusal always says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind {
    status: StatusCode,
    name: &'static str,
    title: &'static str,
    retry: bool,
}

const fn kind(status: StatusCode, name: &'static str, title: &'static str) -> Kind {
    Kind { status, name, title, retry: false }
}

const fn passing(status: StatusCode, name: &'static str, title: &'static str) -> Kind {
    Kind { status, name, title, retry: true }
}

fn kind_of(refusal: &Refusal) -> Kind {
    use StatusCode as S;
    match refusal {
        Refusal::EmptyBody => kind(S::BAD_REQUEST, "empty_body", "No hash in the body"),
        Refusal::BodyLength { .. } => kind(S::BAD_REQUEST, "body_length", "Not a multiple of 32 bytes"),
        Refusal::TooManyHashes { .. } => kind(S::PAYLOAD_TOO_LARGE, "too_many_hashes", "Too many hashes"),
        Refusal::TooManyForTokens { .. } => {
            kind(S::PAYLOAD_TOO_LARGE, "too_many_for_tokens", "Too many hashes for tokens=true")
        }
        Refusal::CutOff { .. } => passing(S::BAD_REQUEST, "cut_off", "The body was cut off"),
        Refusal::TooSlow { .. } => passing(S::REQUEST_TIMEOUT, "too_slow", "The body came too slowly"),
        Refusal::Encoded { .. } => {
            kind(S::UNSUPPORTED_MEDIA_TYPE, "content_encoding", "Encoded bodies are not taken")
        }
        Refusal::ContentType { .. } => {
            kind(S::UNSUPPORTED_MEDIA_TYPE, "content_type", "Not a format of submissions")
        }
        Refusal::Json { .. } => kind(S::BAD_REQUEST, "json", "Not the JSON of a submission"),
        Refusal::JsonHash { .. } => kind(S::BAD_REQUEST, "json_hash", "Not a hash"),
        Refusal::SumsLine { .. } => kind(S::BAD_REQUEST, "sums_line", "Not a line of sha256sum"),
        Refusal::UnknownParameter { .. } => {
            kind(S::BAD_REQUEST, "unknown_parameter", "Unknown query parameter")
        }
        Refusal::RepeatedParameter { .. } => {
            kind(S::BAD_REQUEST, "repeated_parameter", "Repeated query parameter")
        }
        Refusal::ParameterValue { .. } => {
            kind(S::BAD_REQUEST, "parameter_value", "Wrong value of a query parameter")
        }
        Refusal::PathValue { .. } => kind(S::BAD_REQUEST, "path_value", "Wrong value in the path"),
        Refusal::TilePath(_) => kind(S::BAD_REQUEST, "tile_path", "Not a tile's path"),
        Refusal::UnknownPath => kind(S::NOT_FOUND, "unknown_path", "Nothing is here"),
        Refusal::Method => kind(S::METHOD_NOT_ALLOWED, "method", "Not a method of this path"),
        Refusal::UnknownRoot => kind(S::NOT_FOUND, "unknown_root", "Unknown submission"),
        Refusal::NoTsa => kind(S::NOT_FOUND, "no_tsa", "No timestamp authority"),
        Refusal::QueryType { .. } => kind(S::UNSUPPORTED_MEDIA_TYPE, "query_type", "Not a timestamp query"),
        Refusal::QueryTooLong { .. } => kind(S::PAYLOAD_TOO_LARGE, "query_too_long", "Too long for a query"),
        Refusal::NotAQuery(_) => kind(S::BAD_REQUEST, "not_a_query", "Not a timestamp query"),
        Refusal::NoEmbedding => kind(S::BAD_REQUEST, "no_embedding", "No embedded proofs"),
        Refusal::UnknownSerial => kind(S::NOT_FOUND, "unknown_serial", "Unknown timestamp"),
        Refusal::NotPublished { .. } => passing(S::NOT_FOUND, "not_published", "Not published"),
        Refusal::Gone { .. } => kind(S::GONE, "gone", "Deleted after its time"),
        Refusal::Submit(error) => kind_of_submit(error),
        Refusal::Read(error) => kind_of_read(error),
        Refusal::Denied(denied) => kind_of_denied(denied),
        Refusal::Internal => INTERNAL,
    }
}

const INTERNAL: Kind = passing(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The server failed");
const MIN_ENTRY: Kind = kind(StatusCode::BAD_REQUEST, "min_entry_too_large", "min_entry is in the future");

fn kind_of_submit(error: &SubmitError) -> Kind {
    match error {
        SubmitError::QueueFull { .. } => {
            passing(StatusCode::TOO_MANY_REQUESTS, "queue_full", "The queue is full")
        }
        SubmitError::NoSpace => {
            passing(StatusCode::INSUFFICIENT_STORAGE, "no_space", "The disk is nearly full")
        }
        SubmitError::MinEntryTooLarge { .. } => MIN_ENTRY,
        SubmitError::Frozen { .. } => kind(StatusCode::GONE, "frozen", "The log has ended"),
        SubmitError::Unreadable => INTERNAL,
        SubmitError::Stopping => passing(StatusCode::SERVICE_UNAVAILABLE, "stopping", "The log is stopping"),
        SubmitError::Held => passing(StatusCode::SERVICE_UNAVAILABLE, "held", "The log is held"),
    }
}

fn kind_of_denied(denied: &Denied) -> Kind {
    match denied {
        Denied::NoKey { .. } => kind(StatusCode::UNAUTHORIZED, "no_api_key", "An API key is needed"),
        Denied::UnknownKey => kind(StatusCode::UNAUTHORIZED, "unknown_api_key", "Not an API key of this log"),
        Denied::ExpiredKey => kind(StatusCode::UNAUTHORIZED, "expired_api_key", "The API key has expired"),
        Denied::Scope { .. } => {
            kind(StatusCode::FORBIDDEN, "api_key_scope", "The API key is for something else")
        }
        Denied::Rate { .. } => {
            passing(StatusCode::TOO_MANY_REQUESTS, "rate_limit", "Too much from this caller")
        }
    }
}

fn kind_of_read(error: &ReadError) -> Kind {
    match error {
        ReadError::Store => INTERNAL,
        ReadError::Size => {
            kind(StatusCode::BAD_REQUEST, "size", "Not a published size that covers the entry")
        }
        ReadError::MinEntryTooLarge { .. } => MIN_ENTRY,
    }
}

/// The members that a program may need, beside those of every problem.
fn members_of(refusal: &Refusal) -> Map<String, Value> {
    let value = match refusal {
        Refusal::BodyLength { bytes, remainder } => json!({"bytes": bytes, "remainder": remainder}),
        Refusal::TooManyHashes { limit }
        | Refusal::TooManyForTokens { limit }
        | Refusal::QueryTooLong { limit } => json!({"limit": limit}),
        Refusal::CutOff { bytes } | Refusal::TooSlow { bytes } => json!({"bytes": bytes}),
        Refusal::Json { offset, .. } => json!({"offset": offset}),
        Refusal::JsonHash { index, .. } => json!({"index": index}),
        Refusal::SumsLine { line, .. } => json!({"line": line}),
        Refusal::UnknownParameter { name, .. } => json!({"name": name}),
        Refusal::RepeatedParameter { name }
        | Refusal::ParameterValue { name, .. }
        | Refusal::PathValue { name, .. } => json!({"name": name}),
        Refusal::Denied(Denied::NoKey { scope } | Denied::Scope { scope }) => json!({"scope": scope.name()}),
        Refusal::Denied(Denied::Rate { quota, amount, window, .. }) => {
            json!({"quota": quota, "limit": amount, "window": window})
        }
        Refusal::Submit(SubmitError::MinEntryTooLarge { size } | SubmitError::Frozen { size })
        | Refusal::Read(ReadError::MinEntryTooLarge { size }) => json!({"size": size}),
        _ => return Map::new(),
    };
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// How long to stay away at least; the answer adds a spread.
fn retry_after(refusal: &Refusal) -> Option<Duration> {
    match refusal {
        Refusal::Submit(error) => retry_after_of(error),
        Refusal::Denied(Denied::Rate { retry_after, .. }) => Some(*retry_after),
        _ => None,
    }
}

/// The same of what the pipeline didn't take; a TimeStampResp says it, too.
pub(super) fn retry_after_of(error: &SubmitError) -> Option<Duration> {
    match error {
        SubmitError::QueueFull { retry_after } => Some(*retry_after),
        SubmitError::Stopping => Some(RESTART),
        SubmitError::NoSpace => Some(SPACE),
        SubmitError::Held => Some(HELD),
        SubmitError::MinEntryTooLarge { .. } | SubmitError::Frozen { .. } | SubmitError::Unreadable => None,
    }
}

impl Refusal {
    /// The status that this refusal is answered with.
    pub fn status(&self) -> StatusCode {
        kind_of(self).status
    }

    /// Its stable name: the end of `type`, and the label in metrics.
    pub fn name(&self) -> &'static str {
        kind_of(self).name
    }

    fn body(&self) -> Value {
        let kind = kind_of(self);
        let mut body = Map::new();
        body.insert("type".to_owned(), format!("{TYPE_PREFIX}{}", kind.name).into());
        body.insert("title".to_owned(), kind.title.into());
        body.insert("status".to_owned(), kind.status.as_u16().into());
        body.insert("detail".to_owned(), self.to_string().into());
        body.insert("retry".to_owned(), kind.retry.into());
        body.extend(members_of(self));
        Value::Object(body)
    }

    fn answer(&self, spread: u8) -> Response {
        let mut response = (self.status(), self.body().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(least) = retry_after(self) {
            // Callers that have used up what is theirs come back each at a time of its own anyway, and RateLimit says which.
            let spread = if matches!(self, Refusal::Denied(_)) { 0 } else { spread };
            headers.insert(header::RETRY_AFTER, spread_seconds(least, spread).into());
        }
        match self {
            Refusal::ContentType { .. } => {
                headers.insert("accept-post", HeaderValue::from_static(ACCEPT_POST));
            }
            Refusal::QueryType { .. } => {
                headers.insert("accept-post", HeaderValue::from_static("application/timestamp-query"));
            }
            // SPEC: RFC 9110 section 15.5.16: says that the encoding is what is not supported.
            Refusal::Encoded { .. } => {
                headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            }
            // What is left of the body would be read as the next request's head.
            Refusal::TooSlow { .. } | Refusal::CutOff { .. } => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        // The stable name, for the metrics: the observing layer takes it out of the answer's extensions.
        response.extensions_mut().insert(RefusalName(self.name()));
        response
    }
}

/// Beside a refusal's answer, for metrics.
#[derive(Clone, Copy, Debug)]
pub(super) struct RefusalName(pub(super) &'static str);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.answer(random_byte())
    }
}

/// Whole seconds, rounded up, at least 1, and up to half as long again (at least one second) by `spread`.
fn spread_seconds(least: Duration, spread: u8) -> u64 {
    let seconds = least.as_millis().div_ceil(1000).clamp(1, 3600) as u64;
    let range = (seconds / 2).max(1) + 1;
    seconds + u64::from(spread) % range
}

fn random_byte() -> u8 {
    let mut byte = [0];
    // Without randomness everybody comes back at once, which is no reason to fail.
    let _ = getrandom::fill(&mut byte);
    byte[0]
}

#[cfg(test)]
mod tests;
