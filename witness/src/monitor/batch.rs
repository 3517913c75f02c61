//! A batch against its entry: its leaf hashes have to be as many as the entry says, and hash to its batch root.
//!
//! A batch is read as a stream: memory is one compact range and a tile's worth of hashes, and what is kept for
//! evidence, [`MAX_KEPT`] bytes at most.

use treering_tlog::{
    hash::Hash,
    tree::{self, CompactRange},
};
use treering_token::entry::Entry;

use super::{
    fetch::FetchError,
    source::{Piece, Source},
};
use crate::evidence::Served;

/// A wrong batch is kept up to this length; a longer one is told of without its bytes.
const MAX_KEPT: usize = 4 << 20;
/// The longest batch that is read: 2^25 submissions.
const MAX_BATCH: u64 = 32 << 25;
/// Hashes that are joined to a subtree at once: 2^8.
const BLOCK_LEVEL: u8 = 8;
const BLOCK: usize = 1 << BLOCK_LEVEL;

/// How a batch was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Batch {
    /// As the entry says.
    Right,
    /// Not as the entry says; what was answered, unless it was too long to keep.
    Wrong(Option<Served>),
    /// Not to be had.
    Not(FetchError),
}

/// Fetches the batch of an entry and checks it.
pub(super) async fn check(source: &Source, index: u64, entry: &Entry) -> Batch {
    let length = entry.submissions().checked_mul(32).filter(|&length| length <= MAX_BATCH);
    let Some(length) = length.and_then(|length| usize::try_from(length).ok()) else {
        return Batch::Not(FetchError::TooLong { max: usize::try_from(MAX_BATCH).unwrap_or(usize::MAX) });
    };
    let mut reading = Reading::default();
    let piece = |piece: Piece<'_>| match piece {
        Piece::Start => reading = Reading::default(),
        Piece::Bytes(bytes) => reading.push(bytes),
    };
    // One hash more than there should be is enough to see that there are too many.
    match source.batch(index, length + Hash::LEN, piece).await {
        Ok(()) | Err(FetchError::TooLong { .. }) => {}
        Err(error) => return Batch::Not(error),
    }
    if reading.is(entry) {
        return Batch::Right;
    }
    let path = format!("v1/batches/{index}");
    Batch::Wrong(reading.kept().map(|bytes| Served { path, bytes }))
}

#[derive(Default)]
struct Reading {
    range: CompactRange,
    /// Hashes that make no whole block yet.
    block: Vec<Hash>,
    /// Bytes that make no whole hash yet.
    rest: Vec<u8>,
    kept: Vec<u8>,
    length: usize,
}

impl Reading {
    fn push(&mut self, bytes: &[u8]) {
        self.length += bytes.len();
        if self.length <= MAX_KEPT {
            self.kept.extend_from_slice(bytes);
        }
        self.rest.extend_from_slice(bytes);
        let (hashes, rest) = self.rest.as_chunks();
        for hash in hashes {
            self.block.push(Hash::new(*hash));
            if self.block.len() == BLOCK {
                // INVARIANT: only whole blocks were appended before, and no batch has 2^63 leaves.
                assert!(
                    self.range.append_subtree(BLOCK_LEVEL, tree::root(&self.block), |_, _| {}),
                    "aligned"
                );
                self.block.clear();
            }
        }
        self.rest = rest.to_vec();
    }

    fn is(&self, entry: &Entry) -> bool {
        let mut range = self.range.clone();
        let whole = self.block.iter().all(|hash| range.append(*hash, |_, _| {}));
        let head = range.head();
        whole
            && self.rest.is_empty()
            && head.size.get() == entry.submissions()
            && head.root == entry.batch_root()
    }

    fn kept(self) -> Option<Vec<u8>> {
        (self.length <= MAX_KEPT).then_some(self.kept)
    }
}
