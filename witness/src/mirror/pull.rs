//! Reading a log: what is done in a round.
//!
//! ```text
//! look ─▶ lock on ─▶ entries ─▶ batches ─▶ past checkpoints ─▶ sign
//! ```
//! Nothing is stored that wasn't verified before: a head under the log's key and the policy's quorum, consistent with
//! every head before it; each entry against its tile, and that against the head; each batch against its entry. A log
//! that shows another history, or a wrong tile or batch, is not followed, and that is said.
//!
//! Memory: as many bundles and tiles as there are requests at once, and a bundle's batches (16 MiB at most).

mod batches;
mod past;

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use treering_tlog::{
    hash::leaf_hash,
    tile::split_entries,
    tree::{TreeHead, TreeSize},
};

use super::copy::{LogCopy, MirrorFault, WIDTH, verified};
use crate::{
    monitor::{Kept, config::LogKind},
    read::{
        fetch::{FetchError, Fetcher},
        leaves::{Answers, fetch, whole},
        source::Source,
        tiles::{LEAVES, Tiles, Trouble, leaf_tile},
    },
};

/// The longest checkpoint that is read: 16 ML-DSA-44 lines are 56 kB.
const MAX_CHECKPOINT: usize = 128 * 1024;
/// Entries between two flushes: what one tile of level 1 spans.
const STEP: u64 = 1 << 16;

/// What a round has brought.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// What is wrong with the log: nothing of it was stored.
    pub wrong: Vec<String>,
    /// What could not be read or checked, and why.
    pub unchecked: Vec<String>,
    /// Size of the mirror checkpoint.
    pub size: u64,
    /// Entries that are here.
    pub entries: u64,
    /// Entries whose batches are here.
    pub batches: u64,
}

impl Round {
    /// `wrong`, or `unchecked`, or `ok`.
    pub fn result(&self) -> &'static str {
        match (self.wrong.is_empty(), self.unchecked.is_empty()) {
            (false, _) => "wrong",
            (true, false) => "unchecked",
            (true, true) => "ok",
        }
    }
}

/// Why a round ends before its end.
#[derive(Debug)]
pub(super) enum Halt {
    /// The log contradicts itself.
    Wrong(String),
    /// It can't be told now.
    Unchecked(String),
    /// This machine's doing.
    Fault(MirrorFault),
}

impl From<MirrorFault> for Halt {
    fn from(fault: MirrorFault) -> Halt {
        match fault {
            MirrorFault::OtherHistory { .. } => Halt::Wrong(fault.to_string()),
            fault => Halt::Fault(fault),
        }
    }
}

impl From<Trouble> for Halt {
    fn from(trouble: Trouble) -> Halt {
        match trouble {
            Trouble::Wrong { tile, .. } => {
                Halt::Wrong(format!("{tile} doesn't belong to the tree that the log has signed"))
            }
            Trouble::Fetch { path, error } => Halt::Unchecked(format!("{path}: {error}")),
        }
    }
}

/// Reads one log into its copy.
#[derive(Debug)]
pub(super) struct Puller {
    pub(super) copy: Arc<LogCopy>,
    source: Source,
    fetcher: Fetcher,
    concurrency: usize,
}

impl Puller {
    pub(super) fn new(
        copy: Arc<LogCopy>,
        fetcher: Fetcher,
        (concurrency, retry_pause): (usize, std::time::Duration),
    ) -> Puller {
        let source = Source::new(fetcher.clone(), &copy.log.urls, retry_pause);
        Puller { copy, source, fetcher, concurrency }
    }

    /// Looks at the log once, and takes over what is new.
    ///
    /// # Errors
    /// The copy can't be read or written here.
    pub(super) async fn round(&self) -> Result<Round, MirrorFault> {
        let mut round = Round::default();
        match self.take_over(&mut round).await {
            Ok(()) => {}
            Err(Halt::Wrong(what)) => round.wrong.push(what),
            Err(Halt::Unchecked(what)) => round.unchecked.push(what),
            Err(Halt::Fault(fault)) => return Err(fault),
        }
        let seen = self.copy.seen();
        round.size = self.copy.size().get();
        round.entries = seen.grown().size.get();
        round.batches = seen.batches;
        Ok(round)
    }

    async fn take_over(&self, round: &mut Round) -> Result<(), Halt> {
        let Some(checkpoint) = self.look(round).await? else { return Ok(()) };
        let head = checkpoint.head();
        if !self.follow(&checkpoint).await? {
            let (here, signed) = (self.copy.size(), self.copy.signed_size());
            if here < signed {
                round.unchecked.push(format!(
                    "it shows size {}, and this mirror, whose copy was lost, has signed size {signed} before",
                    head.size
                ));
            }
            return Ok(());
        }
        self.entries(head).await?;
        self.complete(head.size, round).await?;
        if self.is_news(&checkpoint) {
            self.copy.sign(checkpoint).await?;
        }
        Ok(())
    }

    /// What a checkpoint of this size needs beside its entries: batches, and past checkpoints. The cosignature doesn't
    /// wait for the latter.
    pub(super) async fn complete(&self, size: TreeSize, round: &mut Round) -> Result<(), Halt> {
        if self.copy.log.kind == LogKind::Tlog {
            return Ok(());
        }
        self.batches(size).await?;
        match self.past(size).await {
            Err(Halt::Unchecked(what)) => round.unchecked.push(what),
            done => done?,
        }
        Ok(())
    }

    /// The newest verified checkpoint that the log shows at any of its URLs.
    async fn look(&self, round: &mut Round) -> Result<Option<Kept>, Halt> {
        let mut newest: Option<Kept> = None;
        for url in self.source.checkpoint_urls() {
            let bytes = match self.fetcher.get(&url, MAX_CHECKPOINT).await {
                Ok(bytes) => bytes,
                Err(error) => {
                    round.unchecked.push(format!("{url}: {error}"));
                    continue;
                }
            };
            let (kept, cosigned) = match verified(&self.copy.log, &bytes) {
                Ok(verified) => verified,
                Err(why) => {
                    round.wrong.push(format!("{url}: {why}"));
                    continue;
                }
            };
            let witnesses: Vec<usize> = cosigned.iter().map(|by| by.witness).collect();
            if !self.copy.log.policy.is_met(&witnesses) {
                round.unchecked.push(format!("{url}: the cosignatures don't meet the policy"));
                continue;
            }
            let order = |kept: &Kept| kept.head().size;
            if let Some(other) = newest.as_ref().filter(|other| other.head().size == kept.head().size)
                && other.head() != kept.head()
            {
                return Err(Halt::Wrong(format!(
                    "{url}: another root of size {} than elsewhere",
                    order(&kept)
                )));
            }
            if newest.as_ref().is_none_or(|newest| order(newest) < order(&kept)) {
                newest = Some(kept);
            }
        }
        Ok(newest)
    }

    /// Locks onto a head that grows out of all before it. False if there is nothing to follow.
    async fn follow(&self, checkpoint: &Kept) -> Result<bool, Halt> {
        let head = checkpoint.head();
        loop {
            let before = self.copy.seen().pending_head();
            match before {
                Some(before) if before.size > head.size => {
                    return match self.copy.root_at(head.size).await? {
                        Some(own) if own != head => Err(fork(head)),
                        // It may be that the log has pushed more than it shows; or a cache is behind.
                        Some(_) => Ok(head.size >= self.copy.size()),
                        None => Ok(false),
                    };
                }
                Some(before) if before.size == head.size && before != head => return Err(fork(head)),
                Some(before) if before.size < head.size => {
                    let mut tiles = Tiles::new(&self.source, head);
                    if tiles.contradicts(before).await?.is_some() {
                        return Err(fork(before));
                    }
                }
                _ => {}
            }
            if before == Some(head) || self.copy.lock_on(checkpoint.clone(), before).await? {
                return Ok(true);
            }
            // A push was faster: once more, against what it left.
        }
    }

    /// Reads the entries up to a head that the copy is locked onto.
    async fn entries(&self, head: TreeHead) -> Result<(), Halt> {
        let mut tiles = Tiles::new(&self.source, head);
        loop {
            let start = self.copy.seen().grown().size.get();
            if start >= head.size.get() {
                return Ok(());
            }
            let end = head.size.get().min((start / STEP + 1) * STEP);
            tiles.forget(2);
            let wanted =
                (start / WIDTH..=(end - 1) / WIDTH).filter_map(|index| leaf_tile(LEAVES, index, head));
            let mut served =
                stream::iter(wanted).map(|tile| fetch(&self.source, tile, true)).buffered(self.concurrency);
            while let Some(answers) = served.next().await {
                self.bundle(&mut tiles, answers).await?;
            }
            self.copy.flush().await?;
        }
    }

    /// Each entry has to hash to its place in a tile of the head's tree.
    async fn bundle(&self, tiles: &mut Tiles<'_>, answers: Answers) -> Result<(), Halt> {
        let Answers { tile, hashes, bundle } = answers;
        let path = tile.to_string();
        let hashes = hashes.map_err(|error| Trouble::Fetch { path, error })?;
        let hashes = tiles.accept(tile, hashes).await?.to_vec();
        let Some((path, bundle)) = bundle else { return Ok(()) };
        let bytes = whole(&self.source, path, bundle).await?;
        let entries = split_entries(&bytes, path.width());
        let entries = entries.map_err(|error| Halt::Wrong(format!("{path}: {error}")))?;
        let first = tile.index() * WIDTH;
        let wrong =
            (first..).zip(entries.iter().zip(&hashes)).find(|(_, (entry, hash))| leaf_hash(entry) != **hash);
        if let Some((index, _)) = wrong {
            return Err(Halt::Wrong(format!("{path}: entry {index} doesn't hash to its place in the tree")));
        }
        // INVARIANT: everything that is appended was authenticated by a head that the copy is locked onto.
        self.copy.append(first, entries.into_iter().map(<[u8]>::to_vec).collect()).await?;
        if tile.is_full() {
            // Each is wanted once; what stays is the edge and what is above.
            tiles.forget(1);
        }
        Ok(())
    }

    /// Has the checkpoint anything that the mirror checkpoint doesn't have?
    fn is_news(&self, checkpoint: &Kept) -> bool {
        let Some(mirror) = self.copy.checkpoint() else { return true };
        let has = |line| mirror.note().signatures().contains(line);
        mirror.head() != checkpoint.head() || !checkpoint.note().signatures().iter().all(has)
    }
}

fn fork(head: TreeHead) -> Halt {
    Halt::Wrong(format!(
        "another history: its tree of size {} is not the one that it had signed before",
        head.size
    ))
}

/// What isn't there is told apart from what didn't answer.
fn unavailable(path: &str, error: &FetchError) -> Halt {
    Halt::Unchecked(format!("{path}: {error}"))
}
