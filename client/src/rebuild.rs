//! Receipts made again out of what a log, or a mirror of it, lets anybody read: batches, tiles and checkpoints. Neither the
//! log's list of receipts nor the log itself is needed.
//!
//! ```text
//! submission root ─▶ leaf hash ─▶ which batch has it? ─▶ its way to the batch root ─▶ entry
//! entry ─▶ a checkpoint that covers it and meets the policy ─▶ its way to the log's root ─▶ receipt, verified
//! ```
//! Whoever is read is not believed: what comes out was verified under the user's policy. Memory: one bundle of entries and a
//! few batches' worth of network buffers; a batch is read twice rather than held.

mod batch;
pub(crate) mod bundle;
mod error;

use crate::{clock, http::Client};
use batch::Search;
pub use error::RebuildError;
use futures_util::{StreamExt as _, stream};
use std::{collections::HashMap, ops::Range};
use treering_tlog::{
    hash::{Hash, leaf_hash},
    note::Note,
    policy::Policy,
    tile::{TILE_WIDTH, TileError, TileKind, TilePath, TileReader, split_entries, tiles_with},
    time::UnixMillis,
    tree::{LeafIndex, TreeSize, inclusion_nodes, prove_inclusion},
};
use treering_token::{commitment::Commitment, entry::Entry, layer::Layer, token::Token, verify::Verifier};

/// Requests at once.
const AT_ONCE: usize = 16;
/// Checkpoints after the entry's own that are asked for before the newest is taken: an older one has an earlier time.
const NEXT_SIZES: u64 = 256;
const WIDTH: u64 = TILE_WIDTH as u64;

/// Where the entry may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Where {
    /// Somewhere: every batch is read, the newest first.
    #[default]
    Anywhere,
    /// In this entry.
    Entry(u64),
    /// In an entry sealed, by the log's own word, not before the first and not after the second.
    Sealed(UnixMillis, UnixMillis),
}

/// Makes the receipt of a submission root again, verified under the policy.
///
/// # Errors
/// The root isn't found, something can't be read, or nothing verifies.
pub async fn receipt(
    client: &Client,
    policy: &Policy,
    root: &Hash,
    place: Where,
) -> Result<Token, RebuildError> {
    let newest = client.checkpoint().await?;
    let size = size_of(policy, &newest)?;
    let reader = Reader { client, policy, size };
    let found = reader.find(&leaf_hash(root.as_bytes()), place).await?;
    let Some((index, entry, layer)) = found else {
        return Err(RebuildError::NotFound { root: *root, size: size.get() });
    };
    let mut fault = RebuildError::NotFound { root: *root, size: size.get() };
    for note in reader.checkpoints(index, &newest).await? {
        // Of one that was published long ago, a mirror may not have the partial tiles: a later one may still do.
        let receipt = match reader.receipt(index, entry, &layer, note).await {
            Ok(receipt) => receipt,
            Err(error) => {
                fault = error;
                continue;
            }
        };
        // INVARIANT: nothing that was read counts before this.
        let verifier = Verifier { policy, now: clock::now() };
        match verifier.receipt(&receipt, &Commitment(*root)) {
            Ok(_) => return Ok(receipt),
            Err(error) => fault = RebuildError::Receipt { root: *root, error },
        }
    }
    Err(fault)
}

/// The tree of the newest checkpoint, read from outside.
struct Reader<'a> {
    client: &'a Client,
    policy: &'a Policy,
    size: TreeSize,
}

impl Reader<'_> {
    /// The entry whose batch has this leaf, and the leaf's way in it.
    async fn find(
        &self,
        leaf: &Hash,
        place: Where,
    ) -> Result<Option<(LeafIndex, Entry, Layer)>, RebuildError> {
        let range = match place {
            Where::Anywhere => 0..self.size.get(),
            Where::Entry(entry) => entry..self.size.get().min(entry.saturating_add(1)),
            Where::Sealed(from, to) => self.sealed_from(from).await?..self.sealed_after(to).await?,
        };
        if range.is_empty() {
            return Ok(None);
        }
        for bundle in (range.start / WIDTH..=(range.end - 1) / WIDTH).rev() {
            if let Some(found) = self.find_in(leaf, bundle, &range).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn find_in(
        &self,
        leaf: &Hash,
        bundle: u64,
        range: &Range<u64>,
    ) -> Result<Option<(LeafIndex, Entry, Layer)>, RebuildError> {
        let entries = self.entries(bundle).await?;
        let wanted = (bundle * WIDTH..).zip(entries).filter(|(index, _)| range.contains(index));
        let mut searches = stream::iter(wanted.collect::<Vec<_>>().into_iter().rev())
            .map(async |(index, entry)| {
                let search = Search { client: self.client, index, entry };
                search.place(leaf).await.map(|place| (index, entry, place))
            })
            .buffered(AT_ONCE);
        while let Some(searched) = searches.next().await {
            let (index, entry, place) = searched?;
            let Some(place) = place else { continue };
            let search = Search { client: self.client, index, entry };
            let layer = search.layer(place).await?;
            return Ok(self.size.leaf(index).map(|index| (index, entry, layer)));
        }
        Ok(None)
    }

    /// The entries of a bundle.
    async fn entries(&self, bundle: u64) -> Result<Vec<Entry>, RebuildError> {
        let width = u16::try_from((self.size.get() - bundle * WIDTH).min(WIDTH)).unwrap_or(TILE_WIDTH);
        let Some(tile) = TilePath::new(TileKind::Entries, bundle, width) else { return Ok(Vec::new()) };
        let bytes = self.client.tile(tile).await?;
        let entries = split_entries(&bytes, width).map_err(|error| RebuildError::Tile { tile, error })?;
        let decode = |(at, bytes): (usize, &[u8])| {
            let index = bundle * WIDTH + at as u64;
            Entry::decode(bytes).map_err(|error| RebuildError::Entry { index, error })
        };
        entries.into_iter().enumerate().map(decode).collect()
    }

    /// The first entry that was sealed at this time or later.
    async fn sealed_from(&self, time: UnixMillis) -> Result<u64, RebuildError> {
        self.first(|entry| entry.sealed_at() >= time).await
    }

    /// The first entry that was sealed after this time.
    async fn sealed_after(&self, time: UnixMillis) -> Result<u64, RebuildError> {
        self.first(|entry| entry.sealed_at() > time).await
    }

    /// The first entry that is so, where all later ones are so too: `sealed_at` grows from entry to entry.
    async fn first(&self, is: impl Fn(&Entry) -> bool) -> Result<u64, RebuildError> {
        let (mut low, mut high) = (0, self.size.get().div_ceil(WIDTH));
        while low < high {
            let middle = low + (high - low) / 2;
            let entries = self.entries(middle).await?;
            match entries.iter().position(&is) {
                Some(0) => high = middle,
                Some(at) => return Ok(middle * WIDTH + at as u64),
                None => low = middle + 1,
            }
        }
        Ok((low * WIDTH).min(self.size.get()))
    }

    /// Checkpoints that cover an entry, those that may do best first: the earliest, and at last the newest.
    async fn checkpoints(&self, index: LeafIndex, newest: &[u8]) -> Result<Vec<Note>, RebuildError> {
        let first = index.smallest_tree().get();
        let sizes = first..self.size.get().min(first.saturating_add(NEXT_SIZES));
        let mut asked = stream::iter(sizes).map(|size| self.client.past_checkpoint(size)).buffered(AT_ONCE);
        let mut notes = Vec::new();
        while let Some(note) = asked.next().await {
            let Some(note) = note?.and_then(|bytes| Note::parse(&bytes).ok()) else { continue };
            let Ok(opened) = self.policy.open(note.clone()) else { continue };
            let witnesses: Vec<usize> = opened.cosigned.iter().map(|by| by.witness).collect();
            if self.policy.is_met(&witnesses) && opened.checkpoint.head().size > TreeSize::ZERO {
                notes.push(note);
                break;
            }
        }
        notes.extend(Note::parse(newest).ok());
        Ok(notes)
    }

    async fn receipt(
        &self,
        index: LeafIndex,
        entry: Entry,
        layer: &Layer,
        note: Note,
    ) -> Result<Token, RebuildError> {
        let size = size_of(self.policy, note.to_string().as_bytes())?;
        let mut tiles = HashMap::new();
        for tile in tiles_with(&inclusion_nodes(index, size), size) {
            tiles.insert(tile, self.client.tile(tile).await?.to_vec());
        }
        let fetch = |tile: TilePath| {
            // Each that is asked for was fetched: both go by the same plan.
            tiles.get(&tile).cloned().ok_or(TileError::Path)
        };
        let path = prove_inclusion(&mut TileReader::new(size, fetch), index, size);
        let path = path.map_err(RebuildError::Tree)?;
        Ok(Token::receipt(entry, layer.clone(), index.get(), path, note))
    }
}

/// The size of a checkpoint by one of the policy's logs.
fn size_of(policy: &Policy, note: &[u8]) -> Result<TreeSize, RebuildError> {
    let note = Note::parse(note).map_err(RebuildError::NotACheckpoint)?;
    Ok(policy.open(note)?.checkpoint.head().size)
}
