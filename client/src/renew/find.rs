//! Which evidence is meant: a file's token, a directory's bundle, all tokens of a directory, or what is given by name.

use crate::{
    hash,
    locate::{self, Sort},
    paths,
    policy_file::read_bounded,
    walk,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use treering_token::token::Token;

/// Evidence that is to be renewed: the newest there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Old {
    pub(crate) path: PathBuf,
    /// A bundle that has no token yet, rather than a token.
    pub(crate) is_bundle: bool,
}

/// Why there is nothing to renew.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FindError {
    #[error("{path} can't be looked at: {error}")]
    Io { path: String, error: io::Error },
    #[error("{path} has neither a bundle ({bundle}) nor tokens of its files")]
    Nothing { path: String, bundle: String },
    #[error("{path} has no token ({token}){above}", above = above.as_ref().map(|bundle| format!("; the bundle {bundle} may have a record of it: renew that one")).unwrap_or_default())]
    NoToken { path: String, token: String, above: Option<String> },
    #[error("{path} is an earlier one: {newest} is the newest of them, which is to be renewed")]
    Earlier { path: String, newest: String },
    #[error("{path} is an RFC 3161 timestamp, which is renewed by a new one: treering tsa")]
    Timestamp { path: String },
}

/// The evidence that belongs to a path, or that the path itself is.
pub(crate) fn find(path: &Path) -> Result<Vec<Old>, FindError> {
    let io = |error| FindError::Io { path: paths::shown(path), error };
    let metadata = fs::metadata(path).map_err(io)?;
    if metadata.is_dir() {
        let bundle = locate::bundle_of(path).map_err(io)?;
        return if bundle.is_file() {
            Ok(vec![of_bundle(&bundle).map_err(io)?])
        } else {
            tokens_in(path, &bundle)
        };
    }
    match locate::sort(path).map_err(io)? {
        Sort::Token => match locate::newest_of(path) {
            Some(newest) => {
                Err(FindError::Earlier { path: paths::shown(path), newest: paths::shown(&newest) })
            }
            None => Ok(vec![Old { path: path.to_path_buf(), is_bundle: false }]),
        },
        Sort::Bundle => Ok(vec![of_bundle(path).map_err(io)?]),
        Sort::Timestamp => Err(FindError::Timestamp { path: paths::shown(path) }),
        Sort::Other => {
            let token = locate::token_of(path);
            if token.is_file() {
                return Ok(vec![Old { path: token, is_bundle: false }]);
            }
            let above = locate::bundles_for(path).map_err(io)?.into_iter().next();
            Err(FindError::NoToken {
                path: paths::shown(path),
                token: paths::shown(&token),
                above: above.map(|found| paths::shown(&found.bundle)),
            })
        }
    }
}

/// The token beside a bundle, if it leads to this bundle's bytes; else the bundle.
fn of_bundle(bundle: &Path) -> io::Result<Old> {
    let token = locate::token_of(bundle);
    let renewed = token.is_file() && leads_to(&token, bundle)?;
    Ok(if renewed {
        Old { path: token, is_bundle: false }
    } else {
        Old { path: bundle.to_path_buf(), is_bundle: true }
    })
}

/// By the hashes that tokens name alone: whether any of it holds is not asked here.
fn leads_to(token: &Path, bundle: &Path) -> io::Result<bool> {
    let of_bundle = match hash::file(bundle, &[], &mut hash::buffer()) {
        Ok((_, digests)) => *digests.sha256(),
        Err(error) => return Err(io::Error::other(error.to_string())),
    };
    let read = |path: &Path| read_bounded(path, Token::MAX_BYTES).map(Option::unwrap_or_default);
    let mut renews = Token::parse(&read(token)?).ok().and_then(|token| token.renews());
    let mut earlier = locate::earlier_tokens(token)?;
    while let Some(hash) = renews {
        if *hash.as_bytes() == of_bundle {
            return Ok(true);
        }
        let is_it =
            |path: &PathBuf| read(path).is_ok_and(|bytes| treering_tlog::hash::sha256(&bytes) == hash);
        let Some(at) = earlier.iter().position(is_it) else { break };
        renews = Token::parse(&read(&earlier.remove(at))?).ok().and_then(|token| token.renews());
    }
    Ok(false)
}

/// The newest tokens of all files in a directory.
fn tokens_in(dir: &Path, bundle: &Path) -> Result<Vec<Old>, FindError> {
    let root = walk::Root { source: dir.to_path_buf(), prefix: Vec::new(), is_dir: true };
    let rules = walk::Rules { links: false, ..walk::Rules::default() };
    let mut found = Vec::new();
    for one in walk::Walk::new(vec![root], rules) {
        let source = match one {
            walk::Found::File { source, .. } => source,
            walk::Found::Failed { source, error } => {
                let error = io::Error::other(error.to_string());
                return Err(FindError::Io { path: paths::shown(&source), error });
            }
            _ => continue,
        };
        let token = locate::token_of(&source);
        if matches!(locate::sort(&token), Ok(Sort::Token)) {
            found.push(Old { path: token, is_bundle: false });
        }
    }
    if found.is_empty() {
        return Err(FindError::Nothing { path: paths::shown(dir), bundle: paths::shown(bundle) });
    }
    Ok(found)
}
