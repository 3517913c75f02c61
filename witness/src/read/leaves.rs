//! A tile of leaf hashes and its entries, fetched at once.

use treering_tlog::tile::{TileKind, TilePath};

use super::{fetch::FetchError, source::Source, tiles::Trouble};

/// A tile of leaf hashes, if it is full, and its entries, as they were served.
pub(crate) struct Answers {
    pub(crate) tile: TilePath,
    pub(crate) hashes: Result<Vec<u8>, FetchError>,
    pub(crate) bundle: Option<(TilePath, Result<Vec<u8>, FetchError>)>,
}

/// A tile and its bundle, at once. The edge's tile was fetched already, when the edge was authenticated.
pub(crate) async fn fetch(source: &Source, tile: TilePath, entries: bool) -> Answers {
    let hashes = async { if tile.is_full() { source.tile(tile).await } else { Ok(Vec::new()) } };
    let bundle = async { if entries { fetch_bundle(source, tile).await } else { None } };
    let (hashes, bundle) = tokio::join!(hashes, bundle);
    Answers { tile, hashes, bundle }
}

/// The entries of a tile of leaf hashes.
pub(crate) async fn fetch_bundle(
    source: &Source,
    tile: TilePath,
) -> Option<(TilePath, Result<Vec<u8>, FetchError>)> {
    let path = TilePath::new(TileKind::Entries, tile.index(), tile.width())?;
    Some((path, source.tile(path).await))
}

/// The bundle; one that is longer than Treering's are is fetched again, alone.
pub(crate) async fn whole(
    source: &Source,
    path: TilePath,
    bundle: Result<Vec<u8>, FetchError>,
) -> Result<Vec<u8>, Trouble> {
    let whole = match bundle {
        Err(FetchError::TooLong { .. }) => source.long_bundle(path).await,
        usual => usual,
    };
    whole.map_err(|error| Trouble::Fetch { path: path.to_string(), error })
}
