//! `POST /add-checkpoint` (C2SP tlog-witness): reads the body within its limits and answers what the cosigner decides.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use tokio::time::timeout;
use treering_tlog::{note::Signature, witness::AddCheckpoint, witness::print_signatures};

use super::{App, problem::Problem};
use crate::cosigner::Refusal;

/// A body over its limit is read on this far, so that the answer reaches a client that is still sending; then it is
/// cut.
const MAX_DRAINED: usize = 1 << 20;
/// Suspicious requests are told whole at most this often; the metric counts them all.
const TELL_SECONDS: u64 = 10;

pub(super) async fn add_checkpoint(State(app): State<Arc<App>>, request: Request) -> Response {
    let started = Instant::now();
    let answer = answer(&app, request).await;
    let result = answer.as_ref().map_or_else(Problem::name, |_| "cosigned");
    app.metrics.answered(result, started.elapsed());
    match answer {
        Ok(cosignatures) => {
            // SPEC: tlog-witness, add-checkpoint: 200, signature lines, each ending in a newline.
            let content_type = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
            (content_type, print_signatures(&cosignatures)).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

async fn answer(app: &Arc<App>, request: Request) -> Result<Vec<Signature>, Problem> {
    if !is_plain(request.headers()) {
        return Err(Problem::Encoded);
    }
    let reading = timeout(app.limits.request_timeout(), read_body(request.into_body()));
    let body = reading.await.unwrap_or(Err(Problem::BodyTimeout))?;
    // Only now: who sends a body slowly, or never, must not take the place of one who has sent it.
    let permit = Arc::clone(&app.in_flight).try_acquire_owned().map_err(|_| Problem::Busy)?;
    // A task of its own: a client that goes away must not cut an update in two. A stop waits for it.
    let working = app.tasks.spawn({
        let app = Arc::clone(app);
        async move {
            let answer = app.cosigner.add_checkpoint(&body).await;
            log(&body, &answer);
            drop(permit);
            answer
        }
    });
    match timeout(app.limits.request_timeout(), working).await {
        Ok(Ok(answer)) => Ok(answer?),
        Ok(Err(panicked)) => std::panic::resume_unwind(panicked.into_panic()),
        Err(_) => Err(Problem::Timeout),
    }
}

async fn read_body(body: Body) -> Result<Vec<u8>, Problem> {
    let mut body = std::pin::pin!(body);
    let mut bytes = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Problem::BodyBroken)?.into_data() else { continue };
        length += data.len();
        if length > MAX_DRAINED {
            return Err(Problem::TooLarge);
        }
        if length <= AddCheckpoint::MAX_BYTES {
            bytes.extend_from_slice(&data);
        } else {
            bytes = Vec::new();
        }
    }
    if length > AddCheckpoint::MAX_BYTES { Err(Problem::TooLarge) } else { Ok(bytes) }
}

/// Without this a few bytes could unpack to many.
fn is_plain(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity")
}

/// Once in [`TELL_SECONDS`]: a request has up to 64 KiB.
fn may_tell() -> bool {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = START.elapsed().as_secs();
    let next = |next| (now >= next).then_some(now + TELL_SECONDS);
    NEXT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
}

/// Says in the witness's own log what its operator has to know.
fn log(body: &[u8], answer: &Result<Vec<Signature>, Refusal>) {
    match answer {
        Ok(_) => {}
        // Anybody can send a log's public checkpoint with a wrong proof: that must not fill the disk.
        Err(refusal) if refusal.is_suspicious() && may_tell() => {
            // SPEC: tlog-witness, add-checkpoint: a request with a valid signature may be logged although it fails,
            // as it might be proof of log misbehavior.
            let request = String::from_utf8_lossy(body);
            tracing::warn!(result = refusal.name(), %refusal, ?request, "a signed checkpoint is not consistent");
        }
        Err(refusal @ (Refusal::Store(_) | Refusal::Cosign(_) | Refusal::Record(_) | Refusal::Clock(_))) => {
            tracing::error!(result = refusal.name(), %refusal, "can't cosign");
        }
        Err(refusal) => tracing::debug!(result = refusal.name(), %refusal, "refused"),
    }
}
