//! The batches of a Treering log's entries, each verified against its entry before it is kept.

use std::io::{self, Seek as _, SeekFrom, Write as _};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use treering_tlog::{hash::Hash, tree::TreeSize};
use treering_token::entry::Entry;

use super::{Halt, Puller, STEP, WIDTH, unavailable};
use crate::{
    mirror::{
        copy::{MirrorFault, Taken},
        files::Draft,
        growing::CopyError,
        packs::{self, MAX_PACKED},
    },
    read::{
        batch::{BatchReading, length_of},
        fetch::FetchError,
        source::Piece,
    },
};

impl Puller {
    /// Reads the batches of all entries below `size`, which are here.
    pub(super) async fn batches(&self, size: TreeSize) -> Result<(), Halt> {
        loop {
            let start = self.copy.seen().batches;
            if start >= size.get() {
                return Ok(());
            }
            let end = size.get().min((start / STEP + 1) * STEP);
            for bundle in start / WIDTH..=(end - 1) / WIDTH {
                let first = start.max(bundle * WIDTH);
                let entries = self.copy.entries(bundle).await?;
                let entries = (bundle * WIDTH..end).zip(entries).filter(|(index, _)| *index >= first);
                let batches: Vec<Taken> = stream::iter(entries)
                    .map(|(index, entry)| self.batch(index, entry))
                    .buffered(self.concurrency)
                    .try_collect()
                    .await?;
                self.copy.append_batches(first, batches).await?;
            }
            self.copy.flush().await?;
            // INVARIANT: each time round brings something, or the round ends: it would sync for ever.
            if self.copy.seen().batches == start {
                let what = format!("the entries from {start} on are no longer here: they are read again");
                return Err(Halt::Unchecked(what));
            }
        }
    }

    async fn batch(&self, index: u64, entry: Vec<u8>) -> Result<Taken, Halt> {
        let path = format!("v1/batches/{index}");
        let entry = Entry::decode(&entry);
        let entry =
            entry.map_err(|why| Halt::Wrong(format!("entry {index} is none of Treering's: {why}")))?;
        let Some(length) = length_of(&entry) else {
            let submissions = entry.submissions();
            return Err(Halt::Unchecked(format!("{path}: {submissions} submissions are more than are read")));
        };
        let taken = if length <= MAX_PACKED {
            self.small(index, &entry, length).await
        } else {
            self.large(index, &entry, length).await
        };
        match taken {
            Err(Taking::Fetch(FetchError::Missing(410))) => {
                tracing::warn!(origin = %self.copy.log.origin, path, "the log has dropped this batch");
                Ok(Taken::Gone)
            }
            Err(Taking::Fetch(error)) => Err(unavailable(&path, &error)),
            Err(Taking::Wrong) => {
                Err(Halt::Wrong(format!("{path} is not the batch that entry {index} names")))
            }
            Err(Taking::Io(source)) => {
                let path = packs::large(&self.copy.folder, index);
                Err(Halt::Fault(MirrorFault::Copy(CopyError::Io { path, source })))
            }
            Ok(batch) => Ok(batch),
        }
    }

    async fn small(&self, index: u64, entry: &Entry, length: usize) -> Result<Taken, Taking> {
        let (mut reading, mut bytes) = (BatchReading::default(), Vec::with_capacity(length));
        let piece = |piece: Piece<'_>| match piece {
            Piece::Start => (reading, bytes) = (BatchReading::default(), Vec::with_capacity(length)),
            Piece::Bytes(more) => {
                reading.push(more);
                bytes.extend_from_slice(more);
            }
        };
        // One hash more than there should be is enough to see that there are too many.
        self.source.batch(index, length + Hash::LEN, piece).await?;
        if reading.is(entry) { Ok(Taken::Small(bytes)) } else { Err(Taking::Wrong) }
    }

    /// Streams a large batch into a file of its own, which gets its name with the next flush.
    ///
    /// INVARIANT: nobody else writes to that file. A round and pushes, or two pushes, may read the same batch at once, and
    /// what is hashed here are the bytes that were received.
    async fn large(&self, index: u64, entry: &Entry, length: usize) -> Result<Taken, Taking> {
        let (draft, mut file) = Draft::new(&packs::drafts(&self.copy.folder))?;
        let (mut reading, mut wrote) = (BatchReading::default(), Ok(()));
        let piece = |piece: Piece<'_>| match piece {
            Piece::Start => {
                reading = BatchReading::default();
                wrote = file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0)).map(drop));
            }
            Piece::Bytes(more) => {
                reading.push(more);
                if wrote.is_ok() {
                    wrote = file.write_all(more);
                }
            }
        };
        let fetched = self.source.batch(index, length + Hash::LEN, piece).await;
        wrote?;
        fetched?;
        if reading.is(entry) { Ok(Taken::Large(draft)) } else { Err(Taking::Wrong) }
    }
}

/// Why a batch isn't taken.
enum Taking {
    Fetch(FetchError),
    Wrong,
    Io(io::Error),
}

impl From<FetchError> for Taking {
    fn from(error: FetchError) -> Taking {
        match error {
            FetchError::TooLong { .. } => Taking::Wrong,
            error => Taking::Fetch(error),
        }
    }
}

impl From<io::Error> for Taking {
    fn from(error: io::Error) -> Taking {
        Taking::Io(error)
    }
}
