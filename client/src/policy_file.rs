//! The policy that a user trusts: read from the file they name, never fetched behind their back.

use crate::paths;
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
         Get one: curl {url}/v1/policy -o policy\n\
         Compare its keys with what the log's and the witnesses' operators publish elsewhere, then give it with \
         --policy policy or TREERING_POLICY=policy"
    )]
    None { url: String },
    #[error(
        "the policy {path} can't be read: {error}\n\
         Get one: curl {url}/v1/policy -o policy, and compare its keys with what the operators publish elsewhere"
    )]
    Io { path: String, error: io::Error, url: String },
    #[error("the policy {path} is larger than {max} bytes; is it the right file?", max = Policy::MAX_BYTES)]
    TooLong { path: String },
    #[error("the policy {path} is refused: {error}")]
    Refused { path: String, error: PolicyError },
}

/// Reads and checks the policy; `log` is the log's URL, for the advice if there is none.
pub(crate) fn read(path: Option<&PathBuf>, log: Option<&str>) -> Result<Policy, PolicyFileError> {
    let url = log.unwrap_or("https://<the log>").trim_end_matches('/').to_owned();
    let Some(path) = path else { return Err(PolicyFileError::None { url }) };
    let bytes = read_bounded(path, Policy::MAX_BYTES)
        .map_err(|error| PolicyFileError::Io { path: paths::shown(path), error, url })?
        .ok_or_else(|| PolicyFileError::TooLong { path: paths::shown(path) })?;
    Policy::parse(&bytes).map_err(|error| PolicyFileError::Refused { path: paths::shown(path), error })
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
        insta::assert_snapshot!(read(None, Some("https://log.example/")).unwrap_err(), @r"
        no policy: it says which log and witnesses you trust, and nothing can be judged without it.
        Get one: curl https://log.example/v1/policy -o policy
        Compare its keys with what the log's and the witnesses' operators publish elsewhere, then give it with --policy policy or TREERING_POLICY=policy
        ");
        insta::assert_snapshot!(read(Some(&PathBuf::from("/nonexistent")), None).unwrap_err(), @r"
        the policy /nonexistent can't be read: No such file or directory (os error 2)
        Get one: curl https://<the log>/v1/policy -o policy, and compare its keys with what the operators publish elsewhere
        ");
    }

    #[test]
    fn a_huge_file_is_no_policy() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(Policy::MAX_BYTES as u64 + 1).unwrap();
        let path = file.path().to_path_buf();
        assert!(matches!(read(Some(&path), None), Err(PolicyFileError::TooLong { .. })));
    }
}
