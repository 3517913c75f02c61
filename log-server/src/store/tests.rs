//! What every [`Store`] must do; run on each implementation.

use super::*;
use crate::batch::{self, Edge};
use std::time::{Duration, Instant};
use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    hash,
    note::{KeyName, SigningKey},
    tile::TileLevel,
    tree,
};

fn origin() -> Origin {
    Origin::new("log.example/store").unwrap()
}

fn open(dir: &tempfile::TempDir) -> RocksStore {
    RocksStore::open(dir.path(), &origin(), 1 << 20).unwrap()
}

fn root(number: u64) -> Hash {
    hash::sha256(&number.to_be_bytes())
}

fn accepted(number: u64, small: u16) -> Accepted {
    let small = (small > 0).then(|| (0..small).map(|i| *root(u64::from(i)).as_bytes()).collect());
    Accepted { root: root(number), small }
}

/// Alone in its group.
fn waiting(sequence: Sequence, small: u16) -> Waiting {
    Waiting { sequence, root: root(sequence), small, ends_group: true }
}

/// With more behind it.
fn amid(sequence: Sequence, small: u16) -> Waiting {
    Waiting { ends_group: false, ..waiting(sequence, small) }
}

/// Seals these as the next entry.
fn seal(store: &dyn Store, submissions: Vec<Waiting>) -> TreeHead {
    seal_both(store, submissions, Vec::new())
}

fn seal_both(store: &dyn Store, submissions: Vec<Waiting>, grants: Vec<GrantGroup>) -> TreeHead {
    let loaded = store.load().unwrap();
    let edge = Edge::load(store, &loaded.head).unwrap();
    let time = UnixMillis::new(loaded.sealed_at.map_or(1 << 40, |last| last.get() + 1)).unwrap();
    let built = batch::build(&edge, submissions, grants, time);
    store.seal(&built.tick).unwrap();
    built.tick.head
}

fn signed(head: TreeHead) -> Note {
    let key = SigningKey::from_seed(KeyName::new("log.example/store").unwrap(), &[1; 32]);
    Checkpoint { origin: origin(), head, extensions: Vec::new() }.sign(&key)
}

fn line(witness: u8, byte: u8) -> Signature {
    let name = KeyName::new(&format!("witness.example/{witness}")).unwrap();
    Signature::new(name, treering_tlog::note::KeyId(u32::from(witness)), vec![byte; 72])
}

#[test]
fn what_was_accepted_waits_in_order_until_it_is_sealed_across_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    assert_eq!(store.load().unwrap().next_sequence, 0);
    store.accept(0, &[accepted(0, 0), accepted(1, 3)]).unwrap();
    store.accept(2, &[accepted(2, 0)]).unwrap();
    drop(store);
    let store = open(&dir);
    let loaded = store.load().unwrap();
    assert_eq!(loaded.waiting, [amid(0, 0), waiting(1, 3), waiting(2, 0)]);
    assert_eq!(loaded.next_sequence, 3);
    seal(&store, loaded.waiting[..2].to_vec());
    drop(store);
    let store = open(&dir);
    let loaded = store.load().unwrap();
    assert_eq!(loaded.waiting, [waiting(2, 0)]);
    assert_eq!((loaded.head.size.get(), loaded.next_sequence), (1, 3));
    assert_eq!(store.small(0, &root(1)).unwrap().unwrap().len(), 96);
    assert_eq!(store.small(0, &root(0)).unwrap(), None);
    seal(&store, vec![waiting(2, 0)]);
    // Nothing waits, and still no number is given twice.
    assert_eq!(store.load().unwrap().next_sequence, 3);
}

#[test]
fn a_group_that_goes_into_two_batches_loses_and_repeats_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    store.accept(0, &[accepted(0, 2), accepted(1, 0), accepted(2, 1), accepted(3, 0)]).unwrap();
    let all = store.load().unwrap().waiting;
    assert_eq!(all, [amid(0, 2), amid(1, 0), amid(2, 1), waiting(3, 0)]);
    seal(&store, all[..2].to_vec());
    drop(store);
    let store = open(&dir);
    let loaded = store.load().unwrap();
    assert_eq!((loaded.waiting.as_slice(), loaded.next_sequence), (&all[2..], 4));
    seal(&store, loaded.waiting);
    assert_eq!(store.small(0, &root(0)).unwrap().unwrap().len(), 64);
    assert_eq!(store.small(1, &root(2)).unwrap().unwrap().len(), 32);
    drop(store);
    let loaded = open(&dir).load().unwrap();
    assert!(loaded.waiting.is_empty());
    assert_eq!(loaded.next_sequence, 4);
}

fn grants(number: u64, count: u8) -> GrantGroup {
    let grant = |place: u8| {
        let hash = hash::sha256(&[&number.to_be_bytes()[..], &[place]].concat());
        Grant { serial: hash.as_bytes()[..16].try_into().unwrap(), commitment: *hash.as_bytes() }
    };
    GrantGroup { number, grants: (0..count).map(grant).collect() }
}

#[test]
fn grants_wait_in_order_until_they_are_sealed_as_one_submission_across_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    for group in [grants(0, 3), grants(1, 1), grants(300, 2)] {
        store.accept_grants(&group).unwrap();
    }
    store.accept(0, &[accepted(0, 0), accepted(1, 0)]).unwrap();
    drop(store);
    let store = open(&dir);
    let loaded = store.load().unwrap();
    assert_eq!(loaded.grants, [grants(0, 3), grants(1, 1), grants(300, 2)]);
    assert_eq!(store.grant(&grants(0, 3).grants[2].serial).unwrap(), None);
    seal_both(&store, vec![amid(0, 0)], loaded.grants[..2].to_vec());
    drop(store);
    let store = open(&dir);
    let loaded = store.load().unwrap();
    assert_eq!((loaded.grants, loaded.waiting), (vec![grants(300, 2)], vec![waiting(1, 0)]));
    // A tick of grants alone consumes no submission, and no number goes back.
    seal_both(&store, Vec::new(), vec![grants(300, 2)]);
    let loaded = store.load().unwrap();
    assert_eq!((loaded.grants, loaded.waiting, loaded.next_sequence), (vec![], vec![waiting(1, 0)], 2));
    let all = [(grants(0, 3), 0, 0, 4), (grants(1, 1), 0, 3, 4), (grants(300, 2), 1, 0, 2)];
    for (group, entry, first, size) in all {
        for (index, grant) in (first..).zip(&group.grants) {
            let size = TreeSize::new(size).unwrap();
            let place = GrantPlace { entry, index, size, commitment: grant.commitment };
            assert_eq!(store.grant(&grant.serial).unwrap(), Some(place));
        }
    }
    // Alike in all bytes but the last.
    let mut near = grants(1, 1).grants[0].serial;
    near[15] ^= 1;
    assert_eq!(store.grant(&near).unwrap(), None);
}

#[test]
fn the_tiles_of_grants_go_with_their_batch_and_the_rows_stay() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    for number in 0..3 {
        seal_both(&store, Vec::new(), vec![grants(number, 200), grants(number + 10, 100)]);
    }
    let level = TileKind::Hashes(TileLevel::LEAVES);
    let path = TilePath::new(level, 1, 44).unwrap();
    store.drop_batches(2).unwrap();
    let kept: Vec<bool> = (0..3).map(|entry| store.grant_tile(entry, path).unwrap().is_some()).collect();
    assert_eq!(kept, [false, false, true]);
    let row = store.grant(&grants(0, 1).grants[0].serial).unwrap();
    assert_eq!(row.map(|place| place.entry), Some(0));
}

#[test]
fn a_position_is_the_earliest_at_or_after_an_entry_and_never_another_roots() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    for entry in 0..3 {
        seal(&store, vec![waiting(entry + 100, 0), waiting(7, 0)]);
    }
    for from in 0..3 {
        assert_eq!(store.position(&root(7), from).unwrap(), Some(Position { entry: from, position: 1 }));
    }
    assert_eq!(store.position(&root(7), 3).unwrap(), None);
    assert_eq!(store.position(&root(101), 0).unwrap(), Some(Position { entry: 1, position: 0 }));
    assert_eq!(store.position(&root(101), 2).unwrap(), None);
    // Alike in all bytes but the last.
    let mut near = *root(7).as_bytes();
    near[31] ^= 1;
    assert_eq!(store.position(&Hash::new(near), 0).unwrap(), None);
}

#[test]
fn a_batchs_paths_come_from_its_tiles() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    for (entry, count) in (0..).zip([1, 2, 255, 256, 257, 70_000]) {
        let all: Vec<Waiting> = (0..count).map(|number| waiting(number, 0)).collect();
        seal(&store, all);
        let tree = tree::MemoryTree::new((0..count).map(|n| hash::leaf_hash(root(n).as_bytes())).collect());
        let mut reader = batch::batch_reader(&store, entry, tree.size());
        for number in [0, 1, 254, 255, 256, 65_535, 65_536, count - 1].into_iter().filter(|n| *n < count) {
            let leaf = tree.size().leaf(number).unwrap();
            let path = tree::prove_path(&mut reader, leaf, tree.size()).unwrap();
            assert_eq!(Some(path), tree.path(number), "leaf {number} of {count}");
        }
        let leaves = batch::leaf_hashes(&store, entry, tree.size(), (0, usize::MAX)).unwrap();
        assert!(leaves.chunks_exact(32).eq(tree.leaf_hashes().iter().map(|hash| hash.as_bytes().as_slice())));
    }
}

#[test]
fn tiles_grow_past_their_width_and_are_served_as_prefixes() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let mut heads = vec![TreeHead::EMPTY];
    for sequence in 0..600 {
        store.accept(sequence, &[accepted(sequence, 0)]).unwrap();
        heads.push(seal(&store, vec![waiting(sequence, 0)]));
    }
    // Every head ever sealed can be recomputed from what is stored now.
    for head in &heads {
        assert_eq!(Edge::load(&store, head).unwrap().head(), *head);
    }
    let level = TileKind::Hashes(TileLevel::new(0).unwrap());
    let full = store.tile(TilePath::new(level, 1, 256).unwrap()).unwrap().unwrap();
    let part = store.tile(TilePath::new(level, 1, 17).unwrap()).unwrap().unwrap();
    assert_eq!(full[..17 * 32], part[..]);
    assert_eq!(store.tile(TilePath::new(level, 2, 89).unwrap()).unwrap(), None);
    assert!(store.tile(TilePath::new(TileKind::Entries, 2, 88).unwrap()).unwrap().is_some());
    assert_eq!(store.tile(TilePath::new(TileKind::Entries, 2, 89).unwrap()).unwrap(), None);
}

#[test]
fn checkpoints_keep_the_first_cosignature_of_each_key() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    store.accept(0, &[accepted(0, 0)]).unwrap();
    let head = seal(&store, vec![waiting(0, 0)]);
    assert_eq!(store.checkpoint(head.size).unwrap(), None);
    store.keep_signed(head.size, &signed(head)).unwrap();
    assert!(!store.is_published(head.size).unwrap());
    assert_eq!(store.first_published_over(0).unwrap(), None);
    store.publish(head.size, &[line(1, 10)]).unwrap();
    store.keep_cosignatures(head.size, &[line(1, 11), line(2, 20)]).unwrap();
    let lines = store.checkpoint(head.size).unwrap().unwrap().signatures()[1..].to_vec();
    assert_eq!(lines, [line(1, 10), line(2, 20)]);
    assert_eq!(store.first_published_over(0).unwrap(), Some(head.size));
    assert_eq!(store.first_published_over(1).unwrap(), None);
    let loaded = store.load().unwrap();
    assert_eq!((loaded.signed, loaded.published), (Some(signed(head)), Some(head.size)));
}

#[test]
fn a_refresh_is_kept_until_the_next_publication() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    store.keep_signed(TreeSize::ZERO, &signed(TreeHead::EMPTY)).unwrap();
    store.keep_refreshed(&signed(TreeHead::EMPTY)).unwrap();
    assert_eq!(store.load().unwrap().refreshed, Some(signed(TreeHead::EMPTY)));
    store.publish(TreeSize::ZERO, &[]).unwrap();
    assert_eq!(store.load().unwrap().refreshed, None);
}

#[test]
fn a_closed_window_leaves_no_byte_of_the_commitments_in_any_file() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let secret = [*hash::sha256(b"a commitment that must go").as_bytes()];
    let submission = Accepted { root: root(0), small: Some(secret.to_vec().into()) };
    store.accept(0, &[submission, accepted(1, 1)]).unwrap();
    seal(&store, vec![amid(0, 1)]);
    seal(&store, vec![waiting(1, 1)]);
    assert!(holds(&dir, &secret[0]), "the test looks in the wrong place");
    // RocksDB deletes files on a thread of its own.
    let begun = Instant::now();
    while !store.close_window(1).unwrap() {
        assert!(begun.elapsed() < Duration::from_secs(60), "its files stay");
    }
    assert!(!holds(&dir, &secret[0]));
    assert_eq!(store.small(0, &root(0)).unwrap(), None);
    assert!(store.small(1, &root(1)).unwrap().is_some(), "the next entry's are kept");
    assert_eq!(store.load().unwrap().window_closed, 1);
}

fn holds(dir: &tempfile::TempDir, bytes: &[u8; 32]) -> bool {
    std::fs::read_dir(dir.path()).unwrap().any(|file| {
        let content = std::fs::read(file.unwrap().path()).unwrap_or_default();
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}

#[test]
fn dropped_batches_are_gone_and_their_receipts_rows_stay() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    for sequence in 0..3 {
        store.accept(sequence, &[accepted(sequence, 0)]).unwrap();
        seal(&store, vec![waiting(sequence, 0)]);
    }
    store.drop_batches(2).unwrap();
    let leaf = TilePath::new(TileKind::Hashes(TileLevel::LEAVES), 0, 1).unwrap();
    assert_eq!(store.batch_tile(1, leaf).unwrap(), None);
    assert!(store.batch_tile(2, leaf).unwrap().is_some());
    assert!(store.position(&root(1), 0).unwrap().is_some());
    assert_eq!(store.load().unwrap().retained_from, 2);
}

#[test]
fn only_one_process_and_only_the_same_log_may_have_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let again = RocksStore::open(dir.path(), &origin(), 1 << 20);
    assert!(matches!(again, Err(StoreError::InUse { .. })), "{again:?}");
    drop(store);
    let other = RocksStore::open(dir.path(), &Origin::new("other.example").unwrap(), 1 << 20);
    assert!(matches!(other, Err(StoreError::OtherOrigin { .. })), "{other:?}");
}

#[test]
fn nothing_is_written_after_the_store_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    store.close();
    assert!(matches!(store.accept(0, &[accepted(0, 0)]), Err(StoreError::Closed)));
    drop(store);
    assert!(open(&dir).load().unwrap().waiting.is_empty());
}

#[test]
fn a_damaged_log_is_refused_rather_than_cut() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    for sequence in 0..50 {
        store.accept(sequence, &[accepted(sequence, 0)]).unwrap();
    }
    drop(store);
    let wal = std::fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().path());
    let wal = wal
        .filter(|path| path.extension().is_some_and(|e| e == "log"))
        .max_by_key(|p| p.metadata().unwrap().len());
    let wal = wal.unwrap();
    let mut bytes = std::fs::read(&wal).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&wal, bytes).unwrap();
    let opened = RocksStore::open(dir.path(), &origin(), 1 << 20);
    assert!(matches!(opened, Err(StoreError::Damaged { .. })), "{opened:?}");
}

#[test]
fn a_last_write_that_a_power_cut_tore_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    for sequence in 0..50 {
        store.accept(sequence, &[accepted(sequence, 0)]).unwrap();
    }
    drop(store);
    let logs = std::fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().path());
    let logs = logs.filter(|path| path.extension().is_some_and(|e| e == "log"));
    let wal = logs.max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let mut bytes = std::fs::read(&wal).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&wal, bytes).unwrap();
    let waiting = open(&dir).load().unwrap().waiting;
    assert_eq!(waiting.len(), 49);
}
