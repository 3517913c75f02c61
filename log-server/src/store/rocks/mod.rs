//! The store on RocksDB: one column family a kind of record, every write that something is acknowledged on synced.

mod audit;
mod backup;
mod engine;
mod framing;
mod grants;
mod keys;
mod lock;
mod look;
mod migrate;
mod open;
mod purge;
mod read;
mod settings;
mod tables;

use super::{
    Accepted, GrantGroup, GrantPlace, Late, Loaded, Memory, Past, Position, Sequence, Store, StoreError,
    Tick, TileValue,
};
use crate::beside;
use bytes::Bytes;
use engine::Engine;
use rocksdb::{
    ColumnFamily, WriteBatch,
    properties::{BLOCK_CACHE_USAGE, CUR_SIZE_ALL_MEM_TABLES, ESTIMATE_TABLE_READERS_MEM, PropName},
};
use std::{
    ops::Range,
    path::{Path, PathBuf},
};
use treering_tlog::{
    hash::Hash,
    note::{Note, Signature},
    tile::{TileKind, TileLevel, TilePath},
    tree::TreeSize,
};

/// One submission in a group's record.
const RECORD: usize = Hash::LEN + 2;

/// A log's store in one directory. Only one can have it open (`lock`).
#[derive(Debug)]
pub struct RocksStore {
    engine: Engine,
    path: PathBuf,
    cut: Option<look::Cut>,
    /// None of a copy, which is only read. INVARIANT: the last field, so that it goes when the database is closed.
    _lock: Option<lock::Lock>,
}

impl RocksStore {
    fn family(&self, name: &'static str) -> &ColumnFamily {
        self.engine.family(name)
    }

    fn write(&self, step: &'static str, batch: WriteBatch) -> Result<(), StoreError> {
        self.engine.write(step, batch)
    }

    /// Seals ticks that follow each other, with checkpoints of the past, and drops batches of these entries, below which there
    /// are none: one atomic, synced write. The running log brings one tick, a restore many.
    pub(crate) fn append(
        &self,
        ticks: &[Tick],
        past: &[Past],
        dropped: Option<Range<u64>>,
    ) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        ticks.iter().try_for_each(|tick| self.put_tick(&mut batch, tick))?;
        let family = self.family(keys::CHECKPOINTS);
        for checkpoint in past {
            batch.put_cf(family, keys::signed(checkpoint.size), checkpoint.signed.to_string());
            self.put_cosignatures(&mut batch, checkpoint.size, &checkpoint.cosignatures)?;
            if checkpoint.published {
                batch.put_cf(family, keys::published(checkpoint.size), b"");
                self.forget_refreshed(&mut batch);
            }
        }
        if let Some(entries) = dropped {
            self.put_dropped(&mut batch, entries);
        }
        self.write("sealing a batch", batch)
    }

    /// The refresh was one of an older head: `/checkpoint` must not go back to it.
    fn forget_refreshed(&self, batch: &mut WriteBatch) {
        batch.delete_cf(self.family(keys::META), keys::META_REFRESHED);
    }

    /// Entries below the last of these have no batch any more.
    fn put_dropped(&self, batch: &mut WriteBatch, entries: Range<u64>) {
        let Range { start, end } = entries;
        if start < end {
            batch.delete_range_cf(self.family(keys::BATCHES), start.to_be_bytes(), end.to_be_bytes());
            let (first, last) = (keys::grant_tiles(start), keys::grant_tiles(end));
            batch.delete_range_cf(self.family(keys::GRANTS), first, last);
        }
        batch.put_cf(self.family(keys::META), keys::META_RETAINED_FROM, end.to_be_bytes());
    }

    fn put_tick(&self, batch: &mut WriteBatch, tick: &Tick) -> Result<(), StoreError> {
        let entry = tick.entry();
        for tile in &tick.tiles {
            batch.put_cf(self.family(keys::TILES), keys::tile(tile.kind, tile.index), &tile.bytes);
        }
        for tile in &tick.batch {
            let key = keys::batch_tile(entry, tile.kind, tile.index);
            batch.put_cf(self.family(keys::BATCHES), key, &tile.bytes);
        }
        // A tick of grants alone consumes none: the number must not go back.
        let mut next_sequence = if tick.submissions.is_empty() { self.read_head()?.2 } else { 0 };
        for (position, leaf) in (0_u64..).zip(leaves(&tick.batch)) {
            let row = keys::receipt(&leaf, entry);
            batch.put_cf(self.family(keys::RECEIPTS), row, position.to_be_bytes());
        }
        for submission in &tick.submissions {
            if submission.small > 0 {
                batch.put_cf(
                    self.family(keys::SMALL),
                    keys::small(entry, &submission.root),
                    self.intake_commitments(submission)?,
                );
                let commitments = keys::intake_commitments(submission.sequence);
                batch.delete_cf(self.family(keys::INTAKE), commitments);
            }
            // A group that goes into two batches keeps its record until the second; `next_sequence` says how far the
            // first one went.
            if submission.ends_group {
                batch.delete_cf(self.family(keys::INTAKE), submission.sequence.to_be_bytes());
            }
            next_sequence = next_sequence.max(submission.sequence.saturating_add(1));
        }
        if let Some(grants) = &tick.grants {
            self.put_sealed_grants(batch, entry, grants);
        }
        let head = [
            &tick.head.size.get().to_be_bytes()[..],
            tick.head.root.as_bytes(),
            &tick.sealed_at.get().to_be_bytes(),
            &next_sequence.to_be_bytes(),
        ]
        .concat();
        batch.put_cf(self.family(keys::META), keys::META_HEAD, head);
        Ok(())
    }

    fn put_cosignatures(
        &self,
        batch: &mut WriteBatch,
        size: TreeSize,
        lines: &[Signature],
    ) -> Result<(), StoreError> {
        let family = self.family(keys::CHECKPOINTS);
        for line in lines {
            let key = keys::cosignature(size, line);
            // INVARIANT 9: for each size and witness key the first cosignature stays. Only the publisher writes
            // here, so nothing comes between this look and the write.
            if self.get(keys::CHECKPOINTS, &key)?.is_none() {
                batch.put_cf(family, key, line.to_string());
            }
        }
        Ok(())
    }
}

impl Store for RocksStore {
    fn load(&self) -> Result<Loaded, StoreError> {
        self.read_state()
    }

    fn accept(&self, first: Sequence, group: &[Accepted]) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        let family = self.family(keys::INTAKE);
        // One record for the whole group: what a request costs here is 34 bytes.
        let mut record = Vec::with_capacity(group.len() * RECORD);
        let mut last = first;
        for (sequence, submission) in (first..).zip(group) {
            last = sequence;
            let small = submission.small.as_deref().unwrap_or_default();
            let count = u16::try_from(small.len()).expect("at most 1,024 commitments a submission");
            record.extend_from_slice(submission.root.as_bytes());
            record.extend_from_slice(&count.to_be_bytes());
            if count > 0 {
                batch.put_cf(family, keys::intake_commitments(sequence), small.as_flattened());
            }
        }
        batch.put_cf(family, last.to_be_bytes(), record);
        self.write("accepting submissions", batch)
    }

    fn accept_grants(&self, group: &GrantGroup) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        self.put_waiting_grants(&mut batch, group);
        self.write("accepting grants", batch)
    }

    fn seal(&self, tick: &Tick) -> Result<(), StoreError> {
        self.append(std::slice::from_ref(tick), &[], None)
    }

    fn keep_signed(&self, size: TreeSize, note: &Note) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        batch.put_cf(self.family(keys::CHECKPOINTS), keys::signed(size), note.to_string());
        self.write("keeping a signed checkpoint", batch)
    }

    fn keep_small(&self, late: &[Late]) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        for Late { entry, root, commitments } in late {
            batch.put_cf(self.family(keys::SMALL), keys::small(*entry, root), commitments.concat());
        }
        self.write("keeping commitments", batch)
    }

    fn keep_cosignatures(&self, size: TreeSize, cosignatures: &[Signature]) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        self.put_cosignatures(&mut batch, size, cosignatures)?;
        if batch.is_empty() { Ok(()) } else { self.write("keeping cosignatures", batch) }
    }

    fn publish(&self, size: TreeSize, cosignatures: &[Signature]) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        self.put_cosignatures(&mut batch, size, cosignatures)?;
        batch.put_cf(self.family(keys::CHECKPOINTS), keys::published(size), b"");
        self.forget_refreshed(&mut batch);
        self.write("publishing a checkpoint", batch)
    }

    fn keep_refreshed(&self, note: &Note) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        batch.put_cf(self.family(keys::META), keys::META_REFRESHED, note.to_string());
        self.write("keeping a refreshed checkpoint", batch)
    }

    fn close_window(&self, entry: u64) -> Result<bool, StoreError> {
        self.purge_small(entry)
    }

    fn drop_batches(&self, entry: u64) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        self.put_dropped(&mut batch, 0..entry);
        self.write("dropping batches", batch)
    }

    fn freeze(&self, size: TreeSize) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        batch.put_cf(self.family(keys::META), keys::META_FROZEN, size.get().to_be_bytes());
        self.write("freezing the log", batch)
    }

    fn positions(&self, wanted: &[(Hash, u64)]) -> Result<Vec<Option<Position>>, StoreError> {
        self.find_positions(wanted)
    }

    fn tile(&self, path: TilePath) -> Result<Option<Bytes>, StoreError> {
        self.read_tile(path)
    }

    fn batch_tile(&self, entry: u64, path: TilePath) -> Result<Option<Bytes>, StoreError> {
        self.read_batch_tile(entry, path)
    }

    fn grant(&self, serial: &[u8; 16]) -> Result<Option<GrantPlace>, StoreError> {
        self.read_grant(serial)
    }

    fn grant_tile(&self, entry: u64, path: TilePath) -> Result<Option<Bytes>, StoreError> {
        self.read_grant_tile(entry, path)
    }

    fn small(&self, entry: u64, root: &Hash) -> Result<Option<Bytes>, StoreError> {
        Ok(self.get(keys::SMALL, &keys::small(entry, root))?.map(Bytes::from))
    }

    fn checkpoint(&self, size: TreeSize) -> Result<Option<Note>, StoreError> {
        self.read_checkpoint(size)
    }

    fn is_published(&self, size: TreeSize) -> Result<bool, StoreError> {
        Ok(self.get(keys::CHECKPOINTS, &keys::published(size))?.is_some())
    }

    fn first_published_over(&self, entry: u64) -> Result<Option<TreeSize>, StoreError> {
        self.find_published_over(entry)
    }

    fn free_bytes(&self) -> Result<u64, StoreError> {
        let file = |source| StoreError::File { step: "asking for free space", source };
        beside::free_bytes(&self.path).map_err(file)
    }

    fn memory(&self) -> Memory {
        let Ok(db) = self.engine.known() else { return Memory::default() };
        let of = |family: &'static str, property: &PropName| {
            db.property_int_value_cf(self.family(family), property).ok().flatten().unwrap_or_default()
        };
        let all = |property: &PropName| keys::FAMILIES.iter().map(|family| of(family, property)).sum();
        Memory {
            write_buffers: all(CUR_SIZE_ALL_MEM_TABLES),
            // All families share the one cache.
            cache: of(keys::META, BLOCK_CACHE_USAGE),
            tables: all(ESTIMATE_TABLE_READERS_MEM),
        }
    }

    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        self.checkpoint_to(to)
    }

    fn health(&self) -> Result<(), StoreError> {
        let count = self.engine.known()?.property_int_value(rocksdb::properties::BACKGROUND_ERRORS);
        match count.map_err(|source| StoreError::Engine { step: "asking for errors", source })? {
            None | Some(0) => Ok(()),
            Some(count) => Err(StoreError::Background { count }),
        }
    }

    fn close(&self) {
        self.engine.close();
    }
}

/// The leaf hashes in a batch's tiles, in order: what each submission's receipt is found by.
fn leaves(batch: &[TileValue]) -> impl Iterator<Item = Hash> {
    let tiles = batch.iter().filter(|tile| tile.kind == TileKind::Hashes(TileLevel::LEAVES));
    tiles.flat_map(|tile| tile.bytes.chunks_exact(Hash::LEN).filter_map(Hash::from_slice))
}
