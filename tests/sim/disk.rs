//! The disk of a process: what it holds, what of it would survive, and which write is to go wrong.

use crate::{
    dice::Dice,
    executor::{Executor, Node},
    trace::Trace,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a seed does to one write, counted over all starts of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The power goes, before the write or after it.
    Cut { done: bool },
    /// The write is reported as failed, and was done or not.
    Error { done: bool },
}

/// What a test breaks on purpose, to see that it is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Nothing.
    None,
    /// Syncs of the log's store do nothing.
    LogSync,
    /// Syncs of the log's record do nothing.
    RecordSync,
    /// A power cut tears the write of a tick: what it deletes is gone, what it adds isn't there.
    TornSeal,
    /// The store finds the latest place of a submission and not the earliest.
    LatestPlace,
    /// Syncs of the witnesses' stores do nothing.
    WitnessSync,
}

/// A disk with one thing on it, which is written as a whole.
#[derive(Debug)]
pub(crate) struct Disk<T> {
    name: String,
    state: Mutex<State<T>>,
    executor: Arc<Executor>,
    trace: Arc<Trace>,
    dice: Arc<Dice>,
    /// Syncs do nothing: what is written lasts only by chance.
    lies: bool,
}

#[derive(Debug)]
struct State<T> {
    /// What a running program sees.
    seen: T,
    /// What a power cut leaves; the same as `seen` on a disk that doesn't lie.
    durable: Option<T>,
    writes: u64,
    fault: Option<(u64, Fault)>,
    /// Who has it open; nobody else may write.
    owner: Option<Node>,
    /// The next read fails.
    bad_read: bool,
}

/// The write was not done, or nobody may know whether it was.
#[derive(Debug)]
pub(crate) struct Failed;

impl<T: Clone + std::fmt::Debug> Disk<T> {
    pub(crate) fn new(
        name: &str,
        holds: T,
        lies: bool,
        (executor, dice, trace): (&Arc<Executor>, &Arc<Dice>, &Arc<Trace>),
    ) -> Arc<Disk<T>> {
        let state = State {
            durable: lies.then(|| holds.clone()),
            seen: holds,
            writes: 0,
            fault: None,
            owner: None,
            bad_read: false,
        };
        Arc::new(Disk {
            name: name.to_owned(),
            state: Mutex::new(state),
            executor: Arc::clone(executor),
            trace: Arc::clone(trace),
            dice: Arc::clone(dice),
            lies,
        })
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A process takes it. What an earlier one hadn't synced is gone: its end was a power cut, or might have been.
    pub(crate) fn open(&self, owner: Node) {
        let mut state = self.state();
        if let Some(durable) = state.durable.clone() {
            state.seen = durable;
        }
        state.owner = Some(owner);
        state.bad_read = false;
    }

    /// Looks at it as the running program does.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.state().seen)
    }

    /// The same, where a read may fail.
    pub(crate) fn try_read<R>(&self, look: impl FnOnce(&T) -> R) -> Result<R, Failed> {
        let mut state = self.state();
        if std::mem::take(&mut state.bad_read) {
            self.trace.event(format!("{} ms: a read of {} fails", self.executor.millis(), self.name));
            return Err(Failed);
        }
        Ok(look(&state.seen))
    }

    /// Looks at what would be there after a power cut.
    pub(crate) fn durable<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        let state = self.state();
        look(state.durable.as_ref().unwrap_or(&state.seen))
    }

    /// Puts something else on it, as an operator does who puts a copy back.
    pub(crate) fn put(&self, other: T) {
        let mut state = self.state();
        state.durable = self.lies.then(|| other.clone());
        state.seen = other;
    }

    /// One of the next writes goes wrong.
    pub(crate) fn plan(&self, within: u64, fault: Fault) {
        let mut state = self.state();
        state.fault = Some((state.writes + self.dice.between(1, within), fault));
    }

    /// The next read fails.
    pub(crate) fn plan_bad_read(&self) {
        self.state().bad_read = true;
    }

    /// Nothing goes wrong any more.
    pub(crate) fn heal(&self) {
        let mut state = self.state();
        state.fault = None;
        state.bad_read = false;
    }

    /// One atomic, synced write. `torn`: what is done in its place if the power goes in the middle of it.
    pub(crate) fn write(
        &self,
        by: Node,
        what: &str,
        write: impl FnOnce(&mut T),
        torn: Option<&dyn Fn(&mut T)>,
    ) -> Result<(), Failed> {
        let mut state = self.state();
        if state.owner != Some(by) || !self.executor.is_alive(by) {
            return Err(Failed);
        }
        state.writes += 1;
        let writes = state.writes;
        let fault = state.fault.take_if(|(at, _)| *at <= writes).map(|(_, fault)| fault);
        let now = self.executor.millis();
        self.trace.event(format!(
            "{now} ms: {} {what} {}",
            self.name,
            match fault {
                None => String::new(),
                Some(fault) => format!("{fault:?}"),
            }
        ));
        let done = match fault {
            None | Some(Fault::Cut { done: true } | Fault::Error { done: true }) => true,
            Some(Fault::Cut { done: false } | Fault::Error { done: false }) => false,
        };
        match (done, torn, fault) {
            (true, _, _) => write(&mut state.seen),
            (false, Some(torn), Some(Fault::Cut { .. })) => torn(&mut state.seen),
            _ => {}
        }
        // A disk that lies writes when it likes to.
        if self.lies && self.dice.once_in(8) {
            state.durable = Some(state.seen.clone());
        }
        let Some(fault) = fault else { return Ok(()) };
        // After an error nothing is written any more, until the program starts anew.
        state.owner = None;
        drop(state);
        if matches!(fault, Fault::Cut { .. }) {
            self.executor.kill(by);
        }
        Err(Failed)
    }
}
