//! The messages between a log and a witness (C2SP tlog-witness).
//!
//! ```text
//! old 20852014                   add-checkpoint: the size that the witness has, canonical decimal
//! <base64 of a hash>             the consistency proof, 0 to 63 lines
//!
//! <the checkpoint, a signed note, to the end>
//! ```
//!
//! ```text
//! subtree 8 13                   sign-subtree: its first leaf, and the one behind its last, canonical decimals
//! <base64 of a hash>             the subtree's hash
//! <base64 of a hash>             the subtree consistency proof, 0 to 63 lines
//!
//! <a checkpoint that the witness cosigned, to the end>
//! ```
//!
//! The answer is signature lines (200) or, to add-checkpoint, the size that the witness has (409,
//! [`SIZE_CONTENT_TYPE`]). Every line of every message ends in a newline.
//!
//! Parsing verifies nothing, and status codes are the server's.

mod subtree;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::{
    checkpoint::Origin,
    hash::{Hash, sha256},
    note::{Note, NoteError, Signature},
    proof::{HashLinesError, hash_lines, numbered, split_line},
    tree::TreeSize,
};

pub use subtree::SignSubtree;

/// Content type of a 409's body.
pub const SIZE_CONTENT_TYPE: &str = "text/x.tlog.size";

/// Body of `POST <submission prefix>/add-checkpoint`. Display writes exactly the bytes that were parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the last checkpoint that the witness cosigned, as the log knows it.
    pub old: TreeSize,
    /// The consistency proof from `old` to the checkpoint's size.
    pub proof: Vec<Hash>,
    /// The checkpoint, with any signatures.
    pub checkpoint: Note,
}

impl AddCheckpoint {
    /// The old line is 24 bytes at most, 63 hash lines are 63 × 45 = 2,835, the empty line 1: 62,676 are left for a
    /// checkpoint, room for 17 ML-DSA-44 signature lines with the longest names (3,505 bytes each).
    pub const MAX_BYTES: usize = 64 * 1024;
    /// SPEC: tlog-witness, add-checkpoint: no more than 63 consistency proof lines.
    pub const MAX_PROOF: usize = 63;

    /// Parses a request's body.
    ///
    /// # Errors
    /// Each rule of the format has its own [`WitnessMessageError`].
    pub fn parse(bytes: &[u8]) -> Result<AddCheckpoint, WitnessMessageError> {
        refuse_long(bytes)?;
        let (line, rest) = split_line(bytes).ok_or(WitnessMessageError::Old)?;
        let old = numbered(line, "old ").and_then(TreeSize::new).ok_or(WitnessMessageError::Old)?;
        let (proof, rest) = hash_lines(rest, Self::MAX_PROOF).map_err(|error| match error {
            HashLinesError::Hash { line } => WitnessMessageError::Proof { line },
            HashLinesError::TooMany => WitnessMessageError::TooManyHashes,
            HashLinesError::NoEnd => WitnessMessageError::NoCheckpoint,
        })?;
        Ok(AddCheckpoint { old, proof, checkpoint: Note::parse(rest)? })
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

/// Reads a 409's body: a canonical decimal and a newline.
///
/// # Errors
/// [`WitnessMessageError::Size`].
pub fn parse_conflict(body: &[u8]) -> Result<TreeSize, WitnessMessageError> {
    let size = body.strip_suffix(b"\n").and_then(|line| numbered(line, "")).and_then(TreeSize::new);
    size.ok_or(WitnessMessageError::Size)
}

/// Writes a 409's body.
pub fn print_conflict(size: TreeSize) -> String {
    format!("{size}\n")
}

/// Reads a 200's body: one or more signature lines, each ended by a newline.
///
/// # Errors
/// [`WitnessMessageError::Signatures`]; [`WitnessMessageError::Utf8`]; [`WitnessMessageError::TooLong`] beyond
/// [`AddCheckpoint::MAX_BYTES`].
pub fn parse_signatures(body: &[u8]) -> Result<Vec<Signature>, WitnessMessageError> {
    refuse_long(body)?;
    let body = std::str::from_utf8(body).map_err(|_| WitnessMessageError::Utf8)?;
    let lines = body.strip_suffix('\n').ok_or(WitnessMessageError::Signatures)?;
    let signatures = lines.split('\n').map(Signature::parse_line);
    signatures.collect::<Result<_, _>>().map_err(|_| WitnessMessageError::Signatures)
}

/// Writes a 200's body.
pub fn print_signatures(signatures: &[Signature]) -> String {
    signatures.iter().map(|signature| format!("{signature}\n")).collect()
}

/// Lowercase hex SHA-256 of the origin: `<monitoring prefix>/<origin hash>/checkpoint`.
pub fn origin_hash(origin: &Origin) -> String {
    sha256(origin.as_str().as_bytes()).to_string()
}

/// Why a message was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WitnessMessageError {
    /// Larger than [`AddCheckpoint::MAX_BYTES`].
    #[error("the message is larger than {max} bytes")]
    TooLong {
        /// The limit.
        max: usize,
    },
    /// Signature lines that are not UTF-8.
    #[error("the message is not UTF-8")]
    Utf8,
    /// The first line of add-checkpoint.
    #[error("the first line is not \"old\" and a canonical decimal number below 2^63")]
    Old,
    /// The first line of sign-subtree.
    #[error("the first line is not \"subtree\", a start and an end, canonical decimal numbers below 2^63")]
    Range,
    /// Two numbers that are not those of a subtree.
    #[error(
        "the leaves from {start} up to {end} are no subtree: a start is below its end, and a multiple of the power of two \
         at or above the number of leaves"
    )]
    NoSubtree {
        /// The first leaf.
        start: u64,
        /// Behind the last leaf.
        end: u64,
    },
    /// The second line of sign-subtree.
    #[error("the second line is not the canonical base64 of the subtree's hash")]
    SubtreeHash,
    /// A line of the consistency proof.
    #[error("proof line {line} is not the canonical base64 of a hash")]
    Proof {
        /// From 1, counted from the first line of the proof.
        line: usize,
    },
    /// More than [`AddCheckpoint::MAX_PROOF`].
    #[error("the proof has more than 63 hashes")]
    TooManyHashes,
    /// It ends before the empty line.
    #[error("the message ends before its checkpoint")]
    NoCheckpoint,
    /// The checkpoint is no signed note.
    #[error("the checkpoint: {0}")]
    Note(#[from] NoteError),
    /// A 409's body.
    #[error("the body is not a tree size and a newline")]
    Size,
    /// A 200's body.
    #[error("the body is not signature lines, each ended by a newline")]
    Signatures,
}

fn refuse_long(bytes: &[u8]) -> Result<(), WitnessMessageError> {
    if bytes.len() > AddCheckpoint::MAX_BYTES {
        return Err(WitnessMessageError::TooLong { max: AddCheckpoint::MAX_BYTES });
    }
    Ok(())
}
