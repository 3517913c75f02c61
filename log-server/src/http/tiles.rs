//! `GET /tile/…`: hash tiles and entry bundles, full and partial (C2SP tlog-tiles).

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use treering_tlog::tile::TilePath;

use super::{
    App,
    answer::{self, Cache},
    problem::MEDIA_TYPE,
    query::{self, InPath},
    refusal::Refusal,
};

/// A hash tile or an entry bundle.
///
/// `<L>/<N>[.p/<W>]` or `entries/<N>[.p/<W>]`, where N is written in groups of three digits as tlog-tiles says
/// (`x001/234`). Nothing beyond the published size is there.
#[utoipa::path(
    get,
    path = "/tile/{path}",
    tag = "log",
    params(("path" = String, Path, description = "The rest of the tile's path; it has slashes")),
    responses(
        (status = 200, description = "The tile: W × 32 bytes, or W entries with a big-endian 16-bit length before each", body = super::openapi::Octets, content_type = "application/octet-stream"),
        (status = 400, description = "Not a canonical tile path", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 404, description = "Not within the published size", body = super::openapi::Problem, content_type = MEDIA_TYPE),
        (status = 500, description = "The server failed", body = super::openapi::Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(super) async fn tile(
    State(app): State<App>,
    InPath(path): InPath<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let path = TilePath::parse(&format!("tile/{path}")).map_err(Refusal::TilePath)?;
    query::none(query.as_deref())?;
    let tile = app.log().tile(path).await?.ok_or(Refusal::NotPublished { what: "tile" })?;
    // A partial tile is the same bytes for ever too: its width is in its name.
    Ok(answer::ok(answer::OCTETS, Cache::Immutable, tile))
}
