//! `monitor.toml`: which logs are followed, and what they may do. A value is accepted or refused, never quietly changed.

mod error;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashSet},
    fs, io,
    net::SocketAddr,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use treering_tlog::{checkpoint::Origin, policy::Policy};

use crate::config::is_url;
pub use error::MonitorConfigError;
use error::MonitorConfigError as Error;

/// The commented file to start from.
pub const EXAMPLE: &str = include_str!("example.toml");

pub(crate) const SECONDS: RangeInclusive<u64> = 1..=86_400;
const SILENCE: RangeInclusive<u64> = 1..=2_592_000;
pub(crate) const MILLIS: RangeInclusive<u64> = 100..=600_000;
pub(crate) const CONCURRENCY: RangeInclusive<u64> = 1..=256;
const RECHECKS: RangeInclusive<u64> = 0..=1_024;
const DAYS: RangeInclusive<u64> = 1..=36_525;

/// What the monitor follows.
#[derive(Clone, Debug)]
pub struct MonitorConfig {
    /// The folder of state files.
    pub state: PathBuf,
    /// The folder of evidence files.
    pub evidence: PathBuf,
    /// Address of metrics and health.
    pub admin_listen: Option<SocketAddr>,
    /// Time for one answer.
    pub timeout: Duration,
    /// Requests to one log at once.
    pub concurrency: usize,
    /// Pause before a failed request is repeated.
    pub retry_pause: Duration,
    /// The logs; at least one, each origin once.
    pub logs: Vec<LogConfig>,
}

/// One log.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// The log's keys and the witnesses that count.
    pub policy: Policy,
    /// Which of the policy's logs.
    pub origin: Origin,
    /// Where it is read; at least one.
    pub urls: Vec<String>,
    /// What is in it.
    pub kind: LogKind,
    /// How often it is read.
    pub interval: Duration,
    /// How far `sealed_at` may be from the monitor's clock, in milliseconds.
    pub clock_distance_ms: u64,
    /// How old the newest cosignatures may be, in milliseconds.
    pub silence_ms: u64,
    /// Which batches are fetched.
    pub batches: Batches,
    /// Batches sealed so many milliseconds ago may be gone.
    pub retention_ms: Option<u64>,
    /// So many bundles are read again in each look, in turn.
    pub recheck_bundles: u64,
    /// What is done about signature lines by keys that the policy doesn't have.
    pub unknown_keys: UnknownKeys,
    /// Name in the policy and monitoring prefix of each witness that can be asked.
    pub witnesses: Vec<(String, String)>,
}

/// What a log's entries are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogKind {
    /// Entries and batches of Treering's.
    #[default]
    Treering,
    /// Anything: entries are left alone.
    Tlog,
}

/// Which batches are fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Batches {
    /// Of every entry.
    All,
    /// Of entries that the log didn't have yet when it was first seen.
    #[default]
    New,
    /// Of no entry.
    None,
}

/// What is done about signature lines by unknown keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownKeys {
    /// They are findings.
    #[default]
    Report,
    /// Nothing: logs of the public network carry cosignatures by many.
    Ignore,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default = "state")]
    state: PathBuf,
    #[serde(default = "evidence")]
    evidence: PathBuf,
    admin_listen: Option<SocketAddr>,
    #[serde(default = "timeout_ms")]
    timeout_ms: u64,
    #[serde(default = "concurrency")]
    concurrency: u64,
    #[serde(default)]
    log: Vec<LogTable>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogTable {
    policy: PathBuf,
    origin: Option<String>,
    urls: Option<Vec<String>>,
    #[serde(default)]
    kind: LogKind,
    #[serde(default = "interval_seconds")]
    interval_seconds: u64,
    #[serde(default = "clock_distance_seconds")]
    clock_distance_seconds: u64,
    #[serde(default = "silence_seconds")]
    silence_seconds: u64,
    #[serde(default)]
    batches: Batches,
    retention_days: Option<u64>,
    #[serde(default = "recheck_bundles")]
    recheck_bundles: u64,
    #[serde(default)]
    unknown_keys: UnknownKeys,
    #[serde(default)]
    witnesses: BTreeMap<String, String>,
}

fn state() -> PathBuf {
    PathBuf::from("state")
}
fn evidence() -> PathBuf {
    PathBuf::from("evidence")
}
const fn timeout_ms() -> u64 {
    10_000
}
const fn concurrency() -> u64 {
    16
}
const fn interval_seconds() -> u64 {
    60
}
const fn clock_distance_seconds() -> u64 {
    300
}
const fn silence_seconds() -> u64 {
    600
}
const fn recheck_bundles() -> u64 {
    16
}

impl MonitorConfig {
    /// Reads the file and the policies that it names.
    ///
    /// # Errors
    /// What is wrong, where, and what would be right.
    pub fn load(path: &Path) -> Result<MonitorConfig, Error> {
        let text = fs::read_to_string(path);
        let text = text.map_err(|source| Error::Io { path: path.to_owned(), source })?;
        MonitorConfig::parse(path, &text, &|path| fs::read(path))
    }

    /// Reads the text of the file at `path`, and the policies that it names by `read`.
    pub(crate) fn parse(path: &Path, text: &str, read: Read<'_>) -> Result<MonitorConfig, Error> {
        let file: File = toml::from_str(text)
            .map_err(|source| Error::Toml { path: path.to_owned(), source: Box::new(source) })?;
        let dir = path.parent().unwrap_or(Path::new(""));
        ranged("timeout_ms", file.timeout_ms, MILLIS)?;
        ranged("concurrency", file.concurrency, CONCURRENCY)?;
        let logs = file.log.into_iter().map(|log| log.read(dir, read)).collect::<Result<Vec<_>, _>>()?;
        if logs.is_empty() {
            return Err(Error::NoLogs { path: path.to_owned() });
        }
        each_once(logs.iter().map(|log| &log.origin))?;
        Ok(MonitorConfig {
            state: dir.join(file.state),
            evidence: dir.join(file.evidence),
            admin_listen: file.admin_listen,
            timeout: Duration::from_millis(file.timeout_ms),
            // INVARIANT: at most 256, as was checked.
            concurrency: usize::try_from(file.concurrency).expect("at most 256"),
            retry_pause: Duration::from_millis(300),
            logs,
        })
    }
}

impl LogTable {
    fn read(self, dir: &Path, read: Read<'_>) -> Result<LogConfig, Error> {
        let (policy, origin) = log_of(&dir.join(&self.policy), self.origin.as_deref(), read)?;
        ranged("interval_seconds", self.interval_seconds, SECONDS)?;
        ranged("clock_distance_seconds", self.clock_distance_seconds, SECONDS)?;
        ranged("silence_seconds", self.silence_seconds, SILENCE)?;
        ranged("recheck_bundles", self.recheck_bundles, RECHECKS)?;
        if self.silence_seconds < self.interval_seconds {
            return Err(Error::SilenceBelowInterval {
                silence: self.silence_seconds,
                interval: self.interval_seconds,
            });
        }
        if let Some(days) = self.retention_days {
            ranged("retention_days", days, DAYS)?;
        }
        let urls = self.urls.unwrap_or_else(|| urls_of(&policy, &origin));
        if urls.is_empty() {
            return Err(Error::NoUrl { origin: origin.to_string() });
        }
        let witnesses = witnesses(&policy, self.witnesses)?;
        let all = urls.iter().chain(witnesses.iter().map(|(_, url)| url));
        if let Some(url) = all.into_iter().find(|url| !is_url(url)) {
            return Err(Error::Url { url: url.clone() });
        }
        Ok(LogConfig {
            policy,
            origin,
            urls,
            kind: self.kind,
            interval: Duration::from_secs(self.interval_seconds),
            clock_distance_ms: self.clock_distance_seconds * 1000,
            silence_ms: self.silence_seconds * 1000,
            batches: self.batches,
            retention_ms: self.retention_days.map(|days| days * 86_400_000),
            recheck_bundles: self.recheck_bundles,
            unknown_keys: self.unknown_keys,
            witnesses,
        })
    }
}

/// How the files that a configuration names are read.
pub(crate) type Read<'r> = &'r dyn Fn(&Path) -> io::Result<Vec<u8>>;

/// A policy, and which of its logs is meant.
pub(crate) fn log_of(path: &Path, named: Option<&str>, read: Read<'_>) -> Result<(Policy, Origin), Error> {
    let bytes = read(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    let policy = Policy::parse(&bytes).map_err(|source| Error::Policy { path: path.to_owned(), source })?;
    let origin = origin(path, &policy, named)?;
    Ok((policy, origin))
}

/// Where the policy says that the log is read.
pub(crate) fn urls_of(policy: &Policy, origin: &Origin) -> Vec<String> {
    let of_log = policy.logs().iter().filter(|log| log.key.name().as_str() == origin.as_str());
    of_log.filter_map(|log| log.url.clone()).collect()
}

/// No origin may be there twice.
pub(crate) fn each_once<'a>(origins: impl Iterator<Item = &'a Origin>) -> Result<(), Error> {
    let mut earlier = HashSet::new();
    for origin in origins {
        if !earlier.insert(origin) {
            return Err(Error::Twice { origin: origin.to_string() });
        }
    }
    Ok(())
}

/// The origin that is meant: the named one, or the only one.
fn origin(path: &Path, policy: &Policy, named: Option<&str>) -> Result<Origin, Error> {
    let wrong = || Error::Origin { path: path.to_owned(), named: named.map(str::to_owned) };
    let mut names: Vec<&str> = policy.logs().iter().map(|log| log.key.name().as_str()).collect();
    names.dedup();
    let name = match named {
        Some(named) => names.into_iter().find(|name| *name == named).ok_or_else(wrong)?,
        None if names.len() == 1 => names[0],
        None => return Err(wrong()),
    };
    Origin::new(name).map_err(|_| wrong())
}

/// The witnesses that can be asked: the policy's URLs, or those given instead.
fn witnesses(policy: &Policy, given: BTreeMap<String, String>) -> Result<Vec<(String, String)>, Error> {
    let known = |name: &String| policy.witnesses().iter().any(|w| w.name.to_string() == *name);
    if let Some(name) = given.keys().find(|name| !known(name)) {
        return Err(Error::UnknownWitness { name: name.clone() });
    }
    let urls = policy.witnesses().iter().filter_map(|witness| {
        let name = witness.name.to_string();
        let url = given.get(&name).or(witness.url.as_ref()).cloned();
        url.map(|url| (name, url))
    });
    Ok(urls.collect())
}

pub(crate) fn ranged(name: &'static str, value: u64, range: RangeInclusive<u64>) -> Result<(), Error> {
    if range.contains(&value) {
        Ok(())
    } else {
        Err(Error::Range { name, value, min: *range.start(), max: *range.end() })
    }
}
