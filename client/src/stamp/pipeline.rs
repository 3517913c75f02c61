//! From what the walk finds to what is known of it, and what is stamped for it: the part that all cores work on.

use super::{Claims, StampError, Target, Trouble, index::Index, source::Met};
use crate::{
    hash,
    lists::Given,
    seen::{Entry, Stamp},
    signer::Signer,
    tag::Key,
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
        key: Key,
        stamp: Option<Stamp>,
        /// There is an earlier record of this path, which says something else.
        changed: bool,
    },
    /// An earlier record of it still holds: the one with this number.
    Kept {
        number: u32,
        key: Key,
        kind: Kind,
        path: RelativePath,
        size: u64,
        /// It was hashed to know that: what was seen of it.
        hashed: Option<Entry>,
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
        /// Where an earlier record of it would be.
        key: Option<Key>,
    },
}

/// A commitment made before the record's place in its run was known for certain: it depends on the place, and that on
/// whether all before it could be read. Whoever knows the place takes it only if the guess was right.
#[derive(Debug)]
pub(super) struct Guess {
    place: u64,
    commitment: Commitment,
    own: Own,
}

/// What the cores need to work on a target.
pub(super) struct Bench<'a> {
    pub(super) target: &'a Target,
    pub(super) opener: &'a Opener,
    pub(super) ids: &'a [HashId],
    pub(super) claims: Option<&'a Claims>,
    pub(super) signer: Option<&'a Signer>,
    pub(super) force: bool,
    /// What earlier bundles say.
    pub(super) index: &'a Index,
    /// Is every file to be hashed, whatever was seen of it?
    pub(super) checksum: bool,
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
        let (kind, path, source, given) = match met {
            Met::Refused { source, trouble } => {
                return Hashed::Failed { source, error: trouble, counted: false, key: None };
            }
            Met::Given(Given { path, digests }) => {
                let source = self.target.source(&path);
                (Kind::File, path, source, Some(digests))
            }
            Met::Found(Found::LeftOut { source, why }) => return Hashed::LeftOut { source, why },
            Met::Found(Found::Failed { source, error }) => {
                return Hashed::Failed { source, error: error.into(), counted: false, key: None };
            }
            Met::Found(Found::Link { path, source }) => (Kind::Link, path, source, None),
            Met::Found(Found::File { path, source }) => (Kind::File, path, source, None),
        };
        let key = Key::of(kind, &path);
        let known = self.index.find(key);
        if kind == Kind::File
            && given.is_none()
            && !self.checksum
            && let Some((number, size)) = known.unchanged(&source)
        {
            let _ = self.own(&path);
            return Hashed::Kept { number, key, kind, path, size, hashed: None };
        }
        let digested = match (kind, given) {
            (Kind::File, _) if known.is_empty() && self.has_token(&path) => Err(Trouble::HasToken),
            (_, Some(digests)) => self.given(digests).map(|digests| (None, digests, None)),
            (Kind::Link, None) => {
                let link = hash::link(&source, self.ids).map_err(Trouble::from);
                link.map(|(size, digests)| (Some(size), digests, None))
            }
            (Kind::File, None) => {
                let file = hash::stamped(&source, self.ids, buffer).map_err(Trouble::from);
                file.map(|(size, digests, stamp)| (Some(size), digests, stamp))
            }
        };
        let digested = match digested {
            // What is kept stays as it was stamped; its row in a table of claims has been met all the same.
            Ok((size, digests, stamp)) => match known.same(&digests) {
                Some(number) => {
                    let _ = self.own(&path);
                    let hashed = size.is_some().then(|| Entry::new(key, &digests, stamp));
                    return Hashed::Kept { number, key, kind, path, size: size.unwrap_or(0), hashed };
                }
                None => self.own(&path).map(|own| (size, digests, stamp, own)),
            },
            Err(error) => Err(error),
        };
        match digested {
            Ok((size, digests, stamp, own)) => {
                let (guess, changed) = (self.guess(before, &digests, &own), !known.is_empty());
                Hashed::Record { kind, path, size, digests, own, guess, key, stamp, changed }
            }
            Err(error) => Hashed::Failed { source, error, counted: true, key: Some(key) },
        }
    }

    /// [`Bench::commit`], done already if the guess at the record's place was right.
    pub(super) fn settle(
        &self,
        guess: Option<Guess>,
        place: u64,
        digests: &Digests,
        own: Own,
    ) -> Result<(Commitment, Own), StampError> {
        match guess {
            Some(guess) if guess.place == place => Ok((guess.commitment, guess.own)),
            _ => self.commit(place, digests, own),
        }
    }

    /// What is stamped for the record at this place in the run, and what the bundle says of it beside its digests.
    fn commit(&self, place: u64, digests: &Digests, mut own: Own) -> Result<(Commitment, Own), StampError> {
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
    fn given(&self, digests: Digests) -> Result<Digests, Trouble> {
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
