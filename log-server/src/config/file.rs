//! The TOML file as it is typed, and the checks that make a [`Config`] of it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use treering_tlog::{
    checkpoint::Origin,
    note::{KeyName, VerifierKey},
};

use super::{
    Config, ConfigError, Limits,
    access::{AccessTable, RateLimitsTable},
    tls::TlsTable,
    tsa::TsaTable,
    witnesses::{self, WitnessTable},
};

const DAY: u64 = 24 * 60 * 60;
/// Nothing that an operator would have to set: who is there answers at once.
const PING: Duration = Duration::from_secs(20);

/// As typed; `template.toml` says what each field means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default = "default_version")]
    version: u64,
    origin: String,
    store: PathBuf,
    key: PathBuf,
    second_key: Option<PathBuf>,
    #[serde(default)]
    retired_keys: Vec<String>,
    policy: PathBuf,
    listen: SocketAddr,
    #[serde(default = "default_admin")]
    admin: SocketAddr,
    #[serde(default = "default_tick_ms")]
    tick_ms: u64,
    #[serde(default = "default_refresh_seconds")]
    refresh_seconds: u64,
    #[serde(default = "default_clock_step_seconds")]
    clock_step_seconds: u64,
    #[serde(default = "default_token_window_seconds")]
    token_window_seconds: u64,
    retention_days: Option<u64>,
    #[serde(default)]
    commit_wait_ms: u64,
    #[serde(default = "default_max_pending")]
    max_pending: u64,
    #[serde(default = "default_min_free_mib")]
    min_free_mib: u64,
    #[serde(default = "default_witness_timeout_ms")]
    witness_timeout_ms: u64,
    #[serde(default = "default_scrub_mib_per_second")]
    scrub_mib_per_second: u64,
    #[serde(default = "default_cache_mib")]
    cache_mib: u64,
    #[serde(default)]
    limits: LimitsTable,
    #[serde(default)]
    witnesses: BTreeMap<String, WitnessTable>,
    #[serde(default)]
    access: AccessTable,
    #[serde(default)]
    rate_limits: RateLimitsTable,
    tls: Option<TlsTable>,
    tsa: Option<TsaTable>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsTable {
    max_hashes: u64,
    max_json_hashes: u64,
    max_connections: u64,
    body_idle_seconds: u64,
    header_seconds: u64,
    max_wait_seconds: u64,
}

impl File {
    /// Checks every value; paths become relative to `folder`.
    pub(super) fn check(self, folder: &Path) -> Result<Config, ConfigError> {
        within("version", self.version, 1, 1)?;
        let origin = Origin::new(&self.origin)?;
        KeyName::new(&self.origin)?;
        // Port 0 means any free port, and two of those never are the same.
        if self.admin == self.listen && self.listen.port() != 0 {
            return Err(ConfigError::AdminIsPublic(self.admin));
        }
        Ok(Config {
            origin,
            store: folder.join(self.store),
            key: folder.join(self.key),
            second_key: self.second_key.map(|path| folder.join(path)),
            retired_keys: self.retired_keys.into_iter().map(retired).collect::<Result<_, _>>()?,
            policy: folder.join(self.policy),
            listen: self.listen,
            admin: self.admin,
            tick: Duration::from_millis(within("tick_ms", self.tick_ms, 50, 60_000)?),
            refresh: Duration::from_secs(within("refresh_seconds", self.refresh_seconds, 1, DAY)?),
            clock_step: Duration::from_secs(within("clock_step_seconds", self.clock_step_seconds, 1, 3600)?),
            token_window: Duration::from_secs(within(
                "token_window_seconds",
                self.token_window_seconds,
                1,
                366 * DAY,
            )?),
            retention: self.retention_days.map(retention).transpose()?,
            commit_wait: Duration::from_millis(within("commit_wait_ms", self.commit_wait_ms, 0, 1000)?),
            max_pending: count("max_pending", self.max_pending, 1, 10_000_000)?,
            min_free_bytes: within("min_free_mib", self.min_free_mib, 0, 1 << 20)? << 20,
            witness_timeout: Duration::from_millis(within(
                "witness_timeout_ms",
                self.witness_timeout_ms,
                50,
                60_000,
            )?),
            scrub_bytes_per_second: within("scrub_mib_per_second", self.scrub_mib_per_second, 0, 1024)? << 20,
            witness_intervals: witnesses::intervals(self.witnesses)?,
            cache_bytes: count("cache_mib", self.cache_mib, 1, 65_536)? * 1024 * 1024,
            limits: self.limits.check()?,
            access: self.access.check(self.rate_limits, folder)?,
            tls: self.tls.map(|table| table.check(folder)),
            tsa: self.tsa.map(|table| table.check(folder)).transpose()?,
        })
    }
}

impl LimitsTable {
    fn check(self) -> Result<Limits, ConfigError> {
        Ok(Limits {
            max_hashes: within("limits.max_hashes", self.max_hashes, 1, 1 << 30)?,
            max_json_hashes: within("limits.max_json_hashes", self.max_json_hashes, 1, 1 << 30)?,
            max_connections: count("limits.max_connections", self.max_connections, 1, 1_000_000)?,
            body_idle: Duration::from_secs(within(
                "limits.body_idle_seconds",
                self.body_idle_seconds,
                1,
                3600,
            )?),
            header: Duration::from_secs(within("limits.header_seconds", self.header_seconds, 1, 600)?),
            ping: PING,
            max_wait: Duration::from_secs(within("limits.max_wait_seconds", self.max_wait_seconds, 0, 600)?),
        })
    }
}

fn retired(key: String) -> Result<VerifierKey, ConfigError> {
    VerifierKey::parse(&key).map_err(|source| ConfigError::RetiredKey { key, source })
}

fn retention(days: u64) -> Result<Duration, ConfigError> {
    Ok(Duration::from_secs(within("retention_days", days, 1, 36_525)? * DAY))
}

pub(super) fn within(field: &'static str, value: u64, low: u64, high: u64) -> Result<u64, ConfigError> {
    if (low..=high).contains(&value) {
        Ok(value)
    } else {
        Err(ConfigError::Range { field, value, low, high })
    }
}

pub(super) fn count(field: &'static str, value: u64, low: u64, high: u64) -> Result<usize, ConfigError> {
    let value = within(field, value, low, high)?;
    usize::try_from(value).map_err(|_| ConfigError::Range { field, value, low, high: u64::from(u32::MAX) })
}

fn default_admin() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 7470))
}
fn default_tick_ms() -> u64 {
    1000
}
fn default_refresh_seconds() -> u64 {
    60
}
fn default_clock_step_seconds() -> u64 {
    10
}
fn default_token_window_seconds() -> u64 {
    DAY
}
fn default_max_pending() -> u64 {
    500_000
}
fn default_min_free_mib() -> u64 {
    512
}
fn default_witness_timeout_ms() -> u64 {
    5000
}
fn default_version() -> u64 {
    1
}
fn default_scrub_mib_per_second() -> u64 {
    4
}
fn default_cache_mib() -> u64 {
    64
}

impl Default for LimitsTable {
    fn default() -> LimitsTable {
        LimitsTable {
            max_hashes: 1 << 20,
            max_json_hashes: 100_000,
            max_connections: 4096,
            body_idle_seconds: 30,
            header_seconds: 10,
            max_wait_seconds: 30,
        }
    }
}
