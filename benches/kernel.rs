//! The root of 2^20 leaves of 32 bytes on one core: a loop over the `sha2` crate, `rs_merkle`, and our kernel.
//!
//! `cargo bench -p treering-benches --bench kernel`. All sides run in one process on the same data, and are checked
//! to give the same root before anything is measured: ratios count, absolute figures drift.
#![forbid(unsafe_code)]

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rs_merkle::{Hasher, MerkleTree};
use sha2::{Digest as _, Sha256};
use treering_benches::commitments;
use treering_tlog::kernel::RootBuilder;

fn kernel(c: &mut Criterion) {
    let leaves = commitments(LEAVES);
    let want = sha2_loop(&leaves);
    assert_eq!(rs_merkle(&leaves), want, "rs_merkle has another root");
    assert_eq!(ours(&leaves), want, "the kernel has another root");
    assert_eq!(ours_streamed(&leaves), want, "the kernel has another root when leaves come in pieces");

    let mut group = c.benchmark_group("root of 2^20 leaves");
    group.throughput(Throughput::Elements(LEAVES));
    group.sample_size(20).measurement_time(Duration::from_secs(8));
    let sides: [(&str, Side); 4] = [
        ("sha2 loop", sha2_loop),
        ("rs_merkle", rs_merkle),
        ("kernel", ours),
        ("kernel, streamed", ours_streamed),
    ];
    for (name, root) in sides {
        group.bench_function(name, |b| b.iter(|| root(black_box(&leaves))));
    }
    group.finish();
}

/// From leaf data to the root.
type Side = fn(&[[u8; 32]]) -> [u8; 32];

/// What one would write with the `sha2` crate: leaf hashes, then each level over the one below, in one buffer.
fn sha2_loop(leaves: &[[u8; 32]]) -> [u8; 32] {
    let mut level: Vec<[u8; 32]> = leaves.iter().map(|leaf| hash(&[&[0], leaf])).collect();
    let mut len = level.len();
    while len > 1 {
        len /= 2;
        for i in 0..len {
            level[i] = hash(&[&[1], &level[2 * i], &level[2 * i + 1]]);
        }
    }
    level[0]
}

fn rs_merkle(leaves: &[[u8; 32]]) -> [u8; 32] {
    let leaf_hashes: Vec<[u8; 32]> = leaves.iter().map(|leaf| hash(&[&[0], leaf])).collect();
    MerkleTree::<Rfc6962>::from_leaves(&leaf_hashes).root().expect("there are leaves")
}

fn ours(leaves: &[[u8; 32]]) -> [u8; 32] {
    let mut builder = RootBuilder::new();
    builder.push(leaves);
    *builder.root().as_bytes()
}

/// As a body comes in: pieces of 64 KiB less one leaf, so that they don't fit the tree.
fn ours_streamed(leaves: &[[u8; 32]]) -> [u8; 32] {
    let mut builder = RootBuilder::new();
    leaves.chunks(2047).for_each(|piece| builder.push(piece));
    *builder.root().as_bytes()
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    parts.iter().fold(Sha256::new(), |hasher, part| hasher.chain_update(part)).finalize().into()
}

#[derive(Clone)]
struct Rfc6962;

impl Hasher for Rfc6962 {
    type Hash = [u8; 32];

    fn hash(data: &[u8]) -> [u8; 32] {
        hash(&[&[1], data])
    }

    fn concat_and_hash(left: &[u8; 32], right: Option<&[u8; 32]>) -> [u8; 32] {
        // Without the vectors of the default, which would be the larger part of its time.
        right.map_or(*left, |right| hash(&[&[1], left, right]))
    }
}

const LEAVES: u64 = 1 << 20;

criterion_group!(benches, kernel);
criterion_main!(benches);
