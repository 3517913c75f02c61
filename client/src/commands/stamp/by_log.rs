//! What the whole came to with one log.

use crate::{
    report::Verdict,
    stamp::{StampError, Stamped},
};
use serde::Serialize;
use treering_tlog::policy::Policy;
use treering_token::verify::Attested;

/// One log, and what it came to so far.
#[derive(Debug)]
pub(super) struct ByLog {
    pub(super) url: String,
    pub(super) policy: Policy,
    pub(super) all: Stamped,
    /// The latest upper bound: it holds for all.
    pub(super) attested: Option<Attested>,
    /// Why something has no evidence by it.
    pub(super) failed: Option<String>,
    /// Is something to be stamped with it in this call?
    pub(super) is_meant: bool,
}

/// The same in JSON.
#[derive(Debug, Serialize)]
pub(super) struct JsonByLog {
    log_url: String,
    /// `stamped`, `waiting` (accepted here, not yet stamped) or `failed`.
    result: &'static str,
    records: u64,
    new: u64,
    changed: u64,
    kept: u64,
    gone: u64,
    tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl ByLog {
    pub(super) fn new(url: String, policy: Policy, is_meant: bool) -> ByLog {
        ByLog { url, policy, all: Stamped::default(), attested: None, failed: None, is_meant }
    }

    /// Is everything that was to be stamped with it stamped?
    pub(super) fn is_whole(&self) -> bool {
        self.failed.is_none() && self.all.waiting.is_none()
    }

    pub(super) fn attest(&mut self, attested: &Attested) {
        if self.attested.as_ref().is_none_or(|before| before.before() <= attested.before()) {
            self.attested = Some(attested.clone());
        }
    }

    pub(super) fn fail(&mut self, error: &StampError) {
        self.failed.get_or_insert_with(|| error.to_string());
    }

    pub(super) fn json(&self) -> Option<JsonByLog> {
        if !self.is_meant {
            return None;
        }
        let (result, reason) = match (&self.failed, &self.all.waiting) {
            (Some(reason), _) => ("failed", Some(reason.clone())),
            (None, Some(why)) => ("waiting", Some(why.to_string())),
            (None, None) => ("stamped", None),
        };
        let Stamped { records, new, changed, kept, gone, tokens, .. } = self.all;
        let log_url = self.url.clone();
        Some(JsonByLog { log_url, result, records, new, changed, kept, gone, tokens, reason })
    }
}

/// The one whose figures speak for all: every log is given the same files, so the first that has everything stamped.
pub(super) fn lead(logs: &[ByLog]) -> &ByLog {
    let most = |log: &&ByLog| (log.is_meant, log.is_whole(), log.all.records);
    logs.iter().rev().max_by_key(most).expect("there is a log")
}

/// What it means if one of several logs has no evidence of something.
pub(super) fn verdict(error: &StampError) -> Verdict {
    match error {
        // What is unfinished is gone on with, whatever becomes of the others.
        StampError::Unfinished { .. } | StampError::Held { .. } => Verdict::Waiting,
        error => error.verdict(),
    }
}
