//! What memory keeps for receipts that are asked for soon after the tick: all of a tick's are, at once.
//!
//! Nothing here is needed: what isn't kept is read from the store.

use super::Evidence;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use treering_tlog::tree::MemoryTree;

/// Trees of recent batches are kept up to so many leaves in all: 64 bytes each, so 32 MiB.
const LEAVES: u64 = 1 << 19;
/// And up to so many trees: a quiet log's have one leaf each.
const TREES: usize = 1 << 10;
/// The evidence of so many entries is kept, a few kilobytes each.
const EVIDENCE: usize = 64;

/// Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fresh(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    /// Entry and tree, the newest last.
    trees: VecDeque<(u64, Arc<MemoryTree>)>,
    evidence: VecDeque<Proved>,
}

#[derive(Debug)]
struct Proved {
    entry: u64,
    /// How many times cosignatures had been kept when its checkpoint was read.
    cosigned: u64,
    evidence: Arc<Evidence>,
}

impl Fresh {
    /// Keeps the tree of the newest batch.
    pub(crate) fn add(&self, entry: u64, tree: Arc<MemoryTree>) {
        let mut kept = self.kept();
        kept.trees.push_back((entry, tree));
        let mut leaves: u64 = kept.trees.iter().map(|(_, tree)| tree.len()).sum();
        // The newest stays, however large it is.
        while (leaves > LEAVES || kept.trees.len() > TREES) && kept.trees.len() > 1 {
            leaves -= kept.trees.pop_front().map_or(0, |(_, tree)| tree.len());
        }
    }

    pub(super) fn tree(&self, entry: u64) -> Option<Arc<MemoryTree>> {
        let kept = self.kept();
        kept.trees.iter().rev().find(|(at, _)| *at == entry).map(|(_, tree)| Arc::clone(tree))
    }

    /// INVARIANT 9: a receipt has all the cosignatures that are kept, so older evidence is not used.
    pub(super) fn evidence(&self, entry: u64, cosigned: u64) -> Option<Arc<Evidence>> {
        let kept = self.kept();
        let mut newest_first = kept.evidence.iter().rev();
        let found = newest_first.find(|proved| proved.entry == entry && proved.cosigned == cosigned);
        found.map(|proved| Arc::clone(&proved.evidence))
    }

    pub(super) fn keep_evidence(&self, entry: u64, cosigned: u64, evidence: Arc<Evidence>) {
        let mut kept = self.kept();
        kept.evidence.retain(|proved| proved.entry != entry);
        kept.evidence.push_back(Proved { entry, cosigned, evidence });
        if kept.evidence.len() > EVIDENCE {
            kept.evidence.pop_front();
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing here panics half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
