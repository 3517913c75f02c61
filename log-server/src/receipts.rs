//! Making receipts and single tokens from what is published.

use crate::{
    batch, entries,
    log::{ReadError, ReceiptState},
    state::{Core, Fatal},
    store::{Position, StoreError},
    window,
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
};
use treering_tlog::{
    hash::{self, Hash},
    tree::{self, MemoryTree, TreeSize},
};
use treering_token::{commitment::Commitment, layer::Layer, token::Token};

/// Trees of recent batches are kept up to so many leaves in all: 64 bytes each, so 32 MiB.
const FRESH_LEAVES: u64 = 1 << 19;
/// And up to so many trees: a quiet log's have one leaf each.
const FRESH_TREES: usize = 1 << 10;

/// The trees of the newest batches, and of those that were asked for lately.
#[derive(Clone, Debug, Default)]
pub(crate) struct FreshBatches {
    /// Entry and tree, the newest last.
    trees: Arc<Mutex<VecDeque<Fresh>>>,
}

type Fresh = (u64, Arc<MemoryTree>);

impl FreshBatches {
    pub(crate) fn add(&self, entry: u64, tree: Arc<MemoryTree>) {
        let mut trees = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        trees.push_back((entry, tree));
        let mut leaves: u64 = trees.iter().map(|(_, tree)| tree.len()).sum();
        // The newest stays, however large it is.
        while (leaves > FRESH_LEAVES || trees.len() > FRESH_TREES) && trees.len() > 1 {
            leaves -= trees.pop_front().map_or(0, |(_, tree)| tree.len());
        }
    }

    fn get(&self, entry: u64) -> Option<Arc<MemoryTree>> {
        let trees = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        trees.iter().rev().find(|(at, _)| *at == entry).map(|(_, tree)| Arc::clone(tree))
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) root: Hash,
    pub(crate) min_entry: Option<u64>,
    /// Prove to the published checkpoint of this size.
    pub(crate) size: Option<u64>,
}

/// The receipt of a submission root, or why there is none. Blocking.
pub(crate) fn receipt(core: &Core, fresh: &FreshBatches, wanted: Wanted) -> Result<ReceiptState, ReadError> {
    let size = core.sealed.borrow().head.size.get();
    let from = wanted.min_entry.unwrap_or(0);
    if from > size {
        return Err(ReadError::MinEntryTooLarge { size });
    }
    // INVARIANT 8: pending is looked at before the store: a root leaves the queue only after its row is there.
    let pending = core.queue().get(&wanted.root).is_some();
    let retained_from = core.retained_from.load(Ordering::SeqCst);
    let position = match position(core, &wanted.root, from.max(retained_from))? {
        Some(position) => position,
        None if pending => return Ok(ReceiptState::Pending { retry_after: core.settings.tick }),
        // The row stays when the batch is dropped: that it was here can still be said.
        None if position(core, &wanted.root, from)?.is_some() => return Ok(ReceiptState::Gone),
        None => return Ok(ReceiptState::Unknown),
    };
    let Some(covering) = covering(core, position.entry, wanted.size)? else {
        return Ok(ReceiptState::Pending { retry_after: core.settings.tick });
    };
    match make(core, fresh, &wanted.root, position, covering) {
        Ok(token) => Ok(ReceiptState::Ready(Box::new(token))),
        // Dropped while it was being read.
        Err(_) if position.entry < core.retained_from.load(Ordering::SeqCst) => Ok(ReceiptState::Gone),
        Err(error) => Err(unreadable(&error)),
    }
}

/// The token of one commitment of a submission sent with `tokens=true`. Blocking.
pub(crate) fn small_token(
    core: &Core,
    fresh: &FreshBatches,
    root: Hash,
    commitment: Commitment,
) -> Result<ReceiptState, ReadError> {
    // The same bytes may have been stamped again since: of those, one whose commitments may still be here.
    let window = core.window_closed.load(Ordering::SeqCst);
    let earliest = receipt(core, fresh, Wanted { root, min_entry: None, size: None })?;
    let from_window = match &earliest {
        ReceiptState::Ready(token) if token.index() < window => {
            match receipt(core, fresh, Wanted { root, min_entry: Some(window), size: None })? {
                ReceiptState::Unknown => return Ok(ReceiptState::Gone),
                later => later,
            }
        }
        _ => earliest,
    };
    let receipt = match from_window {
        ReceiptState::Ready(receipt) => receipt,
        ReceiptState::Pending { retry_after } if core.queue().get(&root) != Some(0) => {
            return Ok(ReceiptState::Pending { retry_after });
        }
        ReceiptState::Gone => return Ok(ReceiptState::Gone),
        _ => return Ok(ReceiptState::Unknown),
    };
    let entry = receipt.index();
    // Between the end of the window and the moment at which the bytes are gone from the disk there is nothing to be
    // had, and "gone" would not be true yet.
    if !window::is_open(core, entry).map_err(|error| unreadable(&error))? {
        return Ok(ReceiptState::Unknown);
    }
    let kept = core.store.small(entry, &root).map_err(|error| unreadable(&error.into()))?;
    let leaves: Vec<Hash> =
        kept.iter().flat_map(|bytes| bytes.chunks_exact(32)).map(hash::leaf_hash).collect();
    let wanted = hash::leaf_hash(commitment.0.as_bytes());
    let Some(index) = leaves.iter().position(|leaf| *leaf == wanted) else {
        return Ok(ReceiptState::Unknown);
    };
    let tree = MemoryTree::new(leaves);
    let damaged = || unreadable(&StoreError::Damaged { what: format!("the commitments of {root}") }.into());
    if tree.root() != root {
        return Err(damaged());
    }
    let index = u64::try_from(index).map_err(|_| damaged())?;
    let layer = tree.path(index).and_then(|path| Layer::from_path(path).ok()).ok_or_else(damaged)?;
    let token = receipt.below(layer, None, None, None).map_err(|_| damaged())?;
    Ok(ReceiptState::Ready(Box::new(token)))
}

fn position(core: &Core, root: &Hash, from: u64) -> Result<Option<Position>, ReadError> {
    core.store.position(root, from).map_err(|error| unreadable(&error.into()))
}

/// The size of the checkpoint that a receipt proves to; `None` while the entry is not published.
fn covering(core: &Core, entry: u64, size: Option<u64>) -> Result<Option<TreeSize>, ReadError> {
    // INVARIANT 5: nothing beyond the published size is shown.
    let published = core.published.borrow().as_ref().map_or(TreeSize::ZERO, |published| published.size);
    if entry >= published.get() {
        return Ok(None);
    }
    let failed = |error: StoreError| unreadable(&error.into());
    let Some(size) = size else {
        // INVARIANT 9: the earliest published checkpoint that covers it.
        return core.store.first_published_over(entry).map_err(failed);
    };
    let size =
        TreeSize::new(size).filter(|size| entry < size.get() && *size <= published).ok_or(ReadError::Size)?;
    if core.store.is_published(size).map_err(failed)? { Ok(Some(size)) } else { Err(ReadError::Size) }
}

fn make(
    core: &Core,
    fresh: &FreshBatches,
    root: &Hash,
    at: Position,
    size: TreeSize,
) -> Result<Token, Fatal> {
    let damaged = |what: String| Fatal::from(StoreError::Damaged { what });
    let tree = batch_tree(core, fresh, at.entry)?;
    let path = tree
        .path(at.position)
        .ok_or_else(|| damaged(format!("batch {} ends before its receipts", at.entry)))?;
    let layer = Layer::from_path(path).map_err(|error| damaged(error.to_string()))?;
    let index =
        size.leaf(at.entry).ok_or_else(|| damaged(format!("entry {} is beyond size {size}", at.entry)))?;
    let entry = entries::read(core.store.as_ref(), at.entry, size)?;
    // What is handed out was checked: a damaged row must not become a receipt.
    if layer.root(root) != entry.batch_root() {
        return Err(damaged(format!("batch {} does not have the root that its entry names", at.entry)));
    }
    let proof = tree::prove_inclusion(&mut batch::reader(core.store.as_ref(), size), index, size)?;
    let note =
        core.store.checkpoint(size)?.ok_or_else(|| damaged(format!("checkpoint {size} is missing")))?;
    Ok(Token::receipt(entry, layer, at.entry, proof, note))
}

fn batch_tree(core: &Core, fresh: &FreshBatches, entry: u64) -> Result<Arc<MemoryTree>, Fatal> {
    if let Some(tree) = fresh.get(entry) {
        return Ok(tree);
    }
    let missing = || StoreError::Damaged { what: format!("batch {entry} is missing") };
    let leaves = core.store.batch(entry)?.ok_or_else(missing)?;
    let tree = Arc::new(MemoryTree::new(leaves.chunks_exact(32).filter_map(Hash::from_slice).collect()));
    fresh.add(entry, Arc::clone(&tree));
    Ok(tree)
}

/// Readers learn that it could not be read; the operator learns why.
pub(crate) fn unreadable(error: &Fatal) -> ReadError {
    tracing::error!(%error, "reading failed");
    ReadError::Store
}
