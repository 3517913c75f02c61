//! What a timestamp shows, in JSON: for `verify`, `tsa` and `stamp`.

use super::JsonAttested;
use crate::timestamp::{Shown, WitnessesWord};
use serde::Serialize;

/// The two words, and what is missing.
#[derive(Debug, Serialize)]
pub(super) struct JsonTimestamp {
    authority: JsonAuthority,
    /// Absent if no log's proof was checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    witnesses: Option<JsonAttested>,
    /// With `witnesses`: they saw the signature at most so many seconds after `authority.time`.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_lag: Option<u64>,
    /// `signature` (no certificate), `authority` (no root), `proof` (no policy, one without witnesses, or no certificate).
    not_checked: Vec<&'static str>,
    /// `not_backdated` unless the witnesses' word shows it; `revocation` always.
    not_shown: Vec<&'static str>,
}

/// The authority's word.
#[derive(Debug, Serialize)]
struct JsonAuthority {
    /// RFC 3339: what is stamped existed then.
    time: String,
    /// Is that in the future by this verifier's clock? Absent if not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    in_future: bool,
    /// Microseconds either way, by its own word.
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy_micros: Option<u64>,
    /// In hexadecimal.
    serial: String,
    policy: String,
    /// `sha256`, ….
    hash: String,
    /// Of its certificate. Absent if it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// The root that vouches for it. Absent if none was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<String>,
}

impl JsonTimestamp {
    pub(super) fn of(shown: &Shown) -> Box<JsonTimestamp> {
        let info = &shown.info;
        let transparent = match &shown.witnesses {
            WitnessesWord::Shown(transparent) => Some(transparent),
            _ => None,
        };
        let mut not_checked = Vec::new();
        if shown.authority.is_none() {
            not_checked.push("signature");
        }
        if shown.root.is_none() {
            not_checked.push("authority");
        }
        if !matches!(shown.witnesses, WitnessesWord::NoProof | WitnessesWord::Shown(_)) {
            not_checked.push("proof");
        }
        let not_shown =
            if transparent.is_some() { vec!["revocation"] } else { vec!["not_backdated", "revocation"] };
        Box::new(JsonTimestamp {
            authority: JsonAuthority {
                time: info.gen_time.to_string(),
                in_future: shown.is_in_future,
                accuracy_micros: info.accuracy.map(|accuracy| accuracy.as_micros()),
                serial: info.serial.to_string(),
                policy: info.policy.to_string(),
                hash: info.imprint.algorithm().to_string(),
                subject: shown.authority.clone(),
                root: shown.root.clone(),
            },
            witnesses: transparent.map(|transparent| JsonAttested::of(&transparent.attested)),
            max_lag: transparent.map(|transparent| transparent.max_lag),
            not_checked,
            not_shown,
        })
    }
}
