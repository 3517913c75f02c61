//! Stamping: from files to a bundle, or to tokens beside them.
//!
//! Programs that stamp in their own flow take [`Stamper`]: digests or files in, verified [`Evidence`] out; or whole trees in,
//! and a bundle out. What follows is the
//! way of the `treering` command.
//!
//! ```text
//! walk ─▶ known already? ─▶ hash (all cores) ─▶ claim, commitment ─▶ partial bundle
//!              ▲                                       └─▶ submissions ─▶ log ─▶ receipts, verified ─▶ whole ─▶ its name
//!   what a killed run left, a bundle to bring up to date: verified, and indexed by path
//! ```
//! A stream from end to end: in memory are what the cores work on, at most three submissions (32 bytes a record), the
//! receipts, and 60 bytes for each record that is known already (each for every log, where there are several). Nothing gets
//! its name before every receipt has been verified
//! under the user's own policy. A process may end at any moment: what it leaves is the beginning of a bundle, and whoever goes
//! on ends that run, takes over what holds, and begins another for the rest.

mod assemble;
mod bound;
mod claims;
mod count;
mod deliver;
mod earlier;
mod error;
mod index;
mod lane;
mod pipeline;
mod place;
mod plan;
mod run;
mod seen_no_more;
mod settle;
mod source;
mod stream;
mod submit;
mod tokens;
mod whole;

pub(crate) use bound::{lower_bound, origin};
pub(crate) use claims::{Claims, ClaimsError};
pub(crate) use error::StampError;
pub(crate) use plan::{Plan, Target, plan, roots};
pub(crate) use stream::stream;
pub(crate) use submit::{Log, judge, settle};
pub(crate) use whole::{Observe, Outcome};

pub use crate::library::{
    Error, Evidence,
    stamp::{Run, Stamper},
    tree::{Bundled, Passed},
};

use crate::{
    hash::HashError,
    job::{Call, Job},
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
#[derive(Clone, Debug, Default)]
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
    /// Is every file to be hashed, whatever was seen of it?
    pub(crate) checksum: bool,
    /// Does somebody look at how far it is?
    pub(crate) is_watched: bool,
    /// Is an unfinished run to be forgotten?
    pub(crate) restart: bool,
    /// Is an unfinished run to be gone on with?
    pub(crate) goes_on: bool,
    /// By what this can be called again.
    pub(crate) call: Call,
}

impl Wish {
    /// May something be there where the target's bundle will be? What is brought up to date may: it is read, and nothing of it
    /// is lost that still holds.
    fn replaces(&self, target: &Target) -> bool {
        self.force || target.since.as_deref().is_some_and(|since| target.is_output(since))
    }
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
    /// An earlier record of it still holds.
    Kept {
        kind: Kind,
        path: &'a RelativePath,
        size: u64,
    },
    /// An interrupted run left so many records.
    Resumed {
        records: u64,
    },
    /// The bundle that is to be brought up to date isn't there yet.
    First {
        path: &'a Path,
    },
    /// That bundle's receipts hold; the latest of them says this.
    Taken {
        attested: &'a Attested,
    },
    /// The log doesn't answer before the run begins; perhaps there is no lower bound for that.
    Away {
        error: &'a StampError,
        bound_lost: bool,
    },
    /// This call ends before its work is done, and what it has done is kept.
    Unfinished {
        target: &'a Target,
    },
    /// So many files and links are left of this target, as far as is known.
    Left {
        files: u64,
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
#[derive(Debug, Default)]
pub(crate) struct Stamped {
    /// Files and links that are covered now: those that are new, changed or kept.
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    pub(crate) new: u64,
    /// Known before, with other contents.
    pub(crate) changed: u64,
    /// Known before, with these contents: by an interrupted run, or in a bundle that was brought up to date.
    pub(crate) kept: u64,
    /// Those of them that are kept although they were not met: something could not be searched.
    pub(crate) unmet: u64,
    /// Known before, and there no longer.
    pub(crate) gone: u64,
    /// Files and links that were read in this call.
    pub(crate) hashed: u64,
    /// Tokens written.
    pub(crate) tokens: u64,
    /// Why receipts have to wait, if they have to.
    pub(crate) waiting: Option<StampError>,
}

impl Stamped {
    /// Counts another target's, with the same log, in.
    pub(crate) fn add(&mut self, other: Stamped) {
        self.records += other.records;
        self.bytes += other.bytes;
        self.new += other.new;
        self.changed += other.changed;
        self.kept += other.kept;
        self.unmet += other.unmet;
        self.gone += other.gone;
        self.hashed += other.hashed;
        self.tokens += other.tokens;
        self.waiting = self.waiting.take().or(other.waiting);
    }
}

/// Stamps one target with each of these logs: its files are read once, and each log has a target of its own, which differs in
/// the names of its evidence ([`Target::by_log`]). What it came to with each; what concerns one file is an [`Event::Failed`]
/// instead.
///
/// # Errors
/// What ends the work with all of them.
pub(crate) fn stamp(
    logs: &[(&Log, Target)],
    wish: &Wish,
    observe: &mut Observe<'_>,
) -> Result<Vec<Outcome>, StampError> {
    whole::stamp(logs, wish, observe)
}

/// By what an unfinished run of this target is gone on with.
///
/// # Errors
/// A path without a place.
pub(crate) fn job(target: &Target, wish: &Wish) -> Result<Job, StampError> {
    place::job(target, wish)
}

/// Refuses, before any work, a target with an unfinished run (unless the wish says what is to become of it), or one that
/// another process works on.
///
/// # Errors
/// [`StampError::Unfinished`], [`StampError::NotOurs`], [`StampError::Held`].
pub(crate) fn check_unfinished(target: &Target, wish: &Wish) -> Result<(), StampError> {
    place::check(target, wish)
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
