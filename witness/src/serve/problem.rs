//! The one place that turns a refusal into HTTP: a status and `application/problem+json` (RFC 9457), but for 409,
//! whose body the standard fixes.

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use treering_tlog::witness::AddCheckpoint;

use crate::{
    clock::ClockError,
    cosigner::Refusal,
    problem::{conflict, problem, sentence},
};

/// Everything that is answered otherwise than 200.
#[derive(Debug)]
pub(super) enum Problem {
    /// `add-checkpoint` was refused.
    Refused(Refusal),
    /// The body is longer than any request.
    TooLarge,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The body broke off.
    BodyBroken,
    /// A Content-Encoding.
    Encoded,
    /// As many requests as may be are being worked on.
    Busy,
    /// The store took too long. The checkpoint may be cosigned all the same.
    Timeout,
    /// No such path, or no checkpoint of that log.
    NotFound,
    /// Neither POST nor GET, or the other of the two.
    Method,
}

/// How long a log waits before it tries again, unless there is a better figure.
const RETRY_SECONDS: u64 = 1;
/// A clock that is far behind is asked again at least this often.
const MAX_RETRY_SECONDS: u64 = 3600;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        Problem::Refused(refusal)
    }
}

impl Problem {
    /// A stable name: the metric's label and the end of the problem's `type`.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Problem::Refused(refusal) => refusal.name(),
            Problem::TooLarge => "too_large",
            Problem::BodyTimeout => "too_slow",
            Problem::BodyBroken => "cut_off",
            Problem::Encoded => "content_encoding",
            Problem::Busy => "busy",
            Problem::Timeout => "timeout",
            Problem::NotFound => "unknown_path",
            Problem::Method => "method",
        }
    }

    /// The same request may do better later.
    fn is_passing(&self) -> bool {
        matches!(
            self,
            Problem::Busy
                | Problem::Timeout
                | Problem::BodyTimeout
                | Problem::BodyBroken
                | Problem::Refused(
                    Refusal::Clock(_) | Refusal::Contended | Refusal::Quota { .. } | Refusal::Crowded
                )
        )
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Problem::Refused(refusal) => refusal_status(refusal),
            Problem::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Problem::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Problem::BodyBroken => StatusCode::BAD_REQUEST,
            Problem::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Problem::Busy | Problem::Timeout => StatusCode::SERVICE_UNAVAILABLE,
            Problem::NotFound => StatusCode::NOT_FOUND,
            Problem::Method => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    fn detail(&self) -> String {
        match self {
            // What went wrong inside is in the witness's own log.
            Problem::Refused(Refusal::Store(_) | Refusal::Cosign(_) | Refusal::Record(_)) => {
                "The witness could not record this checkpoint, so it was not cosigned. Its operator has to look."
                    .to_owned()
            }
            Problem::Refused(refusal) => {
                format!("{}. {}", sentence(&refusal.to_string()), advice(refusal))
            }
            Problem::TooLarge => format!("A request has at most {} bytes.", AddCheckpoint::MAX_BYTES),
            Problem::BodyTimeout => "The body did not arrive in time. Send it again.".to_owned(),
            Problem::BodyBroken => "The body broke off before its end. Send it again.".to_owned(),
            Problem::Encoded => "Send the body as it is, without Content-Encoding.".to_owned(),
            Problem::Busy => "The witness works on as many requests as it may. Send it again later.".to_owned(),
            Problem::Timeout => "The record was not written in time. Send it again later: if the answer is then 409, \
                                 go on from the size in it."
                .to_owned(),
            Problem::NotFound => "There are POST /add-checkpoint, POST /sign-subtree, and GET /<lowercase hex SHA-256 \
                                  of the origin>/checkpoint for each log that this witness has cosigned."
                .to_owned(),
            Problem::Method => "add-checkpoint and sign-subtree are POSTs, a checkpoint is a GET.".to_owned(),
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Problem::Refused(Refusal::Clock(ClockError::Behind { seconds })) => {
                Some((*seconds).clamp(RETRY_SECONDS, MAX_RETRY_SECONDS))
            }
            Problem::Refused(Refusal::Quota { seconds }) => Some(*seconds),
            Problem::Refused(Refusal::Crowded) => Some(RETRY_SECONDS),
            Problem::Refused(Refusal::Held(_)) => Some(MAX_RETRY_SECONDS),
            _ if self.status() == StatusCode::SERVICE_UNAVAILABLE => Some(RETRY_SECONDS),
            _ => None,
        }
    }

    /// Was the body left unread? Then this connection has no next request.
    fn ends_connection(&self) -> bool {
        matches!(self, Problem::TooLarge | Problem::BodyTimeout | Problem::BodyBroken)
    }
}

fn refusal_status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Malformed(_)
        | Refusal::MalformedSubtree(_)
        | Refusal::Checkpoint(_)
        | Refusal::OldAboveNew { .. }
        | Refusal::SubtreeBeyond { .. } => StatusCode::BAD_REQUEST,
        Refusal::NotSigned(_) | Refusal::NotCosigned => StatusCode::FORBIDDEN,
        Refusal::UnknownLog { .. } | Refusal::NoSubtreeKey => StatusCode::NOT_FOUND,
        Refusal::Conflict { .. } => StatusCode::CONFLICT,
        Refusal::EmptyRoot
        | Refusal::ProofFromEmpty
        | Refusal::OtherRoot { .. }
        | Refusal::Inconsistent(_)
        | Refusal::InconsistentSubtree(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::Quota { .. } | Refusal::Crowded => StatusCode::TOO_MANY_REQUESTS,
        Refusal::Clock(_) | Refusal::Contended | Refusal::Held(_) => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::Store(_) | Refusal::Cosign(_) | Refusal::Record(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What would be right, and whether to send it again.
fn advice(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Malformed(_) => {
            "The body is \"old <size>\", proof lines, an empty line and a signed checkpoint; the same bytes will be \
             refused again."
        }
        Refusal::MalformedSubtree(_) => {
            "The body is \"subtree <start> <end>\", the subtree's hash, proof lines, an empty line and a checkpoint that \
             this witness cosigned; the same bytes will be refused again."
        }
        Refusal::SubtreeBeyond { .. } => "Send a checkpoint that has all of its leaves.",
        Refusal::NotCosigned => "Send the lines that add-checkpoint answered with the checkpoint.",
        Refusal::InconsistentSubtree(_) => {
            "Send the proof of draft-ietf-plants-merkle-tree-certs section 4.4 from the subtree to the checkpoint."
        }
        Refusal::OldAboveNew { .. } => "Send a checkpoint that is not smaller than the old one.",
        Refusal::UnknownLog { .. } => "Its operator has to add the log first.",
        Refusal::NotSigned(_) => "A key that this witness knows for the origin must have signed it.",
        Refusal::Conflict { .. } => "Send a proof from that size.",
        Refusal::ProofFromEmpty => "Send it without a proof.",
        Refusal::Inconsistent(_) => {
            "Send the proof of RFC 6962 section 2.1.2 from the old size to the new one."
        }
        Refusal::Clock(_) | Refusal::Contended | Refusal::Quota { .. } => "Send it again later.",
        Refusal::Crowded => "Wait for their answers.",
        Refusal::Held(_) => "Its operator has to look; until then it is of no use to this log.",
        Refusal::EmptyRoot
        | Refusal::Checkpoint(_)
        | Refusal::OtherRoot { .. }
        | Refusal::NoSubtreeKey
        | Refusal::Store(_)
        | Refusal::Cosign(_)
        | Refusal::Record(_) => "The same bytes will be refused again.",
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if let Problem::Refused(Refusal::Conflict { size }) = self {
            return conflict(size);
        }
        let mut response = problem(self.status(), self.name(), &self.detail(), self.is_passing());
        let mut set = |name: HeaderName, value| response.headers_mut().insert(name, value);
        if let Some(seconds) = self.retry_after() {
            set(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if matches!(self, Problem::Encoded) {
            // RFC 9110 section 12.5.3: a 415 for a content coding says which are taken.
            set(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        if self.ends_connection() {
            set(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

#[cfg(test)]
mod tests;
