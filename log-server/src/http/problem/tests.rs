use std::collections::BTreeSet;

use super::{
    super::refusal::{HexFault, SumsFault},
    *,
};
use crate::access::Scope;
use treering_tlog::tile::TileError;
use treering_tsa::query::{Query, QueryError};

/// One of each kind. The match below makes the compiler ask for more when a variant is added.
fn every_refusal() -> Vec<Refusal> {
    vec![
        Refusal::EmptyBody,
        Refusal::BodyLength { bytes: 33, remainder: 1 },
        Refusal::TooManyHashes { limit: 5 },
        Refusal::TooManyForTokens { limit: 1024 },
        Refusal::CutOff { bytes: 40 },
        Refusal::TooSlow { bytes: 40 },
        Refusal::Encoded { encoding: "gzip".to_owned() },
        Refusal::ContentType { got: "missing".to_owned() },
        Refusal::Json { offset: 0, expected: "\"{\"" },
        Refusal::JsonHash { index: 3, fault: HexFault::Length(63) },
        Refusal::SumsLine { line: 2, fault: SumsFault::Form },
        Refusal::UnknownParameter { name: "x".to_owned(), known: &["size", "min_entry"] },
        Refusal::RepeatedParameter { name: "size" },
        Refusal::ParameterValue { name: "tokens", want: "true or false" },
        Refusal::PathValue { name: "root", want: "64 lowercase hex digits" },
        Refusal::TilePath(TileError::Path),
        Refusal::UnknownPath,
        Refusal::Method,
        Refusal::UnknownRoot,
        Refusal::NoTsa,
        Refusal::QueryType { got: "missing".to_owned() },
        Refusal::QueryTooLong { limit: 4096 },
        not_a_query(),
        Refusal::NoEmbedding,
        Refusal::UnknownSerial,
        Refusal::NotPublished { what: "tile" },
        Refusal::Gone { what: "batch" },
        Refusal::Submit(SubmitError::QueueFull { retry_after: Duration::from_millis(1500) }),
        Refusal::Submit(SubmitError::NoSpace),
        Refusal::Submit(SubmitError::MinEntryTooLarge { size: 9 }),
        Refusal::Submit(SubmitError::Frozen { size: 9 }),
        Refusal::Submit(SubmitError::Stopping),
        Refusal::Submit(SubmitError::Held),
        Refusal::Submit(SubmitError::Unreadable),
        Refusal::Read(ReadError::Store),
        Refusal::Read(ReadError::Size),
        Refusal::Read(ReadError::MinEntryTooLarge { size: 9 }),
        Refusal::Denied(Denied::NoKey { scope: Scope::Submit }),
        Refusal::Denied(Denied::UnknownKey),
        Refusal::Denied(Denied::ExpiredKey),
        Refusal::Denied(Denied::Scope { scope: Scope::Timestamp }),
        rate(),
        Refusal::Internal,
    ]
}

fn rate() -> Refusal {
    let retry_after = Duration::from_millis(1500);
    Refusal::Denied(Denied::Rate { quota: "hashes", amount: 100, window: 60, retry_after })
}

fn not_a_query() -> Refusal {
    match Query::parse(b"") {
        Err(QueryError::NotAQuery(why)) => Refusal::NotAQuery(why),
        other => panic!("{other:?}"),
    }
}

/// A new variant doesn't compile here: add it above, and to the table below.
fn is_listed(refusal: &Refusal) {
    match refusal {
        Refusal::EmptyBody
        | Refusal::BodyLength { .. }
        | Refusal::TooManyHashes { .. }
        | Refusal::TooManyForTokens { .. }
        | Refusal::CutOff { .. }
        | Refusal::TooSlow { .. }
        | Refusal::Encoded { .. }
        | Refusal::ContentType { .. }
        | Refusal::Json { .. }
        | Refusal::JsonHash { .. }
        | Refusal::SumsLine { .. }
        | Refusal::UnknownParameter { .. }
        | Refusal::RepeatedParameter { .. }
        | Refusal::ParameterValue { .. }
        | Refusal::PathValue { .. }
        | Refusal::TilePath(_)
        | Refusal::UnknownPath
        | Refusal::Method
        | Refusal::UnknownRoot
        | Refusal::NoTsa
        | Refusal::QueryType { .. }
        | Refusal::QueryTooLong { .. }
        | Refusal::NotAQuery(_)
        | Refusal::NoEmbedding
        | Refusal::UnknownSerial
        | Refusal::NotPublished { .. }
        | Refusal::Gone { .. }
        | Refusal::Submit(
            SubmitError::QueueFull { .. }
            | SubmitError::NoSpace
            | SubmitError::MinEntryTooLarge { .. }
            | SubmitError::Frozen { .. }
            | SubmitError::Stopping
            | SubmitError::Held
            | SubmitError::Unreadable,
        )
        | Refusal::Read(ReadError::Store | ReadError::Size | ReadError::MinEntryTooLarge { .. })
        | Refusal::Denied(
            Denied::NoKey { .. }
            | Denied::UnknownKey
            | Denied::ExpiredKey
            | Denied::Scope { .. }
            | Denied::Rate { .. },
        )
        | Refusal::Internal => {}
    }
}

#[test]
fn the_table_of_problems() {
    let table: Vec<String> = every_refusal()
        .iter()
        .map(|refusal| {
            is_listed(refusal);
            let kind = kind_of(refusal);
            let again = if kind.retry { "retry" } else { "final" };
            format!("{} {} {again}", kind.status.as_u16(), kind.name)
        })
        .collect();
    assert_eq!(
        table,
        [
            "400 empty_body final",
            "400 body_length final",
            "413 too_many_hashes final",
            "413 too_many_for_tokens final",
            "400 cut_off retry",
            "408 too_slow retry",
            "415 content_encoding final",
            "415 content_type final",
            "400 json final",
            "400 json_hash final",
            "400 sums_line final",
            "400 unknown_parameter final",
            "400 repeated_parameter final",
            "400 parameter_value final",
            "400 path_value final",
            "400 tile_path final",
            "404 unknown_path final",
            "405 method final",
            "404 unknown_root final",
            "404 no_tsa final",
            "415 query_type final",
            "413 query_too_long final",
            "400 not_a_query final",
            "400 no_embedding final",
            "404 unknown_serial final",
            "404 not_published retry",
            "410 gone final",
            "429 queue_full retry",
            "507 no_space retry",
            "400 min_entry_too_large final",
            "410 frozen final",
            "503 stopping retry",
            "503 held retry",
            "500 internal retry",
            "500 internal retry",
            "400 size final",
            "400 min_entry_too_large final",
            "401 no_api_key final",
            "401 unknown_api_key final",
            "401 expired_api_key final",
            "403 api_key_scope final",
            "429 rate_limit retry",
            "500 internal retry",
        ]
    );
}

#[test]
fn one_name_has_one_status_and_title() {
    let rows: BTreeSet<_> =
        every_refusal().iter().map(kind_of).map(|k| (k.name, k.title, k.status.as_u16())).collect();
    let names: BTreeSet<_> = rows.iter().map(|row| row.0).collect();
    assert_eq!(rows.len(), names.len());
}

#[test]
fn what_people_read() {
    let details: Vec<String> = every_refusal().iter().map(Refusal::to_string).collect();
    assert_eq!(
        details,
        [
            "the body holds no hash; send at least one (32 bytes each as application/octet-stream)",
            "the body has 33 bytes, which is 1 more than a multiple of 32; send 32 bytes a hash",
            "the body holds more than 5 hashes; send several submissions",
            "tokens=true takes at most 1024 hashes; send several submissions, or fetch a receipt without it",
            "the body was cut off after 40 bytes; nothing of it is stored, send it again",
            "the body came too slowly and was given up after 40 bytes; nothing of it is stored",
            "the body is encoded as \"gzip\"; send it without Content-Encoding (hashes don't compress)",
            "the content type is missing; send application/octet-stream (32 bytes a hash), application/json or text/plain (the output of sha256sum)",
            "byte 0 of the JSON body: \"{\" was expected; send {\"hashes\": [\"<64 lowercase hex digits>\", …]}",
            "hash 3 of the JSON body has 63 characters; a hash is 64 lowercase hex digits",
            "line 2 of the text body is not what sha256sum writes: 64 lowercase hex digits, two spaces (or space and *), a name",
            "this call has no query parameter \"x\"; it has size and min_entry",
            "the query parameter \"size\" stands there twice",
            "the query parameter \"tokens\" must be true or false",
            "the root in the path must be 64 lowercase hex digits",
            "not a tile path: tile/<level>/<index>[.p/<width>] or tile/entries/<index>[.p/<width>], canonical",
            "there is nothing at this path; the API is described in spec/openapi.json, and /v1/log says who this is",
            "this path does not have this method; the Allow header lists those that it has",
            "no submission with this root is known here; if you sent it, send the same hashes again",
            "this log gives no RFC 3161 timestamps: it has no [tsa] in its configuration",
            "the content type is missing; send application/timestamp-query (RFC 3161 section 3.4)",
            "the query has more than 4096 bytes, which no TimeStampReq needs",
            "the body is no TimeStampReq in DER (RFC 3161 section 2.4.1): an element is cut off",
            "this log embeds no proofs in its timestamps; fetch the proof from /v1/tsa/<serial>",
            "no timestamp with this serial number is known here",
            "there is no tile here within the published log; if it is new, try again after the next tick",
            "this batch was kept for its time and is deleted; the same hashes sent again are stamped anew",
            "the queue of submissions waiting for their tick is full; nothing of this one is stored, send it again",
            "the log's disk is nearly full; nothing of this one is stored, send it again later",
            "min_entry must be at most 9, the log's current size",
            "this log has ended at size 9 and takes nothing more; what it has can be read as ever, and its operator says which log follows",
            "the log is stopping; nothing of this is stored, send it again",
            "the log is held, since what is known of it elsewhere contradicts it; nothing of this is stored, send it again later: its operator has to find out who is right",
            "the server failed at this request; its log says why",
            "the server failed at this request; its log says why",
            "size is not that of a published checkpoint that covers the entry",
            "min_entry must be at most 9, the log's current size",
            "this log takes submissions from holders of an API key only; send it as \"Authorization: Bearer treering_…\", or ask the log's operator for one. Reading needs no key",
            "the API key is none of this log's: mistyped, or revoked (a key is treering_, 16 hex digits, _, 64 hex digits)",
            "the API key has expired; ask the log's operator for a new one",
            "the API key is not for timestamp queries; ask the log's operator for one with the scope \"timestamp\"",
            "this caller has used up its hashes (100 in 60 s); nothing of this is stored, send it again later (the limits stand in /v1/log, what is left of them in the RateLimit header)",
            "the server failed at this request; its log says why",
        ]
    );
}

#[test]
fn a_problem_has_its_members_and_is_never_stored() {
    let response = Refusal::BodyLength { bytes: 33, remainder: 1 }.answer(0);
    assert_eq!(response.headers()["content-type"], MEDIA_TYPE);
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(
        Refusal::BodyLength { bytes: 33, remainder: 1 }.body(),
        json!({
            "type": "urn:treering:problem:body_length",
            "title": "Not a multiple of 32 bytes",
            "status": 400,
            "detail": "the body has 33 bytes, which is 1 more than a multiple of 32; send 32 bytes a hash",
            "retry": false,
            "bytes": 33,
            "remainder": 1,
        })
    );
}

#[test]
fn members_never_replace_those_of_every_problem() {
    for refusal in every_refusal() {
        for name in ["type", "title", "status", "detail", "retry"] {
            assert!(!members_of(&refusal).contains_key(name), "{refusal:?}");
        }
    }
}

#[test]
fn retry_after_stands_on_429_503_and_507_and_nowhere_else() {
    for refusal in every_refusal() {
        let busy = matches!(refusal.status().as_u16(), 429 | 503 | 507);
        assert_eq!(refusal.answer(0).headers().contains_key("retry-after"), busy, "{refusal:?}");
    }
}

#[test]
fn retry_after_is_spread_and_never_too_early() {
    let least = Duration::from_millis(1500);
    let seconds: BTreeSet<u64> = (0..=255).map(|spread| spread_seconds(least, spread)).collect();
    assert_eq!(seconds, BTreeSet::from([2, 3]));
    assert_eq!((0..=255).map(|spread| spread_seconds(Duration::from_secs(10), spread)).max(), Some(15));
    assert_eq!(spread_seconds(Duration::ZERO, 0), 1);
    // What the RateLimit header says of a caller's own quota is the same moment.
    assert_eq!(rate().answer(255).headers()["retry-after"], "2");
}

#[test]
fn the_headers_that_say_what_would_be_right() {
    let content_type = Refusal::ContentType { got: "missing".to_owned() }.answer(0);
    assert_eq!(content_type.headers()["accept-post"], ACCEPT_POST);
    let encoded = Refusal::Encoded { encoding: "gzip".to_owned() }.answer(0);
    assert_eq!(encoded.headers()["accept-encoding"], "identity");
    assert_eq!(Refusal::TooSlow { bytes: 0 }.answer(0).headers()["connection"], "close");
}
