//! One file: which token or bundle speaks of it, and what it says.

use super::{Fault, VerifyFailure, beside, look_failed};
use crate::{
    cut, hash,
    judges::{By, Judges},
    locate,
    locate::Sort,
    paths,
};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};
use treering_token::{
    bundle::{BundleError, Disclose, Kind},
    token::Token,
    verify::Verified,
};

/// What was found out about a file.
#[derive(Debug)]
pub(crate) enum FileEvidence {
    /// Held against this token, or a token out of this bundle.
    By { evidence: PathBuf, outcome: Result<(u64, Vec<By<Verified>>), Fault> },
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
    judges: &Judges,
) -> Result<FileEvidence, VerifyFailure> {
    let source = path.canonicalize().map_err(|error| look_failed(path, error))?;
    let by_token = |token: PathBuf| {
        let outcome = beside::judge(&source, &token, judges, &mut hash::buffer());
        FileEvidence::By { evidence: token, outcome }
    };
    match evidence {
        Some(given) => match locate::sort(given).map_err(|error| look_failed(given, error))? {
            Sort::Token => Ok(by_token(given.to_path_buf())),
            Sort::Bundle => {
                let bundle = Bundle { path: given, recorded: Recorded::Anywhere };
                Ok(bundle.judge(&source, judges)?.unwrap_or(uncovered(vec![given.to_path_buf()])))
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
                if let Some(judged) = bundle.judge(&source, judges)? {
                    return Ok(judged);
                }
                looked_at.push(found.bundle);
            }
            match locate::by_log::beside(&looked_at[0]).into_iter().next() {
                Some(token) => Ok(by_token(token)),
                None => Ok(uncovered(looked_at)),
            }
        }
    }
}

/// Holds a file against a token that came by other ways than a file of its own.
pub(crate) fn by_this(
    path: &Path,
    evidence: &Path,
    bytes: &[u8],
    token: &Token,
    judges: &Judges,
) -> FileEvidence {
    let judge = || {
        let (size, digests) = hash::file(path, &token.digest_ids(), &mut hash::buffer())?;
        Ok((size, judges.chain(&[bytes], &digests)?))
    };
    FileEvidence::By { evidence: evidence.to_path_buf(), outcome: judge() }
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
    fn judge(&self, source: &Path, judges: &Judges) -> Result<Option<FileEvidence>, VerifyFailure> {
        let outcome = match self.cut(source)? {
            Ok(token) => judge_cut(source, self.path, &token, judges, &mut hash::buffer()),
            Err(None) => return Ok(None),
            Err(Some(fault)) => Err(fault),
        };
        Ok(Some(FileEvidence::By { evidence: self.path.to_path_buf(), outcome }))
    }

    /// The file's token, cut out. Else what is wrong; nothing, if the bundle doesn't speak of it.
    fn cut(&self, source: &Path) -> Result<Result<Token, Option<Fault>>, VerifyFailure> {
        let digests = match hash::file(source, &[], &mut hash::buffer()) {
            Ok((_, digests)) => digests,
            Err(error) => return Ok(Err(Some(error.into()))),
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
        Ok(match token {
            Some((_, Ok(token))) => Ok(token),
            Some((_, Err(error))) => Err(Some(Fault::Cut(error))),
            None if recorded_otherwise => Err(Some(Fault::NotAsRecorded { bundle: paths::shown(self.path) })),
            None => Err(None),
        })
    }
}

/// Why there are no tokens to explain.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokensError {
    #[error(transparent)]
    Failure(#[from] VerifyFailure),
    #[error("{path}: {fault}")]
    Fault { path: String, fault: Fault },
    #[error("{path}: no token covers it (looked for: {looked_at})")]
    Uncovered { path: String, looked_at: String },
}

impl TokensError {
    pub(crate) fn is_invalid(&self) -> bool {
        match self {
            TokensError::Failure(failure) => failure.is_invalid(),
            TokensError::Fault { fault, .. } => fault.is_invalid(),
            TokensError::Uncovered { .. } => false,
        }
    }
}

/// The tokens of a file, the newest first, or the file and the tokens of a token. Nothing is verified.
///
/// # Errors
/// They can't be found, or read.
pub(crate) fn tokens_of(
    given: &Path,
    evidence: Option<&Path>,
) -> Result<(PathBuf, Vec<Vec<u8>>), TokensError> {
    let is_token = |path: &Path| matches!(locate::sort(path), Ok(Sort::Token));
    let own = locate::token_of(given);
    let (file, evidence) = match evidence {
        None if is_token(given) && !own.is_file() => {
            let file = locate::file_of(given).filter(|file| file.exists());
            let file = file.or_else(|| locate::by_log::subject(given)).or_else(|| locate::file_of(given));
            (file.unwrap_or_else(|| given.to_path_buf()), given.to_path_buf())
        }
        None if own.is_file() => (given.to_path_buf(), own),
        Some(evidence) if is_token(evidence) => (given.to_path_buf(), evidence.to_path_buf()),
        bundle => return out_of_bundle(given, bundle, own),
    };
    let (tokens, _) = beside::chain(&evidence, &file)
        .map_err(|fault| TokensError::Fault { path: paths::shown(&evidence), fault })?;
    Ok((file, tokens))
}

fn out_of_bundle(
    file: &Path,
    given: Option<&Path>,
    token: PathBuf,
) -> Result<(PathBuf, Vec<Vec<u8>>), TokensError> {
    let source = file.canonicalize().map_err(|error| look_failed(file, error))?;
    let found = match given {
        Some(_) => Vec::new(),
        None => locate::bundles_for(file).map_err(|error| look_failed(file, error))?,
    };
    let given = given.map(|path| Bundle { path, recorded: Recorded::Anywhere });
    let found =
        found.iter().map(|found| Bundle { path: &found.bundle, recorded: Recorded::At(&found.below) });
    let mut looked_at = vec![paths::shown(&token)];
    for bundle in given.into_iter().chain(found) {
        match bundle.cut(&source)? {
            Ok(token) => return Ok((file.to_path_buf(), vec![token.to_string().into_bytes()])),
            Err(Some(fault)) => return Err(TokensError::Fault { path: paths::shown(file), fault }),
            Err(None) => looked_at.push(paths::shown(bundle.path)),
        }
    }
    Err(TokensError::Uncovered { path: paths::shown(file), looked_at: looked_at.join(", ") })
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
    judges: &Judges,
    buffer: &mut [u8],
) -> Result<(u64, Vec<By<Verified>>), Fault> {
    let mut verified = match beside::of_bundle(bundle) {
        Some(newest) => beside::judge(bundle, &newest, judges, buffer)?.1,
        None => Vec::new(),
    };
    // SPEC: verify.md section 8: each is judged as of the upper bound of the one that renews it.
    let as_of = verified.last().and_then(|oldest: &By<Verified>| oldest.shown.attested.before());
    let (size, digests) = hash::file(source, &token.digest_ids(), buffer)?;
    verified.push(judges.judge_as_of(as_of, |verifier| verifier.token_as_of(token, &digests, as_of))?);
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
