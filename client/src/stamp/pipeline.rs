//! From what the walk finds to what is known of it, and what is stamped for it: the part that all cores work on.

use super::{Claims, StampError, Target, Trouble, index::Index, source::Met};
use crate::{
    hash,
    lists::Given,
    seen::Stamp,
    signer::Signer,
    tag::Key,
    walk::{Found, LeftOut},
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};
use treering_token::{
    bundle::{Blinding, Kind, Opener, Own, RelativePath},
    commitment::Commitment,
    digest::{Digests, HashId},
};

/// What came of one thing found.
#[derive(Debug)]
pub(super) enum Looked {
    Thing(Thing),
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

/// A file or link.
#[derive(Debug)]
pub(super) struct Thing {
    pub(super) kind: Kind,
    pub(super) path: RelativePath,
    pub(super) source: PathBuf,
    /// `None` if only its digests were given.
    pub(super) size: Option<u64>,
    /// `None` if it looks as it did when it was hashed.
    pub(super) digests: Option<Digests>,
    pub(super) key: Key,
    pub(super) stamp: Option<Stamp>,
    /// What it is for each log, in the order of [`Bench::sides`].
    pub(super) parts: Vec<Part>,
}

/// What a file or link is for one log.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every one is a record, and few are held at a time: a box would cost an allocation each"
)]
pub(super) enum Part {
    Record {
        /// What its claim says that the run's header doesn't, unsigned.
        own: Own,
        guess: Option<Guess>,
        /// There is an earlier record of this path, which says something else.
        changed: bool,
    },
    /// An earlier record of it still holds: the one with this number.
    Kept { number: u32 },
    /// A token that isn't to be replaced is in its place.
    HasToken,
    /// Nothing more goes to this log.
    Over,
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
    /// One a log. INVARIANT: their targets differ in the names of their evidence alone.
    pub(super) sides: Vec<Side<'a>>,
    pub(super) ids: &'a [HashId],
    pub(super) claims: Option<&'a Claims>,
    pub(super) signer: Option<&'a Signer>,
    pub(super) force: bool,
    /// Is every file to be hashed, whatever was seen of it?
    pub(super) checksum: bool,
}

/// What of it is one log's.
pub(super) struct Side<'a> {
    pub(super) target: &'a Target,
    pub(super) opener: &'a Opener,
    /// What earlier bundles say.
    pub(super) index: &'a Index,
    /// Files and links, as far as is known, that were found and are no records: guesses count without them.
    pub(super) lost: AtomicU64,
    pub(super) is_over: AtomicBool,
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
    /// Looks at one thing met. Whatever the number of logs, it is read once.
    pub(super) fn look(&self, (before, met): (u64, Met), buffer: &mut [u8]) -> Looked {
        let (kind, path, source, given) = match met {
            Met::Refused { source, trouble } => {
                return Looked::Failed { source, error: trouble, counted: false, key: None };
            }
            Met::Given(Given { path, digests }) => {
                let source = self.target().source(&path);
                (Kind::File, path, source, Some(digests))
            }
            Met::Found(Found::LeftOut { source, why }) => return Looked::LeftOut { source, why },
            Met::Found(Found::Failed { source, error }) => {
                return Looked::Failed { source, error: error.into(), counted: false, key: None };
            }
            Met::Found(Found::Link { path, source }) => (Kind::Link, path, source, None),
            Met::Found(Found::File { path, source }) => (Kind::File, path, source, None),
        };
        let key = Key::of(kind, &path);
        if kind == Kind::File
            && given.is_none()
            && !self.checksum
            && let Some((size, parts)) = self.unchanged(&source, key)
        {
            let _ = self.own(&path);
            let (size, digests, stamp) = (Some(size), None, None);
            return Looked::Thing(Thing { kind, path, source, size, digests, key, stamp, parts });
        }
        let digested = match (kind, given) {
            (Kind::File, _) if self.sides.iter().all(|side| side.has_token(key, &path, self.force)) => {
                Err(Trouble::HasToken)
            }
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
        let looked = digested.and_then(|(size, digests, stamp)| {
            let parts = self.parts(before, (kind, &path), key, &digests)?;
            Ok((size, Some(digests), stamp, parts))
        });
        match looked {
            Ok((size, digests, stamp, parts)) => {
                Looked::Thing(Thing { kind, path, source, size, digests, key, stamp, parts })
            }
            Err(error) => Looked::Failed { source, error, counted: true, key: Some(key) },
        }
    }

    /// Its size, if for every log the file looks as it did when it was hashed.
    fn unchanged(&self, source: &Path, key: Key) -> Option<(u64, Vec<Part>)> {
        let was_seen = |side: &Side<'_>| side.is_over() || side.index.find(key).was_seen();
        if !self.sides.iter().all(was_seen) {
            return None;
        }
        let (size, stamp) = Stamp::at(source)?;
        let part = |side: &Side<'_>| match side.is_over() {
            true => Some(Part::Over),
            false => Some(Part::Kept { number: side.index.find(key).unchanged(size, &stamp)? }),
        };
        Some((size, self.sides.iter().map(part).collect::<Option<_>>()?))
    }

    /// What it is for each log, now that its digests are known.
    fn parts(
        &self,
        before: u64,
        (kind, path): (Kind, &RelativePath),
        key: Key,
        digests: &Digests,
    ) -> Result<Vec<Part>, Trouble> {
        // What is kept stays as it was stamped; its row in a table of claims has been met all the same.
        let mut own = Some(self.own(path));
        let part = |side: &Side<'_>| {
            let known = side.index.find(key);
            if side.is_over() {
                return Ok(Part::Over);
            }
            if let Some(number) = known.same(digests) {
                return Ok(Part::Kept { number });
            }
            if kind == Kind::File && side.has_token(key, path, self.force) {
                return Ok(Part::HasToken);
            }
            let own = own.take().unwrap_or_else(|| self.own(path))?;
            let guess = self.guess(side, before, digests, &own);
            Ok(Part::Record { own, guess, changed: !known.is_empty() })
        };
        self.sides.iter().map(part).collect()
    }

    /// What is stamped for the record at this place in the side's run, and what the bundle says of it beside its digests; done
    /// already if the guess at its place was right.
    pub(super) fn settle(
        &self,
        side: &Side<'_>,
        guess: Option<Guess>,
        place: u64,
        digests: &Digests,
        own: Own,
    ) -> Result<(Commitment, Own), StampError> {
        match guess {
            Some(guess) if guess.place == place => Ok((guess.commitment, guess.own)),
            _ => self.commit(side.opener, place, digests, own),
        }
    }

    fn commit(
        &self,
        opener: &Opener,
        place: u64,
        digests: &Digests,
        mut own: Own,
    ) -> Result<(Commitment, Own), StampError> {
        if let Some(signer) = self.signer {
            let input = opener.signing_input(place, digests, &own).map_err(StampError::Claim)?;
            own.signature = Some(signer.sign(&input)?);
        }
        let commitment = opener.commitment(place, digests, &own).map_err(StampError::Claim)?;
        Ok((commitment, own))
    }

    /// Any: what is found, and what is said of it, is the same for all.
    fn target(&self) -> &Target {
        self.sides[0].target
    }

    fn own(&self, path: &RelativePath) -> Result<Own, Trouble> {
        let Side { target, opener, .. } = &self.sides[0];
        match self.claims {
            Some(claims) => claims.own(&target.source(path), opener.run()).ok_or(Trouble::NoRow),
            None => Ok(Own::default()),
        }
    }

    /// Digests that nobody can take here must be just those that are asked for.
    fn given(&self, digests: Digests) -> Result<Digests, Trouble> {
        if self.sides[0].opener.run().blinding == Blinding::Plain && digests.iter().count() > 1 {
            return Err(Trouble::PlainSecond);
        }
        match self.ids.iter().find(|id| digests.get(**id).is_none()) {
            Some(id) => Err(Trouble::NoDigest(*id)),
            None => Ok(digests),
        }
    }

    fn guess(&self, side: &Side<'_>, before: u64, digests: &Digests, own: &Own) -> Option<Guess> {
        let place = before.saturating_sub(side.lost.load(Ordering::Relaxed));
        // An error is told where the place is known.
        let (commitment, own) = self.commit(side.opener, place, digests, own.clone()).ok()?;
        Some(Guess { place, commitment, own })
    }
}

impl Side<'_> {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Is there a token that isn't to be replaced, of a file that was not known before?
    fn has_token(&self, key: Key, path: &RelativePath, force: bool) -> bool {
        self.target.tokens
            && !force
            && self.index.find(key).is_empty()
            && fs::symlink_metadata(self.target.token_path(path)).is_ok()
    }
}
