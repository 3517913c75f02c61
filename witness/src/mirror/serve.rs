//! The public side: each copy below `/<origin hash>`, as C2SP tlog-tiles has it, with batches and past checkpoints
//! under the log's own paths beside the tiles.
//!
//! Nothing beyond the mirror checkpoint is served: 404, which no cache keeps.

use std::{collections::HashMap, io, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http::{HeaderValue, header};
use tokio::net::TcpListener;
use tokio_util::{io::ReaderStream, sync::CancellationToken, task::TaskTracker};
use treering_tlog::{hash::sha256, tile::TilePath, tree::TreeSize};

use super::{
    config::MirrorConfig,
    copy::LogCopy,
    growing::read_prefix,
    metrics::{MirrorMetrics, Requests},
    packs::Found,
    problem::Problem,
    pull::Puller,
    push::{self, Pushes},
    reads::Reads,
};
use crate::serve::accept::Acceptor;

const TEXT: &str = "text/plain; charset=utf-8";
const OCTETS: &str = "application/octet-stream";
/// Tiles, partial ones too, and batches never change.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// A past checkpoint may gain cosignatures.
const A_MINUTE: &str = "public, max-age=60";
/// SPEC: tlog-tiles, Checkpoints: no caching beyond a few seconds.
const SECONDS: &str = "public, max-age=5";

/// What the handlers share.
#[derive(Debug)]
pub(super) struct App {
    /// By origin hash.
    logs: HashMap<String, Arc<Puller>>,
    /// So many bytes the longest of their origins has.
    pub(super) longest_origin: usize,
    requests: Requests,
    pub(super) reads: Reads,
    pub(super) pushes: Pushes,
}

/// Serves until the stop; gives the address.
pub(super) async fn start(
    config: &MirrorConfig,
    pullers: &[Arc<Puller>],
    metrics: &MirrorMetrics,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(config.listen).await?;
    let bound = listener.local_addr()?;
    let logs = pullers.iter().map(|puller| (puller.copy.log.hash(), Arc::clone(puller))).collect();
    let pushes = Pushes::new(&config.limits, tasks.clone());
    let longest_origin = pullers.iter().map(|puller| puller.copy.log.origin.as_str().len()).max();
    let longest_origin = longest_origin.unwrap_or_default();
    let app =
        Arc::new(App { logs, longest_origin, requests: metrics.requests(), reads: Reads::new(), pushes });
    let acceptor = Acceptor {
        router: router(app),
        limits: config.limits.of_connections(),
        connections: metrics.connections(),
        stop: stop.clone(),
        tasks: tasks.clone(),
    };
    tasks.spawn(acceptor.run(listener));
    Ok(bound)
}

fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/{log}/checkpoint", get(checkpoint))
        .route("/{log}/tile/{*tile}", get(tile))
        .route("/{log}/v1/batches/{entry}", get(batch))
        .route("/{log}/v1/checkpoints/{size}", get(past))
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/add-entries", post(add_entries))
        .fallback(async || Problem::UnknownPath.into_response())
        .method_not_allowed_fallback(async || Problem::Method.into_response())
        .with_state(app)
}

async fn checkpoint(State(app): State<Arc<App>>, Path(log): Path<String>) -> Response {
    let answer = app.copy(&log).and_then(|copy| {
        let mirror = copy.checkpoint().ok_or(Problem::NotHere("checkpoint"))?;
        Ok(ok(TEXT, SECONDS, mirror.note().to_string()))
    });
    app.answer("checkpoint", answer)
}

async fn tile(State(app): State<Arc<App>>, Path((log, tile)): Path<(String, String)>) -> Response {
    let answer = async {
        let copy = app.copy(&log)?;
        let tile = TilePath::parse(&format!("tile/{tile}")).map_err(|_| Problem::TilePath)?;
        if !tile.within(copy.size()) {
            return Err(Problem::NotHere("tile"));
        }
        let grown = copy.seen().grown().size;
        let bytes = app.reads.run(move || Ok(read_prefix(&copy.folder, tile, grown)?)).await?;
        // INVARIANT: what is within the mirror checkpoint was durable before that was signed.
        Ok(ok(OCTETS, FOR_EVER, bytes.ok_or(Problem::NotHere("tile"))?))
    };
    let answer = answer.await;
    app.answer("tile", answer)
}

async fn batch(State(app): State<Arc<App>>, Path((log, entry)): Path<(String, String)>) -> Response {
    let answer = async {
        let copy = app.copy(&log)?;
        let entry = number("entry", &entry)?;
        let here = copy.size().get().min(copy.seen().batches);
        let here = TreeSize::new(here).filter(|here| entry.get() < here.get());
        let here = here.ok_or(Problem::NotHere("batch"))?;
        match app.reads.run(move || copy.batch(entry.get(), here)).await? {
            Some(Found::Bytes(bytes)) => Ok(ok(OCTETS, FOR_EVER, bytes)),
            Some(Found::File(file, length)) => {
                let stream = ReaderStream::new(tokio::fs::File::from_std(file));
                let mut response = ok(OCTETS, FOR_EVER, Body::from_stream(stream));
                response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
                Ok(response)
            }
            Some(Found::Gone) => Err(Problem::Gone),
            None => Err(Problem::NotHere("batch")),
        }
    };
    let answer = answer.await;
    app.answer("batch", answer)
}

async fn past(State(app): State<Arc<App>>, Path((log, size)): Path<(String, String)>) -> Response {
    let answer = async {
        let copy = app.copy(&log)?;
        let size = number("size", &size)?;
        if size > copy.size() {
            return Err(Problem::NotHere("checkpoint"));
        }
        let note = app.reads.run(move || copy.past(size.get())).await?;
        Ok(ok(TEXT, A_MINUTE, note.ok_or(Problem::NotHere("checkpoint"))?))
    };
    let answer = answer.await;
    app.answer("past_checkpoint", answer)
}

async fn add_checkpoint(State(app): State<Arc<App>>, request: Request) -> Response {
    let answer = push::add_checkpoint(&app, request.into_body()).await;
    app.answer("add_checkpoint", answer)
}

async fn add_entries(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answer = push::add_entries(&app, &parts.headers, body).await;
    let mut response = app.answer("add_entries", answer);
    // SPEC: tlog-mirror, add-entries: answers should say which codings are taken.
    response.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    response
}

impl App {
    /// The log of this origin, as a push names it.
    pub(super) fn of_origin(&self, origin: &[u8]) -> Option<&Arc<Puller>> {
        self.logs.get(&sha256(origin).to_string())
    }

    fn copy(&self, hash: &str) -> Result<Arc<LogCopy>, Problem> {
        self.logs.get(hash).map(|puller| Arc::clone(&puller.copy)).ok_or(Problem::UnknownPath)
    }

    fn answer(&self, call: &'static str, answer: Result<Response, Problem>) -> Response {
        let result = match &answer {
            Ok(response) => match response.status().as_u16() {
                202 => "partial",
                409 => "conflict",
                _ => "ok",
            },
            Err(problem) => problem.name(),
        };
        MirrorMetrics::answered(&self.requests, call, result);
        answer.unwrap_or_else(Problem::into_response)
    }
}

pub(super) fn ok(media_type: &'static str, cache: &'static str, body: impl Into<Body>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, body.into()).into_response()
}

fn number(what: &'static str, text: &str) -> Result<TreeSize, Problem> {
    TreeSize::parse(text).ok_or(Problem::Number(what))
}
