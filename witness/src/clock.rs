//! Where timestamps come from, and the guard that lets them only go forward.
//!
//! Cosignatures carry whole POSIX seconds (C2SP tlog-cosignature). A cosignature says "at this time, this was the
//! largest tree that I knew", so a clock that was set back must never reach a signature: [`Timestamps`] hands out
//! times that never decrease, waits out a small step back, and refuses a large one until the clock has caught up.
//!
//! What this does not do: it can't tell that a clock runs ahead. A clock far in the future poisons the record's last
//! timestamp, and the witness then refuses to sign until that time has come.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::future::BoxFuture;
use treering_tlog::time::{UnixMillis, UnixSeconds};

/// The wall clock, as an argument.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> UnixMillis;
    /// Waits for so long; injected with the time, so that a simulation can decide it.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// The system's clock. A time before 1970 reads as 0, which [`Timestamps`] refuses.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixMillis {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
        UnixMillis::new(millis).unwrap_or(UnixMillis::MAX)
    }
}

/// A clock that stands still until it is set: for tests of what depends on time.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// A clock that shows this time.
    pub fn new(seconds: u64) -> ManualClock {
        ManualClock(AtomicU64::new(seconds))
    }

    /// Sets the clock, forward or back.
    pub fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixMillis {
        let millis = self.0.load(Ordering::SeqCst).saturating_mul(1000);
        UnixMillis::new(millis).unwrap_or(UnixMillis::MAX)
    }
}

/// Why there is no timestamp to sign now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClockError {
    /// The clock was set back.
    #[error("this witness's clock is {seconds} s behind the last timestamp that it signed")]
    Behind {
        /// How far, in whole seconds.
        seconds: u64,
    },
    /// The clock shows 1970 or earlier.
    #[error("this witness's clock is not set")]
    Unset,
}

/// Hands out timestamps that never go back.
#[derive(Debug)]
pub struct Timestamps {
    clock: Arc<dyn Clock>,
    /// INVARIANT: at least every timestamp that was ever handed out, and every one in the store at the start.
    last: Mutex<UnixSeconds>,
    /// How long a second is waited for.
    second: Duration,
}

impl Timestamps {
    /// A step back of at most so many seconds is waited out inside the request.
    pub const MAX_WAIT_SECONDS: u64 = 2;

    /// Timestamps from `clock`, none below `last`.
    pub fn new(clock: Arc<dyn Clock>, last: UnixSeconds) -> Timestamps {
        Timestamps { clock, last: Mutex::new(last), second: Duration::from_secs(1) }
    }

    /// The next timestamp, not below any earlier one. A clock that is at most [`Self::MAX_WAIT_SECONDS`] behind is
    /// waited for.
    ///
    /// # Errors
    /// The clock is further behind, or was still behind after the wait, or shows 1970.
    pub async fn next(&self) -> Result<UnixSeconds, ClockError> {
        match self.try_next() {
            Err(ClockError::Behind { seconds: 1..=Self::MAX_WAIT_SECONDS }) => self.wait_and_try().await,
            at_once => at_once,
        }
    }

    /// Is the clock fit to sign with? Hands nothing out.
    ///
    /// # Errors
    /// As [`Timestamps::next`], without its wait.
    pub fn check(&self) -> Result<UnixSeconds, ClockError> {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now().seconds();
        if now.get() == 0 {
            // SPEC: tlog-witness, add-checkpoint: the timestamp must not be zero.
            return Err(ClockError::Unset);
        }
        match last.get().checked_sub(now.get()) {
            None | Some(0) => Ok(now),
            Some(seconds) => Err(ClockError::Behind { seconds }),
        }
    }

    async fn wait_and_try(&self) -> Result<UnixSeconds, ClockError> {
        for _ in 0..Self::MAX_WAIT_SECONDS {
            self.clock.sleep(self.second).await;
            if let Ok(time) = self.try_next() {
                return Ok(time);
            }
        }
        self.try_next()
    }

    fn try_next(&self) -> Result<UnixSeconds, ClockError> {
        let now = self.check()?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // INVARIANT: another request may have moved `last` on since the check; its time is as good as ours, and the
        // later of the two keeps the order.
        *last = now.max(*last);
        Ok(*last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timestamps(now: u64, last: u64) -> (Arc<ManualClock>, Timestamps) {
        let clock = Arc::new(ManualClock::new(now));
        let last = UnixSeconds::new(last).unwrap();
        (Arc::clone(&clock), Timestamps::new(clock, last))
    }

    #[tokio::test]
    async fn equal_times_are_fine() {
        let (_, timestamps) = timestamps(100, 100);
        assert_eq!(timestamps.next().await.unwrap().get(), 100);
        assert_eq!(timestamps.next().await.unwrap().get(), 100);
    }

    #[tokio::test]
    async fn a_clock_that_was_set_back_is_refused_until_it_has_caught_up() {
        let (clock, timestamps) = timestamps(100, 100);
        clock.set(110);
        assert_eq!(timestamps.next().await.unwrap().get(), 110);
        clock.set(107);
        assert_eq!(timestamps.next().await, Err(ClockError::Behind { seconds: 3 }));
        clock.set(110);
        assert_eq!(timestamps.next().await.unwrap().get(), 110);
    }

    /// Shows one time after the other, and then the last for ever.
    #[derive(Debug)]
    struct Steps(Mutex<Vec<u64>>);

    impl Clock for Steps {
        fn now(&self) -> UnixMillis {
            let mut steps = self.0.lock().unwrap();
            let now = if steps.len() > 1 { steps.remove(0) } else { steps[0] };
            UnixMillis::new(now * 1000).unwrap()
        }
    }

    fn impatient(steps: &[u64], last: u64) -> Timestamps {
        let clock = Arc::new(Steps(Mutex::new(steps.to_vec())));
        let timestamps = Timestamps::new(clock, UnixSeconds::new(last).unwrap());
        Timestamps { second: Duration::ZERO, ..timestamps }
    }

    #[tokio::test]
    async fn a_small_step_back_is_waited_out() {
        assert_eq!(impatient(&[98, 99, 100], 100).next().await.unwrap().get(), 100);
    }

    #[tokio::test]
    async fn a_large_step_back_is_not_waited_for() {
        assert_eq!(impatient(&[97, 100], 100).next().await, Err(ClockError::Behind { seconds: 3 }));
    }

    #[tokio::test]
    async fn a_clock_that_stands_still_is_not_waited_for_for_ever() {
        assert_eq!(impatient(&[99], 100).next().await, Err(ClockError::Behind { seconds: 1 }));
    }

    #[tokio::test]
    async fn a_clock_at_the_epoch_is_not_set() {
        let (_, timestamps) = timestamps(0, 0);
        assert_eq!(timestamps.next().await, Err(ClockError::Unset));
    }
}
