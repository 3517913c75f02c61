//! Published checkpoints of the past: each has to have the root that this copy has at its size.
//!
//! A log keeps the first cosignature of each witness, and adds late ones. So the newest of those that are here are asked
//! for once more when the log has grown.

use futures_util::{StreamExt as _, stream};
use treering_tlog::{
    note::Note,
    tile::{TileKind, TileLevel, split_hashes},
    tree::{CompactRange, NodeReader as _, TreeHead, TreeSize, peaks},
};

use super::{Halt, MAX_CHECKPOINT, Puller, WIDTH, unavailable};
use crate::{
    mirror::{
        copy::{LogCopy, MirrorFault, verified},
        growing::{CopyError, read_prefix, reader, tile_at},
    },
    read::fetch::FetchError,
};

/// So many of the newest are asked for again.
const AGAIN: u64 = 64;
/// So many are kept in one transaction.
const CHUNK: u64 = 4 * WIDTH;

impl Puller {
    /// Reads those that weren't asked for yet, up to `size`.
    pub(super) async fn past(&self, size: TreeSize) -> Result<(), Halt> {
        let done = self.copy.seen().past;
        if done >= size.get() {
            return Ok(());
        }
        let mut start = done.saturating_sub(AGAIN);
        while start < size.get() {
            let end = size.get().min((start / CHUNK + 1) * CHUNK);
            let heads = self.heads(start, end).await?;
            let mut asked = stream::iter(heads)
                .map(async |head| (head, self.source.past_checkpoint(head.size.get(), MAX_CHECKPOINT).await))
                .buffered(self.concurrency);
            let mut notes = Vec::new();
            while let Some((head, answer)) = asked.next().await {
                notes.extend(self.judge(head, answer)?.map(|note| (head.size, note)));
            }
            self.copy.keep_past(notes, end).await?;
            start = end;
        }
        Ok(())
    }

    /// `None` for a size that was never published.
    fn judge(&self, head: TreeHead, answer: Result<Vec<u8>, FetchError>) -> Result<Option<Note>, Halt> {
        let path = format!("v1/checkpoints/{}", head.size);
        let bytes = match answer {
            Ok(bytes) => bytes,
            Err(FetchError::Missing(_)) => return Ok(None),
            Err(error) => return Err(unavailable(&path, &error)),
        };
        match verified(&self.copy.log, &bytes) {
            Ok((kept, _)) if kept.head() == head => Ok(Some(kept.note().clone())),
            Ok((kept, _)) => Err(Halt::Wrong(format!(
                "{path} has root {} of size {}, which is not the tree's",
                kept.head().root,
                kept.head().size
            ))),
            Err(why) => Err(Halt::Wrong(format!("{path}: {why}"))),
        }
    }

    /// The heads of sizes `start` + 1 to `end`.
    async fn heads(&self, start: u64, end: u64) -> Result<Vec<TreeHead>, Halt> {
        let copy = std::sync::Arc::clone(&self.copy);
        let made = tokio::task::spawn_blocking(move || heads(&copy, start, end)).await;
        match made {
            Ok(heads) => Ok(heads.map_err(MirrorFault::Copy)?),
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }
}

fn heads(copy: &LogCopy, start: u64, end: u64) -> Result<Vec<TreeHead>, CopyError> {
    let grown = copy.seen().grown().size;
    let from = TreeSize::new(start).ok_or(CopyError::TooLarge)?;
    let first = reader(&copy.folder, from, grown).read(&peaks(from))?;
    let mut range = CompactRange::from_peaks(from, first).ok_or(CopyError::TooLarge)?;
    let mut heads = Vec::new();
    let mut at = start;
    while at < end {
        let kind = TileKind::Hashes(TileLevel::LEAVES);
        let missing = || CopyError::Missing { path: copy.folder.clone() };
        let tile = tile_at(grown, kind, at / WIDTH).ok_or_else(missing)?;
        let bytes = read_prefix(&copy.folder, tile, grown)?.ok_or_else(missing)?;
        let hashes = split_hashes(&bytes, tile.width())?;
        let skipped = usize::try_from(at % WIDTH).unwrap_or(0);
        for hash in hashes.into_iter().skip(skipped).take(usize::try_from(end - at).unwrap_or(usize::MAX)) {
            if !range.append(hash, |_, _| {}) {
                return Err(CopyError::TooLarge);
            }
            heads.push(range.head());
            at += 1;
        }
    }
    Ok(heads)
}
