//! Evidence about entries: what refutes it.

use treering_token::entry::Entry;

use super::*;

/// Entries that are sealed at these seconds after `TIME`.
struct Log {
    entries: Vec<Vec<u8>>,
    tree: MemoryTree,
}

fn sealed(seconds: &[i64]) -> Log {
    let entry = |at: &i64| {
        let millis = UnixMillis::new(TIME.checked_add_signed(*at).unwrap() * 1000).unwrap();
        Entry::new(millis, leaf_hash(b"batch"), 1).unwrap().encode()
    };
    let entries: Vec<Vec<u8>> = seconds.iter().map(entry).collect();
    let tree = MemoryTree::new(entries.iter().map(|entry| leaf_hash(entry)).collect());
    Log { entries, tree }
}

impl Log {
    fn note(&self, size: usize, time: u64) -> Note {
        let first = MemoryTree::new(self.tree.leaf_hashes()[..size].to_vec());
        note_of(ORIGIN, &first, Some(time))
    }

    fn leaf(&self, index: usize) -> Leaf {
        let at = index as u64;
        let proof = prove_inclusion(&mut &self.tree, self.tree.size().leaf(at).unwrap(), self.tree.size());
        Leaf { index: at, entry: self.entries[index].clone(), proof: proof.unwrap() }
    }

    fn backwards(&self, earlier: usize, later: usize) -> Evidence {
        let leaves = vec![self.leaf(earlier), self.leaf(later)];
        let note = self.note(self.entries.len(), TIME);
        Evidence { leaves, ..evidence(Kind::SealedAtBackwards, vec![note]) }
    }

    /// With the note of the first `before` entries, if any, cosigned at `TIME`.
    fn clock(&self, index: usize, before: Option<usize>, allowed_s: u64) -> Evidence {
        let last = self.note(self.entries.len(), TIME);
        let notes = before.map(|size| self.note(size, TIME)).into_iter().chain([last]).collect();
        let leaves = vec![self.leaf(index)];
        Evidence { leaves, number: allowed_s * 1000, ..evidence(Kind::SealedAtClock, notes) }
    }
}

fn is_confirmed(evidence: &Evidence) -> bool {
    assert_eq!(Evidence::parse(&evidence.encode()).as_ref(), Ok(evidence));
    matches!(verify(evidence, &policy()), Verdict::Confirmed(_))
}

#[test]
fn backwards_needs_neighbours_that_descend() {
    let log = sealed(&[-9, -7, -8, -8, -3]);
    assert!(is_confirmed(&log.backwards(1, 2)));
    // Equal is not greater.
    assert!(is_confirmed(&log.backwards(2, 3)));
    assert_eq!(refuted(&log.backwards(0, 1)), Refuted::Ascending);
    assert_eq!(refuted(&log.backwards(1, 3)), Refuted::NotNeighbours);
    assert_eq!(refuted(&log.backwards(2, 1)), Refuted::NotNeighbours);
    let mut moved = log.backwards(1, 2);
    moved.leaves[1].index = 3;
    moved.leaves[0].index = 2;
    assert!(matches!(refuted(&moved), Refuted::Inclusion { index: 2, .. }));
}

#[test]
fn the_future_begins_beyond_the_witnesses_time_and_the_allowed_distance() {
    // T + 1 s and 100 s more, in milliseconds: exactly there it is allowed.
    let log = sealed(&[101, 102, 62]);
    assert!(is_confirmed(&log.clock(1, None, 100)));
    // By the monitor's clock, which is at `TIME`, it is off by 101 s; by the witnesses' it isn't.
    assert_eq!(verify(&log.clock(0, None, 100), &policy()), Verdict::Open(Unclear::MonitorsClock));
    assert_eq!(refuted(&log.clock(0, None, 101)), Refuted::WithinDistance);
    // Whatever the monitor was told to allow, 60 s are.
    assert!(is_confirmed(&log.clock(2, None, 0)));
    let near = sealed(&[61]).clock(0, None, 0);
    assert_eq!(verify(&near, &policy()), Verdict::Open(Unclear::MonitorsClock));
}

#[test]
fn backdating_needs_an_earlier_checkpoint_without_the_entry() {
    let log = sealed(&[-900, -101, -100]);
    assert!(is_confirmed(&log.clock(1, Some(1), 100)));
    assert_eq!(refuted(&log.clock(1, Some(2), 100)), Refuted::Covered);
    assert_eq!(refuted(&log.clock(2, Some(1), 100)), Refuted::WithinDistance);
    assert_eq!(verify(&log.clock(1, None, 100), &policy()), Verdict::Open(Unclear::MonitorsClock));
}

#[test]
fn a_well_formed_entry_is_not_malformed() {
    let log = sealed(&[-2, -1]);
    let leaves = vec![log.leaf(1)];
    let evidence = Evidence { leaves, ..evidence(Kind::MalformedEntry, vec![log.note(2, TIME)]) };
    assert_eq!(refuted(&evidence), Refuted::WellFormed);
}

#[test]
fn a_batch_is_wrong_by_its_number_or_its_root() {
    let entry = Entry::new(UnixMillis::new(TIME * 1000).unwrap(), leaf_hash(b"batch"), 1).unwrap().encode();
    let tree = MemoryTree::new(vec![leaf_hash(&entry)]);
    let leaf = Leaf { index: 0, entry, proof: vec![] };
    let served = |path: &str, bytes: &[u8]| Evidence {
        leaves: vec![leaf.clone()],
        served: vec![Served { path: path.into(), bytes: bytes.to_vec() }],
        ..evidence(Kind::WrongBatch, vec![note_of(ORIGIN, &tree, None)])
    };
    let right = *leaf_hash(b"batch").as_bytes();
    assert_eq!(refuted(&served("v1/batches/0", &right)), Refuted::Fits);
    assert_eq!(refuted(&served("v1/batches/1", &[])), Refuted::Path("v1/batches/1".into()));
    for wrong in [&right[..31], &[right, right].concat()[..], &[0; 32], &[]] {
        assert_eq!(verify(&served("v1/batches/0", wrong), &policy()), Verdict::Open(Unclear::NotSigned));
    }
}
