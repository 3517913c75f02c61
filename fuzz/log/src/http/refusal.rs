//! What a body can be refused for: some of `log-server/src/http/refusal.rs`.

mod fault;

pub use fault::{HexFault, SumsFault};

/// Why a body is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No hash.
    EmptyBody,
    /// No multiple of 32 bytes.
    BodyLength {
        /// How many came.
        bytes: u64,
        /// Behind the last whole hash.
        remainder: u64,
    },
    /// More than may be.
    TooManyHashes {
        /// The limit.
        limit: u64,
    },
    /// More than may be kept.
    TooManyForTokens {
        /// The limit.
        limit: u64,
    },
    /// JSON of another shape.
    Json {
        /// Where.
        offset: u64,
        /// What would have been right.
        expected: &'static str,
    },
    /// A string that is no hash.
    JsonHash {
        /// Its place.
        index: u64,
        /// What is wrong.
        fault: HexFault,
    },
    /// A line that sha256sum doesn't write.
    SumsLine {
        /// From 1.
        line: u64,
        /// What is wrong.
        fault: SumsFault,
    },
}
