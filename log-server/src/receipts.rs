//! Making receipts and single tokens from what is published.

mod fresh;

pub(crate) use fresh::Fresh;

use crate::{
    batch,
    broken::{Promise, is_broken},
    entries,
    log::{ReadError, ReceiptState},
    state::{Core, Fatal},
    store::{Position, StoreError},
    window,
};
use std::sync::{Arc, atomic::Ordering};
use treering_tlog::{
    checkpoint::Checkpoint,
    hash::{self, Hash},
    note::Note,
    tree::{self, MemoryTree, MerklePath, TreeSize},
};
use treering_token::{commitment::Commitment, entry::Entry, layer::Layer, token::Token};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) root: Hash,
    pub(crate) min_entry: Option<u64>,
    /// Prove to the published checkpoint of this size.
    pub(crate) size: Option<u64>,
}

/// The receipt of a submission root, or why there is none. Blocking.
pub(crate) fn receipt(core: &Core, fresh: &Fresh, wanted: Wanted) -> Result<ReceiptState, ReadError> {
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
    let Some(evidence) = evidence(core, fresh, position.entry, wanted.size)? else {
        return Ok(ReceiptState::Pending { retry_after: core.settings.tick });
    };
    match make(core, fresh, &wanted.root, position, &evidence) {
        Ok(token) => Ok(ReceiptState::Ready(Box::new(token))),
        // Dropped while it was being read.
        Err(_) if position.entry < core.retained_from.load(Ordering::SeqCst) => Ok(ReceiptState::Gone),
        Err(error) => Err(unreadable(core, &error)),
    }
}

/// The token of one commitment of a submission sent with `tokens=true`. Blocking.
pub(crate) fn small_token(
    core: &Core,
    fresh: &Fresh,
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
    if !window::is_open(core, entry).map_err(|error| unreadable(core, &error))? {
        return Ok(ReceiptState::Unknown);
    }
    let kept = core.store.small(entry, &root).map_err(|error| unreadable(core, &error.into()))?;
    let leaves: Vec<Hash> =
        kept.iter().flat_map(|bytes| bytes.chunks_exact(32)).map(hash::leaf_hash).collect();
    let wanted = hash::leaf_hash(commitment.0.as_bytes());
    let Some(index) = leaves.iter().position(|leaf| *leaf == wanted) else {
        return Ok(ReceiptState::Unknown);
    };
    let tree = MemoryTree::new(leaves);
    let damaged =
        || unreadable(core, &StoreError::Damaged { what: format!("the commitments of {root}") }.into());
    if tree.root() != root {
        return Err(damaged());
    }
    let index = u64::try_from(index).map_err(|_| damaged())?;
    let layer = tree.path(index).and_then(|path| Layer::from_path(path).ok()).ok_or_else(damaged)?;
    let token = receipt.below(layer, None, None, None).map_err(|_| damaged())?;
    Ok(ReceiptState::Ready(Box::new(token)))
}

fn position(core: &Core, root: &Hash, from: u64) -> Result<Option<Position>, ReadError> {
    core.store.position(root, from).map_err(|error| unreadable(core, &error.into()))
}

/// The size of the checkpoint that a receipt proves to; `None` while the entry is not published.
fn covering(core: &Core, entry: u64, size: Option<u64>) -> Result<Option<TreeSize>, ReadError> {
    // INVARIANT 5: nothing beyond the published size is shown.
    let published = core.published.borrow().as_ref().map_or(TreeSize::ZERO, |published| published.size);
    if entry >= published.get() {
        return Ok(None);
    }
    let failed = |error: StoreError| unreadable(core, &error.into());
    let Some(size) = size else {
        // INVARIANT 9: the earliest published checkpoint that covers it.
        return core.store.first_published_over(entry).map_err(failed);
    };
    let size =
        TreeSize::new(size).filter(|size| entry < size.get() && *size <= published).ok_or(ReadError::Size)?;
    if core.store.is_published(size).map_err(failed)? { Ok(Some(size)) } else { Err(ReadError::Size) }
}

/// What the receipts of one entry have in common.
#[derive(Debug)]
pub(crate) struct Evidence {
    entry: Entry,
    /// Its inclusion proof in the checkpoint's tree.
    proof: Vec<Hash>,
    /// With all cosignatures that are kept.
    note: Note,
}

/// The evidence for an entry; `None` while it is not published.
fn evidence(
    core: &Core,
    fresh: &Fresh,
    entry: u64,
    size: Option<u64>,
) -> Result<Option<Arc<Evidence>>, ReadError> {
    // Read before the checkpoint is: a cosignature that comes in between makes what is kept here old at once.
    let cosigned = core.cosigned.load(Ordering::SeqCst);
    if size.is_none()
        && let Some(evidence) = fresh.evidence(entry, cosigned)
    {
        return Ok(Some(evidence));
    }
    let Some(covering) = covering(core, entry, size)? else { return Ok(None) };
    let evidence = Arc::new(prove(core, entry, covering).map_err(|error| unreadable(core, &error))?);
    if size.is_none() {
        fresh.keep_evidence(entry, cosigned, Arc::clone(&evidence));
    }
    Ok(Some(evidence))
}

fn prove(core: &Core, at: u64, size: TreeSize) -> Result<Evidence, Fatal> {
    let damaged = |what: String| Fatal::from(StoreError::Damaged { what });
    let store = core.store.as_ref();
    let index = size.leaf(at).ok_or_else(|| damaged(format!("entry {at} is beyond size {size}")))?;
    let entry = entries::read(store, at, size)?;
    let proof = tree::prove_inclusion(&mut batch::reader(store, size), index, size)?;
    let note = store.checkpoint(size)?.ok_or_else(|| damaged(format!("checkpoint {size} is missing")))?;
    // What is handed out was checked: a damaged tile must not become a proof.
    let checkpoint = Checkpoint::parse(note.text()).map_err(|error| damaged(error.to_string()))?;
    match tree::verify_inclusion(&hash::leaf_hash(&entry.encode()), at, &checkpoint.head, &proof) {
        Err(error) if !is_broken(Promise::Serve) => {
            return Err(damaged(format!("the tiles of entry {at}: {error}")));
        }
        _ => {}
    }
    Ok(Evidence { entry, proof, note })
}

fn make(core: &Core, fresh: &Fresh, root: &Hash, at: Position, evidence: &Evidence) -> Result<Token, Fatal> {
    let damaged = |what: String| Fatal::from(StoreError::Damaged { what });
    let path = match fresh.tree(at.entry) {
        Some(tree) => tree.path(at.position),
        None => stored_path(core, at, &evidence.entry)?,
    };
    let path = path.ok_or_else(|| damaged(format!("batch {} ends before its receipts", at.entry)))?;
    let layer = Layer::from_path(path).map_err(|error| damaged(error.to_string()))?;
    // What is handed out was checked: a damaged row must not become a receipt.
    if layer.root(root) != evidence.entry.batch_root() && !is_broken(Promise::Serve) {
        return Err(damaged(format!("batch {} does not have the root that its entry names", at.entry)));
    }
    let Evidence { entry, proof, note } = evidence;
    Ok(Token::receipt(*entry, layer, at.entry, proof.clone(), note.clone()))
}

/// A submission's path in its batch, from the few tiles that it needs; `None` beyond the batch's end.
fn stored_path(core: &Core, at: Position, entry: &Entry) -> Result<Option<MerklePath>, StoreError> {
    let Some(size) = TreeSize::new(entry.submissions()) else { return Ok(None) };
    let Some(index) = size.leaf(at.position) else { return Ok(None) };
    tree::prove_path(&mut batch::batch_reader(core.store.as_ref(), at.entry, size), index, size).map(Some)
}

/// Readers learn that it could not be read; the operator learns why, at most once a second.
pub(crate) fn unreadable(core: &Core, error: &Fatal) -> ReadError {
    if let Some(left_out) = core.unreadable.turn() {
        tracing::error!(%error, left_out, "reading failed");
    }
    ReadError::Store
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{sample::Sample, throttle::lines::Lines};
    use std::time::Instant;

    #[test]
    fn what_can_not_be_read_is_told_once_a_second() {
        let sample = Sample::new(3);
        let core = sample.core();
        let (lines, _guard) = Lines::begin();
        let begun = Instant::now();
        for _ in 0..1000 {
            assert_eq!(unreadable(&core, &StoreError::Poisoned.into()), ReadError::Store);
        }
        let said = lines.that_say("reading failed").len() as u64;
        assert!((1..=1 + begun.elapsed().as_secs()).contains(&said), "{said}");
    }
}
