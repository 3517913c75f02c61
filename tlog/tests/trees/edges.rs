//! Sizes 0 and 1, equal sizes, and each refusal.

use super::*;

fn heads() -> [TreeHead; 4] {
    let tree = MemoryTree::new(leaves(7));
    [0, 3, 4, 7].map(|n| head_of(&mut &tree, n))
}

#[test]
fn every_tree_begins_with_the_empty_one() {
    let [empty, three, ..] = heads();
    assert_eq!(verify_consistency(&empty, &three, &[]), Ok(()));
    assert_eq!(verify_consistency(&empty, &empty, &[]), Ok(()));
    let refused = Err(ProofError::Length { want: 0, got: 1 });
    assert_eq!(verify_consistency(&empty, &three, &[three.root]), refused);
    assert_eq!(verify_consistency(&empty, &empty, &[three.root]), refused);
}

#[test]
fn the_empty_tree_has_one_root() {
    let [empty, three, ..] = heads();
    let false_empty = TreeHead { root: three.root, ..empty };
    assert_eq!(verify_consistency(&false_empty, &three, &[]), Err(ProofError::EmptyRoot));
    assert_eq!(verify_consistency(&false_empty, &false_empty, &[]), Err(ProofError::EmptyRoot));
    assert_eq!(verify_consistency(&empty, &false_empty, &[]), Err(ProofError::EmptyRoot));
}

#[test]
fn a_tree_is_consistent_with_itself_alone() {
    let [_, three, four, _] = heads();
    assert_eq!(verify_consistency(&three, &three, &[]), Ok(()));
    let other = TreeHead { root: four.root, ..three };
    assert_eq!(verify_consistency(&three, &other, &[]), Err(ProofError::OldRoot));
    let refused = Err(ProofError::Length { want: 0, got: 1 });
    assert_eq!(verify_consistency(&three, &three, &[three.root]), refused);
}

#[test]
fn a_tree_does_not_shrink() {
    let [empty, three, four, _] = heads();
    assert_eq!(verify_consistency(&four, &three, &[]), Err(ProofError::Shrinks));
    assert_eq!(verify_consistency(&three, &empty, &[]), Err(ProofError::Shrinks));
}

#[test]
fn another_old_root_is_told_from_another_new_one() {
    let [_, three, four, seven] = heads();
    let mut tree = &MemoryTree::new(leaves(7));
    for old in [three, four] {
        let proof = prove_consistency(&mut tree, old.size, seven.size).unwrap();
        let new_differs = TreeHead { root: old.root, ..seven };
        assert_eq!(verify_consistency(&old, &new_differs, &proof), Err(ProofError::Root));
    }
    let proof = prove_consistency(&mut tree, three.size, seven.size).unwrap();
    let old_differs = TreeHead { root: four.root, ..three };
    assert_eq!(verify_consistency(&old_differs, &seven, &proof), Err(ProofError::OldRoot));
}

#[test]
fn there_is_no_leaf_beyond_the_size() {
    let [empty, three, ..] = heads();
    let leaf = leaf_hash(b"entry 0");
    assert_eq!(verify_inclusion(&leaf, 0, &empty, &[]), Err(ProofError::Index));
    assert_eq!(verify_inclusion(&leaf, 3, &three, &[]), Err(ProofError::Index));
    assert_eq!(verify_inclusion(&leaf, u64::MAX, &three, &[]), Err(ProofError::Index));
}

#[test]
fn the_only_leaf_needs_no_proof() {
    let leaf = leaf_hash(b"entry 0");
    check_inclusion(&leaf, 0, &TreeHead { size: size(1), root: leaf }, &[]);
    let other = TreeHead { size: size(1), root: leaf_hash(b"entry 1") };
    assert_eq!(verify_inclusion(&leaf, 0, &other, &[]), Err(ProofError::Root));
}

#[test]
fn what_cannot_be_proved_gives_the_empty_proof() {
    let mut tree = &MemoryTree::new(leaves(7));
    assert_eq!(prove_inclusion(&mut tree, size(7).leaf(5).unwrap(), size(5)), Ok(vec![]));
    assert_eq!(prove_consistency(&mut tree, size(7), size(5)), Ok(vec![]));
    assert_eq!(root_from(&mut tree, TreeSize::ZERO), Ok(Hash::EMPTY_ROOT));
}

#[test]
fn errors_say_what_would_be_right() {
    let messages = [
        ProofError::Length { want: 3, got: 2 },
        ProofError::Root,
        ProofError::Shrinks,
        ProofError::OldRoot,
        ProofError::EmptyRoot,
        ProofError::Index,
    ]
    .map(|error| error.to_string());
    insta::assert_snapshot!(messages.join("\n"), @"
    the proof has 2 hashes where 3 are needed
    the proof leads to another root than the tree head's
    the old tree is larger than the new one
    the old root is not in the new tree
    the tree without leaves has a root of its own, and this is another
    the leaf index is not below the tree size
    ");
}
