//! The shared vectors of roots and proofs.

use super::*;

#[derive(Deserialize)]
struct Vectors {
    roots: HashMap<String, String>,
    inclusion: Vec<Inclusion>,
    consistency: Vec<Consistency>,
}

#[derive(Deserialize)]
struct Inclusion {
    index: u64,
    size: u64,
    proof: Vec<String>,
}

#[derive(Deserialize)]
struct Consistency {
    old: u64,
    new: u64,
    proof: Vec<String>,
}

static VECTORS: LazyLock<Vectors> = LazyLock::new(|| {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/vectors/merkle.json"));
    serde_json::from_str(text).unwrap()
});

static TREE: LazyLock<MemoryTree> = LazyLock::new(|| MemoryTree::new(leaves(70_000)));

fn head(n: u64) -> TreeHead {
    TreeHead { size: size(n), root: Hash::from_hex(&VECTORS.roots[&n.to_string()]).unwrap() }
}

fn hashes(proof: &[String]) -> Vec<Hash> {
    proof.iter().map(|hash| Hash::from_hex(hash).unwrap()).collect()
}

#[test]
fn roots() {
    assert_eq!(VECTORS.roots.len(), 82);
    for n in VECTORS.roots.keys().map(|n| n.parse().unwrap()) {
        assert_eq!(head_of(&mut &*TREE, n), head(n));
        let leaves = &TREE.leaf_hashes()[..usize::try_from(n).unwrap()];
        assert_eq!(tree::root(leaves), head(n).root);
    }
}

#[test]
fn inclusion_proofs() {
    assert_eq!(VECTORS.inclusion.len(), 484);
    for Inclusion { index, size, proof } in &VECTORS.inclusion {
        let (proof, head) = (hashes(proof), head(*size));
        let made = prove_inclusion(&mut &*TREE, head.size.leaf(*index).unwrap(), head.size);
        assert_eq!(made.as_ref(), Ok(&proof));
        check_inclusion(&TREE.leaf_hashes()[usize::try_from(*index).unwrap()], *index, &head, &proof);
    }
}

#[test]
fn consistency_proofs() {
    assert_eq!(VECTORS.consistency.len(), 481);
    for Consistency { old, new, proof } in &VECTORS.consistency {
        let (proof, old, new) = (hashes(proof), head_of(&mut &*TREE, *old), head(*new));
        assert_eq!(prove_consistency(&mut &*TREE, old.size, new.size).as_ref(), Ok(&proof));
        check_consistency(&old, &new, &proof);
    }
}
