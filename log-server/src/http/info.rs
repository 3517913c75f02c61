//! `GET /v1/log` and `GET /v1/policy`: who this log is, what it takes, whom to trust for it.

use axum::{
    extract::{RawQuery, State},
    http::HeaderMap,
    response::Response,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    App,
    answer::{self, Cache},
    hashes::MAX_TOKENS,
    negotiate::Form,
    problem::MEDIA_TYPE,
    query,
    refusal::Refusal,
};
use crate::{config::Admission, log::WitnessStatus};

/// Who this log is and what it takes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LogAnswer {
    /// The log's origin: the first line of its checkpoints.
    origin: String,
    /// The log's verifier key (C2SP signed-note).
    vkey: String,
    /// All keys that sign its checkpoints now: two while the key changes, the old one first.
    vkeys: Vec<String>,
    /// What one request may ask for.
    limits: LimitsAnswer,
    /// The size at which this log ended, and since when it is read-only, for ever; null: it lives.
    frozen: Option<u64>,
    /// Who may send what; reading is open to all.
    access: AccessAnswer,
    /// For how many seconds batches are kept; null: for ever.
    retention_seconds: Option<u64>,
    /// The version of the server.
    version: &'static str,
}

/// What one request may ask for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LimitsAnswer {
    /// Hashes in one binary submission.
    max_hashes: u64,
    /// Hashes in one JSON or text submission.
    max_json_hashes: u64,
    /// Hashes in one submission with `tokens=true`.
    max_tokens: u64,
    /// The longest `Prefer: wait`, in seconds.
    max_wait_seconds: u64,
    /// How often a batch is sealed, in milliseconds.
    tick_ms: u64,
    /// For how many seconds after sealing single tokens can be fetched.
    token_window_seconds: u64,
    /// What one caller may send in a window.
    rate: RateAnswer,
}

/// What one caller may send in a window; null: any number.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RateAnswer {
    /// The window, in seconds.
    window_seconds: u64,
    /// Requests of each address without an API key.
    address_requests: Option<u64>,
    /// Hashes of each address without an API key.
    address_hashes: Option<u64>,
    /// Requests of each API key.
    key_requests: Option<u64>,
    /// Hashes of each API key.
    key_hashes: Option<u64>,
}

/// Who may send what.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccessAnswer {
    /// Submissions: `open` (everybody), or `keys` (holders of an API key with the scope `submit`).
    submissions: &'static str,
    /// Timestamp queries, the same with the scope `timestamp`.
    timestamps: &'static str,
}

/// The policy in force, with how its witnesses stand.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PolicyAnswer {
    /// The policy file (C2SP tlog-policy): the log and its witnesses.
    policy: String,
    /// In the policy's order.
    witnesses: Vec<WitnessStatus>,
}

/// Who this log is, its limits, its retention.
#[utoipa::path(
    get,
    path = "/v1/log",
    tag = "log",
    responses(
        (status = 200, description = "Who this log is", body = LogAnswer),
        (status = 400, description = "A query string", body = super::openapi::Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(super) async fn log(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    query::none(query.as_deref())?;
    let (limits, settings) = (app.limits(), app.log().settings());
    let access = app.access().config();
    let rate = &access.rate_limits;
    let answer = LogAnswer {
        origin: app.log().origin().to_string(),
        vkey: app.log().vkey().to_string(),
        vkeys: app.log().vkeys().iter().map(ToString::to_string).collect(),
        limits: LimitsAnswer {
            max_hashes: limits.max_hashes,
            max_json_hashes: limits.max_json_hashes,
            max_tokens: MAX_TOKENS as u64,
            max_wait_seconds: limits.max_wait.as_secs(),
            tick_ms: settings.tick.as_millis().try_into().unwrap_or(u64::MAX),
            token_window_seconds: settings.token_window.as_secs(),
            rate: RateAnswer {
                window_seconds: rate.window.as_secs(),
                address_requests: rate.address.requests,
                address_hashes: rate.address.hashes,
                key_requests: rate.key.requests,
                key_hashes: rate.key.hashes,
            },
        },
        access: AccessAnswer {
            submissions: admission(access.submissions),
            timestamps: admission(access.timestamps),
        },
        frozen: app.log().frozen().map(|size| size.get()),
        retention_seconds: settings.retention.map(|time| time.as_secs()),
        version: env!("CARGO_PKG_VERSION"),
    };
    Ok(answer::ok_json(Cache::Minute, &answer))
}

fn admission(admission: Admission) -> &'static str {
    match admission {
        Admission::Open => "open",
        Admission::Keys => "keys",
    }
}

/// The policy in force: what readers verify with, if they trust this log to say so.
#[utoipa::path(
    get,
    path = "/v1/policy",
    tag = "log",
    params(("Accept" = Option<String>, Header, description = "`text/plain` (default) or `application/json`, which adds how the witnesses stand")),
    responses(
        (status = 200, description = "The policy (C2SP tlog-policy)", content((String = "text/plain"), (PolicyAnswer = "application/json"))),
        (status = 400, description = "A query string", body = super::openapi::Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(super) async fn policy(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    query::none(query.as_deref())?;
    let policy = app.log().policy().as_bytes();
    Ok(answer::negotiated(match Form::of(&headers) {
        Form::Text => answer::ok(answer::TEXT, Cache::Minute, policy.to_vec()),
        Form::Json => {
            // Names and comments may be any octets; the exact bytes are the text form's.
            let policy = String::from_utf8_lossy(policy).into_owned();
            let witnesses = app.log().witnesses();
            answer::ok_json(Cache::Never, &PolicyAnswer { policy, witnesses })
        }
    }))
}
