//! How much of the witness one log may take: requests at once, and cosignatures a day.
//!
//! A cosignature costs signing and a synced write, so each one is charged, by the rule of a leaky bucket: one every
//! `86,400 s / quota`, and so many at once as come together in a minute, at least [`MIN_BURST`].
//!
//! Anybody can send a log's public checkpoint again, and ask for subtrees of it, so there are three buckets a log: one for
//! checkpoints that are larger than the last, which only the log can make, one for the same size again, and one for
//! subtrees. Who uses up the others never stops growth.
//!
//! What this does not do: what is refused is not charged (it costs one signature verification), and addresses are not
//! told apart. That is for a proxy in front of the witness.

use std::{
    collections::HashMap,
    num::NonZeroU64,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use treering_tlog::checkpoint::Origin;

/// Also a log with one request a day may try again.
const MIN_BURST: u64 = 10;
const DAY: Duration = Duration::from_secs(86_400);
const MINUTES_A_DAY: u64 = 1_440;

/// What a log may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Cosignatures a day, for a log whose file names no quota. Default 2,160,000: 25 a second.
    pub per_day: NonZeroU64,
    /// Requests of one log that are worked on at once. Default 32.
    pub at_once: u32,
}

impl Default for Allowance {
    fn default() -> Allowance {
        Allowance { per_day: NonZeroU64::MIN.saturating_add(2_159_999), at_once: 32 }
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charge {
    /// A larger tree.
    Growth,
    /// The same tree again.
    Refresh,
    /// A subtree.
    Subtree,
}

/// The use that each log makes of the witness.
#[derive(Debug, Default)]
pub(super) struct Quotas {
    /// INVARIANT: only logs that are or were configured, so this is as bounded as the operator's files are.
    logs: Arc<Mutex<HashMap<Origin, Use>>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Use {
    at_once: u32,
    /// When the bucket will be empty again, if it is not.
    growth: Option<Instant>,
    refresh: Option<Instant>,
    subtree: Option<Instant>,
}

/// A place among a log's requests at once, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    logs: Arc<Mutex<HashMap<Origin, Use>>>,
    origin: Origin,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(used) = lock(&self.logs).get_mut(&self.origin) {
            used.at_once = used.at_once.saturating_sub(1);
        }
    }
}

impl Quotas {
    /// A place for one more request of this log; `None` if it has all that it may have.
    pub(super) fn enter(&self, origin: &Origin, at_once: u32) -> Option<Place> {
        let mut logs = lock(&self.logs);
        let used = logs.entry(origin.clone()).or_default();
        if used.at_once >= at_once {
            return None;
        }
        used.at_once += 1;
        Some(Place { logs: Arc::clone(&self.logs), origin: origin.clone() })
    }

    /// Charges one cosignature.
    ///
    /// # Errors
    /// How long until there is one again.
    pub(super) fn charge(
        &self,
        origin: &Origin,
        charge: Charge,
        per_day: NonZeroU64,
        now: Instant,
    ) -> Result<(), Duration> {
        let cost = DAY.div_f64(per_day.get() as f64);
        let burst = (per_day.get() / MINUTES_A_DAY).max(MIN_BURST);
        let capacity = cost.mul_f64((burst - 1) as f64);
        let mut logs = lock(&self.logs);
        let used = logs.entry(origin.clone()).or_default();
        let empty_at = match charge {
            Charge::Growth => &mut used.growth,
            Charge::Refresh => &mut used.refresh,
            Charge::Subtree => &mut used.subtree,
        };
        let filled = empty_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        if filled > capacity {
            return Err(filled - capacity);
        }
        *empty_at = Some(now + filled + cost);
        Ok(())
    }
}

fn lock(logs: &Mutex<HashMap<Origin, Use>>) -> MutexGuard<'_, HashMap<Origin, Use>> {
    logs.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        Origin::new(text).unwrap()
    }

    fn per_day(count: u64) -> NonZeroU64 {
        NonZeroU64::new(count).unwrap()
    }

    /// How many in a row go through at one moment.
    fn burst(quotas: &Quotas, origin: &Origin, quota: u64, now: Instant) -> u64 {
        let go = || quotas.charge(origin, Charge::Growth, per_day(quota), now).is_ok();
        (0..100_000).take_while(|_| go()).count() as u64
    }

    #[test]
    fn a_minutes_worth_or_ten_may_come_at_once() {
        let now = Instant::now();
        for (quota, expected) in [(1, 10), (24, 10), (86_400, 60), (864_000, 600)] {
            assert_eq!(burst(&Quotas::default(), &origin("a"), quota, now), expected);
        }
    }

    #[test]
    fn after_the_burst_comes_one_at_a_time_and_the_wait_is_told() {
        let (quotas, a, start) = (Quotas::default(), origin("a"), Instant::now());
        assert_eq!(burst(&quotas, &a, 8_640, start), 10);
        let refused = quotas.charge(&a, Charge::Growth, per_day(8_640), start).unwrap_err();
        assert_eq!(refused.as_secs_f64().round(), 10.0);
        assert_eq!(burst(&quotas, &a, 8_640, start + refused), 1);
        assert_eq!(burst(&quotas, &a, 8_640, start + Duration::from_secs(1_000)), 10);
    }

    #[test]
    fn logs_and_kinds_have_buckets_of_their_own() {
        let (quotas, now) = (Quotas::default(), Instant::now());
        assert_eq!(burst(&quotas, &origin("a"), 24, now), 10);
        assert_eq!(burst(&quotas, &origin("b"), 24, now), 10);
        // Who replays a log's checkpoints uses up its refreshes alone, and the other way round.
        quotas.charge(&origin("a"), Charge::Refresh, per_day(24), now).unwrap();
    }

    #[test]
    fn places_are_given_back() {
        let quotas = Quotas::default();
        let (a, b) = (origin("a"), origin("b"));
        let first = quotas.enter(&a, 2).unwrap();
        let _second = quotas.enter(&a, 2).unwrap();
        assert!(quotas.enter(&a, 2).is_none());
        assert!(quotas.enter(&b, 2).is_some());
        drop(first);
        assert!(quotas.enter(&a, 2).is_some());
    }
}
