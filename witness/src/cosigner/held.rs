//! Which logs are not signed for, because one of them showed that this witness's store is older than its signatures.
//!
//! A store that was restored from a backup has forgotten cosignatures that are out in the world, and a log could have
//! another history cosigned over the part that was forgotten. Once one log has shown such a cosignature, nothing that
//! could not be compared is signed for either: only logs whose published checkpoint agrees with their record.

use std::{collections::HashMap, sync::Arc};

use treering_tlog::{
    checkpoint::{CheckpointError, Origin},
    note::NoteError,
    time::UnixSeconds,
    tree::TreeHead,
};

/// What a log's published checkpoint says about its record.
#[derive(Clone, Debug)]
pub enum Comparison {
    /// It carries a cosignature by this witness that the record accounts for.
    Agrees,
    /// Nothing is known, and why.
    Unchecked(Unchecked),
    /// It carries a cosignature by this witness that the record does not account for.
    Further(Further),
}

/// A cosignature by this witness's own key that its store does not know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the log shows a cosignature by this witness of size {} at {}, and the record has {}: the store is older than \
     what was signed",
    .shown.size, .time.get(), .recorded.map_or("none".to_owned(), |head| format!("size {}", head.size))
)]
pub struct Further {
    /// What was cosigned.
    pub shown: TreeHead,
    /// When.
    pub time: UnixSeconds,
    /// What the record says.
    pub recorded: Option<TreeHead>,
}

/// Why a log's record could not be compared.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unchecked {
    /// No file says where the log can be read.
    #[error("no URL is known")]
    NoUrl,
    /// There was no time left for it.
    #[error("it was not asked in time")]
    NotInTime,
    /// It did not answer.
    #[error("it can't be reached: {0}")]
    Unreachable(Arc<reqwest::Error>),
    /// It answered otherwise than 200.
    #[error("it answered {0}")]
    Status(http::StatusCode),
    /// It answered more than any checkpoint.
    #[error("its answer is longer than a checkpoint may be")]
    TooLong,
    /// What it answered is no signed note.
    #[error("what it publishes is no signed note: {0}")]
    NotANote(NoteError),
    /// What it answered is not a checkpoint that it signed.
    #[error("what it publishes is not its checkpoint: {0}")]
    NotACheckpoint(CheckpointError),
    /// It publishes without this witness.
    #[error("its checkpoint carries no cosignature by this witness")]
    NotCosigned,
    /// It was added after the start.
    #[error("it was added after the start")]
    Later,
}

/// The outcome of the comparison at the start.
#[derive(Clone, Debug, Default)]
pub struct Comparisons {
    by_origin: HashMap<Origin, Comparison>,
    rolled_back: bool,
}

impl Comparisons {
    /// All outcomes together.
    pub fn new(by_origin: HashMap<Origin, Comparison>) -> Comparisons {
        let rolled_back = by_origin.values().any(|outcome| matches!(outcome, Comparison::Further(_)));
        Comparisons { by_origin, rolled_back }
    }

    /// What was found out about a log.
    pub fn get(&self, origin: &Origin) -> Comparison {
        self.by_origin.get(origin).cloned().unwrap_or(Comparison::Unchecked(Unchecked::Later))
    }

    /// May this log's checkpoints be signed?
    ///
    /// INVARIANT: once one cosignature is known that the store has forgotten, only a log that agrees is signed for.
    pub fn may_sign(&self, origin: &Origin) -> bool {
        !self.rolled_back || matches!(self.by_origin.get(origin), Some(Comparison::Agrees))
    }

    /// Has one log shown that the store is old?
    pub fn rolled_back(&self) -> bool {
        self.rolled_back
    }

    /// Every outcome, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Origin, &Comparison)> {
        self.by_origin.iter()
    }
}
