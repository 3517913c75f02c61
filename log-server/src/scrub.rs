//! The scrub: while the log runs, old data is read again and verified, entry by entry, by the code of `check`, round and
//! round.
//!
//! Disks lose bits where nobody looks for years. A round builds the whole tree anew from the stored entries, and holds tiles,
//! batches, receipts' rows and checkpoints against it, down to the root that the log had when the round began. It goes at a
//! configured rate, holds one batch at a time in memory, and doesn't fill the store's cache. Where it is, is kept in a file
//! beside the store (`<store>.scrub`), so that a log that is restarted often has its last entries read, too.
//!
//! What is found is logged, counted, and named in readiness until the next round has gone over it; what it names is not
//! served any more. Signing goes on (decision 0013).
//!
//! What this does not do: it repairs nothing, and blocks that are in the store's cache are not read from the disk.

use crate::{
    beside,
    check::{Checkpoint, Finding, Report, Tiles, WIDTH, Walk},
    state::{Core, Fatal, Phase},
    store::{RocksStore, StoreError},
};
use std::{fs, num::NonZeroU64, path::PathBuf, sync::Arc, time::Duration};
use treering_tlog::{tile::TileKind, tree::TreeHead};

/// What is read in one go.
const STEP: u64 = 1 << 20;
/// Verifying a signature takes as long as reading so many bytes at the rate that is meant for a small machine.
const SIGNATURE: u64 = 4096;
/// Before the first round, and between two: a start has better things to do, and so has a log with few entries.
const PAUSE: Duration = Duration::from_secs(2);
/// Findings beyond this many of one round are counted and not named.
const MAX_NAMED: usize = 20;
const FIRST_LINE: &str = "treering-scrub/1";

/// Runs until the log stops.
pub(crate) async fn run(core: Arc<Core>, store: Arc<RocksStore>) {
    let Some(rate) = NonZeroU64::new(core.settings.scrub_bytes_per_second) else { return };
    let mut first = read_place(&core);
    loop {
        if !pause(&core, PAUSE).await {
            return;
        }
        match round(&core, &store, rate, first).await {
            Ok(true) => first = 0,
            Ok(false) => return,
            Err(fatal) => return core.fail(&fatal),
        }
    }
}

/// One round from this bundle on; false if the log stops.
async fn round(
    core: &Arc<Core>,
    store: &Arc<RocksStore>,
    rate: NonZeroU64,
    first: u64,
) -> Result<bool, Fatal> {
    let head = core.sealed.borrow().head;
    let mut round = Round::new(Arc::clone(store), head, first);
    if first == 0 {
        core.damage.round_begins();
    }
    loop {
        let step = core.blocking(move |core| {
            let went = round.step(core)?;
            Ok((round, went))
        });
        let (after, went) = step.await?;
        round = after;
        let (read, report) = round.taken();
        core.metrics.scrubbed(read);
        for finding in &report.findings {
            tracing::error!(%finding, "the scrub found damage; see docs/operating.md, \"Disk\"");
        }
        core.metrics.damage(core.damage.add(&report));
        match went {
            Went::On => {}
            // The next start goes on from the place that was kept.
            Went::Stopped => return Ok(false),
            Went::ToTheEnd => {
                core.metrics.scrub_round(core.clock.now());
                write_place(core, 0);
                return Ok(true);
            }
        }
        if !pause(core, rest_after(read, rate)).await {
            return Ok(false);
        }
    }
}

/// How long the disk is left alone after so many bytes.
fn rest_after(bytes: u64, rate: NonZeroU64) -> Duration {
    Duration::from_millis(bytes.saturating_mul(1000) / rate)
}

/// False if the log stops meanwhile.
async fn pause(core: &Core, time: Duration) -> bool {
    tokio::select! {
        biased;
        () = core.reached(Phase::Draining) => false,
        () = core.host.sleep(time) => true,
    }
}

/// How far a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Went {
    On,
    /// To the round's end.
    ToTheEnd,
    /// The log stops.
    Stopped,
}

/// A round that is under way.
struct Round {
    store: Arc<RocksStore>,
    /// What the tree must be in the end.
    head: TreeHead,
    /// `None` where the tree can't be gone on with, because a bundle is broken.
    walk: Option<Walk>,
    bundle: u64,
    /// The bundle's entries that are still to come.
    entries: std::vec::IntoIter<Vec<u8>>,
    index: u64,
    read: u64,
    report: Report,
    /// How much was found, but for what is in `report`.
    found: u64,
    /// How much was found before this bundle.
    before: u64,
}

impl Round {
    fn new(store: Arc<RocksStore>, head: TreeHead, first: u64) -> Round {
        let within = first > 0 && first < head.size.get().div_ceil(WIDTH);
        let resumed = if within { Walk::resume(&store, first) } else { None };
        let bundle = if resumed.is_some() { first } else { 0 };
        let walk = resumed.unwrap_or_else(|| Walk::new(Tiles::Growing));
        let (entries, report) = (Vec::new().into_iter(), Report::default());
        let (index, read, found, before) = (bundle * WIDTH, 0, 0, 0);
        Round { store, head, walk: Some(walk), bundle, entries, index, read, report, found, before }
    }

    fn taken(&mut self) -> (u64, Report) {
        self.found += self.report.findings.len() as u64 + self.report.unlisted;
        (std::mem::take(&mut self.read), std::mem::take(&mut self.report))
    }

    /// Reads about [`STEP`] bytes. Blocking.
    fn step(&mut self, core: &Core) -> Result<Went, Fatal> {
        let store = Arc::clone(&self.store);
        while self.read < STEP {
            if core.phase() != Phase::Running {
                return Ok(Went::Stopped);
            }
            let Some(bytes) = self.entries.next() else {
                if self.index >= self.head.size.get() {
                    self.end(&store)?;
                    return Ok(Went::ToTheEnd);
                }
                self.next_bundle(core, &store)?;
                continue;
            };
            let Some(walk) = &mut self.walk else { continue };
            let checked = Checkpoint { origin: &core.settings.origin, policy: &core.settings.policy };
            let report = &mut self.report;
            let read = walk.entry(&store, self.index, &bytes, report).and_then(|read| {
                let signatures = checked.check(&store, &walk.head(), report)?;
                Ok(read + SIGNATURE * signatures)
            });
            // What can't be read is damage like any other, and no reason to end the log.
            self.read += read.unwrap_or_else(|error| {
                self.report.find(format!("entry {}", self.index), error);
                0
            });
            self.index += 1;
        }
        Ok(Went::On)
    }

    fn next_bundle(&mut self, core: &Core, store: &RocksStore) -> Result<(), Fatal> {
        let size = self.head.size.get();
        let bundle = self.index / WIDTH;
        // A wrong entry makes all roots behind it wrong: what comes next is held against the tiles as they are.
        if self.report.findings.len() as u64 + self.report.unlisted + self.found > self.before {
            self.before = self.report.findings.len() as u64 + self.report.unlisted + self.found;
            self.walk = Walk::resume(store, bundle);
        }
        let count = u16::try_from((size - bundle * WIDTH).min(WIDTH)).expect("at most 256");
        let read = match &mut self.walk {
            Some(walk) => walk.bundle(store, bundle, count, &mut self.report),
            None => Ok(Vec::new()),
        };
        let entries = read.unwrap_or_else(|error| {
            self.report.find(crate::check::name(TileKind::Entries, bundle, count), error);
            Vec::new()
        });
        if entries.is_empty() {
            // It is named; behind it goes on what can.
            self.index = (bundle + 1) * WIDTH;
            self.walk = if self.index < size { Walk::resume(store, bundle + 1) } else { None };
            return Ok(());
        }
        self.read += entries.iter().map(|entry| entry.len() as u64).sum::<u64>();
        self.entries = entries.into_iter();
        if bundle != self.bundle {
            self.bundle = bundle;
            write_place(core, bundle);
        }
        Ok(())
    }

    fn end(&mut self, store: &RocksStore) -> Result<(), StoreError> {
        let Some(walk) = &mut self.walk else { return Ok(()) };
        walk.partial_tiles(store, &mut self.report)?;
        if walk.head() != self.head {
            self.report.find(format!("head {}", self.head.size), "the stored entries have another root");
        }
        Ok(())
    }
}

fn place_file(core: &Core) -> PathBuf {
    beside::path(&core.settings.store, ".scrub")
}

/// The bundle to go on with; 0 if there is none, or what is there is not one.
fn read_place(core: &Core) -> u64 {
    parse_place(&fs::read_to_string(place_file(core)).unwrap_or_default()).unwrap_or(0)
}

fn parse_place(text: &str) -> Option<u64> {
    text.strip_prefix(FIRST_LINE)?.strip_prefix('\n')?.strip_suffix('\n')?.parse().ok()
}

/// Not synced: a lost place costs a round that begins anew.
fn write_place(core: &Core, bundle: u64) {
    if let Err(error) = fs::write(place_file(core), format!("{FIRST_LINE}\n{bundle}\n")) {
        tracing::debug!(%error, "the scrub's place can't be kept");
    }
}

/// Named in readiness.
pub(crate) fn named(findings: &[Finding], all: u64) -> Vec<String> {
    let mut named: Vec<String> =
        findings.iter().take(MAX_NAMED).map(|finding| format!("damage: {finding}")).collect();
    if all > named.len() as u64 {
        named.push(format!("damage: and {} more", all - named.len() as u64));
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Sample;

    fn finding(place: &str) -> Finding {
        Finding { place: place.to_owned(), what: "is wrong".to_owned() }
    }

    #[test]
    fn it_rests_for_as_long_as_its_rate_wants() {
        let rate = |mib: u64| NonZeroU64::new(mib << 20).unwrap();
        assert_eq!(rest_after(STEP, rate(1)), Duration::from_secs(1));
        assert_eq!(rest_after(STEP, rate(4)), Duration::from_millis(250));
        assert_eq!(rest_after(3 << 20, rate(1024)), Duration::from_millis(2));
        assert_eq!(rest_after(0, rate(4)), Duration::ZERO);
    }

    #[test]
    fn readiness_names_the_first_and_counts_the_rest() {
        assert!(named(&[], 0).is_empty());
        assert_eq!(named(&[finding("batch 3")], 1), ["damage: batch 3: is wrong"]);
        let many: Vec<Finding> = (0..50).map(|entry| finding(&format!("batch {entry}"))).collect();
        let named = named(&many, 1000);
        assert_eq!(named.len(), MAX_NAMED + 1);
        assert_eq!(named.last().map(String::as_str), Some("damage: and 980 more"));
    }

    /// Its place would be lost, and on a log that is often restarted the last entries never read.
    #[test]
    fn a_log_that_stops_is_no_end_of_a_round() {
        let sample = Sample::new(3);
        let (core, copy) = (sample.core(), sample.path().with_extension("copy"));
        core.store.backup(&copy).unwrap();
        let store = Arc::new(RocksStore::open_copy(&copy, &sample.origin).unwrap());
        let round = || Round::new(Arc::clone(&store), core.sealed.borrow().head, 0);
        assert_eq!(round().step(&core).unwrap(), Went::ToTheEnd);
        core.phase.send_replace(Phase::Draining);
        assert_eq!(round().step(&core).unwrap(), Went::Stopped);
    }

    #[test]
    fn a_place_that_was_half_written_is_none() {
        assert_eq!(parse_place("treering-scrub/1\n17\n"), Some(17));
        for bad in [
            "",
            "treering-scrub/1\n17",
            "treering-scrub/1\n",
            "treering-scrub/2\n17\n",
            "treering-scrub/1\nx\n",
        ] {
            assert_eq!(parse_place(bad), None, "{bad:?}");
        }
    }
}
