//! The offline proof of one entry (C2SP tlog-proof, version 1).
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra <base64>                 only if there is extra data
//! index <decimal>                of the entry, from 0
//! <base64 of a hash>             the inclusion proof, from the leaf's sibling upward: 0 to 63 lines
//!
//! <the checkpoint, a signed note, to the end>
//! ```
//!
//! Parsing verifies nothing: not the signatures, not the inclusion, not even that the note is a checkpoint. `extra`
//! is not authenticated by anything in this format.

#[cfg(test)]
mod tests;

use std::fmt;

use crate::{
    hash::Hash,
    note::{Note, NoteError},
    text,
};

/// A tlog-proof, parsed and unverified. Display writes exactly the bytes that were parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// What the application put beside the proof; never empty when parsed, and printed only if not empty.
    pub extra: Option<Vec<u8>>,
    /// The entry's index in the log, below 2^63.
    pub index: u64,
    /// The inclusion proof, from the leaf's sibling upward.
    pub path: Vec<Hash>,
    /// The checkpoint that the proof leads to.
    pub checkpoint: Note,
}

impl TlogProof {
    /// A whole proof is at most 1 MB.
    pub const MAX_BYTES: usize = 1_000_000;
    /// The first line, without its newline.
    pub const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
    /// A tree of 2^63−1 leaves has paths of at most 63 hashes.
    pub const MAX_PATH: usize = 63;

    /// Parses a whole proof.
    ///
    /// # Errors
    /// Each rule of the format has its own [`TlogProofError`].
    pub fn parse(bytes: &[u8]) -> Result<TlogProof, TlogProofError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(TlogProofError::TooLong { max: Self::MAX_BYTES });
        }
        let (first, rest) = split_line(bytes).ok_or(TlogProofError::FirstLine)?;
        if first != Self::FIRST_LINE.as_bytes() {
            return Err(TlogProofError::FirstLine);
        }
        let (extra, rest) = match rest.strip_prefix(b"extra ") {
            Some(rest) => {
                let (line, rest) = split_line(rest).ok_or(TlogProofError::NoCheckpoint)?;
                (Some(read_extra(line).ok_or(TlogProofError::Extra)?), rest)
            }
            None => (None, rest),
        };
        let (line, rest) = split_line(rest).ok_or(TlogProofError::NoCheckpoint)?;
        let index = numbered(line, "index ").ok_or(TlogProofError::Index)?;
        let above = if extra.is_some() { 3 } else { 2 };
        let (path, rest) = hash_lines(rest, Self::MAX_PATH).map_err(|error| match error {
            HashLinesError::Hash { line } => TlogProofError::Hash { line: above + line },
            HashLinesError::TooMany => TlogProofError::TooManyHashes,
            HashLinesError::NoEnd => TlogProofError::NoCheckpoint,
        })?;
        Ok(TlogProof { extra, index, path, checkpoint: Note::parse(rest)? })
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", Self::FIRST_LINE)?;
        if let Some(extra) = self.extra.as_ref().filter(|extra| !extra.is_empty()) {
            writeln!(f, "extra {}", text::base64_encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

/// Why a tlog-proof was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// Larger than [`TlogProof::MAX_BYTES`].
    #[error("the proof is larger than {max} bytes")]
    TooLong {
        /// The limit.
        max: usize,
    },
    /// Another format, or another version of this one.
    #[error("the first line is not c2sp.org/tlog-proof@v1")]
    FirstLine,
    /// SPEC: tlog-proof, Format: without extra data the line is left out.
    #[error("the extra line is not canonical base64 of at least one byte")]
    Extra,
    /// The index line.
    #[error("the index line is not \"index\" and a canonical decimal number below 2^63")]
    Index,
    /// A line of the inclusion proof.
    #[error("line {line} is not the canonical base64 of a hash")]
    Hash {
        /// From 1, in the whole proof.
        line: usize,
    },
    /// More than [`TlogProof::MAX_PATH`].
    #[error("the proof has more than 63 hashes")]
    TooManyHashes,
    /// It ends before the empty line.
    #[error("the proof ends before its checkpoint")]
    NoCheckpoint,
    /// The checkpoint is no signed note.
    #[error("the proof's checkpoint: {0}")]
    Note(#[from] NoteError),
}

/// A line without its newline, and what follows; `None` if there is no newline.
pub(crate) fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

/// A line of this prefix and a canonical decimal below 2^63.
pub(crate) fn numbered(line: &[u8], prefix: &str) -> Option<u64> {
    text::decimal(std::str::from_utf8(line).ok()?.strip_prefix(prefix)?)
}

/// Why lines of hashes could not be read.
pub(crate) enum HashLinesError {
    /// From 1, counted from the first hash.
    Hash {
        line: usize,
    },
    TooMany,
    NoEnd,
}

/// Lines of one base64 hash each up to an empty line, and what follows that.
pub(crate) fn hash_lines(bytes: &[u8], most: usize) -> Result<(Vec<Hash>, &[u8]), HashLinesError> {
    let mut hashes = Vec::new();
    let mut rest = bytes;
    loop {
        let (line, after) = split_line(rest).ok_or(HashLinesError::NoEnd)?;
        rest = after;
        if line.is_empty() {
            return Ok((hashes, rest));
        }
        if hashes.len() == most {
            return Err(HashLinesError::TooMany);
        }
        let hash = std::str::from_utf8(line).ok().and_then(Hash::from_base64);
        hashes.push(hash.ok_or(HashLinesError::Hash { line: hashes.len() + 1 })?);
    }
}

fn read_extra(line: &[u8]) -> Option<Vec<u8>> {
    text::base64_decode(std::str::from_utf8(line).ok()?).filter(|extra| !extra.is_empty())
}
