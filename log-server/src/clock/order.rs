//! The order that time must keep: which times entries may have.

use super::Clock;
use crate::broken::{Promise, is_broken};
use std::time::Duration;
use treering_tlog::time::UnixMillis;
use treering_token::{entry::Entry, verify::Verifier};

/// What verifiers allow an entry to be ahead of its witnesses, and with it the most that a start may be.
const MINUTE: Duration = Duration::from_secs(Verifier::ALLOWED_SKEW);
/// Cosignatures state whole seconds, and take some time to come.
const COARSE: Duration = Duration::from_secs(2);
/// A start that nobody can confirm deletes nothing by its time for so long: a clock that is set late is set by then.
const PATIENCE: Duration = Duration::from_secs(3600);

/// What the clock allows the sequencer to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sealing {
    /// Seal with this time.
    At {
        /// The entry's time.
        time: UnixMillis,
        /// May things be deleted by it? Not soon after a start that nobody could confirm.
        sure: bool,
        /// Until now it was not believed.
        anew: Option<Anew>,
    },
    /// The clock has not passed the last entry's time yet: later.
    Wait,
    /// The clock is wrong, and nothing is sealed until it is back.
    Stopped {
        /// What is wrong, in words.
        reason: String,
    },
    /// Nobody knows whether the clock is right: nothing is sealed until it is back, or until the witnesses' clocks show its time.
    Unconfirmed {
        /// What the doubt is, in words.
        reason: String,
        /// How near to the witnesses' clocks it has to be.
        within: Duration,
        /// It is a start, and no step of a clock that was in order.
        start: bool,
    },
}

/// Why a time is believed that wasn't before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anew {
    /// The process has begun.
    Start,
    /// The clock has stepped far, and the witnesses have confirmed where it went.
    Step,
}

/// Holds the wall clock against the monotonic one, against the last entry, and, where these can't tell, against the
/// witnesses' clocks.
///
/// A start has nothing but the last entry to be held against, and a clock that is ahead of it may be right or wrong. What is
/// sealed with a time that is too late is beyond repair: nobody cosigns it before that time, and nothing is sealed beside it.
/// So a start is believed near the last entry's time, or when a quorum of the witnesses shows about the same time. One of them
/// would do on most days; but one alone may lie, or be as wrong as this machine, and without a quorum nothing is published
/// anyway.
#[derive(Debug)]
pub struct Order {
    bound: Duration,
    /// There are no witnesses to ask.
    alone: bool,
    /// Wall clock minus monotonic clock, in milliseconds, as of the last time that it was believed: at the start, or when the
    /// witnesses confirmed it. Corrections that are slewed move both clocks; steps add up until they are confirmed.
    offset: Option<i128>,
    /// From then on, by the monotonic clock, things may be deleted by this clock's time.
    sure_from: Duration,
}

impl Order {
    /// `bound`: the greatest step that is tolerated. `alone`: no witness is ever asked, so a start is believed as it is.
    pub fn new(bound: Duration, alone: bool) -> Order {
        Order { bound, alone, offset: None, sure_from: Duration::ZERO }
    }

    /// INVARIANT 6: time only goes forward. The time given is strictly greater than the last entry's; a step back
    /// within the bound delays sealing, one beyond it in either direction stops sealing until the clock is back or the
    /// witnesses have confirmed it.
    ///
    /// `confirmed`: do the clocks of a quorum of the witnesses show this time, within so much?
    pub fn sealing(
        &mut self,
        clock: &dyn Clock,
        last: Option<UnixMillis>,
        confirmed: impl Fn(UnixMillis, Duration) -> bool,
    ) -> Sealing {
        let (now, monotonic) = (clock.now(), clock.monotonic());
        if is_broken(Promise::Order) {
            let anew = self.offset.replace(0).is_none().then_some(Anew::Start);
            return Sealing::At { time: now, sure: true, anew };
        }
        let bound = self.bound.as_millis().cast_signed();
        let offset = i128::from(now.get()) - monotonic.as_millis().cast_signed();
        let step = offset - self.offset.unwrap_or(offset);
        let within = self.bound.min(MINUTE) + COARSE;
        let stepped = step.abs() > bound;
        if stepped && !confirmed(now, within) {
            let reason = format!("the clock stepped by {step} ms, more than {bound} ms");
            return Sealing::Unconfirmed { reason, within, start: false };
        }
        let ahead = last.map(|last| i128::from(now.get()) - i128::from(last.get()));
        if let Some(ahead) = ahead {
            if -ahead > bound {
                let reason = format!("the clock is {} ms behind the last entry", -ahead);
                return Sealing::Stopped { reason };
            }
            if ahead <= 0 {
                return Sealing::Wait;
            }
        }
        if now.get() < Entry::MIN_SEALED_AT {
            return Sealing::Stopped { reason: "the clock shows a time before entries can be".into() };
        }
        let anew = match self.offset {
            Some(_) => stepped.then_some(Anew::Step),
            None => {
                let near = self.bound.min(MINUTE).as_millis().cast_signed();
                let near = ahead.is_some_and(|ahead| ahead <= near);
                if !near && !self.alone && !confirmed(now, MINUTE) {
                    return Sealing::Unconfirmed { reason: unconfirmed(ahead), within: MINUTE, start: true };
                }
                self.sure_from = if self.alone && !near { monotonic + PATIENCE } else { monotonic };
                Some(Anew::Start)
            }
        };
        // Where there is nobody to ask, small steps are taken as they come: they can't be told from corrections.
        if anew.is_some() || self.alone || step != 0 && confirmed(now, within) {
            self.offset = Some(offset);
        }
        Sealing::At { time: now, sure: monotonic >= self.sure_from, anew }
    }
}

fn unconfirmed(ahead: Option<i128>) -> String {
    let since = ahead.map_or_else(String::new, |ahead| format!(" {ahead} ms after the last entry, and"));
    format!("the clock is{since} not confirmed by a quorum of the witnesses yet")
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

    /// What witnesses have to say whose clocks show this time.
    fn shown(theirs: u64) -> impl Fn(UnixMillis, Duration) -> bool {
        move |now, within| u128::from(now.get().abs_diff(theirs)) <= within.as_millis()
    }

    fn nobody(_: UnixMillis, _: Duration) -> bool {
        false
    }

    fn clock(wall: u64, monotonic: u64) -> Stepped {
        Stepped(Mutex::new((wall, monotonic)))
    }

    fn after(order: &mut Order, wall: u64, monotonic: u64, last: u64) -> Sealing {
        order.sealing(&clock(wall, monotonic), UnixMillis::new(last), nobody)
    }

    fn started() -> Order {
        let mut order = Order::new(Duration::from_secs(10), false);
        assert_eq!(after(&mut order, T, 0, T - 1), at(T, Some(Anew::Start)));
        order
    }

    fn at(millis: u64, anew: Option<Anew>) -> Sealing {
        Sealing::At { time: UnixMillis::new(millis).unwrap(), sure: true, anew }
    }

    fn stops(sealing: &Sealing) -> bool {
        matches!(sealing, Sealing::Stopped { .. } | Sealing::Unconfirmed { .. })
    }

    #[test]
    fn never_the_same_time_twice_nor_an_earlier_one() {
        let mut order = started();
        assert_eq!(after(&mut order, T, 1, T), Sealing::Wait);
        assert_eq!(after(&mut order, T - 9_000, 1, T), Sealing::Wait);
        assert!(matches!(after(&mut order, T + 1, 1, T), Sealing::At { .. }));
    }

    #[test]
    fn a_step_beyond_the_bound_stops_sealing_and_heals_when_the_clock_is_back() {
        for wall in [T - 3_600_000, T + 3_600_000, T + 10_002, T - 10_002] {
            let mut order = started();
            assert!(stops(&after(&mut order, wall, 1, T)), "{wall}");
            assert!(matches!(after(&mut order, T + 2, 2, T), Sealing::At { .. }), "{wall}");
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
            assert_eq!(matches!(sealing, Sealing::At { .. }), sealed, "{wall}: {sealing:?}");
            if sealed {
                last = T + wall;
            }
        }
    }

    #[test]
    fn a_clock_that_stands_still_is_waited_for_and_then_stops_sealing_until_it_is_right() {
        let mut order = started();
        assert_eq!(after(&mut order, T, 9_000, T), Sealing::Wait);
        assert!(stops(&after(&mut order, T, 10_001, T)));
        // It runs again, and is as far behind as it stood still.
        assert!(stops(&after(&mut order, T + 5, 60_005, T)));
        assert!(matches!(after(&mut order, T + 60_010, 60_010, T), Sealing::At { .. }));
    }

    #[test]
    fn small_steps_add_up_until_the_witnesses_confirm_them() {
        let mut order = started();
        let last = UnixMillis::new(T);
        let mut steps = |theirs: Option<u64>| {
            let mut sealing = |wall: u64, monotonic| match theirs {
                Some(theirs) => order.sealing(&clock(wall, monotonic), last, shown(theirs)),
                None => order.sealing(&clock(wall, monotonic), last, nobody),
            };
            (sealing(T + 6_001, 1), sealing(T + 12_002, 2))
        };
        // Nobody has seen the first one: together they are too much.
        let (first, second) = steps(None);
        assert_eq!(first, at(T + 6_001, None));
        assert!(matches!(second, Sealing::Unconfirmed { start: false, .. }), "{second:?}");
        // The witnesses are ahead as far, and believe both.
        let (first, second) = steps(Some(T + 9_000));
        assert_eq!((first, second), (at(T + 6_001, None), at(T + 12_002, None)));
        // From there on it is held against that.
        assert!(stops(&after(&mut order, T + 1, 3, T)));
        assert_eq!(after(&mut order, T + 22_002, 3, T), at(T + 22_002, None));
        assert!(stops(&after(&mut order, T + 22_005, 4, T)));
    }

    #[test]
    fn where_there_is_nobody_to_ask_small_steps_are_taken_as_they_come() {
        let mut order = Order::new(Duration::from_secs(10), true);
        let mut last = T;
        for second in 1..100 {
            let wall = T + second * 1_500;
            assert!(matches!(after(&mut order, wall, second * 1_000, last), Sealing::At { .. }));
            last = wall;
        }
    }

    #[test]
    fn a_start_far_behind_the_last_entry_is_refused() {
        let mut order = Order::new(Duration::from_secs(10), false);
        assert!(stops(&after(&mut order, T - 10_001, 0, T)));
        assert!(stops(&after(&mut order, 5, 0, 1)));
    }

    #[test]
    fn a_start_far_ahead_of_the_last_entry_waits_for_witnesses_who_show_that_time() {
        for (wall, last) in [(T + 10_001, Some(T)), (T + 31_536_000_000, Some(T)), (T, None)] {
            let last = last.and_then(UnixMillis::new);
            let mut order = Order::new(Duration::from_secs(10), false);
            assert!(matches!(
                order.sealing(&clock(wall, 0), last, nobody),
                Sealing::Unconfirmed { start: true, .. }
            ));
            // Neither is it believed because time goes by, nor by witnesses who show another time.
            for theirs in [wall - 60_001, wall + 60_002] {
                assert!(stops(&order.sealing(&clock(wall + 1, 1), last, shown(theirs))), "{theirs}");
            }
            assert_eq!(
                order.sealing(&clock(wall + 2, 2), last, shown(wall - 59_000)),
                at(wall + 2, Some(Anew::Start))
            );
            assert_eq!(order.sealing(&clock(wall + 3, 3), last, nobody), at(wall + 3, None));
        }
        // The clock is set before anybody has confirmed it.
        let mut order = Order::new(Duration::from_secs(10), false);
        assert!(stops(&after(&mut order, T + 3_600_000, 0, T)));
        assert_eq!(after(&mut order, T + 2_000, 2_000, T), at(T + 2_000, Some(Anew::Start)));
        // However far a step may go, a start is believed only within a minute of the last entry.
        let mut order = Order::new(Duration::from_secs(3_600), false);
        assert!(stops(&after(&mut order, T + 60_001, 0, T)));
    }

    #[test]
    fn a_start_that_nobody_can_confirm_is_believed_and_deletes_nothing_for_an_hour() {
        let mut order = Order::new(Duration::from_secs(10), true);
        let sure = |order: &mut Order, millis: u64| {
            let sealing = after(order, T + 86_400_000 + millis, millis, T);
            let Sealing::At { sure, .. } = sealing else { panic!("{sealing:?}") };
            sure
        };
        assert!(!sure(&mut order, 0));
        assert!(!sure(&mut order, 3_599_999));
        assert!(sure(&mut order, 3_600_000));
        // Near the last entry there is nothing to wait for.
        let mut order = Order::new(Duration::from_secs(10), true);
        assert_eq!(after(&mut order, T + 10_000, 0, T), at(T + 10_000, Some(Anew::Start)));
    }

    #[test]
    fn a_step_that_the_witnesses_confirm_is_taken() {
        let hour = 3_600_000;
        let mut order = started();
        let later = UnixMillis::new(T);
        // They show what the clock showed before, or are too far from where it is now.
        for theirs in [T, T + hour - 13_000, T + hour + 13_000] {
            let sealing = order.sealing(&clock(T + hour, 1), later, shown(theirs));
            assert!(matches!(sealing, Sealing::Unconfirmed { start: false, .. }), "{theirs}: {sealing:?}");
        }
        let sealing = order.sealing(&clock(T + hour, 1), later, shown(T + hour - 11_000));
        assert_eq!(sealing, at(T + hour, Some(Anew::Step)));
        assert_eq!(after(&mut order, T + hour + 1, 2, T + hour), at(T + hour + 1, None));
        // Back, too; but never behind what is sealed.
        let sealing = order.sealing(&clock(T + 2, 3), later, shown(T));
        assert_eq!(sealing, at(T + 2, Some(Anew::Step)));
        let mut order = started();
        let sealing = order.sealing(&clock(T - 20_000, 1), later, shown(T - 20_000));
        assert!(matches!(sealing, Sealing::Stopped { .. }), "{sealing:?}");
    }

    /// A machine that was suspended: both clocks went on.
    #[test]
    fn time_that_goes_by_in_one_piece_is_no_step() {
        let mut order = started();
        assert_eq!(after(&mut order, T + 60_000, 60_000, T), at(T + 60_000, None));
    }
}
