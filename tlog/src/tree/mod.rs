//! Merkle trees: roots, inclusion and consistency proofs (RFC 6962 section 2.1), and subtrees of a log's tree
//! (draft-ietf-plants-merkle-tree-certs-03 section 4).
//!
//! A tree of n > 1 leaves has a left subtree of k leaves, k the largest power of two below n, and the rest on the
//! right. A proof is a list of hashes from the bottom up, and its length follows from index and sizes: a proof of
//! another length is refused before anything is hashed. Sizes go up to 2^63−1.
//!
//! | type | what it holds |
//! |---|---|
//! | [`CompactRange`] | the right-hand edge: enough to append and to know the root |
//! | [`MemoryTree`] | every level: for a batch or a submission, whose proofs are all wanted |
//! | [`NodeReader`] | somebody else's nodes: proofs of a log are made from its tiles |
//!
//! Functions that take `leaf_hashes` take hashes and not data: [`crate::hash::leaf_hash`] and
//! [`crate::kernel::leaf_hashes`] make them. Nothing here stores or fetches.

mod compact;
mod memory;
mod node;
mod plan;
mod proof;
mod subtree;

pub use compact::CompactRange;
pub use memory::{MemoryTree, MerklePath, MissingNode};
pub use node::{LeafIndex, NodeId, NodeReader, TreeHead, TreeSize, cover, peaks};
pub use plan::{consistency_nodes, inclusion_nodes};
pub use proof::{
    ProofError, prove_consistency, prove_inclusion, prove_path, root_from, verify_consistency,
    verify_inclusion,
};
pub use subtree::{Subtree, prove_subtree, subtree_hash, subtree_nodes, verify_subtree};

use crate::{hash::Hash, kernel};

/// Root of the tree over these leaf hashes (not leaf data).
pub fn root(leaf_hashes: &[Hash]) -> Hash {
    let mut level = leaf_hashes.to_vec();
    kernel::reduce(&mut level);
    // SPEC: RFC 6962 section 2.1: the hash of an empty list is the hash of an empty string.
    level.first().copied().unwrap_or(Hash::EMPTY_ROOT)
}
