//! Stamping: from files to a bundle, or to tokens beside them.
//!
//! Programs that stamp in their own flow take [`Stamper`]: digests or files in, verified [`Evidence`] out. What follows is the
//! way of the `treering` command.
//!
//! ```text
//! walk ─▶ hash (all cores) ─▶ claim, commitment ─▶ bundle's temporary file
//!                                    └─▶ submissions ─▶ log ─▶ receipts, verified ─▶ bundle whole ─▶ its name
//! ```
//! A stream from end to end: in memory are what the cores work on, at most three submissions (32 bytes a record) and the
//! receipts. Nothing gets its name before every receipt has been verified under the user's own policy.

mod claims;
mod error;
mod pipeline;
mod plan;
mod run;
mod source;
mod submit;
mod tokens;

pub(crate) use claims::{Claims, ClaimsError};
pub(crate) use error::StampError;
pub(crate) use plan::{Plan, Target, plan, roots};
pub(crate) use submit::{After, Log, lower_bound, settle};

pub use crate::library::{
    Error, Evidence,
    stamp::{Run, Stamper},
};

use crate::{
    hash::HashError,
    lists::{EntryError, NameError, SumError},
    paths,
    signer::Signer,
    walk,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use treering_tlog::hash::Hash;
use treering_token::{
    bundle::{Kind, RelativePath},
    digest::{Digests, HashId},
    verify::Attested,
};

/// What is said about the files, and how.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) holder: Option<String>,
    pub(crate) agent: Option<String>,
    pub(crate) title: Option<String>,
    /// Of single files.
    pub(crate) claims: Option<Arc<Claims>>,
    pub(crate) signer: Option<Arc<Signer>>,
    pub(crate) plain: bool,
    /// With a lower bound?
    pub(crate) after: bool,
    /// Digests beside SHA-256.
    pub(crate) digests: Vec<HashId>,
    /// What is left out, and whether links are followed; what the run adds to it is its own.
    pub(crate) rules: walk::Rules,
    pub(crate) zstd: bool,
    pub(crate) force: bool,
    /// How long receipts are waited for.
    pub(crate) wait: Duration,
}

/// What happens while stamping, in order.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// The master key was made: worth a copy somewhere safe.
    KeyMade(&'a Path),
    Hashed {
        kind: Kind,
        path: &'a RelativePath,
        /// `None` if only its digests were given.
        size: Option<u64>,
        digests: &'a Digests,
    },
    LeftOut {
        source: &'a Path,
        why: walk::LeftOut,
    },
    Failed {
        source: &'a Path,
        error: &'a Trouble,
    },
    Submitted {
        root: &'a Hash,
        records: u64,
    },
    /// All files are hashed.
    Waiting,
    Receipt {
        root: &'a Hash,
        attested: &'a Attested,
    },
    Wrote {
        path: &'a Path,
    },
}

/// Why one file wasn't stamped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error(transparent)]
    Walk(#[from] walk::WalkError),
    #[error("{0}")]
    Hash(#[from] HashError),
    #[error("there is no such file or directory")]
    NotThere,
    #[error("can't be looked at: {0}")]
    Look(std::io::Error),
    #[error(
        "it has a token already, maybe of an earlier time: rename that one to keep both, or replace it with --force"
    )]
    HasToken,
    #[error("its token could not be made: {0}")]
    Cut(treering_token::bundle::BundleError),
    #[error("{0}")]
    List(EntryError),
    #[error("{0}")]
    Sum(SumError),
    #[error("the list can't be read: {0}")]
    ListNotRead(std::io::Error),
    #[error("{error} (entry {number} of the list)")]
    Listed { number: u64, error: NameError },
    #[error(
        "a directory on its way ({0}) is a symbolic link: list it by that directory's own path, or follow links with --follow"
    )]
    BehindLink(String),
    #[error(
        "in the bundle its path would be that of a file below a directory that was given as well: stamp the list on its own"
    )]
    Ambiguous,
    #[error("it has no row in the table of claims, and --claims-strict asks for one")]
    NoRow,
    #[error("the list has no {0} digest of it, which --digest asks for")]
    NoDigest(HashId),
    #[error("the list has a second digest of it, which --plain can't stamp: leave out one or the other")]
    PlainSecond,
    #[error("its token: {0}")]
    Token(#[from] crate::output::OutputError),
}

/// What a target came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamped {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    /// Tokens written.
    pub(crate) tokens: u64,
}

/// Stamps one target.
///
/// # Errors
/// Whatever keeps the whole from being stamped; what concerns one file is an [`Event::Failed`] instead.
pub(crate) fn stamp(
    log: &Log,
    wish: &Wish,
    target: &Target,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<Stamped, StampError> {
    run::stamp(log, wish, target, observe)
}

/// The path as given, without a slash at its end.
fn tidy(path: &Path) -> PathBuf {
    path.components().collect()
}

/// A root's own last name part.
fn last_part(path: &Path) -> std::io::Result<Vec<u8>> {
    let settled = if path.file_name().is_some() { path.to_path_buf() } else { path.canonicalize()? };
    Ok(settled.file_name().map_or_else(|| b"root".to_vec(), |name| paths::name_bytes(name).to_vec()))
}
