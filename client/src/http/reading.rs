//! What a log, or a mirror of it, lets anybody read: tiles, batches, checkpoints of the past (C2SP tlog-tiles; Treering spec,
//! HTTP API). Nothing of it is believed.

use super::{Client, ClientError, Fault, retry::Pace};
use bytes::Bytes;
use reqwest::StatusCode;
use treering_tlog::{
    hash::Hash,
    note::Note,
    tile::{TilePath, prefix_of_entries},
};

/// 256 entries, each with its length; those of a Treering log are far shorter.
const MAX_TILE: usize = 256 * 1024;

/// A batch on its way.
pub(crate) enum Piece<'a> {
    /// It begins, maybe anew.
    Start,
    /// The next bytes.
    Bytes(&'a [u8]),
}

impl Client {
    /// `GET /tile/…`: a tile's bytes, not authenticated. Where a partial tile is no longer there, the beginning of the full one
    /// (tlog-tiles).
    ///
    /// # Errors
    /// What any call may give.
    pub async fn tile(&self, tile: TilePath) -> Result<Bytes, ClientError> {
        match self.expect_ok(&self.get(&tile.to_string()), MAX_TILE).await {
            Err(ClientError::Refused { status: 404, .. }) if !tile.is_full() => {
                let full = self.expect_ok(&self.get(&tile.full().to_string()), MAX_TILE).await?;
                let length = match tile.kind() {
                    treering_tlog::tile::TileKind::Hashes(_) => usize::from(tile.width()) * Hash::LEN,
                    treering_tlog::tile::TileKind::Entries => {
                        prefix_of_entries(&full, tile.width()).map_or(full.len(), <[u8]>::len)
                    }
                };
                Ok(full.slice(..length.min(full.len())))
            }
            answered => answered,
        }
    }

    /// `GET /v1/checkpoints/<size>`: `None` if none of this size was published, or mirrored.
    ///
    /// # Errors
    /// What any call may give.
    pub async fn past_checkpoint(&self, size: u64) -> Result<Option<Bytes>, ClientError> {
        match self.expect_ok(&self.get(&format!("v1/checkpoints/{size}")), Note::MAX_BYTES).await {
            Ok(note) => Ok(Some(note)),
            Err(ClientError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `GET /v1/batches/<entry>`, as a stream of at most `max` bytes; false if it was dropped (410).
    pub(crate) async fn batch(
        &self,
        entry: u64,
        max: usize,
        mut piece: impl FnMut(Piece<'_>),
    ) -> Result<bool, ClientError> {
        let call = self.get(&format!("v1/batches/{entry}"));
        let mut pace = Pace::new(self.attempts);
        loop {
            piece(Piece::Start);
            let outcome = self.stream(&call, max, &mut piece).await;
            match outcome {
                Ok(StatusCode::OK) => return Ok(true),
                Ok(StatusCode::GONE) => return Ok(false),
                Err(Fault::TooLarge) => return Err(Fault::TooLarge.told(&call, max, 1)),
                Ok(status) if !super::retry::may_pass(status) => {
                    // The words come with the usual way of asking.
                    return self.expect_ok(&call, max).await.map(|_| true);
                }
                failed => match (pace.next(None), failed) {
                    (Some(pause), _) => tokio::time::sleep(pause).await,
                    (None, Err(fault)) => return Err(fault.told(&call, max, self.attempts)),
                    (None, Ok(_)) => return self.expect_ok(&call, max).await.map(|_| true),
                },
            }
        }
    }

    async fn stream(
        &self,
        call: &super::Call,
        max: usize,
        piece: &mut impl FnMut(Piece<'_>),
    ) -> Result<StatusCode, Fault> {
        let patience = call.patience + std::time::Duration::from_secs(max as u64 / super::SLOWEST);
        let mut response = self.http.get(call.url.clone()).timeout(patience).send().await?;
        let (status, mut left) = (response.status(), max);
        if status != StatusCode::OK {
            return Ok(status);
        }
        while let Some(bytes) = response.chunk().await? {
            left = left.checked_sub(bytes.len()).ok_or(Fault::TooLarge)?;
            piece(Piece::Bytes(&bytes));
        }
        Ok(status)
    }
}
