//! What keeps a whole run from being stamped.

use super::index::TooMany;
use crate::{
    bundle_file::BundleFileError, http::ClientError, job::JobError, journal::JournalError,
    keys::KeyFileError, output::OutputError, report::Verdict,
};
use std::{io, time::Duration};
use treering_tlog::{hash::Hash, note::NoteError, policy::PolicyVerifyError};
use treering_token::{
    bundle::{BundleError, Walker},
    verify::VerifyError,
};

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StampError {
    #[error(
        "no log: give its URL with --log or TREERING_LOG (the policy names no log with a URL, so it can't be taken from there)"
    )]
    NoLog,
    #[error(
        "which log {url} is can't be told while it is away, and with --all-logs its evidence has its origin in the name: give \
         its URL in its line of the policy, or try again: {error}"
    )]
    WhichLog { url: String, error: Box<StampError> },
    #[error(
        "{first} and {second} are one log ({name}) by the names of their evidence: with --all-logs, give each log once"
    )]
    OneLog { first: String, second: String, name: String },
    #[error("{unfinished} logs have unfinished runs of it: say which one --log is for, by its output")]
    WhichMoved { unfinished: usize },
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Key(#[from] KeyFileError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error("the bundle can't be written: {0}")]
    Write(io::Error),
    #[error(
        "this log takes {limit} hashes at once, and a run has at most {max} submissions: stamp parts of it, each into a bundle of \
         its own",
        max = Walker::MAX_SUBMISSIONS
    )]
    TooManySubmissions { limit: u64 },
    #[error("the network part can't be started: {0}")]
    Runtime(io::Error),
    #[error("nothing to stamp: no file was found and read")]
    Nothing,
    #[error(
        "two of the paths end in {name}, and a bundle can't tell them apart: give a directory above both, or stamp them one by one"
    )]
    SameName { name: String },
    #[error("the path {path} can't be resolved: {error}")]
    Path { path: String, error: io::Error },
    #[error("what the log shows as its checkpoint is none: {0}; is this a Treering log?")]
    NotACheckpoint(NoteError),
    #[error(
        "the log's checkpoint is not one that the policy accepts: {0}\n\
         Is it the right log ({url}) and the right policy for it?", url = .1
    )]
    Checkpoint(PolicyVerifyError, String),
    #[error(
        "the log's checkpoint has too few witnesses for the policy ({cosigned} of {witnesses} cosigned), so the claims \
         can't have a lower bound: try again in a minute, or stamp without one with --no-after"
    )]
    NoAfter { cosigned: usize, witnesses: usize },
    #[error(transparent)]
    Claims(#[from] super::ClaimsError),
    #[error(transparent)]
    Sign(#[from] crate::signer::SignError),
    #[error(transparent)]
    Rules(#[from] crate::walk::RuleError),
    #[error("--one-file-system: which file system a directory is on can't be told on this system")]
    NoFileSystems,
    #[error("standard input can be one list only: give the others as files")]
    StdinTwice,
    #[error("the current directory can't be told: {0}")]
    Here(io::Error),
    #[error("what is to be said about the files: {0}")]
    Claim(BundleError),
    #[error("the receipt that the log gave for {root} is refused: {error}")]
    Receipt { root: Hash, error: VerifyError },
    #[error(
        "the log has taken the submission, but after {seconds} s there is no receipt that meets the policy{why}. \
         Its witnesses may be away (see --wait)",
        seconds = waited.as_secs(), why = told(unmet.as_ref())
    )]
    NotYet { waited: Duration, unmet: Option<VerifyError> },
    #[error("interrupted")]
    Interrupted,
    #[error(transparent)]
    Job(#[from] JobError),
    #[error(transparent)]
    TooMany(#[from] TooMany),
    #[error("{path}, where the bundle grows until it is whole: {error}")]
    Partial { path: String, error: io::Error },
    #[error(
        "an earlier run for {output} is not finished (begun {began}): go on with `treering resume`, which hashes nothing \
         again that was hashed, or forget it with --restart"
    )]
    Unfinished { output: String, began: String },
    #[error(
        "{path} is what somebody's unfinished run left, and this user's state directory doesn't know of it: whoever \
         began it can go on with `treering resume`, or forget it with --restart"
    )]
    NotOurs { path: String },
    #[error("{output} is being stamped by {who}: wait until it has ended")]
    Held { output: String, who: String },
    #[error(
        "the receipt of {root} in the earlier bundle is refused: {error}\n\
         Nothing of it is taken over. Is it under this policy? Else stamp anew, without --since"
    )]
    Earlier { root: Hash, error: VerifyError },
    #[error("--since {path}: {reason}")]
    Since { path: String, reason: &'static str },
    #[error(transparent)]
    ReadBack(#[from] BundleFileError),
    #[error("the network part ended before its work was done; please report this")]
    Lost,
}

impl StampError {
    /// A receipt that doesn't hold is a forgery, not an outage.
    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            StampError::Receipt { .. } | StampError::Earlier { .. } => Verdict::Invalid,
            _ => Verdict::Unchecked,
        }
    }

    /// Is it only that the log, or its witnesses, are away?
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            StampError::Client(error) => {
                matches!(
                    error,
                    ClientError::Unreachable { .. } | ClientError::Refused { status: 429 | 500..=599, .. }
                )
            }
            StampError::NotYet { .. } => true,
            _ => false,
        }
    }
}

fn told(unmet: Option<&VerifyError>) -> String {
    unmet.map(|error| format!(" ({error})")).unwrap_or_default()
}
