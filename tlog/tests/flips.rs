//! Verifier soundness of what a reader builds on: each byte of each tile and entry bundle of a log changed in turn. What
//! is read out of them still leads to the signed root, or it is refused: no wrong leaf or entry is ever taken for right.
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
    fn new() -> Served {
        let leaves: Vec<Hash> = (0..SIZE).map(|n| leaf_hash(&entry(n))).collect();
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
        let tiles = all_tiles(size(SIZE)).map(|tile| (tile, bytes(tile))).collect();
        let head = TreeHead { size: size(SIZE), root: root_from(&mut &tree, size(SIZE)).unwrap() };
        Served { leaves, tiles, head }
    }

    /// A reader who is given one changed byte.
    fn reader(
        &self,
        changed: TilePath,
        at: usize,
    ) -> TileReader<impl FnMut(TilePath) -> Result<Vec<u8>, TileError>> {
        TileReader::new(self.head.size, move |wanted| {
            let (_, bytes) = self.tiles.iter().find(|(tile, _)| *tile == wanted).ok_or(TileError::Path)?;
            let mut bytes = bytes.clone();
            if wanted == changed {
                bytes[at] ^= 1 << (at % 8);
            }
            Ok(bytes)
        })
    }

    /// What a careful reader does: the leaf and its proof out of the tiles, held against the signed root.
    fn leaf(&self, changed: TilePath, at: usize, index: u64) -> Option<Hash> {
        let mut reader = self.reader(changed, at);
        let leaf = reader.read(&[NodeId { level: 0, index }]).unwrap()[0];
        let proof =
            prove_inclusion(&mut reader, self.head.size.leaf(index).unwrap(), self.head.size).unwrap();
        verify_inclusion(&leaf, index, &self.head, &proof).ok().map(|()| leaf)
    }
}

#[test]
fn no_changed_byte_of_a_tile_gives_a_wrong_leaf() {
    let served = Served::new();
    let mut tried = 0;
    for (tile, bytes) in &served.tiles {
        let TileKind::Hashes(level) = tile.kind() else { continue };
        for at in 0..bytes.len() {
            let index = tile.index() * 256 + (at / Hash::LEN) as u64;
            if level == TileLevel::LEAVES {
                assert_eq!(served.leaf(*tile, at, index), None, "byte {at} of {tile} was taken for right");
            }
            // Its neighbour, whose proof it is in, and one far away, whose proof may do without it.
            for other in [index ^ 1, (index + SIZE / 2) % SIZE] {
                let leaf = served.leaf(*tile, at, other.min(SIZE - 1));
                let genuine = served.leaves[usize::try_from(other.min(SIZE - 1)).unwrap()];
                assert!(leaf.is_none_or(|leaf| leaf == genuine), "byte {at} of {tile}, leaf {other}");
            }
            tried += 1;
        }
    }
    assert_eq!(tried, (300 + 1) * Hash::LEN);
}

/// A head that grew is believed only with a proof that leads to both roots: no changed byte makes it lead to others.
#[test]
fn no_changed_byte_of_a_tile_makes_another_history_consistent() {
    let served = Served::new();
    let tree = MemoryTree::new(served.leaves.clone());
    let old = TreeHead { size: size(257), root: root_from(&mut &tree, size(257)).unwrap() };
    let genuine = prove_consistency(&mut &tree, old.size, served.head.size).unwrap();
    for (tile, bytes) in served.tiles.iter().filter(|(tile, _)| tile.kind() != TileKind::Entries) {
        for at in 0..bytes.len() {
            let proof = prove_consistency(&mut served.reader(*tile, at), old.size, served.head.size).unwrap();
            let verified = verify_consistency(&old, &served.head, &proof).is_ok();
            assert_eq!(verified, proof == genuine, "byte {at} of {tile}");
        }
    }
}

#[test]
fn no_changed_byte_of_an_entry_bundle_gives_a_wrong_entry() {
    let served = Served::new();
    for (tile, bytes) in served.tiles.iter().filter(|(tile, _)| tile.kind() == TileKind::Entries) {
        let level_0 = TilePath::new(TileKind::Hashes(TileLevel::LEAVES), tile.index(), tile.width()).unwrap();
        let (_, hashes) = served.tiles.iter().find(|(tile, _)| *tile == level_0).unwrap();
        let hashes = split_hashes(hashes, tile.width()).unwrap();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
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
