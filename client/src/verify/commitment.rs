//! Evidence without a file: a commitment (or digest, or submission root) in hex against a token, receipt or bundle, and what
//! a token shows by itself.

use super::{Judged, VerifyFailure, look_failed, tree};
use crate::{
    bundle_file::Reader,
    judges::Judges,
    locate::{self, Sort},
    paths,
    policy_file::read_bounded,
};
use std::path::Path;
use treering_tlog::hash::Hash;
use treering_token::{
    bundle::{Item, Record, Step},
    commitment::Commitment,
    digest::Digests,
    token::{Token, TokenError},
    verify::{Verified, VerifyError},
};

/// What 32 bytes turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// What was stamped itself: a commitment, a submission root, or the SHA-256 of a file that was stamped plainly.
    Commitment,
    /// The SHA-256 that a claim is about.
    Digest,
}

impl Subject {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Subject::Commitment => "commitment",
            Subject::Digest => "digest",
        }
    }
}

/// Why evidence without a file can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoneError {
    #[error(transparent)]
    Failure(#[from] VerifyFailure),
    #[error("{path} is larger than a token can be; is it the right file?")]
    TooLong { path: String },
    #[error("{path} is damaged: {error}; get a whole copy of it")]
    Token { path: String, error: TokenError },
    #[error("{path} has no record, submission or digest {hash}")]
    NotInBundle { path: String, hash: Hash },
    #[error(transparent)]
    Refused(#[from] VerifyError),
}

impl LoneError {
    pub(crate) fn is_invalid(&self) -> bool {
        match self {
            LoneError::Failure(failure) => failure.is_invalid(),
            _ => true,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            LoneError::Failure(_) => "unreadable",
            LoneError::TooLong { .. } | LoneError::Token { .. } => "token_malformed",
            LoneError::NotInBundle { .. } => "not_in_bundle",
            LoneError::Refused(error) => error.name(),
        }
    }
}

/// Holds 32 bytes against a token, receipt or bundle.
///
/// # Errors
/// The evidence can't be read, isn't right, or is of something else.
pub(crate) fn commitment(
    hash: &Hash,
    evidence: &Path,
    judges: &Judges,
) -> Result<(Subject, Judged), LoneError> {
    match locate::sort(evidence).map_err(|error| look_failed(evidence, error))? {
        Sort::Bundle => in_bundle(hash, evidence, judges),
        Sort::Token => held_against(hash, &read_token(evidence)?, judges),
        Sort::Timestamp | Sort::Other => {
            Err(VerifyFailure::NotEvidence { path: paths::shown(evidence) }.into())
        }
    }
}

/// A token or receipt.
pub(crate) fn held_against(
    hash: &Hash,
    token: &Token,
    judges: &Judges,
) -> Result<(Subject, Judged), LoneError> {
    let is_digest = token.claim().is_some_and(|claim| claim.digests.sha256() == hash.as_bytes());
    if is_digest {
        let by = judges.judge(|verifier| {
            verifier.token(token, &lone(token).unwrap_or(Digests::new(*hash.as_bytes())))
        })?;
        let Verified { attested, after, .. } = by.shown;
        return Ok((Subject::Digest, Judged { attested, after, judge: by.judge }));
    }
    // A plain commitment has no lower bound, and that of a claim is not of these 32 bytes alone.
    let judged = tree::judge(judges, &Commitment(*hash), token, None)?;
    Ok((Subject::Commitment, judged))
}

/// The digests that a token's own claim names: enough to judge all of it but the file. `None` for receipts and plain tokens.
pub(crate) fn lone(token: &Token) -> Option<Digests> {
    token.claim().map(|claim| claim.digests.clone())
}

/// A whole token.
pub(crate) fn read_token(path: &Path) -> Result<Token, LoneError> {
    let shown = || paths::shown(path);
    let bytes = read_bounded(path, Token::MAX_BYTES).map_err(|error| look_failed(path, error))?;
    let bytes = bytes.ok_or_else(|| LoneError::TooLong { path: shown() })?;
    Token::parse(&bytes).map_err(|error| LoneError::Token { path: shown(), error })
}

/// One pass: a record's commitment or SHA-256, or a submission's root, and then the receipt that covers it.
fn in_bundle(hash: &Hash, path: &Path, judges: &Judges) -> Result<(Subject, Judged), LoneError> {
    let mut reader = Reader::open(path).map_err(VerifyFailure::from)?;
    let (mut after, mut found, mut refusal) = (None, Vec::new(), None);
    while let Some((item, step)) = reader.step().map_err(VerifyFailure::from)? {
        match (item, step) {
            (Item::Run(run), _) => {
                after = run.after;
                found.clear();
            }
            (Item::Record(record), Step::Record { submission, opened, .. }) => {
                let is_digest =
                    matches!(&record, Record::Path { digests, .. } if digests.sha256() == hash.as_bytes());
                if opened.commitment.0 == *hash {
                    found.push((submission, Subject::Commitment));
                } else if is_digest {
                    found.push((submission, Subject::Digest));
                }
            }
            (_, Step::Mark { submission, root, .. }) if root.0 == *hash => {
                found.push((submission, Subject::Commitment));
            }
            (Item::Receipt(receipt), Step::Receipt { root, submissions }) => {
                let subject = found.iter().find(|(submission, _)| submissions.contains(submission));
                let Some(&(_, subject)) = subject else { continue };
                match tree::judge(judges, &root, &receipt, after.as_deref()) {
                    Ok(judged) => return Ok((subject, judged)),
                    Err(error) => refusal = refusal.or(Some(error)),
                }
            }
            _ => {}
        }
    }
    Err(match refusal {
        Some(error) => error.into(),
        None => LoneError::NotInBundle { path: paths::shown(path), hash: *hash },
    })
}
