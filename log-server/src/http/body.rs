//! A request's body, chunk by chunk, with a deadline that moves with what arrives.
//!
//! A body that pauses longer than the limit, or that on the whole comes slower than [`MIN_RATE`], is given up: a
//! connection that trickles holds memory and a place in the connection limit. Nothing is buffered here.

use std::time::{Duration, Instant};

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt;

use super::{query::shortened, refusal::Refusal};

/// Bytes a second, over a body's whole time, after a first allowance of one pause.
const MIN_RATE: u64 = 1024;
/// How much of a refused body is read and dropped, so that its sender sees the answer instead of a reset.
const MAX_DISCARD: u64 = 64 << 20;
/// How long that may take.
const DISCARD_TIME: Duration = Duration::from_secs(3);

/// Reads a body with its deadlines.
#[derive(Debug)]
pub(super) struct BodyReader {
    body: Body,
    /// HTTP/2: the end must be the peer's END_STREAM.
    framed: bool,
    pause: Duration,
    started: Instant,
    received: u64,
}

impl BodyReader {
    /// `pause` is how long the body may give nothing.
    pub(super) fn new(body: Body, pause: Duration) -> BodyReader {
        BodyReader { body, framed: false, pause, started: Instant::now(), received: 0 }
    }

    /// Of an HTTP/2 request: hyper ends a body in silence when the peer resets the stream with NO_ERROR (as Envoy does
    /// for a client that goes away), so that half a body looks whole.
    pub(super) fn framed(self, framed: bool) -> BodyReader {
        BodyReader { framed, ..self }
    }

    /// How many bytes came so far.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// The next bytes; `None` at the end. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        loop {
            if self.is_too_slow(self.started.elapsed()) {
                return Err(Refusal::TooSlow { bytes: self.received });
            }
            let frame = match tokio::time::timeout(self.pause, self.body.frame()).await {
                Err(_) => return Err(Refusal::TooSlow { bytes: self.received }),
                Ok(None) if self.framed && !self.body.is_end_stream() => {
                    return Err(Refusal::CutOff { bytes: self.received });
                }
                Ok(None) => return Ok(None),
                Ok(Some(Err(_))) => return Err(Refusal::CutOff { bytes: self.received }),
                Ok(Some(Ok(frame))) => frame,
            };
            // Trailers say nothing here.
            if let Ok(bytes) = frame.into_data()
                && !bytes.is_empty()
            {
                self.received += bytes.len() as u64;
                return Ok(Some(bytes));
            }
        }
    }

    fn is_too_slow(&self, elapsed: Duration) -> bool {
        elapsed > self.pause + Duration::from_secs(self.received / MIN_RATE)
    }

    /// Reads on for a while after a refusal.
    pub(super) async fn discard(mut self) {
        let until = self.received + MAX_DISCARD;
        let rest = async {
            while self.received < until {
                match self.next().await {
                    Ok(Some(_)) => {}
                    Ok(None) | Err(_) => return,
                }
            }
        };
        // Time over is as good an end as any other.
        let _ = tokio::time::timeout(DISCARD_TIME, rest).await;
    }
}

/// What a body says that it is.
#[derive(Debug)]
pub(super) struct Kind {
    /// The media type in lower case, without parameters.
    pub(super) name: String,
    /// As it was sent.
    text: String,
}

impl Kind {
    /// As it was sent, bounded and in quotes: for a refusal.
    pub(super) fn quoted(&self) -> String {
        format!("{:?}", shortened(&self.text))
    }
}

/// The kind of a body; one that is encoded is refused, and one that doesn't say it by `unsaid`.
pub(super) fn kind(headers: &HeaderMap, unsaid: impl FnOnce(String) -> Refusal) -> Result<Kind, Refusal> {
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING)
        && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        let encoding = shortened(&String::from_utf8_lossy(encoding.as_bytes()));
        return Err(Refusal::Encoded { encoding });
    }
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Err(unsaid("missing".to_owned())) };
    let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
    let name = text.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    Ok(Kind { name, text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    fn reader(chunks: Vec<Result<&'static str, std::io::Error>>) -> BodyReader {
        BodyReader::new(Body::from_stream(stream::iter(chunks)), Duration::from_secs(30))
    }

    #[tokio::test]
    async fn chunks_come_until_the_end() {
        let mut body = reader(vec![Ok("ab"), Ok(""), Ok("c")]);
        assert_eq!(body.next().await, Ok(Some(Bytes::from_static(b"ab"))));
        assert_eq!(body.next().await, Ok(Some(Bytes::from_static(b"c"))));
        assert_eq!(body.next().await, Ok(None));
        assert_eq!(body.received(), 3);
    }

    #[tokio::test]
    async fn a_body_that_breaks_is_cut_off() {
        let mut body = reader(vec![Ok("ab"), Err(std::io::ErrorKind::UnexpectedEof.into())]);
        body.next().await.unwrap();
        assert_eq!(body.next().await, Err(Refusal::CutOff { bytes: 2 }));
    }

    #[tokio::test]
    async fn a_body_that_pauses_is_given_up() {
        let silent = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let mut body = BodyReader::new(silent, Duration::from_millis(1));
        assert_eq!(body.next().await, Err(Refusal::TooSlow { bytes: 0 }));
    }

    #[test]
    fn a_body_that_trickles_is_given_up() {
        let mut body = reader(Vec::new());
        body.received = 10 * MIN_RATE;
        assert!(!body.is_too_slow(Duration::from_secs(40)));
        assert!(body.is_too_slow(Duration::from_secs(41)));
    }
}
