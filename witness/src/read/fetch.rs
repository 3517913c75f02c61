//! Bounded HTTP GETs: no redirects, an answer no longer than the caller expects, a time-out.
//!
//! A log that is followed may be hostile. What it answers is read up to the limit that the asker gives, and the whole
//! exchange has a deadline that grows with that limit only.

use std::time::Duration;

use http::StatusCode;

/// The least speed of a long answer: 100 kB a second.
const BYTES_A_MILLISECOND: usize = 100;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// 404 or 410: it isn't there.
    #[error("it is not there (HTTP {0})")]
    Missing(u16),
    /// Any other status, and redirects, which aren't followed.
    #[error("HTTP status {0}")]
    Status(u16),
    /// More bytes than what was asked for can have.
    #[error("the answer is longer than {max} bytes")]
    TooLong {
        /// The limit.
        max: usize,
    },
    /// No whole answer came.
    #[error("no answer: {0}")]
    Unreachable(String),
}

/// Reads URLs; cheap to clone.
#[derive(Clone, Debug)]
pub struct Fetcher {
    http: reqwest::Client,
    timeout: Duration,
}

impl Fetcher {
    /// With a time-out for a short answer.
    ///
    /// # Errors
    /// If the TLS library can't be set up.
    pub fn new(timeout: Duration) -> Result<Fetcher, reqwest::Error> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(timeout)
            .read_timeout(timeout)
            .tcp_nodelay(true)
            .user_agent(concat!("treering-witness/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Fetcher { http, timeout })
    }

    /// The body of a 200, at most `max` bytes.
    ///
    /// # Errors
    /// Everything else.
    pub async fn get(&self, url: &str, max: usize) -> Result<Vec<u8>, FetchError> {
        let mut body = Vec::new();
        self.read(url, max, |chunk| body.extend_from_slice(chunk)).await?;
        Ok(body)
    }

    /// Hands the body of a 200 out piece by piece, at most `max` bytes.
    ///
    /// # Errors
    /// Everything else; then what was handed out is no whole answer.
    pub async fn read(&self, url: &str, max: usize, mut piece: impl FnMut(&[u8])) -> Result<(), FetchError> {
        let more = Duration::from_millis((max / BYTES_A_MILLISECOND) as u64);
        let sent = self.http.get(url).timeout(self.timeout.saturating_add(more)).send();
        let mut response = sent.await.map_err(|error| unreachable(&error))?;
        match response.status() {
            StatusCode::OK => {}
            status @ (StatusCode::NOT_FOUND | StatusCode::GONE) => {
                return Err(FetchError::Missing(status.as_u16()));
            }
            status => return Err(FetchError::Status(status.as_u16())),
        }
        let mut left = max;
        while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
            let (fits, beyond) = chunk.split_at(left.min(chunk.len()));
            piece(fits);
            if !beyond.is_empty() {
                return Err(FetchError::TooLong { max });
            }
            left -= fits.len();
        }
        Ok(())
    }
}

/// The innermost cause, which is what an operator can act on.
fn unreachable(error: &reqwest::Error) -> FetchError {
    if error.is_timeout() {
        return FetchError::Unreachable("not in time".to_owned());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    FetchError::Unreachable(cause.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::{FetchError, Fetcher};

    /// A server that answers every request with these bytes, and then with these for ever.
    async fn server(head: &'static str, endless: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let _ = stream.read(&mut [0; 1024]).await;
                    let _ = stream.write_all(head.as_bytes()).await;
                    while !endless.is_empty() && stream.write_all(endless.as_bytes()).await.is_ok() {}
                    // Kept open until the client closes it.
                    let _ = stream.read(&mut [0; 1024]).await;
                });
            }
        });
        url
    }

    async fn get(head: &'static str, endless: &'static str) -> Result<Vec<u8>, FetchError> {
        let fetcher = Fetcher::new(Duration::from_millis(300)).unwrap();
        fetcher.get(&server(head, endless).await, 10).await
    }

    #[tokio::test]
    async fn answers_have_an_end() {
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        assert_eq!(get(chunked, "4\r\nabcd\r\n").await, Err(FetchError::TooLong { max: 10 }));
        let ten = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789";
        assert_eq!(get(ten, "").await.as_deref(), Ok(&b"0123456789"[..]));
        let eleven = "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n0123456789a";
        assert_eq!(get(eleven, "").await, Err(FetchError::TooLong { max: 10 }));
    }

    #[tokio::test]
    async fn silence_has_an_end() {
        let in_time = Err(FetchError::Unreachable("not in time".into()));
        assert_eq!(get("", "").await, in_time);
        assert_eq!(get("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n012", "").await, in_time);
        // A header that never ends.
        assert!(matches!(get("HTTP/1.1 200 OK\r\n", "x: y\r\n").await, Err(FetchError::Unreachable(_))));
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let found = "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(get(found, "").await, Err(FetchError::Status(302)));
    }

    #[tokio::test]
    async fn nobody_there_is_said() {
        let fetcher = Fetcher::new(Duration::from_secs(5)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        assert!(matches!(fetcher.get(&url, 10).await, Err(FetchError::Unreachable(_))));
        assert!(matches!(fetcher.get("file:///etc/passwd", 10).await, Err(FetchError::Unreachable(_))));
    }
}
