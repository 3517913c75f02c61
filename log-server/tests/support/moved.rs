//! The machine's clock, moved as a test wants it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use treering_log::clock::{Clock, SystemClock};
use treering_tlog::time::UnixMillis;

/// A step moves the wall clock, a sleep the monotonic one as well.
#[derive(Debug)]
pub(crate) struct Moved {
    clock: SystemClock,
    stepped: AtomicU64,
    slept: AtomicU64,
}

impl Moved {
    /// So many seconds ahead.
    pub(crate) fn by(seconds: u64) -> Arc<Moved> {
        let clock = Moved { clock: SystemClock::new(), stepped: AtomicU64::new(0), slept: AtomicU64::new(0) };
        clock.step(seconds);
        Arc::new(clock)
    }

    /// From now on the wall clock is so many seconds ahead.
    pub(crate) fn step(&self, seconds: u64) {
        self.stepped.store(seconds * 1000, Ordering::SeqCst);
    }

    /// From now on so many seconds more have gone by.
    pub(crate) fn sleep(&self, seconds: u64) {
        self.slept.store(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for Moved {
    fn now(&self) -> UnixMillis {
        let moved = self.stepped.load(Ordering::SeqCst) + self.slept.load(Ordering::SeqCst);
        UnixMillis::new(self.clock.now().get() + moved).unwrap()
    }
    fn monotonic(&self) -> Duration {
        self.clock.monotonic() + Duration::from_millis(self.slept.load(Ordering::SeqCst))
    }
}
