//! `POST /add-checkpoint` (C2SP tlog-witness): answers what the cosigner decides.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use http::header;
use treering_tlog::{note::Signature, witness::print_signatures};

use super::{App, call::call, problem::Problem};
use crate::{cosigner::Refusal, metrics::Call, seldom::Seldom};

/// Suspicious requests are told whole, of up to 64 KiB, this seldom; the metric counts them all.
static SUSPICIOUS: Seldom = Seldom::new(Duration::from_secs(10));
/// A store that fails does so at each request.
static FAULTS: Seldom = Seldom::new(Duration::from_secs(1));

pub(super) async fn add_checkpoint(State(app): State<Arc<App>>, request: Request) -> Response {
    let started = Instant::now();
    let answer = answer(&app, request).await;
    let result = answer.as_ref().map_or_else(Problem::name, |_| "cosigned");
    app.metrics.answered(Call::AddCheckpoint, result, started.elapsed());
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
    let work = async |app: Arc<App>, body: Vec<u8>| {
        let answer = app.cosigner.add_checkpoint(&body).await;
        log(&body, &answer);
        answer
    };
    call(app, request, work).await
}

/// Says in the witness's own log what its operator has to know.
fn log(body: &[u8], answer: &Result<Vec<Signature>, Refusal>) {
    match answer {
        Ok(_) => {}
        // Anybody can send a log's public checkpoint with a wrong proof: that must not fill the disk.
        Err(refusal) if refusal.is_suspicious() && SUSPICIOUS.turn() => {
            // SPEC: tlog-witness, add-checkpoint: a request with a valid signature may be logged although it fails,
            // as it might be proof of log misbehavior.
            let request = String::from_utf8_lossy(body);
            tracing::warn!(result = refusal.name(), %refusal, ?request, "a signed checkpoint is not consistent");
        }
        Err(refusal @ (Refusal::Store(_) | Refusal::Cosign(_) | Refusal::Record(_) | Refusal::Clock(_))) => {
            if FAULTS.turn() {
                tracing::error!(result = refusal.name(), %refusal, "can't cosign");
            }
        }
        Err(refusal) => tracing::debug!(result = refusal.name(), %refusal, "refused"),
    }
}
