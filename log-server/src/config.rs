//! What an operator decides: the TOML file that `init` writes and `serve` reads.
//!
//! Paths in the file are relative to the folder it stands in. Every value is either taken as it is or refused with
//! the range that would be right; none is changed quietly, and an unknown key is an error. `config/template.toml`
//! is the commented example, field by field with unit, default and danger.

mod access;
pub(crate) mod edit;
mod file;
mod template;
mod tls;
mod tsa;
pub(crate) mod witnesses;

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use treering_tlog::{
    checkpoint::{CheckpointError, Origin},
    note::{KeyError, KeyName, VerifierKey},
    policy::{Policy, PolicyError},
};

pub use access::{AccessConfig, Admission, Allowance, RateLimits};
pub use template::{render, render_tsa};
pub use tls::TlsConfig;
pub use tsa::{TsaConfig, TsaKey};

/// The name of the configuration file inside a log's folder.
pub const FILE_NAME: &str = "log.toml";

/// The version of the file. A file without one is of before there were versions, when all keys were those of version 1.
const VERSION: i64 = 1;

/// A configuration whose every value was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Who the log is; also the name of its key.
    pub origin: Origin,
    /// The folder of the store.
    pub store: PathBuf,
    /// The file with the signing key.
    pub key: PathBuf,
    /// The file with the key that signs beside it, while the key changes.
    pub second_key: Option<PathBuf>,
    /// Keys that signed before, and sign no more.
    pub retired_keys: Vec<VerifierKey>,
    /// The file with the witnesses and the quorum.
    pub policy: PathBuf,
    /// The public address.
    pub listen: SocketAddr,
    /// Metrics and probes.
    pub admin: SocketAddr,
    /// How often a batch is sealed.
    pub tick: Duration,
    /// How often an idle log's head is cosigned afresh.
    pub refresh: Duration,
    /// A clock that steps further stops sealing.
    pub clock_step: Duration,
    /// How long single tokens can be fetched.
    pub token_window: Duration,
    /// How long batches are kept; `None` for ever.
    pub retention: Option<Duration>,
    /// How long a synced write of the intake waits for more requests to share it.
    pub commit_wait: Duration,
    /// Submissions that may wait for their tick.
    pub max_pending: usize,
    /// Nothing is taken while there are fewer free bytes on the store's disk, or on the record's.
    pub min_free_bytes: u64,
    /// The deadline of one request to a witness.
    pub witness_timeout: Duration,
    /// The scrub reads so many bytes a second; 0: there is none.
    pub scrub_bytes_per_second: u64,
    /// How long a witness rests between an answer and the next request, by a name that it has in the policy.
    pub witness_intervals: BTreeMap<String, Duration>,
    /// RocksDB's block cache in bytes.
    pub cache_bytes: usize,
    /// What the public API allows.
    pub limits: Limits,
    /// TLS on the public address; `None`: plain HTTP.
    pub tls: Option<TlsConfig>,
    /// Who may submit, and how much.
    pub access: AccessConfig,
    /// The timestamp authority (RFC 3161); `None`: the log is none.
    pub tsa: Option<TsaConfig>,
}

/// What the public API allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Hashes in one binary submission.
    pub max_hashes: u64,
    /// Hashes in one JSON or text submission.
    pub max_json_hashes: u64,
    /// Connections at once; more wait in the system's queue.
    pub max_connections: usize,
    /// A body may pause so long.
    pub body_idle: Duration,
    /// A request's head must be there in this time; an idle connection is closed after it.
    pub header: Duration,
    /// An HTTP/2 peer that says nothing is asked this often whether it is there, and has as long to answer.
    pub ping: Duration,
    /// The longest `Prefer: wait`.
    pub max_wait: Duration,
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file could not be read.
    #[error("{path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Not TOML, a wrong type, a missing or an unknown key.
    #[error("{path}: {source}")]
    Toml {
        /// Which file.
        path: PathBuf,
        /// Where and what.
        source: Box<toml::de::Error>,
    },
    /// A number out of its range.
    #[error("{field} = {value}: it must be {low} to {high}")]
    Range {
        /// The key in the file.
        field: &'static str,
        /// What stands there.
        value: u64,
        /// The least allowed value.
        low: u64,
        /// The greatest allowed value.
        high: u64,
    },
    /// Of a later program.
    #[error("{path}: version = {found}, and this program knows version {known}: use a later program")]
    Newer {
        /// Which file.
        path: PathBuf,
        /// What it says.
        found: i64,
        /// What would be right.
        known: i64,
    },
    /// The origin is no origin.
    #[error("origin: {0}")]
    Origin(#[from] CheckpointError),
    /// The origin is also the key's name, which may hold less.
    #[error("origin: it is also the name of the log's key: {0}")]
    OriginAsKeyName(#[from] KeyError),
    /// A retired key that is none.
    #[error("retired_keys: {key}: {source}")]
    RetiredKey {
        /// What stands there.
        key: String,
        /// What is wrong with it.
        source: KeyError,
    },
    /// Metrics and probes on the public address.
    #[error("admin = {0}: metrics and probes never stand on the public address; choose another port")]
    AdminIsPublic(SocketAddr),
    /// Neither an address nor a network.
    #[error(
        "access.trusted_proxies: {0:?} is neither an address nor a network such as 10.0.0.0/8 or 2001:db8::/32"
    )]
    Proxy(String),
    /// No key of the timestamp authority, or several.
    #[error("[tsa]: its key stands in one place: key = \"FILE\" (PEM), [tsa.pkcs12] or [tsa.pkcs11]")]
    TsaKey,
    /// Certificates twice or nowhere.
    #[error(
        "[tsa]: certificates = \"FILE\" (PEM, the authority's own first) goes with a key or a PKCS#11 token; PKCS#12 brings \
         its own"
    )]
    TsaCertificates,
    /// The policy file is refused.
    #[error("{path}: {source}")]
    Policy {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: PolicyError,
    },
    /// The policy file names a log.
    #[error("{path}: holds a log line; it lists witnesses only, the server adds its own log")]
    PolicyNamesLog {
        /// Which file.
        path: PathBuf,
    },
    /// A table of a witness that can't be asked.
    #[error("[witnesses.{name}]: the policy has no witness of this name with a URL")]
    NoSuchWitness {
        /// The table's name.
        name: String,
    },
    /// Two tables of one witness.
    #[error(
        "[witnesses.{one}] and [witnesses.{other}] are one witness (one URL in the policy) with two intervals: give one of \
         them"
    )]
    TwoIntervals {
        /// The one.
        one: String,
        /// The other.
        other: String,
    },
    /// The key belongs to another log.
    #[error("the key is of {key}, the configuration of {origin}")]
    OtherKey {
        /// The key's name.
        key: KeyName,
        /// The configured origin.
        origin: Origin,
    },
}

impl Config {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// Names the file and what would be right.
    pub fn load(path: &Path) -> Result<Config, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Config::parse(&text, path)
    }

    /// The configuration with this text, at this path.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Config, ConfigError> {
        let refused = |source| ConfigError::Toml { path: path.to_owned(), source: Box::new(source) };
        // The version first: a later one may have keys that this program would call unknown.
        let table: toml::Table = toml::from_str(text).map_err(refused)?;
        if let Some(found) = table.get("version").and_then(toml::Value::as_integer).filter(|v| *v > VERSION) {
            return Err(ConfigError::Newer { path: path.to_owned(), found, known: VERSION });
        }
        let file: file::File = toml::from_str(text).map_err(refused)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        file.check(folder)
    }
}

/// Reads a file of witness, group and quorum lines and puts a line for each of the log's keys before them.
///
/// # Errors
/// If it cannot be read, is refused, or names a log itself.
pub fn load_policy(path: &Path, keys: &[VerifierKey]) -> Result<Policy, ConfigError> {
    let bytes = std::fs::read(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let refused = |source| ConfigError::Policy { path: path.to_owned(), source };
    // Parsed alone first, so that line numbers in a refusal are the file's.
    let witnesses = Policy::parse(&bytes).map_err(refused)?;
    if !witnesses.logs().is_empty() {
        return Err(ConfigError::PolicyNamesLog { path: path.to_owned() });
    }
    let mut whole: Vec<u8> = keys.iter().flat_map(|key| format!("log {key}\n").into_bytes()).collect();
    whole.extend_from_slice(&bytes);
    Policy::parse(&whole).map_err(refused)
}

#[cfg(test)]
mod tests;
