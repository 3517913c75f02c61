//! Trees and proofs against shared vectors, a naive tree after RFC 6962's own words, and `rs_merkle`.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic, too")]

mod edges;
mod exhaustive;
mod large;
mod second_oracle;
mod subtrees;
mod vectors;

use std::{collections::HashMap, sync::LazyLock};

use proptest::prelude::*;
use serde::Deserialize;
use treering_tlog::{
    hash::{Hash, leaf_hash, node_hash},
    tree::{
        self, CompactRange, MemoryTree, NodeId, NodeReader, ProofError, TreeHead, TreeSize,
        consistency_nodes, inclusion_nodes, prove_consistency, prove_inclusion, prove_path, root_from,
        verify_consistency, verify_inclusion,
    },
};

fn size(n: u64) -> TreeSize {
    TreeSize::new(n).unwrap()
}

fn head_of(reader: &mut impl NodeReader<Error: std::fmt::Debug>, n: u64) -> TreeHead {
    TreeHead { size: size(n), root: root_from(reader, size(n)).unwrap() }
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(format!("entry {n}").as_bytes())).collect()
}

/// Every proof that is one hash away from this one: a bit flipped, one left out, one put in, two exchanged.
fn tampered(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all = Vec::new();
    for i in 0..=proof.len() {
        let mut added = proof.to_vec();
        added.insert(i, proof.get(i).copied().unwrap_or(Hash::EMPTY_ROOT));
        all.push(added);
    }
    for i in 0..proof.len() {
        let mut bytes = *proof[i].as_bytes();
        bytes[i % 32] ^= 1 << (i % 8);
        let mut flipped = proof.to_vec();
        flipped[i] = Hash::new(bytes);
        let mut dropped = proof.to_vec();
        dropped.remove(i);
        all.extend([flipped, dropped]);
    }
    for i in 1..proof.len() {
        let mut swapped = proof.to_vec();
        swapped.swap(i - 1, i);
        if swapped != proof {
            all.push(swapped);
        }
    }
    all
}

fn check_inclusion(leaf: &Hash, index: u64, head: &TreeHead, proof: &[Hash]) {
    assert_eq!(verify_inclusion(leaf, index, head, proof), Ok(()), "leaf {index} of {}", head.size);
    for bad in tampered(proof) {
        let want = match bad.len() == proof.len() {
            true => ProofError::Root,
            false => ProofError::Length { want: proof.len(), got: bad.len() },
        };
        assert_eq!(verify_inclusion(leaf, index, head, &bad), Err(want), "leaf {index} of {}", head.size);
    }
}

fn check_consistency(old: &TreeHead, new: &TreeHead, proof: &[Hash]) {
    assert_eq!(verify_consistency(old, new, proof), Ok(()), "{} to {}", old.size, new.size);
    for bad in tampered(proof) {
        let error = verify_consistency(old, new, &bad).unwrap_err();
        match bad.len() == proof.len() {
            true => assert!(matches!(error, ProofError::Root | ProofError::OldRoot), "{error}"),
            false => assert_eq!(error, ProofError::Length { want: proof.len(), got: bad.len() }),
        }
    }
}
