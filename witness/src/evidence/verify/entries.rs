//! Entries that a signed tree holds and should not.

use treering_tlog::{
    checkpoint::VerifiedCheckpoint, hash::leaf_hash, policy::Policy, tree::verify_inclusion,
};
use treering_token::{
    describe::{millis, seconds},
    entry::Entry,
};

use super::{Confirmed, Evidence, Judged, Not, Refuted, Unclear, cosigned, open};
use crate::evidence::Leaf;

/// Whatever was configured, `sealed_at` may be so far from attested times. SPEC: Treering time.md: 60 s of skew.
const MIN_DISTANCE_MS: u64 = 60_000;

pub(super) fn malformed(evidence: &Evidence, policy: &Policy) -> Judged {
    let log = last(evidence, policy)?;
    let leaf = evidence.leaves.first().ok_or(Refuted::WellFormed)?;
    included(&log, leaf)?;
    let Err(why) = Entry::decode(&leaf.entry) else { return Err(Refuted::WellFormed.into()) };
    confirmed(&log, format!("entry {} of the log {} is none: {why}", leaf.index, log.origin()))
}

pub(super) fn backwards(evidence: &Evidence, policy: &Policy) -> Judged {
    let log = last(evidence, policy)?;
    let [earlier, later] = &evidence.leaves[..] else { return Err(Refuted::NotNeighbours.into()) };
    if earlier.index.checked_add(1) != Some(later.index) {
        return Err(Refuted::NotNeighbours.into());
    }
    let (before, after) = (entry(&log, earlier)?, entry(&log, later)?);
    // SPEC: Treering log.md, section 1: sealed_at grows strictly.
    if after.sealed_at() > before.sealed_at() {
        return Err(Refuted::Ascending.into());
    }
    let (index, origin) = (later.index, log.origin());
    let (before, after) = (millis(before.sealed_at()), millis(after.sealed_at()));
    confirmed(
        &log,
        format!(
            "entry {index} of the log {origin} says that it was sealed at {after}; the entry before it, at {before}"
        ),
    )
}

/// Confirmed where the witnesses' times show it; else it is the monitor's word.
pub(super) fn clock(evidence: &Evidence, policy: &Policy) -> Judged {
    let log = last(evidence, policy)?;
    let leaf = evidence.leaves.first().ok_or(Refuted::NoEntry)?;
    let sealed = entry(&log, leaf)?.sealed_at();
    let allowed = evidence.number.max(MIN_DISTANCE_MS);
    let (index, origin) = (leaf.index, log.origin());
    // Not sealed yet when the quorum had it: "before T + 1 s".
    let cosignatures = cosigned(log.note(), log.checkpoint(), policy);
    if let Some(bound) = policy.upper_bound(&cosignatures) {
        let before_ms = bound.time.get().saturating_add(1).saturating_mul(1000);
        if sealed.get() > before_ms.saturating_add(allowed) {
            return confirmed(
                &log,
                format!(
                    "entry {index} of the log {origin} says that it was sealed at {}; witnesses had it at {}",
                    millis(sealed),
                    seconds(bound.time)
                ),
            );
        }
    }
    // Said to be sealed long before a time at which the quorum knew the log without it.
    if let [before, _] = &evidence.notes[..] {
        let before = open(before, policy)?;
        if before.origin() != origin {
            return Err(Refuted::OtherOrigins.into());
        }
        if before.head().size.get() > index {
            return Err(Refuted::Covered.into());
        }
        let cosignatures = cosigned(before.note(), before.checkpoint(), policy);
        if let Some(at) = policy.lower_bound(&cosignatures)
            && sealed.get().saturating_add(allowed) < at.get().saturating_mul(1000)
        {
            return confirmed(
                &log,
                format!(
                    "entry {index} of the log {origin} says that it was sealed at {}; at {} witnesses knew the log without it",
                    millis(sealed),
                    seconds(at)
                ),
            );
        }
    }
    // The monitor knows when it saw the log without the entry; only its last look is in the file.
    if evidence.observed_at.get().abs_diff(sealed.get()) <= evidence.number {
        return Err(Refuted::WithinDistance.into());
    }
    Err(Not::Open(Unclear::MonitorsClock))
}

/// The checkpoint whose tree has the entries: the last one.
pub(super) fn last(evidence: &Evidence, policy: &Policy) -> Result<VerifiedCheckpoint, Not> {
    let note = evidence.notes.last().ok_or(Refuted::Order)?;
    open(note, policy)
}

/// An entry of Treering's that the tree has.
pub(super) fn entry(log: &VerifiedCheckpoint, leaf: &Leaf) -> Result<Entry, Not> {
    included(log, leaf)?;
    Entry::decode(&leaf.entry).map_err(|_| Refuted::NoEntry.into())
}

fn included(log: &VerifiedCheckpoint, leaf: &Leaf) -> Result<(), Refuted> {
    verify_inclusion(&leaf_hash(&leaf.entry), leaf.index, &log.head(), &leaf.proof)
        .map_err(|source| Refuted::Inclusion { index: leaf.index, source })
}

fn confirmed(log: &VerifiedCheckpoint, statement: String) -> Judged {
    Ok(Confirmed { statement, culprits: vec![log.origin().to_string()] })
}
