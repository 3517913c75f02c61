//! A whole body, as it arrives, to its submission root: hashing is the pool's work.

use axum::body::Bytes;

use super::{
    App,
    body::BodyReader,
    hashes::{Format, Gathered, Hashes},
    pieces::Pieces,
    pool::WorkPool,
    query::SubmitQuery,
    refusal::Refusal,
};

/// Less than this is decoded and hashed where it arrives, in some ten microseconds: to hand it over would cost as much.
/// So a body that trickles costs no buffer here.
pub(super) const INLINE: usize = 4096;

/// Folds the whole body into its root.
pub(super) async fn gather(
    app: &App,
    query: SubmitQuery,
    format: Format,
    announced: u64,
    reader: &mut BodyReader,
) -> Result<Gathered, Refusal> {
    let limits = app.limits();
    let limit = if format == Format::Octets { limits.max_hashes } else { limits.max_json_hashes };
    // A binary body of known length is refused before its first byte.
    if format == Format::Octets && announced / 32 > limit {
        return Err(Refusal::TooManyHashes { limit });
    }
    let mut gathering = match (format, query.tokens) {
        (Format::Octets, false) => Gathering::Pieces(Pieces::new(limit)),
        _ => Gathering::InOrder(Hashes::new(format, limit, query.tokens)),
    };
    while let Some(chunk) = reader.next().await? {
        // INVARIANT 7: JSON may hold any amount of white space, so its bytes are bounded too.
        if format == Format::Json && reader.received() > limit * 256 + 64 * 1024 {
            return Err(Refusal::TooManyHashes { limit });
        }
        gathering = gathering.take(app.pool(), chunk).await?;
    }
    match gathering {
        Gathering::Pieces(pieces) => pieces.finish(app.pool()).await,
        Gathering::InOrder(hashes) => hashes.finish(),
    }
}

/// How a body is worked on.
enum Gathering {
    /// Its pieces are hashed independently, several at once.
    Pieces(Pieces),
    /// One chunk after the other: what a byte means depends on those before it.
    InOrder(Hashes),
}

impl Gathering {
    async fn take(self, pool: &WorkPool, chunk: Bytes) -> Result<Gathering, Refusal> {
        match self {
            Gathering::Pieces(mut pieces) => {
                pieces.push(pool, chunk).await?;
                Ok(Gathering::Pieces(pieces))
            }
            Gathering::InOrder(mut hashes) if chunk.len() < INLINE => {
                hashes.push(&chunk)?;
                Ok(Gathering::InOrder(hashes))
            }
            Gathering::InOrder(mut hashes) => {
                let (bytes, work) = (chunk.len(), move || hashes.push(&chunk).map(|()| hashes));
                pool.give(bytes, work).await.done().await?.map(Gathering::InOrder)
            }
        }
    }
}
