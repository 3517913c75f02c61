//! What was seen of files ([`crate::seen`]) is found by a bundle's runs. When a bundle takes another's place, what only the
//! other led to is of no use any more; each night would add to it.

use super::{Target, Wish, assemble::Part, earlier::Earlier, index::Fate};
use crate::{bundle_file::Reader, seen};
use std::{collections::HashSet, path::Path};
use treering_tlog::hash::Hash;
use treering_token::{
    bundle::{Item, Step},
    commitment::Commitment,
};

/// Names of runs ([`super::earlier::Run::name`]).
#[derive(Debug, Default)]
pub(super) struct SeenNoMore {
    gone: HashSet<Hash>,
    /// In what comes out. A plain run of the same files has the same name again.
    kept: HashSet<Hash>,
}

impl SeenNoMore {
    /// Notes which of these runs aren't in what comes out.
    pub(super) fn compare(&mut self, earlier: &Earlier, fate: &Fate) {
        for run in &earlier.runs {
            let names = if Part::of(run, fate).is_some() { &mut self.kept } else { &mut self.gone };
            names.extend(run.name().copied());
        }
    }

    /// The submissions of a run that is.
    pub(super) fn keep<'a>(&mut self, roots: impl IntoIterator<Item = &'a Commitment>) {
        self.kept.extend(roots.into_iter().map(|root| root.0));
    }

    /// With those of a bundle that is about to be replaced without having been read.
    pub(super) fn beside(mut self, target: &Target, wish: &Wish) -> SeenNoMore {
        if let Some(output) = target.bundle.as_deref().filter(|_| wish.force && target.since.is_none()) {
            // Of what isn't there, or is no bundle, nothing is known.
            let _ = self.read(output);
        }
        self
    }

    fn read(&mut self, bundle: &Path) -> Result<(), crate::bundle_file::BundleFileError> {
        let (mut reader, mut is_first) = (Reader::open(bundle)?, false);
        while let Some((item, step)) = reader.step()? {
            match (item, step) {
                (Item::Run(_), _) => is_first = true,
                (_, Step::Mark { root, .. }) if std::mem::take(&mut is_first) => {
                    self.gone.insert(root.0);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// They are gone.
    pub(super) fn forget(&self) {
        self.gone.difference(&self.kept).for_each(seen::forget);
    }
}
