//! `POST /v1/submissions`: hashes in, a promise out.
//!
//! The body is folded into its Merkle root while it streams in. When the answer comes, 200 or 202, the submission is
//! on disk. With `tokens=true` the tokens are made here, from the request's own commitments and the receipt, so that
//! a repeated POST gets them as long as the receipt exists.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header, request::Parts},
    response::Response,
};
use http_body::Body as _;
use serde::Serialize;
use treering_tlog::hash::Hash;
use treering_token::token::Token;
use utoipa::ToSchema;

use super::{
    App,
    answer::{self, Cache},
    body::{self, BodyReader},
    gate, gather,
    hashes::{Format, Gathered, MAX_TOKENS},
    negotiate,
    problem::MEDIA_TYPE,
    query::SubmitQuery,
    receipts::{self, TokenAnswer},
    refusal::Refusal,
    tokens,
};
use crate::{
    access::{Admitted, Charge, Denied, Scope},
    config::Limits,
    log::{ReceiptState, Submission},
};

/// Where a receipt will be.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Accepted {
    /// The submission root, 64 lowercase hex digits: the receipt's ID.
    root: String,
    /// How many hashes the submission has.
    count: u64,
    /// The receipt's path, the same as `Location`.
    receipt: String,
}

/// A whole token a hash, in the order of the body.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokensAnswer {
    tokens: Vec<TokenAnswer>,
}

/// What a 202 says.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Taken {
    /// Without `tokens=true`.
    Receipt(Accepted),
    /// With it: hash and url of each token.
    Tokens(TokensAnswer),
}

/// What a 200 says in JSON.
#[derive(Debug, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes two answers that are written elsewhere")]
pub(super) enum Ready {
    /// Without `tokens=true`.
    Receipt(receipts::ReceiptAnswer),
    /// With it.
    Tokens(TokensAnswer),
}

/// Take the hashes of one submission.
///
/// When this answers 200 or 202, the submission is durable. The same bytes sent again get the same entry and
/// position, so a client may always retry. Nothing of a refused body is stored. The limits that `/v1/log` publishes
/// stand in the headers of every answer.
#[utoipa::path(
    post,
    path = "/v1/submissions",
    tag = "submissions",
    params(
        ("tokens" = Option<bool>, Query, description = "`true`: at most 1,024 hashes, answered with a whole token each"),
        ("min_entry" = Option<u64>, Query, description = "Only an entry at or after this one will do; at most the log's current size"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: wait at most N seconds for the receipt (RFC 7240), capped by `max_wait_seconds`"),
        ("Accept" = Option<String>, Header, description = "`text/plain` (default) or `application/json`"),
        ("Authorization" = Option<String>, Header, description = "`Bearer <API key>` with the scope `submit`, where the log asks for one"),
    ),
    request_body(
        description = "At least one hash, no Content-Encoding",
        content(
            (super::openapi::Octets = "application/octet-stream"),
            (SubmitJson = "application/json"),
            (String = "text/plain", example = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a-file\n"),
        ),
    ),
    responses(
        (status = 200, description = "The receipt, or with tokens=true the tokens",
            content(
                (String = "text/plain"),
                (Ready = "application/json"),
            ),
            headers(
                ("Preference-Applied" = String, description = "The wait that was granted, in seconds: `wait=N`"),
                ("Treering-Max-Hashes" = u64, description = "Hashes in one binary submission"),
                ("Treering-Max-Json-Hashes" = u64, description = "Hashes in one JSON or text submission"),
                ("Treering-Max-Tokens" = u64, description = "Hashes in one submission with tokens=true"),
                ("Treering-Max-Wait" = u64, description = "The longest wait in seconds"),
                ("RateLimit-Policy" = Option<String>, description = "The caller's quotas, where the log has any (draft-ietf-httpapi-ratelimit-headers-11)"),
                ("RateLimit" = Option<String>, description = "What is left of them"),
            )),
        (status = 202, description = "Durable, the receipt is not published yet; with tokens=true hash and url of each token",
            body = Taken,
            headers(
                ("Location" = String, description = "The receipt's path"),
                ("Retry-After" = u64, description = "Seconds until the receipt is likely there"),
            )),
        (status = 400, description = "No hash, a length that is no multiple of 32, a cut-off body, bad JSON, a bad line, a bad parameter", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 408, description = "The body came too slowly", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 401, description = "No API key, or not a good one, where one is needed or was sent; see WWW-Authenticate", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 403, description = "The API key has not the scope `submit`", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 410, description = "The log has ended: it is read-only for ever", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 413, description = "Too many hashes; `limit` says how many are taken", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 415, description = "Not one of the three formats, or a Content-Encoding; see Accept-Post", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 429, description = "The queue is full, or the caller's quota is used up; see Retry-After", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 500, description = "The server failed", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 503, description = "The log is stopping, or it is held: what is known of it elsewhere contradicts it; see Retry-After", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 507, description = "The log's disk is nearly full; see Retry-After", body = super::openapi::Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(super) async fn submit(State(app): State<App>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let admitted = app.access().admit(Scope::Submit, &head.headers, &head.extensions);
    let answer = accept(&app, admitted.as_ref().map_err(|denied| *denied), &head, body).await;
    let mut response = answer.unwrap_or_else(|refusal| gate::refused(app.access(), refusal));
    response.headers_mut().extend(app.limit_headers().iter().cloned());
    if let Ok(admitted) = admitted {
        admitted.tell(response.headers_mut());
    }
    response
}

/// The JSON form of a submission.
#[derive(Debug, ToSchema)]
pub(super) struct SubmitJson {
    /// 64 lowercase hex digits each, at least one.
    #[expect(dead_code, reason = "describes what is read as a stream")]
    hashes: Vec<String>,
}

async fn accept(
    app: &App,
    admitted: Result<&Admitted, Denied>,
    head: &Parts,
    body: Body,
) -> Result<Response, Refusal> {
    let waits_for_continue = head.headers.contains_key(header::EXPECT);
    let announced = body.size_hint().lower();
    let mut reader = BodyReader::new(body, app.limits().body_idle).framed(head.version == Version::HTTP_2);

    let begun = begin(admitted, head, announced);
    let result = match &begun {
        Ok((query, format, _)) => {
            gather::gather(app, *query, *format, announced, &mut reader).await.map(|all| (*query, all))
        }
        Err(refusal) => Err(refusal.clone()),
    };
    app.metrics().count_body(reader.received());
    if let (Ok(admitted), Ok((_, format, charge))) = (admitted, &begun) {
        // A body that is refused was work all the same, as far as it came.
        let hashes = result.as_ref().map_or(format.hashes_in(reader.received()), |(_, all)| all.count);
        admitted.settle(charge, hashes);
    }
    match result {
        Ok((query, gathered)) => {
            app.metrics().count_hashes(gathered.count);
            take(app, query, gathered, &head.headers).await
        }
        Err(refusal) => {
            // A client that waits for "100 Continue" hasn't sent the rest, and reading would ask for it. Once bytes
            // came it has been asked.
            let unasked = waits_for_continue && reader.received() == 0;
            if !unasked && !matches!(refusal, Refusal::CutOff { .. } | Refusal::TooSlow { .. }) {
                reader.discard().await;
            }
            Err(refusal)
        }
    }
}

/// What comes before the body: is the caller let in, is the request one that can be answered, and is it paid for?
fn begin(
    admitted: Result<&Admitted, Denied>,
    head: &Parts,
    announced: u64,
) -> Result<(SubmitQuery, Format, Charge), Refusal> {
    let admitted = admitted?;
    let query = SubmitQuery::parse(head.uri.query())?;
    let format = format_of(&head.headers)?;
    let charge = admitted.charge(format.hashes_in(announced))?;
    Ok((query, format, charge))
}

/// Hands the submission to the log, waits if asked to, and answers.
async fn take(
    app: &App,
    query: SubmitQuery,
    gathered: Gathered,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let Gathered { root, count, small } = gathered;
    let min_entry = query.min_entry;
    app.log().submit(Submission { root, count, small: small.clone(), min_entry }).await?;

    let wait = negotiate::wait(headers, app.limits().max_wait);
    let state = match wait {
        None => ReceiptState::Pending { retry_after: app.log().settings().tick },
        Some(wait) => wait_for_receipt(app, root, min_entry, wait).await,
    };
    let mut response = match (state, small) {
        (ReceiptState::Ready(receipt), Some(small)) => tokens_answer(&receipt, root, small)?,
        (ReceiptState::Ready(receipt), None) => receipts::ready(&receipt, root, headers, Cache::Never),
        (ReceiptState::Pending { retry_after }, small) => pending(root, count, min_entry, small, retry_after),
        // Just taken, so neither can be; and what was taken must not be answered as if it were not.
        (ReceiptState::Gone | ReceiptState::Unknown, small) => {
            pending(root, count, min_entry, small, app.log().settings().tick)
        }
    };
    if let Some(wait) = wait {
        let applied = format!("wait={}", wait.as_secs());
        let applied = HeaderValue::try_from(applied).expect("digits are a header value");
        response.headers_mut().insert(HeaderName::from_static("preference-applied"), applied);
    }
    Ok(response)
}

/// The submission is durable by now: if its receipt can't be read, it is still taken, and the answer says so.
async fn wait_for_receipt(app: &App, root: Hash, min_entry: Option<u64>, wait: Duration) -> ReceiptState {
    app.log().wait_receipt(root, min_entry, wait).await.unwrap_or_else(|error| {
        // What the store said stands in the log, as often as it may.
        tracing::debug!(%root, %error, "the receipt of a submission just taken could not be read");
        ReceiptState::Pending { retry_after: app.log().settings().tick }
    })
}

fn tokens_answer(receipt: &Token, root: Hash, small: Arc<[[u8; 32]]>) -> Result<Response, Refusal> {
    let body = tokens::stream(receipt, root, small)?;
    Ok(answer::ok(answer::JSON, Cache::Never, body))
}

fn pending(
    root: Hash,
    count: u64,
    min_entry: Option<u64>,
    small: Option<Arc<[[u8; 32]]>>,
    retry_after: Duration,
) -> Response {
    let location = match min_entry {
        None => format!("/v1/receipts/{root}"),
        Some(entry) => format!("/v1/receipts/{root}?min_entry={entry}"),
    };
    let taken = match small {
        None => Taken::Receipt(Accepted { root: root.to_string(), count, receipt: location.clone() }),
        Some(small) => {
            let announced = |hash| TokenAnswer::announced(root, Hash::new(hash));
            Taken::Tokens(TokensAnswer { tokens: small.iter().copied().map(announced).collect() })
        }
    };
    let mut response = answer::json(StatusCode::ACCEPTED, Cache::Never, &taken);
    let headers = response.headers_mut();
    headers.insert(
        header::LOCATION,
        HeaderValue::try_from(location).expect("hex and digits are a header value"),
    );
    headers.insert(header::RETRY_AFTER, receipts::whole_seconds(retry_after).into());
    response
}

/// Which format a body has, by its content type (parameters don't matter).
fn format_of(headers: &HeaderMap) -> Result<Format, Refusal> {
    let kind = body::kind(headers, |got| Refusal::ContentType { got })?;
    match kind.name.as_str() {
        answer::OCTETS => Ok(Format::Octets),
        answer::JSON => Ok(Format::Json),
        "text/plain" => Ok(Format::Sums),
        _ => Err(Refusal::ContentType { got: kind.quoted() }),
    }
}

/// What every answer says of the limits; made once, since it is the same for all.
pub(super) fn limit_headers(limits: &Limits) -> [(HeaderName, HeaderValue); 4] {
    [
        ("treering-max-hashes", limits.max_hashes),
        ("treering-max-json-hashes", limits.max_json_hashes),
        ("treering-max-tokens", MAX_TOKENS as u64),
        ("treering-max-wait", limits.max_wait.as_secs()),
    ]
    .map(|(name, value)| (HeaderName::from_static(name), value.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(pairs: &[(&str, &str)]) -> Result<Format, Refusal> {
        let headers = pairs
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect();
        format_of(&headers)
    }

    #[test]
    fn the_format_is_the_content_types() {
        assert_eq!(format(&[("content-type", "application/octet-stream")]), Ok(Format::Octets));
        assert_eq!(format(&[("content-type", "Application/JSON; charset=utf-8")]), Ok(Format::Json));
        assert_eq!(format(&[("content-type", "text/plain;charset=utf-8")]), Ok(Format::Sums));
        assert_eq!(
            format(&[("content-type", "text/plain"), ("content-encoding", "identity")]),
            Ok(Format::Sums)
        );
    }

    #[test]
    fn anything_else_is_refused_with_what_it_was() {
        assert_eq!(format(&[]), Err(Refusal::ContentType { got: "missing".to_owned() }));
        assert_eq!(
            format(&[("content-type", "application/x-www-form-urlencoded")]),
            Err(Refusal::ContentType { got: "\"application/x-www-form-urlencoded\"".to_owned() })
        );
        assert_eq!(
            format(&[("content-type", "text/plain"), ("content-encoding", "gzip")]),
            Err(Refusal::Encoded { encoding: "gzip".to_owned() })
        );
    }

    #[test]
    fn a_pending_submission_says_where_its_receipt_will_be() {
        let response = pending(Hash::new([0xab; 32]), 3, Some(7), None, Duration::from_millis(50));
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        let root = "ab".repeat(32);
        assert_eq!(response.headers()["location"], format!("/v1/receipts/{root}?min_entry=7"));
        assert_eq!(response.headers()["retry-after"], "1");
        assert_eq!(response.headers()["cache-control"], "no-store");
    }
}
