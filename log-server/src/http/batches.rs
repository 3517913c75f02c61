//! `GET /v1/batches/{entry}`: what a mirror needs to recompute a batch root.

use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::header,
    response::Response,
};
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::OwnedSemaphorePermit;

use super::{
    App,
    answer::{self, Cache},
    problem::MEDIA_TYPE,
    query::{self, InPath},
    refusal::Refusal,
};

/// The batch's leaf hashes, 32 bytes each.
///
/// Enough to recompute the batch root; it lists no submission root.
#[utoipa::path(
    get,
    path = "/v1/batches/{entry}",
    tag = "log",
    params(("entry" = u64, Path, description = "The index of the entry in the log")),
    responses(
        (status = 200, description = "n × 32 bytes, in the order of the batch", body = super::openapi::Octets, content_type = "application/octet-stream"),
        (status = 400, description = "Not a number", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 404, description = "Beyond the published size", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 410, description = "Dropped after the retention", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 500, description = "The server failed", body = super::openapi::Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(super) async fn batch(
    State(app): State<App>,
    InPath(entry): InPath<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let entry = query::number_in_path("entry", &entry)?;
    query::none(query.as_deref())?;
    let turn = app.batch_turn().await;
    match app.log().batch(entry).await? {
        Some(Some(leaves)) => {
            let length = leaves.len();
            let mut response = answer::ok(answer::OCTETS, Cache::Immutable, sent_with(turn, leaves));
            response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
            Ok(response)
        }
        Some(None) => Err(Refusal::Gone { what: "batch" }),
        None => Err(Refusal::NotPublished { what: "batch" }),
    }
}

/// In pieces; the turn is over when the last one is taken or the body is dropped.
fn sent_with(turn: OwnedSemaphorePermit, leaves: Bytes) -> Body {
    Body::from_stream(stream::unfold((leaves, turn), async |(mut leaves, turn)| {
        if leaves.is_empty() {
            return None;
        }
        let piece = leaves.split_to(leaves.len().min(64 * 1024));
        Some((Ok::<_, std::convert::Infallible>(piece), (leaves, turn)))
    }))
}
