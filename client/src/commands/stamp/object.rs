//! What `treering stamp --json` says: one of these a line.

use super::{
    super::{JsonAttested, JsonPath, timestamp::JsonTimestamp},
    by_log::JsonByLog,
};
use serde::Serialize;
use std::path::Path;

/// `--json`: one of these a line.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Object<'a> {
    /// First.
    Started {
        version: &'static str,
        log: &'a str,
        /// With `--all-logs`: all of them.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        logs: Vec<&'a str>,
        paths: Vec<JsonPath>,
        /// By `treering resume`?
        resumed: bool,
        /// The bundle that is brought up to date.
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<JsonPath>,
    },
    /// One a file or link: `result` is `hashed`, `kept` (an earlier record still holds), `left_out` or `failed`, the last
    /// two with a `reason`. For the first two, `path` is the path in the bundle.
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
    /// At most once a second while files are looked at.
    Progress {
        files: u64,
        bytes: u64,
        seconds: f64,
        /// Files and links that there are, as far as is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        total_files: Option<u64>,
        /// At the rate so far.
        #[serde(skip_serializing_if = "Option::is_none")]
        seconds_left: Option<u64>,
    },
    /// A submission on its way to the log.
    Submission {
        root: String,
        records: u64,
        /// With `--all-logs`: which of them, as in the next two.
        #[serde(skip_serializing_if = "Option::is_none")]
        log_url: Option<&'a str>,
    },
    /// Its receipt, verified under the policy.
    Receipt {
        root: String,
        #[serde(flatten)]
        attested: JsonAttested,
        #[serde(skip_serializing_if = "Option::is_none")]
        log_url: Option<&'a str>,
    },
    /// Evidence in its place.
    Output {
        #[serde(flatten)]
        path: JsonPath,
        #[serde(skip_serializing_if = "Option::is_none")]
        log_url: Option<&'a str>,
    },
    /// An RFC 3161 timestamp of evidence, in its place: by an authority that nobody has vouched for yet.
    Timestamp {
        #[serde(flatten)]
        path: JsonPath,
        #[serde(flatten)]
        shown: Box<JsonTimestamp>,
    },
    /// Last. Without it, the run did not come to its end. With exit code 3 it has, and receipts are still to come. With
    /// `--all-logs` the figures are those of the log that has most of it, and each log's own are in `logs`.
    Finished {
        /// Files and links that are covered now: `new + changed + kept`.
        records: u64,
        bytes: u64,
        new: u64,
        changed: u64,
        kept: u64,
        /// No longer covered, since they are not there any more.
        gone: u64,
        /// Files and links that were read in this call.
        hashed: u64,
        tokens: u64,
        failed: u64,
        /// Whatever the reason, each of which its own object has.
        left_out: u64,
        /// The thumbprint of the key that signed the claims, in hex.
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        logs: Vec<JsonByLog>,
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
