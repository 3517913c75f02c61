//! Re-verifying a stopped log's whole store: every entry, tile, batch, receipt and checkpoint.
//!
//! Nothing that the store says about itself is believed: the tree is built anew from the entries, and everything else
//! is held against it. Memory stays bounded whatever the log's size: one bundle, one batch and one tile a level.

mod checkpoints;
mod entries;
mod grants;
mod receipts;
#[cfg(test)]
mod tests;

pub(crate) use checkpoints::Checkpoint;
pub(crate) use entries::{Tiles, WIDTH, Walk, name};

use crate::{
    damage::Withheld,
    record::Record,
    recover,
    store::{Loaded, RocksStore, Store, StoreError, TileValue},
};
use bytes::Bytes;
use std::path::Path;
use treering_tlog::{
    checkpoint::Origin,
    hash::{self, Hash},
    policy::Policy,
    tile::{TILE_WIDTH, TileKind, TileLevel, TilePath},
    tree::{self, TreeHead},
};

/// Findings beyond this many are counted and not listed.
const MAX_LISTED: usize = 200;

/// What was gone through, and what is broken.
#[derive(Debug, Default)]
pub struct Report {
    /// Entries in the tree.
    pub entries: u64,
    /// Batches whose leaf hashes are kept.
    pub batches: u64,
    /// Submissions in these batches.
    pub submissions: u64,
    /// Tiles and entry bundles.
    pub tiles: u64,
    /// Signed checkpoints.
    pub checkpoints: u64,
    /// How many of them were published.
    pub published: u64,
    /// How many of these don't meet the present policy.
    pub unmet: u64,
    /// Cosignatures by witnesses of the policy, all verified.
    pub cosignatures: u64,
    /// Timestamp tokens in these batches.
    pub grants: u64,
    /// Submissions and timestamp tokens that are accepted and wait for their tick.
    pub waiting: u64,
    /// What is broken and where.
    pub findings: Vec<Finding>,
    /// How many findings are not listed.
    pub unlisted: u64,
    /// What is worth knowing, and no damage.
    pub remarks: Vec<String>,
    /// What of the findings isn't to be served, of those that are not listed as well.
    pub(crate) withheld: Withheld,
}

/// One thing that is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where: `entry 17`, `tile/0/000.p/5`, `checkpoint 18` …
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl Report {
    /// Nothing is broken.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    pub(crate) fn find(&mut self, place: impl ToString, what: impl ToString) {
        let place = place.to_string();
        self.withheld.add(&place);
        if self.findings.len() < MAX_LISTED {
            self.findings.push(Finding { place, what: what.to_string() });
        } else {
            self.unlisted += 1;
        }
    }
}

/// Checks the store of a stopped log, and the record beside it; of a copy there is none.
///
/// # Errors
/// The check could not be done (the log is running, or there is no store); damage is not an error but a finding.
pub fn check_store(
    path: &Path,
    record: Option<&Record>,
    (origin, policy): (&Origin, &Policy),
) -> Result<Report, StoreError> {
    if !RocksStore::exists(path) {
        let source =
            std::io::Error::new(std::io::ErrorKind::NotFound, format!("no store at {}", path.display()));
        return Err(StoreError::File { step: "opening", source });
    }
    let mut report = Report::default();
    let store = match RocksStore::open(path, origin, 64 << 20) {
        Ok(store) => store,
        Err(
            error @ (StoreError::InUse { .. }
            | StoreError::OtherOrigin { .. }
            | StoreError::Older { .. }
            | StoreError::Setting { .. }
            | StoreError::Format { .. }),
        ) => {
            return Err(error);
        }
        Err(error) => {
            report.find("store", format!("it does not open: {error}"));
            return Ok(report);
        }
    };
    report.remarks.extend(store.cut());
    let outcome = go_through(&store, record, (origin, policy), &mut report);
    if let Err(error) = outcome {
        report.find("store", error);
    }
    store.close();
    Ok(report)
}

fn go_through(
    store: &RocksStore,
    record: Option<&Record>,
    (origin, policy): (&Origin, &Policy),
    report: &mut Report,
) -> Result<(), StoreError> {
    let loaded = store.load()?;
    let grants: usize = loaded.grants.iter().map(|group| group.grants.len()).sum();
    report.waiting = u64::try_from(loaded.waiting.len() + grants).unwrap_or(u64::MAX);
    match record.map(|record| recover::load(store, record)) {
        Some(Ok((known, _))) if known.frozen != loaded.frozen => report.remarks.push(
            "the record says that the log has ended; the store takes that over at the next start".into(),
        ),
        None | Some(Ok(_)) => {}
        // The store's own errors come up again below, with their places.
        Some(Err(recover::StartError::Store(_))) => {}
        Some(Err(error)) => report.find("record", error),
    }
    if loaded.retained_from > loaded.head.size.get() || loaded.window_closed > loaded.head.size.get() {
        report.find("meta", "batches or commitments are said to be deleted beyond the last entry");
    }
    if let Some(size) = loaded.frozen {
        report.remarks.push(format!("the log ended at size {size}, and is read-only"));
        if size != loaded.head.size || loaded.published != Some(size) || report.waiting > 0 {
            report.find("meta", format!("the log ended at size {size}, but something was added to it"));
        }
    }
    intake(store, &loaded, report)?;
    let mut checkpoints = checkpoints::Checkpoints::new(store, origin, policy);
    checkpoints.reach(&TreeHead::EMPTY, report)?;
    let rows = entries::check(store, &loaded, &mut checkpoints, report)?;
    checkpoints.finish(&loaded, report)?;
    receipts::check(store, &loaded, rows, report)?;
    grants::check(store, &loaded, report)
}

/// The leaf hashes in a tree's tiles, as they lie there.
fn leaf_bytes(tiles: &[TileValue]) -> Vec<u8> {
    let leaves = tiles.iter().filter(|tile| tile.kind == TileKind::Hashes(TileLevel::LEAVES));
    leaves.flat_map(|tile| &tile.bytes).copied().collect()
}

/// One leaf hash, out of the tile that holds it.
fn leaf(
    index: u64,
    tile: impl FnOnce(TilePath) -> Result<Option<Bytes>, StoreError>,
) -> Result<Option<Hash>, StoreError> {
    let width = u64::from(TILE_WIDTH);
    let place = u16::try_from(index % width).expect("below 256");
    let leaves = TileKind::Hashes(TileLevel::LEAVES);
    let Some(path) = TilePath::new(leaves, index / width, place + 1) else { return Ok(None) };
    Ok(tile(path)?.and_then(|tile| tile.rchunks_exact(Hash::LEN).next().and_then(Hash::from_slice)))
}

/// Submissions that wait: those with commitments must have the root that these lead to.
fn intake(store: &RocksStore, loaded: &Loaded, report: &mut Report) -> Result<(), StoreError> {
    for submission in loaded.waiting.iter().filter(|submission| submission.small > 0) {
        let commitments = store.intake_commitments(submission)?;
        let leaves: Vec<Hash> = commitments.chunks_exact(Hash::LEN).map(hash::leaf_hash).collect();
        if tree::root(&leaves) != submission.root {
            report
                .find(format!("intake record {}", submission.sequence), "its commitments have another root");
        }
    }
    Ok(())
}
