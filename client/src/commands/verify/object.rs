//! What `treering verify --json` prints, one object a line.

use crate::{
    commands::{JsonAttested, JsonPath, timestamp::JsonTimestamp},
    judges::{By, Judges},
};
use serde::Serialize;
use treering_token::{
    describe,
    verify::{After, ClaimShown, Named, Verified},
};

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Object {
    /// First.
    Started { version: &'static str, paths: Vec<JsonPath> },
    /// One a file or link. `result`: `verified` (by a token: `tokens` says what is shown), `matches` (the bundle's record: what
    /// is shown follows with the receipts), `uncovered`, `before_not_shown`, `after_not_shown` or
    /// `holder_not_shown` (a predicate doesn't hold), or what is wrong, with a `reason`.
    File {
        #[serde(flatten)]
        path: JsonPath,
        result: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        evidence: Option<JsonPath>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Of the bundle's record, by algorithms that aren't known here.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        unchecked_digests: Vec<String>,
        /// Newest first where one renews another.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tokens: Vec<JsonVerified>,
    },
    /// An RFC 3161 timestamp. `result`: `verified`, `not_checked` (genuine as far as it goes, and `not_checked` says what is
    /// missing), or what is wrong, with a `reason`.
    Timestamp {
        #[serde(flatten)]
        path: JsonPath,
        result: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<u64>,
        evidence: JsonPath,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        #[serde(flatten)]
        shown: Option<Box<JsonTimestamp>>,
    },
    /// One a submission root of a bundle. `result`: `verified`, or what is wrong, with a `reason`.
    Receipt {
        root: String,
        result: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        #[serde(flatten)]
        attested: Option<JsonAttested>,
        #[serde(skip_serializing_if = "Option::is_none")]
        not_before: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        judged_by: Option<String>,
    },
    /// 32 bytes in hex. `subject`: `commitment` (they themselves were stamped) or `digest` (a file with this SHA-256 was).
    /// `result`: as for files.
    Commitment {
        commitment: String,
        result: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        subject: Option<&'static str>,
        evidence: JsonPath,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        #[serde(flatten)]
        attested: Option<JsonAttested>,
        #[serde(skip_serializing_if = "Option::is_none")]
        not_before: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        judged_by: Option<String>,
    },
    /// A token, receipt or bundle by itself. `result`: `without_file` (`token` says what it shows of whatever file it is), or
    /// what is wrong or missing, with a `reason`.
    Token {
        evidence: JsonPath,
        result: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        token: Option<JsonVerified>,
    },
    /// The bundle is not right; what was not reached is not checked.
    Failure { reason: String },
    /// Last. Numbers of files, but for `invalid`, which counts refused receipts too; `unshown` ones agree with a
    /// bundle's records whose receipt is refused or missing. `exit` is the exit code.
    Finished { verified: u64, invalid: u64, unchecked: u64, uncovered: u64, unshown: u64, exit: u8 },
}

/// What one token shows.
#[derive(Debug, Serialize)]
pub(super) struct JsonVerified {
    commitment: String,
    #[serde(flatten)]
    attested: JsonAttested,
    /// RFC 3339: the claim was not made before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    /// Absent for a plain commitment.
    #[serde(skip_serializing_if = "Option::is_none")]
    claim: Option<JsonClaim>,
    /// SHA-256 of the earlier token.
    #[serde(skip_serializing_if = "Option::is_none")]
    renews: Option<String>,
    /// Which of the pinned policies it was; absent where `--policy` names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    judged_by: Option<String>,
}

/// The claim's own words: claimed, not proved.
#[derive(Debug, Serialize)]
struct JsonClaim {
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<JsonName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<JsonName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// Thumbprint (RFC 9679) of the key that signed the claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The holder for whom the user has pinned this key.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_pinned_for: Option<String>,
    checked_digests: Vec<String>,
    unchecked_digests: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum JsonName {
    Withheld,
    Disclosed(String),
}

impl JsonVerified {
    pub(super) fn of(by: &By<Verified>, judges: &Judges) -> JsonVerified {
        let verified = &by.shown;
        JsonVerified {
            judged_by: judges.described(by.judge).map(str::to_owned),
            commitment: verified.commitment.0.to_string(),
            attested: JsonAttested::of(&verified.attested),
            not_before: verified.after.as_ref().map(not_before),
            claim: verified.claim.as_ref().map(|claim| JsonClaim::of(claim, judges)),
            renews: verified.renews.map(|renews| renews.to_string()),
        }
    }
}

pub(super) fn not_before(after: &After) -> String {
    describe::seconds(after.not_before)
}

impl JsonClaim {
    fn of(claim: &ClaimShown, judges: &Judges) -> JsonClaim {
        let key = claim.key.as_ref().map(|key| key.thumbprint());
        let names = |ids: &[treering_token::digest::HashId]| ids.iter().map(ToString::to_string).collect();
        JsonClaim {
            holder: JsonName::of(&claim.holder),
            agent: JsonName::of(&claim.agent),
            title: claim.title.clone(),
            key_pinned_for: key.and_then(|key| judges.pins.holder_of(&key)).map(str::to_owned),
            key: key.map(|key| key.to_string()),
            checked_digests: names(&claim.checked),
            unchecked_digests: names(&claim.unchecked),
        }
    }
}

impl JsonName {
    fn of(name: &Named) -> Option<JsonName> {
        match name {
            Named::Absent => None,
            Named::Withheld => Some(JsonName::Withheld),
            Named::Disclosed(name) => Some(JsonName::Disclosed(name.clone())),
        }
    }
}
