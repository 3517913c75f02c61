//! Nodes of a tree out of its tiles.

use std::{collections::HashMap, fmt};

use super::{
    TileError,
    layout::{NodeInTile, locate},
    path::TilePath,
};
use crate::{
    hash::Hash,
    tree::{self, NodeId, NodeReader, TreeSize},
};

/// Reads nodes out of tiles that `fetch` brings (exactly `32 * width` bytes each). Does NOT authenticate tiles:
/// check the result against a signed root. Each tile is fetched once per reader.
pub struct TileReader<F> {
    size: TreeSize,
    fetch: F,
    // INVARIANT: as many hashes as the tile is wide.
    tiles: HashMap<TilePath, Vec<Hash>>,
}

impl<F> fmt::Debug for TileReader<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TileReader").field("size", &self.size).finish_non_exhaustive()
    }
}

impl<E: From<TileError>, F: FnMut(TilePath) -> Result<Vec<u8>, E>> TileReader<F> {
    /// Of a tree of `size`: the tiles asked for are those of that size, partial ones as wide as it makes them.
    pub fn new(size: TreeSize, fetch: F) -> Self {
        TileReader { size, fetch, tiles: HashMap::new() }
    }

    fn node(&mut self, node: NodeId) -> Result<Hash, E> {
        let NodeInTile { tile, offset, height } =
            locate(node, self.size).ok_or(TileError::MissingNode(node))?;
        let first = usize::from(offset);
        let hashes = self.tile(tile)?;
        Ok(tree::root(&hashes[first..first + (1 << height)]))
    }

    fn tile(&mut self, tile: TilePath) -> Result<&[Hash], E> {
        if !self.tiles.contains_key(&tile) {
            let bytes = (self.fetch)(tile)?;
            self.tiles.insert(tile, split_hashes(&bytes, tile.width())?);
        }
        Ok(&self.tiles[&tile])
    }
}

impl<E: From<TileError>, F: FnMut(TilePath) -> Result<Vec<u8>, E>> NodeReader for TileReader<F> {
    type Error = E;

    fn read(&mut self, nodes: &[NodeId]) -> Result<Vec<Hash>, E> {
        nodes.iter().map(|&node| self.node(node)).collect()
    }
}

/// The hashes of a tile's bytes.
///
/// # Errors
/// [`TileError::Length`] unless there are exactly 32 bytes for each of `width` hashes.
pub fn split_hashes(tile: &[u8], width: u16) -> Result<Vec<Hash>, TileError> {
    let want = usize::from(width) * Hash::LEN;
    let (hashes, rest) = tile.as_chunks();
    if tile.len() != want || !rest.is_empty() {
        return Err(TileError::Length { want, got: tile.len() });
    }
    Ok(hashes.iter().copied().map(Hash::new).collect())
}
