//! From what the walk finds to what is known of it, and what is stamped for it: the part that all cores work on.

use super::{Target, Trouble};
use crate::{
    hash,
    walk::{Found, LeftOut},
};
use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};
use treering_token::{
    bundle::{Kind, Opener, Own, RelativePath},
    commitment::Commitment,
    digest::{Digests, HashId},
};

/// What came of one thing found.
#[derive(Debug)]
pub(super) enum Hashed {
    Record {
        kind: Kind,
        path: RelativePath,
        size: u64,
        digests: Digests,
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
}

/// What the cores need to work on a target.
pub(super) struct Bench<'a> {
    pub(super) target: &'a Target,
    pub(super) opener: &'a Opener,
    pub(super) ids: &'a [HashId],
    pub(super) force: bool,
    /// Files and links, as far as is known, that were found and are no records: guesses count without them.
    pub(super) lost: AtomicU64,
}

/// Says of each thing found how many files and links were found before it.
pub(super) fn counted(walk: impl Iterator<Item = Found>) -> impl Iterator<Item = (u64, Found)> {
    walk.scan(0, |before, found| {
        let is_counted = matches!(found, Found::File { .. } | Found::Link { .. });
        let place = *before;
        *before += u64::from(is_counted);
        Some((place, found))
    })
}

impl Bench<'_> {
    /// Looks at one thing found.
    pub(super) fn look(&self, (before, found): (u64, Found), buffer: &mut [u8]) -> Hashed {
        let (kind, path, source, digested) = match found {
            Found::LeftOut { source, why } => return Hashed::LeftOut { source, why },
            Found::Failed { source, error } => {
                return Hashed::Failed { source, error: error.into(), counted: false };
            }
            Found::Link { path, source } => {
                let digested = hash::link(&source, self.ids).map_err(Trouble::from);
                (Kind::Link, path, source, digested)
            }
            Found::File { path, source } => {
                let digested = if self.has_token(&path) {
                    Err(Trouble::HasToken)
                } else {
                    hash::file(&source, self.ids, buffer).map_err(Trouble::from)
                };
                (Kind::File, path, source, digested)
            }
        };
        match digested {
            Ok((size, digests)) => {
                let guess = self.guess(before, &digests);
                Hashed::Record { kind, path, size, digests, guess }
            }
            Err(error) => Hashed::Failed { source, error, counted: true },
        }
    }

    fn has_token(&self, path: &RelativePath) -> bool {
        self.target.tokens && !self.force && fs::symlink_metadata(self.target.token_path(path)).is_ok()
    }

    fn guess(&self, before: u64, digests: &Digests) -> Option<Guess> {
        let place = before.saturating_sub(self.lost.load(Ordering::Relaxed));
        // An error is told where the place is known.
        let commitment = self.opener.commitment(place, digests, &Own::default()).ok()?;
        Some(Guess { place, commitment })
    }
}
