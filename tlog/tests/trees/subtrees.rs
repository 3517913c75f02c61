//! Subtrees against the vectors of draft-ietf-plants-merkle-tree-certs, and against its definitions word for word.

use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    cosignature::{self, CosignerKey},
    hash::sha256,
    note::VerifierKey,
    tree::{Subtree, prove_subtree, subtree_hash, subtree_nodes, verify_subtree},
    witness::{SignSubtree, parse_signatures},
};

use super::{large::OneMarked, *};

/// The draft's trees: leaf n is the byte n.
const MOST: usize = 130;

fn drafts_tree(n: usize) -> MemoryTree {
    MemoryTree::new((0..n).map(|leaf| leaf_hash(&[u8::try_from(leaf).unwrap()])).collect())
}

/// Section 4.1, word for word: start is a multiple of the smallest power of two that is not below the number of leaves.
fn is_valid(start: u64, end: u64) -> bool {
    let mut whole = 1;
    while whole < end - start {
        whole *= 2;
    }
    start < end && start.is_multiple_of(whole)
}

/// Every valid range within a tree of n leaves, in the vectors' order. They have the ranges without leaves as well.
fn ranges(n: u64) -> impl Iterator<Item = (u64, u64)> {
    let of_end = |end| (0..=end).map(move |start| (start, end));
    (0..=n).flat_map(of_end).filter(|(start, end)| start == end || is_valid(*start, *end))
}

/// Appendix, Accumulated Subtree Test Vectors: one hash over all of them up to 130 leaves.
#[test]
fn the_drafts_vectors_of_hashes() {
    let tree = drafts_tree(MOST);
    let mut text = String::new();
    for (start, end) in ranges(MOST as u64) {
        let hash = match Subtree::new(start, end) {
            Some(subtree) => subtree_hash(&mut &tree, subtree).unwrap(),
            None => Hash::EMPTY_ROOT,
        };
        text.push_str(&format!("[{start}, {end}) {hash}\n"));
    }
    let want = "b82806ad4265bb151c1119c0f4db437bb4d1a1f887b3a7fba1cd4ebf552e3e81";
    assert_eq!(sha256(text.as_bytes()).to_string(), want);
}

#[test]
fn the_drafts_vectors_of_proofs() {
    let mut text = String::new();
    for n in 0..=MOST {
        let tree = drafts_tree(n);
        for (start, end) in ranges(n as u64) {
            let proof = Subtree::new(start, end)
                .map(|subtree| prove_subtree(&mut &tree, subtree, tree.size()).unwrap())
                .unwrap_or_default();
            let hashes: String = proof.iter().map(|hash| format!(" {hash}")).collect();
            text.push_str(&format!("[{start}, {end}) {n}{hashes}\n"));
        }
    }
    let want = "10fa99b37bf9bf9ffa26b412fbd98bd75363256d0b75d61bc4538b9c9c5a0a74";
    assert_eq!(sha256(text.as_bytes()).to_string(), want);
}

#[test]
fn every_proof_verifies_and_none_that_is_changed() {
    for n in (1..=40).chain([64, 65, 127]) {
        let tree = drafts_tree(n);
        let head = head_of(&mut &tree, n as u64);
        let subtrees = ranges(n as u64).filter_map(|(start, end)| Subtree::new(start, end));
        for subtree in subtrees {
            let hash = subtree_hash(&mut &tree, subtree).unwrap();
            let leaves = usize::try_from(subtree.start()).unwrap()..usize::try_from(subtree.end()).unwrap();
            assert_eq!(hash, tree::root(&tree.leaf_hashes()[leaves]), "{subtree:?}");
            check(subtree, &hash, &head, &prove_subtree(&mut &tree, subtree, head.size).unwrap());
        }
    }
}

fn check(subtree: Subtree, hash: &Hash, head: &TreeHead, proof: &[Hash]) {
    assert_eq!(verify_subtree(subtree, hash, head, proof), Ok(()), "{subtree:?} of {}", head.size);
    // One a level, and one more where the subtree isn't a node of the tree: 63 suffice up to 2^62 leaves.
    assert!(proof.len() <= 64);
    for bad in tampered(proof) {
        let error = verify_subtree(subtree, hash, head, &bad).unwrap_err();
        match bad.len() == proof.len() {
            true => assert!(matches!(error, ProofError::Root | ProofError::Subtree), "{error}"),
            false => assert_eq!(error, ProofError::Length { want: proof.len(), got: bad.len() }),
        }
    }
    let other = leaf_hash(hash.as_bytes());
    assert!(verify_subtree(subtree, &other, head, proof).is_err());
    let forked = TreeHead { root: other, ..*head };
    assert!(verify_subtree(subtree, hash, &forked, proof).is_err());
    // The same leaves somewhere else.
    let length = subtree.end() - subtree.start();
    let step = length.next_power_of_two();
    let beside = [subtree.start().checked_sub(step), subtree.start().checked_add(step)];
    for start in beside.into_iter().flatten() {
        if let Some(moved) = Subtree::new(start, start + length) {
            assert!(verify_subtree(moved, hash, head, proof).is_err(), "{subtree:?} as {moved:?}");
        }
    }
    let last = Subtree::new(subtree.start(), subtree.end()).filter(|_| head.size.get() == subtree.end());
    if let Some(subtree) = last {
        let smaller = TreeHead { size: size(subtree.end() - 1), ..*head };
        assert_eq!(verify_subtree(subtree, hash, &smaller, proof), Err(ProofError::Beyond));
    }
}

#[test]
fn a_tree_without_its_leaves_has_no_proof() {
    let tree = drafts_tree(5);
    let subtree = Subtree::new(4, 6).unwrap();
    assert_eq!(prove_subtree(&mut &tree, subtree, size(5)), Ok(vec![]));
    let verdict = verify_subtree(subtree, &Hash::EMPTY_ROOT, &TreeHead::EMPTY, &[]);
    assert_eq!(verdict, Err(ProofError::Beyond));
    assert_eq!(verdict.unwrap_err().to_string(), "the subtree ends beyond the tree");
    let head = head_of(&mut &tree, 5);
    let leaf = Subtree::new(4, 5).unwrap();
    let proof = prove_subtree(&mut &tree, leaf, head.size).unwrap();
    assert_eq!(
        verify_subtree(leaf, &Hash::EMPTY_ROOT, &head, &proof).unwrap_err().to_string(),
        "the proof leads to another root than the tree head's"
    );
    let ragged = Subtree::new(0, 3).unwrap();
    let proof = prove_subtree(&mut &tree, ragged, head.size).unwrap();
    assert_eq!(
        verify_subtree(ragged, &Hash::EMPTY_ROOT, &head, &proof).unwrap_err().to_string(),
        "the subtree is not in the tree"
    );
}

#[derive(Deserialize)]
struct Vectors {
    roots: HashMap<String, String>,
    proofs: Vec<Proof>,
    no_subtrees: Vec<[u64; 2]>,
    witness_seed_text: String,
    witness_vkey: String,
    origin: String,
    sign_subtree: Vec<Exchange>,
}

#[derive(Deserialize)]
struct Proof {
    start: u64,
    end: u64,
    size: u64,
    hash: String,
    proof: Vec<String>,
}

#[derive(Deserialize)]
struct Exchange {
    request: String,
    answer: String,
}

static VECTORS: LazyLock<Vectors> = LazyLock::new(|| {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/vectors/subtrees.json"));
    serde_json::from_str(text).unwrap()
});

fn vector_head(n: u64) -> TreeHead {
    TreeHead { size: size(n), root: Hash::from_hex(&VECTORS.roots[&n.to_string()]).unwrap() }
}

#[test]
fn vectors_of_proofs() {
    let tree = MemoryTree::new(leaves(70_000));
    assert_eq!(VECTORS.proofs.len(), 183);
    for Proof { start, end, size, hash, proof } in &VECTORS.proofs {
        let (subtree, head) = (Subtree::new(*start, *end).unwrap(), vector_head(*size));
        let proof: Vec<Hash> = proof.iter().map(|hash| Hash::from_hex(hash).unwrap()).collect();
        let made = subtree_hash(&mut &tree, subtree).unwrap();
        assert_eq!(made, Hash::from_hex(hash).unwrap());
        assert_eq!(prove_subtree(&mut &tree, subtree, head.size).as_ref(), Ok(&proof));
        check(subtree, &made, &head, &proof);
    }
    for [start, end] in &VECTORS.no_subtrees {
        assert_eq!(Subtree::new(*start, *end), None, "{start} to {end}");
    }
}

/// Requests and answers of another witness.
#[test]
fn vectors_of_sign_subtree() {
    let key = VerifierKey::parse(&VECTORS.witness_vkey).unwrap();
    let seed = sha256(VECTORS.witness_seed_text.as_bytes());
    assert_eq!(CosignerKey::ml_dsa_44(key.name().clone(), seed.as_bytes()).verifier(), key);
    assert_eq!(VECTORS.sign_subtree.len(), 4);
    for Exchange { request, answer } in &VECTORS.sign_subtree {
        let parsed = SignSubtree::parse(request.as_bytes()).unwrap();
        assert_eq!(&parsed.to_string(), request);
        let checkpoint = Checkpoint::parse(parsed.checkpoint.text()).unwrap();
        assert_eq!(checkpoint.origin, Origin::new(&VECTORS.origin).unwrap());
        assert_eq!(checkpoint.head, vector_head(checkpoint.head.size.get()));
        cosignature::verify(&key, &checkpoint, &parsed.checkpoint.signatures()[0]).unwrap();
        assert_eq!(verify_subtree(parsed.subtree, &parsed.hash, &checkpoint.head, &parsed.proof), Ok(()));
        let lines = parse_signatures(answer.as_bytes()).unwrap();
        let verified =
            cosignature::verify_subtree(&key, &checkpoint.origin, parsed.subtree, &parsed.hash, &lines[0]);
        assert_eq!((lines.len(), verified), (1, Ok(None)));
    }
}

/// A tree of any size, and a subtree of it of any size.
fn size_and_subtree() -> impl Strategy<Value = (u64, Subtree)> {
    (large::size_and_below(), any::<u64>(), any::<u64>()).prop_map(|((n, first), bits, length)| {
        // So many leaves as fit behind a multiple of a power of two at or below the first.
        let whole = 1_u64 << (bits % 63);
        let start = first / whole * whole;
        let length = 1 + length % whole.min(n - start);
        let smallest = if length.next_power_of_two() <= whole { length } else { 1 };
        (n, Subtree::new(start, start + smallest).unwrap())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn subtrees_of_trees_of_any_size((n, subtree) in size_and_subtree(), marked: u64) {
        // The leaf that is unlike the others stands within the subtree: elsewhere its hash is another.
        let marked = subtree.start() + marked % (subtree.end() - subtree.start());
        let mut tree = OneMarked::new(n, marked);
        let head = head_of(&mut tree, n);
        let hash = subtree_hash(&mut tree, subtree).unwrap();
        let proof = prove_subtree(&mut tree, subtree, head.size).unwrap();
        prop_assert!(subtree_nodes(subtree, head.size).len() >= proof.len());
        check(subtree, &hash, &head, &proof);
        if subtree.start() == 0 {
            prop_assert_eq!(prove_consistency(&mut tree, size(subtree.end()), head.size).unwrap(), proof.clone());
        }
        if subtree.end() - subtree.start() == 1 {
            let index = head.size.leaf(subtree.start()).unwrap();
            prop_assert_eq!(prove_inclusion(&mut tree, index, head.size).unwrap(), proof);
        }
    }
}
