//! The logs that this witness cosigns: files in `DIR/logs/`, read whole, and only taken over if all of them are good.
//!
//! Two formats, told apart by the file's extension:
//! - `.policy`: a C2SP tlog-policy file, of which only the `log <vkey> [<url>]` lines count; the log's origin is its
//!   key's name. The file must be a whole policy, so one that lists logs alone ends in `quorum none`.
//! - `.logs`: the public witness network's list ([`list`]), whose entries may have an origin other than their key's
//!   name.
//!
//! An origin may have several keys, in one file or in several: any of them may sign its checkpoints.
//!
//! What this does not do: it does not fetch anything.

mod add;
pub mod list;
mod remove;
mod row;

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs,
    io::{self, Read as _},
    num::NonZeroU64,
    path::{Path, PathBuf},
    sync::Arc,
};

use treering_tlog::{
    checkpoint::Origin,
    note::{SignatureType, VerifierKey},
    policy::{Policy, PolicyError},
};

pub use add::{AddError, Added, Candidate, candidates, write};
pub use remove::{RemoveError, remove};
pub use row::Row;

/// One log: the keys that may sign for its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLog {
    /// INVARIANT: not empty, no key twice, all Ed25519 note keys (type 0x01).
    keys: Vec<VerifierKey>,
    /// Where the log can be read, if a file says so.
    url: Option<String>,
    /// The largest quota that a file names.
    requests_per_day: Option<NonZeroU64>,
    contact: Option<String>,
}

impl KnownLog {
    /// The keys that may sign for the origin.
    pub fn keys(&self) -> &[VerifierKey] {
        &self.keys
    }

    /// Where the log can be read, if a file says so.
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// How many cosignatures a day the log may ask for, if a file says so.
    pub fn requests_per_day(&self) -> Option<NonZeroU64> {
        self.requests_per_day
    }

    /// Whom to write to about the log, if a file says so.
    pub fn contact(&self) -> Option<&str> {
        self.contact.as_deref()
    }
}

/// Every log that this witness cosigns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogSet {
    /// Each shared with the requests that are being answered.
    by_origin: HashMap<Origin, Arc<KnownLog>>,
}

/// Why the logs' files are refused. One bad file refuses all: what was in force stays in force.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// A file or the directory can't be read.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Neither of the two extensions.
    #[error(
        "{path}: the name of a file of logs ends in .policy (a tlog-policy file) or .logs (a logs/v0 list)"
    )]
    Extension {
        /// The file.
        path: PathBuf,
    },
    /// Too long to be one.
    #[error("{path}: a file of logs has at most {max} bytes")]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit.
        max: usize,
    },
    /// Not a policy.
    #[error("{path}: {source}{hint}")]
    Policy {
        /// The file.
        path: PathBuf,
        /// What is wrong, and on which line.
        source: PolicyError,
        /// What may be meant.
        hint: &'static str,
    },
    /// Not a list.
    #[error("{path}: {source}")]
    List {
        /// The file.
        path: PathBuf,
        /// What is wrong, and on which line.
        source: list::ListError,
    },
    /// A key's name is no origin, and nothing else names the origin.
    #[error("{path}: the key name {name:?} is not an origin")]
    Origin {
        /// The file.
        path: PathBuf,
        /// The key's name.
        name: String,
    },
    /// A key of another type than logs have.
    #[error("{path}: the key {name} is not an Ed25519 key for notes (type 0x01)")]
    KeyType {
        /// The file.
        path: PathBuf,
        /// The key's name.
        name: String,
    },
}

impl LogSet {
    /// Reads every file of the directory. A directory that isn't there holds no logs. Names that begin with a dot are
    /// left out (files that are being written).
    ///
    /// # Errors
    /// The first file, in the order of names, that is refused, and why.
    pub fn load(directory: &Path) -> Result<LogSet, LogsError> {
        let mut logs = LogSet::default();
        for path in files(directory)? {
            for candidate in read_file(&path)? {
                logs.insert(candidate);
            }
        }
        Ok(logs)
    }

    /// The log of this origin.
    pub fn get(&self, origin: &Origin) -> Option<&Arc<KnownLog>> {
        self.by_origin.get(origin)
    }

    /// Every origin and its log, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Origin, &KnownLog)> {
        self.by_origin.iter().map(|(origin, log)| (origin, &**log))
    }

    /// How many logs.
    pub fn len(&self) -> usize {
        self.by_origin.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.by_origin.is_empty()
    }

    /// Does this key sign for this origin already?
    pub fn knows(&self, candidate: &Candidate) -> bool {
        self.get(&candidate.origin).is_some_and(|log| log.keys.contains(&candidate.key))
    }

    fn insert(&mut self, candidate: Candidate) {
        let log = self.by_origin.entry(candidate.origin).or_insert_with(|| {
            Arc::new(KnownLog { keys: Vec::new(), url: None, requests_per_day: None, contact: None })
        });
        let log = Arc::make_mut(log);
        if !log.keys.contains(&candidate.key) {
            log.keys.push(candidate.key);
        }
        log.url = log.url.take().or(candidate.url);
        log.requests_per_day = log.requests_per_day.max(candidate.requests_per_day);
        log.contact = log.contact.take().or(candidate.contact);
    }
}

fn files(directory: &Path) -> Result<Vec<PathBuf>, LogsError> {
    let io_error = |source| LogsError::Io { path: directory.to_owned(), source };
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(io_error)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(io_error)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// The logs that one file names.
pub(crate) fn read_file(path: &Path) -> Result<Vec<Candidate>, LogsError> {
    let extension = path.extension().and_then(OsStr::to_str);
    let candidates = match extension {
        Some("policy") => read_policy(path, &read_bounded(path)?)?,
        Some("logs") => list::parse(&read_bounded(path)?)
            .map_err(|source| LogsError::List { path: path.to_owned(), source })?,
        _ => return Err(LogsError::Extension { path: path.to_owned() }),
    };
    match candidates.iter().find(|candidate| candidate.key.kind() != SignatureType::Ed25519) {
        Some(other) => {
            Err(LogsError::KeyType { path: path.to_owned(), name: other.key.name().as_str().to_owned() })
        }
        None => Ok(candidates),
    }
}

fn read_policy(path: &Path, bytes: &[u8]) -> Result<Vec<Candidate>, LogsError> {
    let policy = Policy::parse(bytes).map_err(|source| {
        let has_quorum =
            bytes.split(|byte| *byte == b'\n').any(|line| line.trim_ascii_start().starts_with(b"quorum"));
        let hint =
            if has_quorum { "" } else { " (a file that only lists logs ends in the line `quorum none`)" };
        LogsError::Policy { path: path.to_owned(), source, hint }
    })?;
    let mut candidates = Vec::with_capacity(policy.logs().len());
    for log in policy.logs() {
        let name = log.key.name().as_str();
        // SPEC: tlog-policy, Defining a log: the key's name is the log's origin line.
        let origin = Origin::new(name)
            .map_err(|_| LogsError::Origin { path: path.to_owned(), name: name.to_owned() })?;
        candidates.push(Candidate { url: log.url.clone(), ..Candidate::new(origin, log.key.clone()) });
    }
    Ok(candidates)
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, LogsError> {
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(Policy::MAX_BYTES as u64 + 1).read_to_end(&mut bytes))
        .map_err(|source| LogsError::Io { path: path.to_owned(), source })?;
    if bytes.len() > Policy::MAX_BYTES {
        return Err(LogsError::TooLong { path: path.to_owned(), max: Policy::MAX_BYTES });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
