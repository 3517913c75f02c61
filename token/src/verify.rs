//! The one way to verify: every caller (client, server's own check, tests) comes through here.
//!
//! From the file to the time: digests → claim → commitment → layers → entry → log → witnesses. Each refusal of the
//! Treering spec has a variant of [`VerifyError`]. What is accepted does not depend on the order of the checks; the
//! order only decides which of several faults is named. No file, no network and no clock: the policy, the bytes and
//! the verifier's own time are arguments.

use crate::{
    claim::HolderKey,
    commitment::Commitment,
    digest::{Digests, HashId},
    token::Token,
};
use treering_tlog::{
    checkpoint::Origin,
    hash::Hash,
    policy::{Cosigned, Name, Policy, UpperBound},
    time::{UnixMillis, UnixSeconds},
    tree::verify_inclusion,
};

pub use after::keep_for_after;
pub use chain::{chain_under, under};
pub use error::{Fault, VerifyError};

mod after;
mod chain;
mod error;
mod own;

/// A policy and the verifier's own time.
#[derive(Clone, Copy, Debug)]
pub struct Verifier<'a> {
    /// Which logs and witnesses count.
    pub policy: &'a Policy,
    /// Only to report timestamps in the future, never to refuse.
    pub now: UnixSeconds,
}

/// The log half: the entry is in a log that the policy knows, under a quorum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested {
    /// The log.
    pub origin: Origin,
    /// Of the entry in the log.
    pub index: u64,
    /// Of the checkpoint that the token carries.
    pub tree_size: u64,
    /// The log's own word.
    pub sealed_at: UnixMillis,
    /// How many submissions the entry's batch has.
    pub submissions: u64,
    /// `None` with `quorum none`: no attested time.
    pub upper: Option<UpperBound>,
    /// All witnesses of the policy that cosigned the checkpoint, and when.
    pub witnesses: Vec<(Name, UnixSeconds)>,
    /// Witnesses whose timestamps lie in the verifier's future.
    pub in_future: Vec<(Name, UnixSeconds)>,
    /// Witnesses whose cosignatures do not count: the verifier distrusts their keys.
    pub distrusted: Vec<(Name, UnixSeconds)>,
}

impl Attested {
    /// What is attested existed before this: T + 1 s, since timestamps are whole seconds, rounded down.
    pub fn before(&self) -> Option<UnixSeconds> {
        self.upper.map(|upper| UnixSeconds::new(upper.time.get() + 1).unwrap_or(UnixSeconds::MAX))
    }
}

/// What the `after` note shows: the claim was not made before this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    /// The log of the note; any of the policy's.
    pub origin: Origin,
    /// The checkpoint's size.
    pub tree_size: u64,
    /// The lower bound.
    pub not_before: UnixSeconds,
}

/// What the claim says. Names, title and key are its maker's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimShown {
    /// For whom it was stamped.
    pub holder: Named,
    /// Who stamped it on the holder's behalf.
    pub agent: Named,
    /// The claimed title.
    pub title: Option<String>,
    /// The key that signed the claim. Whose it is, is not known here.
    pub key: Option<HolderKey>,
    /// Digests of the claim that the file was checked against.
    pub checked: Vec<HashId>,
    /// Digests of the claim by algorithms not known here.
    pub unchecked: Vec<HashId>,
}

/// A name in a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// The claim has none.
    Absent,
    /// In the claim, not disclosed in this token.
    Withheld,
    /// In the claim, and it is this one.
    Disclosed(String),
}

/// What a token shows about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What was stamped.
    pub commitment: Commitment,
    /// When, and by whose word.
    pub attested: Attested,
    /// `None` for a plain commitment.
    pub claim: Option<ClaimShown>,
    /// The lower bound, if the claim has one.
    pub after: Option<After>,
    /// The claim names an earlier checkpoint, which under `quorum none` says nothing about time.
    pub after_unjudged: bool,
    /// SHA-256 of the earlier token that this one is of.
    pub renews: Option<Hash>,
}

impl Verifier<'_> {
    /// How far `sealed_at` may lie beyond the attested time, in seconds.
    pub const ALLOWED_SKEW: u64 = 60;

    /// A token for a file of these digests, which must have all of [`Token::digest_ids`].
    ///
    /// For a token that renews an earlier one, the file is that earlier token; see [`Verifier::chain`].
    ///
    /// # Errors
    /// Whatever keeps the token from being evidence for this file under this policy.
    pub fn token(&self, token: &Token, file: &Digests) -> Result<Verified, VerifyError> {
        self.token_as_of(token, file, None)
    }

    /// The same for a token that is known to have existed before `as_of`: keys that fell later count.
    ///
    /// # Errors
    /// Those of [`Verifier::token`].
    pub fn token_as_of(
        &self,
        token: &Token,
        file: &Digests,
        as_of: Option<UnixSeconds>,
    ) -> Result<Verified, VerifyError> {
        if token.is_receipt() {
            return Err(VerifyError::ReceiptNotToken);
        }
        let (commitment, claim) = own::open(token, file)?;
        let attested = self.attest(token, as_of)?;
        let after_unjudged = token.after().is_some() && self.policy.needs_no_witness();
        let after = match token.after() {
            Some(note) if !after_unjudged => Some(self.after_as_of(note, &attested, as_of)?),
            _ => None,
        };
        Ok(Verified { commitment, attested, claim, after, after_unjudged, renews: token.renews() })
    }

    /// A receipt (or token) for these 32 bytes themselves: a submission root, or a plain commitment.
    ///
    /// # Errors
    /// Whatever keeps it from being evidence for these bytes under this policy.
    pub fn receipt(&self, token: &Token, root: &Commitment) -> Result<Attested, VerifyError> {
        self.receipt_as_of(token, root, None)
    }

    /// The same for one that is known to have existed before `as_of`: keys that fell later count.
    ///
    /// # Errors
    /// Those of [`Verifier::receipt`].
    pub fn receipt_as_of(
        &self,
        token: &Token,
        root: &Commitment,
        as_of: Option<UnixSeconds>,
    ) -> Result<Attested, VerifyError> {
        if !own::leads_to_entry(token, root) {
            return Err(VerifyError::LayersMissEntry);
        }
        self.attest(token, as_of)
    }

    /// The lower bound of an `after` note, held against an upper bound if there is one.
    ///
    /// # Errors
    /// A note that is no checkpoint of the policy's logs, one without a quorum, and a bound above the upper one.
    pub fn after(&self, note: &[u8], attested: &Attested) -> Result<After, VerifyError> {
        self.after_as_of(note, attested, None)
    }

    /// The same for a note that is known to have existed before `as_of`: keys that fell later count.
    ///
    /// # Errors
    /// Those of [`Verifier::after`].
    pub fn after_as_of(
        &self,
        note: &[u8],
        attested: &Attested,
        as_of: Option<UnixSeconds>,
    ) -> Result<After, VerifyError> {
        let after = after::open(self.policy, note, as_of)?;
        // The upper statement is "before T + 1 s"; a lower bound beyond it contradicts it.
        match attested.before() {
            Some(upper) if after.not_before > upper => {
                Err(VerifyError::LowerAboveUpper { lower: after.not_before, upper })
            }
            _ => Ok(after),
        }
    }

    /// A file under a chain of tokens, newest first: the newest is of the next one's bytes, the oldest of the file's.
    ///
    /// `file` must have all of the oldest token's [`Token::digest_ids`]. Each token is judged as of the upper bound of
    /// the one that renewed it. The answer has the order of the tokens.
    ///
    /// # Errors
    /// Those of [`Verifier::token`]; with more than one token, wrapped in [`VerifyError::InChain`].
    pub fn chain(&self, newest_first: &[&[u8]], file: &Digests) -> Result<Vec<Verified>, VerifyError> {
        let judged = chain_under(&[self.policy], self.now, newest_first, file)?;
        Ok(judged.into_iter().map(|(_, verified)| verified).collect())
    }

    /// The log half of a token whose layers lead to its entry.
    fn attest(&self, token: &Token, as_of: Option<UnixSeconds>) -> Result<Attested, VerifyError> {
        let note = token.proof().checkpoint.clone();
        let opened = self.policy.open_as_of(note, as_of).map_err(VerifyError::of_checkpoint)?;
        let head = opened.checkpoint.head();
        verify_inclusion(&token.entry().leaf_hash(), token.index(), &head, &token.proof().path)
            .map_err(VerifyError::NotInCheckpoint)?;
        let upper = self.policy.upper_bound(&opened.cosigned);
        if upper.is_none() && !self.policy.needs_no_witness() {
            let (cosigned, distrusted) = (opened.verified().count(), opened.distrusted.len());
            return Err(match distrusted {
                0 => VerifyError::QuorumNotMet { cosigned, witnesses: self.policy.witnesses().len() },
                _ => VerifyError::QuorumDistrusted { cosigned, distrusted },
            });
        }
        let sealed_at = token.entry().sealed_at();
        if let Some(attested) = upper.map(|upper| upper.time).filter(|time| is_beyond_skew(sealed_at, *time))
        {
            return Err(VerifyError::SealedAfterAttested { sealed_at, attested });
        }
        let witnesses: Vec<_> = opened.cosigned.iter().map(|cosigned| self.named(cosigned)).collect();
        Ok(Attested {
            origin: opened.checkpoint.origin().clone(),
            index: token.index(),
            tree_size: head.size.get(),
            sealed_at,
            submissions: token.entry().submissions(),
            upper,
            in_future: witnesses.iter().filter(|(_, time)| *time > self.now).cloned().collect(),
            witnesses,
            distrusted: opened.distrusted.iter().map(|cosigned| self.named(cosigned)).collect(),
        })
    }

    fn named(&self, cosigned: &Cosigned) -> (Name, UnixSeconds) {
        (self.policy.witnesses()[cosigned.witness].name.clone(), cosigned.time)
    }
}

/// `sealed_at` > (T + 60) × 1000
fn is_beyond_skew(sealed_at: UnixMillis, attested: UnixSeconds) -> bool {
    u128::from(sealed_at.get()) > (u128::from(attested.get()) + u128::from(Verifier::ALLOWED_SKEW)) * 1000
}
