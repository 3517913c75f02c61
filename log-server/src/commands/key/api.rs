//! API keys: made, listed, revoked in the file that a running log looks at (`access::key_file`).

use anyhow::{Context, ensure};
use clap::Args;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::super::{Outcome, Place};
use crate::{
    access::{
        api_key::{ApiKey, ApiKeyId},
        key_file::{self, KeyFileError},
        key_list::{KeyEntry, Scope, is_name},
    },
    config::{Admission, Config},
};

/// Make a key.
#[derive(Debug, Args)]
pub(crate) struct Add {
    #[command(flatten)]
    place: Place,
    /// Whose it is: 1 to 64 letters, digits and . _ @ -
    #[arg(long, value_parser = name)]
    name: String,
    /// What it is for (repeatable)
    #[arg(long, value_enum, default_value = "submit")]
    scope: Vec<Scope>,
    /// Until when: 2027-01-31 (its midnight, UTC) or 2027-01-31T12:00:00Z; default: for ever
    #[arg(long, value_name = "TIME", value_parser = time)]
    expires: Option<Timestamp>,
}

/// List the keys.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    place: Place,
}

/// Take a key away.
#[derive(Debug, Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    place: Place,
    /// The key's name or ID
    #[arg(value_name = "NAME|ID")]
    key: String,
}

impl Add {
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        let config = self.place.load()?;
        let now = Timestamp::now();
        ensure!(
            self.expires.is_none_or(|end| end > now),
            "--expires is in the past: the key would open nothing"
        );
        let key = ApiKey::generate().context("the system gives no random bytes")?;
        let mut scopes = self.scope;
        scopes.sort_unstable();
        scopes.dedup();
        let entry = KeyEntry {
            id: key.id(),
            name: self.name,
            hash: key.hash(),
            scopes,
            added: Timestamp::from_second(now.as_second()).unwrap_or(now),
            expires: self.expires,
        };
        let told = format!("added {} ({}), for {}", entry.name, entry.id, scopes_of(&entry));
        key_file::edit(&config.access.keys, |keys| {
            if keys.iter().any(|other| other.name == entry.name) {
                return Err(KeyFileError::NameTaken { name: entry.name });
            }
            keys.push(entry);
            Ok(())
        })?;
        println!("{}", *key.to_text());
        eprintln!("{told}; this is the only time that the key is shown");
        note_if_open(&config);
        Ok(Outcome::Well)
    }
}

impl List {
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        let config = self.place.load()?;
        let (keys, _) = key_file::read(&config.access.keys)?;
        for entry in &keys {
            let expires = match entry.expires {
                None => "never ends".to_owned(),
                Some(end) if end <= Timestamp::now() => format!("ended {end}"),
                Some(end) => format!("ends {end}"),
            };
            println!("{} {} {} added {} {expires}", entry.name, entry.id, scopes_of(entry), entry.added);
        }
        if keys.is_empty() {
            eprintln!("no API keys: {}", config.access.keys.display());
        }
        note_if_open(&config);
        Ok(Outcome::Well)
    }
}

impl Revoke {
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        let config = self.place.load()?;
        let id = ApiKeyId::parse(&self.key);
        let gone = key_file::edit(&config.access.keys, |keys| {
            let place = keys.iter().position(|entry| entry.name == self.key || Some(entry.id) == id);
            place.map(|place| keys.remove(place)).ok_or(KeyFileError::Unknown { wanted: self.key })
        })?;
        println!("revoked {} ({})", gone.name, gone.id);
        Ok(Outcome::Well)
    }
}

fn scopes_of(entry: &KeyEntry) -> String {
    entry.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(",")
}

/// Keys that nobody needs are easily taken for a lock.
fn note_if_open(config: &Config) {
    if config.access.submissions == Admission::Open {
        eprintln!(
            "note: this log takes submissions from everybody ([access] submissions = \"open\"); a key only sets apart whose \
             they are"
        );
    }
}

fn name(text: &str) -> Result<String, &'static str> {
    if is_name(text) { Ok(text.to_owned()) } else { Err("a name has 1 to 64 letters, digits and . _ @ -") }
}

fn time(text: &str) -> Result<Timestamp, &'static str> {
    const WRONG: &str = "a time looks like 2027-01-31 or 2027-01-31T12:00:00Z";
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let midnight = text.parse::<Date>().and_then(|date| date.to_zoned(TimeZone::UTC));
    // A date with a time of day and no zone parses as a date, too.
    let bare = text.len() == "2027-01-31".len();
    midnight.ok().filter(|_| bare).map(|midnight| midnight.timestamp()).ok_or(WRONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_date_or_a_moment() {
        let read = |text| time(text).map(|time| time.to_string());
        assert_eq!(read("2027-01-31").as_deref(), Ok("2027-01-31T00:00:00Z"));
        assert_eq!(read("2027-01-31T12:00:00Z").as_deref(), Ok("2027-01-31T12:00:00Z"));
        assert_eq!(read("2027-01-31T12:00:00+02:00").as_deref(), Ok("2027-01-31T10:00:00Z"));
        for bad in ["", "tomorrow", "2027-13-01", "2027-01-31T12:00:00", "31.1.2027"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
