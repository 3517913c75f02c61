//! Tokens cut out of a bundle file, in one pass.
//!
//! Memory: 64 bytes a record of one submission, and what is picked of those submissions whose receipts come later.

use crate::{
    bundle_file::{BundleFileError, Reader},
    paths,
};
use std::{collections::HashMap, path::Path};
use treering_token::{
    bundle::{
        self, BundleError, Disclose, Item, Kind, Opened, Record, RelativePath, RunHeader, Step,
        SubmissionTree,
    },
    commitment::Commitment,
    digest::Digests,
    layer::Layer,
    token::Token,
};

/// Sixteen times what a log takes at once by default: 512 MB of commitments.
const MAX_SUBMISSION: usize = 1 << 24;

/// A record as the picker sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'a> {
    pub(crate) kind: Kind,
    pub(crate) path: &'a RelativePath,
    pub(crate) digests: &'a Digests,
}

/// Walks the bundle and cuts a token for each record for which `pick` gives a key; `emit` gets key and token.
///
/// `receipts` has those that are known already (by submission root): their tokens are emitted as soon as their submission
/// ends. The others wait for the bundle's own receipts.
///
/// # Errors
/// The bundle can't be read, isn't right, or ends too early; or an error of `emit`.
pub(crate) fn cut<K, E: From<BundleFileError>>(
    path: &Path,
    receipts: &HashMap<Commitment, Token>,
    disclose: Disclose,
    mut pick: impl FnMut(Candidate<'_>) -> Option<K>,
    mut emit: impl FnMut(K, Result<Token, BundleError>) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = Reader::open(path)?;
    let mut cutter = Cutter {
        receipts,
        disclose,
        run: None,
        here: Vec::new(),
        picked: Vec::new(),
        waiting: HashMap::new(),
    };
    while let Some((item, step)) = reader.step()? {
        // A few compressed kilobytes can say millions of records: what is kept of them is bounded.
        if is_too_many(cutter.here.len(), &item) {
            return Err(
                BundleFileError::TooManyRecords { path: paths::shown(path), max: MAX_SUBMISSION }.into()
            );
        }
        for (key, token) in cutter.take(item, step, &mut pick) {
            emit(key, token)?;
        }
    }
    Ok(())
}

/// Is this one record more than a submission may have?
fn is_too_many(records: usize, item: &Item) -> bool {
    records >= MAX_SUBMISSION && matches!(item, Item::Record(_))
}

struct Cutter<'a, K> {
    receipts: &'a HashMap<Commitment, Token>,
    disclose: Disclose,
    run: Option<Box<RunHeader>>,
    /// The commitments of the submission so far.
    here: Vec<Commitment>,
    /// What was picked of it, by index.
    picked: Vec<(u64, Box<Opened>, K)>,
    /// What was picked of submissions whose receipt is still to come.
    waiting: HashMap<Commitment, Vec<Waiting<K>>>,
}

struct Waiting<K> {
    layer: Layer,
    opened: Box<Opened>,
    key: K,
}

type Cut<K> = (K, Result<Token, BundleError>);

impl<K> Cutter<'_, K> {
    fn take(
        &mut self,
        item: Item,
        step: Step,
        pick: &mut impl FnMut(Candidate<'_>) -> Option<K>,
    ) -> Vec<Cut<K>> {
        match (item, step) {
            (Item::Run(header), _) => self.run = Some(header),
            (Item::Record(record), Step::Record { index, opened, .. }) => {
                self.here.push(opened.commitment);
                if let Record::Path { kind, path, digests, .. } = &record
                    && let Some(key) = pick(Candidate { kind: *kind, path, digests })
                {
                    self.picked.push((index, opened, key));
                }
            }
            (_, Step::Mark { root, .. }) => return self.end_of_submission(root),
            (Item::Receipt(receipt), Step::Receipt { root, .. }) => {
                let waiting = self.waiting.remove(&root).unwrap_or_default();
                return waiting.into_iter().map(|waiting| self.cut(&receipt, waiting)).collect();
            }
            _ => {}
        }
        Vec::new()
    }

    fn end_of_submission(&mut self, root: Commitment) -> Vec<Cut<K>> {
        let here = std::mem::take(&mut self.here);
        let picked = std::mem::take(&mut self.picked);
        if picked.is_empty() {
            return Vec::new();
        }
        let tree = SubmissionTree::new(here);
        let waiting = picked.into_iter().map(|(index, opened, key)| {
            let layer = tree.layer(index).expect("the index was counted while the tree was filled");
            Waiting { layer, opened, key }
        });
        match self.receipts.get(&root) {
            Some(receipt) => waiting.map(|waiting| self.cut(receipt, waiting)).collect(),
            None => {
                self.waiting.entry(root).or_default().extend(waiting);
                Vec::new()
            }
        }
    }

    fn cut(&self, receipt: &Token, waiting: Waiting<K>) -> Cut<K> {
        let run = self.run.as_ref().expect("the walker lets no record pass before a run's header");
        (waiting.key, bundle::cut(receipt, run, &waiting.opened, waiting.layer, self.disclose))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_submission_of_exactly_the_bound_is_read_to_its_mark() {
        let record = Item::Record(Record::Bare(Commitment(treering_tlog::hash::Hash::new([0; 32]))));
        let mark = Item::Mark(MAX_SUBMISSION as u64);
        assert!(!is_too_many(MAX_SUBMISSION - 1, &record) && !is_too_many(MAX_SUBMISSION, &mark));
        assert!(is_too_many(MAX_SUBMISSION, &record));
    }
}
