//! Every proof of every tree up to 300 leaves, against a naive tree.

use super::*;

const MOST: usize = 300;

/// The definitions of RFC 6962 section 2.1, word for word, over the leaves from `start` up to `end`.
struct Naive {
    leaves: Vec<Hash>,
    known: HashMap<(usize, usize), Hash>,
}

impl Naive {
    fn new() -> Naive {
        Naive { leaves: leaves(MOST as u64), known: HashMap::new() }
    }

    fn split(start: usize, end: usize) -> usize {
        let mut k = 1;
        while 2 * k < end - start {
            k *= 2;
        }
        start + k
    }

    fn root(&mut self, start: usize, end: usize) -> Hash {
        match end - start {
            0 => return Hash::EMPTY_ROOT,
            1 => return self.leaves[start],
            _ => {}
        }
        if let Some(hash) = self.known.get(&(start, end)) {
            return *hash;
        }
        let middle = Naive::split(start, end);
        let hash = node_hash(&self.root(start, middle), &self.root(middle, end));
        self.known.insert((start, end), hash);
        hash
    }

    fn path(&mut self, index: usize, start: usize, end: usize) -> Vec<Hash> {
        if end - start == 1 {
            return Vec::new();
        }
        let middle = Naive::split(start, end);
        let (mut path, sibling) = if index < middle {
            (self.path(index, start, middle), self.root(middle, end))
        } else {
            (self.path(index, middle, end), self.root(start, middle))
        };
        path.push(sibling);
        path
    }

    fn subproof(&mut self, old: usize, start: usize, end: usize, whole: bool) -> Vec<Hash> {
        if old == end {
            return if whole { Vec::new() } else { vec![self.root(start, end)] };
        }
        let middle = Naive::split(start, end);
        let (mut proof, sibling) = if old <= middle {
            (self.subproof(old, start, middle, whole), self.root(middle, end))
        } else {
            (self.subproof(old, middle, end, false), self.root(start, middle))
        };
        proof.push(sibling);
        proof
    }
}

#[test]
fn roots_and_edges() {
    let mut naive = Naive::new();
    let mut range = CompactRange::new();
    for n in 0..=MOST {
        let want = TreeHead { size: size(n as u64), root: naive.root(0, n) };
        assert_eq!(range.head(), want);
        assert_eq!(tree::root(&naive.leaves[..n]), want.root);
        let tree = MemoryTree::new(naive.leaves[..n].to_vec());
        assert_eq!((tree.size(), tree.root()), (want.size, want.root));
        assert_eq!(head_of(&mut &tree, n as u64), want);
        let peaks = (&tree).read(&tree::peaks(want.size)).unwrap();
        assert_eq!(CompactRange::from_peaks(want.size, peaks).as_ref(), Some(&range));
        if n < MOST {
            let complete = |node, hash| assert_eq!(naive_node(&mut naive, node), hash);
            assert!(range.append(leaves(n as u64 + 1)[n], complete));
        }
    }
}

fn naive_node(naive: &mut Naive, node: NodeId) -> Hash {
    let index = usize::try_from(node.index).unwrap();
    naive.root(index << node.level, (index + 1) << node.level)
}

#[test]
fn inclusion() {
    let mut naive = Naive::new();
    for n in 1..=MOST {
        let tree = MemoryTree::new(naive.leaves[..n].to_vec());
        let head = head_of(&mut &tree, n as u64);
        for index in 0..n {
            let want = naive.path(index, 0, n);
            let (leaf, index) = (naive.leaves[index], index as u64);
            assert_eq!(prove_inclusion(&mut &tree, head.size.leaf(index).unwrap(), head.size), Ok(want));
            let path = tree.path(index).unwrap();
            assert_eq!(path.root(&leaf), head.root);
            assert_eq!(prove_path(&mut &tree, head.size.leaf(index).unwrap(), head.size), Ok(path.clone()));
            assert_eq!(verify_inclusion(&leaf, index, &head, &path.siblings), Ok(()));
        }
        assert_eq!(tree.path(n as u64), None);
    }
}

#[test]
fn consistency() {
    let mut naive = Naive::new();
    let tree = MemoryTree::new(naive.leaves.clone());
    for new in 1..=MOST {
        let new_head = TreeHead { size: size(new as u64), root: naive.root(0, new) };
        for old in 1..=new {
            let old_head = TreeHead { size: size(old as u64), root: naive.root(0, old) };
            let want = naive.subproof(old, 0, new, true);
            let made = prove_consistency(&mut &tree, old_head.size, new_head.size).unwrap();
            assert_eq!(made, want, "{old} to {new}");
            assert_eq!(verify_consistency(&old_head, &new_head, &made), Ok(()), "{old} to {new}");
        }
    }
}
