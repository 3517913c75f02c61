//! Why nothing was stamped.

use crate::{http::ClientError, stamp::StampError};
use std::{path::PathBuf, time::Duration};
use treering_tlog::{hash::Hash, note::NoteError, policy::PolicyVerifyError};
use treering_token::{bundle::BundleError, verify::VerifyError};

/// Why nothing was stamped. What the log has taken durably, it keeps: the same digests begun and sent once more get another
/// time, never a worse one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log couldn't be reached, or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// There is nothing to stamp.
    #[error("nothing to stamp: no file was given")]
    Nothing,
    /// What the log shows as its checkpoint is none.
    #[error("what the log shows as its checkpoint is none: {0}; is this a Treering log?")]
    NotACheckpoint(NoteError),
    /// It isn't the policy's log.
    #[error(
        "the log's checkpoint is not one that the policy accepts: {0}; is it the right log, and the right policy for it?"
    )]
    Checkpoint(PolicyVerifyError),
    /// There is no lower bound to be had.
    #[error("the log's checkpoint has too few witnesses for the policy ({cosigned} of {witnesses} cosigned)")]
    NoAfter {
        /// Witnesses that cosigned.
        cosigned: usize,
        /// Witnesses that the policy knows.
        witnesses: usize,
    },
    /// A name or title that is too long, or a claim that is.
    #[error("what is to be said about the files: {0}")]
    Claim(#[from] BundleError),
    /// The receipt doesn't hold under the policy. This is news: the log, or somebody on the way, is not honest.
    #[error("the receipt that the log gave for {root} is refused: {error}")]
    Receipt {
        /// The submission.
        root: Hash,
        /// Why.
        error: VerifyError,
    },
    /// The log has it, but its witnesses are away: the same digests can be stamped again later.
    #[error("after {} s there is no receipt that meets the policy", waited.as_secs())]
    NotYet {
        /// How long was waited.
        waited: Duration,
        /// What the last receipt lacked, if there was one.
        unmet: Option<VerifyError>,
    },
    /// A file couldn't be read, or changed while it was.
    #[error("{}: it {reason}", crate::paths::shown(.path))]
    File {
        /// Which.
        path: PathBuf,
        /// In words.
        reason: String,
    },
    /// The bundle can't be written there, or not of these paths.
    #[error("the bundle {}: {reason}", crate::paths::shown(.path))]
    Bundle {
        /// Where it was to appear.
        path: PathBuf,
        /// In words.
        reason: String,
    },
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes: {0}")]
    Random(getrandom::Error),
    /// A thread that hashed or waited has panicked.
    #[error("a thread of the stamping has panicked: please report this")]
    Panicked,
}

impl From<StampError> for Error {
    fn from(error: StampError) -> Error {
        match error {
            StampError::Client(error) => Error::Client(error),
            StampError::NotACheckpoint(error) => Error::NotACheckpoint(error),
            StampError::Checkpoint(error, _) => Error::Checkpoint(error),
            StampError::NoAfter { cosigned, witnesses } => Error::NoAfter { cosigned, witnesses },
            StampError::Claim(error) => Error::Claim(error),
            StampError::Receipt { root, error } => Error::Receipt { root, error },
            StampError::NotYet { waited, unmet } => Error::NotYet { waited, unmet },
            StampError::Nothing => Error::Nothing,
            // Those of files and of the run's own places: whoever has them tells them.
            _ => Error::Panicked,
        }
    }
}
