//! Grants (RFC 3161): those that wait for their tick, and where the others stand.

use super::{RocksStore, keys, read};
use crate::store::{Grant, GrantGroup, GrantPlace, SealedGrants, StoreError, TileValue};
use bytes::Bytes;
use rocksdb::{Direction, IteratorMode, WriteBatch};
use treering_tlog::{
    hash::Hash,
    tile::{TILE_WIDTH, TileKind, TileLevel, TilePath},
    tree::TreeSize,
};

/// One grant in a group's record: serial and commitment.
const RECORD: usize = 16 + Hash::LEN;
/// A grant's row: entry, index, number of grants, commitment.
const ROW: usize = 24 + Hash::LEN;

impl RocksStore {
    pub(super) fn put_waiting_grants(&self, batch: &mut WriteBatch, group: &GrantGroup) {
        let grants = group.grants.iter();
        let record: Vec<u8> =
            grants.flat_map(|grant| grant.serial.into_iter().chain(grant.commitment)).collect();
        batch.put_cf(self.family(keys::GRANTS), keys::waiting_grants(group.number), record);
    }

    /// What a tick writes of its grants: their groups' records go, their rows and tiles come.
    pub(super) fn put_sealed_grants(&self, batch: &mut WriteBatch, entry: u64, sealed: &SealedGrants) {
        let family = self.family(keys::GRANTS);
        let all = sealed.groups.iter().flat_map(|group| &group.grants);
        for (index, grant) in (0_u64..).zip(all) {
            let mut row = [0; ROW];
            row[..8].copy_from_slice(&entry.to_be_bytes());
            row[8..16].copy_from_slice(&index.to_be_bytes());
            row[16..24].copy_from_slice(&sealed.size.get().to_be_bytes());
            row[24..].copy_from_slice(&grant.commitment);
            batch.put_cf(family, keys::grant(&grant.serial), row);
        }
        for group in &sealed.groups {
            batch.delete_cf(family, keys::waiting_grants(group.number));
        }
        for tile in &sealed.tiles {
            batch.put_cf(family, keys::grant_tile(entry, tile.kind, tile.index), &tile.bytes);
        }
    }

    pub(super) fn read_waiting_grants(&self) -> Result<Vec<GrantGroup>, StoreError> {
        let from = [keys::WAITING_GRANTS];
        let mode = IteratorMode::From(&from, Direction::Forward);
        let mut groups = Vec::new();
        for row in self.engine.rows("reading grants", keys::GRANTS, mode) {
            let (key, record) = row?;
            if !key.starts_with(&from) {
                break;
            }
            let group = read_group(&key, &record);
            let damaged =
                || StoreError::Damaged { what: format!("the grants' record {}", hex::encode(&key)) };
            groups.push(group.ok_or_else(damaged)?);
        }
        Ok(groups)
    }

    pub(super) fn read_grant(&self, serial: &[u8; 16]) -> Result<Option<GrantPlace>, StoreError> {
        let Some(row) = self.get(keys::GRANTS, &keys::grant(serial))? else { return Ok(None) };
        let damaged = || StoreError::Damaged { what: format!("the row of grant {}", hex::encode(serial)) };
        read_row(&row).map(Some).ok_or_else(damaged)
    }

    pub(super) fn read_grant_tile(&self, entry: u64, path: TilePath) -> Result<Option<Bytes>, StoreError> {
        let key = keys::grant_tile(entry, path.kind(), path.index());
        Ok(self.get(keys::GRANTS, &key)?.and_then(|value| read::cut(value, path)))
    }

    /// How many leaves the tree of an entry's grants has: from its last leaf tile alone.
    pub(crate) fn grant_leaves(&self, entry: u64) -> Result<u64, StoreError> {
        let (first, beyond) = (
            keys::grant_tile(entry, TileKind::Hashes(TileLevel::LEAVES), 0),
            keys::grant_tile(entry, TileKind::Hashes(TileLevel::LEAVES), u64::MAX),
        );
        let mode = IteratorMode::From(&beyond, Direction::Reverse);
        let row = self.engine.rows("reading grants", keys::GRANTS, mode).next();
        let Some((key, tile)) = row.transpose()? else { return Ok(0) };
        let index = key.get(10..).and_then(keys::number).filter(|_| key.get(..10) == first.get(..10));
        let leaves = (tile.len() / Hash::LEN) as u64;
        Ok(index.map_or(0, |index| index.saturating_mul(u64::from(TILE_WIDTH)).saturating_add(leaves)))
    }

    /// Every entry that has grants, with all tiles of their tree in order of level and index.
    pub(crate) fn entries_with_grants(
        &self,
    ) -> impl Iterator<Item = Result<(u64, Vec<TileValue>), StoreError>> {
        let mut next = Some(keys::grant_tiles(0));
        std::iter::from_fn(move || {
            let from = next.take()?;
            let read = self.tiles_from(&from).transpose()?;
            if let Ok((entry, _)) = &read {
                next = entry.checked_add(1).map(keys::grant_tiles);
            }
            Some(read)
        })
    }

    /// The tiles of the first entry at or after a key.
    fn tiles_from(&self, from: &[u8]) -> Result<Option<(u64, Vec<TileValue>)>, StoreError> {
        let mode = IteratorMode::From(from, Direction::Forward);
        let mut found: Option<(u64, Vec<TileValue>)> = None;
        for row in self.engine.rows("reading grants", keys::GRANTS, mode) {
            let (key, bytes) = row?;
            let damaged = || StoreError::Damaged { what: format!("the grants' row {}", hex::encode(&key)) };
            let entry = key.get(1..9).and_then(keys::number).ok_or_else(damaged)?;
            let level = key.get(9).copied().and_then(TileLevel::new).ok_or_else(damaged)?;
            let index = key.get(10..).and_then(keys::number).ok_or_else(damaged)?;
            let (first, tiles) = found.get_or_insert((entry, Vec::new()));
            if *first != entry {
                break;
            }
            tiles.push(TileValue { kind: TileKind::Hashes(level), index, bytes: bytes.into_vec() });
        }
        Ok(found)
    }

    /// Every row of a grant: serial and place.
    pub(crate) fn grant_rows(&self) -> impl Iterator<Item = Result<([u8; 16], GrantPlace), StoreError>> {
        let from = [keys::GRANT_ROW];
        let mode = IteratorMode::From(&from, Direction::Forward);
        let rows = self.engine.rows("reading grants", keys::GRANTS, mode);
        let ours = rows
            .take_while(|row| row.as_ref().map_or(true, |(key, _)| key.first() == Some(&keys::GRANT_ROW)));
        ours.map(|row| {
            let (key, row) = row?;
            let read = key.get(1..).and_then(|serial| serial.try_into().ok()).zip(read_row(&row));
            read.ok_or_else(|| StoreError::Damaged { what: format!("the grant's row {}", hex::encode(&key)) })
        })
    }
}

fn read_group(key: &[u8], record: &[u8]) -> Option<GrantGroup> {
    let number = keys::number(key.get(1..)?)?;
    let (records, rest) = record.as_chunks::<RECORD>();
    if records.is_empty() || !rest.is_empty() {
        return None;
    }
    let grants = records.iter().map(|record| {
        let (serial, commitment) = record.split_at(16);
        Some(Grant { serial: serial.try_into().ok()?, commitment: commitment.try_into().ok()? })
    });
    Some(GrantGroup { number, grants: grants.collect::<Option<_>>()? })
}

/// `None` if it has another shape than was written.
fn read_row(row: &[u8]) -> Option<GrantPlace> {
    let row: &[u8; ROW] = row.try_into().ok()?;
    let entry = keys::number(&row[..8])?;
    let size = keys::number(&row[16..24]).and_then(TreeSize::new)?;
    let index = keys::number(&row[8..16]).filter(|index| *index < size.get())?;
    Some(GrantPlace { entry, index, size, commitment: row[24..].try_into().ok()? })
}
