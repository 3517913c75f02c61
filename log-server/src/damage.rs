//! What of the old data is damaged, as the scrub found it: named in readiness, and not served.

use crate::{
    broken::{Promise, is_broken},
    check::{Finding, Report, WIDTH},
    scrub,
};
use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};
use treering_tlog::tile::{TileKind, TileLevel, TilePath};

/// Findings that are kept for readiness.
const MAX_FINDINGS: usize = 100;

/// Shared by the scrub, which adds, and by those who read for others.
#[derive(Debug, Default)]
pub(crate) struct Damage(Mutex<Found>);

/// In this round and the one before.
#[derive(Debug, Default)]
struct Found {
    findings: Vec<Finding>,
    all: u64,
    /// Of the round before: named until this one has gone over it.
    before: Option<(Vec<Finding>, u64)>,
    withheld: Withheld,
}

/// What is not served.
#[derive(Clone, Debug, Default)]
pub(crate) struct Withheld {
    pub(crate) tiles: HashSet<(TileKind, u64)>,
    pub(crate) batches: HashSet<u64>,
}

impl Withheld {
    /// What a finding names is not served: which bytes of it are wrong can't be told to a reader.
    pub(crate) fn add(&mut self, place: &str) {
        if let Some(Ok(entry)) = place.strip_prefix("batch ").map(str::parse) {
            self.batches.insert(entry);
        } else if let Some(Ok(entry)) = place.strip_prefix("entry ").map(str::parse::<u64>) {
            self.tiles.insert((TileKind::Entries, entry / WIDTH));
        } else if let Ok(path) = TilePath::parse(place) {
            self.tiles.insert((path.kind(), path.index()));
            // Which of the two is wrong, the tile or the entries below it, isn't known.
            if path.kind() == TileKind::Hashes(TileLevel::LEAVES) {
                self.tiles.insert((TileKind::Entries, path.index()));
            }
        }
    }
}

impl Damage {
    /// A new round begins: what the one before found and this one doesn't find is over.
    pub(crate) fn round_begins(&self) {
        let mut found = self.found();
        found.before = Some((std::mem::take(&mut found.findings), std::mem::take(&mut found.all)));
    }

    /// What a step of the scrub found; how much is known to be damaged now.
    pub(crate) fn add(&self, report: &Report) -> u64 {
        let mut found = self.found();
        found.all += report.findings.len() as u64 + report.unlisted;
        found.withheld.tiles.extend(&report.withheld.tiles);
        found.withheld.batches.extend(&report.withheld.batches);
        for finding in &report.findings {
            if found.findings.len() < MAX_FINDINGS {
                found.findings.push(finding.clone());
            }
        }
        found.before.as_ref().map_or(0, |(_, all)| *all).max(found.all)
    }

    /// For readiness.
    pub(crate) fn named(&self) -> Vec<String> {
        let found = self.found();
        match &found.before {
            Some((findings, all)) if *all > found.all => scrub::named(findings, *all),
            _ => scrub::named(&found.findings, found.all),
        }
    }

    /// Is this tile, or bundle of entries, not to be served?
    pub(crate) fn withholds_tile(&self, kind: TileKind, index: u64) -> bool {
        self.found().withheld.tiles.contains(&(kind, index)) && !is_broken(Promise::Serve)
    }

    /// Is this batch not to be served?
    pub(crate) fn withholds_batch(&self, entry: u64) -> bool {
        self.found().withheld.batches.contains(&entry) && !is_broken(Promise::Serve)
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        // Nothing here panics half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_finding_names_is_withheld_and_nothing_else() {
        let mut withheld = Withheld::default();
        for place in ["receipt of leaf ab", "checkpoint 7", "head 9", "batch x"] {
            withheld.add(place);
        }
        assert!(withheld.tiles.is_empty() && withheld.batches.is_empty());
        for place in ["batch 3", "entry 513", "tile/0/001", "tile/1/000.p/7", "tile/entries/004.p/2"] {
            withheld.add(place);
        }
        assert_eq!(withheld.batches.into_iter().collect::<Vec<_>>(), [3]);
        let level = |level| TileKind::Hashes(TileLevel::new(level).unwrap());
        let entries = TileKind::Entries;
        let wanted = [(entries, 2), (level(0), 1), (entries, 1), (level(1), 0), (entries, 4)];
        assert_eq!(withheld.tiles, wanted.into_iter().collect());
    }
}
