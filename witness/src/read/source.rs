//! Where a log is read: its URLs, and what each answer may be at most.

use std::time::Duration;

use treering_tlog::tile::{TILE_WIDTH, TileKind, TilePath, prefix_of_entries};

use super::fetch::{FetchError, Fetcher};

/// A failed request is repeated so often: a cache may be a moment behind.
const RETRIES: u32 = 2;
/// 256 hashes.
const MAX_TILE: usize = 32 * TILE_WIDTH as usize;
/// Bundles of Treering's entries have at most 256 × (2 + 54) = 14,336 bytes; this leaves room for one that is wrong.
const MAX_USUAL_BUNDLE: usize = 256 * 1024;
/// SPEC: tlog-tiles, Log Entries: 256 entries of 65,535 bytes, each with its length in front.
const MAX_BUNDLE: usize = TILE_WIDTH as usize * (2 + 65_535);

/// One log's URLs.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    fetcher: Fetcher,
    urls: Vec<String>,
    retry_pause: Duration,
}

impl Source {
    pub(crate) fn new(fetcher: Fetcher, urls: &[String], retry_pause: Duration) -> Source {
        let urls = urls.iter().map(|url| url.trim_end_matches('/').to_owned()).collect();
        Source { fetcher, urls, retry_pause }
    }

    /// A tile's or bundle's bytes. A log may drop a partial one when there is the full one (tlog-tiles); then its
    /// beginning is taken.
    pub(crate) async fn tile(&self, tile: TilePath) -> Result<Vec<u8>, FetchError> {
        match self.exact(tile).await {
            Err(FetchError::Missing(status)) if !tile.is_full() => {
                let full = self.exact(tile.full()).await.map_err(|_| FetchError::Missing(status))?;
                Ok(beginning(full, tile))
            }
            answered => answered,
        }
    }

    /// A bundle that was too long for [`Source::tile`]: as long as the standard allows, so one at a time.
    pub(crate) async fn long_bundle(&self, tile: TilePath) -> Result<Vec<u8>, FetchError> {
        self.get(&tile.to_string(), MAX_BUNDLE).await
    }

    async fn exact(&self, tile: TilePath) -> Result<Vec<u8>, FetchError> {
        let path = tile.to_string();
        match tile.kind() {
            TileKind::Hashes(_) => self.get(&path, MAX_TILE).await,
            TileKind::Entries => self.get(&path, MAX_USUAL_BUNDLE).await,
        }
    }

    /// What is at this path, from the first URL that has it.
    async fn get(&self, path: &str, max: usize) -> Result<Vec<u8>, FetchError> {
        let mut attempt = 0;
        loop {
            let mut failed = None;
            for url in &self.urls {
                match self.fetcher.get(&format!("{url}/{path}"), max).await {
                    Ok(body) => return Ok(body),
                    // What can't be told outweighs what isn't there: the answer might be elsewhere.
                    Err(error) if matches!(failed, None | Some(FetchError::Missing(_))) => {
                        failed = Some(error);
                    }
                    Err(_) => {}
                }
            }
            let failed = failed.unwrap_or(FetchError::Missing(404));
            if attempt == RETRIES || matches!(failed, FetchError::TooLong { .. }) {
                return Err(failed);
            }
            attempt += 1;
            tokio::time::sleep(self.retry_pause * attempt).await;
        }
    }

    /// A checkpoint of the past, from the first URL that has it. One that was never published is not asked for twice.
    pub(crate) async fn past_checkpoint(&self, size: u64, max: usize) -> Result<Vec<u8>, FetchError> {
        let mut failed = FetchError::Missing(404);
        for url in &self.urls {
            match self.fetcher.get(&format!("{url}/v1/checkpoints/{size}"), max).await {
                Ok(body) => return Ok(body),
                Err(error @ FetchError::Missing(_)) if matches!(failed, FetchError::Missing(_)) => {
                    failed = error;
                }
                Err(FetchError::Missing(_)) => {}
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// Streams a batch from the first URL that answers 200; each beginning is told.
    pub(crate) async fn batch(
        &self,
        entry: u64,
        max: usize,
        mut piece: impl FnMut(Piece<'_>),
    ) -> Result<(), FetchError> {
        let mut failed = FetchError::Missing(404);
        for _ in 0..=RETRIES {
            for url in &self.urls {
                piece(Piece::Start);
                let url = format!("{url}/v1/batches/{entry}");
                match self.fetcher.read(&url, max, |bytes| piece(Piece::Bytes(bytes))).await {
                    Ok(()) => return Ok(()),
                    Err(error) => failed = error,
                }
            }
            if matches!(failed, FetchError::TooLong { .. } | FetchError::Missing(410)) {
                break;
            }
            tokio::time::sleep(self.retry_pause).await;
        }
        Err(failed)
    }

    /// The newest checkpoint at each URL.
    pub(crate) fn checkpoint_urls(&self) -> impl Iterator<Item = String> {
        self.urls.iter().map(|url| format!("{url}/checkpoint"))
    }
}

/// What a stream of a batch hands out.
pub(crate) enum Piece<'b> {
    /// It begins, maybe anew.
    Start,
    Bytes(&'b [u8]),
}

/// As many hashes or entries as the narrower tile has; what can't be cut is left to be refused as it is.
fn beginning(mut full: Vec<u8>, tile: TilePath) -> Vec<u8> {
    let length = match tile.kind() {
        TileKind::Hashes(_) => usize::from(tile.width()) * 32,
        TileKind::Entries => prefix_of_entries(&full, tile.width()).map_or(full.len(), <[u8]>::len),
    };
    full.truncate(length);
    full
}
