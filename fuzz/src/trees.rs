//! Proofs of trees, against the algorithms of RFC 9162 and of draft-ietf-plants-merkle-tree-certs, and the recursion of
//! RFC 6962.

use arbitrary::{Result, Unstructured};
use treering_tlog::{
    hash::{Hash, leaf_hash, node_hash, sha256},
    kernel::RootBuilder,
    tree::{
        self, MemoryTree, Subtree, TreeHead, TreeSize, prove_consistency, prove_inclusion, prove_subtree,
        verify_consistency, verify_inclusion, verify_subtree,
    },
};

/// Small trees of which everything is known, then proofs of arbitrary sizes and hashes.
pub fn tree(bytes: &[u8]) {
    let mut input = Unstructured::new(bytes);
    let _ = small(&mut input);
    let _ = arbitrary_inclusion(&mut input);
    let _ = arbitrary_consistency(&mut input);
    let _ = small_subtree(&mut input);
    let _ = arbitrary_subtree(&mut input);
}

fn small(input: &mut Unstructured<'_>) -> Result<()> {
    let count = input.int_in_range(1..=48)?;
    let data: Vec<[u8; 32]> = (0..count).map(|leaf: u8| *sha256(&[leaf]).as_bytes()).collect();
    let leaves: Vec<Hash> = data.iter().map(|data| leaf_hash(data)).collect();
    let (index, old) = (input.choose_index(leaves.len())?, input.int_in_range(0..=leaves.len())?);
    let (new, before) = (head(&leaves), head(&leaves[..old]));
    let memory = MemoryTree::new(leaves.clone());
    let mut builder = RootBuilder::new();
    builder.push(&data[..old]);
    assert_eq!(builder.head(), before);
    builder.push(&data[old..]);
    assert_eq!((builder.head(), memory.root(), tree::root(&leaves)), (new, new.root, new.root));

    let inclusion =
        prove_inclusion(&mut &memory, new.size.leaf(index as u64).expect("below the size"), new.size)
            .expect("all nodes are there");
    assert_eq!(inclusion, path(index, &leaves));
    let consistency = prove_consistency(&mut &memory, before.size, new.size).expect("all nodes are there");
    assert_eq!(consistency, subproof_from(old, &leaves));

    // Only the right proof of the right leaf is one.
    let (at, changed) = (input.choose_index(leaves.len())?, change(&inclusion, input)?);
    let verified = verify_inclusion(&leaves[index], at as u64, &new, &changed).is_ok();
    assert_eq!(verified, at == index && changed == inclusion);
    let changed = change(&consistency, input)?;
    assert_eq!(verify_consistency(&before, &new, &changed).is_ok(), changed == consistency);
    Ok(())
}

fn arbitrary_inclusion(input: &mut Unstructured<'_>) -> Result<()> {
    let (size, index) = (size(input)?, number(input)?);
    let (leaf, proof) = (hash(input)?, hashes(input)?);
    let root = inclusion_root(leaf, index, size.get(), &proof);
    let other = hash(input)?;
    for root_of_head in root.into_iter().chain([other]) {
        let verified = verify_inclusion(&leaf, index, &TreeHead { size, root: root_of_head }, &proof);
        assert_eq!(verified.is_ok(), root == Some(root_of_head), "{verified:?}");
    }
    Ok(())
}

fn arbitrary_consistency(input: &mut Unstructured<'_>) -> Result<()> {
    let (old, new) = (size(input)?, size(input)?);
    let (claimed, proof) = (hash(input)?, hashes(input)?);
    if old.is_zero() || old >= new {
        let (old, new) = (TreeHead { size: old, root: claimed }, TreeHead { size: new, root: hash(input)? });
        let trivial = (old.size < new.size && old.root == Hash::EMPTY_ROOT) || old == new;
        let fits = trivial && proof.is_empty() && (!new.size.is_zero() || new.root == Hash::EMPTY_ROOT);
        assert_eq!(verify_consistency(&old, &new, &proof).is_ok(), fits);
        return Ok(());
    }
    let roots = consistency_roots(old.get(), new.get(), claimed, &proof);
    let others = (claimed, hash(input)?);
    for (old_root, new_root) in roots.into_iter().chain([others]) {
        let (old, new) = (TreeHead { size: old, root: old_root }, TreeHead { size: new, root: new_root });
        let want =
            consistency_roots(old.size.get(), new.size.get(), old_root, &proof) == Some((old_root, new_root));
        assert_eq!(verify_consistency(&old, &new, &proof).is_ok(), want);
    }
    Ok(())
}

fn small_subtree(input: &mut Unstructured<'_>) -> Result<()> {
    let count = input.int_in_range(1..=48)?;
    let leaves: Vec<Hash> = (0..count).map(|leaf: u8| leaf_hash(&[leaf])).collect();
    let (start, end) = (input.choose_index(leaves.len())?, 1 + input.choose_index(leaves.len())?);
    let Some(subtree) = Subtree::new(start as u64, end as u64) else { return Ok(()) };
    let (hash, head) = (root(&leaves[start..end]), head(&leaves));
    let proof =
        prove_subtree(&mut &MemoryTree::new(leaves), subtree, head.size).expect("all nodes are there");
    let changed = change(&proof, input)?;
    assert_eq!(verify_subtree(subtree, &hash, &head, &changed).is_ok(), changed == proof);
    Ok(())
}

fn arbitrary_subtree(input: &mut Unstructured<'_>) -> Result<()> {
    let (start, end, size) = (number(input)?, number(input)?, size(input)?);
    let (claimed, proof) = (hash(input)?, hashes(input)?);
    let subtree = Subtree::new(start, end);
    let valid =
        start < end && end <= TreeSize::MAX.get() && start & ((end - start).next_power_of_two() - 1) == 0;
    assert_eq!(subtree.is_some(), valid);
    let Some(subtree) = subtree else { return Ok(()) };
    let hashes = subtree_hashes(start, end, size.get(), claimed, &proof);
    for (of_subtree, root) in hashes.into_iter().chain([(claimed, hash(input)?)]) {
        let want = subtree_hashes(start, end, size.get(), of_subtree, &proof) == Some((of_subtree, root));
        let head = TreeHead { size, root };
        assert_eq!(verify_subtree(subtree, &of_subtree, &head, &proof).is_ok(), want);
    }
    Ok(())
}

/// draft-ietf-plants-merkle-tree-certs section 4.4.3: both hashes that a subtree consistency proof leads to.
fn subtree_hashes(start: u64, end: u64, size: u64, claimed: Hash, proof: &[Hash]) -> Option<(Hash, Hash)> {
    if end > size {
        return None;
    }
    let (mut f, mut s, mut t) = (start, end - 1, size - 1);
    if s == t {
        while f != s {
            (f, s, t) = (f >> 1, s >> 1, t >> 1);
        }
    } else {
        while f != s && s & 1 == 1 {
            (f, s, t) = (f >> 1, s >> 1, t >> 1);
        }
    }
    let (first, rest) = if f == s { (claimed, proof) } else { proof.split_first().map(|(a, b)| (*a, b))? };
    let (mut in_subtree, mut in_tree) = (first, first);
    for hash in rest {
        if t == 0 {
            return None;
        }
        if s & 1 == 1 || s == t {
            if f < s {
                in_subtree = node_hash(hash, &in_subtree);
            }
            in_tree = node_hash(hash, &in_tree);
            while s & 1 == 0 {
                (f, s, t) = (f >> 1, s >> 1, t >> 1);
            }
        } else {
            in_tree = node_hash(&in_tree, hash);
        }
        (f, s, t) = (f >> 1, s >> 1, t >> 1);
    }
    (t == 0).then_some((in_subtree, in_tree))
}

/// RFC 9162 section 2.1.3.2: the root that an inclusion proof leads to.
fn inclusion_root(leaf: Hash, index: u64, size: u64, proof: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut f, mut s, mut root) = (index, size - 1, leaf);
    for sibling in proof {
        if s == 0 {
            return None;
        }
        if f & 1 == 1 || f == s {
            root = node_hash(sibling, &root);
            while f & 1 == 0 && f != 0 {
                (f, s) = (f >> 1, s >> 1);
            }
        } else {
            root = node_hash(&root, sibling);
        }
        (f, s) = (f >> 1, s >> 1);
    }
    (s == 0).then_some(root)
}

/// RFC 9162 section 2.1.4.2: both roots that a consistency proof leads to.
fn consistency_roots(old: u64, new: u64, old_root: Hash, proof: &[Hash]) -> Option<(Hash, Hash)> {
    let mut hashes = proof.to_vec();
    if old.is_power_of_two() && !proof.is_empty() {
        hashes.insert(0, old_root);
    }
    let (first, rest) = hashes.split_first()?;
    let (mut f, mut s) = (old - 1, new - 1);
    while f & 1 == 1 {
        (f, s) = (f >> 1, s >> 1);
    }
    let (mut in_old, mut in_new) = (*first, *first);
    for hash in rest {
        if s == 0 {
            return None;
        }
        if f & 1 == 1 || f == s {
            (in_old, in_new) = (node_hash(hash, &in_old), node_hash(hash, &in_new));
            while f & 1 == 0 && f != 0 {
                (f, s) = (f >> 1, s >> 1);
            }
        } else {
            in_new = node_hash(&in_new, hash);
        }
        (f, s) = (f >> 1, s >> 1);
    }
    (s == 0).then_some((in_old, in_new))
}

/// RFC 6962 section 2.1: MTH.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::EMPTY_ROOT,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(half(leaves));
            node_hash(&root(left), &root(right))
        }
    }
}

/// RFC 6962 section 2.1.1: PATH.
fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = half(leaves);
    let (left, right) = leaves.split_at(k);
    let (mut below, sibling) =
        if index < k { (path(index, left), right) } else { (path(index - k, right), left) };
    below.push(root(sibling));
    below
}

/// RFC 6962 section 2.1.2: PROOF; empty where there is nothing to prove.
fn subproof_from(old: usize, leaves: &[Hash]) -> Vec<Hash> {
    if old == 0 { Vec::new() } else { subproof(old, leaves, true) }
}

fn subproof(old: usize, leaves: &[Hash], is_whole: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if is_whole { Vec::new() } else { vec![root(leaves)] };
    }
    let k = half(leaves);
    let (left, right) = leaves.split_at(k);
    let (mut below, sibling) = if old <= k {
        (subproof(old, left, is_whole), right)
    } else {
        (subproof(old - k, right, false), left)
    };
    below.push(root(sibling));
    below
}

/// The largest power of two below the number of leaves, which are two or more.
fn half(leaves: &[Hash]) -> usize {
    1 << (leaves.len() - 1).ilog2()
}

fn head(leaves: &[Hash]) -> TreeHead {
    TreeHead { size: TreeSize::new(leaves.len() as u64).expect("a small size"), root: root(leaves) }
}

/// A proof with one change, or none.
fn change(proof: &[Hash], input: &mut Unstructured<'_>) -> Result<Vec<Hash>> {
    let mut proof = proof.to_vec();
    let at = input.int_in_range(0..=proof.len())?;
    match input.int_in_range(0..=3)? {
        0 => proof.insert(at, hash(input)?),
        1 if at < proof.len() => drop(proof.remove(at)),
        2 if at < proof.len() => proof[at] = hash(input)?,
        _ => {}
    }
    Ok(proof)
}

/// Small ones as often as large ones.
fn number(input: &mut Unstructured<'_>) -> Result<u64> {
    Ok(input.arbitrary::<u64>()? >> input.int_in_range(0..=63)?)
}

fn size(input: &mut Unstructured<'_>) -> Result<TreeSize> {
    Ok(TreeSize::new(number(input)?).unwrap_or(TreeSize::MAX))
}

/// One of few hashes, so that equal ones meet.
fn hash(input: &mut Unstructured<'_>) -> Result<Hash> {
    Ok(match input.arbitrary::<u8>()? {
        0 => Hash::EMPTY_ROOT,
        byte => sha256(&[byte]),
    })
}

fn hashes(input: &mut Unstructured<'_>) -> Result<Vec<Hash>> {
    let count = input.int_in_range(0..=64)?;
    (0..count).map(|_| hash(input)).collect()
}
