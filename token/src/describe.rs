//! What was shown, in plain words: the sentences that every program prints.
//!
//! Attested time (the witnesses' word) and sealing time (the log's own) are never mixed up. Whatever a claim says is
//! called claimed, and everything that comes from strangers is escaped. Times are RFC 3339 in UTC.

use crate::{
    claim::HolderKey,
    escape,
    verify::{After, Attested, ClaimShown, Named, Verified},
};
use jiff::Timestamp;
use treering_tlog::{
    policy::Name,
    time::{UnixMillis, UnixSeconds},
};

/// RFC 3339 in UTC: `2026-11-22T04:41:04Z`. Beyond the year 9999, the number of seconds.
pub fn seconds(t: UnixSeconds) -> String {
    let timestamp = i64::try_from(t.get()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    timestamp.map_or_else(|| format!("second {} of the epoch", t.get()), |timestamp| timestamp.to_string())
}

/// RFC 3339 in UTC with milliseconds: `2026-11-22T04:41:02.913Z`. Beyond the year 9999, the number of milliseconds.
pub fn millis(t: UnixMillis) -> String {
    let timestamp = i64::try_from(t.get()).ok().and_then(|millis| Timestamp::from_millisecond(millis).ok());
    timestamp.map_or_else(
        || format!("millisecond {} of the epoch", t.get()),
        |timestamp| format!("{timestamp:.3}"),
    )
}

/// `existed before 2026-11-22T04:41:04Z (3 of 3 witnesses; 2 would have to lie); sealed by the log … at …, entry 17`
pub fn attested(a: &Attested) -> String {
    let origin = escape::text(a.origin.as_str());
    let sealed = format!("sealed by the log {origin} at {}, entry {}", millis(a.sealed_at), a.index);
    match (a.before(), a.upper) {
        (Some(before), Some(upper)) => {
            let witnesses = if upper.of == 1 { "witness" } else { "witnesses" };
            let (met, of, liars) = (upper.met, upper.of, upper.would_have_to_lie);
            format!(
                "existed before {} ({met} of {of} {witnesses}; {liars} would have to lie); {sealed}",
                seconds(before)
            )
        }
        _ => format!("no attested time: the policy asks for no witness; only the log's own word: {sealed}"),
    }
}

/// What holds for each of several: `existed before 2026-11-22T04:41:04Z (at least 2 would have to lie); …`.
///
/// `latest` has the latest bound of them; `would_have_to_lie` is the least of them.
pub fn attested_of_several(latest: &Attested, would_have_to_lie: usize) -> String {
    match latest.before() {
        Some(before) => format!(
            "existed before {} (at least {would_have_to_lie} would have to lie); sealed in several entries",
            seconds(before)
        ),
        None => {
            "no attested time: the policy asks for no witness; only the log's own word, in several entries"
                .into()
        }
    }
}

/// `stamped not before 2026-11-22T04:40:58Z (checkpoint 16 of the log …): this says when the claim was made, …`
pub fn after(a: &After) -> String {
    let (not_before, origin) = (seconds(a.not_before), escape::text(a.origin.as_str()));
    format!(
        "stamped not before {not_before} (checkpoint {} of the log {origin}): this says when the claim was made, not \
         the file",
        a.tree_size
    )
}

/// Cosignatures that do not count, a line each.
pub fn distrusted(a: &Attested) -> Vec<String> {
    let line = |(name, time): &(Name, UnixSeconds)| {
        format!("the cosignature of {name} at {} does not count: its key is distrusted", seconds(*time))
    };
    a.distrusted.iter().map(line).collect()
}

/// All that a token shows and what it doesn't, a line each.
pub fn verified(v: &Verified) -> Vec<String> {
    let mut lines = vec![attested(&v.attested)];
    lines.extend(v.attested.in_future.iter().map(|(name, time)| {
        format!(
            "the witness {name} cosigned at {}, which is in the future by this verifier's clock",
            seconds(*time)
        )
    }));
    lines.extend(distrusted(&v.attested));
    lines.extend(v.after.as_ref().map(after));
    if v.after_unjudged {
        lines.push(
            "the claim names an earlier checkpoint, not judged: the policy asks for no witness".to_owned(),
        );
    }
    match &v.claim {
        Some(claim) => lines.extend(claimed(claim)),
        None => lines.push(
            "plain: the file's SHA-256 itself was stamped, with no claim and no lower bound".to_owned(),
        ),
    }
    lines.extend(v.renews.map(|renews| format!("renews the earlier token with SHA-256 {renews}")));
    lines.push(NOT_SHOWN.to_owned());
    lines
}

const NOT_SHOWN: &str =
    "not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock";

fn claimed(claim: &ClaimShown) -> Vec<String> {
    let checked: Vec<_> = claim.checked.iter().map(ToString::to_string).collect();
    let mut lines = vec![format!("digests that agree with the claim: {}", checked.join(", "))];
    lines.extend(claim.unchecked.iter().map(|id| format!("digest not checked: hash {id} is not known here")));
    lines.extend(holder(&claim.holder, claim.key.as_ref()));
    lines.extend(match &claim.agent {
        Named::Absent => None,
        Named::Withheld => Some("agent: in the claim, not disclosed in this token".to_owned()),
        Named::Disclosed(name) => Some(format!("agent: {} (name claimed)", escape::text(name))),
    });
    lines.extend(claim.title.as_ref().map(|title| format!("title: {} (claimed)", escape::text(title))));
    lines
}

fn holder(holder: &Named, key: Option<&HolderKey>) -> Option<String> {
    let key = key.map(|key| format!("key {}", key.thumbprint()));
    match (holder, key) {
        (Named::Absent, None) => None,
        (Named::Absent, Some(key)) => Some(format!("holder: no name claimed, {key}")),
        (Named::Withheld, None) => Some("holder: in the claim, not disclosed in this token".to_owned()),
        (Named::Withheld, Some(key)) => {
            Some(format!("holder: in the claim, not disclosed in this token, {key}"))
        }
        (Named::Disclosed(name), None) => {
            Some(format!("holder: {} (name claimed, no key)", escape::text(name)))
        }
        (Named::Disclosed(name), Some(key)) => {
            Some(format!("holder: {} (name claimed, {key})", escape::text(name)))
        }
    }
}
