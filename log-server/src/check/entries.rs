//! Entries, the tree over them, its tiles, and the batches that the entries name.

use super::{Report, checkpoints::Checkpoints, leaf_bytes, receipts::Rows};
use crate::store::{Loaded, RocksStore, StoreError, TileValue};
use treering_tlog::{
    hash::{self, Hash},
    tile::{self, TILE_HEIGHT, TILE_WIDTH, TileKind, TileLevel, TilePath},
    time::UnixMillis,
    tree::{CompactRange, MemoryTree, TreeHead, TreeSize},
};
use treering_token::entry::Entry;

/// Goes through all entries of a stopped log; the rows that the batches' receipts must have.
pub(super) fn check(
    store: &RocksStore,
    loaded: &Loaded,
    checkpoints: &mut Checkpoints<'_>,
    report: &mut Report,
) -> Result<Rows, StoreError> {
    let mut walk = Walk::new(Tiles::Final);
    let size = loaded.head.size.get();
    for bundle in 0..size.div_ceil(WIDTH) {
        let count = u16::try_from((size - bundle * WIDTH).min(WIDTH)).expect("at most 256");
        for (index, bytes) in (bundle * WIDTH..).zip(walk.bundle(store, bundle, count, report)?) {
            walk.entry(store, index, &bytes, report)?;
            checkpoints.reach(&walk.head(), report)?;
        }
    }
    walk.partial_tiles(store, report)?;
    if walk.head() != loaded.head {
        report.find(
            "head",
            format!("the entries have the root {}, the head says {}", walk.range.root(), loaded.head.root),
        );
    }
    if walk.last != loaded.sealed_at {
        report.find("head", "its time is not the last entry's");
    }
    if let Some(entry) = store.first_batch_from(size)? {
        report.find(format!("batch {entry}"), "stands behind the last entry");
    }
    let stored = store.tile_count()?;
    if stored != report.tiles {
        report.find("tiles", format!("{stored} are stored where the tree has {}", report.tiles));
    }
    Ok(walk.rows)
}

/// Entries in a bundle.
pub(crate) const WIDTH: u64 = TILE_WIDTH as u64;

/// Do tiles grow while they are looked at?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tiles {
    /// The log is stopped: a tile holds what its tree has, and nothing else.
    Final,
    /// It runs: the last tile of a level may hold more by now.
    Growing,
}

/// The tree, built anew from the entries as they come.
#[derive(Debug)]
pub(crate) struct Walk {
    range: CompactRange,
    /// The tile in the making at each level.
    levels: Vec<Vec<u8>>,
    last: Option<UnixMillis>,
    rows: Rows,
    tiles: Tiles,
}

impl Walk {
    /// From the first entry on.
    pub(crate) fn new(tiles: Tiles) -> Walk {
        Walk { range: CompactRange::new(), levels: Vec::new(), last: None, rows: Rows::default(), tiles }
    }

    /// From a later bundle on: what is before it is taken from the tiles, and shows in the root at the end if it is wrong.
    /// `None` where these tiles can't be read or don't make a tree.
    pub(crate) fn resume(store: &RocksStore, bundle: u64) -> Option<Walk> {
        let size = TreeSize::new(bundle.checked_mul(WIDTH)?)?;
        let edge = crate::batch::Edge::of_size(store, size).ok()?;
        let (range, levels) = edge.into_parts();
        Some(Walk { range, levels, ..Walk::new(Tiles::Growing) })
    }

    /// The tree so far.
    pub(crate) fn head(&self) -> TreeHead {
        self.range.head()
    }

    /// A bundle's entries, in order; fewer if it is broken.
    pub(crate) fn bundle(
        &mut self,
        store: &RocksStore,
        bundle: u64,
        count: u16,
        report: &mut Report,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let place = name(TileKind::Entries, bundle, count);
        report.tiles += 1;
        let Some(stored) = store.stored_tile(TileKind::Entries, bundle)? else {
            report.find(place, "missing");
            return Ok(Vec::new());
        };
        let bytes = match self.tiles {
            Tiles::Final => Ok(&stored[..]),
            Tiles::Growing => tile::prefix_of_entries(&stored, count),
        };
        match bytes.and_then(|bytes| tile::split_entries(bytes, count)) {
            Ok(entries) => Ok(entries.into_iter().map(<[u8]>::to_vec).collect()),
            Err(error) => {
                report.find(place, error);
                Ok(Vec::new())
            }
        }
    }

    /// The next entry, and its batch; how many bytes were read for it.
    pub(crate) fn entry(
        &mut self,
        store: &RocksStore,
        index: u64,
        bytes: &[u8],
        report: &mut Report,
    ) -> Result<u64, StoreError> {
        report.entries += 1;
        let read = match Entry::decode(bytes) {
            Ok(entry) => self.batch(store, index, &entry, report)?,
            Err(error) => {
                report.find(format!("entry {index}"), error);
                0
            }
        };
        self.append(store, hash::leaf_hash(bytes), report)?;
        Ok(read + bytes.len() as u64)
    }

    fn batch(
        &mut self,
        store: &RocksStore,
        index: u64,
        entry: &Entry,
        report: &mut Report,
    ) -> Result<u64, StoreError> {
        // INVARIANT 6: strictly greater than the entry's before it.
        if self.last.is_some_and(|last| entry.sealed_at() <= last) {
            report.find(format!("entry {index}"), "sealed_at is not after the entry before it");
        }
        self.last = Some(entry.sealed_at());
        let rows = match store.batch_rows(index) {
            Ok(rows) => rows,
            Err(error) => {
                report.find(format!("batch {index}"), error);
                return Ok(0);
            }
        };
        if rows.is_empty() {
            // Asked for now: a running log may have dropped it a moment ago, in the write that says so.
            if index >= store.retained_from()? {
                report.find(format!("batch {index}"), "missing");
            }
            return Ok(0);
        }
        if index < store.retained_from()? {
            return Ok(0);
        }
        report.batches += 1;
        let (count, leaves) = batch(index, entry, &rows, report);
        report.submissions += count;
        match self.tiles {
            Tiles::Final => self.rows.batch(index, &leaves),
            Tiles::Growing => self.receipts(store, index, &leaves, report),
        }
        Ok(rows.iter().map(|row| row.bytes.len() as u64).sum())
    }

    /// Each leaf's row is looked up: going through all rows at once would hold on to files that are to be deleted.
    fn receipts(&self, store: &RocksStore, index: u64, leaves: &[Hash], report: &mut Report) {
        for (position, leaf) in (0_u64..).zip(leaves) {
            let row = match store.receipt_row(leaf, index) {
                Ok(row) => row,
                Err(error) => {
                    report.find(format!("receipt of leaf {leaf}"), error);
                    break;
                }
            };
            if row != Some(position) {
                report.find(
                    format!("receipt of leaf {leaf}"),
                    format!("does not say {position} in entry {index}"),
                );
            }
        }
    }

    fn append(&mut self, store: &RocksStore, leaf: Hash, report: &mut Report) -> Result<(), StoreError> {
        let mut full = Vec::new();
        let levels = &mut self.levels;
        self.range.append(leaf, |node, hash| {
            if node.level % TILE_HEIGHT != 0 {
                return;
            }
            let level = usize::from(node.level / TILE_HEIGHT);
            levels.resize(levels.len().max(level + 1), Vec::new());
            levels[level].extend_from_slice(hash.as_bytes());
            if levels[level].len() == usize::from(TILE_WIDTH) * Hash::LEN {
                full.push((level, node.index / WIDTH, std::mem::take(&mut levels[level])));
            }
        });
        full.into_iter().try_for_each(|(level, index, bytes)| self.tile(store, level, index, &bytes, report))
    }

    /// At the end: the tiles that aren't full.
    pub(crate) fn partial_tiles(
        &mut self,
        store: &RocksStore,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let mut nodes = self.range.size().get();
        for (level, bytes) in std::mem::take(&mut self.levels).into_iter().enumerate() {
            if !bytes.is_empty() {
                self.tile(store, level, nodes / WIDTH, &bytes, report)?;
            }
            nodes /= WIDTH;
        }
        Ok(())
    }

    fn tile(
        &self,
        store: &RocksStore,
        level: usize,
        index: u64,
        wanted: &[u8],
        report: &mut Report,
    ) -> Result<(), StoreError> {
        report.tiles += 1;
        let level =
            u8::try_from(level).ok().and_then(TileLevel::new).expect("a tree has at most 8 levels of tiles");
        let kind = TileKind::Hashes(level);
        let width = u16::try_from(wanted.len() / Hash::LEN).expect("at most 256");
        let right = |bytes: &[u8]| match self.tiles {
            Tiles::Final => bytes == wanted,
            Tiles::Growing => bytes.starts_with(wanted),
        };
        match store.stored_tile(kind, index) {
            Ok(Some(bytes)) if right(&bytes) => {}
            Ok(Some(_)) => {
                report.find(name(kind, index, width), "its hashes are not those of the entries below it");
            }
            Ok(None) => report.find(name(kind, index, width), "missing"),
            Err(error) => report.find(name(kind, index, width), error),
        }
        Ok(())
    }
}

/// Holds a batch's tiles against its entry; its leaf hashes.
fn batch(index: u64, entry: &Entry, rows: &[TileValue], report: &mut Report) -> (u64, Vec<Hash>) {
    let place = format!("batch {index}");
    let bytes = leaf_bytes(rows);
    let leaves: Vec<Hash> = bytes.chunks_exact(Hash::LEN).filter_map(Hash::from_slice).collect();
    let tree = MemoryTree::new(leaves.clone());
    let count = tree.len();
    if !bytes.len().is_multiple_of(Hash::LEN) || count != entry.submissions() {
        let says = entry.submissions();
        report.find(&place, format!("holds {count} hashes where its entry says {says}"));
    }
    if tree.root() != entry.batch_root() {
        report.find(&place, "does not have the root that its entry names");
    } else if crate::batch::hash_tiles(&tree) != rows {
        report.find(&place, "its tiles are not those of its leaf hashes");
    }
    (count, leaves)
}

pub(crate) fn name(kind: TileKind, index: u64, width: u16) -> String {
    TilePath::new(kind, index, width).map_or_else(|| format!("tile {index}"), |path| path.to_string())
}
