//! Time: where it comes from, and the order that it must keep.

use crate::broken::{Promise, is_broken};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use treering_tlog::time::UnixMillis;

/// Where the log's time comes from; injected, so that tests can step it.
pub trait Clock: Send + Sync + std::fmt::Debug + 'static {
    /// The wall clock.
    fn now(&self) -> UnixMillis;
    /// Time that never steps, from any fixed moment on: it shows when the wall clock did.
    fn monotonic(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time begins now.
    pub fn new() -> SystemClock {
        SystemClock { start: Instant::now() }
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

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

const ZERO: UnixMillis = match UnixMillis::new(0) {
    Some(zero) => zero,
    None => unreachable!(),
};

/// What the clock allows the sequencer to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sealing {
    /// Seal with this time.
    At(UnixMillis),
    /// The clock has not passed the last entry's time yet: later.
    Wait,
    /// The clock stepped too far, and nothing is sealed until it is back.
    Stopped {
        /// What is wrong, in words.
        reason: String,
    },
}

/// Holds the wall clock against the monotonic one and against the last entry.
#[derive(Debug)]
pub struct Order {
    bound: Duration,
    /// Wall clock minus monotonic clock, in milliseconds, as of the last time that all was well: slow corrections move
    /// it along, a step does not.
    offset: Option<i128>,
}

impl Order {
    /// `bound`: the greatest step that is tolerated.
    pub fn new(bound: Duration) -> Order {
        Order { bound, offset: None }
    }

    /// INVARIANT 6: time only goes forward. The time given is strictly greater than the last entry's; a step back
    /// within the bound delays sealing, one beyond it in either direction stops sealing until the clock is back.
    pub fn sealing(&mut self, clock: &dyn Clock, last: Option<UnixMillis>) -> Sealing {
        let now = clock.now();
        if is_broken(Promise::Order) {
            return Sealing::At(now);
        }
        let bound = self.bound.as_millis().cast_signed();
        let offset = i128::from(now.get()) - clock.monotonic().as_millis().cast_signed();
        let step = offset - self.offset.unwrap_or(offset);
        if step.abs() > bound {
            return Sealing::Stopped {
                reason: format!("the clock stepped by {step} ms, more than {bound} ms"),
            };
        }
        if let Some(last) = last {
            let behind = i128::from(last.get()) - i128::from(now.get());
            if behind > bound {
                return Sealing::Stopped {
                    reason: format!("the clock is {behind} ms behind the last entry"),
                };
            }
            if behind >= 0 {
                return Sealing::Wait;
            }
        }
        if now.get() < treering_token::entry::Entry::MIN_SEALED_AT {
            return Sealing::Stopped { reason: "the clock shows a time before entries can be".into() };
        }
        self.offset = Some(offset);
        Sealing::At(now)
    }
}

/// Holds the wall clock against the monotonic one from the first look on, for times that state how exact they are.
///
/// Corrections are believed as far as a clock that is kept in order makes them, half a thousandth of the time that went by;
/// whatever is more has stepped, and stays so until the clock is back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Wall clock minus monotonic clock, in microseconds, as far as it is believed.
    offset: i128,
    at: Duration,
}

/// What adjtimex allows: 500 parts of a million.
const SLEW: i128 = 2_000;

impl Pace {
    pub(crate) fn new(now: UnixMillis, monotonic: Duration) -> Pace {
        Pace { offset: offset(now, monotonic), at: monotonic }
    }

    /// How far the clock stands from what is believed, in milliseconds.
    pub(crate) fn step(&mut self, now: UnixMillis, monotonic: Duration) -> i128 {
        let elapsed = monotonic.saturating_sub(self.at).as_micros().cast_signed();
        let slewed = elapsed / SLEW;
        if slewed > 0 {
            let away = offset(now, monotonic) - self.offset;
            self.offset += away.clamp(-slewed, slewed);
            self.at = monotonic;
        }
        (offset(now, monotonic) - self.offset) / 1000
    }
}

fn offset(now: UnixMillis, monotonic: Duration) -> i128 {
    i128::from(now.get()) * 1000 - monotonic.as_micros().cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Debug)]
    struct Stepped(Mutex<(u64, u64)>);
    impl Clock for Stepped {
        fn now(&self) -> UnixMillis {
            UnixMillis::new(self.0.lock().unwrap().0).unwrap()
        }
        fn monotonic(&self) -> Duration {
            Duration::from_millis(self.0.lock().unwrap().1)
        }
    }

    const T: u64 = 1_800_000_000_000;

    fn after(order: &mut Order, wall: u64, monotonic: u64, last: u64) -> Sealing {
        order.sealing(&Stepped(Mutex::new((wall, monotonic))), UnixMillis::new(last))
    }

    fn started() -> Order {
        let mut order = Order::new(Duration::from_secs(10));
        assert_eq!(after(&mut order, T, 0, T - 1), Sealing::At(UnixMillis::new(T).unwrap()));
        order
    }

    #[test]
    fn never_the_same_time_twice_nor_an_earlier_one() {
        let mut order = started();
        assert_eq!(after(&mut order, T, 1, T), Sealing::Wait);
        assert_eq!(after(&mut order, T - 9_000, 1, T), Sealing::Wait);
        assert!(matches!(after(&mut order, T + 1, 1, T), Sealing::At(_)));
    }

    #[test]
    fn a_step_beyond_the_bound_stops_sealing_and_heals_when_the_clock_is_back() {
        for wall in [T - 3_600_000, T + 3_600_000, T + 10_002, T - 10_002] {
            let mut order = started();
            assert!(matches!(after(&mut order, wall, 1, T), Sealing::Stopped { .. }), "{wall}");
            assert!(matches!(after(&mut order, T + 2, 2, T), Sealing::At(_)), "{wall}");
        }
    }

    /// A leap second, as clocks without smearing have it: the same second twice.
    #[test]
    fn a_second_that_comes_twice_is_waited_out() {
        let mut order = started();
        let mut last = T;
        for (wall, monotonic, sealed) in [
            (900, 900, true),
            (100, 1_100, false),
            (500, 1_500, false),
            (900, 1_900, false),
            (950, 1_950, true),
        ] {
            let sealing = after(&mut order, T + wall, monotonic, last);
            assert_eq!(matches!(sealing, Sealing::At(_)), sealed, "{wall}: {sealing:?}");
            if sealed {
                last = T + wall;
            }
        }
    }

    #[test]
    fn a_clock_that_stands_still_is_waited_for_and_then_stops_sealing_until_it_is_right() {
        let mut order = started();
        assert_eq!(after(&mut order, T, 9_000, T), Sealing::Wait);
        assert!(matches!(after(&mut order, T, 10_001, T), Sealing::Stopped { .. }));
        // It runs again, and is as far behind as it stood still.
        assert!(matches!(after(&mut order, T + 5, 60_005, T), Sealing::Stopped { .. }));
        assert!(matches!(after(&mut order, T + 60_010, 60_010, T), Sealing::At(_)));
    }

    #[test]
    fn slow_corrections_add_up_without_being_a_step() {
        let mut order = started();
        let mut last = T;
        for second in 1..100 {
            let wall = T + second * 1_500;
            assert!(matches!(after(&mut order, wall, second * 1_000, last), Sealing::At(_)));
            last = wall;
        }
    }

    #[test]
    fn a_start_far_behind_the_last_entry_is_refused() {
        let mut order = Order::new(Duration::from_secs(10));
        assert!(matches!(after(&mut order, T - 10_001, 0, T), Sealing::Stopped { .. }));
        assert!(matches!(after(&mut order, 5, 0, 1), Sealing::Stopped { .. }));
    }

    #[test]
    fn corrections_are_believed_and_steps_are_not() {
        let at = |millis| UnixMillis::new(T + millis).unwrap();
        let mut pace = Pace::new(at(0), Duration::ZERO);
        // A clock that runs slow by 400 parts of a million, for an hour.
        for second in 1..3600 {
            assert_eq!(
                pace.step(at(second * 1000 - second * 2 / 5), Duration::from_secs(second)),
                0,
                "{second}"
            );
        }
        // A step of two seconds, and as long afterwards as a correction of it would take.
        let mut pace = Pace::new(at(0), Duration::ZERO);
        for second in 1..2000 {
            let step = pace.step(at(second * 1000 + 2000), Duration::from_secs(second));
            assert!(step > 900, "{second}: {step}");
        }
        // Back where it was.
        assert!(pace.step(at(2_000_000), Duration::from_secs(2000)).abs() <= 1001);
    }
}
