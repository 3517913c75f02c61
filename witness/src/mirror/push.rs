//! Pushes (C2SP tlog-mirror): `add-checkpoint` locks a copy onto a checkpoint, `add-entries` brings what is under it.
//!
//! How many are worked on at once is bounded, over all and for each log, so that a log that pushes slowly, or too much,
//! holds up no other. Nobody holds a copy's lock while they wait for a peer.

mod body;
mod checkpoint;
mod entries;
mod subtree;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use super::{config::PushLimits, problem::Problem, pull::Puller};

pub(super) use checkpoint::add_checkpoint;
pub(super) use entries::add_entries;

/// What handlers of pushes share.
#[derive(Debug)]
pub(super) struct Pushes {
    timeout: Duration,
    all: Arc<Semaphore>,
    per_log: usize,
    /// By origin hash.
    of_log: Mutex<HashMap<String, Arc<Semaphore>>>,
    tasks: TaskTracker,
}

/// A place among the pushes that are worked on.
#[derive(Debug)]
pub(super) struct Turn {
    _of_log: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Pushes {
    pub(super) fn new(limits: &PushLimits, tasks: TaskTracker) -> Pushes {
        // INVARIANT: `MirrorConfig::load` has checked that both are 1 to 256.
        let places = |number: u64| usize::try_from(number).unwrap_or(1);
        Pushes {
            timeout: limits.request_timeout(),
            all: Arc::new(Semaphore::new(places(limits.max_pushes))),
            per_log: places(limits.max_pushes_per_log),
            of_log: Mutex::default(),
            tasks,
        }
    }

    /// A place, if there is one. The log's own are asked for first: who takes too many is told so.
    fn turn(&self, puller: &Puller) -> Result<Turn, Problem> {
        let of_log = {
            let mut logs = self.of_log.lock().unwrap_or_else(PoisonError::into_inner);
            // As many as there are logs in the configuration.
            let places = logs.entry(puller.copy.log.hash());
            Arc::clone(places.or_insert_with(|| Arc::new(Semaphore::new(self.per_log))))
        };
        let of_log = of_log.try_acquire_owned().map_err(|_| Problem::Crowded)?;
        let of_all = Arc::clone(&self.all).try_acquire_owned().map_err(|_| Problem::Busy)?;
        Ok(Turn { _of_log: of_log, _of_all: of_all })
    }
}
