//! Entries, the tree over them, its tiles, and the batches that the entries name.

use super::{Report, checkpoints::Checkpoints, leaf_bytes, receipts::Rows};
use crate::store::{Loaded, RocksStore, StoreError, TileValue};
use treering_tlog::{
    hash::{self, Hash},
    tile::{self, TILE_HEIGHT, TILE_WIDTH, TileKind, TileLevel, TilePath},
    time::UnixMillis,
    tree::{CompactRange, MemoryTree},
};
use treering_token::entry::Entry;

/// Goes through all entries; the rows that the batches' receipts must have.
pub(super) fn check(
    store: &RocksStore,
    loaded: &Loaded,
    checkpoints: &mut Checkpoints<'_>,
    report: &mut Report,
) -> Result<Rows, StoreError> {
    let mut walk =
        Walk { store, range: CompactRange::new(), levels: Vec::new(), last: None, rows: Rows::default() };
    let size = loaded.head.size.get();
    let width = u64::from(TILE_WIDTH);
    for bundle in 0..size.div_ceil(width) {
        let count = u16::try_from((size - bundle * width).min(width)).expect("at most 256");
        walk.bundle(bundle, count, loaded.retained_from, checkpoints, report)?;
    }
    walk.partial_tiles(report)?;
    if walk.range.head() != loaded.head {
        report.find(
            "head",
            format!("the entries have the root {}, the head says {}", walk.range.root(), loaded.head.root),
        );
    }
    if walk.last != loaded.sealed_at {
        report.find("head", "its time is not the last entry's");
    }
    let stored = store.tile_count()?;
    if stored != report.tiles {
        report.find("tiles", format!("{stored} are stored where the tree has {}", report.tiles));
    }
    Ok(walk.rows)
}

struct Walk<'a> {
    store: &'a RocksStore,
    range: CompactRange,
    /// The tile in the making at each level.
    levels: Vec<Vec<u8>>,
    last: Option<UnixMillis>,
    rows: Rows,
}

impl Walk<'_> {
    fn bundle(
        &mut self,
        bundle: u64,
        count: u16,
        retained_from: u64,
        checkpoints: &mut Checkpoints<'_>,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let place = name(TileKind::Entries, bundle, count);
        report.tiles += 1;
        let bytes = self.store.stored_tile(TileKind::Entries, bundle)?;
        let Some(bytes) = bytes else {
            report.find(place, "missing");
            return Ok(());
        };
        let entries = match tile::split_entries(&bytes, count) {
            Ok(entries) => entries,
            Err(error) => {
                report.find(place, error);
                return Ok(());
            }
        };
        for (index, bytes) in (bundle * u64::from(TILE_WIDTH)..).zip(entries) {
            report.entries += 1;
            match Entry::decode(bytes) {
                Ok(entry) => self.entry(index, &entry, retained_from, report)?,
                Err(error) => report.find(format!("entry {index}"), error),
            }
            self.append(hash::leaf_hash(bytes), report)?;
            checkpoints.reach(&self.range.head(), report)?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        index: u64,
        entry: &Entry,
        retained_from: u64,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let place = format!("entry {index}");
        // INVARIANT 6: strictly greater than the entry's before it.
        if self.last.is_some_and(|last| entry.sealed_at() <= last) {
            report.find(&place, "sealed_at is not after the entry before it");
        }
        self.last = Some(entry.sealed_at());
        if index < retained_from {
            return Ok(());
        }
        let rows = self.store.batch_rows(index)?;
        if rows.is_empty() {
            report.find(format!("batch {index}"), "missing");
            return Ok(());
        }
        report.batches += 1;
        let (count, leaves) = batch(index, entry, &rows, report);
        report.submissions += count;
        self.rows.batch(index, &leaves);
        Ok(())
    }

    fn append(&mut self, leaf: Hash, report: &mut Report) -> Result<(), StoreError> {
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
                full.push((level, node.index / u64::from(TILE_WIDTH), std::mem::take(&mut levels[level])));
            }
        });
        full.into_iter().try_for_each(|(level, index, bytes)| self.tile(level, index, &bytes, report))
    }

    fn partial_tiles(&mut self, report: &mut Report) -> Result<(), StoreError> {
        let mut nodes = self.range.size().get();
        for (level, bytes) in std::mem::take(&mut self.levels).into_iter().enumerate() {
            if !bytes.is_empty() {
                self.tile(level, nodes / u64::from(TILE_WIDTH), &bytes, report)?;
            }
            nodes /= u64::from(TILE_WIDTH);
        }
        Ok(())
    }

    fn tile(&self, level: usize, index: u64, wanted: &[u8], report: &mut Report) -> Result<(), StoreError> {
        report.tiles += 1;
        let level =
            u8::try_from(level).ok().and_then(TileLevel::new).expect("a tree has at most 8 levels of tiles");
        let kind = TileKind::Hashes(level);
        let width = u16::try_from(wanted.len() / Hash::LEN).expect("at most 256");
        match self.store.stored_tile(kind, index)? {
            Some(bytes) if bytes == wanted => {}
            Some(_) => {
                report.find(name(kind, index, width), "its hashes are not those of the entries below it");
            }
            None => report.find(name(kind, index, width), "missing"),
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

fn name(kind: TileKind, index: u64, width: u16) -> String {
    TilePath::new(kind, index, width).map_or_else(|| format!("tile {index}"), |path| path.to_string())
}
