//! Reading records back, and refusing those that don't have the shape in which they were written.

use super::{RECORD, RocksStore, keys};
use crate::store::{Loaded, Position, StoreError, Waiting};
use bytes::Bytes;
use rocksdb::{Direction, IteratorMode, ReadOptions};
use treering_tlog::{
    hash::{self, Hash},
    note::{Note, Signature},
    tile::{self, TileKind, TilePath},
    time::UnixMillis,
    tree::{TreeHead, TreeSize},
};

impl RocksStore {
    pub(super) fn get(&self, family: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let read = self.engine.known()?.get_cf(self.family(family), key);
        read.map_err(|source| StoreError::Engine { step: "reading", source })
    }

    pub(super) fn read_state(&self) -> Result<Loaded, StoreError> {
        let (head, sealed_at, sealed_sequence) = self.read_head()?;
        let waiting = self.read_intake(sealed_sequence)?;
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
            grants: self.read_waiting_grants()?,
            signed,
            published,
            refreshed,
            window_closed: self.meta_number(keys::META_WINDOW_CLOSED)?,
            retained_from: self.meta_number(keys::META_RETAINED_FROM)?,
            frozen: self.read_frozen()?,
        })
    }

    pub(super) fn read_head(&self) -> Result<(TreeHead, Option<UnixMillis>, u64), StoreError> {
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

    /// What is accepted and in no batch yet: numbers from `sealed` on.
    fn read_intake(&self, sealed: u64) -> Result<Vec<Waiting>, StoreError> {
        let mut waiting = Vec::new();
        for row in self.engine.rows("reading the intake", keys::INTAKE, IteratorMode::Start) {
            let (key, value) = row?;
            // Commitments stand under longer keys.
            if key.len() != 9 {
                let group = read_group(&key, &value);
                let damaged = || StoreError::Damaged { what: format!("intake record {}", hex::encode(&key)) };
                waiting.extend(group.ok_or_else(damaged)?);
            }
        }
        // A group's record stays until its last submission is sealed.
        waiting.retain(|submission| submission.sequence >= sealed);
        Ok(waiting)
    }

    /// The commitments of a pending submission, 32 bytes each.
    pub(crate) fn intake_commitments(&self, submission: &Waiting) -> Result<Vec<u8>, StoreError> {
        let key = keys::intake_commitments(submission.sequence);
        let commitments = self.get(keys::INTAKE, &key)?.unwrap_or_default();
        if commitments.len() != Hash::LEN * usize::from(submission.small) {
            return Err(StoreError::Damaged { what: format!("intake record {}", submission.sequence) });
        }
        Ok(commitments)
    }

    fn read_frozen(&self) -> Result<Option<TreeSize>, StoreError> {
        let Some(bytes) = self.get(keys::META, keys::META_FROZEN)? else { return Ok(None) };
        let size = keys::number(&bytes).and_then(TreeSize::new);
        let damaged = || StoreError::Damaged { what: "the size at which the log was frozen".into() };
        size.map(Some).ok_or_else(damaged)
    }

    pub(super) fn meta_number(&self, name: &'static [u8]) -> Result<u64, StoreError> {
        let Some(bytes) = self.get(keys::META, name)? else { return Ok(0) };
        keys::number(&bytes).ok_or_else(|| StoreError::Damaged {
            what: format!("the number {:?}", String::from_utf8_lossy(name)),
        })
    }

    pub(super) fn find_positions(&self, wanted: &[(Hash, u64)]) -> Result<Vec<Option<Position>>, StoreError> {
        let mut options = ReadOptions::default();
        options.set_prefix_same_as_start(true);
        // One for all of them: to make an iterator costs more than to move it.
        let mut rows = self.engine.known()?.raw_iterator_cf_opt(self.family(keys::RECEIPTS), options);
        let mut positions = Vec::with_capacity(wanted.len());
        for (root, at_or_after) in wanted {
            let leaf = hash::leaf_hash(root.as_bytes());
            rows.seek(keys::receipt(&leaf, *at_or_after));
            let position = match rows.item() {
                // All 32 bytes are compared here, whatever the prefix filter let through.
                Some((key, value)) if key.get(..32) == Some(&leaf.as_bytes()[..]) => {
                    let damaged =
                        || StoreError::Damaged { what: format!("the receipt's row {}", hex::encode(key)) };
                    let entry = key.get(32..).and_then(keys::number).ok_or_else(damaged)?;
                    let position = keys::number(value).ok_or_else(damaged)?;
                    Some(Position { entry, position })
                }
                _ => None,
            };
            rows.status().map_err(|source| StoreError::Engine { step: "reading a receipt", source })?;
            positions.push(position);
        }
        Ok(positions)
    }

    pub(super) fn read_tile(&self, path: TilePath) -> Result<Option<Bytes>, StoreError> {
        Ok(self.get(keys::TILES, &keys::tile(path.kind(), path.index()))?.and_then(|value| cut(value, path)))
    }

    pub(super) fn read_batch_tile(&self, entry: u64, path: TilePath) -> Result<Option<Bytes>, StoreError> {
        let key = keys::batch_tile(entry, path.kind(), path.index());
        Ok(self.get(keys::BATCHES, &key)?.and_then(|value| cut(value, path)))
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
        for row in self.engine.rows("reading cosignatures", keys::CHECKPOINTS, mode) {
            let (key, value) = row?;
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
        let row = self.engine.rows("reading the published sizes", keys::CHECKPOINTS, mode).next();
        let Some((key, _)) = row.transpose()? else { return Ok(None) };
        Ok(if key.first() == Some(&b'p') { keys::size_of(&key) } else { None })
    }

    /// The greatest size among the checkpoints' keys of one kind.
    fn last_sized(&self, kind: u8) -> Result<Option<TreeSize>, StoreError> {
        let beyond = [kind + 1];
        let mode = IteratorMode::From(&beyond, Direction::Reverse);
        let row = self.engine.rows("reading the checkpoints", keys::CHECKPOINTS, mode).next();
        let Some((key, _)) = row.transpose()? else { return Ok(None) };
        Ok(if key.first() == Some(&kind) { keys::size_of(&key) } else { None })
    }
}

/// The submissions of a group's record; `None` if it has another shape than was written.
fn read_group(key: &[u8], record: &[u8]) -> Option<Vec<Waiting>> {
    let last = keys::number(key)?;
    let (records, rest) = record.as_chunks::<RECORD>();
    let count = u64::try_from(records.len()).ok().filter(|count| *count > 0 && rest.is_empty())?;
    let first = last.checked_sub(count - 1)?;
    let submissions = (first..).zip(records).map(|(sequence, record)| {
        let (root, small) = record.split_at(Hash::LEN);
        Some(Waiting {
            sequence,
            root: Hash::from_slice(root)?,
            small: small.try_into().ok().map(u16::from_be_bytes)?,
            ends_group: sequence == last,
        })
    });
    submissions.collect()
}

/// A partial tile is a prefix of what is stored; a shorter value does not hold it (yet).
pub(super) fn cut(mut value: Vec<u8>, path: TilePath) -> Option<Bytes> {
    let wanted = match path.kind() {
        TileKind::Hashes(_) => Some(usize::from(path.width()) * Hash::LEN).filter(|n| *n <= value.len()),
        TileKind::Entries => tile::prefix_of_entries(&value, path.width()).ok().map(<[u8]>::len),
    }?;
    value.truncate(wanted);
    Some(Bytes::from(value))
}

fn parse_note(bytes: &[u8], what: &str) -> Result<Note, StoreError> {
    Note::parse(bytes).map_err(|e| StoreError::Damaged { what: format!("{what}: {e}") })
}
