//! A batch against its entry, as a stream: its leaf hashes have to be as many as the entry says, and hash to its batch
//! root. Memory: one compact range and a tile's worth of hashes.

use treering_tlog::{
    hash::Hash,
    tree::{self, CompactRange},
};
use treering_token::entry::Entry;

/// The longest batch that is read: 2^25 submissions.
pub(crate) const MAX_BATCH: u64 = 32 << 25;
/// Hashes that are joined to a subtree at once: 2^8.
const BLOCK_LEVEL: u8 = 8;
const BLOCK: usize = 1 << BLOCK_LEVEL;

/// How many bytes the batch of this entry has; `None` if it is longer than what is read.
pub(crate) fn length_of(entry: &Entry) -> Option<usize> {
    let length = entry.submissions().checked_mul(32).filter(|&length| length <= MAX_BATCH);
    length.and_then(|length| usize::try_from(length).ok())
}

/// A batch that is being read.
#[derive(Debug, Default)]
pub(crate) struct BatchReading {
    range: CompactRange,
    /// Hashes that make no whole block yet.
    block: Vec<Hash>,
    /// Bytes that make no whole hash yet.
    rest: Vec<u8>,
}

impl BatchReading {
    /// Takes the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
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

    /// Are the bytes so far the batch of this entry?
    pub(crate) fn is(&self, entry: &Entry) -> bool {
        let mut range = self.range.clone();
        let whole = self.block.iter().all(|hash| range.append(*hash, |_, _| {}));
        let head = range.head();
        whole
            && self.rest.is_empty()
            && head.size.get() == entry.submissions()
            && head.root == entry.batch_root()
    }
}
