//! Keys that no longer count, and policies that were superseded: what a verifier has learnt since it got a policy.
//!
//! A policy file says nothing of this; it stands beside it (Treering spec, verify, section 12). Times are whole seconds.

use super::{Cosigned, Opened, Policy, PolicyVerifyError};
use crate::{checkpoint::VerifiedCheckpoint, hash::Hash, note::VerifierKey, time::UnixSeconds};

/// A key that does not count after some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distrust {
    /// [`VerifierKey::fingerprint`]: SHA-256 of the public key's bytes, whatever a policy calls it.
    pub key: Hash,
    /// What is shown to be from this time or before still counts.
    pub after: UnixSeconds,
    /// A thief has it, and can write any time into what he signs: the time in a cosignature by it then shows nothing.
    pub stolen: bool,
}

impl Policy {
    /// This policy, with keys that no longer count. Keys that the policy doesn't have do no harm.
    #[must_use]
    pub fn distrusting(mut self, keys: Vec<Distrust>) -> Policy {
        (self.distrusted, self.remembered) = (keys, None);
        self
    }

    /// This policy, which another has taken the place of: it still judges what its quorum had cosigned by `until`. Without
    /// witnesses nothing shows that anything is so old, and it judges nothing.
    #[must_use]
    pub fn superseded(mut self, until: UnixSeconds) -> Policy {
        (self.until, self.remembered) = (Some(until), None);
        self
    }

    /// Until when it judges, if it was superseded.
    pub fn until(&self) -> Option<UnixSeconds> {
        self.until
    }

    /// The cosignatures that count, and those by keys that don't.
    pub(super) fn part(
        &self,
        cosigned: Vec<Cosigned>,
        as_of: Option<UnixSeconds>,
    ) -> (Vec<Cosigned>, Vec<Cosigned>) {
        cosigned.into_iter().partition(|by| {
            let fell = |distrust: &Distrust| {
                // SPEC: Treering verify, section 12: older than its fall by its own timestamp, unless it was stolen.
                !is_by(as_of, distrust.after) && (distrust.stolen || by.time > distrust.after)
            };
            !self.distrusts(&self.witnesses[by.witness].key).any(fell)
        })
    }

    /// Does a log's signature count, and the policy itself? A log's signature has no time of its own: the witnesses, who
    /// look at it before they cosign, say how old it is.
    pub(super) fn check_time(
        &self,
        opened: &VerifiedCheckpoint,
        cosigned: &[Cosigned],
        as_of: Option<UnixSeconds>,
    ) -> Result<(), PolicyVerifyError> {
        if self.distrusted.is_empty() && self.until.is_none() {
            return Ok(());
        }
        let attested = self.upper_bound(cosigned).map(|upper| upper.time);
        let fell = |key: &VerifierKey| {
            let fallen =
                |distrust: &&Distrust| !is_by(as_of, distrust.after) && !is_by(attested, distrust.after);
            self.distrusts(key).filter(fallen).map(|distrust| distrust.after).min()
        };
        let signed = |key: &&VerifierKey| opened.log_signatures().iter().any(|line| key.matches(line));
        let keys = self.log_keys(opened.origin());
        // One signature that counts is enough: a log has two keys while it exchanges one for the other.
        let fallen: Option<Vec<_>> = keys.iter().filter(signed).map(fell).collect();
        if let Some(after) = fallen.and_then(|fallen| fallen.into_iter().min()) {
            return Err(PolicyVerifyError::DistrustedLog { origin: opened.origin().to_string(), after });
        }
        match self.until {
            // SPEC: Treering verify, section 12: what has no time may be of today. Where a quorum is asked for and isn't met,
            // that is the fault to be named, and whoever opens a note asks for it.
            Some(until) if self.needs_no_witness() || attested.is_some_and(|time| time > until) => {
                Err(PolicyVerifyError::Superseded { attested, until })
            }
            _ => Ok(()),
        }
    }

    fn distrusts(&self, key: &VerifierKey) -> impl Iterator<Item = &Distrust> {
        // Only who distrusts somebody pays for the hash.
        let fingerprint = (!self.distrusted.is_empty()).then(|| key.fingerprint());
        self.distrusted.iter().filter(move |distrust| Some(distrust.key) == fingerprint)
    }
}

impl Opened {
    /// All cosignatures that verified, whether or not they count, in no order.
    pub fn verified(&self) -> impl Iterator<Item = &Cosigned> {
        self.cosigned.iter().chain(&self.distrusted)
    }
}

fn is_by(time: Option<UnixSeconds>, limit: UnixSeconds) -> bool {
    time.is_some_and(|time| time <= limit)
}
