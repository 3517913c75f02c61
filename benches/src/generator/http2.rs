//! HTTP/2 with prior knowledge, on one thread: the `h2` crate, since frames and flow control by hand would be a
//! project of their own. Bodies go out as slices of the plan's one body.

use std::{
    future::poll_fn,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use h2::{SendStream, client::SendRequest};
use http::{HeaderValue, Request, header};
use tokio::{net::TcpStream, task::JoinSet, time::timeout};

use super::{
    Load, Outcome,
    work::{Numbers, OCTETS, Work},
};

/// A run may take so much longer than its load before it is given up.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn run(server: SocketAddr, work: &Arc<Work>, load: &Load) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let whole = send_all(server, work, load);
        timeout(load.duration + PATIENCE, whole).await.context("requests were not answered")?
    })
}

async fn send_all(server: SocketAddr, work: &Arc<Work>, load: &Load) -> anyhow::Result<Outcome> {
    let mut senders = Vec::new();
    let mut drivers = JoinSet::new();
    for _ in 0..load.connections {
        let stream = TcpStream::connect(server).await.with_context(|| format!("connecting to {server}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) =
            h2::client::Builder::new().max_send_buffer_size(1 << 20).handshake(stream).await?;
        // A failure of the connection is seen by its streams.
        drivers.spawn(async move { drop(connection.await) });
        senders.push(sender);
    }
    let begun = Instant::now();
    let numbers = Arc::new(Numbers::new(work, begun + load.duration));
    let outcome = Arc::new(Mutex::new(Outcome::default()));
    let mut slots = JoinSet::new();
    for sender in senders {
        for _ in 0..load.streams {
            let (work, numbers, outcome) = (Arc::clone(work), Arc::clone(&numbers), Arc::clone(&outcome));
            slots.spawn(slot(sender.clone(), work, numbers, outcome));
        }
    }
    while let Some(ended) = slots.join_next().await {
        ended??;
    }
    let elapsed = begun.elapsed();
    let mut outcome = std::mem::take(&mut *outcome.lock().unwrap_or_else(PoisonError::into_inner));
    outcome.elapsed = elapsed;
    Ok(outcome)
}

/// One request after the other, in one of a connection's places for streams.
async fn slot(
    mut sender: SendRequest<Bytes>,
    work: Arc<Work>,
    numbers: Arc<Numbers>,
    outcome: Arc<Mutex<Outcome>>,
) -> anyhow::Result<()> {
    loop {
        sender = sender.ready().await?;
        let begun = Instant::now();
        let Some(n) = numbers.next(begun) else { return Ok(()) };
        let (status, body) = exchange(&mut sender, &work, n).await?;
        outcome.lock().unwrap_or_else(PoisonError::into_inner).note(n, status, begun.elapsed(), &body)?;
    }
}

async fn exchange(sender: &mut SendRequest<Bytes>, work: &Work, n: u64) -> anyhow::Result<(u16, Vec<u8>)> {
    let pieces = work.pieces(n);
    let (answer, mut stream) = sender.send_request(request(work, n)?, pieces.is_empty())?;
    let last = pieces.len();
    for (place, piece) in (1..).zip(pieces) {
        if let Err(error) = send(&mut stream, piece, place == last).await {
            // Whoever answers early ends the stream; the answer says why.
            return read(answer.await?).await.and_then(|early| match early {
                (200 | 202, _) => Err(error),
                refusal => Ok(refusal),
            });
        }
    }
    read(answer.await?).await
}

fn request(work: &Work, n: u64) -> anyhow::Result<Request<()>> {
    let uri = format!("http://bench{}", work.path(n));
    let Work::Submit { plan, wait } = work else { return Ok(Request::get(uri).body(())?) };
    let mut request =
        Request::post(uri).header(header::CONTENT_TYPE, HeaderValue::from_static(OCTETS)).body(())?;
    request.headers_mut().insert(header::CONTENT_LENGTH, (plan.hashes() * 32).into());
    if let Some(seconds) = wait {
        request.headers_mut().insert("prefer", HeaderValue::try_from(format!("wait={seconds}"))?);
    }
    Ok(request)
}

/// Sends a piece as the peer's windows open.
async fn send(stream: &mut SendStream<Bytes>, mut piece: Bytes, last: bool) -> anyhow::Result<()> {
    while !piece.is_empty() {
        stream.reserve_capacity(piece.len());
        let room = poll_fn(|context| stream.poll_capacity(context)).await;
        let room = room.ok_or_else(|| anyhow!("a stream was closed"))??;
        let now = piece.split_to(room.min(piece.len()));
        stream.send_data(now, last && piece.is_empty())?;
    }
    Ok(())
}

async fn read(answer: http::Response<h2::RecvStream>) -> anyhow::Result<(u16, Vec<u8>)> {
    let (head, mut body) = answer.into_parts();
    let mut bytes = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece?;
        body.flow_control().release_capacity(piece.len())?;
        bytes.extend_from_slice(&piece);
    }
    Ok((head.status.as_u16(), bytes))
}
