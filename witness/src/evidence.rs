//! Evidence files: what a monitor found wrong with a log, for a third party to check (Treering spec, `evidence.md`).
//!
//! An evidence file is signed by nobody but the culprits: it holds checkpoints as the signed notes that they are, and
//! the hashes, entries and answers that are needed beside them. Times in it are milliseconds since the epoch. A file
//! is at most [`Evidence::MAX_BYTES`].
//!
//! There are two sorts. Of a *proof*, everything is signed by those who are to blame, so [`verify()`] confirms it
//! offline ([`Verdict::Confirmed`]). An *observation* rests on an answer that nobody signs (an HTTP body, silence):
//! what can be checked is checked, and the rest is the monitor's word ([`Verdict::Open`]). [`Kind::is_proof`] says
//! which is which.
//!
//! What this does not do: it reads no clock and fetches nothing, and it does not believe the file in anything.

mod format;
mod parts;
#[cfg(test)]
mod tests;
mod verify;

use std::fmt;

use treering_tlog::{hash::Hash, note::Note, time::UnixMillis};

pub use format::EvidenceError;
pub use parts::{around, cover, fold, fold_around};
pub(crate) use verify::unknown_lines;
pub use verify::{Confirmed, Refuted, Unclear, Verdict, verify};

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Two checkpoints of one size with different roots.
    SplitView,
    /// A checkpoint whose tree does not begin with an earlier checkpoint's.
    Inconsistent,
    /// A checkpoint of a larger tree, of which the log says that it never made it.
    UnmadeHead,
    /// An entry that is none of Treering's.
    MalformedEntry,
    /// An entry that isn't sealed later than the one before it.
    SealedAtBackwards,
    /// An entry's `sealed_at` is too far from when it was published.
    SealedAtClock,
    /// A witness cosigned a larger size at an earlier time.
    CosignerContradiction,
    /// An entry that isn't the one in the tree: changed, dropped or reordered.
    WrongEntry,
    /// A tile that isn't the one in the tree.
    WrongTile,
    /// A batch that doesn't hash to its entry, or has another number of submissions.
    WrongBatch,
    /// A signature line by a key that the policy doesn't know.
    UnknownKey,
    /// A checkpoint that the policy refuses: another origin, a forged line, no checkpoint at all.
    BadCheckpoint,
    /// No fresh cosignature for longer than allowed.
    Stopped,
    /// Something that a published checkpoint covers can't be had.
    Unavailable,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 14] = [
        Kind::SplitView,
        Kind::Inconsistent,
        Kind::UnmadeHead,
        Kind::MalformedEntry,
        Kind::SealedAtBackwards,
        Kind::SealedAtClock,
        Kind::CosignerContradiction,
        Kind::WrongEntry,
        Kind::WrongTile,
        Kind::WrongBatch,
        Kind::UnknownKey,
        Kind::BadCheckpoint,
        Kind::Stopped,
        Kind::Unavailable,
    ];

    /// A stable name, in files and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::SplitView => "split_view",
            Kind::Inconsistent => "inconsistent",
            Kind::UnmadeHead => "unmade_head",
            Kind::MalformedEntry => "malformed_entry",
            Kind::SealedAtBackwards => "sealed_at_backwards",
            Kind::SealedAtClock => "sealed_at_clock",
            Kind::CosignerContradiction => "cosigner_contradiction",
            Kind::WrongEntry => "wrong_entry",
            Kind::WrongTile => "wrong_tile",
            Kind::WrongBatch => "wrong_batch",
            Kind::UnknownKey => "unknown_key",
            Kind::BadCheckpoint => "bad_checkpoint",
            Kind::Stopped => "stopped",
            Kind::Unavailable => "unavailable",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Is all that it rests on signed by those who are to blame? (`SealedAtClock` is, where the policy's witnesses
    /// give the times.)
    pub const fn is_proof(self) -> bool {
        matches!(
            self,
            Kind::SplitView
                | Kind::Inconsistent
                | Kind::MalformedEntry
                | Kind::SealedAtBackwards
                | Kind::SealedAtClock
                | Kind::CosignerContradiction
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A whole evidence file. Which fields a kind has, its row in `spec/evidence.md` says; [`Evidence::parse`] refuses
/// any other shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What was found.
    pub kind: Kind,
    /// When, by the monitor's own clock.
    pub observed_at: UnixMillis,
    /// Where, in the monitor's words: at most [`Evidence::MAX_SOURCE`] bytes.
    pub source: String,
    /// Checkpoints; of two, the one of the smaller tree first.
    pub notes: Vec<Note>,
    /// Hashes that lead to a checkpoint's root.
    pub hashes: Vec<Hash>,
    /// Entries that the last checkpoint's tree has.
    pub leaves: Vec<Leaf>,
    /// Answers that don't fit.
    pub served: Vec<Served>,
    /// What the kind says it is: an allowed distance in milliseconds, an index, an HTTP status; else 0.
    pub number: u64,
}

/// An entry and the proof that a tree has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Its place.
    pub index: u64,
    /// Its bytes, at most 65,535.
    pub entry: Vec<u8>,
    /// The inclusion proof of RFC 6962, at most 63 hashes.
    pub proof: Vec<Hash>,
}

/// What was answered, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// Below the log's URL: `tile/0/000`.
    pub path: String,
    /// The answer's body.
    pub bytes: Vec<u8>,
}

impl Evidence {
    /// The longest file: the longest entry bundle of tlog-tiles has 256 × (2 + 65,535) = 16,777,472 bytes, and there is
    /// one at most; the rest is for the notes (two of 1,000,000 bytes) and little things.
    pub const MAX_BYTES: usize = 20_000_000;
    /// The longest [`Evidence::source`], in bytes.
    pub const MAX_SOURCE: usize = 2_048;

    /// Reads exactly what [`Evidence::encode`] writes.
    ///
    /// # Errors
    /// Each rule of the format has its own [`EvidenceError`].
    pub fn parse(bytes: &[u8]) -> Result<Evidence, EvidenceError> {
        format::decode(bytes)
    }

    /// The file.
    pub fn encode(&self) -> Vec<u8> {
        format::encode(self)
    }
}
