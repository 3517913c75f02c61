//! The same root on every core of the `rayon` pool that the caller runs in.
//!
//! Leaves are cut into perfect subtrees of one size, hashed each by one thread; what is left over at the end, and
//! the few nodes above, by the calling one. To keep network threads free, call this inside a pool of one's own
//! (`ThreadPool::install`).

use rayon::{iter::ParallelIterator as _, slice::ParallelSlice as _};

use super::{Path, RootBuilder};
use crate::hash::Hash;

/// Root of the tree over these leaves; [`Hash::EMPTY_ROOT`] if there are none.
pub fn root(leaves: &[[u8; 32]]) -> Hash {
    root_on(Path::current(), leaves)
}

/// The same by a path of one's choice, for tests and benches.
pub fn root_on(path: Path, leaves: &[[u8; 32]]) -> Hash {
    let mut builder = RootBuilder::on(path);
    let perfect = leaves.par_chunks_exact(1 << SHARE_LEVEL);
    let rest = perfect.remainder();
    for root in perfect.map(|share| path.root(share)).collect::<Vec<Hash>>() {
        assert!(builder.push_perfect(SHARE_LEVEL, root), "shares are all of one size");
    }
    builder.push(rest);
    builder.root()
}

/// A thread's share, 16,384 leaves: a millisecond or so, a thousand times what handing it over costs, and yet small
/// enough that all threads end at about the same time.
const SHARE_LEVEL: u8 = 14;
