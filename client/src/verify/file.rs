//! One file: which token or bundle speaks of it, and what it says.

use super::{Fault, VerifyFailure, beside, look_failed};
use crate::{clock, cut, hash, locate, locate::Sort, paths};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};
use treering_tlog::policy::Policy;
use treering_token::{
    bundle::{BundleError, Disclose, Kind},
    token::Token,
    verify::{Verified, Verifier},
};

/// What was found out about a file.
#[derive(Debug)]
pub(crate) enum FileEvidence {
    /// Held against this token, or a token out of this bundle.
    By { evidence: PathBuf, outcome: Result<(u64, Vec<Verified>), Fault> },
    /// Nothing speaks of it.
    Uncovered { looked_at: Vec<PathBuf> },
}

/// Holds one file against the evidence given, or found beside it.
///
/// # Errors
/// What keeps it from being checked at all.
pub(crate) fn file(
    path: &Path,
    evidence: Option<&Path>,
    policy: &Policy,
) -> Result<FileEvidence, VerifyFailure> {
    let source = path.canonicalize().map_err(|error| look_failed(path, error))?;
    let verifier = Verifier { policy, now: clock::now() };
    let by_token = |token: PathBuf| {
        let outcome = beside::judge(&source, &token, verifier, &mut hash::buffer());
        FileEvidence::By { evidence: token, outcome }
    };
    match evidence {
        Some(given) => match locate::sort(given).map_err(|error| look_failed(given, error))? {
            Sort::Token => Ok(by_token(given.to_path_buf())),
            Sort::Bundle => {
                let bundle = Bundle { path: given, recorded: Recorded::Anywhere };
                Ok(bundle.judge(&source, verifier)?.unwrap_or(uncovered(vec![given.to_path_buf()])))
            }
            // A token whose very first line is damaged still has the name of one: say what is wrong with it.
            Sort::Timestamp => Err(VerifyFailure::NotEvidence { path: paths::shown(given) }),
            Sort::Other if given.extension().is_some_and(|extension| extension == Token::EXTENSION) => {
                Ok(by_token(given.to_path_buf()))
            }
            Sort::Other => Err(VerifyFailure::NotEvidence { path: paths::shown(given) }),
        },
        None => {
            let token = locate::token_of(path);
            if token.exists() {
                return Ok(by_token(token));
            }
            let mut looked_at = vec![token];
            for found in locate::bundles_for(path).map_err(|error| look_failed(path, error))? {
                let bundle = Bundle { path: &found.bundle, recorded: Recorded::At(&found.below) };
                if let Some(judged) = bundle.judge(&source, verifier)? {
                    return Ok(judged);
                }
                looked_at.push(found.bundle);
            }
            Ok(uncovered(looked_at))
        }
    }
}

fn uncovered(looked_at: Vec<PathBuf>) -> FileEvidence {
    FileEvidence::Uncovered { looked_at }
}

/// A bundle that may cover the file.
struct Bundle<'a> {
    path: &'a Path,
    recorded: Recorded<'a>,
}

/// Under which path the bundle would have the file.
#[derive(Clone, Copy)]
enum Recorded<'a> {
    At(&'a [u8]),
    /// Nobody knows where its paths begin: any end of the file's own path.
    Anywhere,
}

impl Bundle<'_> {
    /// A record with the file's digest is of this file, wherever it lies: paths are not stamped. `None` if there is none, and
    /// none with its path either.
    fn judge(&self, source: &Path, verifier: Verifier<'_>) -> Result<Option<FileEvidence>, VerifyFailure> {
        let by = |outcome| Ok(Some(FileEvidence::By { evidence: self.path.to_path_buf(), outcome }));
        let mut buffer = hash::buffer();
        let digests = match hash::file(source, &[], &mut buffer) {
            Ok((_, digests)) => digests,
            Err(error) => return by(Err(error.into())),
        };
        let own_path = locate::bytes_of(source);
        let (mut best, mut recorded_otherwise) = (None::<usize>, false);
        let mut token: Option<(usize, Result<Token, BundleError>)> = None;
        cut::cut(
            self.path,
            &HashMap::new(),
            Disclose::ALL,
            |candidate| {
                let path = candidate.path.as_bytes();
                if candidate.kind != Kind::File {
                    return None;
                }
                let fits = self.recorded.fits(&own_path, path);
                if candidate.digests.sha256() != digests.sha256() {
                    recorded_otherwise |= fits;
                    return None;
                }
                // Of several equal files, the one whose path fits is the best witness; a single one is enough.
                let score = if fits { path.len() } else { 0 };
                if best.is_some_and(|best| best >= score) {
                    return None;
                }
                best = Some(score);
                best
            },
            |score, cut| {
                if token.as_ref().is_none_or(|(best, _)| *best < score) {
                    token = Some((score, cut));
                }
                Ok::<_, VerifyFailure>(())
            },
        )?;
        match token {
            Some((_, Ok(token))) => by(judge_cut(source, self.path, &token, verifier, &mut buffer)),
            Some((_, Err(error))) => by(Err(Fault::Cut(error))),
            None if recorded_otherwise => by(Err(Fault::NotAsRecorded { bundle: paths::shown(self.path) })),
            None => Ok(None),
        }
    }
}

impl Recorded<'_> {
    fn fits(self, own_path: &[u8], recorded: &[u8]) -> bool {
        match self {
            Recorded::At(path) => path == recorded,
            Recorded::Anywhere => own_path
                .strip_suffix(recorded)
                .is_some_and(|before| before.is_empty() || before.ends_with(b"/")),
        }
    }
}

/// A token out of a bundle, below those of the bundle's own bytes, if it was renewed.
fn judge_cut(
    source: &Path,
    bundle: &Path,
    token: &Token,
    mut verifier: Verifier<'_>,
    buffer: &mut [u8],
) -> Result<(u64, Vec<Verified>), Fault> {
    let mut verified = match beside::of_bundle(bundle) {
        Some(newest) => beside::judge(bundle, &newest, verifier, buffer)?.1,
        None => Vec::new(),
    };
    // SPEC: verify.md section 8: each is judged as of the upper bound of the one that renews it.
    if let Some(before) = verified.last().and_then(|oldest| oldest.attested.before()) {
        verifier.now = before;
    }
    let (size, digests) = hash::file(source, &token.digest_ids(), buffer)?;
    verified.push(verifier.token(token, &digests)?);
    Ok((size, verified))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_of_a_path_counts_by_whole_parts() {
        assert!(Recorded::Anywhere.fits(b"home/a/b", b"a/b"));
        assert!(Recorded::Anywhere.fits(b"b", b"b"));
        assert!(!Recorded::Anywhere.fits(b"home/ba/b", b"a/b"));
        assert!(!Recorded::At(b"a/b").fits(b"home/a/b", b"b"));
    }
}
