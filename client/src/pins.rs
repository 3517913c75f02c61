//! Whom the user trusts, kept: policies that were compared and pinned, keys that fell, keys of holders.
//!
//! All of it is in one TOML file, `trust.toml` in the configuration directory, which is replaced as a whole, by one process at
//! a time. Nothing gets into it without the user's word: no token, no bundle and no log can.

mod fingerprint;

pub(crate) use fingerprint::{is_meant, policy_fingerprint, spoken};

use crate::{paths, places, policy_file::read_bounded};
use fingerprint::short;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};
use treering_tlog::{
    hash::Hash,
    policy::{Distrust, Policy, PolicyError},
    time::UnixSeconds,
};

/// Where it is, below the configuration directory.
const FILE: &str = "trust.toml";
/// Beside it, and empty: locked by whoever changes it.
const LOCK: &str = "trust.lock";
/// Four policies of the largest size, or thousands as they are. What is imported may be another person's, and TOML takes up to a
/// seventh of a second a megabyte.
pub(crate) const MAX_BYTES: usize = 4_000_000;

/// The whole file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pins {
    version: u32,
    /// In the order in which they were pinned.
    #[serde(default, rename = "policy", skip_serializing_if = "Vec::is_empty")]
    pub(crate) policies: Vec<Pinned>,
    #[serde(default, rename = "distrusted", skip_serializing_if = "Vec::is_empty")]
    pub(crate) distrusted: Vec<Distrusted>,
    #[serde(default, rename = "holder", skip_serializing_if = "Vec::is_empty")]
    pub(crate) holders: Vec<Holder>,
}

/// A policy that the user has compared and pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pinned {
    pub(crate) pinned_at: Timestamp,
    /// When another took its place: it judges what was attested by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<Timestamp>,
    /// The log's URL, or the file.
    pub(crate) from: String,
    pub(crate) text: String,
}

/// A key that doesn't count after some time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Distrusted {
    /// SHA-256 of the public key's bytes.
    #[serde(with = "hash_in_hex")]
    pub(crate) key: Hash,
    /// What it was called when it was distrusted, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    pub(crate) after: Timestamp,
    #[serde(default)]
    pub(crate) stolen: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// A key that the user knows to be somebody's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Holder {
    pub(crate) name: String,
    /// Its thumbprint (RFC 9679).
    #[serde(with = "hash_in_hex")]
    pub(crate) key: Hash,
}

/// Why the pins can't be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PinsError {
    #[error(transparent)]
    NoPlace(#[from] places::NoPlace),
    #[error("{path}, which has what you pinned, can't be read: {error}")]
    Read { path: String, error: io::Error },
    #[error("{path}, which has what you pinned, can't be written: {error}")]
    Write { path: String, error: io::Error },
    #[error("{path} is larger than {MAX_BYTES} bytes; is it the right file?")]
    TooLong { path: String },
    #[error(
        "{path} would be larger than {MAX_BYTES} bytes, and is left as it is; `treering trust remove` takes policies away"
    )]
    Full { path: String },
    #[error("{path} is not as `treering trust` writes it: {reason}")]
    Form { path: String, reason: String },
    #[error("{path} is of version {version}, which this treering doesn't know; use a newer one")]
    Version { path: String, version: u32 },
    #[error("{path}: the policy pinned at {pinned_at} is refused: {error}")]
    Policy { path: String, pinned_at: Timestamp, error: PolicyError },
}

impl Default for Pins {
    fn default() -> Pins {
        Pins { version: 1, policies: Vec::new(), distrusted: Vec::new(), holders: Vec::new() }
    }
}

impl Pins {
    /// What is pinned; nothing, where there is no such file or no place for it.
    pub(crate) fn load() -> Result<Pins, PinsError> {
        let Ok(path) = file() else { return Ok(Pins::default()) };
        match read_bounded(&path, MAX_BYTES) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Pins::default()),
            Err(error) => Err(PinsError::Read { path: paths::shown(&path), error }),
            Ok(None) => Err(PinsError::TooLong { path: paths::shown(&path) }),
            Ok(Some(bytes)) => Pins::parse(&bytes, &path),
        }
    }

    /// What `trust export` wrote, at `path`.
    pub(crate) fn parse(bytes: &[u8], path: &Path) -> Result<Pins, PinsError> {
        let form = |reason: String| PinsError::Form { path: paths::shown(path), reason };
        let text = std::str::from_utf8(bytes).map_err(|error| form(error.to_string()))?;
        let pins: Pins = toml::from_str(text).map_err(|error| form(error.message().to_owned()))?;
        if pins.version != 1 {
            return Err(PinsError::Version { path: paths::shown(path), version: pins.version });
        }
        for pinned in &pins.policies {
            let refused =
                |error| PinsError::Policy { path: paths::shown(path), pinned_at: pinned.pinned_at, error };
            pinned.policy().map_err(refused)?;
        }
        Ok(pins)
    }

    /// The file's text.
    pub(crate) fn to_text(&self) -> String {
        toml::to_string_pretty(self).expect("pins are strings, numbers and lists of them")
    }

    /// Changes what is pinned, and keeps that: whole or not at all, and for its owner alone. Another process that is about to do
    /// the same waits until this is done, so that neither change is lost.
    pub(crate) fn change<T, E: From<PinsError>>(
        change: impl FnOnce(&mut Pins) -> Result<T, E>,
    ) -> Result<T, E> {
        let path = file().map_err(PinsError::from)?;
        let failed = |error| PinsError::Write { path: paths::shown(&path), error };
        let dir = path.parent().unwrap_or(Path::new("."));
        places::make_private_dir(dir).map_err(failed)?;
        // Until it is dropped.
        let _lock = lock(&dir.join(LOCK)).map_err(failed)?;
        let before = Pins::load()?;
        let mut pins = before.clone();
        let outcome = change(&mut pins)?;
        if pins != before {
            let text = pins.to_text();
            // Else nobody could read it again.
            if text.len() > MAX_BYTES {
                return Err(PinsError::Full { path: paths::shown(&path) }.into());
            }
            places::write_private(&path, text.as_bytes(), true).map_err(failed)?;
        }
        Ok(outcome)
    }

    /// Pins a policy: one of the same log that counted until now is superseded. False if it is pinned already.
    pub(crate) fn pin(&mut self, policy: &Policy, text: &str, from: &str, now: Timestamp) -> bool {
        if self.policies.iter().any(|pinned| pinned.until.is_none() && pinned.text == text) {
            return false;
        }
        for pinned in self.policies.iter_mut().filter(|pinned| pinned.until.is_none()) {
            if pinned.policy().is_ok_and(|earlier| share_a_log(&earlier, policy)) {
                pinned.until = Some(now);
            }
        }
        let (from, text) = (from.to_owned(), text.to_owned());
        self.policies.push(Pinned { pinned_at: now, until: None, from, text });
        true
    }

    /// Keys that don't count, as a policy wants them.
    pub(crate) fn distrust(&self) -> Vec<Distrust> {
        let list = self.distrusted.iter().map(|distrusted| Distrust {
            key: distrusted.key,
            after: seconds(distrusted.after),
            stolen: distrusted.stolen,
        });
        list.collect()
    }

    /// The keys that are pinned for this name.
    pub(crate) fn keys_of(&self, name: &str) -> Vec<Hash> {
        self.holders.iter().filter(|holder| holder.name == name).map(|holder| holder.key).collect()
    }

    /// For whom this key is pinned.
    pub(crate) fn holder_of(&self, key: &Hash) -> Option<&str> {
        self.holders.iter().find(|holder| holder.key == *key).map(|holder| holder.name.as_str())
    }
}

impl Pinned {
    /// Parsed anew; [`Pins::parse`] has seen that it can be.
    pub(crate) fn policy(&self) -> Result<Policy, PolicyError> {
        Policy::parse(self.text.as_bytes())
    }

    /// How it is called on the command line: the beginning of the SHA-256 of its text.
    pub(crate) fn id(&self) -> String {
        short(&policy_fingerprint(&self.text))
    }

    /// What a verifier who judges by it says.
    pub(crate) fn described(&self) -> String {
        let until = self.until.map(|until| format!(", superseded {until}")).unwrap_or_default();
        format!("the policy {} that you pinned at {}{until}", self.id(), self.pinned_at)
    }
}

/// Waits until nobody else has it.
fn lock(path: &Path) -> io::Result<File> {
    let file = match places::private_file().open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            File::options().write(true).open(path)?
        }
        made => made?,
    };
    file.lock()?;
    Ok(file)
}

/// Where the pins are.
pub(crate) fn file() -> Result<PathBuf, places::NoPlace> {
    Ok(places::config_dir()?.join(FILE))
}

/// Whole seconds; before the epoch there was nothing.
pub(crate) fn seconds(time: Timestamp) -> UnixSeconds {
    u64::try_from(time.as_second()).ok().and_then(UnixSeconds::new).unwrap_or(UnixSeconds::ZERO)
}

/// To the second, as it is written.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default()
}

fn share_a_log(left: &Policy, right: &Policy) -> bool {
    let name = |log: &treering_tlog::policy::Log| log.key.name().to_string();
    left.logs().iter().any(|log| right.logs().iter().any(|other| name(log) == name(other)))
}

mod hash_in_hex {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
    use treering_tlog::hash::Hash;

    pub(super) fn serialize<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(hash)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hash, D::Error> {
        let text = String::deserialize(deserializer)?;
        Hash::from_hex(&text).ok_or_else(|| D::Error::custom("a key is 64 lower-case hex digits"))
    }
}

#[cfg(test)]
mod tests;
