//! Why the configuration file or the environment is refused.

use std::{io, path::PathBuf};

/// What is wrong, where, and what would be right.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("the configuration {}: {error}", crate::paths::shown(.path))]
    Io { path: PathBuf, error: io::Error },
    #[error("the configuration {} is larger than {max} bytes; is it the right file?", crate::paths::shown(.path))]
    TooLong { path: PathBuf, max: usize },
    #[error("the configuration {} is not TOML:\n{reason}", crate::paths::shown(.path))]
    Form { path: PathBuf, reason: String },
    #[error("{place}: there is no setting {key:?}{nearest}; `treering config` lists them all", nearest = did_you_mean(*.nearest))]
    Unknown { place: String, key: String, nearest: Option<&'static str> },
    #[error(
        "{place}: a key doesn't stand in the configuration, which others may read: put it into a file of its own (mode \
         0600), and that file's name here, as api_key_file"
    )]
    Secret { place: String },
    #[error("{place}: {key} takes {wants}, not {got}")]
    Kind { place: String, key: &'static str, wants: &'static str, got: &'static str },
    #[error("{place}: {key}: {reason}")]
    Value { place: String, key: &'static str, reason: String },
    #[error("{place}: {one} and {other} ({elsewhere}) contradict each other: take one of them away")]
    Conflict { place: String, one: &'static str, other: &'static str, elsewhere: String },
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|name| format!(": is {name} meant?")).unwrap_or_default()
}
