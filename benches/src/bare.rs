//! What one would have instead: axum handlers without a log behind them, as a process of their own.
//!
//! - It reads the body and says 202.
//! - With `--hash` it also computes the RFC 6962 root of it with the `sha2` crate as it streams in, and says it.
//! - A request that asks to wait (`Prefer`) is answered at the next full tick: nobody who gathers requests for a tick
//!   can be sooner.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context as _;
use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use clap::Args;
use futures_util::StreamExt as _;
use tokio::{
    net::TcpListener,
    sync::watch,
    time::{MissedTickBehavior, interval},
};

use crate::generator::{
    tree::{Bytes32, leaf_hash, node_hash},
    work::SUBMISSIONS,
};

/// A bare axum handler, to be measured against.
#[derive(Debug, Args)]
pub struct Bare {
    /// Hash the body too, with the sha2 crate
    #[arg(long)]
    pub hash: bool,
    /// The tick of requests that wait, in milliseconds
    #[arg(long, default_value_t = 1000)]
    pub tick_ms: u64,
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
}

impl Bare {
    /// Serves until the process is ended.
    ///
    /// # Errors
    /// The port is taken.
    pub fn run(&self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(self.serve())
    }

    async fn serve(&self) -> anyhow::Result<()> {
        let ticks = watch::Sender::new(());
        let handlers = if self.hash { post(hash) } else { post(read) };
        let router = Router::new()
            .route(SUBMISSIONS, handlers)
            .layer(DefaultBodyLimit::disable())
            .with_state(ticks.subscribe());
        let listener =
            TcpListener::bind(self.listen).await.with_context(|| format!("listening on {}", self.listen))?;
        println!("listening on http://{}", listener.local_addr()?);
        let tick = Duration::from_millis(self.tick_ms);
        tokio::spawn(async move {
            let mut interval = interval(tick);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                interval.tick().await;
                ticks.send_replace(());
            }
        });
        Ok(axum::serve(listener, router).await?)
    }
}

type Ticks = State<watch::Receiver<()>>;

async fn read(State(ticks): Ticks, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let mut stream = body.into_data_stream();
    while let Some(piece) = stream.next().await {
        if piece.is_err() {
            return StatusCode::BAD_REQUEST.into_response();
        }
    }
    wait(ticks, &head.headers).await;
    StatusCode::ACCEPTED.into_response()
}

async fn hash(State(ticks): Ticks, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Some(root) = root_of(body).await else { return StatusCode::BAD_REQUEST.into_response() };
    wait(ticks, &head.headers).await;
    (StatusCode::ACCEPTED, hex::encode(root)).into_response()
}

async fn wait(mut ticks: watch::Receiver<()>, headers: &HeaderMap) {
    if headers.contains_key("prefer") {
        ticks.mark_unchanged();
        // An error means that the process ends.
        let _ = ticks.changed().await;
    }
}

/// The root of a body of 32-byte leaves, as it streams in.
async fn root_of(body: Body) -> Option<Bytes32> {
    let mut stream = body.into_data_stream();
    let mut tree = StreamedTree::default();
    let mut rest = Vec::new();
    while let Some(piece) = stream.next().await {
        let piece = piece.ok()?;
        let mut bytes = piece.as_ref();
        if !rest.is_empty() {
            let (first, after) = bytes.split_at(bytes.len().min(32 - rest.len()));
            rest.extend_from_slice(first);
            bytes = after;
            if let Ok(leaf) = Bytes32::try_from(rest.as_slice()) {
                tree.push(&leaf);
                rest.clear();
            }
        }
        let (leaves, after) = bytes.as_chunks();
        leaves.iter().for_each(|leaf| tree.push(leaf));
        rest.extend_from_slice(after);
    }
    if rest.is_empty() { tree.root() } else { None }
}

/// The roots of the perfect subtrees so far, largest first.
#[derive(Debug, Default)]
struct StreamedTree {
    count: u64,
    subtrees: Vec<Bytes32>,
}

impl StreamedTree {
    fn push(&mut self, leaf: &Bytes32) {
        let mut hash = leaf_hash(leaf);
        for _ in 0..self.count.trailing_ones() {
            let left = self.subtrees.pop().expect("a subtree for each bit of the count");
            hash = node_hash(&left, &hash);
        }
        self.subtrees.push(hash);
        self.count += 1;
    }

    fn root(self) -> Option<Bytes32> {
        self.subtrees.into_iter().rev().reduce(|right, left| node_hash(&left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::tree::BaseTree;

    #[tokio::test]
    async fn the_streamed_root_is_the_root_however_the_body_is_cut() {
        let leaves: Vec<Bytes32> = (0..77).map(|n| [n; 32]).collect();
        for cut in [1, 31, 32, 33, 64, 1000, 5000] {
            let pieces: Vec<_> = leaves.as_flattened().chunks(cut).map(<[u8]>::to_vec).collect();
            let body = Body::from_stream(futures_util::stream::iter(
                pieces.into_iter().map(Ok::<_, std::convert::Infallible>),
            ));
            assert_eq!(root_of(body).await, Some(BaseTree::new(&leaves).root()), "pieces of {cut}");
        }
        assert_eq!(root_of(Body::from(vec![0; 33])).await, None);
        assert_eq!(root_of(Body::empty()).await, None);
    }
}
