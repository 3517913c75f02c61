//! `mirror.toml`: which logs are mirrored, and how they are served. A value is accepted or refused, never quietly
//! changed.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use treering_tlog::{checkpoint::Origin, policy::Policy, witness::origin_hash};

use crate::{
    config::{Limits, is_url},
    monitor::config::{
        CONCURRENCY, LogKind, MILLIS, MonitorConfigError as Error, Read, SECONDS, each_once, log_of, ranged,
        urls_of,
    },
};

/// The commented file that `mirror init` writes; its values are the defaults.
pub const EXAMPLE: &str = include_str!("example.toml");

/// The file's name in the mirror's directory.
pub const FILE_NAME: &str = "mirror.toml";

/// The store of what was signed, in the mirror's directory.
const SIGNED_FILE: &str = "signed.redb";

const CONNECTIONS: RangeInclusive<u64> = 1..=65_536;
const PUSHES: RangeInclusive<u64> = 1..=256;

/// What a mirror is.
#[derive(Clone, Debug)]
pub struct MirrorConfig {
    /// Address for readers, and for logs that push.
    pub listen: SocketAddr,
    /// The prefix as seen from outside.
    pub url: Option<String>,
    /// Address of metrics and health.
    pub admin_listen: Option<SocketAddr>,
    /// The key files.
    pub keys: Vec<PathBuf>,
    /// The folder of the copies.
    pub data: PathBuf,
    /// The store of what was signed.
    pub signed: PathBuf,
    /// Time for one answer of a log.
    pub timeout: Duration,
    /// Requests to one log at once.
    pub concurrency: usize,
    /// Pause before a failed request is repeated.
    pub retry_pause: Duration,
    /// What peers may take.
    pub limits: PushLimits,
    /// The logs, each origin once.
    pub logs: Vec<LogConfig>,
}

/// One log.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// The log's keys, and the witnesses whose cosignatures are kept.
    pub policy: Policy,
    /// Which of the policy's logs.
    pub origin: Origin,
    /// Where it is read; none for a log that only pushes.
    pub urls: Vec<String>,
    /// What is in it.
    pub kind: LogKind,
    /// How often it is read.
    pub interval: Duration,
}

impl LogConfig {
    /// The folder of its copy, and its name below the prefix.
    pub fn hash(&self) -> String {
        origin_hash(&self.origin)
    }
}

/// The `[limits]` of `mirror.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PushLimits {
    /// Connections open at once. Default 1024.
    pub max_connections: u64,
    /// Pushes at once; more get a 503. Default 16.
    pub max_pushes: u64,
    /// Of one log; more get a 429. Default 4.
    pub max_pushes_per_log: u64,
    /// Milliseconds for a request or a package of entries to arrive. Default 30000.
    pub request_timeout_ms: u64,
    /// Milliseconds without a byte until a connection is closed. Default 30000.
    pub idle_timeout_ms: u64,
    /// Milliseconds that requests in flight have to end at a stop. Default 10000.
    pub shutdown_timeout_ms: u64,
}

impl Default for PushLimits {
    fn default() -> PushLimits {
        PushLimits {
            max_connections: 1024,
            max_pushes: 16,
            max_pushes_per_log: 4,
            request_timeout_ms: 30_000,
            idle_timeout_ms: 30_000,
            shutdown_timeout_ms: 10_000,
        }
    }
}

impl PushLimits {
    /// As the accept loop takes them.
    pub(super) fn of_connections(&self) -> Limits {
        // INVARIANT: `load` has checked that it is 1 to 65,536.
        let max = u32::try_from(self.max_connections).ok().and_then(NonZeroU32::new);
        Limits {
            max_connections: max.expect("1 to 65,536"),
            request_timeout_ms: self.request_timeout_ms,
            idle_timeout_ms: self.idle_timeout_ms,
            shutdown_timeout_ms: self.shutdown_timeout_ms,
            ..Limits::default()
        }
    }

    /// Time for a request or a package of entries.
    pub(super) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    fn check(&self) -> Result<(), Error> {
        ranged("limits.max_connections", self.max_connections, CONNECTIONS)?;
        ranged("limits.max_pushes", self.max_pushes, PUSHES)?;
        ranged("limits.max_pushes_per_log", self.max_pushes_per_log, PUSHES)?;
        ranged("limits.request_timeout_ms", self.request_timeout_ms, MILLIS)?;
        // A connection must not be closed under a request that is still allowed to take time.
        ranged("limits.idle_timeout_ms", self.idle_timeout_ms, self.request_timeout_ms..=*MILLIS.end())?;
        ranged("limits.shutdown_timeout_ms", self.shutdown_timeout_ms, MILLIS)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default = "listen")]
    listen: SocketAddr,
    url: Option<String>,
    admin_listen: Option<SocketAddr>,
    #[serde(default = "keys")]
    keys: Vec<PathBuf>,
    #[serde(default = "data")]
    data: PathBuf,
    #[serde(default = "timeout_ms")]
    timeout_ms: u64,
    #[serde(default = "concurrency")]
    concurrency: u64,
    #[serde(default)]
    limits: PushLimits,
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
}

fn listen() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 7462))
}
fn keys() -> Vec<PathBuf> {
    vec![PathBuf::from("key")]
}
fn data() -> PathBuf {
    PathBuf::from("data")
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

impl MirrorConfig {
    /// Reads `mirror.toml` in the directory, and the policies that it names.
    ///
    /// # Errors
    /// What is wrong, where, and what would be right.
    pub fn load(dir: &Path) -> Result<MirrorConfig, Error> {
        let path = dir.join(FILE_NAME);
        let text = fs::read_to_string(&path).map_err(|source| Error::Io { path, source })?;
        MirrorConfig::parse(dir, &text, &|path| fs::read(path))
    }

    /// Reads the text of a directory's `mirror.toml`, and the policies that it names by `read`.
    pub(crate) fn parse(dir: &Path, text: &str, read: Read<'_>) -> Result<MirrorConfig, Error> {
        let file: File = toml::from_str(text)
            .map_err(|source| Error::Toml { path: dir.join(FILE_NAME), source: Box::new(source) })?;
        ranged("timeout_ms", file.timeout_ms, MILLIS)?;
        ranged("concurrency", file.concurrency, CONCURRENCY)?;
        file.limits.check()?;
        if let Some(url) = file.url.as_ref().filter(|url| !is_url(url)) {
            return Err(Error::Url { url: url.clone() });
        }
        let logs = file.log.into_iter().map(|log| log.read(dir, read)).collect::<Result<Vec<_>, _>>()?;
        each_once(logs.iter().map(|log| &log.origin))?;
        Ok(MirrorConfig {
            listen: file.listen,
            url: file.url,
            admin_listen: file.admin_listen,
            keys: file.keys.iter().map(|key| dir.join(key)).collect(),
            data: dir.join(file.data),
            signed: dir.join(SIGNED_FILE),
            timeout: Duration::from_millis(file.timeout_ms),
            // INVARIANT: at most 256, as was checked.
            concurrency: usize::try_from(file.concurrency).expect("at most 256"),
            retry_pause: Duration::from_millis(300),
            limits: file.limits,
            logs,
        })
    }

    /// The prefix, for policies and readers.
    pub fn public_url(&self) -> String {
        let url = self.url.clone().unwrap_or_else(|| format!("http://{}", self.listen));
        url.trim_end_matches('/').to_owned()
    }
}

impl LogTable {
    fn read(self, dir: &Path, read: Read<'_>) -> Result<LogConfig, Error> {
        let (policy, origin) = log_of(&dir.join(&self.policy), self.origin.as_deref(), read)?;
        ranged("interval_seconds", self.interval_seconds, SECONDS)?;
        let urls = self.urls.unwrap_or_else(|| urls_of(&policy, &origin));
        // Batches aren't in any push: a Treering log has to be read.
        if urls.is_empty() && self.kind == LogKind::Treering {
            return Err(Error::NoUrl { origin: origin.to_string() });
        }
        if let Some(url) = urls.iter().find(|url| !is_url(url)) {
            return Err(Error::Url { url: url.clone() });
        }
        let interval = Duration::from_secs(self.interval_seconds);
        Ok(LogConfig { policy, origin, urls, kind: self.kind, interval })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, policy: &str) -> Result<MirrorConfig, Error> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE_NAME), text).unwrap();
        fs::write(dir.path().join("log.policy"), policy).unwrap();
        MirrorConfig::load(dir.path())
    }

    #[test]
    fn the_shipped_example_is_the_default() {
        let example = load(EXAMPLE, "").unwrap();
        let empty = load("", "").unwrap();
        assert_eq!(format!("{:?}", example.limits), format!("{:?}", empty.limits));
        assert_eq!((example.listen, example.timeout, example.concurrency), (empty.listen, empty.timeout, 16));
        assert!(example.logs.is_empty());
    }

    #[test]
    fn every_value_that_the_example_comments_out_is_a_setting() {
        let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let uncommented = EXAMPLE.lines().map(|line| match line.strip_prefix("# ") {
            Some(rest)
                if rest == "[[log]]" || rest.split_once(" = ").is_some_and(|(name, _)| is_name(name)) =>
            {
                rest
            }
            _ => line,
        });
        let text = uncommented.collect::<Vec<_>>().join("\n");
        let policy = format!("log {} https://log.example\nquorum none\n", vkey());
        let config = load(&text, &policy).unwrap();
        assert_eq!(config.limits, PushLimits::default());
        assert_eq!(config.logs[0].interval, Duration::from_secs(60));
        assert_eq!(config.public_url(), "https://mirror.example");
    }

    /// A key whose ID is right.
    fn vkey() -> String {
        use treering_tlog::note::{KeyName, SigningKey};
        SigningKey::from_seed(KeyName::new("log.example/2026").unwrap(), &[1; 32]).verifier().to_string()
    }

    #[test]
    fn what_is_wrong_is_said() {
        let refusal = |text: &str, policy: &str| load(text, policy).unwrap_err().to_string();
        insta::assert_snapshot!(
            refusal("[limits]\nidle_timeout_ms = 500\n", ""),
            @"limits.idle_timeout_ms = 500: it must be 30000 to 600000"
        );
        insta::assert_snapshot!(
            refusal("[limits]\nmax_pushes = 0\n", ""),
            @"limits.max_pushes = 0: it must be 1 to 256"
        );
        assert!(refusal("kind = 1\n", "").contains("unknown field `kind`"));
        let policy = format!("log {}\nquorum none\n", vkey());
        insta::assert_snapshot!(
            refusal("[[log]]\npolicy = \"log.policy\"\n", &policy),
            @r#"the log "log.example/2026" has no URL, neither here (`urls`) nor in its policy"#
        );
        let tlog = "[[log]]\npolicy = \"log.policy\"\nkind = \"tlog\"\n";
        assert!(load(tlog, &policy).unwrap().logs[0].urls.is_empty());
        assert!(refusal(&format!("{tlog}{tlog}"), &policy).contains("there twice"));
    }
}
