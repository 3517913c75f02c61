//! The log's store in memory: what [`Store`] says, in a few maps. A test holds it against the real one.

use crate::{
    disk::{Disk, Failed, Flaw},
    executor::Node,
};
use bytes::Bytes;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use treering_log::store::{
    Accepted, GrantGroup, GrantPlace, Late, Loaded, Position, Sequence, Store, StoreError, Tick, TileValue,
    Waiting,
};
use treering_tlog::{
    hash::Hash,
    note::{Note, Signature},
    tile::{self, TileKind, TilePath},
    time::UnixMillis,
    tree::{TreeHead, TreeSize},
};

/// Kind, level and index of a tile.
type Tile = (u8, u64);

/// All that a log's store holds.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) head: TreeHead,
    pub(crate) sealed_at: Option<UnixMillis>,
    next: Sequence,
    pub(crate) waiting: BTreeMap<Sequence, Waiting>,
    commitments: BTreeMap<Sequence, Arc<[[u8; 32]]>>,
    tiles: BTreeMap<Tile, Bytes>,
    batches: BTreeMap<(u64, Tile), Bytes>,
    places: BTreeMap<(Hash, u64), u64>,
    small: BTreeMap<(u64, Hash), Bytes>,
    signed: BTreeMap<TreeSize, Note>,
    cosignatures: BTreeMap<(TreeSize, u32, String), Signature>,
    pub(crate) published: BTreeSet<TreeSize>,
    refreshed: Option<Note>,
    waiting_grants: BTreeMap<u64, GrantGroup>,
    grants: BTreeMap<[u8; 16], GrantPlace>,
    grant_tiles: BTreeMap<(u64, Tile), Bytes>,
    window_closed: u64,
    retained_from: u64,
    frozen: Option<TreeSize>,
}

impl Default for Held {
    fn default() -> Held {
        Held {
            head: TreeHead::EMPTY,
            sealed_at: None,
            next: 0,
            waiting: BTreeMap::new(),
            commitments: BTreeMap::new(),
            tiles: BTreeMap::new(),
            batches: BTreeMap::new(),
            places: BTreeMap::new(),
            small: BTreeMap::new(),
            signed: BTreeMap::new(),
            cosignatures: BTreeMap::new(),
            published: BTreeSet::new(),
            refreshed: None,
            waiting_grants: BTreeMap::new(),
            grants: BTreeMap::new(),
            grant_tiles: BTreeMap::new(),
            window_closed: 0,
            retained_from: 0,
            frozen: None,
        }
    }
}

impl Held {
    /// Is this submission here, waiting or sealed?
    pub(crate) fn has(&self, root: &Hash) -> bool {
        self.waiting.values().any(|waiting| waiting.root == *root)
            || self.places.range((*root, 0)..=(*root, u64::MAX)).next().is_some()
    }

    /// Is this grant here, waiting or sealed?
    pub(crate) fn has_grant(&self, serial: &[u8; 16]) -> bool {
        let mut waiting = self.waiting_grants.values().flat_map(|group| &group.grants);
        self.grants.contains_key(serial) || waiting.any(|grant| grant.serial == *serial)
    }

    pub(crate) fn tile(&self, path: TilePath) -> Option<Bytes> {
        cut(self.tiles.get(&tile(path.kind(), path.index())), path)
    }

    fn add_lines(&mut self, size: TreeSize, lines: &[Signature]) {
        for line in lines {
            let key = (size, line.id().0, line.name().to_string());
            self.cosignatures.entry(key).or_insert_with(|| line.clone());
        }
    }

    fn consume(&mut self, tick: &Tick) {
        for submission in &tick.submissions {
            self.waiting.remove(&submission.sequence);
            self.next = self.next.max(submission.sequence + 1);
        }
        for group in tick.grants.iter().flat_map(|sealed| &sealed.groups) {
            self.waiting_grants.remove(&group.number);
        }
    }

    fn seal(&mut self, tick: &Tick) {
        let entry = tick.entry();
        let value = |value: &TileValue| (tile(value.kind, value.index), Bytes::from(value.bytes.clone()));
        self.tiles.extend(tick.tiles.iter().map(value));
        self.batches.extend(tick.batch.iter().map(value).map(|(tile, bytes)| ((entry, tile), bytes)));
        for (position, submission) in (0..).zip(&tick.submissions) {
            self.places.insert((submission.root, entry), position);
            if let Some(commitments) = self.commitments.remove(&submission.sequence) {
                self.small.insert((entry, submission.root), Bytes::from(commitments.concat()));
            }
        }
        if let Some(sealed) = &tick.grants {
            let grants = sealed.groups.iter().flat_map(|group| &group.grants);
            self.grants.extend((0..).zip(grants).map(|(index, grant)| {
                let place = GrantPlace { entry, index, size: sealed.size, commitment: grant.commitment };
                (grant.serial, place)
            }));
            let tiles = sealed.tiles.iter().map(value);
            self.grant_tiles.extend(tiles.map(|(tile, bytes)| ((entry, tile), bytes)));
            self.places.insert((sealed.root, entry), sealed.position);
        }
        self.consume(tick);
        self.head = tick.head;
        self.sealed_at = Some(tick.sealed_at);
    }

    fn checkpoint(&self, size: TreeSize) -> Option<Note> {
        let signed = self.signed.get(&size)?;
        let kept =
            self.cosignatures.range((size, 0, String::new())..).take_while(|((at, ..), _)| *at == size);
        let lines = signed.signatures().iter().chain(kept.map(|(_, line)| line)).cloned().collect();
        Note::new(signed.text(), lines).ok()
    }

    fn loaded(&self) -> Loaded {
        let waiting: Vec<Waiting> = self.waiting.values().copied().collect();
        let after = waiting.last().map_or(0, |last| last.sequence + 1);
        Loaded {
            head: self.head,
            sealed_at: self.sealed_at,
            waiting,
            next_sequence: after.max(self.next),
            grants: self.waiting_grants.values().cloned().collect(),
            signed: self.signed.values().next_back().cloned(),
            published: self.published.last().copied(),
            refreshed: self.refreshed.clone(),
            window_closed: self.window_closed,
            retained_from: self.retained_from,
            frozen: self.frozen,
        }
    }
}

/// The store as one running log has it.
#[derive(Debug)]
pub(crate) struct SimStore {
    disk: Arc<Disk<Held>>,
    node: Node,
    flaw: Flaw,
    watch: Arc<dyn Watch>,
}

/// Who looks on when a tick is sealed.
pub(crate) trait Watch: Send + Sync + std::fmt::Debug {
    /// Before it is written.
    fn seals(&self, held: &Held, tick: &Tick);
}

impl SimStore {
    pub(crate) fn open(disk: &Arc<Disk<Held>>, node: Node, flaw: Flaw, watch: Arc<dyn Watch>) -> SimStore {
        disk.open(node);
        SimStore { disk: Arc::clone(disk), node, flaw, watch }
    }

    fn write(&self, what: &str, write: impl FnOnce(&mut Held)) -> Result<(), StoreError> {
        self.disk.write(self.node, what, write, None).map_err(|Failed| failed("writing"))
    }

    fn read<R>(&self, look: impl FnOnce(&Held) -> R) -> Result<R, StoreError> {
        self.disk.try_read(look).map_err(|Failed| failed("reading"))
    }
}

fn failed(step: &'static str) -> StoreError {
    StoreError::File { step, source: std::io::Error::other("of the simulation") }
}

impl Store for SimStore {
    fn load(&self) -> Result<Loaded, StoreError> {
        self.read(Held::loaded)
    }

    fn accept(&self, first: Sequence, group: &[Accepted]) -> Result<(), StoreError> {
        self.write("accept", |held| {
            let count = group.len() as u64;
            for (sequence, accepted) in (first..).zip(group) {
                let small = accepted.small.as_deref().map_or(0, |small| u16::try_from(small.len()).unwrap());
                let ends_group = sequence + 1 == first + count;
                held.waiting.insert(sequence, Waiting { sequence, root: accepted.root, small, ends_group });
                if let Some(small) = accepted.small.clone().filter(|small| !small.is_empty()) {
                    held.commitments.insert(sequence, small);
                }
            }
        })
    }

    fn accept_grants(&self, group: &GrantGroup) -> Result<(), StoreError> {
        self.write("accept grants", |held| drop(held.waiting_grants.insert(group.number, group.clone())))
    }

    fn seal(&self, tick: &Tick) -> Result<(), StoreError> {
        self.disk.read(|held| self.watch.seals(held, tick));
        let torn = |held: &mut Held| held.consume(tick);
        let torn: Option<&dyn Fn(&mut Held)> = if self.flaw == Flaw::TornSeal { Some(&torn) } else { None };
        let what = format!("seal {}", tick.head.size);
        self.disk.write(self.node, &what, |held| held.seal(tick), torn).map_err(|Failed| failed("sealing"))
    }

    fn keep_signed(&self, size: TreeSize, note: &Note) -> Result<(), StoreError> {
        self.write("keep signed", |held| drop(held.signed.insert(size, note.clone())))
    }

    fn keep_small(&self, late: &[Late]) -> Result<(), StoreError> {
        self.write("keep small", |held| {
            for Late { entry, root, commitments } in late {
                held.small.insert((*entry, *root), Bytes::from(commitments.concat()));
            }
        })
    }

    fn keep_cosignatures(&self, size: TreeSize, cosignatures: &[Signature]) -> Result<(), StoreError> {
        self.write("keep cosignatures", |held| held.add_lines(size, cosignatures))
    }

    fn publish(&self, size: TreeSize, cosignatures: &[Signature]) -> Result<(), StoreError> {
        self.write("publish", |held| {
            held.add_lines(size, cosignatures);
            held.published.insert(size);
            held.refreshed = None;
        })
    }

    fn keep_refreshed(&self, note: &Note) -> Result<(), StoreError> {
        self.write("keep refreshed", |held| held.refreshed = Some(note.clone()))
    }

    fn close_window(&self, entry: u64) -> Result<bool, StoreError> {
        self.write("close the window", |held| {
            held.small.retain(|(at, _), _| *at >= entry);
            held.window_closed = entry;
        })?;
        Ok(true)
    }

    fn drop_batches(&self, entry: u64) -> Result<(), StoreError> {
        self.write("drop batches", |held| {
            held.batches.retain(|(at, _), _| *at >= entry);
            held.grant_tiles.retain(|(at, _), _| *at >= entry);
            held.retained_from = entry;
        })
    }

    fn freeze(&self, size: TreeSize) -> Result<(), StoreError> {
        self.write("freeze", |held| held.frozen = Some(size))
    }

    fn positions(&self, wanted: &[(Hash, u64)]) -> Result<Vec<Option<Position>>, StoreError> {
        let latest = self.flaw == Flaw::LatestPlace;
        self.read(|held| {
            let position = |(root, from): &(Hash, u64)| {
                let mut places = held.places.range((*root, *from)..=(*root, u64::MAX));
                let place = if latest { places.next_back() } else { places.next() };
                place.map(|((_, entry), position)| Position { entry: *entry, position: *position })
            };
            wanted.iter().map(position).collect()
        })
    }

    fn tile(&self, path: TilePath) -> Result<Option<Bytes>, StoreError> {
        self.read(|held| held.tile(path))
    }

    fn batch_tile(&self, entry: u64, path: TilePath) -> Result<Option<Bytes>, StoreError> {
        self.read(|held| cut(held.batches.get(&(entry, tile(path.kind(), path.index()))), path))
    }

    fn grant(&self, serial: &[u8; 16]) -> Result<Option<GrantPlace>, StoreError> {
        self.read(|held| held.grants.get(serial).copied())
    }

    fn grant_tile(&self, entry: u64, path: TilePath) -> Result<Option<Bytes>, StoreError> {
        self.read(|held| cut(held.grant_tiles.get(&(entry, tile(path.kind(), path.index()))), path))
    }

    fn small(&self, entry: u64, root: &Hash) -> Result<Option<Bytes>, StoreError> {
        self.read(|held| held.small.get(&(entry, *root)).cloned())
    }

    fn checkpoint(&self, size: TreeSize) -> Result<Option<Note>, StoreError> {
        self.read(|held| held.checkpoint(size))
    }

    fn is_published(&self, size: TreeSize) -> Result<bool, StoreError> {
        self.read(|held| held.published.contains(&size))
    }

    fn first_published_over(&self, entry: u64) -> Result<Option<TreeSize>, StoreError> {
        self.read(|held| held.published.iter().find(|size| size.get() > entry).copied())
    }

    fn free_bytes(&self) -> Result<u64, StoreError> {
        Ok(u64::MAX)
    }

    fn health(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn close(&self) {}
}

fn tile(kind: TileKind, index: u64) -> Tile {
    match kind {
        TileKind::Hashes(level) => (level.get(), index),
        TileKind::Entries => (u8::MAX, index),
    }
}

/// A partial tile is a prefix of what is stored; a shorter value does not hold it.
fn cut(value: Option<&Bytes>, path: TilePath) -> Option<Bytes> {
    let value = value?;
    let width = match path.kind() {
        TileKind::Hashes(_) => {
            Some(usize::from(path.width()) * Hash::LEN).filter(|width| *width <= value.len())
        }
        TileKind::Entries => tile::prefix_of_entries(value, path.width()).ok().map(<[u8]>::len),
    }?;
    Some(value.slice(..width))
}
