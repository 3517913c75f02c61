//! `config.toml`: flat, a key a setting. Unknown keys are refused: a mistyped `policy` must not be a policy left out.

use super::{Setting, SettingsError, Source, TABLE, Wish};
use crate::{paths, places, policy_file::read_bounded, signer};
use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// The name of the file in the client's own directory.
const FILE: &str = "config.toml";
/// No configuration is larger.
const MAX_BYTES: usize = 1 << 20;
/// A name is nearer than chance at this, of 1.
const NEAR: f64 = 0.75;

/// What an option takes, as far as a file must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// True or false.
    Switch,
    /// A path: in the file, from the file's own directory.
    Path,
    /// Any other text or number.
    Text,
}

/// Where the file is if nobody says so; `None` on a machine that has no place for it.
pub(crate) fn usual_place() -> Option<PathBuf> {
    Some(places::config_dir().ok()?.join(FILE))
}

/// Reads the file; `is_named`: it has to be there. `kind` says what a setting takes, and whether it takes several.
pub(super) fn read(
    path: &Path,
    is_named: bool,
    kind: &dyn Fn(&Setting) -> (Kind, bool),
) -> Result<Vec<Wish>, SettingsError> {
    let text = match read_bounded(path, MAX_BYTES) {
        Ok(Some(text)) => text,
        Ok(None) => return Err(SettingsError::TooLong { path: path.to_owned(), max: MAX_BYTES }),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_named => return Ok(Vec::new()),
        Err(error) => return Err(SettingsError::Io { path: path.to_owned(), error }),
    };
    parse(path, &text, kind)
}

/// What the file with these bytes, at this path, says.
pub(super) fn parse(
    path: &Path,
    bytes: &[u8],
    kind: &dyn Fn(&Setting) -> (Kind, bool),
) -> Result<Vec<Wish>, SettingsError> {
    let form = |reason: String| SettingsError::Form { path: path.to_owned(), reason };
    let text = std::str::from_utf8(bytes).map_err(|error| form(error.to_string()))?;
    let table = DeTable::parse(text).map_err(|error| form(error.to_string().trim_end().to_owned()))?;
    let mut wishes = table
        .get_ref()
        .iter()
        .map(|(key, value)| {
            let line = 1 + text[..key.span().start].matches('\n').count();
            let setting = named(key.get_ref(), path, line)?;
            let (kind, several) = kind(setting);
            let wanted = Wanted { setting, kind, several, path, line };
            Ok(Wish { setting, values: wanted.values(value)?, source: Source::File(path.to_owned(), line) })
        })
        .collect::<Result<Vec<Wish>, SettingsError>>()?;
    // As they stand in the file.
    wishes.sort_by_key(|wish| match wish.source {
        Source::File(_, line) => line,
        _ => 0,
    });
    Ok(wishes)
}

fn named(key: &str, path: &Path, line: usize) -> Result<&'static Setting, SettingsError> {
    let place = || place(path, line);
    // `api-key-file`, as the option is typed, is near enough to be told and too far to be taken: one spelling.
    match TABLE.iter().find(|setting| setting.key == key) {
        Some(setting) => Ok(setting),
        None if key == "api_key" => Err(SettingsError::Secret { place: place() }),
        None => Err(SettingsError::Unknown {
            place: place(),
            key: treering_token::escape::text(key),
            nearest: nearest(key),
        }),
    }
}

fn nearest(key: &str) -> Option<&'static str> {
    TABLE
        .iter()
        .map(|setting| (strsim::jaro_winkler(setting.key, key), setting.key))
        .filter(|(near, _)| *near >= NEAR)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, key)| key)
}

pub(super) fn place(path: &Path, line: usize) -> String {
    format!("{}:{line}", paths::shown(path))
}

/// A value that has to be of a kind.
struct Wanted<'a> {
    setting: &'static Setting,
    kind: Kind,
    several: bool,
    path: &'a Path,
    line: usize,
}

impl Wanted<'_> {
    fn values(&self, value: &Spanned<DeValue<'_>>) -> Result<Vec<OsString>, SettingsError> {
        match value.get_ref() {
            DeValue::Array(array) if self.several => array.iter().map(|each| self.value(each)).collect(),
            _ => Ok(vec![self.value(value)?]),
        }
    }

    fn value(&self, value: &Spanned<DeValue<'_>>) -> Result<OsString, SettingsError> {
        match (self.kind, value.get_ref()) {
            (Kind::Switch, DeValue::Boolean(value)) => Ok(value.to_string().into()),
            (Kind::Path, DeValue::String(text)) if !signer::is_of_agent(text) => Ok(self.rooted(text)),
            (Kind::Path, DeValue::String(text)) => Ok(text.to_string().into()),
            (Kind::Text, DeValue::String(text)) => Ok(text.to_string().into()),
            (Kind::Text, DeValue::Integer(number)) => Ok(number.to_string().into()),
            (Kind::Text, DeValue::Float(number)) => Ok(number.to_string().into()),
            (_, other) => Err(SettingsError::Kind {
                place: place(self.path, self.line),
                key: self.setting.key,
                wants: match (self.kind, self.several) {
                    (Kind::Switch, _) => "true or false",
                    (_, false) => "one text or number",
                    (_, true) => "a text, or a list of texts",
                },
                got: other.type_str(),
            }),
        }
    }

    /// A path in the file means the same from wherever `treering` is called.
    fn rooted(&self, text: &str) -> OsString {
        let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
        match (text.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => PathBuf::from(home).join(rest).into(),
            _ => self.path.parent().unwrap_or(Path::new("")).join(text).into(),
        }
    }
}
