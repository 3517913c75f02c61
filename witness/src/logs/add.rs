//! Adding a log: what `add-log` was given, made into a file of its own in `DIR/logs/`.

use std::{
    fs,
    io::{self, Write as _},
    num::NonZeroU64,
    path::{Path, PathBuf},
};

use treering_tlog::{
    checkpoint::Origin,
    note::{KeyError, VerifierKey},
    witness::origin_hash,
};

use super::{LogsError, read_file};

/// A key that is to sign for an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The log.
    pub origin: Origin,
    /// One of its keys.
    pub key: VerifierKey,
    /// Where the log can be read, if it was said.
    pub url: Option<String>,
    /// How many cosignatures a day the log may ask for, if it was said.
    pub requests_per_day: Option<NonZeroU64>,
    /// Whom to write to, if it was said.
    pub contact: Option<String>,
}

impl Candidate {
    /// Of which nothing else was said.
    pub fn new(origin: Origin, key: VerifierKey) -> Candidate {
        Candidate { origin, key, url: None, requests_per_day: None, contact: None }
    }
}

/// What became of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// The file that was written.
    Written(PathBuf),
    /// A file of this name with these bytes was there.
    Present(PathBuf),
}

/// Why a log can't be added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// Neither a file nor a key.
    #[error("{argument:?} is neither a file nor a verifier key ({source})")]
    Neither {
        /// What was given.
        argument: String,
        /// Why it is no key.
        source: KeyError,
    },
    /// The file is refused.
    #[error(transparent)]
    File(#[from] LogsError),
    /// The file names no log, or none with this origin.
    #[error("{path} has no `log` line{of}", of = .origin.as_ref().map(|o| format!(" for the origin {o:?}")).unwrap_or_default())]
    NoLog {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        origin: Option<String>,
    },
    /// The key's name is no origin.
    #[error("the key name {name:?} is not an origin: say which log it is of with --origin")]
    Origin {
        /// The key's name.
        name: String,
    },
    /// The file can't be written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another file has the name.
    #[error("{path} exists and holds something else: remove it, or put the log into a file of another name")]
    Exists {
        /// The file.
        path: PathBuf,
    },
}

/// The logs that the argument of `add-log` names: those of a policy file or list, or one key. `origin` picks one log
/// of a file, and names the origin of a key.
///
/// # Errors
/// The argument is neither, or names no log.
pub fn candidates(argument: &str, origin: Option<&Origin>) -> Result<Vec<Candidate>, AddError> {
    let path = Path::new(argument);
    if !path.is_file() {
        return Ok(vec![key_candidate(argument, origin)?]);
    }
    let mut found = read_any(path)?;
    found.retain(|candidate| origin.is_none_or(|origin| candidate.origin == *origin));
    if found.is_empty() {
        let origin = origin.map(|origin| origin.as_str().to_owned());
        return Err(AddError::NoLog { path: path.to_owned(), origin });
    }
    Ok(found)
}

/// Writes a candidate as a file of its own: whole and synced before it has its name.
///
/// # Errors
/// The file can't be written, or another one has its name.
pub fn write(directory: &Path, candidate: &Candidate) -> Result<Added, AddError> {
    let (name, text) = file_for(candidate);
    let path = directory.join(&name);
    let io_error = |source| AddError::Io { path: path.clone(), source };
    fs::create_dir_all(directory).map_err(io_error)?;
    match fs::read(&path) {
        Ok(bytes) if bytes == text.as_bytes() => return Ok(Added::Present(path)),
        Ok(_) => return Err(AddError::Exists { path }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(io_error(error)),
    }
    // A leading dot: a witness that re-reads the directory meanwhile leaves it out.
    let partial = directory.join(format!(".{name}.{}", std::process::id()));
    fs::File::create(&partial)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&partial, &path))
        .and_then(|()| fs::File::open(directory)?.sync_all())
        .map_err(io_error)?;
    Ok(Added::Written(path))
}

fn key_candidate(argument: &str, origin: Option<&Origin>) -> Result<Candidate, AddError> {
    let key = VerifierKey::parse(argument)
        .map_err(|source| AddError::Neither { argument: argument.to_owned(), source })?;
    let name = key.name().as_str();
    let origin = match origin {
        Some(origin) => origin.clone(),
        None => Origin::new(name).map_err(|_| AddError::Origin { name: name.to_owned() })?,
    };
    Ok(Candidate::new(origin, key))
}

/// A file given by hand may have any name: one whose extension says nothing is read as a policy.
fn read_any(path: &Path) -> Result<Vec<Candidate>, LogsError> {
    if path.extension().is_some_and(|extension| extension == "logs") {
        read_file(path)
    } else {
        super::read_policy(path, &super::read_bounded(path)?)
    }
}

/// The name tells people which log it is; origin hash and key ID keep two logs apart.
fn file_for(candidate: &Candidate) -> (String, String) {
    let readable: String = candidate
        .origin
        .as_str()
        .chars()
        .take(60)
        .map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' })
        .collect();
    let readable = readable.trim_start_matches('.');
    let stem = format!("{readable}_{:.8}_{}", origin_hash(&candidate.origin), candidate.key.id());
    let is_plain = candidate.requests_per_day.is_none() && candidate.contact.is_none();
    if is_plain && candidate.origin.as_str() == candidate.key.name().as_str() {
        let url = candidate.url.as_ref().map(|url| format!(" {url}")).unwrap_or_default();
        (format!("{stem}.policy"), format!("log {}{url}\nquorum none\n", candidate.key))
    } else {
        // SPEC: tlog-policy, Defining a log: a policy can't name an origin apart from its key, nor a quota; a list can.
        let mut text = format!("logs/v0\n\nvkey {}\norigin {}\n", candidate.key, candidate.origin);
        if let Some(count) = candidate.requests_per_day {
            text.push_str(&format!("qpd {count}\n"));
        }
        if let Some(contact) = &candidate.contact {
            text.push_str(&format!("contact {contact}\n"));
        }
        (format!("{stem}.logs"), text)
    }
}
