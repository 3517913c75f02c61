//! Bounded HTTP GETs: no redirects, an answer no longer than the caller expects, a time-out.
//!
//! A log that is followed may be hostile. What it answers is read up to the limit that the asker gives, and the whole
//! exchange has a deadline that grows with that limit only.
//!
//! A log may send what it has as gzip, asked or not (C2SP tlog-tiles). The limit is then that of what is unpacked, and what
//! is packed may be but little longer.

use std::{
    io::{self, Write},
    time::Duration,
};

use flate2::write::MultiGzDecoder;
use http::{HeaderMap, StatusCode, header};

/// The least speed of a long answer: 100 kB a second.
const BYTES_A_MILLISECOND: usize = 100;
/// A gzip of bytes that can't be packed is longer by 5 bytes for each 64 KiB, and by its header and trailer: names in it, too.
const MAX_GZIP_FRAME: usize = 1024;

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
    /// A content coding that wasn't asked for.
    #[error("an answer in the content coding {0:?}, where identity or gzip was asked for")]
    Coding(String),
    /// Not the gzip that it says it is.
    #[error("the answer is no whole gzip")]
    Gzip,
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
    pub async fn read(&self, url: &str, max: usize, piece: impl FnMut(&[u8])) -> Result<(), FetchError> {
        let more = Duration::from_millis((max / BYTES_A_MILLISECOND) as u64);
        let get = self.http.get(url).timeout(self.timeout.saturating_add(more));
        // SPEC: tlog-tiles, log entries: clients should include both.
        let sent = get.header(header::ACCEPT_ENCODING, "gzip, identity").send();
        let mut response = sent.await.map_err(|error| unreachable(&error))?;
        match response.status() {
            StatusCode::OK => {}
            status @ (StatusCode::NOT_FOUND | StatusCode::GONE) => {
                return Err(FetchError::Missing(status.as_u16()));
            }
            status => return Err(FetchError::Status(status.as_u16())),
        }
        let is_gzip = is_gzip(response.headers())?;
        let mut bounded = Bounded { left: max, is_over: false, piece };
        if !is_gzip {
            while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
                bounded.write_all(&chunk).map_err(|_| FetchError::TooLong { max })?;
            }
            return Ok(());
        }
        let mut packed_left = max + max / 1024 + MAX_GZIP_FRAME;
        let mut gzip = MultiGzDecoder::new(bounded);
        let failed = |is_over| if is_over { FetchError::TooLong { max } } else { FetchError::Gzip };
        while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
            packed_left = packed_left.checked_sub(chunk.len()).ok_or(FetchError::TooLong { max })?;
            if gzip.write_all(&chunk).is_err() {
                return Err(failed(gzip.get_ref().is_over));
            }
        }
        // Without its end it isn't whole.
        let ended = gzip.try_finish();
        ended.map_err(|_| failed(gzip.get_ref().is_over))
    }
}

/// Hands on up to so many bytes; more are an error.
struct Bounded<F> {
    left: usize,
    is_over: bool,
    piece: F,
}

impl<F: FnMut(&[u8])> Write for Bounded<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fits = &bytes[..self.left.min(bytes.len())];
        if fits.len() < bytes.len() && self.left == 0 {
            self.is_over = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.left -= fits.len();
        (self.piece)(fits);
        Ok(fits.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Is it gzip, or as it is?
fn is_gzip(headers: &HeaderMap) -> Result<bool, FetchError> {
    match headers.get(header::CONTENT_ENCODING).map(http::HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(false),
        Some(b"gzip" | b"x-gzip") => Ok(true),
        Some(other) => Err(FetchError::Coding(String::from_utf8_lossy(other).into_owned())),
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
    use std::{io::Write as _, time::Duration};

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::{FetchError, Fetcher};

    /// A server that answers every request with these bytes, and then with these for ever.
    async fn server(head: impl Into<Vec<u8>>, endless: &'static str) -> String {
        let head = std::sync::Arc::new(head.into());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let head = std::sync::Arc::clone(&head);
                tokio::spawn(async move {
                    let _ = stream.read(&mut [0; 1024]).await;
                    let _ = stream.write_all(&head).await;
                    while !endless.is_empty() && stream.write_all(endless.as_bytes()).await.is_ok() {}
                    // Kept open until the client closes it.
                    let _ = stream.read(&mut [0; 1024]).await;
                });
            }
        });
        url
    }

    async fn get(head: impl Into<Vec<u8>>, endless: &'static str) -> Result<Vec<u8>, FetchError> {
        get_within(Duration::from_secs(60), head, endless).await
    }

    async fn get_within(
        time: Duration,
        head: impl Into<Vec<u8>>,
        endless: &'static str,
    ) -> Result<Vec<u8>, FetchError> {
        Fetcher::new(time).unwrap().get(&server(head, endless).await, 10).await
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

    /// An answer in this content coding.
    async fn coded(coding: &str, body: &[u8]) -> Result<Vec<u8>, FetchError> {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        get([head.as_bytes(), body].concat(), "").await
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    #[tokio::test]
    async fn gzip_is_unpacked_within_the_limit() {
        for coding in ["gzip", "x-gzip"] {
            assert_eq!(coded(coding, &gzip(b"0123456789")).await.as_deref(), Ok(&b"0123456789"[..]));
        }
        assert_eq!(coded("identity", b"0123456789").await.as_deref(), Ok(&b"0123456789"[..]));
        assert_eq!(coded("gzip", &gzip(b"")).await.as_deref(), Ok(&b""[..]));
        let too_long = Err(FetchError::TooLong { max: 10 });
        assert_eq!(coded("gzip", &gzip(b"0123456789a")).await, too_long);
        // A million bytes out of a thousand.
        assert_eq!(coded("gzip", &gzip(&vec![0; 1_000_000])).await, too_long);
        // Nothing at all, many times over.
        assert_eq!(coded("gzip", &gzip(b"").repeat(100)).await, too_long);
    }

    #[tokio::test]
    async fn what_is_no_whole_gzip_is_no_answer() {
        let whole = gzip(b"0123456789");
        for end in 1..whole.len() {
            assert_eq!(coded("gzip", &whole[..end]).await, Err(FetchError::Gzip), "{end}");
        }
        let mut other = whole.clone();
        let check = other.len() - 5;
        other[check] ^= 1;
        assert_eq!(coded("gzip", &other).await, Err(FetchError::Gzip));
        assert_eq!(coded("gzip", b"0123456789").await, Err(FetchError::Gzip));
        let refused = coded("br", b"0123456789").await.unwrap_err().to_string();
        assert_eq!(refused, "an answer in the content coding \"br\", where identity or gzip was asked for");
    }

    #[tokio::test]
    async fn silence_has_an_end() {
        let get =
            async |head: &'static str, endless| get_within(Duration::from_millis(300), head, endless).await;
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
