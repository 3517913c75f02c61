//! What there is before a run begins: what an interrupted run left, which gets its receipts, and the bundle that is brought up
//! to date.

use super::{
    Event, StampError, Target,
    deliver::deliver,
    earlier::{self, Earlier},
    index::Index,
    place::Place,
    plan::settled_output,
    run::append,
    submit::{Log, judge},
};
use crate::{bundle_file::Writer, journal::Journal, paths, seen};
use std::{
    fs::{self, Metadata},
    io,
    path::PathBuf,
    time::Duration,
};
use treering_tlog::{hash::Hash, policy::Policy};
use treering_token::{bundle::Item, verify::Attested};

/// What an interrupted run left: it ends there, and its receipts, which are waited for as long as `wait` says, come behind it.
/// An error inside is one that may pass.
pub(super) fn left(
    log: &Log,
    wait: Duration,
    place: &mut Place,
    index: &mut Index,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<Result<Earlier, StampError>, StampError> {
    if !place.is_begun() {
        return Ok(Ok(Earlier::default()));
    }
    let run_id = place.earlier.as_ref().and_then(|description| description.run);
    let begun = earlier::partial(place.partial.path(), run_id, log.policy(), index)?;
    place.partial.cut(begun.end).map_err(StampError::Write)?;
    let mut left = begun.earlier;
    observe(Event::Resumed { records: index.len() });
    let Some(run) = left.runs.last_mut() else { return Ok(Ok(left)) };
    let mut writer =
        Writer::new(place.partial.file().map_err(StampError::Write)?, false).map_err(StampError::Write)?;
    if let Some(records) = begun.mark {
        writer.write(&Item::Mark(records)).map_err(StampError::Write)?;
        writer.settle().map_err(StampError::Write)?;
    }
    let mut journal = match run_id {
        Some(run_id) => Journal::go_on(&run_id)?,
        None => None,
    };
    // Each submission was told before the next one began: only the last can be missing.
    if let (Some((journal, told)), Some(last)) = (&mut journal, run.submissions.last())
        && *told < run.submissions.len()
    {
        begun.last.owns.iter().try_for_each(|(place, own)| journal.own(*place, own))?;
        journal.submission(&last.root, &begun.last.tags, &begun.last.commitments)?;
    }
    let missing: Vec<Hash> = run.roots[run.receipts..].to_vec();
    if !missing.is_empty() {
        observe(Event::Waiting);
        let receipts = match deliver(log, place.partial.path(), &missing, wait) {
            Ok(receipts) => receipts,
            Err(away) if away.may_pass() => return Ok(Err(away)),
            Err(error) => return Err(error),
        };
        let after = run.after.as_deref();
        let journal = journal.as_mut().map(|(journal, _)| journal);
        let more = append(log.policy(), &missing, receipts, after, &mut writer, journal, observe)?;
        run.receipts = run.roots.len();
        left.receipts.extend(more);
    }
    writer.finish().map_err(StampError::Write)?;
    if let Some((journal, _)) = &mut journal {
        journal.finished(run.submissions.iter().map(|submission| u64::from(submission.records)).sum())?;
    }
    if let (Some(run_id), Some(first)) = (run_id, run.submissions.first()) {
        seen::settle(&run_id, &first.root).map_err(StampError::Write)?;
    }
    Ok(Ok(left))
}

/// The bundle that is brought up to date.
#[derive(Debug, Default)]
pub(super) struct Base {
    pub(super) earlier: Earlier,
    pub(super) path: Option<PathBuf>,
    /// Is it the output as well?
    pub(super) is_output: bool,
    before: Option<Metadata>,
}

impl Base {
    /// Reads it into the index, if there is to be one.
    pub(super) fn read(
        target: &Target,
        policy: &Policy,
        index: &mut Index,
        observe: &mut dyn FnMut(Event<'_>),
    ) -> Result<Base, StampError> {
        let Some(path) = &target.since else { return Ok(Base::default()) };
        let is_output = match &target.bundle {
            Some(output) => settled_output(output)? == settled_output(path)?,
            None => false,
        };
        let before = match fs::metadata(path) {
            Ok(metadata) => metadata,
            // A log may be a new one among several.
            Err(error) if error.kind() == io::ErrorKind::NotFound && (is_output || target.log.is_some()) => {
                observe(Event::First { path });
                return Ok(Base { is_output: false, ..Base::default() });
            }
            Err(_) => {
                let reason = "there is no such bundle; to begin with, stamp without --since";
                return Err(StampError::Since { path: paths::shown(path), reason });
            }
        };
        let earlier = earlier::bundle(path, policy, index)?;
        if let Some(attested) = latest(&earlier, policy) {
            observe(Event::Taken { attested: &attested });
        }
        Ok(Base { earlier, path: Some(path.clone()), is_output, before: Some(before) })
    }

    /// It is read twice.
    pub(super) fn is_unchanged(&self) -> Result<(), StampError> {
        let (Some(path), Some(before)) = (&self.path, &self.before) else { return Ok(()) };
        let now = fs::metadata(path).map_err(StampError::Write)?;
        if now.len() == before.len() && now.modified().ok() == before.modified().ok() {
            return Ok(());
        }
        let reason = "it was changed meanwhile, by somebody else: nothing was replaced; try again";
        Err(StampError::Since { path: paths::shown(path), reason })
    }
}

/// The latest upper bound of what is taken over: it holds for all of it.
fn latest(earlier: &Earlier, policy: &Policy) -> Option<Attested> {
    let attested =
        earlier.receipts.iter().filter_map(|(root, receipt)| judge(policy, &root.0, receipt, None).ok());
    attested.max_by_key(|attested| attested.before())
}
