//! The API keys of a log as a text: TOML, one `[[key]]` a key, with hashes and never a key itself.
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

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::api_key::{ApiKeyId, SecretHash};

/// So many keys a log may have.
pub const MAX_KEYS: usize = 10_000;
const MAX_NAME: usize = 64;

pub(super) const HEAD: &str = "\
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

/// Why a text is no list of keys.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// Not of this form.
    #[error(transparent)]
    Toml(Box<toml::de::Error>),
    /// A key in it is none.
    #[error("key {number}: {why}")]
    Entry {
        /// From 1.
        number: usize,
        /// What is wrong with it.
        why: EntryFault,
    },
    /// More than can be.
    #[error("a log has at most {MAX_KEYS} keys (8 MiB)")]
    TooMany,
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

/// The keys that a text lists, in its order: no two with one ID or name.
///
/// # Errors
/// Each rule has its own [`ListError`].
pub fn parse(text: &str) -> Result<Vec<KeyEntry>, ListError> {
    let whole: Whole = toml::from_str(text).map_err(|source| ListError::Toml(Box::new(source)))?;
    if whole.key.len() > MAX_KEYS {
        return Err(ListError::TooMany);
    }
    let (mut ids, mut names) = (HashSet::new(), HashSet::new());
    let rows = whole.key.into_iter().zip(1..);
    rows.map(|(row, number)| {
        let entry = row.check().and_then(|entry| {
            let new = ids.insert(entry.id) & names.insert(entry.name.clone());
            if new { Ok(entry) } else { Err(EntryFault::Twice) }
        });
        entry.map_err(|why| ListError::Entry { number, why })
    })
    .collect()
}

/// The text that lists these keys, and says how it came to be.
pub fn render(keys: &[KeyEntry]) -> String {
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::access::api_key::ApiKey;

    pub(in crate::access) fn entry(name: &str) -> KeyEntry {
        let key = ApiKey::generate().unwrap();
        KeyEntry {
            id: key.id(),
            name: name.to_owned(),
            hash: key.hash(),
            scopes: vec![Scope::Submit, Scope::Timestamp],
            added: "2026-11-25T09:00:00Z".parse().unwrap(),
            expires: Some("2027-11-25T00:00:00Z".parse().unwrap()),
        }
    }

    #[test]
    fn each_field_is_checked() {
        let good = render(&[entry("a")]);
        let refusal = |text: &str| parse(text).unwrap_err().to_string();
        for (from, to, why) in [
            ("name = \"a\"", "name = \"a b\"", "key 1: name must be 1 to 64 letters, digits and . _ @ -"),
            ("id = \"", "id = \"0", "key 1: id must be 16 lowercase hex digits"),
            ("sha256 = \"", "sha256 = \"0", "key 1: sha256 must be 64 lowercase hex digits"),
            (
                "\"submit\", ",
                "\"timestamp\", ",
                "key 1: scopes must list submit, timestamp or both, each once",
            ),
            ("2027-11-25T", "2027-13-25T", "key 1: a time must look like 2027-01-31T12:00:00Z"),
        ] {
            let bad = good.replace(from, to);
            assert_ne!(bad, good);
            assert_eq!(refusal(&bad), why);
        }
        let twice = good.clone() + good.split(HEAD).nth(1).unwrap();
        assert_eq!(refusal(&twice), "key 2: another key has its id or its name");
        assert!(refusal(&good.replace("added", "ended")).contains("unknown field `ended`"));
    }

    /// Damage lets nobody in who was not let in before, and nobody to more. Only a date of expiry may become another one.
    #[test]
    fn a_wrong_bit_makes_no_key_good_for_more() {
        let all =
            vec![entry("a"), KeyEntry { expires: None, scopes: vec![Scope::Submit], ..entry("b@c.example") }];
        let good = render(&all);
        let (mut refused, mut other_dates) = (0, 0);
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone().into_bytes();
                bad[at] ^= 1 << bit;
                let Some(keys) = std::str::from_utf8(&bad).ok().and_then(|text| parse(text).ok()) else {
                    refused += 1;
                    continue;
                };
                assert_eq!(keys.len(), all.len(), "bit {bit} of byte {at}");
                for (key, was) in keys.iter().zip(&all) {
                    assert_eq!(key.scopes, was.scopes, "bit {bit} of byte {at}");
                    assert_eq!(key.expires.is_some(), was.expires.is_some(), "bit {bit} of byte {at}");
                    other_dates += usize::from(key.expires != was.expires);
                }
            }
        }
        // So both are looked at.
        assert!(refused > good.len() && other_dates > 0, "{refused} {other_dates}");
    }
}
