//! `witness.toml`: what an operator sets. A value is accepted or refused, never quietly changed.

mod bastion;

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr},
    num::{NonZeroU32, NonZeroU64},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

use crate::cosigner::Allowance;

pub(crate) use bastion::key_files as bastion_key_files;
pub use bastion::{BastionAddress, BastionAddressError, BastionSettings};

/// The commented file that `init` writes; its values are the defaults.
pub const EXAMPLE: &str = include_str!("config/example.toml");

/// The file's name in the witness's directory.
pub const FILE_NAME: &str = "witness.toml";

/// Times in milliseconds may be this long.
const MILLIS: std::ops::RangeInclusive<u64> = 100..=600_000;

/// A witness's directory and what its file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The witness's directory.
    pub dir: PathBuf,
    /// The file's values.
    pub settings: Settings,
}

/// The values of `witness.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Address and port for logs and monitors; port 0 takes a free one. Default 127.0.0.1:7461.
    pub listen: SocketAddr,
    /// The submission prefix as seen from outside. Default: `http://` and the listening address.
    pub url: Option<String>,
    /// Address and port of metrics and health. Default: none. Danger: not for the public network.
    pub admin_listen: Option<SocketAddr>,
    /// Key files, relative to the directory; each signs every checkpoint. Default `["key"]`. Danger: without a key
    /// that signed the stored records, the witness refuses to start.
    pub keys: Vec<PathBuf>,
    /// Bastions through which this witness is reached beside its own address. Default: none.
    pub bastion: Vec<BastionSettings>,
    /// What one peer or all together may take.
    pub limits: Limits,
}

/// The `[limits]` of `witness.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections open at once, from 1. Default 1024.
    pub max_connections: NonZeroU32,
    /// Requests worked on at once, from 1; more get a 503. Default 512.
    pub max_in_flight: NonZeroU32,
    /// Requests of one log worked on at once, from 1; more get a 429. Default 32.
    pub max_in_flight_per_log: NonZeroU32,
    /// Cosignatures a day, from 1, for a log whose file names no quota; more get a 429. Default 2160000.
    pub cosignatures_per_day: NonZeroU64,
    /// Milliseconds for a request to arrive, and again for its answer; at most `idle_timeout_ms`. Default 5000.
    pub request_timeout_ms: u64,
    /// Milliseconds without a byte until a connection is closed, and for a request's headers. Default 10000.
    pub idle_timeout_ms: u64,
    /// Milliseconds that requests in flight have to end at a stop. Default 10000.
    pub shutdown_timeout_ms: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7461)),
            url: None,
            admin_listen: None,
            keys: vec![PathBuf::from("key")],
            bastion: Vec::new(),
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_connections: NonZeroU32::MIN.saturating_add(1023),
            max_in_flight: NonZeroU32::MIN.saturating_add(511),
            max_in_flight_per_log: NonZeroU32::MIN.saturating_add(31),
            cosignatures_per_day: NonZeroU64::MIN.saturating_add(2_159_999),
            request_timeout_ms: 5_000,
            idle_timeout_ms: 10_000,
            shutdown_timeout_ms: 10_000,
        }
    }
}

impl Limits {
    /// What one log may take.
    pub fn allowance(&self) -> Allowance {
        Allowance { per_day: self.cosignatures_per_day, at_once: self.max_in_flight_per_log.get() }
    }

    /// Time for a request to arrive, and again for its answer.
    pub fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    /// Time without a byte.
    pub fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    /// Time for a graceful stop.
    pub fn shutdown_timeout(&self) -> Duration {
        Duration::from_millis(self.shutdown_timeout_ms)
    }
}

/// Why `witness.toml` is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("{path}: {source}. `treering-witness init` makes a witness's directory")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It isn't TOML, or a name or a type is wrong. The message shows the line.
    #[error("{path}: {source}")]
    Toml {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: Box<toml::de::Error>,
    },
    /// A time is out of its range.
    #[error("{path}: limits.{name} = {value}: it must be {min} to {max} milliseconds", min = MILLIS.start(), max = MILLIS.end())]
    Millis {
        /// The file.
        path: PathBuf,
        /// Which.
        name: &'static str,
        /// What it says.
        value: u64,
    },
    /// A connection would be closed under a request that is still allowed to take time.
    #[error(
        "{path}: limits.request_timeout_ms = {request} must not be above limits.idle_timeout_ms = {idle}"
    )]
    RequestAboveIdle {
        /// The file.
        path: PathBuf,
        /// The one.
        request: u64,
        /// The other.
        idle: u64,
    },
    /// Not a URL of the web.
    #[error("{path}: url = {url:?}: it must begin with http:// or https:// and hold no white space")]
    Url {
        /// The file.
        path: PathBuf,
        /// What it says.
        url: String,
    },
    /// Two connections to one bastion by one key: it keeps the last, so each would end the other.
    #[error("{path}: bastion {address} stands there twice with one key: it keeps one connection a key")]
    BastionTwice {
        /// The file.
        path: PathBuf,
        /// The bastion.
        address: String,
    },
    /// No key.
    #[error("{path}: keys is empty: it must list at least one key file")]
    NoKeys {
        /// The file.
        path: PathBuf,
    },
}

impl Config {
    /// Reads `witness.toml` in the directory.
    ///
    /// # Errors
    /// What is wrong, where, and what would be right.
    pub fn load(dir: &Path) -> Result<Config, ConfigError> {
        let path = dir.join(FILE_NAME);
        let text =
            fs::read_to_string(&path).map_err(|source| ConfigError::Io { path: path.clone(), source })?;
        Ok(Config { dir: dir.to_owned(), settings: parse(&path, &text)? })
    }

    /// The key files.
    pub fn key_files(&self) -> Vec<PathBuf> {
        self.settings.keys.iter().map(|key| self.dir.join(key)).collect()
    }

    /// The store.
    pub fn store_file(&self) -> PathBuf {
        self.dir.join("witness.redb")
    }

    /// Where the files of logs are.
    pub fn logs_dir(&self) -> PathBuf {
        logs_dir(&self.dir)
    }

    /// The socket for commands to a running witness.
    pub fn control_socket(&self) -> PathBuf {
        control_socket(&self.dir)
    }

    /// The submission prefix, for policies.
    pub fn public_url(&self) -> String {
        self.settings.url.clone().unwrap_or_else(|| format!("http://{}", self.settings.listen))
    }
}

/// Where a witness's files of logs are.
pub fn logs_dir(dir: &Path) -> PathBuf {
    dir.join("logs")
}

/// A witness's socket for commands.
pub fn control_socket(dir: &Path) -> PathBuf {
    dir.join("control.sock")
}

/// Is this a URL that can stand in a policy?
pub fn is_url(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.is_empty()) && !url.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// Reads the text of `witness.toml`; `path` is for what is said about it.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Settings, ConfigError> {
    let settings: Settings = toml::from_str(text)
        .map_err(|source| ConfigError::Toml { path: path.to_owned(), source: Box::new(source) })?;
    let limits = settings.limits;
    for (name, value) in [
        ("request_timeout_ms", limits.request_timeout_ms),
        ("idle_timeout_ms", limits.idle_timeout_ms),
        ("shutdown_timeout_ms", limits.shutdown_timeout_ms),
    ] {
        if !MILLIS.contains(&value) {
            return Err(ConfigError::Millis { path: path.to_owned(), name, value });
        }
    }
    let (request, idle) = (limits.request_timeout_ms, limits.idle_timeout_ms);
    if request > idle {
        return Err(ConfigError::RequestAboveIdle { path: path.to_owned(), request, idle });
    }
    if let Some(url) = settings.url.as_ref().filter(|url| !is_url(url)) {
        return Err(ConfigError::Url { path: path.to_owned(), url: url.clone() });
    }
    for (n, one) in settings.bastion.iter().enumerate() {
        let same = |other: &BastionSettings| (&other.address, &other.key) == (&one.address, &one.key);
        if settings.bastion[..n].iter().any(same) {
            let address = one.address.as_str().to_owned();
            return Err(ConfigError::BastionTwice { path: path.to_owned(), address });
        }
    }
    if settings.keys.is_empty() {
        return Err(ConfigError::NoKeys { path: path.to_owned() });
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        parse(Path::new("witness.toml"), text).unwrap_err().to_string()
    }

    #[test]
    fn the_shipped_example_is_the_default() {
        assert_eq!(parse(Path::new("witness.toml"), EXAMPLE).unwrap(), Settings::default());
        assert_eq!(parse(Path::new("witness.toml"), "").unwrap(), Settings::default());
    }

    #[test]
    fn every_value_that_the_example_comments_out_is_the_default() {
        let uncommented: String = EXAMPLE
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(setting) if setting.split_once(" = ").is_some_and(|(name, _)| is_name(name)) => setting,
                Some(table) if table.starts_with("[[") => table,
                _ => line,
            })
            .collect::<Vec<_>>()
            .join("\n");
        let settings = parse(Path::new("witness.toml"), &uncommented).unwrap();
        assert_eq!(settings.url.as_deref(), Some("https://witness.example"));
        assert_eq!(settings.admin_listen, Some("127.0.0.1:7471".parse().unwrap()));
        let bastion = &settings.bastion[0];
        assert_eq!(bastion.address.as_str(), "bastion.example:443");
        assert_eq!(bastion.key, BastionSettings::default_key());
        assert_eq!(bastion.ca, Some(PathBuf::from("bastion-ca.pem")));
        assert_eq!(settings.bastion.len(), 1);
        let settings = Settings { url: None, admin_listen: None, bastion: Vec::new(), ..settings };
        assert_eq!(settings, Settings::default());
    }

    fn is_name(text: &str) -> bool {
        text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    }

    #[test]
    fn unknown_names_are_refused() {
        insta::assert_snapshot!(refusal("listen = \"127.0.0.1:1\"\nlisten_on = 3\n"), @r"
        witness.toml: TOML parse error at line 2, column 1
          |
        2 | listen_on = 3
          | ^^^^^^^^^
        unknown field `listen_on`, expected one of `listen`, `url`, `admin_listen`, `keys`, `bastion`, `limits`
        ");
        assert!(refusal("[limits]\nmax = 3\n").contains("unknown field `max`"));
    }

    #[test]
    fn values_out_of_range_are_refused() {
        insta::assert_snapshot!(
            refusal("[limits]\nidle_timeout_ms = 5\n"),
            @"witness.toml: limits.idle_timeout_ms = 5: it must be 100 to 600000 milliseconds"
        );
        insta::assert_snapshot!(
            refusal("[limits]\nidle_timeout_ms = 500\n"),
            @"witness.toml: limits.request_timeout_ms = 5000 must not be above limits.idle_timeout_ms = 500"
        );
        insta::assert_snapshot!(
            refusal("url = \"witness.example\"\n"),
            @r#"witness.toml: url = "witness.example": it must begin with http:// or https:// and hold no white space"#
        );
        insta::assert_snapshot!(
            refusal("[[bastion]]\naddress = \"b.example:1\"\n[[bastion]]\naddress = \"b.example:1\"\n"),
            @"witness.toml: bastion b.example:1 stands there twice with one key: it keeps one connection a key"
        );
        assert!(refusal("[[bastion]]\naddress = \"b.example\"\n").contains("a host, a colon and a port"));
        insta::assert_snapshot!(
            refusal("keys = []\n"),
            @"witness.toml: keys is empty: it must list at least one key file"
        );
        assert!(refusal("[limits]\nmax_connections = 0\n").contains("nonzero"));
    }
}
