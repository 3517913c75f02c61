//! Why `monitor.toml` is refused.

use std::{io, path::PathBuf};

use treering_tlog::policy::PolicyError;

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum MonitorConfigError {
    /// A file can't be read.
    #[error("{path}: {source}")]
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
    /// A policy file is refused.
    #[error("{path}: {source}")]
    Policy {
        /// The file.
        path: PathBuf,
        /// What is wrong, and on which line.
        source: PolicyError,
    },
    /// Nothing to follow.
    #[error("{path}: there is no [[log]] in it")]
    NoLogs {
        /// The file.
        path: PathBuf,
    },
    /// Two tables for one log.
    #[error("the log {origin:?} is there twice")]
    Twice {
        /// The origin.
        origin: String,
    },
    /// The policy has several logs or none, or not the named one.
    #[error("{path}: {}", match named {
        Some(named) => format!("the policy has no log {named:?}"),
        None => "the policy has no log or several: `origin` has to name one".to_owned(),
    })]
    Origin {
        /// The policy.
        path: PathBuf,
        /// What was asked for.
        named: Option<String>,
    },
    /// Nowhere to read it.
    #[error("the log {origin:?} has no URL, neither here (`urls`) nor in its policy")]
    NoUrl {
        /// The origin.
        origin: String,
    },
    /// Not a URL of the web.
    #[error("{url:?}: a URL begins with http:// or https:// and holds no white space")]
    Url {
        /// What it says.
        url: String,
    },
    /// A name that the policy doesn't have.
    #[error("witnesses: the policy has no witness {name:?}")]
    UnknownWitness {
        /// The name.
        name: String,
    },
    /// Out of its range.
    #[error("{name} = {value}: it must be {min} to {max}")]
    Range {
        /// Which.
        name: &'static str,
        /// What it says.
        value: u64,
        /// The least.
        min: u64,
        /// The greatest.
        max: u64,
    },
    /// Every round would find the log silent.
    #[error("silence_seconds = {silence} must not be below interval_seconds = {interval}")]
    SilenceBelowInterval {
        /// The one.
        silence: u64,
        /// The other.
        interval: u64,
    },
}
