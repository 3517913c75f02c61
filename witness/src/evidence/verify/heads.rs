//! Checkpoints that contradict each other.

use std::collections::BTreeSet;

use treering_tlog::{
    checkpoint::{Checkpoint, VerifiedCheckpoint},
    policy::Policy,
};
use treering_token::describe::seconds;

use super::{Confirmed, Evidence, Judged, Not, Refuted, Unclear, cosigned, open};
use crate::evidence::fold;

/// Two roots for one size, both by the log.
pub(super) fn split_view(evidence: &Evidence, policy: &Policy) -> Judged {
    let (a, b) = both(evidence, policy)?;
    let (one, other) = (a.head(), b.head());
    if one.size != other.size {
        return Err(Refuted::OtherSizes.into());
    }
    if one.root == other.root {
        return Err(Refuted::SameRoot.into());
    }
    let statement = format!(
        "the log {} signed two roots for size {}: {} and {}",
        a.origin(),
        one.size,
        one.root,
        other.root
    );
    Ok(Confirmed { statement, culprits: culprits(&a, &b, policy) })
}

/// The larger tree doesn't begin with the smaller one.
pub(super) fn inconsistent(evidence: &Evidence, policy: &Policy) -> Judged {
    let (old, new) = both(evidence, policy)?;
    if old.head().size >= new.head().size {
        return Err(Refuted::Order.into());
    }
    let (first, all) = fold(old.head().size, new.head().size, &evidence.hashes).ok_or(Refuted::Hashes)?;
    // The hashes are the new tree's own, or SHA-256 is broken; so `first` is how that tree begins.
    if all != new.head() {
        return Err(Refuted::Hashes.into());
    }
    if first == old.head() {
        return Err(Refuted::Consistent.into());
    }
    let statement = format!(
        "the log {} signed the root {} for size {}, and later, for size {}, a tree whose first {} entries have the \
         root {}",
        old.origin(),
        old.head().root,
        old.head().size,
        new.head().size,
        old.head().size,
        first.root
    );
    Ok(Confirmed { statement, culprits: culprits(&old, &new, policy) })
}

/// The log's key signed a larger tree than the log says that it ever made. If the two are one history, nobody did wrong but
/// whoever lost data; if not, the log or a monitor can show it once either has both trees.
pub(super) fn unmade(evidence: &Evidence, policy: &Policy) -> Judged {
    let (own, other) = both(evidence, policy)?;
    if own.head().size >= other.head().size {
        return Err(Refuted::Order.into());
    }
    Err(Not::Open(Unclear::LogsWord))
}

/// A witness that cosigned the second, larger checkpoint before the first. The log's own signature is not needed: what
/// is shown is the witness's.
pub(super) fn contradiction(evidence: &Evidence, policy: &Policy) -> Judged {
    let [small, large] = &evidence.notes[..] else { return Err(Refuted::Order.into()) };
    let (a, b) = (Checkpoint::parse(small.text())?, Checkpoint::parse(large.text())?);
    if a.origin != b.origin {
        return Err(Refuted::OtherOrigins.into());
    }
    if a.head.size >= b.head.size {
        return Err(Refuted::Order.into());
    }
    let (of_small, of_large) = (cosigned(small, &a, policy), cosigned(large, &b, policy));
    for late in &of_small {
        let early = of_large.iter().find(|early| early.witness == late.witness && early.time < late.time);
        if let Some(early) = early {
            let witness = policy.witnesses()[late.witness].name.to_string();
            let statement = format!(
                "the witness {witness} cosigned size {} of {} at {}, and at {}, later, the smaller size {} as the \
                 largest that it knew",
                b.head.size,
                a.origin,
                seconds(early.time),
                seconds(late.time),
                a.head.size
            );
            return Ok(Confirmed { statement, culprits: vec![witness] });
        }
    }
    Err(Refuted::NoContradiction.into())
}

fn both(evidence: &Evidence, policy: &Policy) -> Result<(VerifiedCheckpoint, VerifiedCheckpoint), Not> {
    // INVARIANT: of the format: these kinds have two notes; a value that was made otherwise is refused here.
    let [a, b] = &evidence.notes[..] else { return Err(Refuted::Order.into()) };
    let (a, b) = (open(a, policy)?, open(b, policy)?);
    if a.origin() == b.origin() { Ok((a, b)) } else { Err(Refuted::OtherOrigins.into()) }
}

/// The log, and each witness that cosigned both.
fn culprits(a: &VerifiedCheckpoint, b: &VerifiedCheckpoint, policy: &Policy) -> Vec<String> {
    let by = |opened: &VerifiedCheckpoint| -> BTreeSet<usize> {
        cosigned(opened.note(), opened.checkpoint(), policy).iter().map(|by| by.witness).collect()
    };
    let witnesses = by(a).intersection(&by(b)).map(|&at| policy.witnesses()[at].name.to_string()).collect();
    [vec![a.origin().to_string()], witnesses].concat()
}
