//! Reading records back, and refusing those that don't have the shape in which they were written.

use super::{RocksStore, keys};
use crate::store::{Loaded, Position, StoreError, Waiting};
use bytes::Bytes;
use rocksdb::{Direction, IteratorMode, ReadOptions};
use treering_tlog::{
    hash::Hash,
    note::{Note, Signature},
    tile::{self, TileKind, TilePath},
    time::UnixMillis,
    tree::{TreeHead, TreeSize},
};

impl RocksStore {
    pub(super) fn get(&self, family: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.db
            .get_cf(self.family(family), key)
            .map_err(|source| StoreError::Engine { step: "reading", source })
    }

    pub(super) fn read_state(&self) -> Result<Loaded, StoreError> {
        let (head, sealed_at, sealed_sequence) = self.read_head()?;
        let waiting = self.read_intake()?;
        let last = waiting.last().map_or(0, |w| w.sequence.saturating_add(1));
        let published = self.last_sized(b'p')?;
        let signed = self.last_sized(b's')?.map(|size| self.read_signed(size)).transpose()?.flatten();
        let refreshed = self.get(keys::META, keys::META_REFRESHED)?;
        let refreshed = refreshed.map(|text| parse_note(&text, "the refreshed checkpoint")).transpose()?;
        Ok(Loaded {
            head,
            sealed_at,
            waiting,
            next_sequence: last.max(sealed_sequence),
            signed,
            published,
            refreshed,
            window_closed: self.meta_number(keys::META_WINDOW_CLOSED)?,
            retained_from: self.meta_number(keys::META_RETAINED_FROM)?,
        })
    }

    fn read_head(&self) -> Result<(TreeHead, Option<UnixMillis>, u64), StoreError> {
        let Some(bytes) = self.get(keys::META, keys::META_HEAD)? else {
            return Ok((TreeHead::EMPTY, None, 0));
        };
        let damaged = || StoreError::Damaged {
            what: "the head is not 56 bytes of a size, a root, a time and a number".into(),
        };
        if bytes.len() != 56 {
            return Err(damaged());
        }
        let size = keys::number(&bytes[..8]).and_then(TreeSize::new).ok_or_else(damaged)?;
        let root = Hash::from_slice(&bytes[8..40]).ok_or_else(damaged)?;
        let sealed_at = keys::number(&bytes[40..48]).and_then(UnixMillis::new).ok_or_else(damaged)?;
        let sequence = keys::number(&bytes[48..]).ok_or_else(damaged)?;
        Ok((TreeHead { size, root }, Some(sealed_at), sequence))
    }

    fn read_intake(&self) -> Result<Vec<Waiting>, StoreError> {
        let mut waiting = Vec::new();
        for row in self.db.iterator_cf(self.family(keys::INTAKE), IteratorMode::Start) {
            let (key, value) =
                row.map_err(|source| StoreError::Engine { step: "reading the intake", source })?;
            let damaged = || StoreError::Damaged { what: format!("intake record {}", hex::encode(&key)) };
            let sequence = keys::number(&key).ok_or_else(damaged)?;
            let root = value.get(..32).and_then(Hash::from_slice).ok_or_else(damaged)?;
            if value.len() % 32 != 0 {
                return Err(damaged());
            }
            waiting.push(Waiting { sequence, root, small: value.len() / 32 - 1 });
        }
        Ok(waiting)
    }

    /// The commitments in an intake record, 32 bytes each.
    pub(crate) fn intake_commitments(&self, submission: &Waiting) -> Result<Vec<u8>, StoreError> {
        let key = submission.sequence.to_be_bytes();
        let mut value = self.get(keys::INTAKE, &key)?.unwrap_or_default();
        if value.len() != 32 * (submission.small + 1) || value[..32] != submission.root.as_bytes()[..] {
            return Err(StoreError::Damaged { what: format!("intake record {}", submission.sequence) });
        }
        value.drain(..32);
        Ok(value)
    }

    fn meta_number(&self, name: &'static [u8]) -> Result<u64, StoreError> {
        let Some(bytes) = self.get(keys::META, name)? else { return Ok(0) };
        keys::number(&bytes).ok_or_else(|| StoreError::Damaged {
            what: format!("the number {:?}", String::from_utf8_lossy(name)),
        })
    }

    pub(super) fn find_position(
        &self,
        root: &Hash,
        at_or_after: u64,
    ) -> Result<Option<Position>, StoreError> {
        let from = keys::receipt(root, at_or_after);
        let mut options = ReadOptions::default();
        options.set_prefix_same_as_start(true);
        let mode = IteratorMode::From(&from, Direction::Forward);
        let Some(row) = self.db.iterator_cf_opt(self.family(keys::RECEIPTS), options, mode).next() else {
            return Ok(None);
        };
        let (key, value) = row.map_err(|source| StoreError::Engine { step: "reading a receipt", source })?;
        // All 32 bytes are compared here, whatever the prefix filter let through.
        if key.get(..32) != Some(&root.as_bytes()[..]) {
            return Ok(None);
        }
        let damaged = || StoreError::Damaged { what: format!("the receipt's row {}", hex::encode(&key)) };
        let entry = key.get(32..).and_then(keys::number).ok_or_else(damaged)?;
        let position = keys::number(&value).ok_or_else(damaged)?;
        Ok(Some(Position { entry, position }))
    }

    pub(super) fn read_tile(&self, path: TilePath) -> Result<Option<Bytes>, StoreError> {
        let Some(mut value) = self.get(keys::TILES, &keys::tile(path.kind(), path.index()))? else {
            return Ok(None);
        };
        // A partial tile is a prefix of what is stored; a shorter value does not hold it (yet).
        let wanted = match path.kind() {
            TileKind::Hashes(_) => Some(usize::from(path.width()) * Hash::LEN).filter(|n| *n <= value.len()),
            TileKind::Entries => tile::prefix_of_entries(&value, path.width()).ok().map(<[u8]>::len),
        };
        let Some(wanted) = wanted else { return Ok(None) };
        value.truncate(wanted);
        Ok(Some(Bytes::from(value)))
    }

    fn read_signed(&self, size: TreeSize) -> Result<Option<Note>, StoreError> {
        let text = self.get(keys::CHECKPOINTS, &keys::signed(size))?;
        text.map(|text| parse_note(&text, &format!("the signed checkpoint of size {size}"))).transpose()
    }

    pub(super) fn read_checkpoint(&self, size: TreeSize) -> Result<Option<Note>, StoreError> {
        let Some(signed) = self.read_signed(size)? else { return Ok(None) };
        let mut lines = signed.signatures().to_vec();
        let from = keys::cosignatures(size);
        let mode = IteratorMode::From(&from, Direction::Forward);
        for row in self.db.iterator_cf(self.family(keys::CHECKPOINTS), mode) {
            let (key, value) =
                row.map_err(|source| StoreError::Engine { step: "reading cosignatures", source })?;
            if !key.starts_with(&from) {
                break;
            }
            let line = std::str::from_utf8(&value).ok().and_then(|line| Signature::parse_line(line).ok());
            lines.push(
                line.ok_or_else(|| StoreError::Damaged { what: format!("a cosignature of size {size}") })?,
            );
        }
        let note = Note::new(signed.text(), lines);
        note.map(Some)
            .map_err(|e| StoreError::Damaged { what: format!("the checkpoint of size {size}: {e}") })
    }

    pub(super) fn find_published_over(&self, entry: u64) -> Result<Option<TreeSize>, StoreError> {
        let Some(smallest) = entry.checked_add(1).and_then(TreeSize::new) else { return Ok(None) };
        let from = keys::published(smallest);
        let mode = IteratorMode::From(&from, Direction::Forward);
        let Some(row) = self.db.iterator_cf(self.family(keys::CHECKPOINTS), mode).next() else {
            return Ok(None);
        };
        let (key, _) =
            row.map_err(|source| StoreError::Engine { step: "reading the published sizes", source })?;
        Ok(if key.first() == Some(&b'p') { keys::size_of(&key) } else { None })
    }

    /// The greatest size among the checkpoints' keys of one kind.
    fn last_sized(&self, kind: u8) -> Result<Option<TreeSize>, StoreError> {
        let beyond = [kind + 1];
        let mode = IteratorMode::From(&beyond, Direction::Reverse);
        let Some(row) = self.db.iterator_cf(self.family(keys::CHECKPOINTS), mode).next() else {
            return Ok(None);
        };
        let (key, _) =
            row.map_err(|source| StoreError::Engine { step: "reading the checkpoints", source })?;
        Ok(if key.first() == Some(&kind) { keys::size_of(&key) } else { None })
    }
}

fn parse_note(bytes: &[u8], what: &str) -> Result<Note, StoreError> {
    Note::parse(bytes).map_err(|e| StoreError::Damaged { what: format!("{what}: {e}") })
}
