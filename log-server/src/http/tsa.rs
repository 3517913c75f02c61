//! `POST /tsa`: the timestamp authority (RFC 3161 section 3.4), and the proofs that its tokens are in the log.
//!
//! What isn't a query at all is a problem; every other failure is a TimeStampResp with HTTP 200, as the RFC wants it.
//! A token is given out once its commitment is durable.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{RawQuery, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Version, header, request::Parts},
    response::Response,
};
use treering_tsa::{
    query::{Query, QueryError},
    status::Rejection,
};
use utoipa::ToSchema;

use super::{
    App,
    answer::{self, Cache},
    body::{self, BodyReader},
    gate,
    problem::{self, MEDIA_TYPE},
    query::{self, InPath},
    receipts::{pending, whole_seconds},
    refusal::Refusal,
};
use crate::{
    access::{Admitted, Denied, Scope},
    log::ReceiptState,
    store::Grant,
    tsa::{Issued, Tsa},
};

/// RFC 3161 section 3.4.
const QUERY: &str = "application/timestamp-query";
const REPLY: &str = "application/timestamp-reply";
/// Where a token's proof will be: a path on this server.
const PROOF: HeaderName = HeaderName::from_static("treering-proof");
/// What a query weighs among the work of the threads that sign: 512 of them may wait.
const WEIGHT: usize = 32 << 10;
/// A signature may take so long, with the wait for its turn.
const SIGNING: Duration = Duration::from_secs(5);

/// A DER-encoded structure of RFC 3161.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "describes bytes")]
pub(super) struct Der(Vec<u8>);

/// A timestamp (RFC 3161) whose signature is in the log.
///
/// Every failure of a well-formed query is a TimeStampResp that says why, with status 200. A granted token's commitment
/// is durable when this answers; `Treering-Proof` says where its proof will be after the next tick.
#[utoipa::path(
    post,
    path = "/tsa",
    tag = "timestamps",
    params(
        ("Authorization" = Option<String>, Header, description = "`Bearer <API key>` with the scope `timestamp`, where the log asks for one"),
        ("proof" = Option<String>, Query, description = "`embed`: wait at most two ticks for the proof, and carry it in the token as an unsigned attribute")),
    request_body(description = "A TimeStampReq (RFC 3161 section 2.4.1)", content((Der = "application/timestamp-query"))),
    responses(
        (status = 200, description = "A TimeStampResp (RFC 3161 section 2.4.2): a token, or why there is none",
            content((Der = "application/timestamp-reply")),
            headers(
                ("Treering-Proof" = String, description = "The path of the token's proof; only with a token"),
                ("Retry-After" = u64, description = "With a refusal that will pass: seconds"),
            )),
        (status = 400, description = "Not a TimeStampReq, a cut-off body, a bad parameter", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 401, description = "No API key, or not a good one, where one is needed or was sent; see WWW-Authenticate", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 403, description = "The API key has not the scope `timestamp`", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 404, description = "This log is no timestamp authority", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 408, description = "The body came too slowly", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 413, description = "Longer than any TimeStampReq", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 415, description = "Not application/timestamp-query, or a Content-Encoding", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 429, description = "The caller's quota is used up; see Retry-After", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 500, description = "The server failed", body = super::openapi::Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(super) async fn timestamp(State(app): State<App>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let admitted = app.access().admit(Scope::Timestamp, &head.headers, &head.extensions);
    let answer = answer_query(&app, admitted.as_ref().map_err(|denied| *denied), head, body).await;
    let mut response = answer.unwrap_or_else(|refusal| gate::refused(app.access(), refusal));
    if let Ok(admitted) = admitted {
        admitted.tell(response.headers_mut());
    }
    response
}

async fn answer_query(
    app: &App,
    admitted: Result<&Admitted, Denied>,
    head: Parts,
    body: Body,
) -> Result<Response, Refusal> {
    let tsa = app.tsa().ok_or(Refusal::NoTsa)?;
    let admitted = admitted?;
    let embed = query::embeds(head.uri.query())?;
    if embed && !tsa.embeds() {
        return Err(Refusal::NoEmbedding);
    }
    is_query(&head.headers)?;
    // A timestamp is one hash, whatever becomes of it.
    admitted.charge(1)?;
    let mut body = BodyReader::new(body, app.limits().body_idle).framed(head.version == Version::HTTP_2);
    let bytes = match read(&mut body).await {
        Ok(bytes) => bytes,
        Err(refusal) => {
            if matches!(refusal, Refusal::QueryTooLong { .. }) {
                body.discard().await;
            }
            return Err(refusal);
        }
    };
    let query = match Query::parse(&bytes) {
        Ok(query) => query,
        Err(QueryError::NotAQuery(why)) => return Err(Refusal::NotAQuery(why)),
        Err(QueryError::Rejected(rejection)) => return Ok(rejected(app, rejection, None)),
    };
    match grant(app, tsa, query).await {
        Ok(issued) => {
            app.metrics().timestamped("granted");
            Ok(granted(app, tsa, issued, embed).await)
        }
        Err((rejection, retry_after)) => Ok(rejected(app, rejection, retry_after)),
    }
}

/// The proof that a timestamp's signature is in the log.
///
/// A tlog-proof of the token's commitment: the SHA-256 of its SignerInfo (DER) without unsigned attributes. Nothing of
/// what was timestamped is in it.
#[utoipa::path(
    get,
    path = "/v1/tsa/{serial}",
    tag = "timestamps",
    params(("serial" = String, Path, pattern = "^[0-9a-f]{32}$", description = "The token's serial number, 32 lowercase hex digits")),
    responses(
        (status = 200, description = "The proof (C2SP tlog-proof)", content((String = "text/plain"))),
        (status = 202, description = "Durable, not published yet", body = super::receipts::Pending, headers(("Retry-After" = u64, description = "Seconds until it is likely there"))),
        (status = 400, description = "A bad serial number or a query string", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 404, description = "No such timestamp", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 410, description = "The batch was dropped after the retention", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 500, description = "The server failed", body = super::openapi::Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(super) async fn proof(
    State(app): State<App>,
    InPath(serial): InPath<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let serial = query::serial_in_path(&serial)?;
    query::none(query.as_deref())?;
    match app.log().grant_proof(serial).await? {
        ReceiptState::Ready(proof) => Ok(answer::ok(answer::TEXT, Cache::Minute, proof.to_string())),
        ReceiptState::Pending { retry_after } => Ok(pending(retry_after)),
        ReceiptState::Gone => Err(Refusal::Gone { what: "timestamp's batch" }),
        ReceiptState::Unknown => Err(Refusal::UnknownSerial),
    }
}

fn is_query(headers: &HeaderMap) -> Result<(), Refusal> {
    let kind = body::kind(headers, |got| Refusal::QueryType { got })?;
    if kind.name == QUERY { Ok(()) } else { Err(Refusal::QueryType { got: kind.quoted() }) }
}

async fn read(body: &mut BodyReader) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await? {
        if bytes.len() + chunk.len() > Query::MAX_BYTES {
            return Err(Refusal::QueryTooLong { limit: Query::MAX_BYTES as u64 });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

type Rejected = (Rejection, Option<Duration>);

/// Signs, and has the log take the commitment. When this returns a token, it may be given out (INVARIANT 1).
async fn grant(app: &App, tsa: &Tsa, query: Query) -> Result<Issued, Rejected> {
    let issued = if let Some(signers) = app.signers() {
        // Not on the network's threads; and the time is taken when the turn has come.
        let tsa = tsa.clone();
        let signed = async { signers.give(WEIGHT, move || tsa.issue(&query)).await.done().await };
        match tokio::time::timeout(SIGNING, signed).await {
            Ok(issued) => issued.unwrap_or(Err(Rejection::SYSTEM_FAILURE)),
            Err(_) => return Err((Rejection::SYSTEM_FAILURE, Some(SIGNING))),
        }
    } else {
        tsa.issue(&query)
    };
    let issued = issued.map_err(|rejection| (rejection, None))?;
    let grant = Grant { serial: issued.serial, commitment: issued.commitment };
    let taken = app.log().grant(grant).await;
    taken.map(|()| issued).map_err(|error| (Rejection::SYSTEM_FAILURE, problem::retry_after_of(&error)))
}

async fn granted(app: &App, tsa: &Tsa, issued: Issued, embed: bool) -> Response {
    let mut reply = issued.reply;
    if embed {
        let wait = app.log().settings().tick * 2;
        // Without a proof in time the token is good as it is, and the header says where the proof will be.
        if let Ok(ReceiptState::Ready(proof)) = app.log().wait_grant_proof(issued.serial, wait).await {
            reply = tsa.embed(&reply, &proof.to_string()).unwrap_or(reply);
        }
    }
    let mut response = answer::ok(REPLY, Cache::Never, reply);
    let path = format!("/v1/tsa/{}", hex::encode(issued.serial));
    let path = HeaderValue::from_str(&path).expect("hex digits are a header's value");
    response.headers_mut().insert(PROOF, path);
    response
}

fn rejected(app: &App, rejection: Rejection, retry_after: Option<Duration>) -> Response {
    app.metrics().timestamped(rejection.name());
    let mut response = answer::ok(REPLY, Cache::Never, rejection.encode());
    if let Some(retry_after) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, whole_seconds(retry_after).into());
    }
    response
}
