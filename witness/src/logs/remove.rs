//! Removing a log: the files in `DIR/logs/` that name it and nothing else go.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Candidate, LogsError, files, read_file};

/// Why a log can't be removed. Nothing was changed then, but where a variant says so.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// A file is refused.
    #[error(transparent)]
    File(#[from] LogsError),
    /// No file names it.
    #[error("no file of logs names {log:?} as an origin or a verifier key; nothing was changed")]
    Unknown {
        /// What was asked for.
        log: String,
    },
    /// It stands beside others.
    #[error(
        "{path} names other logs as well: take {log:?} out of it by hand and send the witness SIGHUP; nothing was \
         changed"
    )]
    Shared {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        log: String,
    },
    /// A file does not go.
    #[error("{path}: {source}. Files before it, in the order of names, are gone")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Removes the files of a log, which is named by its origin (all its keys go) or by a verifier key. Gives the files
/// that are gone. The log's record stays in the store: a log that is added again is gone on with from there.
///
/// # Errors
/// No file names it, or one names it beside others.
pub fn remove(directory: &Path, log: &str) -> Result<Vec<PathBuf>, RemoveError> {
    let is_it = |candidate: &Candidate| candidate.origin.as_str() == log || candidate.key.to_string() == log;
    let mut found = Vec::new();
    for path in files(directory)? {
        let candidates = read_file(&path)?;
        if candidates.iter().any(is_it) {
            if !candidates.iter().all(is_it) {
                return Err(RemoveError::Shared { path, log: log.to_owned() });
            }
            found.push(path);
        }
    }
    if found.is_empty() {
        return Err(RemoveError::Unknown { log: log.to_owned() });
    }
    for path in &found {
        fs::remove_file(path).map_err(|source| RemoveError::Io { path: path.clone(), source })?;
    }
    fs::File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|source| RemoveError::Io { path: directory.to_owned(), source })?;
    Ok(found)
}
