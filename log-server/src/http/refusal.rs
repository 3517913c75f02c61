//! Everything that an HTTP request can be refused for. Each variant's text is the problem's `detail`: what was
//! wrong and what would be right. `problem` alone gives it a status and a name.

mod fault;

pub use fault::{HexFault, SumsFault};
use treering_tlog::tile::TileError;
use treering_tsa::query::NotAQuery;

use crate::{
    access::Denied,
    log::{ReadError, SubmitError},
};

/// Why a request gets no positive answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A submission without a single hash.
    #[error("the body holds no hash; send at least one (32 bytes each as application/octet-stream)")]
    EmptyBody,
    /// A binary body that is no multiple of 32 bytes.
    #[error(
        "the body has {bytes} bytes, which is {remainder} more than a multiple of 32; send 32 bytes a hash"
    )]
    BodyLength {
        /// How many bytes came.
        bytes: u64,
        /// How many stand behind the last whole hash.
        remainder: u64,
    },
    /// More hashes than one submission of this format may have.
    #[error("the body holds more than {limit} hashes; send several submissions")]
    TooManyHashes {
        /// The limit that `/v1/log` publishes.
        limit: u64,
    },
    /// More hashes than `tokens=true` allows.
    #[error(
        "tokens=true takes at most {limit} hashes; send several submissions, or fetch a receipt without it"
    )]
    TooManyForTokens {
        /// The limit that `/v1/log` publishes.
        limit: u64,
    },
    /// The connection ended within the body.
    #[error("the body was cut off after {bytes} bytes; nothing of it is stored, send it again")]
    CutOff {
        /// How many bytes came.
        bytes: u64,
    },
    /// The body paused too long, or came slower than a floor of 1 KiB a second.
    #[error("the body came too slowly and was given up after {bytes} bytes; nothing of it is stored")]
    TooSlow {
        /// How many bytes came.
        bytes: u64,
    },
    /// A `Content-Encoding`.
    #[error("the body is encoded as {encoding:?}; send it without Content-Encoding (hashes don't compress)")]
    Encoded {
        /// What the header said.
        encoding: String,
    },
    /// A body of another format, or of none.
    #[error(
        "the content type is {got}; send application/octet-stream (32 bytes a hash), application/json or text/plain (the output of sha256sum)"
    )]
    ContentType {
        /// What the header said, quoted, or "missing".
        got: String,
    },
    /// JSON of another shape.
    #[error(
        "byte {offset} of the JSON body: {expected} was expected; send {{\"hashes\": [\"<64 lowercase hex digits>\", …]}}"
    )]
    Json {
        /// The offending byte, from 0; the body's length if it ends too early.
        offset: u64,
        /// What would have been right there.
        expected: &'static str,
    },
    /// A string in `hashes` that is no hash.
    #[error("hash {index} of the JSON body {fault}")]
    JsonHash {
        /// Its place in `hashes`, from 0.
        index: u64,
        /// What is wrong with it.
        fault: HexFault,
    },
    /// A line that sha256sum doesn't write.
    #[error("line {line} of the text body {fault}")]
    SumsLine {
        /// From 1.
        line: u64,
        /// What is wrong with it.
        fault: SumsFault,
    },
    /// A query parameter that this call doesn't have.
    #[error("this call has no query parameter {name:?}{}", known_names(.known))]
    UnknownParameter {
        /// As it was sent.
        name: String,
        /// What the call has.
        known: &'static [&'static str],
    },
    /// A query parameter given twice.
    #[error("the query parameter {name:?} stands there twice")]
    RepeatedParameter {
        /// Which.
        name: &'static str,
    },
    /// A query parameter's value.
    #[error("the query parameter {name:?} must be {want}")]
    ParameterValue {
        /// Which.
        name: &'static str,
        /// What would be right.
        want: &'static str,
    },
    /// A part of the path that is no hash or number.
    #[error("the {name} in the path must be {want}")]
    PathValue {
        /// Which part.
        name: &'static str,
        /// What would be right.
        want: &'static str,
    },
    /// A tile path that isn't canonical.
    #[error("{0}")]
    TilePath(TileError),
    /// No such path.
    #[error(
        "there is nothing at this path; the API is described in spec/openapi.json, and /v1/log says who this is"
    )]
    UnknownPath,
    /// The path knows other methods, listed in `Allow`.
    #[error("this path does not have this method; the Allow header lists those that it has")]
    Method,
    /// A root that the log doesn't know (with that `min_entry`).
    #[error("no submission with this root is known here; if you sent it, send the same hashes again")]
    UnknownRoot,
    /// This log is no timestamp authority.
    #[error("this log gives no RFC 3161 timestamps: it has no [tsa] in its configuration")]
    NoTsa,
    /// What was sent to the timestamp authority is of another type.
    #[error("the content type is {got}; send application/timestamp-query (RFC 3161 section 3.4)")]
    QueryType {
        /// What the header said, quoted, or "missing".
        got: String,
    },
    /// More than a TimeStampReq can have.
    #[error("the query has more than {limit} bytes, which no TimeStampReq needs")]
    QueryTooLong {
        /// The most that is taken.
        limit: u64,
    },
    /// Not a TimeStampReq at all.
    #[error("the body is no TimeStampReq in DER (RFC 3161 section 2.4.1): {0}")]
    NotAQuery(NotAQuery),
    /// `proof=embed`, where no OID is configured for it.
    #[error("this log embeds no proofs in its timestamps; fetch the proof from /v1/tsa/<serial>")]
    NoEmbedding,
    /// A serial number that this log hasn't given out.
    #[error("no timestamp with this serial number is known here")]
    UnknownSerial,
    /// Not within the published size.
    #[error("there is no {what} here within the published log; if it is new, try again after the next tick")]
    NotPublished {
        /// A tile, batch, checkpoint…
        what: &'static str,
    },
    /// Dropped after its time.
    #[error("this {what} was kept for its time and is deleted; {}", after_gone(.what))]
    Gone {
        /// A receipt, token, batch.
        what: &'static str,
    },
    /// The pipeline took no submission.
    #[error("{}", submit_detail(.0))]
    Submit(#[from] SubmitError),
    /// The pipeline could not answer.
    #[error("{}", read_detail(.0))]
    Read(#[from] ReadError),
    /// Who asks may not, or not so much.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A fault of this server: its cause is in its log.
    #[error("the server failed at this request; its log says why")]
    Internal,
}

/// A list of what would be right, for a message.
fn known_names(names: &[&str]) -> String {
    if names.is_empty() { "; it has none".to_owned() } else { format!("; it has {}", names.join(" and ")) }
}

fn submit_detail(error: &SubmitError) -> String {
    match error {
        SubmitError::QueueFull { .. } => format!("{error}; nothing of this one is stored, send it again"),
        SubmitError::NoSpace => format!("{error}; nothing of this one is stored, send it again later"),
        SubmitError::Held => {
            format!(
                "{error}; nothing of this is stored, send it again later: its operator has to find out who is right"
            )
        }
        SubmitError::MinEntryTooLarge { size } => min_entry_detail(*size),
        SubmitError::Frozen { .. } => {
            format!("{error}; what it has can be read as ever, and its operator says which log follows")
        }
        // What the store said stands in the server's log.
        SubmitError::Unreadable => Refusal::Internal.to_string(),
        SubmitError::Stopping => "the log is stopping; nothing of this is stored, send it again".to_owned(),
    }
}

fn read_detail(error: &ReadError) -> String {
    match error {
        // What the store said stands in the server's log.
        ReadError::Store => Refusal::Internal.to_string(),
        ReadError::Size => error.to_string(),
        ReadError::MinEntryTooLarge { size } => min_entry_detail(*size),
    }
}

/// A submission whose token window is over is still in the log: sent again it gets the same entry.
fn after_gone(what: &str) -> &'static str {
    match what {
        "token" => {
            "send the same hashes again with tokens=true and Prefer: wait=10: the answer holds the tokens"
        }
        "timestamp's batch" => "the token itself stays what it is",
        _ => "the same hashes sent again are stamped anew",
    }
}

fn min_entry_detail(size: u64) -> String {
    format!("min_entry must be at most {size}, the log's current size")
}
