//! A target from beginning to end: what there is already, the walk, and what is new or changed for each log.
//!
//! ```text
//! walk ─▶ hash (all cores, once) ─▶ what is it for each log? ─▶ lane ─▶ log, bundle or tokens
//!                                                          └─▶ lane ─▶ another log, its own bundle or tokens
//! ```

use super::{
    Event, StampError, Stamped, Target, Trouble, Wish,
    count::Counter,
    lane::{self, Ground, Lane, NotYet},
    pipeline::{Bench, Looked, Part, Thing, counted},
    place::Place,
    plan::settled_output,
    source::Sources,
    submit::{LOOK, Log},
};
use crate::{
    hash::{self, HashError},
    ordered,
    walk::Rules,
};
use std::{sync::atomic::Ordering, time::Duration};

/// What a target comes to with one log.
pub(crate) type Outcome = Result<Stamped, StampError>;

/// Told what happens: with which of the logs, if it isn't the same with all of them.
pub(crate) type Observe<'a> = dyn FnMut(Option<usize>, Event<'_>) + 'a;

/// Stamps one target with each of these logs, which have targets that differ in their evidence's names alone. What keeps one
/// log from it keeps no other.
///
/// # Errors
/// What ends all of it: the user has interrupted it, or there is no current directory.
pub(super) fn stamp(
    logs: &[(&Log, Target)],
    wish: &Wish,
    observe: &mut Observe<'_>,
) -> Result<Vec<Outcome>, StampError> {
    let mut outcomes: Vec<Option<Outcome>> = logs.iter().map(|_| None).collect();
    // Whose receipts don't come at once is waited for when the others have theirs.
    let patience = if logs.len() > 1 { Duration::ZERO } else { wish.wait };
    let (mut begun, mut late) = (Vec::new(), Vec::new());
    for (number, place) in places(logs, wish, &mut outcomes) {
        let (log, target) = &logs[number];
        let (mut place, named) = place;
        let observe = &mut |event: Event<'_>| observe(Some(number), event);
        match Ground::begin(log, wish, named, &mut place, patience, observe) {
            Ok(ground) => begun.push((number, place, ground)),
            Err(NotYet::Waiting(stamped)) => {
                if patience < wish.wait && matches!(stamped.waiting, Some(StampError::NotYet { .. })) {
                    late.push(number);
                }
                outcomes[number] = Some(Ok(*stamped));
            }
            Err(NotYet::Failed(error)) => {
                outcomes[number] = Some(Err(lane::fail(place, target, error, observe)));
            }
        }
    }
    let ids = hash::ids(wish.digests.iter().copied());
    let (places, grounds): (Vec<_>, Vec<_>) =
        begun.into_iter().map(|(number, place, ground)| ((number, place), ground)).unzip();
    let lanes = places.into_iter().zip(&grounds).enumerate();
    let lanes =
        lanes.map(|(at, ((number, place), ground))| Lane::new((number, at), ground, place, &ids)).collect();
    let bench = Bench {
        sides: grounds.iter().map(Ground::side).collect(),
        ids: &ids,
        claims: wish.claims.as_deref(),
        signer: wish.signer.as_deref(),
        force: wish.force,
        checksum: wish.checksum,
    };
    let mut work = Work { wish, bench: &bench, lanes, outcomes, unsearched: false, counter: None };
    match work.all(&grounds, observe) {
        Ok(()) | Err(Stop::NobodyLeft) => {}
        Err(Stop::All(error)) => {
            for lane in work.lanes {
                let number = lane.number;
                let observe = &mut |event: Event<'_>| observe(Some(number), event);
                // What is said is the same for all.
                let _ = lane.fail(StampError::Interrupted, observe);
            }
            return Err(error);
        }
    }
    let outcome = |outcome: Option<Outcome>| outcome.expect("each lane has ended, and left its outcome");
    let mut outcomes: Vec<Outcome> = work.outcomes.into_iter().map(outcome).collect();
    for number in late {
        let alone = stamp(&logs[number..=number], wish, &mut |_, event| observe(Some(number), event))?;
        alone.into_iter().for_each(|outcome| outcomes[number] = outcome);
    }
    Ok(outcomes)
}

/// Why the work doesn't go on.
enum Stop {
    /// Each log has its outcome.
    NobodyLeft,
    All(StampError),
}

impl From<StampError> for Stop {
    fn from(error: StampError) -> Stop {
        Stop::All(error)
    }
}

/// The places of all, locked, before anything else happens: whoever goes on knows of each.
fn places(
    logs: &[(&Log, Target)],
    wish: &Wish,
    outcomes: &mut [Option<Outcome>],
) -> Vec<(usize, (Place, Target))> {
    let (mut places, mut read) = (Vec::new(), None);
    for (number, (_, target)) in logs.iter().enumerate() {
        let mut begin = || {
            let place = Place::begin(target, wish)?;
            let named = place.target(target, wish, &mut read)?;
            Ok((place, named))
        };
        match begin() {
            Ok(place) => places.push((number, place)),
            Err(error) => outcomes[number] = Some(Err(error)),
        }
    }
    if logs.len() > 1 {
        // CRASH: the first log's comes last. Who finds it finds all; else it is the usual evidence that is missing, and that
        // is seen.
        for (number, (place, _)) in places.iter().rev() {
            outcomes[*number] = place.note(wish).err().map(Err);
        }
        places.retain(|(number, _)| outcomes[*number].is_none());
    }
    places
}

/// The work on a target between what was there before and what it came to.
struct Work<'a> {
    wish: &'a Wish,
    bench: &'a Bench<'a>,
    /// Those that aren't over, in the order of the logs.
    lanes: Vec<Lane<'a>>,
    outcomes: Vec<Option<Outcome>>,
    /// A directory could not be searched.
    unsearched: bool,
    counter: Option<Counter>,
}

impl<'a> Work<'a> {
    fn all(&mut self, grounds: &'a [Ground<'a>], observe: &mut Observe<'_>) -> Result<(), Stop> {
        let Some(first) = grounds.first() else { return Err(Stop::NobodyLeft) };
        self.walk(&first.target, grounds, observe)?;
        let unsearched = self.unsearched;
        self.each(observe, |lane, observe| lane.end(unsearched, observe))?;
        observe(None, Event::Waiting);
        while !self.lanes.is_empty() {
            let next = self.next()?;
            let lane = self.lanes.remove(next);
            let number = lane.number;
            let outcome = lane.finish(&mut |event| observe(Some(number), event));
            if let Err(StampError::Interrupted) = outcome {
                return Err(Stop::All(StampError::Interrupted));
            }
            self.outcomes[number] = Some(outcome);
        }
        Ok(())
    }

    fn walk(
        &mut self,
        target: &Target,
        grounds: &[Ground<'_>],
        observe: &mut Observe<'_>,
    ) -> Result<(), Stop> {
        let most = grounds.iter().map(|ground| ground.index.len()).max().unwrap_or(0);
        if most > 0 {
            observe(None, Event::Left { files: most });
        }
        let mut skip: Vec<_> = self.lanes.iter().flat_map(|lane| lane.place.own_files()).collect();
        for since in grounds.iter().filter_map(|ground| ground.target.since.as_deref()) {
            skip.push(settled_output(since)?);
        }
        let rules = Rules { skip, links: target.bundle.is_some(), ..self.wish.rules.clone() };
        self.counter = (self.wish.is_watched && target.lists.is_empty())
            .then(|| Counter::start(target.roots.clone(), rules.clone()));
        let sources = Sources::new(target, rules).map_err(StampError::Here)?;
        let bench = self.bench;
        ordered::map(
            ordered::workers(),
            counted(sources),
            hash::buffer,
            |buffer, found| bench.look(found, buffer),
            |looked| self.take(looked, observe),
        )
    }

    /// Takes what came of each thing found, in the order of the walk.
    fn take(&mut self, looked: Looked, observe: &mut Observe<'_>) -> Result<(), Stop> {
        if let Some(files) = self.counter.as_ref().and_then(Counter::take) {
            let looked_at = self.lanes.first().map_or(0, |lane| lane.stamped.records);
            observe(None, Event::Left { files: files.saturating_sub(looked_at) });
        }
        match looked {
            Looked::LeftOut { source, why } => observe(None, Event::LeftOut { source: &source, why }),
            Looked::Failed { source, error, counted, key } => {
                for side in &self.bench.sides {
                    side.lost.fetch_add(u64::from(counted), Ordering::Relaxed);
                }
                match key {
                    None => self.unsearched = true,
                    Some(key) if !matches!(error, Trouble::Hash(HashError::Missing)) => {
                        self.lanes.iter_mut().for_each(|lane| lane.keep_unread(key));
                    }
                    Some(_) => {}
                }
                observe(None, Event::Failed { source: &source, error: &error });
            }
            Looked::Thing(mut thing) => {
                let mut parts = std::mem::take(&mut thing.parts);
                say(&thing, &parts, observe);
                let bench = self.bench;
                self.each(observe, |lane, observe| {
                    let at = lane.at;
                    let part = std::mem::replace(&mut parts[at], Part::Over);
                    if let Part::HasToken = part {
                        observe(Event::Failed { source: &thing.source, error: &Trouble::HasToken });
                    }
                    lane.take(&thing, part, (bench, &bench.sides[at]), observe)
                })?;
            }
        }
        // Once in a while is enough: looking costs an atomic read.
        Ok(self.lanes.first().map_or(Ok(()), Lane::check)?)
    }

    /// Does this with each lane. One that fails is over, and the others go on.
    fn each(
        &mut self,
        observe: &mut Observe<'_>,
        mut act: impl FnMut(&mut Lane<'a>, &mut dyn FnMut(Event<'_>)) -> Result<(), StampError>,
    ) -> Result<(), Stop> {
        let mut at = 0;
        while let Some(lane) = self.lanes.get_mut(at) {
            let number = lane.number;
            let observe = &mut |event: Event<'_>| observe(Some(number), event);
            match act(lane, observe) {
                Ok(()) => at += 1,
                Err(StampError::Interrupted) => return Err(Stop::All(StampError::Interrupted)),
                Err(error) => {
                    let lane = self.lanes.remove(at);
                    self.bench.sides[lane.at].is_over.store(true, Ordering::Relaxed);
                    self.outcomes[number] = Some(Err(lane.fail(error, observe)));
                }
            }
        }
        if self.lanes.is_empty() { Err(Stop::NobodyLeft) } else { Ok(()) }
    }

    /// Which lane can be brought to its end: one whose log has answered, so that no log holds up another's evidence; those
    /// that have to be asked again come last.
    fn next(&mut self) -> Result<usize, Stop> {
        while self.lanes.len() > 1 {
            let answered: Vec<bool> = self.lanes.iter_mut().map(Lane::is_answered).collect();
            let is_good = |(lane, answered): (&Lane<'_>, &bool)| *answered && !lane.is_away();
            let good = self.lanes.iter().zip(&answered).position(is_good);
            if good.is_some() || answered.iter().all(|answered| *answered) {
                return Ok(good.unwrap_or(0));
            }
            self.lanes[0].check()?;
            std::thread::sleep(LOOK / 10);
        }
        Ok(0)
    }
}

/// A file is said once, whatever the number of logs: what is new to one is new.
fn say(thing: &Thing, parts: &[Part], observe: &mut Observe<'_>) {
    let Thing { kind, path, size, digests, .. } = thing;
    let is_new = parts.iter().any(|part| matches!(part, Part::Record { .. }));
    match digests {
        Some(digests) if is_new => observe(None, Event::Hashed { kind: *kind, path, size: *size, digests }),
        _ if parts.iter().any(|part| matches!(part, Part::Kept { .. })) => {
            observe(None, Event::Kept { kind: *kind, path, size: size.unwrap_or(0) });
        }
        _ => {}
    }
}
