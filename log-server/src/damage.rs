//! What of the old data is damaged, as the scrub found it: named in readiness, and not served.

use crate::{
    check::{Finding, Report},
    scrub,
};
use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};
use treering_tlog::tile::TileKind;

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
        for finding in &report.findings {
            scrub::withhold(finding, &mut found.withheld);
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
        self.found().withheld.tiles.contains(&(kind, index))
    }

    /// Is this batch not to be served?
    pub(crate) fn withholds_batch(&self, entry: u64) -> bool {
        self.found().withheld.batches.contains(&entry)
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        // Nothing here panics half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
