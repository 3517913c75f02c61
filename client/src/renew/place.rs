//! Old and new evidence beside each other: names count up from the oldest, and the newest has no number.
//!
//! ```text
//! a.pdf  a.pdf.tlog-proof                      ─▶  a.pdf  a.pdf.1.tlog-proof  a.pdf.tlog-proof (of a.pdf.1.tlog-proof)
//! d/     d.treering                            ─▶  d/  d.treering, d.1.treering (the same)  d.treering.tlog-proof (of it)
//! ```
//! A bundle keeps its name, too: `d.1.treering` is another name of the same file (a copy where the file system has no such
//! names), so that the bytes that were renewed stay, even if `d.treering` is brought up to date later.

use super::Old;
use crate::{hash, locate, output, output::OutputError, paths, places};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use treering_tlog::hash::{Hash, sha256};
use treering_token::token::Token;

/// Why a new token isn't where it belongs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceError {
    #[error("{path} was changed while it was renewed; try again")]
    Changed { path: String },
    #[error("{path}: {error}")]
    Io { path: String, error: io::Error },
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// Where things are now.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) new: PathBuf,
    /// What is kept under a number.
    pub(super) kept: Vec<PathBuf>,
}

/// Puts the token that renews `old`, whose bytes have this hash, into its place.
pub(super) fn place(old: &Old, hash: &Hash, token: &Token) -> Result<Placed, PlaceError> {
    let mut kept = Vec::new();
    let new = if old.is_bundle {
        kept.push(keep_bundle(&old.path, hash)?);
        locate::token_of(&old.path)
    } else {
        old.path.clone()
    };
    // CRASH: whenever it ends, each name has a whole file: first the old token gets its second name, then the first name
    // goes over to the new one. In between both are the same token: whoever follows the chain goes by hashes and passes over
    // such a twin, and whoever renews again takes the name that is there.
    match fs::read(&new) {
        Ok(bytes) if !old.is_bundle && sha256(&bytes) != *hash => {
            return Err(PlaceError::Changed { path: paths::shown(&new) });
        }
        Ok(bytes) => kept.push(keep_token(&new, &bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound && old.is_bundle => {}
        Err(error) => return Err(PlaceError::Io { path: paths::shown(&new), error }),
    }
    output::write(&new, token.to_string().as_bytes(), true)?;
    Ok(Placed { new, kept })
}

/// Gives a token its number.
fn keep_token(path: &Path, bytes: &[u8]) -> Result<PathBuf, PlaceError> {
    let io = |error| PlaceError::Io { path: paths::shown(path), error };
    let earlier = locate::earlier_tokens(path).map_err(io)?;
    if let Some(twin) = earlier.iter().find(|other| fs::read(other).is_ok_and(|there| there == bytes)) {
        return Ok(twin.clone());
    }
    let next = locate::after(&earlier, path);
    output::write(&next, bytes, false)?;
    Ok(next)
}

/// Gives a bundle a second name.
fn keep_bundle(path: &Path, hash: &Hash) -> Result<PathBuf, PlaceError> {
    let io = |error| PlaceError::Io { path: paths::shown(path), error };
    let earlier = locate::earlier_bundles(path).map_err(io)?;
    if let Some(twin) = earlier.iter().find(|other| is_of(other, hash)) {
        return Ok(twin.clone());
    }
    let next = locate::after(&earlier, path);
    if fs::hard_link(path, &next).is_err() {
        let mut copy = output::Output::begin(&next, false)?;
        copy.fill(path)?;
        copy.finish()?;
    }
    // The name has to lead to what was stamped: whoever exchanged the bundle meanwhile gets no token for the other one.
    if !is_of(&next, hash) {
        fs::remove_file(&next).map_err(io)?;
        return Err(PlaceError::Changed { path: paths::shown(path) });
    }
    places::sync_dir(next.parent().unwrap_or(Path::new("."))).map_err(io)?;
    Ok(next)
}

fn is_of(path: &Path, hash: &Hash) -> bool {
    hash::file(path, &[], &mut hash::buffer()).is_ok_and(|(_, digests)| digests.sha256() == hash.as_bytes())
}
