//! The lower bound: a checkpoint that was fetched before the file was hashed.
//!
//! Its cosignatures are unpredictable (its body is not), so a claim that names the hash of the whole note was not made
//! before them. The bound is the latest T such that the cosignatures in those very bytes with timestamps ≥ T meet the
//! quorum.

use super::{After, VerifyError};
use treering_tlog::{
    note::Note,
    policy::{Cosigned, Opened, Policy},
    time::UnixSeconds,
};

/// Beyond this, only the fewest cosignatures that meet the quorum are kept: it leaves half of a token's `extra` free.
const FEWEST_BEYOND: usize = 24_000;

/// Which of the note's lines a client keeps as `after`: the log's and those of witnesses in the policy, and the fewest
/// that meet the quorum if it passes 24,000 bytes. `None` under `quorum none` or when the quorum isn't met.
pub fn keep_for_after(policy: &Policy, note: &[u8]) -> Option<Vec<u8>> {
    if policy.needs_no_witness() {
        return None;
    }
    let opened = policy.open(Note::parse(note).ok()?).ok()?;
    policy.lower_bound(&opened.cosigned)?;
    let kept = keep(policy, &opened, &opened.cosigned)?;
    if kept.len() <= FEWEST_BEYOND {
        Some(kept)
    } else {
        keep(policy, &opened, &fewest(policy, &opened.cosigned))
    }
}

/// What a note shows as `after`.
pub(super) fn open(policy: &Policy, note: &[u8], as_of: Option<UnixSeconds>) -> Result<After, VerifyError> {
    if policy.needs_no_witness() {
        return Err(VerifyError::AfterWithoutQuorum);
    }
    let note = Note::parse(note).map_err(VerifyError::AfterNote)?;
    let opened = policy.open_as_of(note, as_of).map_err(VerifyError::AfterCheckpoint)?;
    let not_before = policy.lower_bound(&opened.cosigned).ok_or(VerifyError::AfterQuorum {
        cosigned: opened.cosigned.len(),
        witnesses: policy.witnesses().len(),
    })?;
    Ok(After {
        origin: opened.checkpoint.origin().clone(),
        tree_size: opened.checkpoint.head().size.get(),
        not_before,
    })
}

/// The note with only the log's lines and those of these cosignatures.
fn keep(policy: &Policy, opened: &Opened, cosigned: &[Cosigned]) -> Option<Vec<u8>> {
    let log_keys = policy.log_keys(opened.checkpoint.origin());
    let witnesses = cosigned.iter().map(|cosigned| &policy.witnesses()[cosigned.witness].key);
    let keys: Vec<_> = log_keys.iter().chain(witnesses).collect();
    let note = opened.checkpoint.note();
    let lines = note.signatures().iter().filter(|line| keys.iter().any(|key| key.matches(line)));
    Some(Note::new(note.text(), lines.cloned().collect()).ok()?.to_string().into_bytes())
}

/// The latest cosignatures until the quorum is met, less those that it is met without.
fn fewest(policy: &Policy, cosigned: &[Cosigned]) -> Vec<Cosigned> {
    let mut latest_first = cosigned.to_vec();
    latest_first.sort_by_key(|cosigned| std::cmp::Reverse(cosigned.time));
    let is_met =
        |kept: &[Cosigned]| policy.is_met(&kept.iter().map(|cosigned| cosigned.witness).collect::<Vec<_>>());
    let enough = (1..=latest_first.len()).find(|&count| is_met(&latest_first[..count]));
    let mut kept = latest_first[..enough.unwrap_or(latest_first.len())].to_vec();
    for i in (0..kept.len()).rev() {
        let one = kept.remove(i);
        if !is_met(&kept) {
            kept.insert(i, one);
        }
    }
    kept
}
