//! Every path against the plain functions of [`crate::hash`], which go through the `sha2` crate.

mod lanes;

use proptest::{collection::vec, prelude::*};

use super::{Path, RootBuilder, leaf_hashes, parents, perfect_root, reduce, root};
use crate::{
    hash::{Hash, leaf_hash, node_hash, sha256},
    tree::{TreeHead, TreeSize},
};

#[test]
fn starts_empty() {
    for path in Path::all_here() {
        let mut builder = RootBuilder::on(path);
        builder.push(&[]);
        assert!(builder.is_empty());
        assert_eq!(builder.root(), Hash::EMPTY_ROOT);
        assert_eq!(path.root(&[]), Hash::EMPTY_ROOT);
        assert_eq!(path.leaf_hashes(&[]), []);
        assert_eq!(path.parents(&[]), []);
    }
}

#[test]
fn every_length() {
    let data = data(3001);
    let hashes = plain_leaves(&data);
    let roots = plain_roots(&hashes);
    for path in Path::all_here() {
        for (len, root) in roots.iter().enumerate() {
            assert_eq!(path.root(&data[..len]), *root, "{len} leaves, {path}");
        }
    }
}

#[test]
fn every_length_of_a_level() {
    let data = data(600);
    let hashes = plain_leaves(&data);
    let roots = plain_roots(&hashes);
    for path in Path::all_here() {
        for len in 0..=data.len() {
            let leaves = path.leaf_hashes(&data[..len]);
            assert_eq!(leaves, hashes[..len], "{len} leaves, {path}");
            assert_eq!(path.parents(&leaves), plain_parents(&leaves), "{len} leaves, {path}");
            let mut level = leaves;
            assert_eq!(path.reduce(&mut level), (len > 0).then(|| roots[len]), "{len} leaves, {path}");
        }
    }
}

#[test]
fn every_alignment() {
    const LEN: usize = 70;
    let want = data(LEN);
    let hashes = plain_leaves(&want);
    let root = plain_roots(&hashes)[LEN];
    for path in Path::all_here() {
        for offset in 0..64 {
            let bytes = [&vec![0xff; offset], want.as_flattened(), &[0xff; 64]].concat();
            let data = &bytes[offset..].as_chunks().0[..LEN];
            assert_eq!(path.leaf_hashes(data), hashes, "{offset} bytes on, {path}");
            assert_eq!(path.root(data), root, "{offset} bytes on, {path}");
        }
    }
}

/// Each row of the table of second blocks, and each byte of a leaf or node at its own place.
#[test]
fn every_last_byte_of_a_node() {
    let level: Vec<Hash> = (0..=255)
        .flat_map(|byte| {
            let mut right: [u8; 32] = std::array::from_fn(|i| u8::try_from(i).unwrap());
            right[31] = byte;
            [sha256(&[byte]), Hash::new(right)]
        })
        .collect();
    for path in Path::all_here() {
        assert_eq!(path.parents(&level), plain_parents(&level), "{path}");
        for pair in level.chunks(2) {
            assert_eq!(path.node(&pair[0], &pair[1]), node_hash(&pair[0], &pair[1]), "{path}");
        }
    }
}

#[test]
fn blocks_and_what_is_around_them() {
    let data = data((1 << 15) + 1);
    let roots = plain_roots(&plain_leaves(&data));
    for path in Path::all_here() {
        for len in [4095, 4096, 4097, 16_383, 16_384, 16_385, 17_408, 32_767, 32_768, 32_769] {
            assert_eq!(path.root(&data[..len]), roots[len], "{len} leaves, {path}");
        }
    }
}

#[test]
fn one_leaf_at_a_time() {
    let data = data(300);
    let roots = plain_roots(&plain_leaves(&data));
    for path in Path::all_here() {
        let mut builder = RootBuilder::on(path);
        for (before, leaf) in data.iter().enumerate() {
            assert_eq!(builder.len(), before as u64);
            assert_eq!(builder.root(), roots[before], "{before} leaves, {path}");
            builder.push(&[*leaf]);
        }
    }
}

#[test]
fn the_chosen_path_is_the_last_one() {
    let here = Path::all_here();
    assert_eq!(here[0].name(), "portable");
    assert_eq!(Path::current(), *here.last().unwrap(), "every path is right, so the last is chosen");
    let data = data(100);
    let hashes = plain_leaves(&data);
    assert_eq!(root(&data), plain_roots(&hashes)[100]);
    assert_eq!(leaf_hashes(&data), hashes);
    assert_eq!(parents(&hashes), plain_parents(&hashes));
    let mut level = hashes;
    reduce(&mut level);
    assert_eq!(level, [root(&data)]);
    let mut level = Vec::new();
    reduce(&mut level);
    assert_eq!(level, []);
}

#[test]
fn an_odd_last_hash_is_carried_up() {
    let [a, b, c] = [1, 2, 3].map(|n| Hash::new([n; 32]));
    for path in Path::all_here() {
        assert_eq!(path.parents(&[a, b, c]), [node_hash(&a, &b), c]);
    }
}

#[test]
fn perfect_roots_are_of_powers_of_two() {
    let data = data(1025);
    let roots = plain_roots(&plain_leaves(&data));
    for len in 0..data.len() {
        let want = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024].contains(&len).then(|| roots[len]);
        assert_eq!(perfect_root(&data[..len]), want, "{len} leaves");
    }
}

#[test]
fn perfect_subtrees_stand_for_their_leaves() {
    let data = data(1000);
    let mut builder = RootBuilder::new();
    let mut rest = &data[..];
    for level in [9, 8, 7, 6, 5] {
        let (leaves, after) = rest.split_at(1 << level);
        assert!(builder.push_perfect(level, perfect_root(leaves).unwrap()));
        rest = after;
    }
    builder.push(rest);
    assert_eq!(builder.head(), head(&data));
}

#[test]
fn a_subtree_out_of_place_changes_nothing() {
    let data = data(6);
    let mut builder = RootBuilder::new();
    builder.push(&data);
    for level in [2, 3, 63, 64, 255] {
        assert!(!builder.push_perfect(level, Hash::EMPTY_ROOT), "level {level} after 6 leaves");
    }
    assert_eq!(builder.head(), head(&data));
    assert!(builder.push_perfect(1, leaf_hash(b"")));
    assert_eq!(builder.len(), 8);
}

#[cfg(feature = "parallel")]
#[test]
fn on_all_cores() {
    let data = data(100_000);
    let roots = plain_roots(&plain_leaves(&data));
    for path in Path::all_here() {
        for len in [0, 1, 2, 1000, 16_383, 16_384, 16_385, 32_768, 49_153, 100_000] {
            assert_eq!(super::parallel::root_on(path, &data[..len]), roots[len], "{len} leaves, {path}");
        }
    }
    assert_eq!(super::parallel::root(&data), roots[100_000]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn hashes_are_those_of_the_plain_functions(data in vec(any::<[u8; 32]>(), 0..80)) {
        let hashes = plain_leaves(&data);
        for path in Path::all_here() {
            prop_assert_eq!(&path.leaf_hashes(&data), &hashes);
            prop_assert_eq!(path.parents(&hashes), plain_parents(&hashes));
        }
    }

    #[test]
    fn how_leaves_are_cut_into_pushes_makes_no_difference(cuts in vec(0_usize..1200, 0..5)) {
        let data = data(cuts.iter().sum());
        for path in Path::all_here() {
            let mut builder = RootBuilder::on(path);
            let mut rest = &data[..];
            for &cut in &cuts {
                let (now, later) = rest.split_at(cut);
                builder.push(now);
                rest = later;
            }
            prop_assert_eq!(builder.head(), head(&data));
        }
    }

    #[test]
    fn lengths_beyond_those_tried_one_by_one(len in 3000_usize..40_000, seed: u64) {
        let data: Vec<[u8; 32]> =
            (0..len as u64).map(|n| *sha256(&(n ^ seed).to_be_bytes()).as_bytes()).collect();
        let want = head(&data).root;
        for path in Path::all_here() {
            prop_assert_eq!(path.root(&data), want, "{} leaves, {}", len, path);
        }
    }
}

fn data(count: usize) -> Vec<[u8; 32]> {
    (0..count as u64).map(|n| *leaf_hash(&n.to_be_bytes()).as_bytes()).collect()
}

fn plain_leaves(data: &[[u8; 32]]) -> Vec<Hash> {
    data.iter().map(|data| leaf_hash(data)).collect()
}

fn plain_parents(level: &[Hash]) -> Vec<Hash> {
    level
        .chunks(2)
        .map(|pair| if let [left, right] = pair { node_hash(left, right) } else { pair[0] })
        .collect()
}

/// The root of each number of these leaves, from none to all: perfect subtrees in a stack, joined when their sizes
/// are equal, and from the right for a root.
fn plain_roots(leaf_hashes: &[Hash]) -> Vec<Hash> {
    let mut stack: Vec<(usize, Hash)> = Vec::new();
    let mut roots = vec![Hash::EMPTY_ROOT];
    for leaf in leaf_hashes {
        let (mut size, mut hash) = (1, *leaf);
        while let Some((_, left)) = stack.pop_if(|(left, _)| *left == size) {
            (size, hash) = (2 * size, node_hash(&left, &hash));
        }
        stack.push((size, hash));
        let root = stack.iter().rev().map(|(_, hash)| *hash).reduce(|right, left| node_hash(&left, &right));
        roots.push(root.expect("a leaf was pushed"));
    }
    roots
}

/// The head of a tree over these leaves, without anything of the kernel.
fn head(data: &[[u8; 32]]) -> TreeHead {
    let root = plain_roots(&plain_leaves(data))[data.len()];
    TreeHead { size: TreeSize::new(data.len() as u64).unwrap(), root }
}
