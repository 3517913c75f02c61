//! Making a store anew, entry by entry, from what a mirror has.
//!
//! Each step takes some entries, hashes them into the tree, and proves that tree to be a prefix of the newest signed
//! checkpoint's before anything else is asked for: a mirror that lies about one byte stops here. Then come their batches, each
//! held against its entry, and entries, tiles, batches, receipts' rows and past checkpoints are written in one synced
//! write, by the code that seals a running log's ticks.

use super::{RestoreError, mirror::Mirror};
use crate::{
    batch::{self, Edge},
    store::{Past, RocksStore, Store as _, StoreError, Tick},
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use std::collections::HashMap;
use treering_tlog::{
    checkpoint::{Origin, VerifiedCheckpoint},
    cosignature,
    hash::Hash,
    note::{Note, Signature, VerifierKey},
    policy::Policy,
    tile::{self, TILE_WIDTH, TileKind, TilePath, TileReader},
    tree::{self, MemoryTree, TreeHead, TreeSize},
};
use treering_token::entry::Entry;

/// Requests at once.
const AT_ONCE: usize = 8;
/// A step has at most so many submissions, unless one batch has more: 32 MiB of leaf hashes.
const STEP: u64 = 1 << 20;

/// What was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Entries that were added.
    pub entries: u64,
    /// Submissions in their batches.
    pub submissions: u64,
    /// Batches that the mirror lacks: they were dropped after the retention.
    pub dropped: u64,
    /// Batches before those, which are not kept.
    pub given_up: u64,
    /// Entries below this one have no batch.
    pub retained_from: u64,
    /// Past checkpoints.
    pub checkpoints: u64,
    /// Of these, those that don't meet the present policy: they are kept, and readers don't see them.
    pub unmet: u64,
}

pub(super) struct Rebuild<'a> {
    pub(super) store: &'a RocksStore,
    pub(super) mirror: &'a Mirror,
    pub(super) origin: &'a Origin,
    pub(super) policy: &'a Policy,
}

impl Rebuild<'_> {
    /// Adds what the store lacks; `tell` hears how far it is.
    pub(super) async fn run(&self, mut tell: impl FnMut(u64, u64)) -> Result<Rebuilt, RestoreError> {
        let newest = self.open(&self.mirror.checkpoint().await?, "checkpoint")?;
        let loaded = self.store.load()?;
        let mut edge = Edge::load(self.store, &loaded.head)?;
        let mut rebuilt = Rebuilt { retained_from: loaded.retained_from, ..Rebuilt::default() };
        let (from, to) = (loaded.head.size.get(), newest.head().size.get());
        if to <= from {
            let root =
                tree::root_from(&mut batch::reader(self.store, newest.head().size), newest.head().size)?;
            if root != newest.head().root {
                return Err(RestoreError::OtherHistory { size: newest.head().size });
            }
            // A backup may have a head that was published only after it.
            if !self.store.is_published(newest.head().size)? {
                let past = self.past(&[newest.head()], &newest, &mut rebuilt).await?;
                self.store.append(&[], &past, None)?;
            }
            return Ok(rebuilt);
        }
        self.prove(&edge.head(), &newest.head()).await?;
        let mut last = loaded.sealed_at;
        if from == 0 {
            let past = self.past(&[TreeHead::EMPTY], &newest, &mut rebuilt).await?;
            self.store.append(&[], &past, None)?;
        }
        let mut next = from;
        while next < to {
            let entries = self.entries(next, to).await?;
            let mut ticks: Vec<Tick> = entries.iter().map(|entry| batch::rebuild(&mut edge, entry)).collect();
            // Before their batches: how long one is says its entry, and until here that may be the mirror's word.
            self.prove(&edge.head(), &newest.head()).await?;
            let (retained_from, given_up) = (rebuilt.retained_from, rebuilt.given_up);
            let batches: Vec<_> = stream::iter(next..)
                .zip(stream::iter(&entries))
                .map(|(index, entry)| self.mirror.batch(index, entry.submissions()))
                .buffered(AT_ONCE)
                .try_collect()
                .await?;
            for (((index, entry), leaves), tick) in (next..).zip(&entries).zip(batches).zip(&mut ticks) {
                if last.is_some_and(|last| entry.sealed_at() <= last) {
                    return Err(RestoreError::Entry {
                        index,
                        what: "its time is not after the one before it".into(),
                    });
                }
                last = Some(entry.sealed_at());
                match leaves {
                    Some(bytes) => {
                        let leaves = leaf_hashes(index, entry, &bytes)?;
                        rebuilt.submissions += leaves.len() as u64;
                        tick.batch = batch::hash_tiles(&MemoryTree::new(leaves));
                    }
                    // What is kept follows what is dropped, so that one number tells them apart. A mirror that was away for
                    // longer than the retention has some before, which the log had dropped by then.
                    None => {
                        rebuilt.dropped += 1;
                        rebuilt.given_up += index - rebuilt.retained_from;
                        rebuilt.retained_from = index + 1;
                    }
                }
            }
            let heads: Vec<TreeHead> = ticks.iter().map(|tick| tick.head).collect();
            let past = self.past(&heads, &newest, &mut rebuilt).await?;
            // Where nothing is given up there is nothing to delete, and the number alone goes up.
            let first = if rebuilt.given_up > given_up { retained_from } else { rebuilt.retained_from };
            let dropped = (rebuilt.retained_from > retained_from).then_some(first..rebuilt.retained_from);
            // CRASH: before this write the store ends at `next`, and the next try goes on there; after it behind these, with
            // what is known of dropped batches.
            self.store.append(&ticks, &past, dropped)?;
            next += ticks.len() as u64;
            rebuilt.entries += ticks.len() as u64;
            tell(next, to);
        }
        Ok(rebuilt)
    }

    /// The entries from this one on, to the end of their bundle at most.
    async fn entries(&self, from: u64, to: u64) -> Result<Vec<Entry>, RestoreError> {
        let width = u64::from(TILE_WIDTH);
        let bundle = from / width;
        let count = u16::try_from((to - bundle * width).min(width)).expect("at most 256");
        let path = TilePath::new(TileKind::Entries, bundle, count).expect("within a tree's size");
        let bytes = self.mirror.tile(path).await?;
        let all = tile::split_entries(&bytes, count).map_err(StoreError::from)?;
        let mut entries = Vec::new();
        let mut submissions = 0_u64;
        let wanted = usize::try_from(from % width).expect("below 256");
        for (index, bytes) in (from..).zip(all.into_iter().skip(wanted)) {
            let entry = Entry::decode(bytes)
                .map_err(|error| RestoreError::Entry { index, what: error.to_string() })?;
            submissions = submissions.saturating_add(entry.submissions());
            if submissions > STEP && !entries.is_empty() {
                break;
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    /// The tree so far is a prefix of the newest signed one: proved from the mirror's hash tiles.
    async fn prove(&self, old: &TreeHead, new: &TreeHead) -> Result<(), RestoreError> {
        let refused = || RestoreError::OtherHistory { size: old.size };
        if old.size == new.size {
            return if old == new { Ok(()) } else { Err(refused()) };
        }
        if old.size.is_zero() {
            return Ok(());
        }
        let paths = tile::tiles_with(&tree::consistency_nodes(old.size, new.size), new.size);
        let tiles: HashMap<TilePath, Vec<u8>> = stream::iter(paths)
            .map(async |path| self.mirror.tile(path).await.map(|bytes| (path, bytes)))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let mut reader = TileReader::new(new.size, |path| {
            let missing = || StoreError::Damaged { what: format!("{path} is missing") };
            tiles.get(&path).cloned().ok_or_else(missing)
        });
        let proof = tree::prove_consistency(&mut reader, old.size, new.size)?;
        tree::verify_consistency(old, new, &proof).map_err(|_| refused())
    }

    /// The published checkpoints of these heads.
    async fn past(
        &self,
        heads: &[TreeHead],
        newest: &VerifiedCheckpoint,
        rebuilt: &mut Rebuilt,
    ) -> Result<Vec<Past>, RestoreError> {
        let notes: Vec<(TreeHead, Option<Vec<u8>>)> = stream::iter(heads)
            .map(async |head| Ok::<_, RestoreError>((*head, self.mirror.past(head.size.get()).await?)))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut past = Vec::new();
        for (head, note) in notes {
            let opened = match note {
                Some(note) => self.open(&note, &format!("v1/checkpoints/{}", head.size))?,
                None if head.size == newest.head().size => newest.clone(),
                None => continue,
            };
            if opened.head() != head {
                return Err(RestoreError::OtherHistory { size: head.size });
            }
            let kept = self.kept(&opened);
            rebuilt.checkpoints += 1;
            rebuilt.unmet += u64::from(!kept.published);
            past.push(kept);
        }
        Ok(past)
    }

    /// INVARIANT 5: what a mirror calls published is so here only if its cosignatures meet the policy.
    fn kept(&self, opened: &VerifiedCheckpoint) -> Past {
        let mut voters = Vec::new();
        let mut cosignatures: Vec<Signature> = Vec::new();
        for (index, witness) in self.policy.witnesses().iter().enumerate() {
            for line in opened.note().signatures().iter().filter(|line| witness.key.matches(line)) {
                if cosignature::verify(&witness.key, opened.checkpoint(), line).is_ok() {
                    voters.push(index);
                    cosignatures.push(line.clone());
                }
            }
        }
        let published = self.policy.needs_no_witness() || self.policy.is_met(&voters);
        let lines = opened.log_signatures().to_vec();
        let signed = Note::new(opened.note().text(), lines).expect("fewer lines than it had");
        Past { size: opened.head().size, signed, cosignatures, published }
    }

    fn open(&self, bytes: &[u8], path: &str) -> Result<VerifiedCheckpoint, RestoreError> {
        let refused = |what: String| RestoreError::Checkpoint { path: path.to_owned(), what };
        let note = Note::parse(bytes).map_err(|error| refused(error.to_string()))?;
        let keys: Vec<VerifierKey> = self.policy.log_keys(self.origin);
        VerifiedCheckpoint::open(note, self.origin, &keys).map_err(|error| refused(error.to_string()))
    }
}

/// What a mirror gave for a batch must be what its entry names.
fn leaf_hashes(index: u64, entry: &Entry, bytes: &[u8]) -> Result<Vec<Hash>, RestoreError> {
    let leaves: Vec<Hash> = bytes.chunks_exact(Hash::LEN).filter_map(Hash::from_slice).collect();
    let whole = bytes.len().is_multiple_of(Hash::LEN) && leaves.len() as u64 == entry.submissions();
    if whole && tree::root(&leaves) == entry.batch_root() {
        Ok(leaves)
    } else {
        Err(RestoreError::Batch { index })
    }
}

const _: fn(u64) -> Option<TreeSize> = TreeSize::new;
