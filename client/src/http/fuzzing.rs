//! What this client reads of an answer.

use super::{LogInfo, budget::Budget, problem_words, retry};
use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use std::time::{Duration, Instant, UNIX_EPOCH};

/// `GET /v1/log`.
pub(crate) fn info(body: &[u8]) -> Option<LogInfo> {
    serde_json::from_slice(body).ok()
}

/// What a refusal's body says.
pub(crate) fn problem(body: &[u8]) -> String {
    problem_words(StatusCode::BAD_REQUEST, body, "is this a log?")
}

/// How long a second submission waits after an answer with these headers, and what they say themselves.
pub(crate) fn pause(headers: &[(HeaderName, &[u8])], hashes: u64) -> (Duration, Option<Duration>) {
    let value = |value: &[u8]| HeaderValue::from_bytes(value).ok();
    let all: HeaderMap =
        headers.iter().filter_map(|(name, text)| Some((name.clone(), value(text)?))).collect();
    let (budget, now) = (Budget::default(), Instant::now());
    budget.note(&all, now);
    budget.reserve(hashes, now);
    (budget.reserve(hashes, now), retry::after(&all, UNIX_EPOCH))
}
