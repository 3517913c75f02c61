//! `rs_merkle` hashes odd nodes upward as RFC 6962 does, once its hasher has the prefixes.

use rs_merkle::{Hasher, MerkleTree};
use treering_tlog::hash::sha256;

use super::*;

#[derive(Clone)]
struct Rfc6962;

impl Hasher for Rfc6962 {
    type Hash = [u8; 32];

    fn hash(data: &[u8]) -> [u8; 32] {
        *sha256(&[b"\x01", data].concat()).as_bytes()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn roots_and_paths(count in 1_usize..2000, index: prop::sample::Index, seed: u64) {
        let leaves: Vec<Hash> = (0..count).map(|n| leaf_hash(&(seed ^ n as u64).to_be_bytes())).collect();
        let theirs = MerkleTree::<Rfc6962>::from_leaves(
            &leaves.iter().map(|leaf| *leaf.as_bytes()).collect::<Vec<_>>(),
        );
        let ours = MemoryTree::new(leaves);
        prop_assert_eq!(Some(*ours.root().as_bytes()), theirs.root());
        let index = index.index(count);
        let siblings: Vec<Hash> =
            theirs.proof(&[index]).proof_hashes().iter().copied().map(Hash::new).collect();
        prop_assert_eq!(ours.path(index as u64).unwrap().siblings, siblings);
    }
}
