//! From what the walk finds to what is known of it, and what is stamped for it: the part that all cores work on.

use super::{Claims, StampError, Target, Trouble, source::Met};
use crate::{
    hash,
    lists::Given,
    signer::Signer,
    walk::{Found, LeftOut},
};
use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};
use treering_token::{
    bundle::{Blinding, Kind, Opener, Own, RelativePath},
    commitment::Commitment,
    digest::{Digests, HashId},
};

/// What came of one thing found.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every one is a record, and few are held at a time: a box would cost an allocation each"
)]
pub(super) enum Hashed {
    Record {
        kind: Kind,
        path: RelativePath,
        size: Option<u64>,
        digests: Digests,
        /// What its claim says that the run's header doesn't, unsigned.
        own: Own,
        guess: Option<Guess>,
    },
    LeftOut {
        source: PathBuf,
        why: LeftOut,
    },
    /// `counted` among the files and links that were found before others.
    Failed {
        source: PathBuf,
        error: Trouble,
        counted: bool,
    },
}

/// A commitment made before the record's place in its run was known for certain: it depends on the place, and that on
/// whether all before it could be read. Whoever knows the place takes it only if the guess was right.
#[derive(Debug)]
pub(super) struct Guess {
    pub(super) place: u64,
    pub(super) commitment: Commitment,
    pub(super) own: Own,
}

/// What the cores need to work on a target.
pub(super) struct Bench<'a> {
    pub(super) target: &'a Target,
    pub(super) opener: &'a Opener,
    pub(super) ids: &'a [HashId],
    pub(super) claims: Option<&'a Claims>,
    pub(super) signer: Option<&'a Signer>,
    pub(super) force: bool,
    /// Files and links, as far as is known, that were found and are no records: guesses count without them.
    pub(super) lost: AtomicU64,
}

/// Says of each thing met how many files and links were met before it.
pub(super) fn counted(met: impl Iterator<Item = Met>) -> impl Iterator<Item = (u64, Met)> {
    met.scan(0, |before, met| {
        let is_counted = matches!(met, Met::Found(Found::File { .. } | Found::Link { .. }) | Met::Given(_));
        let place = *before;
        *before += u64::from(is_counted);
        Some((place, met))
    })
}

impl Bench<'_> {
    /// Looks at one thing met.
    pub(super) fn look(&self, (before, met): (u64, Met), buffer: &mut [u8]) -> Hashed {
        let (kind, path, source, digested) = match met {
            Met::Refused { source, trouble } => {
                return Hashed::Failed { source, error: trouble, counted: false };
            }
            Met::Given(Given { path, digests }) => {
                let source = self.target.source(&path);
                let digested = self.given(&path, digests).map(|digests| (None, digests));
                (Kind::File, path, source, digested)
            }
            Met::Found(Found::LeftOut { source, why }) => return Hashed::LeftOut { source, why },
            Met::Found(Found::Failed { source, error }) => {
                return Hashed::Failed { source, error: error.into(), counted: false };
            }
            Met::Found(Found::Link { path, source }) => {
                let digested = hash::link(&source, self.ids).map_err(Trouble::from);
                (Kind::Link, path, source, digested.map(|(size, digests)| (Some(size), digests)))
            }
            Met::Found(Found::File { path, source }) => {
                let digested = if self.has_token(&path) {
                    Err(Trouble::HasToken)
                } else {
                    hash::file(&source, self.ids, buffer).map_err(Trouble::from)
                };
                (Kind::File, path, source, digested.map(|(size, digests)| (Some(size), digests)))
            }
        };
        match digested.and_then(|(size, digests)| Ok((size, digests, self.own(&path)?))) {
            Ok((size, digests, own)) => {
                let guess = self.guess(before, &digests, &own);
                Hashed::Record { kind, path, size, digests, own, guess }
            }
            Err(error) => Hashed::Failed { source, error, counted: true },
        }
    }

    /// What is stamped for the record at this place in the run, and what the bundle says of it beside its digests.
    pub(super) fn commit(
        &self,
        place: u64,
        digests: &Digests,
        mut own: Own,
    ) -> Result<(Commitment, Own), StampError> {
        if let Some(signer) = self.signer {
            let input = self.opener.signing_input(place, digests, &own).map_err(StampError::Claim)?;
            own.signature = Some(signer.sign(&input)?);
        }
        let commitment = self.opener.commitment(place, digests, &own).map_err(StampError::Claim)?;
        Ok((commitment, own))
    }

    fn own(&self, path: &RelativePath) -> Result<Own, Trouble> {
        match self.claims {
            Some(claims) => claims.own(&self.target.source(path), self.opener.run()).ok_or(Trouble::NoRow),
            None => Ok(Own::default()),
        }
    }

    /// Digests that nobody can take here must be just those that are asked for.
    fn given(&self, path: &RelativePath, digests: Digests) -> Result<Digests, Trouble> {
        if self.has_token(path) {
            return Err(Trouble::HasToken);
        }
        if self.opener.run().blinding == Blinding::Plain && digests.iter().count() > 1 {
            return Err(Trouble::PlainSecond);
        }
        match self.ids.iter().find(|id| digests.get(**id).is_none()) {
            Some(id) => Err(Trouble::NoDigest(*id)),
            None => Ok(digests),
        }
    }

    fn has_token(&self, path: &RelativePath) -> bool {
        self.target.tokens && !self.force && fs::symlink_metadata(self.target.token_path(path)).is_ok()
    }

    fn guess(&self, before: u64, digests: &Digests, own: &Own) -> Option<Guess> {
        let place = before.saturating_sub(self.lost.load(Ordering::Relaxed));
        // An error is told where the place is known.
        let (commitment, own) = self.commit(place, digests, own.clone()).ok()?;
        Some(Guess { place, commitment, own })
    }
}
