//! The policy that a user trusts: read from the file they name, never fetched behind their back.

use crate::{
    judges, paths,
    pins::{Pins, PinsError},
};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};
use treering_tlog::policy::{Policy, PolicyError};

/// Why there is no policy to judge by. Each message says how to get one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PolicyFileError {
    #[error(
        "no policy: it says which log and witnesses you trust, and nothing can be judged without it.\n\
         Get one: treering trust add {url}\n\
         It shows the keys, to be compared with what the log's and the witnesses' operators publish elsewhere. Or give a \
         policy file with --policy FILE or TREERING_POLICY=FILE"
    )]
    None { url: String },
    #[error(
        "you have pinned {pinned} policies, and none is known to be of this log: name one with --policy FILE (`treering \
         trust show ID` prints one)"
    )]
    Several { pinned: usize },
    #[error(transparent)]
    Pins(PinsError),
    #[error(
        "the policy {path} can't be read: {error}\n\
         Get one: treering trust add {url}, or curl {url}/v1/policy -o policy, and compare its keys with what the operators \
         publish elsewhere"
    )]
    Io { path: String, error: io::Error, url: String },
    #[error("the policy {path} is larger than {max} bytes; is it the right file?", max = Policy::MAX_BYTES)]
    TooLong { path: String },
    #[error("the policy {path} is refused: {error}")]
    Refused { path: String, error: PolicyError },
}

/// The policy to stamp by, or to ask a log by: that file, or the one that is pinned; `log` is the log's URL.
pub(crate) fn read(path: Option<&PathBuf>, log: Option<&str>) -> Result<Policy, PolicyFileError> {
    match path {
        Some(path) => Ok(read_file(path, log)?.distrusting(Pins::load()?.distrust())),
        None => judges::one(log),
    }
}

/// There is no policy.
pub(crate) fn none(log: Option<&str>) -> PolicyFileError {
    PolicyFileError::None { url: url(log) }
}

/// Reads and checks a policy file.
pub(crate) fn read_file(path: &Path, log: Option<&str>) -> Result<Policy, PolicyFileError> {
    let bytes = read_bounded(path, Policy::MAX_BYTES)
        .map_err(|error| PolicyFileError::Io { path: paths::shown(path), error, url: url(log) })?
        .ok_or_else(|| PolicyFileError::TooLong { path: paths::shown(path) })?;
    Policy::parse(&bytes).map_err(|error| PolicyFileError::Refused { path: paths::shown(path), error })
}

fn url(log: Option<&str>) -> String {
    log.unwrap_or("https://<the log>").trim_end_matches('/').to_owned()
}

/// A whole small file; `None` if it has more than `max` bytes.
pub(crate) fn read_bounded(path: &Path, max: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(max as u64 + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= max).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_policy_the_message_says_how_to_get_one() {
        insta::assert_snapshot!(none(Some("https://log.example/")), @r"
        no policy: it says which log and witnesses you trust, and nothing can be judged without it.
        Get one: treering trust add https://log.example
        It shows the keys, to be compared with what the log's and the witnesses' operators publish elsewhere. Or give a policy file with --policy FILE or TREERING_POLICY=FILE
        ");
        insta::assert_snapshot!(read_file(Path::new("/nonexistent"), None).unwrap_err(), @r"
        the policy /nonexistent can't be read: No such file or directory (os error 2)
        Get one: treering trust add https://<the log>, or curl https://<the log>/v1/policy -o policy, and compare its keys with what the operators publish elsewhere
        ");
    }

    #[test]
    fn a_huge_file_is_no_policy() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(Policy::MAX_BYTES as u64 + 1).unwrap();
        assert!(matches!(read_file(file.path(), None), Err(PolicyFileError::TooLong { .. })));
    }
}
