//! What there is to say about a log: a line of `treering-witness list`.

use serde::{Deserialize, Serialize};
use treering_tlog::checkpoint::Origin;

use super::KnownLog;
use crate::{
    cosigner::{Comparison, Comparisons},
    store::Record,
};

/// One log. In JSON, fields that are `None` are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The log.
    pub origin: String,
    /// Its verifier keys.
    pub keys: Vec<String>,
    /// Where it can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Cosignatures a day, where a file says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosignatures_per_day: Option<u64>,
    /// Whom to write to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// The size of the last checkpoint that was cosigned; absent if none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// When, in seconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosigned_at: Option<u64>,
    /// Is it signed for?
    pub signed: bool,
    /// What the comparison at the start found: `agrees`, or `unchecked: ` or `older than signed: ` and why.
    pub record: String,
}

impl Row {
    pub(crate) fn new(
        origin: &Origin,
        log: &KnownLog,
        record: Option<&Record>,
        comparisons: &Comparisons,
    ) -> Row {
        Row {
            origin: origin.as_str().to_owned(),
            keys: log.keys().iter().map(ToString::to_string).collect(),
            url: log.url().map(str::to_owned),
            cosignatures_per_day: log.requests_per_day().map(u64::from),
            contact: log.contact().map(str::to_owned),
            size: record.map(|record| record.head().size.get()),
            cosigned_at: record.map(|record| record.time().get()),
            signed: comparisons.may_sign(origin),
            record: match comparisons.get(origin) {
                Comparison::Agrees => "agrees".to_owned(),
                Comparison::Unchecked(why) => format!("unchecked: {why}"),
                Comparison::Further(further) => format!("older than signed: {further}"),
            },
        }
    }

    /// One line.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers always encode")
    }
}
