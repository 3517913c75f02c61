//! What a mirror has, read over HTTP: the log's own paths relative to its base URL.
//!
//! Nothing that it answers is believed: each answer is read up to the length that it may have, and whoever asks holds it
//! against the newest signed checkpoint. No redirects; what fails for the moment (429, 5xx, no answer) is tried again.

use std::time::Duration;

use http::StatusCode;
use treering_tlog::tile::{TILE_WIDTH, TileKind, TilePath, prefix_of_entries};

/// Between two tries; grows with each.
const PAUSE: Duration = Duration::from_millis(500);
const TRIES: u32 = 5;
const TIMEOUT: Duration = Duration::from_secs(30);
/// The least speed of a long answer: 100 kB a second.
const BYTES_A_MILLISECOND: u64 = 100;
/// A note with the most signatures that it may have stays below this.
const MAX_NOTE: u64 = 1 << 20;
/// 256 hashes.
const MAX_TILE: u64 = 32 * TILE_WIDTH as u64;
/// 256 entries of at most 54 bytes, each with its length in front.
const MAX_BUNDLE: u64 = 56 * TILE_WIDTH as u64;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// 404: it is not there.
    #[error("{url}: not there (404)")]
    Missing {
        /// What was asked for.
        url: String,
    },
    /// 410: it was dropped.
    #[error("{url}: dropped (410)")]
    Gone {
        /// What was asked for.
        url: String,
    },
    /// Any other status, and redirects, which aren't followed.
    #[error("{url}: HTTP status {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The answer.
        status: u16,
    },
    /// More bytes than what was asked for can have.
    #[error("{url}: the answer is longer than {max} bytes")]
    TooLong {
        /// What was asked for.
        url: String,
        /// The limit.
        max: u64,
    },
    /// No whole answer came.
    #[error("{url}: no answer: {reason}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// Why.
        reason: String,
    },
}

/// One mirror, or another reader's copy of the log.
#[derive(Clone, Debug)]
pub struct Mirror {
    http: reqwest::Client,
    base: String,
}

impl Mirror {
    /// At this base URL, under which `checkpoint`, `tile/…` and `v1/…` stand.
    ///
    /// # Errors
    /// If the TLS library can't be set up.
    pub fn new(base: &str) -> Result<Mirror, reqwest::Error> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(TIMEOUT)
            .read_timeout(TIMEOUT)
            .user_agent(concat!("treering-log-restore/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Mirror { http, base: base.trim_end_matches('/').to_owned() })
    }

    /// The newest checkpoint's note.
    pub(super) async fn checkpoint(&self) -> Result<Vec<u8>, FetchError> {
        self.get("checkpoint", MAX_NOTE).await
    }

    /// The note of a checkpoint of this size, if it was published.
    pub(super) async fn past(&self, size: u64) -> Result<Option<Vec<u8>>, FetchError> {
        match self.get(&format!("v1/checkpoints/{size}"), MAX_NOTE).await {
            Err(FetchError::Missing { .. } | FetchError::Gone { .. }) => Ok(None),
            note => note.map(Some),
        }
    }

    /// The leaf hashes of a batch of this many submissions; `None` if it was dropped after the retention.
    pub(super) async fn batch(&self, entry: u64, submissions: u64) -> Result<Option<Vec<u8>>, FetchError> {
        let max = submissions.saturating_mul(32);
        match self.get(&format!("v1/batches/{entry}"), max).await {
            Err(FetchError::Gone { .. }) => Ok(None),
            batch => batch.map(Some),
        }
    }

    /// A tile's or bundle's bytes. A partial one may be gone when there is the full one (tlog-tiles); then its beginning
    /// is taken.
    pub(super) async fn tile(&self, tile: TilePath) -> Result<Vec<u8>, FetchError> {
        match self.exact(tile).await {
            Err(FetchError::Missing { .. }) if !tile.is_full() => {
                let mut full = self.exact(tile.full()).await?;
                let length = match tile.kind() {
                    TileKind::Hashes(_) => usize::from(tile.width()) * 32,
                    TileKind::Entries => {
                        prefix_of_entries(&full, tile.width()).map_or(full.len(), <[u8]>::len)
                    }
                };
                full.truncate(length);
                Ok(full)
            }
            answered => answered,
        }
    }

    async fn exact(&self, tile: TilePath) -> Result<Vec<u8>, FetchError> {
        let max = match tile.kind() {
            TileKind::Hashes(_) => MAX_TILE,
            TileKind::Entries => MAX_BUNDLE,
        };
        self.get(&tile.to_string(), max).await
    }

    async fn get(&self, path: &str, max: u64) -> Result<Vec<u8>, FetchError> {
        let url = format!("{}/{path}", self.base);
        let mut tries = 1;
        loop {
            let answer = self.once(&url, max).await;
            let again = match &answer {
                Err(FetchError::Status { status, .. }) => *status == 429 || *status >= 500,
                Err(FetchError::Unreachable { .. }) => true,
                _ => false,
            };
            if !again || tries == TRIES {
                return answer;
            }
            tokio::time::sleep(PAUSE * tries).await;
            tries += 1;
        }
    }

    async fn once(&self, url: &str, max: u64) -> Result<Vec<u8>, FetchError> {
        let unreachable =
            |error: &reqwest::Error| FetchError::Unreachable { url: url.to_owned(), reason: cause(error) };
        let whole = TIMEOUT + Duration::from_millis(max / BYTES_A_MILLISECOND);
        let sent = self.http.get(url).timeout(whole).send().await;
        let mut response = sent.map_err(|error| unreachable(&error))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(FetchError::Missing { url: url.to_owned() }),
            StatusCode::GONE => return Err(FetchError::Gone { url: url.to_owned() }),
            status => return Err(FetchError::Status { url: url.to_owned(), status: status.as_u16() }),
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
            if (body.len() + chunk.len()) as u64 > max {
                return Err(FetchError::TooLong { url: url.to_owned(), max });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// The innermost cause, which is what an operator can act on.
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "not in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
