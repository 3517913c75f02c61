//! What the parts of the pipeline share: the store, the clock, the queue, the heads, and the one place where a
//! failure ends everything.

mod beat;
mod held;
mod queue;

use crate::{
    broken::{Promise, is_broken},
    clock::{Clock, Pace},
    damage::Damage,
    grants::Pending,
    host::Host,
    log::{Parts, Settings},
    metrics::Metrics,
    record::{HighWater, RecordError},
    signer::{Signer, SignerError},
    store::{GrantGroup, Store, StoreError, Waiting},
    throttle::Throttle,
    witnesses::{Board, Peer, Witnesses, peers},
};
use bytes::Bytes;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
    time::Duration,
};
use tokio::sync::watch;
use treering_tlog::{
    time::UnixMillis,
    tree::{TreeHead, TreeSize},
};

use beat::Beat;
pub(crate) use held::Held;
pub(crate) use queue::Queue;

/// The newest sealed head: durable, not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) head: TreeHead,
    pub(crate) sealed_at: Option<UnixMillis>,
}

/// The newest published checkpoint; made by `publish` alone, from a quorum of cosignatures.
/// INVARIANT 5: readers are shown nothing beyond `size`.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) size: TreeSize,
    /// What `/checkpoint` serves.
    pub(crate) note: Bytes,
}

/// How far the pipeline goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Running,
    /// No new submissions; what is accepted is sealed and published as far as witnesses allow.
    Draining,
    Stopped,
}

/// Shared by all tasks of one running log.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) settings: Settings,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) record: Arc<dyn HighWater>,
    pub(crate) host: Host,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) witnesses: Arc<dyn Witnesses>,
    /// The policy's witnesses that can be asked.
    pub(crate) peers: Vec<Peer>,
    /// When this process took the log up, by the wall clock.
    pub(crate) began: UnixMillis,
    pub(crate) metrics: Metrics,
    queue: Mutex<Queue>,
    grants: Mutex<Pending>,
    pub(crate) sealed: watch::Sender<Sealed>,
    pub(crate) published: watch::Sender<Option<Published>>,
    pub(crate) phase: watch::Sender<Phase>,
    fault: watch::Sender<Option<String>>,
    /// Why sealing or signing is held, by part, for readiness.
    held: Mutex<Held>,
    pub(crate) board: Board,
    /// Grows with each write that may have added cosignatures to a published checkpoint.
    pub(crate) cosigned: AtomicU64,
    pub(crate) window_closed: AtomicU64,
    pub(crate) retained_from: AtomicU64,
    /// The wall clock when it was last found to be in order, in milliseconds: what deletes things by their age must not
    /// believe a clock that has stepped.
    pub(crate) steady_now: AtomicU64,
    /// A witness contradicts this log, or somebody else signs with its key: nothing is signed any more.
    /// INVARIANT 1: nor is anything acknowledged or sealed; what has no place in the history has no receipt either.
    signing_over: watch::Sender<bool>,
    /// In this run a blocking set of the witnesses has shown that it knows nothing beyond this store.
    confirmed: watch::Sender<bool>,
    /// Sealing waits until the witnesses' clocks confirm this one, within so much.
    time_wanted: watch::Sender<Option<Duration>>,
    /// The size at which the log ended.
    /// INVARIANT: where there is one, nothing is accepted, sealed or signed.
    pub(crate) frozen: Option<TreeSize>,
    /// The log is about to end: its last head is to have every cosignature that can be had.
    pub(crate) last_call: watch::Sender<bool>,
    /// What timestamps are held against; none before the clock was found to be in order.
    pace: Mutex<Option<Pace>>,
    /// How often it is told that there is no time for timestamps.
    pub(crate) no_time: Throttle,
    /// How often it is told that something could not be read.
    pub(crate) unreadable: Throttle,
    beat: Beat,
    /// How many writers of the intake may still bring something: at 0 nothing comes into the queues any more.
    intakes: watch::Sender<usize>,
    /// Entries below this one are having their commitments deleted, or have had.
    closing: Mutex<u64>,
    pub(crate) damage: Damage,
}

/// The writers of the intake: submissions, and grants.
const INTAKES: usize = 2;

/// What a failure of the pipeline is: each of them ends the process.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fatal {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Signer(#[from] SignerError),
    #[error("before signing size {size}, the store gave back another tree than was sealed: {what}")]
    ReadBack { size: TreeSize, what: String },
    #[error(
        "before signing size {size}, the record says that size {record} may have been signed, and that is not a head of this \
         store's past"
    )]
    Recorded { size: TreeSize, record: TreeSize },
    #[error("the log is frozen at size {size}, and a part of it wanted to go on")]
    Frozen { size: TreeSize },
    #[error("a part of the pipeline ended unexpectedly: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// Where the log stands when its tasks start.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) sealed: Sealed,
    pub(crate) published: Option<Published>,
    pub(crate) waiting: Vec<Waiting>,
    pub(crate) grants: Vec<GrantGroup>,
    pub(crate) window_closed: u64,
    pub(crate) retained_from: u64,
    pub(crate) frozen: Option<TreeSize>,
}

impl Core {
    pub(crate) fn new(settings: Settings, parts: Parts, start: Start) -> Core {
        let Parts { signer, store, record, clock, witnesses, host } = parts;
        let board = Board::new(&settings.policy);
        Core {
            peers: peers(&settings.policy, &settings.witness_intervals),
            began: clock.now(),
            store,
            record,
            host,
            clock: Arc::clone(&clock),
            signer,
            witnesses,
            metrics: Metrics::default(),
            queue: Mutex::new(Queue::new(start.waiting)),
            grants: Mutex::new(Pending::new(start.grants)),
            sealed: watch::Sender::new(start.sealed),
            published: watch::Sender::new(start.published),
            phase: watch::Sender::new(Phase::Running),
            fault: watch::Sender::new(None),
            held: Mutex::default(),
            board,
            cosigned: AtomicU64::new(0),
            window_closed: AtomicU64::new(start.window_closed),
            retained_from: AtomicU64::new(start.retained_from),
            steady_now: AtomicU64::new(0),
            frozen: start.frozen,
            signing_over: watch::Sender::new(false),
            confirmed: watch::Sender::new(false),
            time_wanted: watch::Sender::new(None),
            last_call: watch::Sender::new(false),
            pace: Mutex::new(None),
            no_time: Throttle::new(Duration::from_secs(60)),
            unreadable: Throttle::new(Duration::from_secs(1)),
            beat: Beat::new(settings.tick, clock.monotonic()),
            intakes: watch::Sender::new(INTAKES),
            closing: Mutex::new(start.window_closed),
            damage: Damage::default(),
            settings,
        }
    }

    /// Runs blocking work (the store, the record) away from the network's threads.
    pub(crate) async fn blocking<T, F>(self: &Arc<Core>, work: F) -> Result<T, Fatal>
    where
        T: Send + 'static,
        F: FnOnce(&Core) -> Result<T, Fatal> + Send + 'static,
    {
        let core = Arc::clone(self);
        self.host.blocking(move || work(&core)).await?
    }

    /// Starts a part of the pipeline; if it panics, the log ends rather than going on without it.
    pub(crate) fn start<F>(self: &Arc<Core>, part: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let core = Arc::clone(self);
        self.host.spawn(part, move |error| {
            if error.is_panic() {
                core.fail(&Fatal::Task(error));
            }
        });
    }

    /// The first entry whose commitments are not being deleted.
    pub(crate) fn closing(&self) -> MutexGuard<'_, u64> {
        self.closing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the log: nothing is accepted, sealed, signed or published after this.
    pub(crate) fn fail(&self, fatal: &Fatal) {
        if self.phase() == Phase::Stopped {
            // The store is closed under whatever was still under way, which is no failure.
            tracing::debug!(error = %fatal, "after the end");
            return;
        }
        tracing::error!(error = %fatal, "the log can't go on and ends; a restart reads what is true from the disk");
        self.fault
            .send_if_modified(|fault| fault.is_none().then(|| *fault = Some(fatal.to_string())).is_some());
        self.phase.send_replace(Phase::Stopped);
    }

    pub(crate) fn fault(&self) -> watch::Receiver<Option<String>> {
        self.fault.subscribe()
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Completes when the phase is this one or a later one.
    pub(crate) async fn reached(&self, phase: Phase) {
        let mut phases = self.phase.subscribe();
        // The sender lives in self, so waiting can't fail while self is borrowed.
        let _ = phases.wait_for(|now| *now >= phase).await;
    }

    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing in Queue panics half-way through a change.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The grants that wait for their tick. Where both locks are held, the queue's is taken first.
    pub(crate) fn grants(&self) -> MutexGuard<'_, Pending> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many submissions and grants are accepted and not sealed.
    pub(crate) fn pending(&self) -> usize {
        self.queue().len() + self.grants().len()
    }

    /// The sequencer goes round.
    pub(crate) fn beat(&self) {
        if self.beat.beat(self.clock.monotonic()) {
            told_of_standstill();
        }
    }

    /// This process was not there for a while.
    pub(crate) fn stand_still(&self) {
        self.beat.stand_still();
        told_of_standstill();
    }

    /// Has this process stood still since this was asked last? Whoever signs asks it after it has seen what to sign: what
    /// was sealed before the standstill is in any copy of the store that was taken meanwhile.
    pub(crate) fn has_stood_still(&self) -> bool {
        self.beat.has_stood_still(self.clock.monotonic()) && !is_broken(Promise::Standstill)
    }

    /// A writer of the intake has written its last group.
    pub(crate) fn intake_ends(&self) {
        self.intakes.send_modify(|open| *open -= 1);
    }

    /// How many writers of the intake may still bring something.
    pub(crate) fn intakes(&self) -> watch::Receiver<usize> {
        self.intakes.subscribe()
    }

    /// The wall clock, if it can be vouched for; else why not.
    pub(crate) fn time(&self, tolerance: Duration) -> Result<UnixMillis, String> {
        if let Some(reason) = self.held().sealing {
            return Err(reason);
        }
        let now = self.clock.now();
        // At each token: its time is its own claim, and can't wait for the next tick's look, which allows far more.
        let monotonic = self.clock.monotonic();
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pace) = pace.as_mut() else { return Err("the clock is not confirmed yet".into()) };
        let step = pace.step(now, monotonic);
        if step.unsigned_abs() > tolerance.as_millis() {
            return Err(format!("the clock stepped by {step} ms, more than {} ms", tolerance.as_millis()));
        }
        match self.sealed.borrow().sealed_at {
            Some(last) if last > now => Err("the clock stands before the last entry".into()),
            _ => Ok(now),
        }
    }

    /// Since when the clock is vouched for, by its own time; none before it was found to be in order.
    pub(crate) fn pace_began(&self) -> Option<UnixMillis> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Pace::began)
    }

    /// From now on timestamps are held against the clock as it is.
    pub(crate) fn begin_pace(&self) {
        let pace = Pace::new(self.clock.now(), self.clock.monotonic());
        *self.pace.lock().unwrap_or_else(PoisonError::into_inner) = Some(pace);
    }

    /// Do the clocks of a quorum of the witnesses show this time, within so much?
    pub(crate) fn is_confirmed(&self, now: UnixMillis, within: Duration) -> bool {
        let policy = &self.settings.policy;
        let witnesses = self.board.show(now, self.clock.monotonic(), within);
        !policy.needs_no_witness() && policy.is_met(&witnesses)
    }

    /// Sealing waits until the witnesses' clocks confirm this one, within so much; or it doesn't wait for them.
    pub(crate) fn want_time(&self, within: Option<Duration>) {
        self.time_wanted.send_if_modified(|wanted| {
            let changes = *wanted != within;
            *wanted = within;
            changes
        });
    }

    /// Is the witnesses' time waited for?
    pub(crate) fn time_wanted(&self) -> watch::Receiver<Option<Duration>> {
        self.time_wanted.subscribe()
    }

    /// A blocking set of the witnesses has shown that it knows nothing beyond this store, or there is none to ask.
    pub(crate) fn confirm(&self) {
        self.confirmed.send_replace(true);
    }

    /// Has it, in this run?
    pub(crate) fn confirmed(&self) -> watch::Receiver<bool> {
        self.confirmed.subscribe()
    }

    /// Is nothing signed any more?
    pub(crate) fn signing_is_over(&self) -> bool {
        *self.signing_over.borrow()
    }

    /// Completes when nothing is signed any more.
    pub(crate) async fn signing_ended(&self) {
        let mut over = self.signing_over.subscribe();
        // The sender lives in self, so waiting can't fail while self is borrowed.
        let _ = over.wait_for(|over| *over).await;
    }
}

fn told_of_standstill() {
    tracing::warn!("this process stood still: the witnesses are asked before anything new is signed");
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
