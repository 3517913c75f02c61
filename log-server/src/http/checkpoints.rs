//! `GET /checkpoint`, the newest (C2SP tlog-tiles), and `GET /v1/checkpoints/{size}`, those of the past.

use axum::{
    extract::{RawQuery, State},
    response::Response,
};

use super::{
    App,
    answer::{self, Cache},
    problem::MEDIA_TYPE,
    query::{self, InPath},
    refusal::Refusal,
};

/// The newest published checkpoint, with its cosignatures.
#[utoipa::path(
    get,
    path = "/checkpoint",
    tag = "log",
    responses(
        (status = 200, description = "A signed note (C2SP tlog-checkpoint) that meets the policy", body = String, content_type = "text/plain"),
        (status = 400, description = "A query string", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 404, description = "Nothing is published yet", body = super::openapi::Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(super) async fn newest(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    query::none(query.as_deref())?;
    let checkpoint = app.log().checkpoint().ok_or(Refusal::NotPublished { what: "checkpoint" })?;
    Ok(answer::ok(answer::TEXT, Cache::Second, checkpoint))
}

/// A published checkpoint of the past, with all cosignatures that are kept.
#[utoipa::path(
    get,
    path = "/v1/checkpoints/{size}",
    tag = "log",
    params(("size" = u64, Path, description = "The tree size of a checkpoint that was published")),
    responses(
        (status = 200, description = "A signed note (C2SP tlog-checkpoint)", body = String, content_type = "text/plain"),
        (status = 400, description = "Not a number", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 404, description = "No checkpoint of this size was published", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 500, description = "The server failed", body = super::openapi::Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(super) async fn past(
    State(app): State<App>,
    InPath(size): InPath<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let size = query::number_in_path("size", &size)?;
    query::none(query.as_deref())?;
    let checkpoint = app.log().checkpoint_at(size).await?;
    let checkpoint = checkpoint.ok_or(Refusal::NotPublished { what: "checkpoint" })?;
    Ok(answer::ok(answer::TEXT, Cache::Minute, checkpoint))
}
