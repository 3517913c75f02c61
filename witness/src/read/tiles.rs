//! A log's tree out of its tiles, each authenticated against its parents before anything of it is used.
//!
//! The right-hand edge's tiles hash to the signed root; a full tile hashes to its place in the tile above it. So a
//! wrong tile is found where it is, and nothing rests on a tile that no one checked (CVE-2026-56865).
//!
//! Memory: tiles of the edge and of the way to where the reader is, 8 KiB each ([`Tiles::forget`]).

use std::collections::HashMap;

use futures_util::future::try_join_all;
use treering_tlog::{
    hash::Hash,
    tile::{TILE_HEIGHT, TILE_WIDTH, TileKind, TileLevel, TilePath, locate, split_hashes, tiles_with},
    tree::{self, NodeId, NodeReader, TreeHead, inclusion_nodes, peaks, prove_inclusion, root_from},
};

use super::{fetch::FetchError, source::Source};
use crate::evidence::{Served, around, cover, fold};

/// Why the tree can't be read.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// No answer, or none that can be used.
    Fetch { path: String, error: FetchError },
    /// A tile that isn't the tree's: what evidence of it needs.
    Wrong { tile: String, served: Vec<Served>, hashes: Vec<Hash> },
}

/// The tree of one head.
#[derive(Debug)]
pub(crate) struct Tiles<'s> {
    source: &'s Source,
    head: TreeHead,
    /// INVARIANT: each tile in here was authenticated. Empty before the edge was read.
    known: HashMap<TilePath, Vec<Hash>>,
}

impl<'s> Tiles<'s> {
    pub(crate) fn new(source: &'s Source, head: TreeHead) -> Tiles<'s> {
        Tiles { source, head, known: HashMap::new() }
    }

    pub(crate) fn head(&self) -> TreeHead {
        self.head
    }

    /// The hashes of these nodes of the tree.
    pub(crate) async fn nodes(&mut self, nodes: &[NodeId]) -> Result<Vec<Hash>, Trouble> {
        for tile in tiles_with(nodes, self.head.size) {
            self.tile(tile).await?;
        }
        self.read(nodes).map_err(missing)
    }

    /// The inclusion proof of a leaf.
    pub(crate) async fn inclusion(&mut self, index: u64) -> Result<Vec<Hash>, Trouble> {
        let Some(leaf) = self.head.size.leaf(index) else { return Ok(Vec::new()) };
        for tile in tiles_with(&inclusion_nodes(leaf, self.head.size), self.head.size) {
            self.tile(tile).await?;
        }
        let size = self.head.size;
        prove_inclusion(self, leaf, size).map_err(missing)
    }

    /// Is `small`, of at most this size, another tree's head than that of this tree's first leaves? Then the hashes
    /// that show it: those of `peaks` and `cover`.
    pub(crate) async fn contradicts(&mut self, small: TreeHead) -> Result<Option<Vec<Hash>>, Trouble> {
        // Every tree begins with the empty one; that its root is right, the checkpoint's opening has seen to.
        if small.size.is_zero() {
            return Ok(None);
        }
        let nodes = [peaks(small.size), cover(small.size, self.head.size)].concat();
        let hashes = self.nodes(&nodes).await?;
        let first = fold(small.size, self.head.size, &hashes).map(|(first, _)| first);
        Ok((first != Some(small)).then_some(hashes))
    }

    /// A tile of hashes, authenticated.
    pub(crate) async fn tile(&mut self, tile: TilePath) -> Result<&[Hash], Trouble> {
        if self.known.is_empty() {
            self.read_edge().await?;
        }
        // The tiles above that aren't known yet, the lowest first.
        let mut way = Vec::new();
        let mut at = Some(tile);
        while let Some(tile) = at.filter(|tile| !self.known.contains_key(tile)) {
            way.push(tile);
            at = self.parent(tile).map(|(parent, _)| parent);
        }
        let bytes = try_join_all(way.iter().map(|tile| self.fetch(*tile))).await?;
        for (tile, bytes) in way.into_iter().zip(bytes).rev() {
            self.authenticate(tile, bytes)?;
        }
        Ok(self.known.get(&tile).map_or(&[], Vec::as_slice))
    }

    /// Takes a full tile that was fetched elsewhere; a partial one is the edge's and known already.
    pub(crate) async fn accept(&mut self, tile: TilePath, bytes: Vec<u8>) -> Result<&[Hash], Trouble> {
        if let Some((parent, _)) = self.parent(tile) {
            self.tile(parent).await?;
            self.authenticate(tile, bytes)?;
            return Ok(self.known.get(&tile).map_or(&[], Vec::as_slice));
        }
        self.tile(tile).await
    }

    /// Drops what is not on the edge and below `level`.
    pub(crate) fn forget(&mut self, level: u8) {
        self.known.retain(|tile, _| {
            !tile.is_full() || matches!(tile.kind(), TileKind::Hashes(at) if at.get() >= level)
        });
    }

    /// The tiles of the tree's peaks, which have to hash to the signed root.
    async fn read_edge(&mut self) -> Result<(), Trouble> {
        let edge = tiles_with(&peaks(self.head.size), self.head.size);
        let bytes = try_join_all(edge.iter().map(|tile| self.fetch(*tile))).await?;
        let hashes = edge.iter().zip(&bytes).map(|(tile, bytes)| split_hashes(bytes, tile.width()));
        if let Ok(hashes) = hashes.collect::<Result<Vec<_>, _>>() {
            self.known = edge.iter().copied().zip(hashes).collect();
            let size = self.head.size;
            if root_from(self, size) == Ok(self.head.root) {
                return Ok(());
            }
            self.known.clear();
        }
        let served = edge.iter().zip(bytes).map(|(tile, bytes)| Served { path: tile.to_string(), bytes });
        let tile = edge.first().map(TilePath::to_string).unwrap_or_default();
        Err(Trouble::Wrong { tile, served: served.collect(), hashes: Vec::new() })
    }

    /// Holds a full tile against its parent, which is known.
    fn authenticate(&mut self, tile: TilePath, bytes: Vec<u8>) -> Result<(), Trouble> {
        let above = self.parent(tile).and_then(|(parent, place)| Some(*self.known.get(&parent)?.get(place)?));
        match split_hashes(&bytes, tile.width()) {
            Ok(hashes) if above == Some(tree::root(&hashes)) => {
                self.known.insert(tile, hashes);
                Ok(())
            }
            _ => {
                let nodes = node_over(tile).map(|node| around(node, self.head.size)).unwrap_or_default();
                // All of them stand above the tile or on the edge, so they are known.
                let hashes = self.read(&nodes).map_err(missing)?;
                let path = tile.to_string();
                Err(Trouble::Wrong { tile: path.clone(), served: vec![Served { path, bytes }], hashes })
            }
        }
    }

    /// Where the hash over a full tile stands.
    fn parent(&self, tile: TilePath) -> Option<(TilePath, usize)> {
        let place = locate(node_over(tile)?, self.head.size)?;
        Some((place.tile, usize::from(place.offset)))
    }

    async fn fetch(&self, tile: TilePath) -> Result<Vec<u8>, Trouble> {
        let fetched = self.source.tile(tile).await;
        fetched.map_err(|error| Trouble::Fetch { path: tile.to_string(), error })
    }
}

/// A node whose tile isn't known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotRead(NodeId);

impl NodeReader for Tiles<'_> {
    type Error = NotRead;

    fn read(&mut self, nodes: &[NodeId]) -> Result<Vec<Hash>, NotRead> {
        let read = |&node: &NodeId| {
            let place = locate(node, self.head.size)?;
            let first = usize::from(place.offset);
            let hashes = self.known.get(&place.tile)?.get(first..first + (1 << place.height))?;
            Some(tree::root(hashes))
        };
        nodes.iter().map(|node| read(node).ok_or(NotRead(*node))).collect()
    }
}

/// A tile of level L spans the leaves of one node eight levels above.
pub(crate) fn node_over(tile: TilePath) -> Option<NodeId> {
    let TileKind::Hashes(level) = tile.kind() else { return None };
    let above = level.get().checked_add(1)?.checked_mul(TILE_HEIGHT)?;
    tile.is_full().then_some(NodeId { level: above, index: tile.index() })
}

/// The tile of leaf hashes `index`, or the bundle of its entries, as wide as a tree of this head has it.
pub(crate) fn leaf_tile(kind: TileKind, index: u64, head: TreeHead) -> Option<TilePath> {
    let left = head.size.get().checked_sub(index * u64::from(TILE_WIDTH))?;
    let width = u16::try_from(left.min(u64::from(TILE_WIDTH))).ok()?;
    TilePath::new(kind, index, width)
}

pub(crate) const LEAVES: TileKind = TileKind::Hashes(TileLevel::LEAVES);

/// Every node that is read has its tile fetched before; were one forgotten, nothing would be shown and nothing signed.
fn missing(node: NotRead) -> Trouble {
    let path = format!("node {} of level {}", node.0.index, node.0.level);
    Trouble::Fetch { path, error: FetchError::Unreachable("its tile was not read".to_owned()) }
}
