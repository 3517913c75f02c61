//! What memory keeps for receipts that are asked for soon after the tick: all of a tick's are, at once.
//!
//! Nothing here is needed: what isn't kept is read from the store.

use super::Evidence;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use treering_tlog::tree::MemoryTree;

/// Trees of recent batches, and those of their grants, are kept up to so many leaves in all: 32 MiB.
const LEAVES: u64 = 1 << 19;
/// A leaf's hash, and as many above all leaves together.
const LEAF_BYTES: u64 = 64;
/// And of up to so many batches: a quiet log's have one leaf each.
const TREES: usize = 1 << 10;
/// The evidence of so many entries is kept, a few kilobytes each.
const EVIDENCE: usize = 64;

/// Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fresh(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    /// The newest last.
    trees: VecDeque<Trees>,
    evidence: VecDeque<Proved>,
}

#[derive(Debug)]
struct Trees {
    entry: u64,
    batch: Arc<MemoryTree>,
    grants: Option<Arc<MemoryTree>>,
}

impl Trees {
    fn leaves(&self) -> u64 {
        self.batch.len() + self.grants.as_ref().map_or(0, |tree| tree.len())
    }
}

#[derive(Debug)]
struct Proved {
    entry: u64,
    /// How many times cosignatures had been kept when its checkpoint was read.
    cosigned: u64,
    evidence: Arc<Evidence>,
}

impl Fresh {
    /// Keeps the tree of the newest batch, and that of its grants. The bytes of all that is kept then.
    pub(crate) fn add(&self, entry: u64, batch: MemoryTree, grants: Option<MemoryTree>) -> u64 {
        let mut kept = self.kept();
        kept.trees.push_back(Trees { entry, batch: Arc::new(batch), grants: grants.map(Arc::new) });
        let mut leaves: u64 = kept.trees.iter().map(Trees::leaves).sum();
        // The newest stays, however large it is.
        while (leaves > LEAVES || kept.trees.len() > TREES) && kept.trees.len() > 1 {
            leaves -= kept.trees.pop_front().map_or(0, |trees| trees.leaves());
        }
        leaves * LEAF_BYTES
    }

    pub(super) fn tree(&self, entry: u64) -> Option<Arc<MemoryTree>> {
        let kept = self.kept();
        kept.trees.iter().rev().find(|trees| trees.entry == entry).map(|trees| Arc::clone(&trees.batch))
    }

    /// The tree of the grants of an entry.
    pub(crate) fn grants(&self, entry: u64) -> Option<Arc<MemoryTree>> {
        let kept = self.kept();
        kept.trees.iter().rev().find(|trees| trees.entry == entry)?.grants.clone()
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
