//! What a log answers to `tokens=true`: a JSON object with a token for each hash, as `curl` has written it; and the names for
//! the hashes, as `sha256sum` writes them.

use crate::{lists, paths, policy_file::read_bounded};
use serde::Deserialize;
use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};
use treering_tlog::hash::Hash;

/// 1,024 tokens, each of which has a few kilobytes.
const MAX_BYTES: usize = 64 << 20;

/// The whole answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answers {
    pub(crate) tokens: Vec<Answer>,
}

/// One hash's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    pub(crate) hash: String,
    #[serde(default, rename = "url")]
    _url: Option<String>,
    /// `None` if it wasn't there yet.
    #[serde(default)]
    pub(crate) token: Option<String>,
}

/// Why it, or the file with the names, can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnswersError {
    #[error("{path} can't be read: {error}")]
    Io { path: String, error: io::Error },
    #[error("{path} is larger than {max} bytes")]
    TooLong { path: String, max: usize },
    #[error("{path} is not what a log answers to tokens=true: {reason}")]
    Form { path: String, reason: String },
    #[error(
        "{path}, line {line}: not as sha256sum writes it: 64 hex digits, two spaces (or a space and *), and a name"
    )]
    Sums { path: String, line: usize },
}

/// Cheaply, so that a large JSON file which was stamped isn't read for nothing.
pub(crate) fn looks_like_answer(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(256).read_to_end(&mut start));
    let start: Vec<u8> = start.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect();
    read.is_ok() && start.starts_with(br#"{"tokens":[{"hash":""#)
}

/// The whole answer.
///
/// # Errors
/// It can't be read, or is something else.
pub(crate) fn read(path: &Path) -> Result<Answers, AnswersError> {
    parse(&bounded(path)?)
        .map_err(|error| AnswersError::Form { path: paths::shown(path), reason: error.to_string() })
}

/// The answer with these bytes.
pub(crate) fn parse(bytes: &[u8]) -> serde_json::Result<Answers> {
    serde_json::from_slice(bytes)
}

/// Names by their hashes; a hash may have several.
///
/// # Errors
/// A line is another form than sha256sum's.
pub(crate) fn names(path: &Path) -> Result<HashMap<Hash, Vec<PathBuf>>, AnswersError> {
    names_in(path, &bounded(path)?)
}

/// What the file with these bytes, at this path, says.
pub(crate) fn names_in(path: &Path, bytes: &[u8]) -> Result<HashMap<Hash, Vec<PathBuf>>, AnswersError> {
    let mut names = HashMap::<Hash, Vec<PathBuf>>::new();
    for (line, text) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        if text.is_empty() {
            continue;
        }
        let (hash, name) = sum(text).ok_or_else(|| AnswersError::Sums { path: paths::shown(path), line })?;
        names.entry(hash).or_default().push(PathBuf::from(paths::name_from_bytes(&name).into_owned()));
    }
    Ok(names)
}

fn bounded(path: &Path) -> Result<Vec<u8>, AnswersError> {
    read_bounded(path, MAX_BYTES)
        .map_err(|error| AnswersError::Io { path: paths::shown(path), error })?
        .ok_or_else(|| AnswersError::TooLong { path: paths::shown(path), max: MAX_BYTES })
}

/// `<hash>  <name>` or `<hash> *<name>`; with a backslash in front, the name has `\n`, `\r` and `\\` escaped (GNU coreutils).
fn sum(line: &[u8]) -> Option<(Hash, Vec<u8>)> {
    let (escaped, line) = match line.strip_prefix(b"\\") {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let (hash, name) = lists::untagged(line)?;
    let hash = Hash::from_hex(std::str::from_utf8(hash).ok()?)?;
    let name = if escaped { lists::unescaped(name)? } else { name.to_vec() };
    (!name.is_empty()).then_some((hash, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_sha256sum_are_read_and_others_refused() {
        let hash = Hash::new([0xab; 32]);
        let line = |rest: &str| sum(format!("{hash}{rest}").as_bytes()).map(|(_, name)| name);
        assert_eq!(line("  a b"), Some(b"a b".to_vec()));
        assert_eq!(line(" *a"), Some(b"a".to_vec()));
        assert_eq!(line("   a"), Some(b" a".to_vec()));
        let escaped = sum(format!("\\{hash}  a\\nb\\\\").as_bytes()).unwrap();
        assert_eq!(escaped, (hash, b"a\nb\\".to_vec()));
        for bad in ["", " ", "  ", " a", "a", "\t a"] {
            assert_eq!(line(bad), None, "{bad:?}");
        }
        assert_eq!(sum(format!("\\{hash}  a\\x").as_bytes()), None);
        assert_eq!(sum(b"ab  a"), None);
        assert_eq!(sum("é".repeat(40).as_bytes()), None);
    }
}
