//! The bodies of submissions.

mod hashes;
pub mod refusal;

use refusal::Refusal;
use treering_tlog::hash::Hash;

pub use hashes::MAX_TOKENS;

/// How hashes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// 32 bytes each.
    Octets,
    /// A JSON object.
    Json,
    /// sha256sum's output.
    Sums,
}

/// A submission as it was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Over its hashes.
    pub root: Hash,
    /// How many they are.
    pub count: u64,
    /// The hashes, if they were to be kept.
    pub hashes: Option<Vec<[u8; 32]>>,
}

/// So many hashes are held of a body of this length before it has come.
pub fn hashes_in(format: Format, bytes: u64) -> u64 {
    of(format).hashes_in(bytes)
}

/// Reads a body that comes in pieces: at most `limit` hashes, which are kept or not.
pub fn read<'a>(
    format: Format,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limit: u64,
    keep: bool,
) -> Result<Submission, Refusal> {
    let mut hashes = hashes::Hashes::new(of(format), limit, keep);
    pieces.into_iter().try_for_each(|piece| hashes.push(piece))?;
    let all = hashes.finish()?;
    Ok(Submission { root: all.root, count: all.count, hashes: all.small.map(|small| small.to_vec()) })
}

fn of(format: Format) -> hashes::Format {
    match format {
        Format::Octets => hashes::Format::Octets,
        Format::Json => hashes::Format::Json,
        Format::Sums => hashes::Format::Sums,
    }
}
