//! One log's way through the work on a target: what there is of it already, its run, and at the end its bundle, or tokens.
//! Several logs have a lane each, which share nothing but what the cores find out: what becomes of one is no other's matter.

use super::{
    Event, StampError, Stamped, Target, Wish, assemble,
    earlier::Earlier,
    index::{Fate, Index},
    pipeline::{Bench, Part, Side, Thing},
    place::Place,
    run::{Frame, Run, header},
    seen_no_more::SeenNoMore,
    settle::{self, Base},
    submit::Log,
    tokens,
};
use crate::{
    bundle_file::Writer,
    keys, places,
    seen::{self, Entry},
    tag::Key,
};
use std::{collections::HashMap, path::PathBuf, sync::atomic::Ordering, time::Duration};
use treering_token::{
    bundle::{Blinding, Opener, Record, RunHeader},
    commitment::Commitment,
    digest::HashId,
    token::Token,
};

/// The most commitments that go into one submission: 32 MB.
const MAX_SUBMISSION: u64 = 1_000_000;
/// With tokens for all files: so much of a submission is held in memory while they are cut. Also what goes into one when the
/// log can't be asked what it takes.
const MAX_WITH_TOKENS: u64 = 65_536;

/// What there is before the first file is looked at.
pub(super) struct Ground<'a> {
    log: &'a Log,
    wish: &'a Wish,
    pub(super) target: Target,
    pub(super) opener: Opener,
    pub(super) index: Index,
    run_id: [u8; 16],
    /// The most records of a submission.
    limit: u64,
    /// What an interrupted run left, and what is to be brought up to date.
    left: Earlier,
    base: Base,
    of_partial: u32,
}

/// Why there is nothing to be done with files yet.
pub(super) enum NotYet {
    Failed(StampError),
    /// What was hashed before has to wait for its receipts; files that are new have to wait for those.
    Waiting(Box<Stamped>),
}

impl From<StampError> for NotYet {
    fn from(error: StampError) -> NotYet {
        NotYet::Failed(error)
    }
}

impl<'a> Ground<'a> {
    /// `patience`: how long receipts of what an interrupted run left are waited for.
    pub(super) fn begin(
        log: &'a Log,
        wish: &'a Wish,
        target: Target,
        place: &mut Place,
        patience: Duration,
        observe: &mut dyn FnMut(Event<'_>),
    ) -> Result<Ground<'a>, NotYet> {
        let mut index = Index::default();
        // What was hashed before comes first: its receipts stand before another run.
        let left = match settle::left(log, patience, place, &mut index, observe)? {
            Ok(left) => left,
            Err(away) => {
                let stamped = Stamped { records: index.len(), waiting: Some(away), ..Stamped::default() };
                return Err(NotYet::Waiting(Box::new(stamped)));
            }
        };
        let of_partial = index.records();
        // The lower bound is fetched before the first file is hashed: it could not be known earlier.
        let (limit, after) = ask(log, wish, &target, observe)?;
        let base = Base::read(&target, log.policy(), &mut index, observe)?;
        index.sort(of_partial);
        let (header_of_run, run_id) = run_header(wish, after, observe)?;
        let opener = Opener::new(header_of_run).map_err(StampError::Claim)?;
        place.describe(wish, &run_id)?;
        Ok(Ground { log, wish, target, opener, index, run_id, limit, left, base, of_partial })
    }

    /// What the cores need of it.
    pub(super) fn side(&self) -> Side<'_> {
        let Ground { target, opener, index, .. } = self;
        Side { target, opener, index, lost: Default::default(), is_over: Default::default() }
    }
}

/// A log that is stamped with.
pub(super) struct Lane<'a> {
    /// Which of the logs.
    pub(super) number: usize,
    /// Its place among the sides of the bench.
    pub(super) at: usize,
    ground: &'a Ground<'a>,
    pub(super) place: Place,
    ids: &'a [HashId],
    fate: Fate,
    /// From its first record on.
    run: Option<Run<'a>>,
    pub(super) stamped: Stamped,
}

impl<'a> Lane<'a> {
    pub(super) fn new(
        (number, at): (usize, usize),
        ground: &'a Ground<'a>,
        place: Place,
        ids: &'a [HashId],
    ) -> Lane<'a> {
        let (fate, stamped) = (Fate::of(&ground.index), Stamped::default());
        Lane { number, at, ground, place, ids, fate, run: None, stamped }
    }

    /// Has the user interrupted us?
    pub(super) fn check(&self) -> Result<(), StampError> {
        self.ground.log.check()
    }

    /// Something of this path is there, and can't be read: what was stamped of it is not given up for that.
    pub(super) fn keep_unread(&mut self, key: Key) {
        self.fate.keep_unread(self.ground.index.find(key));
    }

    /// Takes its part of the next file or link, in the order of the walk.
    pub(super) fn take(
        &mut self,
        thing: &Thing,
        part: Part,
        (bench, side): (&Bench<'_>, &Side<'_>),
        observe: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), StampError> {
        let known = self.ground.index.find(thing.key);
        let entry = thing.digests.as_ref().map(|digests| Entry::new(thing.key, digests, thing.stamp));
        let is_read = thing.size.is_some() && thing.digests.is_some();
        match (part, &thing.digests, entry) {
            (Part::Kept { number }, _, entry) => {
                side.lost.fetch_add(1, Ordering::Relaxed);
                self.stamped.kept += 1;
                self.fate.keep(number, known);
                if let Some(entry) = entry.filter(|_| is_read) {
                    self.refresh(number, &entry);
                }
            }
            (Part::Record { own, guess, changed }, Some(digests), Some(seen)) => {
                if changed {
                    self.stamped.changed += 1;
                    self.fate.replace(known);
                } else {
                    self.stamped.new += 1;
                }
                let run = match &mut self.run {
                    Some(run) => run,
                    none => none.insert(Run::begin(self.ground.frame(self.ids), &self.place.partial)?),
                };
                let (commitment, own) = bench.settle(side, guess, run.len(), digests, own)?;
                let Thing { kind, path, size, .. } = thing;
                let (path, digests) = (path.clone(), digests.clone());
                let record = Record::Path { kind: *kind, path, size: *size, digests, own };
                run.push(record, commitment, &seen, observe)?;
            }
            (Part::HasToken | Part::Over | Part::Record { .. }, ..) => {
                side.lost.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
        }
        self.stamped.hashed += u64::from(is_read);
        self.stamped.records += 1;
        self.stamped.bytes += thing.size.unwrap_or(0);
        Ok(())
    }

    /// Next time, this record's file needn't be hashed. What can't be noted is hashed again.
    fn refresh(&self, number: u32, entry: &Entry) {
        let Ground { left, base, .. } = self.ground;
        let run = base.earlier.run_of(number).or_else(|| left.run_of(number));
        if let Some((run, name)) = run.and_then(|run| Some((run, run.name()?))) {
            let _ = seen::refresh(name, u64::from(number - run.first), entry);
        }
    }

    /// Everything was met, or not everything could be searched: what is gone is known.
    pub(super) fn end(
        &mut self,
        unsearched: bool,
        observe: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), StampError> {
        let index = &self.ground.index;
        if unsearched || self.ground.target.incomplete {
            self.stamped.unmet = self.fate.keep_unmet(index);
            self.stamped.kept += self.stamped.unmet;
            self.stamped.records += self.stamped.unmet;
        }
        self.stamped.gone = self.fate.gone(index);
        if self.stamped.records == 0 {
            return Err(StampError::Nothing);
        }
        self.run.as_mut().map_or(Ok(()), |run| run.end(observe))
    }

    /// Has the log answered, so that nobody waits for this lane?
    pub(super) fn is_answered(&mut self) -> bool {
        self.run.as_mut().is_none_or(Run::is_answered)
    }

    /// Would its end ask a log again that wasn't there?
    pub(super) fn is_away(&self) -> bool {
        self.run.as_ref().is_some_and(Run::is_away)
    }

    /// Waits for its receipts, and puts its evidence in its place.
    pub(super) fn finish(mut self, observe: &mut dyn FnMut(Event<'_>)) -> Result<Stamped, StampError> {
        match self.whole(observe) {
            Ok(Ended::Whole { receipts, assembled, write, forgotten }) => {
                let (target, wish, mut stamped) = (&self.ground.target, self.ground.wish, self.stamped);
                if target.tokens {
                    let bundle = assembled.as_deref().unwrap_or(self.place.partial.path());
                    stamped.tokens = tokens::write(bundle, &receipts, target, wish, observe)?;
                }
                if write {
                    let forgotten = forgotten.beside(target, wish);
                    self.place.finish(assembled.as_deref(), &self.ground.base, wish.force)?;
                    match &target.bundle {
                        Some(path) => {
                            forgotten.forget();
                            observe(Event::Wrote { path });
                        }
                        // No bundle leads there any more.
                        None => receipts.keys().for_each(|root| seen::forget(&root.0)),
                    }
                } else {
                    self.place.forget()?;
                }
                Ok(stamped)
            }
            Ok(Ended::Waiting(away)) => Ok(Stamped { waiting: Some(away), ..self.stamped }),
            Err(error) => Err(self.fail(error, observe)),
        }
    }

    /// Ends before its work is done. What it has done is kept, if that is anything.
    pub(super) fn fail(self, error: StampError, observe: &mut dyn FnMut(Event<'_>)) -> StampError {
        drop(self.run);
        fail(self.place, &self.ground.target, error, observe)
    }

    fn whole(&mut self, observe: &mut dyn FnMut(Event<'_>)) -> Result<Ended, StampError> {
        let Ground { log, wish, target, index, left, base, of_partial, .. } = self.ground;
        let mut receipts = left.receipts.clone();
        let fate = &self.fate;
        let mut forgotten = SeenNoMore::default();
        forgotten.compare(left, fate);
        if base.is_output {
            forgotten.compare(&base.earlier, fate);
        }
        let is_new = self.run.is_some();
        if let Some(run) = self.run.take() {
            match run.finish(observe)? {
                Ok(more) => {
                    forgotten.keep(more.keys());
                    receipts.extend(more);
                }
                Err(away) => return Ok(Ended::Waiting(away)),
            }
        }
        // Nothing is new, and nothing of what there is has to go.
        if !is_new && left.runs.is_empty() && base.is_output && !fate.any_stale(index, 0..index.records()) {
            return Ok(Ended::Whole { receipts, assembled: None, write: false, forgotten });
        }
        let compress = wish.zstd && target.bundle.is_some();
        let is_enough = !compress && base.earlier.runs.is_empty() && !fate.any_stale(index, 0..*of_partial);
        if is_enough {
            return Ok(Ended::Whole { receipts, assembled: None, write: true, forgotten });
        }
        let to = self.place.assembled();
        // CRASH: what an earlier try left there was never whole. A bundle holds the salts of all its files.
        let _ = std::fs::remove_file(&to);
        let file = places::private_file().open(&to).map_err(StampError::Write)?;
        let mut writer = Writer::new(file, compress).map_err(StampError::Write)?;
        writer.write(&header(log.policy())).map_err(StampError::Write)?;
        if self.place.is_begun() {
            assemble::copy(self.place.partial.path(), left, fate, &mut writer)?;
        }
        if let Some(path) = &base.path {
            base.is_unchanged()?;
            assemble::copy(path, &base.earlier, fate, &mut writer)?;
        }
        writer.finish().map_err(StampError::Write)?;
        Ok(Ended::Whole { receipts, assembled: Some(to), write: true, forgotten })
    }
}

/// How a lane ends.
enum Ended {
    Whole {
        /// Of all its runs.
        receipts: HashMap<Commitment, Token>,
        /// Where the bundle is, if it isn't the partial one.
        assembled: Option<PathBuf>,
        /// False if the output is right as it is.
        write: bool,
        /// What the output no longer leads to.
        forgotten: SeenNoMore,
    },
    /// For its receipts.
    Waiting(StampError),
}

/// This call ends before its work is done: what there is of it is kept, and said, or cleared away.
pub(super) fn fail(
    place: Place,
    target: &Target,
    error: StampError,
    observe: &mut dyn FnMut(Event<'_>),
) -> StampError {
    if place.is_begun() {
        observe(Event::Unfinished { target });
    } else {
        // Whatever this says, the first error is the news.
        let _ = place.forget();
    }
    error
}

impl<'a> Ground<'a> {
    fn frame(&'a self, ids: &'a [HashId]) -> Frame<'a> {
        let Ground { log, wish, target, opener, run_id, limit, .. } = self;
        Frame { log, wish, target, opener, kept_as: Some(*run_id), ids, limit: *limit }
    }
}

/// What the log takes in one submission, and the lower bound. The checkpoint is fetched in any case: a wrong log or policy
/// is told before the work, not after it.
fn ask(
    log: &Log,
    wish: &Wish,
    target: &Target,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<(u64, Option<Vec<u8>>), StampError> {
    let most = if target.tokens { MAX_WITH_TOKENS } else { MAX_SUBMISSION };
    let wanted = wish.after && !wish.plain;
    let answer = log.max_hashes().and_then(|max| Ok((max, log.after()?)));
    match answer {
        Ok((max, after)) => {
            let limit = max.map_or(most, |limit| limit.clamp(1, most));
            Ok((limit, after.kept(wanted)?))
        }
        Err(away) if away.may_pass() => {
            observe(Event::Away { error: &away, bound_lost: wanted });
            Ok((MAX_WITH_TOKENS, None))
        }
        Err(error) => Err(error),
    }
}

/// What the records of a new run have in common.
fn run_header(
    wish: &Wish,
    after: Option<Vec<u8>>,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<(RunHeader, [u8; 16]), StampError> {
    let run_id = keys::run_id()?;
    if wish.plain {
        return Ok((RunHeader::new(Blinding::Plain), run_id));
    }
    let (master, made) = keys::master()?;
    if let Some(path) = &made {
        observe(Event::KeyMade(path));
    }
    let header = RunHeader {
        holder: wish.holder.clone(),
        agent: wish.agent.clone(),
        title: wish.title.clone(),
        after,
        key: wish.signer.as_ref().map(|signer| signer.public().clone()),
        ..RunHeader::new(Blinding::Secret(master.run_secret(&run_id)))
    };
    Ok((header, run_id))
}
