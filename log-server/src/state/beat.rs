//! Whether this process has stood still, as one that was stopped or suspended has: meanwhile a copy of its store may have gone on.

use super::millis;
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

/// A process that misses its tick by so much may have been stopped, and its store have gone on elsewhere.
const STILL: Duration = Duration::from_secs(1);

/// The sequencer's beat, by which standstills show.
#[derive(Debug)]
pub(super) struct Beat {
    /// A beat that comes later than this after the last one is late.
    limit: Duration,
    /// When the last one was, in milliseconds of the monotonic clock.
    last: AtomicU64,
    /// This process stood still for long, and nobody has asked since.
    stood_still: AtomicBool,
}

impl Beat {
    pub(super) fn new(tick: Duration, now: Duration) -> Beat {
        Beat { limit: tick + STILL, last: AtomicU64::new(millis(now)), stood_still: AtomicBool::new(false) }
    }

    /// The sequencer goes round; did it stand still before?
    pub(super) fn beat(&self, now: Duration) -> bool {
        let late = self.is_late(now);
        if late {
            self.stand_still();
        }
        // INVARIANT: after that. Whoever finds the beat in time also finds that this process stood still before it.
        self.last.store(millis(now), Ordering::SeqCst);
        late
    }

    pub(super) fn stand_still(&self) {
        self.stood_still.store(true, Ordering::SeqCst);
    }

    /// Has this process stood still since this was asked last?
    pub(super) fn has_stood_still(&self, now: Duration) -> bool {
        // The one who asks may be the first to run again: then the beat is late. It is looked at first, since `beat` writes in
        // the other order.
        let late = self.is_late(now);
        self.stood_still.swap(false, Ordering::SeqCst) | late
    }

    fn is_late(&self, now: Duration) -> bool {
        let since = millis(now).saturating_sub(self.last.load(Ordering::SeqCst));
        u128::from(since) > self.limit.as_millis()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::Barrier, thread};

    const TICK: Duration = Duration::from_secs(1);

    #[test]
    fn a_standstill_shows_once_to_whoever_asks() {
        let beat = Beat::new(TICK, Duration::ZERO);
        assert!(!beat.beat(TICK * 2) && !beat.has_stood_still(TICK * 4));
        assert!(beat.has_stood_still(TICK * 4 + Duration::from_millis(1)));
        assert!(beat.beat(TICK * 5));
        assert!(beat.has_stood_still(TICK * 5) && !beat.has_stood_still(TICK * 5));
        beat.stand_still();
        assert!(beat.has_stood_still(TICK * 5) && !beat.has_stood_still(TICK * 5));
    }

    /// Both run again in the same moment.
    #[test]
    fn a_standstill_is_never_missed_between_the_beat_and_what_it_says() {
        const ROUNDS: u32 = 50_000;
        let barrier = Barrier::new(2);
        let beats: Vec<Beat> = (0..ROUNDS).map(|_| Beat::new(TICK, Duration::ZERO)).collect();
        let now = TICK * 10;
        thread::scope(|scope| {
            scope.spawn(|| {
                for beat in &beats {
                    barrier.wait();
                    assert!(beat.beat(now));
                }
            });
            let missed = beats.iter().filter(|beat| {
                barrier.wait();
                !beat.has_stood_still(now)
            });
            assert_eq!(missed.count(), 0);
        });
    }
}
