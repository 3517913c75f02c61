//! A root from leaves that come in pieces.

use super::path::Path;
use crate::{
    hash::Hash,
    tree::{CompactRange, TreeHead},
};

/// A root being built while the data still streams in: memory is O(log n) plus a small block.
#[derive(Clone, Debug)]
pub struct RootBuilder {
    range: CompactRange,
    path: Path,
}

impl RootBuilder {
    /// Nothing pushed yet.
    pub fn new() -> RootBuilder {
        RootBuilder::on(Path::current())
    }

    /// The same by a path of one's choice, for tests and benches.
    pub fn on(path: Path) -> RootBuilder {
        RootBuilder { range: CompactRange::new(), path }
    }

    /// Appends leaves by their data, any number of them.
    pub fn push(&mut self, data: &[[u8; 32]]) {
        let mut rest = data;
        let mut scratch = Vec::new();
        while !rest.is_empty() {
            let level = self.next_level(rest.len());
            let (leaves, after) = rest.split_at(1 << level);
            let root = if let [leaf] = leaves {
                self.path.leaf(leaf)
            } else {
                self.path.subtree(leaves, &mut scratch)
            };
            // INVARIANT: `next_level` keeps to the alignment, and 2^63 leaves would be 2^68 bytes of data.
            assert!(
                self.push_perfect(level, root),
                "an aligned subtree fits into a tree of fewer than 2^63 leaves"
            );
            rest = after;
        }
    }

    /// Appends the `1 << level` leaves of a perfect subtree that was hashed elsewhere, by its root. False, and
    /// nothing changed, unless the number of leaves so far is a multiple of `1 << level` (and stays below 2^63).
    pub fn push_perfect(&mut self, level: u8, root: Hash) -> bool {
        self.range.append_subtree(level, root, |_, _| {})
    }

    /// How many leaves so far.
    pub fn len(&self) -> u64 {
        self.range.size().get()
    }

    /// Was nothing pushed yet?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The root of the leaves so far.
    pub fn root(&self) -> Hash {
        self.range.root()
    }

    /// Size and root of the leaves so far.
    pub fn head(&self) -> TreeHead {
        self.range.head()
    }

    /// The largest perfect subtree that can come next: aligned, among the leaves at hand (one at least), and no
    /// larger than a block.
    fn next_level(&self, at_hand: usize) -> u8 {
        let aligned = self.len().trailing_zeros();
        let level = aligned.min(at_hand.ilog2()).min(u32::from(self.path.block_level()));
        u8::try_from(level).expect("no more than a block's level")
    }
}

impl Default for RootBuilder {
    fn default() -> RootBuilder {
        RootBuilder::new()
    }
}
