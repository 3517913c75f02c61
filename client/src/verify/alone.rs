//! A bundle by itself: that it is whole, that its receipts verify, and where its files may be.

use super::{VerifyFailure, tree};
use crate::{bundle_file::Reader, judges::Judges, paths};
use std::path::{Path, PathBuf};
use treering_token::{
    bundle::{Item, Record, Step},
    verify::VerifyError,
};

/// What a bundle says without its files.
#[derive(Debug, Default)]
pub(crate) struct Alone {
    /// So many, which all verify.
    pub(crate) receipts: u64,
    /// What its paths begin with: a few of them, in its order.
    tops: Vec<Vec<u8>>,
    /// There are others.
    pub(crate) has_more: bool,
}

/// Enough to know a directory by.
const MAX_TOPS: usize = 4;

impl Alone {
    /// Reads it to its end.
    ///
    /// # Errors
    /// It can't be read, or isn't whole.
    pub(crate) fn read(path: &Path, judges: &Judges) -> Result<Result<Alone, VerifyError>, VerifyFailure> {
        let mut reader = Reader::open(path)?;
        let (mut after, mut alone) = (None, Alone::default());
        while let Some((item, step)) = reader.step()? {
            match (item, step) {
                (Item::Run(run), _) => after = run.after,
                (Item::Record(Record::Path { path, .. }), _) => {
                    alone.begin(path.parts().next().unwrap_or_default());
                }
                (Item::Receipt(receipt), Step::Receipt { root, .. }) => {
                    if let Err(error) = tree::judge(judges, &root, &receipt, after.as_deref()) {
                        return Ok(Err(error));
                    }
                    alone.receipts += 1;
                }
                _ => {}
            }
        }
        Ok(Ok(alone))
    }

    fn begin(&mut self, top: &[u8]) {
        if self.tops.iter().any(|known| known == top) {
            return;
        }
        if self.tops.len() < MAX_TOPS {
            self.tops.push(top.to_vec());
        } else {
            self.has_more = true;
        }
    }

    /// What its paths begin with, for people.
    pub(crate) fn tops(&self) -> Vec<String> {
        self.tops.iter().map(|top| treering_token::escape::bytes(top)).collect()
    }

    /// The directory in which the bundle lies, if what its paths begin with lies there too.
    pub(crate) fn beside(&self, bundle: &Path) -> Option<PathBuf> {
        let dir = match bundle.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let is_there = |top: &Vec<u8>| dir.join(paths::part_from_bytes(top)).symlink_metadata().is_ok();
        (!self.tops.is_empty() && self.tops.iter().all(is_there)).then(|| dir.to_path_buf())
    }
}
