//! A target from beginning to end: what there is already, the run for what is new or changed, and one bundle, or tokens, of
//! both.

use super::{
    Event, StampError, Stamped, Target, Trouble, Wish, assemble,
    count::Counter,
    earlier::Earlier,
    index::{Fate, Index},
    pipeline::{Bench, Hashed, counted},
    place::Place,
    plan::settled_output,
    run::{Frame, Run, header},
    seen_no_more::SeenNoMore,
    settle::{self, Base},
    source::Sources,
    submit::Log,
    tokens,
};
use crate::{
    bundle_file::Writer,
    hash::{self, HashError},
    keys, ordered, places,
    seen::{self, Entry},
    walk::Rules,
};
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};
use treering_token::{
    bundle::{Blinding, Opener, Record, RunHeader},
    commitment::Commitment,
    token::Token,
};

/// The most commitments that go into one submission: 32 MB.
const MAX_SUBMISSION: u64 = 1_000_000;
/// With tokens for all files: so much of a submission is held in memory while they are cut. Also what goes into one when the
/// log can't be asked what it takes.
const MAX_WITH_TOKENS: u64 = 65_536;

/// Stamps one target.
pub(super) fn stamp(
    log: &Log,
    wish: &Wish,
    target: &Target,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<Stamped, StampError> {
    let mut place = Place::begin(target, wish)?;
    let target = &place.target(target, wish)?;
    let work = Work { log, wish, target };
    match work.all(&mut place, observe) {
        Ok(Ended::Whole { stamped, receipts, assembled, write, forgotten }) => {
            let mut stamped = stamped;
            if target.tokens {
                let bundle = assembled.as_deref().unwrap_or(place.partial.path());
                stamped.tokens = tokens::write(bundle, &receipts, target, wish, observe)?;
            }
            if write {
                let forgotten = forgotten.beside(target, wish);
                place.finish(assembled.as_deref(), wish.replaces(target))?;
                match &target.bundle {
                    Some(path) => {
                        forgotten.forget();
                        observe(Event::Wrote { path });
                    }
                    // No bundle leads there any more.
                    None => receipts.keys().for_each(|root| seen::forget(&root.0)),
                }
            } else {
                place.forget()?;
            }
            Ok(stamped)
        }
        Ok(Ended::Waiting(stamped)) => Ok(stamped),
        Err(error) if place.is_begun() => {
            observe(Event::Unfinished { target });
            Err(error)
        }
        Err(error) => {
            // Whatever this says, the first error is the news.
            let _ = place.forget();
            Err(error)
        }
    }
}

/// How the work on a target ends.
enum Ended {
    Whole {
        stamped: Stamped,
        /// Of all its runs.
        receipts: HashMap<Commitment, Token>,
        /// Where the bundle is, if it isn't the partial one.
        assembled: Option<PathBuf>,
        /// False if the output is right as it is.
        write: bool,
        /// What the output no longer leads to.
        forgotten: SeenNoMore,
    },
    Waiting(Stamped),
}

#[derive(Clone, Copy)]
struct Work<'a> {
    log: &'a Log,
    wish: &'a Wish,
    target: &'a Target,
}

impl Work<'_> {
    fn all(self, place: &mut Place, observe: &mut dyn FnMut(Event<'_>)) -> Result<Ended, StampError> {
        let Work { log, wish, target } = self;
        let mut index = Index::default();
        // What was hashed before comes first: its receipts stand before another run.
        let left = match settle::left(log, wish, place, &mut index, observe)? {
            Ok(left) => left,
            Err(away) => {
                let stamped = Stamped { records: index.len(), waiting: Some(away), ..Stamped::default() };
                return Ok(Ended::Waiting(stamped));
            }
        };
        let of_partial = index.records();
        // The lower bound is fetched before the first file is hashed: it could not be known earlier.
        let (limit, after) = self.ask(observe)?;
        let base = Base::read(wish, target, log.policy(), &mut index, observe)?;
        index.sort();
        let (header_of_run, run_id) = run_header(wish, after, observe)?;
        let opener = Opener::new(header_of_run).map_err(StampError::Claim)?;
        let ids = hash::ids(wish.digests.iter().copied());
        place.describe(wish, &run_id)?;
        let bench = Bench {
            target,
            opener: &opener,
            ids: &ids,
            claims: wish.claims.as_deref(),
            signer: wish.signer.as_deref(),
            force: wish.force,
            index: &index,
            checksum: wish.checksum,
            lost: AtomicU64::new(0),
        };
        let frame = Frame { log, wish, target, opener: &opener, kept_as: Some(run_id), ids: &ids, limit };
        let mut sink = Sink {
            frame,
            place,
            bench: &bench,
            earlier: [&left, &base.earlier],
            fate: Fate::of(&index),
            run: None,
            stamped: Stamped::default(),
            unsearched: false,
            counter: None,
        };
        if index.len() > 0 {
            observe(Event::Left { files: index.len() });
        }
        let mut skip = sink.place.own_files();
        skip.extend(wish.since.as_deref().map(settled_output).transpose()?);
        let rules = Rules { skip, links: target.bundle.is_some(), ..wish.rules.clone() };
        sink.counter = (wish.is_watched && target.lists.is_empty())
            .then(|| Counter::start(target.roots.clone(), rules.clone()));
        let sources = Sources::new(target, rules).map_err(StampError::Here)?;
        ordered::map(
            ordered::workers(),
            counted(sources),
            hash::buffer,
            |buffer, found| bench.look(found, buffer),
            |hashed| sink.take(hashed, observe),
        )?;
        let Sink { run, mut fate, mut stamped, unsearched, .. } = sink;
        if unsearched || target.incomplete {
            stamped.unmet = fate.keep_unmet(&index);
            stamped.kept += stamped.unmet;
            stamped.records += stamped.unmet;
        }
        stamped.gone = fate.gone(&index);
        if stamped.records == 0 {
            return Err(StampError::Nothing);
        }
        let mut receipts = left.receipts.clone();
        let mut forgotten = SeenNoMore::default();
        forgotten.compare(&left, &fate);
        if base.is_output {
            forgotten.compare(&base.earlier, &fate);
        }
        let is_new = run.is_some();
        if let Some(run) = run {
            match run.finish(observe)? {
                Ok(more) => {
                    forgotten.keep(more.keys());
                    receipts.extend(more);
                }
                Err(away) => return Ok(Ended::Waiting(Stamped { waiting: Some(away), ..stamped })),
            }
        }
        // Nothing is new, and nothing of what there is has to go.
        if !is_new && left.runs.is_empty() && base.is_output && !fate.any_stale(&index, 0..index.records()) {
            return Ok(Ended::Whole { stamped, receipts, assembled: None, write: false, forgotten });
        }
        let compress = wish.zstd && target.bundle.is_some();
        let is_enough = !compress && base.earlier.runs.is_empty() && !fate.any_stale(&index, 0..of_partial);
        let assembled = if is_enough {
            None
        } else {
            let to = place.assembled();
            // CRASH: what an earlier try left there was never whole. A bundle holds the salts of all its files.
            let _ = std::fs::remove_file(&to);
            let file = places::private_file().open(&to).map_err(StampError::Write)?;
            let mut writer = Writer::new(file, compress).map_err(StampError::Write)?;
            writer.write(&header(log.policy())).map_err(StampError::Write)?;
            if place.is_begun() {
                assemble::copy(place.partial.path(), &left, &fate, &mut writer)?;
            }
            if let Some(path) = &base.path {
                base.is_unchanged()?;
                assemble::copy(path, &base.earlier, &fate, &mut writer)?;
            }
            writer.finish().map_err(StampError::Write)?;
            Some(to)
        };
        Ok(Ended::Whole { stamped, receipts, assembled, write: true, forgotten })
    }

    /// What the log takes in one submission, and the lower bound. The checkpoint is fetched in any case: a wrong log or policy
    /// is told before the work, not after it.
    fn ask(self, observe: &mut dyn FnMut(Event<'_>)) -> Result<(u64, Option<Vec<u8>>), StampError> {
        let most = if self.target.tokens { MAX_WITH_TOKENS } else { MAX_SUBMISSION };
        let wanted = self.wish.after && !self.wish.plain;
        let answer = self.log.max_hashes().and_then(|max| Ok((max, self.log.after()?)));
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
}

/// Takes what came of each thing found, in the order of the walk.
struct Sink<'a> {
    frame: Frame<'a>,
    place: &'a mut Place,
    bench: &'a Bench<'a>,
    /// What the partial bundle has, and what the one that is brought up to date has.
    earlier: [&'a Earlier; 2],
    fate: Fate,
    /// From its first record on.
    run: Option<Run<'a>>,
    stamped: Stamped,
    /// A directory could not be searched.
    unsearched: bool,
    counter: Option<Counter>,
}

impl Sink<'_> {
    fn take(&mut self, hashed: Hashed, observe: &mut dyn FnMut(Event<'_>)) -> Result<(), StampError> {
        if let Some(files) = self.counter.as_ref().and_then(Counter::take) {
            observe(Event::Left { files: files.saturating_sub(self.stamped.records) });
        }
        match hashed {
            Hashed::LeftOut { source, why } => observe(Event::LeftOut { source: &source, why }),
            Hashed::Failed { source, error, counted, key } => {
                self.bench.lost.fetch_add(u64::from(counted), Ordering::Relaxed);
                match key {
                    None => self.unsearched = true,
                    // It is there, and can't be read: what was stamped of it is not given up for that.
                    Some(key) if !matches!(error, Trouble::Hash(HashError::Missing)) => {
                        self.fate.keep_unread(self.bench.index.find(key));
                    }
                    Some(_) => {}
                }
                observe(Event::Failed { source: &source, error: &error });
            }
            Hashed::Kept { number, key, kind, path, size, hashed } => {
                self.bench.lost.fetch_add(1, Ordering::Relaxed);
                self.stamped.kept += 1;
                self.stamped.records += 1;
                self.stamped.bytes += size;
                self.fate.keep(number, self.bench.index.find(key));
                if let Some(entry) = hashed {
                    self.stamped.hashed += 1;
                    self.refresh(number, &entry);
                }
                observe(Event::Kept { kind, path: &path, size });
            }
            Hashed::Record { kind, path, size, digests, own, guess, key, stamp, changed } => {
                observe(Event::Hashed { kind, path: &path, size, digests: &digests });
                self.stamped.hashed += u64::from(size.is_some());
                self.stamped.records += 1;
                self.stamped.bytes += size.unwrap_or(0);
                if changed {
                    self.stamped.changed += 1;
                    self.fate.replace(self.bench.index.find(key));
                } else {
                    self.stamped.new += 1;
                }
                let run = match &mut self.run {
                    Some(run) => run,
                    none => none.insert(Run::begin(self.frame, &self.place.partial)?),
                };
                let seen = Entry::new(key, &digests, stamp);
                let (commitment, own) = self.bench.settle(guess, run.len(), &digests, own)?;
                let record = Record::Path { kind, path, size, digests, own };
                run.push(record, commitment, &seen, observe)?;
            }
        }
        // Once in a while is enough: looking costs an atomic read.
        self.frame.log.check()
    }

    /// Next time, this record's file needn't be hashed. What can't be noted is hashed again.
    fn refresh(&self, number: u32, entry: &Entry) {
        let [left, base] = self.earlier;
        let run = base.run_of(number).or_else(|| left.run_of(number));
        if let Some((run, name)) = run.and_then(|run| Some((run, run.name()?))) {
            let _ = seen::refresh(name, u64::from(number - run.first), entry);
        }
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
