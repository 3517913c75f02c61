//! The pace that time must keep: whether the clock, now, is as exact as a timestamp says.

use std::time::Duration;
use treering_tlog::time::UnixMillis;

/// Holds the wall clock against the monotonic one from the first look on, for times that state how exact they are.
///
/// Corrections are believed as far as a clock that is kept in order makes them, half a thousandth of the time that went by;
/// whatever is more has stepped, and stays so until the clock is back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Wall clock minus monotonic clock, in microseconds, as far as it is believed.
    offset: i128,
    at: Duration,
    began: UnixMillis,
}

/// What adjtimex allows: 500 parts of a million.
const SLEW: i128 = 2_000;

impl Pace {
    pub(crate) fn new(now: UnixMillis, monotonic: Duration) -> Pace {
        Pace { offset: offset(now, monotonic), at: monotonic, began: now }
    }

    /// The first time that was believed.
    pub(crate) fn began(&self) -> UnixMillis {
        self.began
    }

    /// How far the clock stands from what is believed, in milliseconds.
    pub(crate) fn step(&mut self, now: UnixMillis, monotonic: Duration) -> i128 {
        let elapsed = monotonic.saturating_sub(self.at).as_micros().cast_signed();
        let slewed = elapsed / SLEW;
        if slewed > 0 {
            let away = offset(now, monotonic) - self.offset;
            self.offset += away.clamp(-slewed, slewed);
            // What doesn't make a whole microsecond is not forgotten.
            self.at += Duration::from_micros(u64::try_from(slewed * SLEW).unwrap_or(u64::MAX));
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

    const T: u64 = 1_800_000_000_000;

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
        // The same, looked at so often that a look's share is no whole microsecond.
        let mut pace = Pace::new(at(0), Duration::ZERO);
        for look in 1..30_000_u64 {
            let elapsed = look * 3_900;
            let slow = at((elapsed - elapsed * 400 / 1_000_000) / 1000);
            let step = pace.step(slow, Duration::from_micros(elapsed));
            assert!(step.abs() <= 1, "{look}: {step}");
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
