//! Lines of the operator's log that whoever asks can bring about: one of them now and then. They may go to a file on the disk
//! that the store is on: a flood of requests must not fill it. The metrics count what they are about.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Lets one line through in each period.
#[derive(Debug)]
pub(crate) struct Seldom {
    period: Duration,
    last: Mutex<Option<Instant>>,
}

impl Seldom {
    pub(crate) const fn new(period: Duration) -> Seldom {
        Seldom { period, last: Mutex::new(None) }
    }

    /// Is it time for a line?
    pub(crate) fn turn(&self) -> bool {
        self.turn_at(Instant::now())
    }

    fn turn_at(&self, now: Instant) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = last.is_none_or(|last| now.saturating_duration_since(last) >= self.period);
        if turn {
            *last = Some(now);
        }
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_period() {
        let seldom = Seldom::new(Duration::from_secs(10));
        let begun = Instant::now();
        let turns = |from: u64, to: u64| {
            (from..to).filter(|second| seldom.turn_at(begun + Duration::from_secs(*second))).count()
        };
        assert_eq!(turns(0, 10), 1);
        assert_eq!(turns(10, 30), 2);
        assert_eq!(turns(1000, 1001), 1);
    }
}
