//! Why a call to the log brought nothing.

use super::CredentialsError;
use treering_tlog::hash::Hash;
use treering_token::token::TokenError;

/// Why a call brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The URL can't be used.
    #[error("{url:?} is not the URL of a log: {why}")]
    Url {
        /// As given.
        url: String,
        /// In words.
        why: UrlFault,
    },
    /// The HTTP client could not be set up (no usable root certificates, for instance).
    #[error("the HTTP client can't be set up: {0}")]
    Setup(#[source] reqwest::Error),
    /// The API key can't be sent to this log.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// No answer, after all attempts.
    #[error(
        "no answer from {url} after {attempts} attempts: {reason}; is the log's URL right, and is it up?"
    )]
    Unreachable {
        /// What was called.
        url: String,
        /// How often.
        attempts: u32,
        /// The last failure, in words.
        reason: String,
    },
    /// The log refused (RFC 9457).
    #[error("{url} answered {status}: {problem}")]
    Refused {
        /// What was called.
        url: String,
        /// The status code.
        status: u16,
        /// The log's words, made safe to print.
        problem: String,
    },
    /// The log doesn't know this submission.
    #[error("the log does not know the submission {root}; submit it (again)")]
    Unknown {
        /// The submission root.
        root: Hash,
    },
    /// The log no longer keeps this receipt.
    #[error("the log no longer has the receipt of {root}; the same bytes sent again are stamped anew")]
    Gone {
        /// The submission root.
        root: Hash,
    },
    /// The log doesn't know this RFC 3161 timestamp.
    #[error("the log does not know a timestamp with the serial number {serial}; is it the log that gave it?")]
    UnknownTimestamp {
        /// In hexadecimal.
        serial: String,
    },
    /// The log no longer keeps the proof of this RFC 3161 timestamp.
    #[error("the log no longer has the proof of the timestamp {serial}")]
    GoneTimestamp {
        /// In hexadecimal.
        serial: String,
    },
    /// The answer is larger than anything that could be meant.
    #[error("the answer of {url} is larger than {max} bytes; is this a Treering log?")]
    TooLarge {
        /// What was called.
        url: String,
        /// The bound.
        max: usize,
    },
    /// The answer to a request for a receipt is none.
    #[error("what {url} gave is no receipt: {error}")]
    NotAReceipt {
        /// What was called.
        url: String,
        /// Why.
        error: TokenError,
    },
    /// The answer to `GET /v1/log` is not understood.
    #[error("what {url} gave is not a log's description ({reason}); is this a Treering log?")]
    NotALog {
        /// What was called.
        url: String,
        /// Why.
        reason: String,
    },
    /// A submission has at least one commitment.
    #[error("a submission of nothing")]
    Empty,
}

/// What is wrong with a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlFault {
    /// Neither parses.
    #[error("it can't be parsed; a URL looks like https://log.example/")]
    Form,
    /// Neither http nor https.
    #[error("it must begin with https:// or http://")]
    Scheme,
    /// A query or fragment.
    #[error("it has a query or a fragment")]
    Extra,
}
