//! Which code hashes: chosen once, by what the processor has and by whether it hashes right.

use std::{fmt, sync::OnceLock};

#[cfg(target_arch = "x86_64")]
use super::{
    avx512::Avx512,
    lanes::{LANE_LEVEL, MAX_SUBTREE_LEVEL},
    sha_ni::ShaNi,
};
use super::{builder::RootBuilder, portable};
use crate::hash::{Hash, sha256};

/// A way to hash that this processor has. Which one is used changes the speed and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path(Kind);

// INVARIANT: `ShaNi` and `Avx512` are made by detecting the instructions only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Narrow(Narrow),
    /// 16 lanes, and what hashes fewer.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512, Narrow),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Narrow {
    Portable,
    #[cfg(target_arch = "x86_64")]
    ShaNi(ShaNi),
}

impl Path {
    /// The path that this process uses: the fastest one here that hashes a few dozen leaves and nodes as the
    /// portable one does.
    ///
    /// The check costs some microseconds, once. It stands between a processor, hypervisor or emulator that has the
    /// instructions by name only, or a mistake of ours on one that nobody tried, and roots that no one can verify.
    pub fn current() -> Path {
        static CURRENT: OnceLock<Path> = OnceLock::new();
        *CURRENT.get_or_init(|| {
            let paths = Path::all_here();
            last_right(&paths, |path| path.sample() == paths[0].sample())
        })
    }

    /// All paths that this processor has, the portable one first and the one thought fastest last.
    pub fn all_here() -> Vec<Path> {
        let mut narrow = vec![Narrow::Portable];
        #[cfg(target_arch = "x86_64")]
        narrow.extend(ShaNi::detect().map(Narrow::ShaNi));
        #[cfg(target_arch = "x86_64")]
        let wide = narrow.last().and_then(|&rest| Some(Kind::Avx512(Avx512::detect()?, rest)));
        #[cfg(not(target_arch = "x86_64"))]
        let wide = None;
        narrow.into_iter().map(Kind::Narrow).chain(wide).map(Path).collect()
    }

    /// What it is called in tables and logs.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Narrow(Narrow::Portable) => "portable",
            #[cfg(target_arch = "x86_64")]
            Kind::Narrow(Narrow::ShaNi(_)) => "SHA-NI",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(..) => "AVX-512",
        }
    }

    /// Leaf hash of each 32-byte value, by this path.
    pub fn leaf_hashes(self, data: &[[u8; 32]]) -> Vec<Hash> {
        let mut hashes = vec![UNSET; data.len()];
        self.leaves(data, &mut hashes);
        hashes
    }

    /// Root of the tree over these leaves, by this path; [`Hash::EMPTY_ROOT`] if there are none.
    pub fn root(self, leaves: &[[u8; 32]]) -> Hash {
        let mut builder = RootBuilder::on(self);
        builder.push(leaves);
        builder.root()
    }

    /// The hash of a leaf.
    pub(super) fn leaf(self, data: &[u8; 32]) -> Hash {
        let mut hash = [UNSET];
        self.narrow().leaves(std::slice::from_ref(data), &mut hash);
        hash[0]
    }

    /// The node over two children.
    pub(super) fn node(self, left: &Hash, right: &Hash) -> Hash {
        let mut hash = [UNSET];
        self.narrow().nodes(&[[*left, *right]], &mut hash);
        hash[0]
    }

    /// The level above: each pair's node, and an odd last hash as it is.
    pub(super) fn parents(self, level: &[Hash]) -> Vec<Hash> {
        let (pairs, odd) = level.as_chunks::<2>();
        let mut above = vec![UNSET; pairs.len()];
        self.nodes(pairs, &mut above);
        // SPEC: RFC 6962 section 2.1: a subtree without a right half is hashed one level further up.
        above.extend(odd);
        above
    }

    /// Hashes a level up to its root, which is `None` if there was nothing; what remains in the level is scrap.
    pub(super) fn reduce(self, mut level: &mut [Hash]) -> Option<Hash> {
        while level.len() > 1 {
            let above = level.len().div_ceil(2);
            self.nodes_in_place(level);
            level = &mut level[..above];
        }
        level.first().copied()
    }

    /// The root of a perfect subtree of [`Path::block_level`] at most. The scratch may hold anything, and grows to
    /// what one block needs.
    pub(super) fn subtree(self, leaves: &[[u8; 32]], scratch: &mut Vec<Hash>) -> Hash {
        #[cfg(target_arch = "x86_64")]
        if let Kind::Avx512(wide, _) = self.0
            && let Some(level) = wide.lane_level(leaves)
        {
            let roots = at_least(leaves.len() >> level, scratch);
            wide.subtrees(level, leaves, roots);
            return self.reduce(roots).unwrap_or(Hash::EMPTY_ROOT);
        }
        let hashes = at_least(leaves.len(), scratch);
        self.leaves(leaves, hashes);
        self.reduce(hashes).unwrap_or(Hash::EMPTY_ROOT)
    }

    /// The largest subtree hashed in one go. On one lane, 512 leaves: their 16 KiB of hashes stay in the first cache.
    /// On sixteen, as many as it takes for all but 15 nodes to fill the lanes, one in a thousand.
    pub(super) fn block_level(self) -> u8 {
        match self.0 {
            Kind::Narrow(_) => 9,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(..) => 2 * LANE_LEVEL + MAX_SUBTREE_LEVEL,
        }
    }

    /// Leaves and nodes, few and many of them, and whole subtrees, of data that differ in each byte.
    fn sample(self) -> Vec<Hash> {
        let data: [[u8; 32]; 64] = std::array::from_fn(|leaf| *sha256(&[leaf.to_le_bytes()[0]]).as_bytes());
        let leaves = self.leaf_hashes(&data);
        let mut sample = [self.parents(&leaves), self.parents(&leaves[..7])].concat();
        sample.push(self.subtree(&data, &mut Vec::new()));
        sample.push(self.leaf(&data[0]));
        sample.push(self.node(&leaves[0], &leaves[1]));
        sample.extend(leaves);
        sample
    }

    /// The nodes over a level, written over its first half; an odd last hash is carried up as it is.
    fn nodes_in_place(self, level: &mut [Hash]) {
        let mut above = [UNSET; 32];
        let pairs = level.len() / 2;
        let mut done = 0;
        while done < pairs {
            let count = above.len().min(pairs - done);
            self.nodes(level[2 * done..2 * (done + count)].as_chunks().0, &mut above[..count]);
            // Writes stay behind reads: `done` is never above twice itself.
            level[done..done + count].copy_from_slice(&above[..count]);
            done += count;
        }
        if level.len() % 2 == 1 {
            // SPEC: RFC 6962 section 2.1: a subtree without a right half is hashed one level further up.
            level[pairs] = level[level.len() - 1];
        }
    }

    /// The hash of each leaf; both slices are of one length.
    fn leaves(self, data: &[[u8; 32]], out: &mut [Hash]) {
        let done = match self.0 {
            Kind::Narrow(_) => 0,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(wide, _) => wide.leaves(data, out),
        };
        self.narrow().leaves(&data[done..], &mut out[done..]);
    }

    /// The node over each pair; both slices are of one length.
    fn nodes(self, pairs: &[[Hash; 2]], out: &mut [Hash]) {
        let done = match self.0 {
            Kind::Narrow(_) => 0,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(wide, _) => wide.nodes(pairs, out),
        };
        self.narrow().nodes(&pairs[done..], &mut out[done..]);
    }

    fn narrow(self) -> Narrow {
        match self.0 {
            Kind::Narrow(narrow) => narrow,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(_, rest) => rest,
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Narrow {
    fn leaves(self, data: &[[u8; 32]], out: &mut [Hash]) {
        match self {
            Narrow::Portable => portable::leaves(data, out),
            #[cfg(target_arch = "x86_64")]
            Narrow::ShaNi(path) => path.leaves(data, out),
        }
    }

    fn nodes(self, pairs: &[[Hash; 2]], out: &mut [Hash]) {
        match self {
            Narrow::Portable => portable::nodes(pairs, out),
            #[cfg(target_arch = "x86_64")]
            Narrow::ShaNi(path) => path.nodes(pairs, out),
        }
    }
}

/// The last of these paths that is right, or the first, which is the measure for the others.
fn last_right(paths: &[Path], right: impl Fn(Path) -> bool) -> Path {
    paths.iter().rev().copied().find(|&path| right(path)).unwrap_or(paths[0])
}

/// The first so many of the scratch.
fn at_least(len: usize, scratch: &mut Vec<Hash>) -> &mut [Hash] {
    if scratch.len() < len {
        scratch.resize(len, UNSET);
    }
    &mut scratch[..len]
}

/// What a slice holds before it is written.
const UNSET: Hash = Hash::new([0; 32]);

#[cfg(test)]
mod tests {
    use super::{Path, last_right};
    use crate::{
        hash::{leaf_hash, node_hash, sha256},
        tree,
    };

    #[test]
    fn a_path_that_hashes_wrong_is_passed_over() {
        let here = Path::all_here();
        for wrong in 0..here.len() {
            let chosen = last_right(&here, |path| here[..here.len() - wrong].contains(&path));
            assert_eq!(chosen, here[here.len() - wrong - 1]);
        }
        assert_eq!(last_right(&here, |_| false), here[0], "the portable path needs no check");
    }

    #[test]
    fn the_sample_is_what_it_should_be() {
        let data: Vec<_> = (0..64).map(|leaf| sha256(&[leaf])).collect();
        let leaves: Vec<_> = data.iter().map(|data| leaf_hash(data.as_bytes())).collect();
        for path in Path::all_here() {
            let sample = path.sample();
            assert_eq!(sample[0], node_hash(&leaves[0], &leaves[1]));
            assert_eq!(sample[32 + 4], tree::root(&leaves));
            assert_eq!(sample[sample.len() - 64..], leaves);
        }
    }
}
