//! A quota: so many units in a window, as a bucket that fills evenly.
//!
//! A bucket is one number, the moment at which it will be full again. Whoever finds at least one unit in it is let in,
//! and pays for all that was asked for: the balance may fall below nothing, and then takes the longer to come back. So
//! any one request may be as large as the log's limits allow, and the average holds all the same.

use std::time::Duration;

const PICOS: u128 = 1_000_000_000_000;

/// So many units in each window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quota {
    amount: u64,
    window: Duration,
}

/// What is left of a quota: picoseconds since a fixed moment, at which all of it will be there. The default is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bucket {
    full_at: u128,
}

impl Quota {
    /// `amount` (at least 1) in each `window`.
    pub(super) fn new(amount: u64, window: Duration) -> Quota {
        Quota { amount: amount.max(1), window }
    }

    /// Units a window.
    pub(super) fn amount(&self) -> u64 {
        self.amount
    }

    /// The window.
    pub(super) fn window(&self) -> Duration {
        self.window
    }

    /// Units that are there now.
    pub(super) fn remaining(&self, bucket: Bucket, now: Duration) -> u64 {
        let free = picos(self.window).saturating_sub(bucket.used(now));
        let units = free * u128::from(self.amount) / picos(self.window).max(1);
        u64::try_from(units).unwrap_or(u64::MAX)
    }

    /// How long until there is a unit; zero if there is one.
    pub(super) fn wait(&self, bucket: Bucket, now: Duration) -> Duration {
        // Rounded up: what is promised then is there.
        let one = picos(self.window).div_ceil(u128::from(self.amount));
        duration((bucket.used(now) + one).saturating_sub(picos(self.window)))
    }

    /// How long until the bucket is full.
    pub(super) fn until_full(&self, bucket: Bucket, now: Duration) -> Duration {
        duration(bucket.used(now))
    }

    /// Takes units out.
    pub(super) fn charge(&self, bucket: Bucket, now: Duration, units: u64) -> Bucket {
        Bucket { full_at: bucket.full_at.max(picos(now)) + self.cost(units) }
    }

    /// Puts units back that were taken out and not used.
    pub(super) fn refund(&self, bucket: Bucket, units: u64) -> Bucket {
        Bucket { full_at: bucket.full_at.saturating_sub(self.cost(units)) }
    }

    fn cost(&self, units: u64) -> u128 {
        u128::from(units) * picos(self.window) / u128::from(self.amount)
    }
}

impl Bucket {
    /// Full again: as good as one that nobody remembers.
    pub(super) fn is_full(self, now: Duration) -> bool {
        self.used(now) == 0
    }

    /// The later, the more was taken out.
    pub(super) fn full_at(self) -> u128 {
        self.full_at
    }

    fn used(self, now: Duration) -> u128 {
        self.full_at.saturating_sub(picos(now))
    }
}

fn picos(time: Duration) -> u128 {
    time.as_nanos() * (PICOS / 1_000_000_000)
}

fn duration(picos: u128) -> Duration {
    let nanos = u64::try_from(picos.div_ceil(PICOS / 1_000_000_000)).unwrap_or(u64::MAX);
    Duration::from_nanos(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn units_come_back_evenly() {
        let quota = Quota::new(60, s(60));
        let bucket = quota.charge(Bucket::default(), s(100), 60);
        assert_eq!(quota.remaining(Bucket::default(), s(100)), 60);
        assert_eq!((quota.remaining(bucket, s(100)), quota.wait(bucket, s(100))), (0, s(1)));
        assert_eq!((quota.remaining(bucket, s(101)), quota.wait(bucket, s(101))), (1, Duration::ZERO));
        assert_eq!(quota.remaining(bucket, s(130)), 30);
        assert_eq!(quota.until_full(bucket, s(130)), s(30));
        assert!(bucket.is_full(s(160)) && !bucket.is_full(s(159)));
        assert_eq!(quota.remaining(bucket, s(1000)), 60, "never more than the quota");
    }

    #[test]
    fn the_average_holds_whatever_is_asked_for_at_once() {
        let quota = Quota::new(10, s(10));
        // Ten times the quota, let in at once, and paid for over a hundred seconds.
        let bucket = quota.charge(Bucket::default(), s(0), 100);
        assert_eq!(quota.wait(bucket, s(0)), s(91));
        assert_eq!(quota.remaining(bucket, s(90)), 0);
        assert_eq!(quota.remaining(bucket, s(91)), 1);
    }

    #[test]
    fn what_was_not_used_comes_back() {
        let quota = Quota::new(10, s(10));
        let bucket = quota.charge(Bucket::default(), s(5), 8);
        assert_eq!(quota.remaining(quota.refund(bucket, 3), s(5)), 5);
        assert_eq!(quota.remaining(quota.refund(Bucket::default(), 3), s(0)), 10);
    }

    #[test]
    fn the_largest_figures_stay_within_the_number() {
        let quota = Quota::new(10_000_000_000, s(1));
        let bucket = quota.charge(Bucket::default(), s(0), 1);
        assert!(!bucket.is_full(s(0)));
        let slow = Quota::new(1, s(3600));
        let mut bucket = Bucket::default();
        for _ in 0..1000 {
            bucket = slow.charge(bucket, s(1 << 32), 1 << 30);
        }
        assert_eq!(slow.remaining(bucket, s(1 << 33)), 0);
        assert!(slow.wait(bucket, s(1 << 33)) > s(1 << 33));
    }

    #[test]
    fn what_is_promised_is_there_then() {
        for amount in [1, 3, 7, 600, 999_983] {
            let quota = Quota::new(amount, s(60));
            let bucket = quota.charge(Bucket::default(), s(1), amount);
            let wait = quota.wait(bucket, s(1));
            assert!(quota.remaining(bucket, s(1) + wait) >= 1, "{amount}");
        }
    }
}
