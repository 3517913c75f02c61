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
            let mut failed = FetchError::Missing(404);
            for url in &self.urls {
                match self.fetcher.get(&format!("{url}/{path}"), max).await {
                    Ok(body) => return Ok(body),
                    Err(error) => outweigh(&mut failed, error),
                }
            }
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

    /// Streams a batch from the first URL that answers 200; each beginning is told. It was dropped (410) only if no URL may
    /// have it: each has said that it has not, and one that it was dropped. Else the batch would be given up for good because
    /// a mirror has never had it, and the log was away for a moment.
    pub(crate) async fn batch(
        &self,
        entry: u64,
        max: usize,
        mut piece: impl FnMut(Piece<'_>),
    ) -> Result<(), FetchError> {
        let mut attempt = 0;
        loop {
            let mut failed = FetchError::Missing(404);
            for url in &self.urls {
                piece(Piece::Start);
                let url = format!("{url}/v1/batches/{entry}");
                match self.fetcher.read(&url, max, |bytes| piece(Piece::Bytes(bytes))).await {
                    Ok(()) => return Ok(()),
                    Err(error) => outweigh(&mut failed, error),
                }
            }
            let is_last = matches!(failed, FetchError::TooLong { .. } | FetchError::Missing(410));
            if is_last || attempt == RETRIES {
                return Err(failed);
            }
            attempt += 1;
            tokio::time::sleep(self.retry_pause).await;
        }
    }

    /// The newest checkpoint at each URL.
    pub(crate) fn checkpoint_urls(&self) -> impl Iterator<Item = String> {
        self.urls.iter().map(|url| format!("{url}/checkpoint"))
    }
}

/// What can't be told outweighs what isn't there, since the answer might be elsewhere; that it was dropped outweighs that it is
/// not there.
fn outweigh(failed: &mut FetchError, error: FetchError) {
    let weight = |error: &FetchError| match error {
        FetchError::Missing(404) => 0,
        FetchError::Missing(_) => 1,
        _ => 2,
    };
    if weight(&error) > weight(failed) {
        *failed = error;
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

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use axum::{Router, http::StatusCode};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that answers each request with this status, and how many there were.
    async fn server(status: u16) -> (String, Arc<AtomicUsize>) {
        let (status, asked) = (StatusCode::from_u16(status).unwrap(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&asked);
        let router = Router::new().fallback(async move || {
            count.fetch_add(1, Ordering::SeqCst);
            (status, "0123456789")
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (url, asked)
    }

    /// Nobody listens there.
    async fn nobody() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    }

    async fn batch(urls: &[&str]) -> Result<Vec<u8>, FetchError> {
        let urls: Vec<String> = urls.iter().map(|url| (*url).to_owned()).collect();
        let fetcher = Fetcher::new(Duration::from_secs(30)).unwrap();
        let mut bytes = Vec::new();
        let piece = |piece: Piece<'_>| match piece {
            Piece::Start => bytes.clear(),
            Piece::Bytes(more) => bytes.extend_from_slice(more),
        };
        Source::new(fetcher, &urls, Duration::from_millis(1)).batch(7, 10, piece).await?;
        Ok(bytes)
    }

    #[tokio::test]
    async fn a_batch_was_dropped_only_if_nobody_may_have_it() {
        let (gone, _) = server(410).await;
        let (missing, _) = server(404).await;
        let (failing, _) = server(503).await;
        let (well, _) = server(200).await;
        let nobody = nobody().await;
        let dropped = Err(FetchError::Missing(410));
        for urls in [[&*gone, &*gone], [&gone, &missing], [&missing, &gone]] {
            assert_eq!(batch(&urls).await, dropped, "{urls:?}");
        }
        for urls in [[&*nobody, &*gone], [&gone, &nobody]] {
            assert!(matches!(batch(&urls).await, Err(FetchError::Unreachable(_))), "{urls:?}");
        }
        for urls in [[&*failing, &*gone], [&gone, &failing]] {
            assert_eq!(batch(&urls).await, Err(FetchError::Status(503)), "{urls:?}");
        }
        assert_eq!(batch(&[&missing, &missing]).await, Err(FetchError::Missing(404)));
        for urls in [[&*nobody, &*well], [&gone, &well], [&well, &gone]] {
            assert_eq!(batch(&urls).await.as_deref(), Ok(&b"0123456789"[..]), "{urls:?}");
        }
    }

    #[tokio::test]
    async fn what_was_dropped_everywhere_is_asked_for_once_and_what_fails_again() {
        let (gone, asked) = server(410).await;
        batch(&[&gone]).await.unwrap_err();
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        let (failing, tried) = server(503).await;
        batch(&[&failing, &gone]).await.unwrap_err();
        assert_eq!(tried.load(Ordering::SeqCst), 1 + RETRIES as usize);
    }
}
