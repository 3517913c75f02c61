//! The one place that turns a refusal into HTTP: a status and `application/problem+json` (RFC 9457).

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use treering_tlog::{mirror::MirrorMessageError, witness::AddCheckpoint};

use super::copy::MirrorFault;
use crate::{
    cosigner::Refusal,
    problem::{conflict, problem, sentence},
    seldom::Seldom,
};

/// Everything that is answered otherwise than 200, but for what C2SP fixes.
#[derive(Debug)]
pub(super) enum Problem {
    /// No such path, or no such log.
    UnknownPath,
    /// Another method.
    Method,
    /// Not a canonical tile path.
    TilePath,
    /// Not a canonical number.
    Number(&'static str),
    /// Not (yet) in this copy.
    NotHere(&'static str),
    /// The log had dropped this batch before the mirror came.
    Gone,
    /// `add-checkpoint` was refused.
    Refused(Refusal),
    /// `add-entries` breaks a rule of its format.
    Malformed(MirrorMessageError),
    /// The body is longer than any request.
    TooLarge,
    /// The body did not arrive in time.
    TooSlow,
    /// The body broke off.
    CutOff,
    /// A coding of the body that isn't taken.
    Encoding,
    /// Not one package came whole.
    NoPackage,
    /// The log has sent no checkpoint yet.
    NoPending,
    /// The entries are not those of the checkpoint's tree.
    NotInTree,
    /// The batches under the entries can't be had from the log, and why.
    NoBatches(String),
    /// As many pushes of this log as may be are being worked on.
    Crowded,
    /// As many pushes as may be are being worked on.
    Busy,
    /// The copy can't be read or written.
    Fault(MirrorFault),
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        Problem::Refused(refusal)
    }
}

impl From<MirrorMessageError> for Problem {
    fn from(error: MirrorMessageError) -> Problem {
        Problem::Malformed(error)
    }
}

impl From<MirrorFault> for Problem {
    fn from(fault: MirrorFault) -> Problem {
        Problem::Fault(fault)
    }
}

impl Problem {
    /// A stable name: the metric's label and the end of the problem's `type`.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Problem::UnknownPath => "unknown_path",
            Problem::Method => "method",
            Problem::TilePath => "tile_path",
            Problem::Number(_) => "path_value",
            Problem::NotHere(_) => "not_published",
            Problem::Gone => "gone",
            Problem::Refused(refusal) => refusal.name(),
            Problem::Malformed(_) => "malformed_request",
            Problem::TooLarge => "too_large",
            Problem::TooSlow => "too_slow",
            Problem::CutOff => "cut_off",
            Problem::Encoding => "content_encoding",
            Problem::NoPackage => "no_package",
            Problem::NoPending => "no_pending",
            Problem::NotInTree => "not_in_tree",
            Problem::NoBatches(_) => "no_batches",
            Problem::Crowded => "crowded",
            Problem::Busy => "busy",
            Problem::Fault(_) => "internal",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Problem::Refused(refusal) => refusal_status(refusal),
            Problem::Malformed(_) | Problem::CutOff | Problem::NoPackage => StatusCode::BAD_REQUEST,
            Problem::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Problem::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Problem::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Problem::NoPending | Problem::NotInTree => StatusCode::UNPROCESSABLE_ENTITY,
            Problem::NoBatches(_) | Problem::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Problem::Crowded => StatusCode::TOO_MANY_REQUESTS,
            Problem::UnknownPath | Problem::NotHere(_) => StatusCode::NOT_FOUND,
            Problem::Method => StatusCode::METHOD_NOT_ALLOWED,
            Problem::TilePath | Problem::Number(_) => StatusCode::BAD_REQUEST,
            Problem::Gone => StatusCode::GONE,
            Problem::Fault(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn detail(&self) -> String {
        match self {
            Problem::UnknownPath => "Below /<lowercase hex SHA-256 of the log's origin>/ there are checkpoint, \
                                     tile/…, v1/batches/<entry> and v1/checkpoints/<size>, for each log that this \
                                     mirror keeps."
                .to_owned(),
            Problem::Refused(refusal) => format!("{}.", sentence(&refusal.to_string())),
            Problem::Malformed(error) => format!("{}.", sentence(&error.to_string())),
            Problem::TooLarge => format!("A request has at most {} bytes.", AddCheckpoint::MAX_BYTES),
            Problem::TooSlow => "The body did not arrive in time. Send it again.".to_owned(),
            Problem::CutOff => "The body broke off before its end. Send it again.".to_owned(),
            Problem::Encoding => "A body is sent as it is, or with Content-Encoding: gzip.".to_owned(),
            Problem::NoPackage => {
                "The body ended before its first package of entries was whole. Send that package whole.".to_owned()
            }
            Problem::NoPending => "Send a checkpoint first, to add-checkpoint.".to_owned(),
            Problem::NotInTree => "The entries and their proof don't lead to the checkpoint of size upload_end. The same \
                                   bytes will be refused again."
                .to_owned(),
            Problem::NoBatches(what) => format!(
                "The entries are here; the batches under them are not, and the mirror reads these from the log: {what}. \
                 Send the last package again later."
            ),
            Problem::Crowded => "As many pushes of this log as may be are being worked on. Wait for their answers.".to_owned(),
            Problem::Busy => "The mirror works on as many pushes as it may. Send it again later.".to_owned(),
            Problem::Method => "A mirror is read by GET; add-checkpoint and add-entries are POSTs.".to_owned(),
            Problem::TilePath => {
                "A tile is tile/<level>/<index>[.p/<width>] or tile/entries/<index>[.p/<width>], in the canonical \
                 spelling of tlog-tiles."
                    .to_owned()
            }
            Problem::Number(what) => format!("The {what} is a decimal number without leading zeroes."),
            Problem::NotHere(what) => {
                format!("This {what} is not in the copy, up to the size of its checkpoint. It may come later.")
            }
            Problem::Gone => "The log had dropped this batch before it could be mirrored.".to_owned(),
            // What went wrong inside is in the mirror's own log.
            Problem::Fault(_) => "The mirror can't read or write its copy. Its operator has to look.".to_owned(),
        }
    }

    fn is_passing(&self) -> bool {
        matches!(
            self,
            Problem::NotHere(_)
                | Problem::TooSlow
                | Problem::CutOff
                | Problem::NoBatches(_)
                | Problem::Crowded
                | Problem::Busy
                | Problem::Refused(Refusal::Contended)
        )
    }
}

/// As a witness answers `add-checkpoint` (C2SP tlog-witness).
fn refusal_status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::NotSigned(_) => StatusCode::FORBIDDEN,
        Refusal::UnknownLog { .. } => StatusCode::NOT_FOUND,
        Refusal::Conflict { .. } => StatusCode::CONFLICT,
        Refusal::EmptyRoot
        | Refusal::ProofFromEmpty
        | Refusal::OtherRoot { .. }
        | Refusal::Inconsistent(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::Contended => StatusCode::SERVICE_UNAVAILABLE,
        // What is left of those that a mirror gives breaks a rule of the format.
        _ => StatusCode::BAD_REQUEST,
    }
}

/// A damaged file fails at each request for it; the metric counts them.
static FAULTS: Seldom = Seldom::new(Duration::from_secs(1));

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if let Problem::Fault(fault) = &self
            && FAULTS.turn()
        {
            tracing::error!(%fault, "a request failed");
        }
        if let Problem::Refused(Refusal::Conflict { size }) = self {
            return conflict(size);
        }
        let status = self.status();
        let mut response = problem(status, self.name(), &self.detail(), self.is_passing());
        let mut set = |name: HeaderName, value| response.headers_mut().insert(name, value);
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            set(header::RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
        }
        response
    }
}

/// How long whoever pushes waits before it tries again.
const RETRY_SECONDS: u64 = 1;
