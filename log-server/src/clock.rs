//! Time: where it comes from, and the order and the pace that it must keep.

mod order;
mod pace;

pub use order::{Anew, Order, Sealing};
pub(crate) use pace::Pace;

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use treering_tlog::time::UnixMillis;

/// Where the log's time comes from; injected, so that tests can step it.
pub trait Clock: Send + Sync + std::fmt::Debug + 'static {
    /// The wall clock.
    fn now(&self) -> UnixMillis;
    /// Time that never steps, from any fixed moment on: it shows when the wall clock did. It goes on while the machine is
    /// suspended.
    fn monotonic(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    #[cfg(not(target_os = "linux"))]
    start: std::time::Instant,
}

impl SystemClock {
    /// The clocks of this machine.
    pub fn new() -> SystemClock {
        SystemClock {
            #[cfg(not(target_os = "linux"))]
            start: std::time::Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> SystemClock {
        SystemClock::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> UnixMillis {
        // A clock before 1970 or beyond 2^63 ms is as wrong as can be: time 0 is below every entry, so sealing waits.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        u64::try_from(since).ok().and_then(UnixMillis::new).unwrap_or(ZERO)
    }

    /// CLOCK_BOOTTIME: `Instant` is CLOCK_MONOTONIC, which stands still while the machine is suspended, so that a wall clock
    /// that is right afterwards would look as if it had stepped, and the process as if it had never stood still.
    #[cfg(target_os = "linux")]
    fn monotonic(&self) -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Duration::new(
            u64::try_from(time.tv_sec).unwrap_or_default(),
            u32::try_from(time.tv_nsec).unwrap_or_default(),
        )
    }

    #[cfg(not(target_os = "linux"))]
    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

const ZERO: UnixMillis = match UnixMillis::new(0) {
    Some(zero) => zero,
    None => unreachable!(),
};
