//! `GET /v1/batches/{entry}`: what a mirror needs to recompute a batch root.

use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::header,
    response::Response,
};
use futures_util::stream;
use treering_tlog::tree::TreeSize;

use super::{
    App,
    answer::{self, Cache},
    problem::MEDIA_TYPE,
    query::{self, InPath},
    refusal::Refusal,
};
use crate::log::{Log, ReadError};

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
    match app.log().batch(entry).await? {
        Some(Some(size)) => {
            let body = in_pieces(app.log().clone(), entry, size);
            let mut response = answer::ok(answer::OCTETS, Cache::Immutable, body);
            response.headers_mut().insert(header::CONTENT_LENGTH, (size.get() * 32).into());
            Ok(response)
        }
        Some(None) => Err(Refusal::Gone { what: "batch" }),
        None => Err(Refusal::NotPublished { what: "batch" }),
    }
}

/// INVARIANT 7: however large a batch is and however slowly it is read, one piece of it is in memory. A batch that is
/// dropped meanwhile ends the connection, so that half of it can't look whole.
fn in_pieces(log: Log, entry: u64, size: TreeSize) -> Body {
    Body::from_stream(stream::try_unfold((log, 0), move |(log, number)| async move {
        let piece = log.batch_piece(entry, size, number).await?;
        Ok::<_, ReadError>((!piece.is_empty()).then_some((piece, (log, number + 1))))
    }))
}
