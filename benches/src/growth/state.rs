//! The store of a log that looks as if it had run for long.
//!
//! A log appends with nothing but the right-hand edge of its tree: the last tile of each level, and the last entry
//! bundle. Up to [`COMPLETE`] entries everything is made, tile by tile, with real entries. Beyond that only the edge
//! is: its entries are real, hashes of subtrees to the left are random, and the head is the root that they give. The
//! log can't tell, since nothing of a tick reads further left; a reader who asks for an old tile would find none.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, ensure};
use treering_log::{
    key,
    record::{HighMark, Record},
    store::{RocksStore, Store as _, Tick, TileValue},
};
use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    hash::{self, Hash},
    note::Note,
    tile::{self, TILE_HEIGHT, TILE_WIDTH, TileKind, TileLevel},
    time::UnixMillis,
    tree::{self, CompactRange, TreeHead, TreeSize},
};
use treering_token::entry::Entry;

use crate::generator::receipts;

/// Up to so many entries all tiles are made: 100 MB of them.
pub const COMPLETE: u64 = 1 << 20;
/// Tiles in one write.
const TILES: usize = 512;

/// Writes a log of so many entries into a new store in the log's directory, and signs its head with the key that is there: what a
/// log has signed it doesn't read back.
///
/// # Errors
/// The store or the record refuses, or there is no key.
pub fn make(dir: &Path, origin: &str, size: u64) -> anyhow::Result<()> {
    let (path, origin) = (dir.join("store"), Origin::new(origin)?);
    let store = RocksStore::open(&path, &origin, 8 << 20)?;
    let head = seal(&store, size)?;
    let checkpoint = Checkpoint { origin, head, extensions: Vec::new() }.to_text();
    let note = Note::new(&checkpoint, vec![key::load(&dir.join("key"))?.sign(&checkpoint)])?;
    Record::beside(&path).write(&HighMark { head, ended: false })?;
    store.keep_signed(head.size, &note)?;
    store.close();
    Ok(())
}

fn seal(store: &RocksStore, size: u64) -> anyhow::Result<TreeHead> {
    let size = TreeSize::new(size).filter(|size| !size.is_zero()).context("a size of 1 to 2^63-1")?;
    let now = receipts::now()?.get() * 1000;
    let last = UnixMillis::new(now - 1).context("a time")?;
    // One entry a millisecond until just now.
    let time = |index: u64| UnixMillis::new(now - size.get() + index).context("a time");
    let first = if size.get() <= COMPLETE { 0 } else { last_tile(size.get()) };
    let mut bundles = BTreeMap::<u64, Vec<u8>>::new();
    let mut leaves = Vec::new();
    for index in first..size.get() {
        let entry = Entry::new(time(index)?, hash::sha256(&index.to_be_bytes()), 1)?.encode();
        leaves.push(hash::leaf_hash(&entry));
        tile::append_entry(bundles.entry(index / WIDTH).or_default(), &entry)?;
    }
    let levels = levels(size, Level { first, hashes: leaves })?;
    let mut tiles: Vec<TileValue> = bundles
        .into_iter()
        .map(|(index, bytes)| TileValue { kind: TileKind::Entries, index, bytes })
        .collect();
    for (number, level) in (0..).zip(&levels) {
        tiles.extend(level.tiles(TileLevel::new(number).context("a level")?));
    }
    let head = CompactRange::from_peaks(size, peaks(size, &levels)?).context("a peak a bit")?.head();
    for part in tiles.chunks(TILES) {
        store.seal(&Tick {
            head,
            sealed_at: last,
            tiles: part.to_vec(),
            batch: Vec::new(),
            submissions: Vec::new(),
            grants: None,
        })?;
    }
    Ok(head)
}

const WIDTH: u64 = TILE_WIDTH as u64;

/// The hashes of one level of tiles, from the hash `first` on.
struct Level {
    first: u64,
    hashes: Vec<Hash>,
}

impl Level {
    fn tiles(&self, level: TileLevel) -> impl Iterator<Item = TileValue> {
        let chunks = (self.first / WIDTH..).zip(self.hashes.chunks(usize::from(TILE_WIDTH)));
        chunks.map(move |(index, hashes)| TileValue {
            kind: TileKind::Hashes(level),
            index,
            bytes: hashes.iter().flat_map(|hash| hash.as_bytes()).copied().collect(),
        })
    }

    /// The roots of its full tiles: the hashes of the next level.
    fn roots(&self) -> Vec<Hash> {
        self.hashes.as_chunks::<{ TILE_WIDTH as usize }>().0.iter().map(|tile| tree::root(tile)).collect()
    }
}

/// All levels, from that of the leaves.
fn levels(size: TreeSize, leaves: Level) -> anyhow::Result<Vec<Level>> {
    let mut nodes = size.get();
    let mut levels = vec![leaves];
    while nodes >= WIDTH {
        nodes /= WIDTH;
        let mut hashes = levels[levels.len() - 1].roots();
        // Where the level below is complete, so is this one: its roots are all there.
        let complete = hashes.len() as u64 == nodes;
        let first = if complete { 0 } else { last_tile(nodes) };
        while !complete && (hashes.len() as u64) < nodes - first {
            let mut random = [0; 32];
            getrandom::fill(&mut random).context("random bytes")?;
            hashes.insert(0, Hash::new(random));
        }
        levels.push(Level { first, hashes });
    }
    Ok(levels)
}

/// The first hash of the last tile of a level with so many.
fn last_tile(nodes: u64) -> u64 {
    (nodes - 1) / WIDTH * WIDTH
}

/// The perfect subtrees of the tree: each lies within the last tile of its level.
fn peaks(size: TreeSize, levels: &[Level]) -> anyhow::Result<Vec<Hash>> {
    let peak = |node: tree::NodeId| {
        let level = &levels[usize::from(node.level / TILE_HEIGHT)];
        let inside = node.level % TILE_HEIGHT;
        let from = usize::try_from((node.index << inside) - level.first)?;
        let hashes = level.hashes.get(from..from + (1 << inside));
        Ok(tree::root(hashes.context("a peak lies within the last tile of its level")?))
    };
    let peaks: anyhow::Result<Vec<Hash>> = tree::peaks(size).into_iter().map(peak).collect();
    let peaks = peaks?;
    ensure!(peaks.len() == size.get().count_ones() as usize, "one peak for each bit of the size");
    Ok(peaks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(size: u64) -> TreeHead {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        let store = RocksStore::open(&path, &Origin::new("log.bench/state").unwrap(), 1 << 20).unwrap();
        seal(&store, size).unwrap();
        let loaded = store.load().unwrap();
        // What a log does at its start: its own tiles must lead to its head.
        let mut reader = tile::TileReader::new(loaded.head.size, |path| {
            store.tile(path).unwrap().map(Vec::from).ok_or_else(|| anyhow::anyhow!("{path} is missing"))
        });
        assert_eq!(tree::root_from(&mut reader, loaded.head.size).unwrap(), loaded.head.root);
        loaded.head
    }

    #[test]
    fn the_edge_of_every_size_leads_to_its_head() {
        for size in
            [1, 255, 256, 257, 1000, 65_536, 65_537, COMPLETE + 1, 1_000_000_000, 1 << 40, (1 << 40) + 77]
        {
            assert_eq!(head(size).size.get(), size);
        }
    }
}
