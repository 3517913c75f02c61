//! The file of a log's API keys: TOML, one `[[key]]` a key, with hashes and never a key itself.
//!
//! ```toml
//! [[key]]
//! id = "0123456789abcdef"
//! name = "museum"
//! sha256 = "<64 hex digits: of the secret's 32 bytes>"
//! scopes = ["submit", "timestamp"]
//! added = "2026-11-25T09:00:00Z"
//! expires = "2027-11-25T00:00:00Z"     # left out: never
//! ```
//!
//! Nobody but its owner may read or write it: it says who the customers are, and whoever writes it lets himself in. It is
//! replaced as a whole, so that a running log reads the old one or the new one. Changes wait for each other.

use std::{
    collections::HashSet,
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::api_key::{ApiKeyId, SecretHash};

/// So many keys a log may have.
pub const MAX_KEYS: usize = 10_000;
/// About 300 bytes a key.
const MAX_BYTES: u64 = 8 << 20;
const MAX_NAME: usize = 64;

const HEAD: &str = "\
# The API keys of this log, written by treering-log key add and revoke; a running log takes changes within seconds.
# sha256 is a key's hash: the key itself was shown once, and is nowhere here.

";

/// What a key is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// `POST /v1/submissions`.
    Submit,
    /// `POST /tsa`.
    Timestamp,
}

impl Scope {
    /// Its name in files, options and `WWW-Authenticate`.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Submit => "submit",
            Scope::Timestamp => "timestamp",
        }
    }
}

/// What the log knows of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEntry {
    /// Which key.
    pub id: ApiKeyId,
    /// Whose, in the operator's words.
    pub name: String,
    /// Of its secret.
    pub hash: SecretHash,
    /// What it is good for; at least one.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub added: Timestamp,
    /// From when on it is refused; `None`: never.
    pub expires: Option<Timestamp>,
}

/// Why the file of keys can't be used or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The system refuses.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
    /// Others may read or write it.
    #[error(
        "{path}: others may read or write this file (mode {mode:04o}); whoever writes it lets himself in. Look through \
         it, then: chmod 600 {path}"
    )]
    Mode {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not of this form.
    #[error("{path}: {source}")]
    Toml {
        /// Which file.
        path: PathBuf,
        /// Where and what.
        source: Box<toml::de::Error>,
    },
    /// A key in it is none.
    #[error("{path}: key {number}: {why}")]
    Entry {
        /// Which file.
        path: PathBuf,
        /// From 1.
        number: usize,
        /// What is wrong with it.
        why: EntryFault,
    },
    /// More than can be.
    #[error("{path}: a log has at most {MAX_KEYS} keys (8 MiB)")]
    TooMany {
        /// Which file.
        path: PathBuf,
    },
    /// A second key of a name.
    #[error("there is a key named {name} already; revoke it first, or choose another name")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// No such key.
    #[error("there is no key with the name or ID {wanted}; treering-log key list shows those that there are")]
    Unknown {
        /// As it was asked for.
        wanted: String,
    },
}

/// What is wrong with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryFault {
    /// `id`.
    #[error("id must be 16 lowercase hex digits")]
    Id,
    /// `name`.
    #[error("name must be 1 to 64 letters, digits and . _ @ -")]
    Name,
    /// `sha256`.
    #[error("sha256 must be 64 lowercase hex digits")]
    Hash,
    /// `scopes`.
    #[error("scopes must list submit, timestamp or both, each once")]
    Scopes,
    /// `added`, `expires`.
    #[error("a time must look like 2027-01-31T12:00:00Z")]
    Time,
    /// Another key has its ID or name.
    #[error("another key has its id or its name")]
    Twice,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    #[serde(default)]
    key: Vec<Row>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    name: String,
    sha256: String,
    scopes: Vec<Scope>,
    added: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

/// May a key be called so?
pub fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'@' | b'-');
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(fits)
}

/// The keys in a file, in its order; none if there is no file. With what tells a changed file from the same.
///
/// # Errors
/// The file can't be read or is refused.
pub fn read(path: &Path) -> Result<(Vec<KeyEntry>, Option<Stamp>), KeyFileError> {
    let io = |source| KeyFileError::Io { path: path.to_owned(), source };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), None)),
        Err(error) => return Err(io(error)),
    };
    let metadata = file.metadata().map_err(io)?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Mode { path: path.to_owned(), mode });
    }
    if metadata.len() > MAX_BYTES {
        return Err(KeyFileError::TooMany { path: path.to_owned() });
    }
    let mut text = String::new();
    io::Read::take(&mut file, MAX_BYTES).read_to_string(&mut text).map_err(io)?;
    Ok((parse(path, &text)?, Some(Stamp::of(&metadata))))
}

/// Changes the keys in a file, which is made if it isn't there. What `change` returns is on disk when this returns.
///
/// # Errors
/// Those of [`read`] and of `change`; the file can't be written.
pub fn edit<T>(
    path: &Path,
    change: impl FnOnce(&mut Vec<KeyEntry>) -> Result<T, KeyFileError>,
) -> Result<T, KeyFileError> {
    let io = |source| KeyFileError::Io { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Whoever changes the folder's keys holds the folder; a lock on the file itself would go with the file.
    let folder = File::open(folder).map_err(io)?;
    folder.lock().map_err(io)?;
    let (mut keys, _) = read(path)?;
    let changed = change(&mut keys)?;
    if keys.len() > MAX_KEYS {
        return Err(KeyFileError::TooMany { path: path.to_owned() });
    }
    replace(path, &folder, &render(&keys)).map_err(io)?;
    Ok(changed)
}

/// CRASH: the new file is whole and on disk before it has its name, and has its name on disk before anybody is told.
fn replace(path: &Path, folder: &File, text: &str) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    // One that a crash left behind.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    // Made by root for a log that runs as somebody else: it is the folder's owner's, who must be able to read it.
    let owner = folder.metadata()?;
    if file.metadata()?.uid() != owner.uid() {
        fchown(&file, Some(owner.uid()), Some(owner.gid()))?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    folder.sync_all()
}

fn parse(path: &Path, text: &str) -> Result<Vec<KeyEntry>, KeyFileError> {
    let whole: Whole = toml::from_str(text)
        .map_err(|source| KeyFileError::Toml { path: path.to_owned(), source: Box::new(source) })?;
    if whole.key.len() > MAX_KEYS {
        return Err(KeyFileError::TooMany { path: path.to_owned() });
    }
    let (mut ids, mut names) = (HashSet::new(), HashSet::new());
    let rows = whole.key.into_iter().zip(1..);
    rows.map(|(row, number)| {
        let entry = row.check().and_then(|entry| {
            let new = ids.insert(entry.id) & names.insert(entry.name.clone());
            if new { Ok(entry) } else { Err(EntryFault::Twice) }
        });
        entry.map_err(|why| KeyFileError::Entry { path: path.to_owned(), number, why })
    })
    .collect()
}

fn render(keys: &[KeyEntry]) -> String {
    let rows = keys.iter().map(Row::of).collect();
    let table = toml::to_string(&Whole { key: rows }).expect("strings and lists of them are TOML");
    HEAD.to_owned() + &table
}

impl Row {
    fn of(entry: &KeyEntry) -> Row {
        Row {
            id: entry.id.to_string(),
            name: entry.name.clone(),
            sha256: entry.hash.to_string(),
            scopes: entry.scopes.clone(),
            added: entry.added.to_string(),
            expires: entry.expires.map(|time| time.to_string()),
        }
    }

    fn check(self) -> Result<KeyEntry, EntryFault> {
        let time = |text: &str| text.parse::<Timestamp>().map_err(|_| EntryFault::Time);
        if !is_name(&self.name) {
            return Err(EntryFault::Name);
        }
        let mut scopes = self.scopes;
        let given = scopes.len();
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.is_empty() || scopes.len() != given {
            return Err(EntryFault::Scopes);
        }
        Ok(KeyEntry {
            id: ApiKeyId::parse(&self.id).ok_or(EntryFault::Id)?,
            name: self.name,
            hash: SecretHash::parse(&self.sha256).ok_or(EntryFault::Hash)?,
            scopes,
            added: time(&self.added)?,
            expires: self.expires.as_deref().map(time).transpose()?,
        })
    }
}

/// Tells whether a file is still the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

impl Stamp {
    /// Of what is at this path now; `None` if there is nothing.
    ///
    /// # Errors
    /// The system doesn't say.
    pub fn at(path: &Path) -> io::Result<Option<Stamp>> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(Some(Stamp::of(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            // The status change, which no program can set back as it can the time of the last write.
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

#[cfg(test)]
mod tests;
