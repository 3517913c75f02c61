//! What every call with a body has in common: the body within its limits, a place among the requests that are worked on,
//! and a task of its own.

use std::sync::Arc;

use axum::{body::Body, extract::Request};
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use tokio::time::timeout;
use treering_tlog::{note::Signature, witness::AddCheckpoint};

use super::{App, problem::Problem};
use crate::cosigner::Refusal;

/// A body over its limit is read on this far, so that the answer reaches a client that is still sending; then it is
/// cut.
const MAX_DRAINED: usize = 1 << 20;

/// Reads the body, and has it worked on.
pub(super) async fn call<F>(
    app: &Arc<App>,
    request: Request,
    work: impl FnOnce(Arc<App>, Vec<u8>) -> F,
) -> Result<Vec<Signature>, Problem>
where
    F: Future<Output = Result<Vec<Signature>, Refusal>> + Send + 'static,
{
    if !is_plain(request.headers()) {
        return Err(Problem::Encoded);
    }
    let reading = timeout(app.limits.request_timeout(), read_body(request.into_body()));
    let body = reading.await.unwrap_or(Err(Problem::BodyTimeout))?;
    // Only now: who sends a body slowly, or never, must not take the place of one who has sent it.
    let permit = Arc::clone(&app.in_flight).try_acquire_owned().map_err(|_| Problem::Busy)?;
    // A task of its own: a client that goes away must not cut an update in two. A stop waits for it.
    let work = work(Arc::clone(app), body);
    let working = app.tasks.spawn(async move {
        let answer = work.await;
        drop(permit);
        answer
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
