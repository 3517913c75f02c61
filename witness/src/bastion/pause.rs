//! How long to wait before the next connection.

use std::time::Duration;

/// The first pause; each further one is twice as long, up to the last.
const FIRST: Duration = Duration::from_secs(1);
const LAST: Duration = Duration::from_secs(60);
/// A connection that lasted so long was a good one: the pauses begin anew.
const GOOD: Duration = Duration::from_secs(30);

/// The pauses between connections, by how long each lasted.
#[derive(Debug)]
pub(super) struct Pauses {
    next: Duration,
}

impl Pauses {
    pub(super) fn new() -> Pauses {
        Pauses { next: FIRST }
    }

    /// The pause after a connection that lasted so long; an attempt that failed lasted no time.
    pub(super) fn after(&mut self, lasted: Duration) -> Duration {
        if lasted >= GOOD {
            self.next = FIRST;
        }
        let pause = self.next;
        self.next = (pause * 2).min(LAST);
        jittered(pause)
    }
}

/// Up to a quarter longer, by chance, so that the witnesses of a bastion that was away don't come back together.
fn jittered(pause: Duration) -> Duration {
    // Without randomness the pause is merely not spread.
    let chance = getrandom::u32().unwrap_or(0);
    pause + (pause / 4).mul_f64(f64::from(chance) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without the chance in it.
    fn whole(pause: Duration, expected: u64) {
        let expected = Duration::from_secs(expected);
        assert!((expected..=expected + expected / 4).contains(&pause), "{pause:?} instead of {expected:?}");
    }

    #[test]
    fn each_failure_doubles_the_pause_up_to_a_minute() {
        let mut pauses = Pauses::new();
        for expected in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            whole(pauses.after(Duration::ZERO), expected);
        }
    }

    #[test]
    fn a_connection_that_lasted_begins_anew_and_one_that_did_not_goes_on() {
        let mut pauses = Pauses::new();
        for expected in [1, 2, 4] {
            whole(pauses.after(GOOD - Duration::from_millis(1)), expected);
        }
        whole(pauses.after(GOOD), 1);
        whole(pauses.after(Duration::ZERO), 2);
    }

    #[test]
    fn pauses_are_spread() {
        let pauses: std::collections::HashSet<_> = (0..100).map(|_| jittered(LAST)).collect();
        assert!(pauses.len() > 90, "{}", pauses.len());
    }
}
