//! Verifier soundness of what a reader builds on: each byte of each tile and entry bundle of a log changed in turn, each cut
//! off at each place, each in the place of each other. What is read out of them still leads to the signed root, or it is
//! refused: no wrong leaf or entry is ever taken for right.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic, too")]

use treering_tlog::{
    hash::{Hash, leaf_hash},
    tile::{
        TileError, TileKind, TileLevel, TilePath, TileReader, all_tiles, append_entry, split_entries,
        split_hashes,
    },
    tree::{
        MemoryTree, NodeId, NodeReader, TreeHead, TreeSize, prove_consistency, prove_inclusion, root_from,
        verify_consistency, verify_inclusion,
    },
};

/// A full tile of leaves, a partial one, and the one above them.
const SIZE: u64 = 300;
/// Two full ones, so that one can take the other's place.
const LARGER: u64 = 600;

/// A log's tiles and entry bundles as a server has them, and its signed head.
struct Served {
    leaves: Vec<Hash>,
    tiles: Vec<(TilePath, Vec<u8>)>,
    head: TreeHead,
}

fn size(n: u64) -> TreeSize {
    TreeSize::new(n).unwrap()
}

fn entry(n: u64) -> Vec<u8> {
    format!("entry {n}").into_bytes()
}

impl Served {
    fn new(entries: u64) -> Served {
        let leaves: Vec<Hash> = (0..entries).map(|n| leaf_hash(&entry(n))).collect();
        let tree = MemoryTree::new(leaves.clone());
        let bytes = |tile: TilePath| {
            let first = tile.index() * 256;
            let range = first..first + u64::from(tile.width());
            match tile.kind() {
                TileKind::Entries => {
                    let mut bundle = Vec::new();
                    range.for_each(|n| append_entry(&mut bundle, &entry(n)).unwrap());
                    bundle
                }
                TileKind::Hashes(level) => {
                    let nodes: Vec<NodeId> =
                        range.map(|index| NodeId { level: 8 * level.get(), index }).collect();
                    (&tree).read(&nodes).unwrap().iter().flat_map(|hash| *hash.as_bytes()).collect()
                }
            }
        };
        let tiles = all_tiles(size(entries)).map(|tile| (tile, bytes(tile))).collect();
        let head = TreeHead { size: size(entries), root: root_from(&mut &tree, size(entries)).unwrap() };
        Served { leaves, tiles, head }
    }

    /// The tiles of hashes; with `entries` the bundles.
    fn tiles(&self, entries: bool) -> impl Iterator<Item = (TilePath, &[u8])> {
        let tiles = self.tiles.iter().map(|(tile, bytes)| (*tile, &bytes[..]));
        tiles.filter(move |(tile, _)| (tile.kind() == TileKind::Entries) == entries)
    }

    /// A reader who is given something else in the place of one tile.
    fn reader(
        &self,
        place: TilePath,
        given: &[u8],
    ) -> TileReader<impl FnMut(TilePath) -> Result<Vec<u8>, TileError>> {
        TileReader::new(self.head.size, move |wanted| {
            let (_, bytes) = self.tiles.iter().find(|(tile, _)| *tile == wanted).ok_or(TileError::Path)?;
            Ok(if wanted == place { given.to_vec() } else { bytes.clone() })
        })
    }

    /// What a careful reader does: the leaf and its proof out of the tiles, held against the signed root.
    fn leaf(&self, place: TilePath, given: &[u8], index: u64) -> Option<Hash> {
        let mut reader = self.reader(place, given);
        let leaf = reader.read(&[NodeId { level: 0, index }]).ok()?[0];
        let proof = prove_inclusion(&mut reader, self.head.size.leaf(index).unwrap(), self.head.size).ok()?;
        verify_inclusion(&leaf, index, &self.head, &proof).ok().map(|()| leaf)
    }

    /// The leaves' hashes that a bundle of entries is held against.
    fn hashes(&self, bundle: TilePath) -> Vec<Hash> {
        let (_, bytes) = self.tiles(false).find(|(tile, _)| is_in(*tile, bundle.index() * 256)).unwrap();
        split_hashes(bytes, bundle.width()).unwrap()
    }

    fn genuine(&self, index: u64) -> Hash {
        self.leaves[usize::try_from(index).unwrap()]
    }

    /// A head that this tree once had.
    fn earlier(&self, n: u64) -> TreeHead {
        let tree = MemoryTree::new(self.leaves.clone());
        TreeHead { size: size(n), root: root_from(&mut &tree, size(n)).unwrap() }
    }

    /// A head that grew is believed only with a proof that leads to both roots, and there is one such proof.
    #[track_caller]
    fn assert_one_history(&self, old: &TreeHead, place: TilePath, given: &[u8]) {
        let tree = MemoryTree::new(self.leaves.clone());
        let genuine = prove_consistency(&mut &tree, old.size, self.head.size).unwrap();
        let proof = prove_consistency(&mut self.reader(place, given), old.size, self.head.size);
        let Ok(proof) = proof else { return };
        let verified = verify_consistency(old, &self.head, &proof).is_ok();
        assert_eq!(verified, proof == genuine, "{place}, from {}", old.size.get());
    }
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1 << (at % 8);
    bytes
}

/// Is this leaf read out of this tile?
fn is_in(tile: TilePath, index: u64) -> bool {
    tile.kind() == TileKind::Hashes(TileLevel::LEAVES) && index / 256 == tile.index()
}

#[test]
fn no_changed_byte_of_a_tile_gives_a_wrong_leaf() {
    let served = Served::new(SIZE);
    let mut tried = 0;
    for (tile, bytes) in served.tiles(false) {
        for at in 0..bytes.len() {
            let given = flipped(bytes, at);
            let index = tile.index() * 256 + (at / Hash::LEN) as u64;
            if is_in(tile, index) {
                assert_eq!(served.leaf(tile, &given, index), None, "byte {at} of {tile} was taken for right");
            }
            // Its neighbour, whose proof it is in, and one far away, whose proof may do without it.
            for other in [index ^ 1, (index + SIZE / 2) % SIZE] {
                let other = other.min(SIZE - 1);
                let leaf = served.leaf(tile, &given, other);
                assert!(
                    leaf.is_none_or(|leaf| leaf == served.genuine(other)),
                    "byte {at} of {tile}, leaf {other}"
                );
            }
            tried += 1;
        }
    }
    assert_eq!(tried, (300 + 1) * Hash::LEN);
}

#[test]
fn no_changed_byte_of_a_tile_makes_another_history_consistent() {
    let served = Served::new(SIZE);
    let old = served.earlier(257);
    for (tile, bytes) in served.tiles(false) {
        for at in 0..bytes.len() {
            served.assert_one_history(&old, tile, &flipped(bytes, at));
        }
    }
}

#[test]
fn a_tile_that_is_cut_off_or_too_long_gives_no_leaf_and_no_history() {
    let served = Served::new(SIZE);
    let old = served.earlier(257);
    for (tile, bytes) in served.tiles(false) {
        let longer = [bytes, &[0; Hash::LEN][..]].concat();
        for length in (0..=longer.len()).filter(|length| *length != bytes.len()) {
            let given = &longer[..length];
            let first = tile.index() * 256;
            for index in [first, first + u64::from(tile.width()) - 1] {
                let leaf = served.leaf(tile, given, index);
                let may_be = !is_in(tile, index) && leaf == Some(served.genuine(index));
                assert!(leaf.is_none() || may_be, "{length} bytes of {tile}, leaf {index}");
            }
            served.assert_one_history(&old, tile, given);
        }
    }
}

/// Each hash in it was signed once; only its place is wrong.
#[test]
fn a_tile_in_anothers_place_gives_no_wrong_leaf_and_no_other_history() {
    let served = Served::new(LARGER);
    let (earlier, mut tried) = ([200, 256, 257, 512, 599].map(|n| served.earlier(n)), 0);
    for (place, own) in served.tiles(false) {
        for (tile, other) in served.tiles(false).filter(|(tile, _)| *tile != place) {
            // Of a full tile the beginning, in the place of a partial one.
            let given = &other[..other.len().min(own.len())];
            for index in 0..LARGER {
                let leaf = served.leaf(place, given, index);
                let may_be = !is_in(place, index) && leaf == Some(served.genuine(index));
                assert!(leaf.is_none() || may_be, "{tile} in the place of {place}, leaf {index}");
            }
            earlier.iter().for_each(|old| served.assert_one_history(old, place, given));
            tried += usize::from(given.len() == own.len());
        }
    }
    // Of the two full tiles each in the other's place and in those of both partial ones, and one of the partial ones in the
    // other's.
    assert_eq!(tried, 2 + 2 * 2 + 1);
}

#[test]
fn no_changed_byte_of_an_entry_bundle_gives_a_wrong_entry() {
    let served = Served::new(SIZE);
    for (tile, bytes) in served.tiles(true) {
        let hashes = served.hashes(tile);
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.to_vec();
                changed[at] ^= 1 << bit;
                let Ok(entries) = split_entries(&changed, tile.width()) else { continue };
                let right =
                    entries.iter().zip(&hashes).filter(|(entry, hash)| leaf_hash(entry) == **hash).count();
                assert!(
                    right < hashes.len(),
                    "bit {bit} of byte {at} of {tile}: every entry is taken for right"
                );
                // An entry that is taken for right is the genuine one.
                let first = tile.index() * 256;
                for (n, (changed, hash)) in (first..).zip(entries.into_iter().zip(&hashes)) {
                    assert_eq!(leaf_hash(changed) == *hash, changed == entry(n));
                }
            }
        }
    }
}

#[test]
fn an_entry_bundle_that_is_cut_off_or_in_anothers_place_gives_no_wrong_entry() {
    let served = Served::new(LARGER);
    for (tile, bytes) in served.tiles(true) {
        let longer = [bytes, &[0, 0][..]].concat();
        for length in (0..=longer.len()).filter(|length| *length != bytes.len()) {
            assert!(split_entries(&longer[..length], tile.width()).is_err(), "{length} bytes of {tile}");
        }
        let hashes = served.hashes(tile);
        for (other, bytes) in served.tiles(true).filter(|(other, _)| *other != tile) {
            let Ok(entries) = split_entries(bytes, tile.width()) else {
                assert_ne!(other.width(), tile.width());
                continue;
            };
            let right =
                entries.iter().zip(&hashes).filter(|(entry, hash)| leaf_hash(entry) == **hash).count();
            assert_eq!(right, 0, "entries of {other} in the place of {tile}");
        }
    }
}
