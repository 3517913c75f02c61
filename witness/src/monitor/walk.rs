//! Reading the entries that weren't checked yet, a step of at most 65,536 at a time.
//!
//! In each step, the tiles of leaf hashes are authenticated against the tile above them, and each entry of a Treering
//! log has to hash to its place, decode, and be sealed later than the one before it and within the allowed distance of
//! the monitor's clock. Then its batch is fetched. When the step ends, it is done for good ([`State::checked`]).
//!
//! Memory: as many bundles and tiles as there are requests at once, and a step's entries (some 60 bytes each). The
//! level-1 tile of a step is one, since steps end where such a tile does.

mod entries;

use futures_util::{StreamExt as _, stream};
use treering_tlog::{
    hash::leaf_hash,
    tile::{TILE_WIDTH, split_entries},
    time::UnixMillis,
};
use treering_token::entry::Entry;

use super::{
    batch::{self, Batch},
    config::{Batches, LogConfig, LogKind},
    report::Finding,
    state::State,
    views::blank,
};
use crate::{
    evidence::{Evidence, Kind, Served},
    read::{
        fetch::FetchError,
        leaves::{Answers, fetch, fetch_bundle, whole},
        source::Source,
        tiles::{LEAVES, Tiles, Trouble, leaf_tile},
    },
};

/// What one tile of level 1 spans.
const STEP: u64 = 1 << 16;
/// Findings of one kind in a step for which evidence is gathered. The rest is counted.
const MAX_FINDINGS: usize = 8;
const WIDTH: u64 = TILE_WIDTH as u64;

/// What is needed to walk.
pub(super) struct Walk<'w> {
    pub(super) log: &'w LogConfig,
    pub(super) source: &'w Source,
    pub(super) concurrency: usize,
    pub(super) now: UnixMillis,
    pub(super) tiles: Tiles<'w>,
    pub(super) findings: Vec<Finding>,
    /// Findings for which no evidence was gathered.
    pub(super) more: usize,
}

impl Walk<'_> {
    /// Checks the next entries; false when there are none.
    pub(super) async fn step(&mut self, state: &mut State) -> Result<bool, Trouble> {
        let (start, size) = (state.checked, self.tiles.head().size.get());
        if start >= size {
            return Ok(false);
        }
        let end = size.min((start / STEP + 1) * STEP);
        self.tiles.forget(2);
        let mut last = state.last_entry.as_deref().and_then(decode_hex);
        let mut batches = Vec::new();
        let (source, head) = (self.source, self.tiles.head());
        let entries = self.log.kind == LogKind::Treering;
        let tiles = (start / WIDTH..=(end - 1) / WIDTH).filter_map(|index| leaf_tile(LEAVES, index, head));
        let mut served =
            stream::iter(tiles).map(|tile| fetch(source, tile, entries)).buffered(self.concurrency);
        while let Some(Answers { tile, hashes, bundle }) = served.next().await {
            let path = tile.to_string();
            let hashes = hashes.map_err(|error| Trouble::Fetch { path, error })?;
            let hashes = self.tiles.accept(tile, hashes).await?.to_vec();
            if let Some((path, bundle)) = bundle {
                let bytes = whole(self.source, path, bundle).await?;
                self.entries(state, start, (path, &bytes), &hashes, (&mut last, &mut batches)).await?;
            }
            if tile.is_full() {
                // Each is wanted once; what stays is the edge and what is above.
                self.tiles.forget(1);
            }
        }
        drop(served);
        self.batches(batches).await?;
        state.checked = end;
        state.last_entry = last.map(|entry| encode_hex(&entry));
        Ok(end < size)
    }

    /// Reads the next bundles of those that were checked again: each entry still has to hash to its place.
    pub(super) async fn recheck(&mut self, state: &mut State) -> Result<(), Trouble> {
        let head = self.tiles.head();
        let bundles = head.size.get().div_ceil(WIDTH);
        for _ in 0..self.log.recheck_bundles.min(bundles) {
            self.tiles.forget(2);
            let index = if state.recheck < bundles { state.recheck } else { 0 };
            let Some(tile) = leaf_tile(LEAVES, index, head) else { return Ok(()) };
            let hashes = self.tiles.tile(tile).await?.to_vec();
            if self.log.kind == LogKind::Treering
                && let Some((path, bundle)) = fetch_bundle(self.source, tile).await
            {
                let bytes = whole(self.source, path, bundle).await?;
                let entries = split_entries(&bytes, path.width()).unwrap_or_default();
                let mut places = (index * WIDTH..).zip(hashes.iter().enumerate());
                let wrong = places
                    .find(|(_, (at, hash))| entries.get(*at).is_none_or(|entry| leaf_hash(entry) != **hash));
                if let Some((index, (_, hash))) = wrong {
                    self.wrong_entry(index, hash, (path, &bytes)).await?;
                }
            }
            state.recheck = index + 1;
        }
        Ok(())
    }

    fn wants_batch(&self, state: &State, index: u64) -> bool {
        match self.log.batches {
            Batches::All => true,
            Batches::New => state.first_size.is_some_and(|first| index >= first),
            Batches::None => false,
        }
    }

    /// Fetches and checks the batches of a step.
    async fn batches(&mut self, batches: Vec<(u64, Entry)>) -> Result<(), Trouble> {
        let source = self.source;
        let mut checked = stream::iter(batches)
            .map(async |(index, entry)| (index, entry, batch::check(source, index, &entry).await))
            .buffer_unordered(self.concurrency);
        while let Some((index, entry, batch)) = checked.next().await {
            let path = format!("v1/batches/{index}");
            match batch {
                Batch::Right => {}
                Batch::Wrong(served) => {
                    let bytes = entry.encode();
                    self.with_leaf(Kind::WrongBatch, index, &bytes, &path, |evidence| {
                        evidence.served = served.into_iter().collect();
                    })
                    .await?;
                }
                Batch::Not(FetchError::Missing(410)) if self.retired(&entry) => {}
                // The other entries can be checked all the same.
                Batch::Not(FetchError::Missing(status)) => self.unavailable(path, status),
                Batch::Not(error) => return Err(Trouble::Fetch { path, error }),
            }
        }
        Ok(())
    }

    fn retired(&self, entry: &Entry) -> bool {
        let age = self.now.get().saturating_sub(entry.sealed_at().get());
        self.log.retention_ms.is_some_and(|retention| age > retention)
    }

    pub(super) fn unavailable(&mut self, path: String, status: u16) {
        if self.wants(Kind::Unavailable) {
            let served = vec![Served { path: path.clone(), bytes: Vec::new() }];
            let evidence =
                Evidence { served, number: u64::from(status), ..blank(Kind::Unavailable, self.now, &path) };
            self.findings.push(Finding { evidence, about: path });
        }
    }

    /// Is there room for one more finding of this kind?
    fn wants(&mut self, kind: Kind) -> bool {
        let found = self.findings.iter().filter(|finding| finding.evidence.kind == kind).count();
        if found >= MAX_FINDINGS {
            self.more += 1;
        }
        found < MAX_FINDINGS
    }
}

fn encode_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().as_chunks::<2>().0.iter();
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
