//! `[access]` and `[rate_limits]`: who may submit, and how much.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use ipnet::IpNet;
use serde::Deserialize;

use super::{ConfigError, file};
use crate::access::Scope;

/// Who may do what. Reading is open to all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessConfig {
    /// Who may send submissions.
    pub submissions: Admission,
    /// Who may ask for timestamps (RFC 3161).
    pub timestamps: Admission,
    /// The file of API keys.
    pub keys: PathBuf,
    /// Peers whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How much.
    pub rate_limits: RateLimits,
}

impl AccessConfig {
    /// Who is let in for this.
    pub fn admission(&self, scope: Scope) -> Admission {
        match scope {
            Scope::Submit => self.submissions,
            Scope::Timestamp => self.timestamps,
        }
    }
}

/// Who is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// Everybody.
    Open,
    /// Holders of an API key with that scope.
    Keys,
}

/// How much a caller may send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// The time that the figures are for.
    pub window: Duration,
    /// Of each address without a key.
    pub address: Allowance,
    /// Of each key.
    pub key: Allowance,
    /// So many addresses are counted at once.
    pub max_addresses: usize,
}

/// What one caller may send in a window; `None`: any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Submissions and timestamp queries.
    pub requests: Option<u64>,
    /// Hashes in them; a timestamp is one.
    pub hashes: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AccessTable {
    submissions: Option<Admission>,
    timestamps: Option<Admission>,
    keys: Option<PathBuf>,
    trusted_proxies: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RateLimitsTable {
    window_seconds: u64,
    address_requests: Option<u64>,
    address_hashes: Option<u64>,
    key_requests: Option<u64>,
    key_hashes: Option<u64>,
    max_addresses: u64,
}

impl Default for RateLimitsTable {
    fn default() -> RateLimitsTable {
        RateLimitsTable {
            window_seconds: 60,
            address_requests: None,
            address_hashes: None,
            key_requests: None,
            key_hashes: None,
            max_addresses: 100_000,
        }
    }
}

impl AccessTable {
    pub(super) fn check(self, limits: RateLimitsTable, folder: &Path) -> Result<AccessConfig, ConfigError> {
        let submissions = self.submissions.unwrap_or(Admission::Open);
        Ok(AccessConfig {
            submissions,
            // A log that is closed to strangers is not to be filled by way of its timestamp authority.
            timestamps: self.timestamps.unwrap_or(submissions),
            keys: folder.join(self.keys.unwrap_or_else(|| "api-keys.toml".into())),
            trusted_proxies: self.trusted_proxies.iter().map(|text| proxy(text)).collect::<Result<_, _>>()?,
            rate_limits: limits.check()?,
        })
    }
}

impl RateLimitsTable {
    fn check(self) -> Result<RateLimits, ConfigError> {
        let amount = |field, value: Option<u64>, high| {
            value.map(|value| file::within(field, value, 1, high)).transpose()
        };
        const REQUESTS: u64 = 1_000_000_000;
        const HASHES: u64 = 10_000_000_000;
        Ok(RateLimits {
            window: Duration::from_secs(file::within(
                "rate_limits.window_seconds",
                self.window_seconds,
                1,
                3600,
            )?),
            address: Allowance {
                requests: amount("rate_limits.address_requests", self.address_requests, REQUESTS)?,
                hashes: amount("rate_limits.address_hashes", self.address_hashes, HASHES)?,
            },
            key: Allowance {
                requests: amount("rate_limits.key_requests", self.key_requests, REQUESTS)?,
                hashes: amount("rate_limits.key_hashes", self.key_hashes, HASHES)?,
            },
            max_addresses: file::count("rate_limits.max_addresses", self.max_addresses, 100, 10_000_000)?,
        })
    }
}

/// A network, or a single address.
fn proxy(text: &str) -> Result<IpNet, ConfigError> {
    let one = || text.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
    // A network with bits beyond its length was mistyped: which of the two was meant?
    let net = text.parse::<IpNet>().ok().filter(|net| net.addr() == net.network());
    net.map_or_else(one, Ok).map_err(|_| ConfigError::Proxy(text.to_owned()))
}
