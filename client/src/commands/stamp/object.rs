//! What `treering stamp --json` says: one of these a line.

use super::super::{JsonAttested, JsonPath, timestamp::JsonTimestamp};
use serde::Serialize;
use std::path::Path;

/// `--json`: one of these a line.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Object<'a> {
    /// First.
    Started { version: &'static str, log: &'a str, paths: Vec<JsonPath> },
    /// One a file or link: `result` is `hashed`, `left_out` or `failed`, the last two with a `reason`.
    /// For a `hashed` one, `path` is the path in the bundle.
    File {
        #[serde(flatten)]
        path: JsonPath,
        result: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        kind: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        digests: Option<std::collections::BTreeMap<String, String>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A submission on its way to the log.
    Submission { root: String, records: u64 },
    /// Its receipt, verified under the policy.
    Receipt {
        root: String,
        #[serde(flatten)]
        attested: JsonAttested,
    },
    /// Evidence in its place.
    Output {
        #[serde(flatten)]
        path: JsonPath,
    },
    /// An RFC 3161 timestamp of evidence, in its place: by an authority that nobody has vouched for yet.
    Timestamp {
        #[serde(flatten)]
        path: JsonPath,
        #[serde(flatten)]
        shown: Box<JsonTimestamp>,
    },
    /// Last. Without it, the run did not come to its end.
    Finished {
        records: u64,
        bytes: u64,
        tokens: u64,
        failed: u64,
        /// Whatever the reason, each of which its own object has.
        left_out: u64,
        /// The thumbprint of the key that signed the claims, in hex.
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        exit: u8,
    },
}

pub(super) fn unstamped(path: &Path, result: &'static str, reason: String) -> Object<'static> {
    Object::File {
        path: JsonPath::of(path),
        result,
        kind: None,
        size: None,
        digests: None,
        reason: Some(reason),
    }
}
