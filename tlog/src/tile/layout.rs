//! Which tiles a tree has, and which of them a node is in: arithmetic only.

use std::collections::BTreeSet;

use super::{
    TILE_HEIGHT, TILE_WIDTH,
    path::{TileKind, TileLevel, TilePath},
};
use crate::tree::{NodeId, TreeSize};

/// The tiles of this kind (the hash tiles of this one level, or the entry bundles) of a tree of `size`, left to
/// right; the last is partial where the size makes it so.
pub fn tiles_of(size: TreeSize, kind: TileKind) -> impl Iterator<Item = TilePath> {
    let hashes = kind.level().hashes(size);
    // `within` holds for each of them, so `new` refuses none.
    (0..hashes.div_ceil(WIDTH)).filter_map(move |index| TilePath::new(kind, index, width_of(index, hashes)?))
}

/// All tiles of a tree of `size`: entry bundles, then the hash tiles of every level upward.
pub fn all_tiles(size: TreeSize) -> impl Iterator<Item = TilePath> {
    let levels = (0..8).filter_map(TileLevel::new).map(TileKind::Hashes);
    std::iter::once(TileKind::Entries).chain(levels).flat_map(move |kind| tiles_of(size, kind))
}

/// The tiles that these nodes of a tree of `size` are in, each once, so that they can be fetched at once; nodes
/// outside of that tree are in none.
pub fn tiles_with(nodes: &[NodeId], size: TreeSize) -> Vec<TilePath> {
    let tiles: BTreeSet<TilePath> =
        nodes.iter().filter_map(|&node| locate(node, size)).map(|place| place.tile).collect();
    tiles.into_iter().collect()
}

/// The tile that holds a node and is as wide as a tree of `size` allows; the node's hash is the root of
/// `1 << height` hashes from `offset` in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeInTile {
    /// The tile, partial or full as the tree's size says.
    pub tile: TilePath,
    /// The place of the first hash.
    pub offset: u16,
    /// How far the node stands above the tile's hashes, 0 to 7.
    pub height: u8,
}

/// Where a node is; `None` unless all its leaves are in a tree of `size`.
pub fn locate(node: NodeId, size: TreeSize) -> Option<NodeInTile> {
    if !node.within(size) {
        return None;
    }
    // SPEC: tlog-tiles, Merkle Tree: tiles hold every eighth level; those between are hashed from the one below.
    // A complete subtree of a multiple of 8 levels is in the tile above, however narrow that is.
    let level = TileLevel::new(node.level / TILE_HEIGHT)?;
    let height = node.level % TILE_HEIGHT;
    let first = node.index << height;
    let index = first / WIDTH;
    let tile = TilePath::new(TileKind::Hashes(level), index, width_of(index, level.hashes(size))?)?;
    let offset = u16::try_from(first % WIDTH).ok()?;
    Some(NodeInTile { tile, offset, height })
}

/// How wide tile `index` is on a level of so many hashes.
fn width_of(index: u64, hashes: u64) -> Option<u16> {
    u16::try_from(hashes.checked_sub(index * WIDTH)?.min(WIDTH)).ok()
}

const WIDTH: u64 = TILE_WIDTH as u64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{NodeInTile, all_tiles, locate, tiles_of, tiles_with};
    use crate::{
        tile::{TileKind, TileLevel, TilePath},
        tree::{NodeId, TreeSize, peaks},
    };

    fn size(n: u64) -> TreeSize {
        TreeSize::new(n).unwrap()
    }

    fn path(text: &str) -> TilePath {
        TilePath::parse(text).unwrap()
    }

    fn node(level: u8, index: u64) -> NodeId {
        NodeId { level, index }
    }

    #[test]
    fn the_specifications_example() {
        let count = |level| tiles_of(size(70_000), TileKind::Hashes(TileLevel::new(level).unwrap())).count();
        assert_eq!([count(0), count(1), count(2), count(3)], [274, 2, 1, 0]);
        let partial: Vec<_> = all_tiles(size(70_000)).filter(|tile| !tile.is_full()).collect();
        let want = ["tile/entries/273.p/112", "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"];
        assert_eq!(partial, want.map(path));
    }

    #[test]
    fn a_full_tile_has_a_parent_of_width_1() {
        let want = ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"];
        assert_eq!(all_tiles(size(256)).collect::<Vec<_>>(), want.map(path));
        assert_eq!(all_tiles(TreeSize::ZERO).count(), 0);
        assert_eq!(tiles_of(TreeSize::MAX, TileKind::Hashes(TileLevel::new(7).unwrap())).count(), 1);
        assert_eq!(tiles_of(TreeSize::MAX, TileKind::Hashes(TileLevel::new(63).unwrap())).count(), 0);
    }

    #[test]
    fn nodes_are_in_the_tile_below_them() {
        let at = |tile, offset, height| Some(NodeInTile { tile: path(tile), offset, height });
        assert_eq!(locate(node(0, 0), size(1)), at("tile/0/000.p/1", 0, 0));
        assert_eq!(locate(node(7, 1), size(256)), at("tile/0/000", 128, 7));
        assert_eq!(locate(node(8, 0), size(256)), at("tile/1/000.p/1", 0, 0));
        assert_eq!(locate(node(8, 272), size(70_000)), at("tile/1/001.p/17", 16, 0));
        assert_eq!(locate(node(12, 16), size(70_000)), at("tile/1/001.p/17", 0, 4));
        assert_eq!(locate(node(16, 0), size(70_000)), at("tile/2/000.p/1", 0, 0));
        assert_eq!(locate(node(62, 0), TreeSize::MAX), at("tile/7/000.p/127", 0, 6));
        assert_eq!(locate(node(0, TreeSize::MAX.get() - 1), TreeSize::MAX).unwrap().offset, 254);
    }

    #[test]
    fn nodes_that_are_not_complete_are_nowhere() {
        for (node, size) in
            [(node(0, 1), 1), (node(1, 0), 1), (node(8, 0), 255), (node(64, 0), 9), (node(0, u64::MAX), 9)]
        {
            assert_eq!(locate(node, TreeSize::new(size).unwrap()), None);
        }
    }

    #[test]
    fn each_tile_is_named_once() {
        let nodes = [node(0, 3), node(0, 7), node(3, 0), node(0, 300), node(0, 700)];
        assert_eq!(tiles_with(&nodes, size(400)), ["tile/0/000", "tile/0/001.p/144"].map(path));
    }

    proptest! {
        #[test]
        fn peaks_are_in_tiles_of_the_tree(n in 0..=TreeSize::MAX.get()) {
            let size = size(n);
            for peak in peaks(size) {
                let place = locate(peak, size).unwrap();
                prop_assert!(place.tile.within(size));
                prop_assert!(place.offset + (1 << place.height) <= place.tile.width());
            }
        }

        #[test]
        fn every_tile_is_within_and_no_wider_one_is(n in 0_u64..200_000) {
            for tile in all_tiles(size(n)) {
                prop_assert!(tile.within(size(n)));
                let wider = TilePath::new(tile.kind(), tile.index(), tile.width() + 1);
                prop_assert!(wider.is_none_or(|wider| !wider.within(size(n))));
            }
        }
    }
}
