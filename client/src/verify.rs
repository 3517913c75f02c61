//! Verifying files against their evidence, wholly offline.
//!
//! Everything that is accepted goes through `treering_token::verify::Verifier`; here is what it takes to hold real files
//! against it. A single file's evidence is always a token (one is cut out of a bundle if need be). A directory is held against
//! its bundle in one pass.

mod alone;
mod beside;
mod commitment;
mod file;
mod predicate;
mod recorded;
mod safe;
mod tree;
mod uncovered;

pub use crate::library::verify::{Error, bytes, digests, file};
pub(crate) use alone::Alone;
pub(crate) use beside::of_bundle as renewal_of;
pub(crate) use commitment::{LoneError, Subject, commitment, held_against, lone, read_token};
pub(crate) use file::{FileEvidence, TokensError, by_this, file as file_or_bundle, tokens_of};
pub(crate) use predicate::{Broken, Predicates};
pub(crate) use recorded::recorded;
pub(crate) use safe::Parents;
pub(crate) use tree::{Finding, Judged, Tree, tree};
pub(crate) use treering_token::verify::{Attested, Fault as Refusal};

use crate::{
    bundle_file::BundleFileError,
    hash::HashError,
    judges::{By, Judges},
    ordered, paths, walk,
};
use std::{
    io,
    path::{Path, PathBuf},
};
use treering_token::{
    bundle::BundleError,
    digest::HashId,
    token::TokenError,
    verify::{Verified, VerifyError},
};

/// Why a file does not agree with its evidence, or can't be held against it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    // Checked, and not valid.
    #[error("changed: its {0} digest is another")]
    Changed(HashId),
    #[error("changed: the link leads elsewhere")]
    LinkTarget,
    #[error("changed: {0}")]
    OtherKind(HashError),
    #[error("missing")]
    Missing,
    #[error("{0}")]
    Refused(#[from] VerifyError),
    #[error("its token {token} is damaged: {error}; get a whole copy of it")]
    Token { token: String, error: TokenError },
    #[error("its token {token} is larger than a token can be; is it the right file?")]
    TokenTooLong { token: String },
    #[error("its token can't be cut out of the bundle: {0}")]
    Cut(BundleError),
    #[error("changed: the bundle {bundle} has a record of it with other bytes")]
    NotAsRecorded { bundle: String },
    #[error("{0}")]
    Broken(Broken),
    // Not checked.
    #[error("not checked: it {0}")]
    Unreadable(HashError),
    #[error(
        "not checked: a directory on its way ({0}) is a symbolic link, which may lead out of the tree; --follow follows it"
    )]
    Escapes(String),
    #[error("not checked: {0}")]
    Unsearched(walk::WalkError),
    #[error("not checked: its token {token} can't be read: {error}")]
    TokenUnreadable { token: String, error: io::Error },
}

impl Fault {
    /// Was it checked and found wrong, rather than not checked?
    pub(crate) fn is_invalid(&self) -> bool {
        !matches!(
            self,
            Fault::Unreadable(_) | Fault::Escapes(_) | Fault::Unsearched(_) | Fault::TokenUnreadable { .. }
        )
    }

    /// A stable name, for programs.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Fault::Changed(_) | Fault::OtherKind(_) | Fault::NotAsRecorded { .. } => "changed",
            Fault::LinkTarget => "link_target_differs",
            Fault::Missing => "missing",
            Fault::Refused(error) => error.name(),
            Fault::Token { .. } | Fault::TokenTooLong { .. } => "token_malformed",
            Fault::Cut(_) => "token_impossible",
            Fault::Broken(broken) => broken.name(),
            Fault::Unreadable(HashError::Changed) => "changed_while_read",
            Fault::Unreadable(_) | Fault::Unsearched(_) => "unreadable",
            Fault::Escapes(_) => "behind_a_link",
            Fault::TokenUnreadable { .. } => "token_unreadable",
        }
    }
}

impl From<HashError> for Fault {
    fn from(error: HashError) -> Fault {
        match error {
            HashError::Missing => Fault::Missing,
            HashError::NotAFile | HashError::NotALink => Fault::OtherKind(error),
            HashError::Io(_) | HashError::Changed => Fault::Unreadable(error),
        }
    }
}

/// Why a verification could not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VerifyFailure {
    #[error("{path} can't be looked at: {error}")]
    Look { path: String, error: io::Error },
    #[error(transparent)]
    Bundle(#[from] BundleFileError),
    #[error(
        "{path} is neither a token (.tlog-proof), a bundle (.treering) nor a timestamp (.tsr); `treering show` tells what a \
         file is"
    )]
    NotEvidence { path: String },
    #[error(
        "{evidence} is a token, and a token is for one file: give that file instead of the directory {dir}"
    )]
    TokenForDirectory { evidence: String, dir: String },
    #[error(
        "{evidence} is a timestamp, and a timestamp is for one file: give that file instead of the directory {dir}"
    )]
    TimestampForDirectory { evidence: String, dir: String },
    #[error("{path} is neither a file nor a directory")]
    Special { path: String },
}

impl VerifyFailure {
    pub(crate) fn is_invalid(&self) -> bool {
        matches!(self, VerifyFailure::Bundle(error) if !error.is_io())
    }
}

/// A file that tokens beside it speak of (or not).
#[derive(Debug)]
pub(crate) struct ByToken {
    pub(crate) source: PathBuf,
    pub(crate) size: u64,
    /// `None` if no token lies beside it.
    pub(crate) outcome: Option<Result<Vec<By<Verified>>, Fault>>,
}

/// Holds each file of a directory against the token beside it. Links are passed over: no token speaks of them.
pub(crate) fn tokens(dir: &Path, judges: &Judges, mut observe: impl FnMut(ByToken)) {
    let source = if dir.is_symlink() {
        dir.canonicalize().unwrap_or_else(|_| dir.to_path_buf())
    } else {
        dir.to_path_buf()
    };
    let root = walk::Root { source, prefix: Vec::new(), is_dir: true };
    let walk = walk::Walk::new(vec![root], walk::Rules::default());
    let outcome: Result<(), std::convert::Infallible> = ordered::map(
        ordered::workers(),
        walk.filter_map(file_of),
        crate::hash::buffer,
        |buffer, found| by_token(found, judges, buffer),
        |result| {
            observe(result);
            Ok(())
        },
    );
    outcome.unwrap_or_else(|never| match never {});
}

fn file_of(found: walk::Found) -> Option<Result<PathBuf, (PathBuf, walk::WalkError)>> {
    match found {
        walk::Found::File { source, .. } => Some(Ok(source)),
        walk::Found::Failed { source, error } => Some(Err((source, error))),
        // A token whose file a link, a directory or a pipe has taken the place of.
        walk::Found::Link { source, .. } | walk::Found::LeftOut { source, .. } => {
            let file = crate::locate::file_of(&source)?;
            std::fs::symlink_metadata(&file).is_ok_and(|metadata| !metadata.is_file()).then_some(Ok(file))
        }
    }
}

/// The file that this token is of, if it is no longer there. A receipt is of no file.
fn gone(token: &Path) -> Option<PathBuf> {
    let file = crate::locate::file_of(token)?;
    let is_gone =
        std::fs::symlink_metadata(&file).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    let max = treering_token::token::Token::MAX_BYTES;
    let bytes = is_gone.then(|| crate::policy_file::read_bounded(token, max).ok().flatten()).flatten()?;
    let parsed = treering_token::token::Token::parse(&bytes).ok()?;
    // An earlier one stands beside the one that renews it, and is judged with it.
    if parsed.is_receipt() || crate::locate::newest_of(token).is_some() {
        return None;
    }
    match crate::locate::by_log::subject(token) {
        Some(file) => file.symlink_metadata().is_err().then_some(file),
        None => Some(file),
    }
}

fn by_token(
    found: Result<PathBuf, (PathBuf, walk::WalkError)>,
    judges: &Judges,
    buffer: &mut [u8],
) -> ByToken {
    match found {
        Err((source, error)) => ByToken { source, size: 0, outcome: Some(Err(Fault::Unsearched(error))) },
        Ok(source) => beside_with(source, judges, buffer),
    }
}

/// Holds one file of a directory against the token beside it.
pub(crate) fn beside(source: &Path, judges: &Judges) -> ByToken {
    beside_with(source.to_path_buf(), judges, &mut crate::hash::buffer())
}

fn beside_with(source: PathBuf, judges: &Judges, buffer: &mut [u8]) -> ByToken {
    let token = crate::locate::token_of(&source);
    if token.symlink_metadata().is_err() {
        return match gone(&source) {
            Some(file) => ByToken { source: file, size: 0, outcome: Some(Err(Fault::Missing)) },
            None => ByToken { source, size: 0, outcome: None },
        };
    }
    // As for a single file: a link that has a token is what it leads to.
    let file = if source.is_symlink() { source.canonicalize() } else { Ok(source.clone()) };
    let outcome = match file {
        Ok(file) => beside::judge(&file, &token, judges, buffer),
        Err(error) => Err(HashError::from(error).into()),
    };
    let size = outcome.as_ref().map_or(0, |(size, _)| *size);
    ByToken { source, size, outcome: Some(outcome.map(|(_, verified)| verified)) }
}

/// For messages.
fn look_failed(path: &Path, error: io::Error) -> VerifyFailure {
    VerifyFailure::Look { path: paths::shown(path), error }
}
