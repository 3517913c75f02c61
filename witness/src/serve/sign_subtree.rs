//! `POST /sign-subtree` (C2SP tlog-witness): answers what the cosigner decides.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use http::header;
use treering_tlog::witness::print_signatures;

use super::{App, call::call, problem::Problem};
use crate::metrics::Call;

pub(super) async fn sign_subtree(State(app): State<Arc<App>>, request: Request) -> Response {
    let started = Instant::now();
    let work = async |app: Arc<App>, body: Vec<u8>| {
        let answer = app.cosigner.sign_subtree(&body);
        if let Err(refusal) = &answer {
            tracing::debug!(result = refusal.name(), %refusal, "refused");
        }
        answer
    };
    let answer = call(&app, request, work).await;
    let result = answer.as_ref().map_or_else(Problem::name, |_| "signed");
    app.metrics.answered(Call::SignSubtree, result, started.elapsed());
    match answer {
        Ok(signatures) => {
            // SPEC: tlog-witness, sign-subtree: 200, signature lines, each ending in a newline.
            let content_type = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
            (content_type, print_signatures(&signatures)).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}
