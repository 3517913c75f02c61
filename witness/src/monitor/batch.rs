//! A batch against its entry, and what evidence of a wrong one needs: its bytes, up to [`MAX_KEPT`].

use treering_tlog::hash::Hash;
use treering_token::entry::Entry;

use crate::{
    evidence::Served,
    read::{
        batch::{BatchReading, MAX_BATCH, length_of},
        fetch::FetchError,
        source::{Piece, Source},
    },
};

/// A wrong batch is kept up to this length; a longer one is told of without its bytes.
const MAX_KEPT: usize = 4 << 20;

/// How a batch was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Batch {
    /// As the entry says.
    Right,
    /// Not as the entry says; what was answered, unless it was too long to keep.
    Wrong(Option<Served>),
    /// Not to be had.
    Not(FetchError),
}

/// Fetches the batch of an entry and checks it.
pub(super) async fn check(source: &Source, index: u64, entry: &Entry) -> Batch {
    let Some(length) = length_of(entry) else {
        return Batch::Not(FetchError::TooLong { max: usize::try_from(MAX_BATCH).unwrap_or(usize::MAX) });
    };
    let mut reading = Reading::default();
    let piece = |piece: Piece<'_>| match piece {
        Piece::Start => reading = Reading::default(),
        Piece::Bytes(bytes) => reading.push(bytes),
    };
    // One hash more than there should be is enough to see that there are too many.
    match source.batch(index, length + Hash::LEN, piece).await {
        Ok(()) | Err(FetchError::TooLong { .. }) => {}
        Err(error) => return Batch::Not(error),
    }
    if reading.batch.is(entry) {
        return Batch::Right;
    }
    let path = format!("v1/batches/{index}");
    Batch::Wrong(reading.kept().map(|bytes| Served { path, bytes }))
}

#[derive(Default)]
struct Reading {
    batch: BatchReading,
    kept: Vec<u8>,
    length: usize,
}

impl Reading {
    fn push(&mut self, bytes: &[u8]) {
        self.length += bytes.len();
        if self.length <= MAX_KEPT {
            self.kept.extend_from_slice(bytes);
        }
        self.batch.push(bytes);
    }

    fn kept(self) -> Option<Vec<u8>> {
        (self.length <= MAX_KEPT).then_some(self.kept)
    }
}
