//! A connection whose peer stops reading is given up: without this, an answer that nobody takes holds its memory
//! and a place in the connection limit for ever.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

/// Passes everything through; a write that makes no progress for `patience` fails.
#[derive(Debug)]
pub(super) struct Stall<T> {
    stream: T,
    patience: Duration,
    deadline: Pin<Box<Sleep>>,
    /// A write waits, and `deadline` says until when.
    waiting: bool,
}

impl<T> Stall<T> {
    pub(super) fn new(stream: T, patience: Duration) -> Stall<T> {
        Stall { stream, patience, deadline: Box::pin(sleep(patience)), waiting: false }
    }

    /// Passes a write's outcome on, or ends it when it has waited too long.
    fn watch<R>(&mut self, outcome: Poll<io::Result<R>>, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        if outcome.is_ready() {
            self.waiting = false;
            return outcome;
        }
        if !self.waiting {
            self.waiting = true;
            self.deadline.as_mut().reset(Instant::now() + self.patience);
        }
        ready!(self.deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Stall<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Stall<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(outcome, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch(outcome, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.watch(outcome, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.watch(outcome, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn a_peer_that_reads_gets_everything() {
        let (mut near, far) = duplex(16);
        let mut far = Stall::new(far, Duration::from_secs(30));
        let writer = tokio::spawn(async move {
            far.write_all(&[7; 1000]).await.unwrap();
            far.shutdown().await.unwrap();
        });
        let mut got = Vec::new();
        near.read_to_end(&mut got).await.unwrap();
        writer.await.unwrap();
        assert_eq!(got, [7; 1000]);
    }

    #[tokio::test]
    async fn a_peer_that_stops_reading_is_given_up() {
        let (_near, far) = duplex(16);
        let mut far = Stall::new(far, Duration::from_millis(1));
        let error = far.write_all(&[7; 1000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
