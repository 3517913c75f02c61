//! The body of an upload: a stream without bound, which may be compressed.

use std::{io::Write as _, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout_at};

use crate::mirror::problem::Problem;

/// So many compressed bytes are unpacked at once: at most some 1,030 times as many come out.
const PIECE: usize = 1024;

/// An upload under way.
pub(super) struct Upload {
    body: Body,
    timeout: Duration,
    /// When the header, or the package that is awaited, has to be whole.
    deadline: Instant,
    gzip: Option<MultiGzDecoder<Vec<u8>>>,
    /// Compressed bytes that weren't unpacked yet.
    packed: Bytes,
    /// What has arrived and wasn't taken yet.
    here: Vec<u8>,
    taken: usize,
}

impl Upload {
    /// SPEC: tlog-mirror, add-entries: `Content-Encoding: gzip` is supported.
    pub(super) fn new(headers: &HeaderMap, body: Body, timeout: Duration) -> Result<Upload, Problem> {
        let gzip = match headers.get(header::CONTENT_ENCODING).map(|coding| coding.as_bytes()) {
            None | Some(b"identity") => None,
            Some(b"gzip") => Some(MultiGzDecoder::new(Vec::new())),
            Some(_) => return Err(Problem::Encoding),
        };
        let deadline = Instant::now() + timeout;
        Ok(Upload { body, timeout, deadline, gzip, packed: Bytes::new(), here: Vec::new(), taken: 0 })
    }

    /// What has arrived.
    pub(super) fn here(&self) -> &[u8] {
        &self.here[self.taken..]
    }

    /// Takes the first bytes of it. What follows has its own time: a byte now and then doesn't keep a place.
    pub(super) fn take(&mut self, length: usize) {
        self.taken += length;
        self.deadline = Instant::now() + self.timeout;
    }

    /// Waits for more: false at the end. What doesn't come in time, breaks off or can't be unpacked is the end, too: an
    /// interrupted upload is continued, not repeated.
    pub(super) async fn more(&mut self) -> bool {
        self.here.drain(..self.taken);
        self.taken = 0;
        let before = self.here.len();
        while self.here.len() == before {
            if self.packed.is_empty() {
                match timeout_at(self.deadline, self.body.frame()).await {
                    Ok(Some(Ok(frame))) => match frame.into_data() {
                        Ok(data) => self.packed = data,
                        Err(_) => continue,
                    },
                    _ => return self.unpack_rest(before),
                }
            }
            if !self.unpack() {
                return self.here.len() > before;
            }
        }
        true
    }

    fn unpack(&mut self) -> bool {
        let Some(gzip) = &mut self.gzip else {
            self.here.extend_from_slice(&std::mem::take(&mut self.packed));
            return true;
        };
        let piece = self.packed.split_to(PIECE.min(self.packed.len()));
        let unpacked = gzip.write_all(&piece);
        self.here.append(gzip.get_mut());
        unpacked.is_ok()
    }

    /// The decoder may hold back the last bytes until it is told that there are no more.
    fn unpack_rest(&mut self, before: usize) -> bool {
        if let Some(mut gzip) = self.gzip.take() {
            // A stream that was cut off gives what it had.
            let _ = gzip.try_finish();
            self.here.append(gzip.get_mut());
        }
        self.here.len() > before
    }
}
