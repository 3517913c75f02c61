//! A lost bundle made again: from the master key (the salts), the journal (what was said, and the submissions' roots and
//! commitments), the files (their digests) and the log, or a mirror of it (the receipts).
//!
//! ```text
//! files ─▶ walked, hashed ─┐
//! journal ─▶ runs ─────────┴▶ which file is the record at each place? ─▶ commitments ─▶ the journal's roots? ─▶ receipts, verified
//! ```
//! A record whose file is gone or was changed becomes a bare one: its commitment is in the journal. Memory: what is known of
//! each file, some 200 bytes, and 40 bytes a record of one run.

use super::{RebuildError, Where};
use crate::{
    clock, hash,
    http::{Answer, Client, ClientError},
    journal::{JournalError, Past, read_records},
    ordered, paths,
    rewrite::{How, RewriteError, Target, Written},
    tag::{Key, Tag},
    walk::{Found, Root, Rules, Walk},
};
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    io,
    path::{Path, PathBuf},
};
use tokio::runtime::Runtime;
use treering_tlog::{hash::Hash, policy::Policy};
use treering_token::{
    bundle::{BundleError, Item, Kind, Opener, Record, RelativePath, Step},
    commitment::Commitment,
    digest::{Digests, HashId},
    salt::MasterKey,
    token::Token,
    verify::{Verifier, VerifyError},
};

/// Why there is no bundle again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BundleAgainError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(
        "the run {run} was blinded, and there is no master key, without which its salts can't be computed: treering key import \
         takes the copy that you kept"
    )]
    NoKey { run: String },
    #[error("the commitments of the run {run} can't be read ({path}): {error}")]
    Records { run: String, path: String, error: io::Error },
    #[error(
        "the run {run} can't be made again: its journal keeps no commitments, so every file has to be as it was, and {found} \
         files were found where it had {records} records. Put back what was added, removed or changed since"
    )]
    OtherFiles { run: String, found: u64, records: u64 },
    #[error(
        "the run {run} can't be made again: what was found gives another root than the submission {root} had. Are they the files \
         as they were, in the same places, and is it the right master key?"
    )]
    OtherRoot { run: String, root: Hash },
    #[error(
        "none of the files is as it was in any of the runs: are they the right files, and is it the right master key?"
    )]
    NothingMatches,
    #[error("the run {run}: {error}")]
    Claim { run: String, error: BundleError },
    #[error("the receipt of the submission {root}: {error}")]
    Receipt { root: Hash, error: Box<RebuildError> },
    #[error("the receipt that was given for the submission {root} is refused: {error}")]
    Refused { root: Hash, error: Box<VerifyError> },
    #[error(transparent)]
    Write(#[from] RewriteError),
}

impl BundleAgainError {
    /// Does it show that something is wrong, rather than out of reach?
    pub(crate) fn is_wrong(&self) -> bool {
        match self {
            BundleAgainError::Receipt { error, .. } => error.is_wrong(),
            BundleAgainError::Refused { error, .. } => !matches!(**error, VerifyError::QuorumNotMet { .. }),
            _ => false,
        }
    }
}

/// Where receipts come from.
pub(crate) struct Source<'a> {
    pub(crate) client: &'a Client,
    pub(crate) runtime: &'a Runtime,
    pub(crate) policy: &'a Policy,
}

/// What happens on the way.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// A file was hashed.
    Hashed { size: u64 },
    /// A file or directory that can't be read.
    Failed { source: &'a Path, error: String },
    /// A run of which no file is left as it was, or which a later one covers, is left out.
    LeftOut { run: &'a Past },
    /// The log has nothing of a submission: the run is taken as if it had ended before that, so many records earlier.
    NotSent { run: &'a Past, root: Hash, records: u64 },
}

/// A file or link as it is now.
#[derive(Debug)]
struct Thing {
    kind: Kind,
    path: RelativePath,
    size: u64,
    digests: Digests,
}

/// Makes the bundle of these runs (the oldest first) at `to`.
pub(crate) fn bundle(
    runs: &[Past],
    master: Option<&MasterKey>,
    roots: Vec<Root>,
    source: &Source<'_>,
    to: &Path,
    how: How,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<Written, BundleAgainError> {
    let things = things(runs, roots, to, observe);
    let mut by_tag = HashMap::<Tag, Vec<usize>>::with_capacity(things.len());
    for (at, thing) in things.iter().enumerate() {
        by_tag.entry(Key::of(thing.kind, &thing.path).tag(&thing.digests)).or_default().push(at);
    }
    // What a later run covers an earlier one needn't: a bundle brought up to date has one record a file.
    let (mut covered, mut plans) = (HashSet::new(), Vec::new());
    for run in runs.iter().rev() {
        let (mut run, mut plan) = (Cow::Borrowed(run), plan(run, master, &things, &by_tag, &covered)?);
        // Where nothing is needed of a run, nobody is asked what became of it.
        if plan.is_needed()
            && let Some((at, root)) = unsent(&run, source)
        {
            let records = run.submissions[at..].iter().map(|(_, records)| records).sum();
            observe(Event::NotSent { run: &run, root, records });
            run.to_mut().submissions.truncate(at);
            plan.records.truncate(usize::try_from(run.records()).unwrap_or(usize::MAX));
        }
        if !plan.is_needed() {
            observe(Event::LeftOut { run: &run });
            continue;
        }
        covered.extend(plan.records.iter().filter_map(|record| match record {
            Planned::Of(at) => Some(*at),
            Planned::Bare(_) => None,
        }));
        plans.push((run, plan));
    }
    if plans.is_empty() {
        return Err(BundleAgainError::NothingMatches);
    }
    plans.reverse();
    let mut target = Target::begin(to, how, source.policy.as_bytes().to_vec())?;
    for (run, plan) in &plans {
        write(run, plan, &things, source, &mut target)?;
    }
    Ok(target.finish()?)
}

/// The first submission whose receipt never came and that the log doesn't have: the run was interrupted before it was sent.
/// Several are on their way at once, so one behind it may have come; its records' places, and with them their salts, count from the
/// run's beginning, and so it goes with it. What else keeps a receipt away is told when it is needed.
fn unsent(run: &Past, source: &Source<'_>) -> Option<(usize, Hash)> {
    let no_receipt = |(_, root): &(usize, Hash)| !run.entries.contains_key(root);
    let is_unknown = |(_, root): &(usize, Hash)| match receipt(run, source, root) {
        Err(BundleAgainError::Receipt { error, .. }) => matches!(*error, RebuildError::NotFound { .. }),
        _ => false,
    };
    let roots = run.submissions.iter().map(|(root, _)| *root).enumerate();
    roots.filter(no_receipt).find(is_unknown)
}

/// All files and links, hashed by every algorithm that a run used.
fn things(runs: &[Past], roots: Vec<Root>, to: &Path, observe: &mut dyn FnMut(Event<'_>)) -> Vec<Thing> {
    let ids = hash::ids(runs.iter().flat_map(|run| run.digests.iter().copied()));
    let rules = Rules { skip: paths::settled(to).into_iter().collect(), links: true, ..Rules::default() };
    let mut things = Vec::new();
    let outcome: Result<(), std::convert::Infallible> = ordered::map(
        ordered::workers(),
        Walk::new(roots, rules),
        hash::buffer,
        |buffer, found| look(found, &ids, buffer),
        |looked| {
            match looked {
                Some(Ok(thing)) => {
                    observe(Event::Hashed { size: thing.size });
                    things.push(thing);
                }
                Some(Err((source, error))) => observe(Event::Failed { source: &source, error }),
                None => {}
            }
            Ok(())
        },
    );
    outcome.unwrap_or_else(|never| match never {});
    things
}

fn look(found: Found, ids: &[HashId], buffer: &mut [u8]) -> Option<Result<Thing, (PathBuf, String)>> {
    let (kind, path, source, digested) = match found {
        Found::LeftOut { .. } => return None,
        Found::Failed { source, error } => return Some(Err((source, error.to_string()))),
        Found::Link { path, source } => (Kind::Link, path, source.clone(), hash::link(&source, ids)),
        Found::File { path, source } => (Kind::File, path, source.clone(), hash::file(&source, ids, buffer)),
    };
    Some(match digested {
        Ok((size, digests)) => Ok(Thing { kind, path, size, digests }),
        Err(error) => Err((source, error.to_string())),
    })
}

/// What stands at each place of a run.
struct Plan {
    opener: Opener,
    records: Vec<Planned>,
}

impl Plan {
    /// Is there a file in it?
    fn is_needed(&self) -> bool {
        self.records.iter().any(|record| matches!(record, Planned::Of(_)))
    }
}

#[derive(Clone, Copy)]
enum Planned {
    /// The file of this number.
    Of(usize),
    Bare(Commitment),
}

fn plan(
    run: &Past,
    master: Option<&MasterKey>,
    things: &[Thing],
    by_tag: &HashMap<Tag, Vec<usize>>,
    covered: &HashSet<usize>,
) -> Result<Plan, BundleAgainError> {
    let name = || run.name.clone();
    let claim = |error| BundleAgainError::Claim { run: name(), error };
    let header = run.header(master).ok_or_else(|| BundleAgainError::NoKey { run: name() })?;
    let opener = Opener::new(header).map_err(claim)?;
    // CRASH: a run that was interrupted before it had a submission has left its journal, perhaps without the commitments.
    if run.submissions.is_empty() {
        return Ok(Plan { opener, records: Vec::new() });
    }
    let path = run.commitments()?;
    let kept = match read_records(&path, run.records()) {
        Ok(kept) if kept.len() as u64 == run.records() => kept,
        Ok(_) => return in_order(run, opener, things),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return in_order(run, opener, things),
        Err(error) => {
            return Err(BundleAgainError::Records { run: name(), path: paths::shown(&path), error });
        }
    };
    let mut records = Vec::with_capacity(kept.len());
    for (place, (tag, commitment)) in (0..).zip(kept) {
        let is_it = |at: &&usize| {
            let digests = only(&things[**at].digests, &run.digests);
            opener.commitment(place, &digests, &run.own(place)).is_ok_and(|found| found == commitment)
        };
        let found = by_tag.get(&tag).and_then(|at| at.iter().find(is_it));
        records.push(match found {
            Some(at) if !covered.contains(at) => Planned::Of(*at),
            _ => Planned::Bare(commitment),
        });
    }
    Ok(Plan { opener, records })
}

/// Without commitments: the files, as they are met, are the records.
fn in_order(run: &Past, opener: Opener, things: &[Thing]) -> Result<Plan, BundleAgainError> {
    let (found, records) = (things.len() as u64, run.records());
    if found != records {
        return Err(BundleAgainError::OtherFiles { run: run.name.clone(), found, records });
    }
    Ok(Plan { opener, records: (0..things.len()).map(Planned::Of).collect() })
}

/// The digests that a run took.
fn only(digests: &Digests, ids: &[HashId]) -> Digests {
    let mut out = Digests::new(*digests.sha256());
    for (id, digest) in digests.iter().filter(|(id, _)| *id != HashId::SHA_256 && ids.contains(id)) {
        out.insert(id, digest.to_vec());
    }
    out
}

/// Writes a run: its submissions, each held against the journal's root, and their receipts.
fn write(
    run: &Past,
    plan: &Plan,
    things: &[Thing],
    source: &Source<'_>,
    target: &mut Target,
) -> Result<(), BundleAgainError> {
    target.add_item(&Item::Run(Box::new(plan.opener.run().clone())), &run.name)?;
    let (mut records, mut place) = (plan.records.iter(), 0);
    let mut order: Vec<Hash> = Vec::new();
    for (root, count) in &run.submissions {
        for planned in records.by_ref().take(usize::try_from(*count).unwrap_or(usize::MAX)) {
            target.add_item(&Item::Record(record(run, place, *planned, things)), &run.name)?;
            place += 1;
        }
        // INVARIANT: what is written leads to the receipts: a root that isn't the journal's ends it.
        match target.add_item(&Item::Mark(*count), &run.name)? {
            Step::Mark { root: Commitment(found), .. } if found == *root => {}
            _ => return Err(BundleAgainError::OtherRoot { run: run.name.clone(), root: *root }),
        }
        if !order.contains(root) {
            order.push(*root);
        }
    }
    for root in order {
        let receipt = receipt(run, source, &root)?;
        target.add_item(&Item::Receipt(Box::new(receipt)), &run.name)?;
    }
    Ok(())
}

fn record(run: &Past, place: u64, planned: Planned, things: &[Thing]) -> Record {
    match planned {
        Planned::Bare(commitment) => Record::Bare(commitment),
        Planned::Of(at) => {
            let Thing { kind, path, size, digests } = &things[at];
            Record::Path {
                kind: *kind,
                path: path.clone(),
                size: Some(*size),
                digests: only(digests, &run.digests),
                own: run.own(place),
            }
        }
    }
}

/// From the log's list of receipts, if it has one; else out of its, or a mirror's, batches and tiles.
fn receipt(run: &Past, source: &Source<'_>, root: &Hash) -> Result<Token, BundleAgainError> {
    let Source { client, runtime, policy } = source;
    let failed = |error| BundleAgainError::Receipt { root: *root, error: Box::new(error) };
    let verifier = Verifier { policy, now: clock::now() };
    match runtime.block_on(client.receipt(root, None)) {
        Ok(Answer::Ready(receipt)) => match verifier.receipt(&receipt, &Commitment(*root)) {
            Ok(_) => return Ok(*receipt),
            // Batches and tiles may lead to a later checkpoint, with more witnesses.
            Err(VerifyError::QuorumNotMet { .. }) => {}
            Err(error) => return Err(BundleAgainError::Refused { root: *root, error: Box::new(error) }),
        },
        Ok(Answer::Pending { .. }) | Err(ClientError::Unknown { .. } | ClientError::Gone { .. }) => {}
        // A mirror has no such path, and says so in one way or another.
        Err(ClientError::Refused { status: 400..=499, .. }) => {}
        Err(error) => return Err(failed(error.into())),
    }
    let place = run.entries.get(root).map_or(Where::Anywhere, |entry| Where::Entry(*entry));
    let made = runtime.block_on(super::receipt(client, policy, root, place));
    made.map_err(failed)
}
