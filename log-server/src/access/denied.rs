//! Why a caller is not let in.

use std::time::Duration;

use super::key_list::Scope;

/// Why a caller is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No key, where one is needed.
    #[error(
        "this log takes {} from holders of an API key only; send it as \"Authorization: Bearer treering_…\", or ask the \
         log's operator for one. Reading needs no key",
        what(.scope)
    )]
    NoKey {
        /// What it is needed for.
        scope: Scope,
    },
    /// Not a key of this log.
    #[error(
        "the API key is none of this log's: mistyped, or revoked (a key is treering_, 16 hex digits, _, 64 hex digits)"
    )]
    UnknownKey,
    /// Its time is over.
    #[error("the API key has expired; ask the log's operator for a new one")]
    ExpiredKey,
    /// It is for something else.
    #[error("the API key is not for {}; ask the log's operator for one with the scope {:?}", what(.scope), .scope.name())]
    Scope {
        /// What it would have to be for.
        scope: Scope,
    },
    /// The account is empty.
    #[error(
        "this caller has used up its {quota} ({amount} in {window} s); nothing of this is stored, send it again later (the \
         limits stand in /v1/log, what is left of them in the RateLimit header)"
    )]
    Rate {
        /// Which: `requests` or `hashes`.
        quota: &'static str,
        /// How many a window.
        amount: u64,
        /// Its seconds.
        window: u64,
        /// When there will be some.
        retry_after: Duration,
    },
}

fn what(scope: &Scope) -> &'static str {
    match scope {
        Scope::Submit => "submissions",
        Scope::Timestamp => "timestamp queries",
    }
}
