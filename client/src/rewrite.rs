//! Bundles written anew, offline: parts split off, and several put together. What a part is made of is
//! `treering_token::bundle::Rewriter`'s; here are the files, each read twice, as streams.

mod merge;
mod split;

pub(crate) use merge::{MergeError, Merged, Rule, merge};
pub(crate) use split::{SplitError, Wanted, split};

use crate::{
    bundle_file::{BundleFileError, Reader, Writer},
    output::{Output, OutputError},
    paths,
};
use std::{io, path::Path};
use treering_token::bundle::{
    BundleError, Header, Item, Outline, Record, RelativePath, Rewriter, Salts, Step, Walker,
};

/// Why a bundle could not be written anew.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RewriteError {
    #[error(transparent)]
    Read(#[from] BundleFileError),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error("{path} can't be written: {error}")]
    Write { path: String, error: io::Error },
    #[error("what was about to be written is no bundle ({0}); did {1} change while it was read?")]
    Unsound(BundleError, String),
}

impl RewriteError {
    /// Was something read that isn't right (rather than: not read, or not written)?
    pub(crate) fn is_wrong(&self) -> bool {
        matches!(self, RewriteError::Read(error) if !error.is_io())
    }
}

/// How a bundle is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    /// Over what is there.
    pub(crate) force: bool,
    pub(crate) zstd: bool,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// Records with a path.
    pub(crate) records: u64,
    /// Records that only keep their place.
    pub(crate) bare: u64,
}

/// The header's policy of a bundle.
fn policy_of(path: &Path) -> Result<Vec<u8>, BundleFileError> {
    match Reader::open(path)?.step()? {
        Some((Item::Header(header), _)) => Ok(header.policy),
        // The walker takes nothing else first.
        _ => Ok(Vec::new()),
    }
}

/// The first pass.
fn outline(path: &Path, mut keep: impl FnMut(&RelativePath) -> bool) -> Result<Outline, BundleFileError> {
    let (mut reader, mut outline) = (Reader::open(path)?, Outline::new());
    while let Some(item) = reader.item()? {
        let kept = match &item {
            Item::Record(Record::Path { path, .. }) => keep(path),
            _ => false,
        };
        outline.note(&item, kept);
    }
    Ok(outline)
}

/// A bundle that is written: each item is held to the rules of the format, as a reader will hold it.
pub(crate) struct Target {
    output: Output,
    writer: Writer,
    walker: Walker,
    written: Written,
    path: String,
}

impl Target {
    pub(crate) fn begin(path: &Path, how: How, policy: Vec<u8>) -> Result<Target, RewriteError> {
        let output = Output::begin(path, how.force)?;
        let shown = paths::shown(path);
        let writer = Writer::new(output.file()?, how.zstd)
            .map_err(|error| RewriteError::Write { path: shown.clone(), error })?;
        let mut target =
            Target { output, writer, walker: Walker::new(), written: Written::default(), path: shown };
        target.add_item(&Item::Header(Header { policy }), "the source")?;
        Ok(target)
    }

    /// Adds what is kept of a bundle; `keep` says so of each record with a path, and under which path.
    fn add(
        &mut self,
        from: &Path,
        outline: Outline,
        salts: Salts,
        mut keep: impl FnMut(&RelativePath) -> Option<RelativePath>,
    ) -> Result<(), RewriteError> {
        let shown = paths::shown(from);
        let (mut reader, mut rewriter) = (Reader::open(from)?, Rewriter::new(outline, salts));
        let mut items = Vec::new();
        while let Some((item, step)) = reader.step()? {
            let kept = match &item {
                Item::Record(Record::Path { path, .. }) => keep(path),
                _ => None,
            };
            let root = match step {
                Step::Mark { root, .. } => Some(root),
                _ => None,
            };
            rewriter.take(item, step, kept, &mut items);
            for item in items.drain(..) {
                // INVARIANT: no root but the source's own is written: its receipt is for that root.
                match (self.add_item(&item, &shown)?, root) {
                    (Step::Mark { root, .. }, Some(want)) if root != want => {
                        return Err(RewriteError::Unsound(BundleError::EmptySubmission, shown));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Adds one item, out of `from`.
    pub(crate) fn add_item(&mut self, item: &Item, from: &str) -> Result<Step, RewriteError> {
        let step = self.walker.step(item).map_err(|error| RewriteError::Unsound(error, from.to_owned()))?;
        match item {
            Item::Record(Record::Path { .. }) => self.written.records += 1,
            Item::Record(Record::Bare(_)) => self.written.bare += 1,
            _ => {}
        }
        self.writer.write(item).map_err(|error| RewriteError::Write { path: self.path.clone(), error })?;
        Ok(step)
    }

    pub(crate) fn finish(self) -> Result<Written, RewriteError> {
        let Target { output, writer, walker, written, path } = self;
        walker.finish().map_err(|error| RewriteError::Unsound(error, path.clone()))?;
        writer.finish().map_err(|error| RewriteError::Write { path, error })?;
        output.finish()?;
        Ok(written)
    }
}
