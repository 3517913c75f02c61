//! The accounts of all callers, and the figures in the answers' headers.

use std::{
    fmt::Write as _,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use http::HeaderValue;

use super::{
    address::Caller,
    api_key::ApiKeyId,
    denied::Denied,
    key_list::MAX_KEYS,
    quota::{Bucket, Quota},
    table::{Table, Usage},
};
use crate::config::{Allowance, RateLimits};

/// Accounts by address, and by key.
#[derive(Debug)]
pub(super) struct Limiter {
    started: Instant,
    address: Quotas,
    key: Quotas,
    addresses: Mutex<Table<Caller>>,
    keys: Mutex<Table<ApiKeyId>>,
}

/// Whose account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Address(Caller),
    Key(ApiKeyId),
}

/// What was taken from an account.
#[derive(Debug)]
pub struct Charge {
    hashes: u64,
}

/// The quotas of one kind of caller.
#[derive(Clone, Copy, Debug)]
struct Quotas {
    requests: Option<Quota>,
    hashes: Option<Quota>,
}

impl Quotas {
    fn new(allowance: &Allowance, window: Duration) -> Quotas {
        let quota = |amount: Option<u64>| amount.map(|amount| Quota::new(amount, window));
        Quotas { requests: quota(allowance.requests), hashes: quota(allowance.hashes) }
    }

    /// Each quota that there is, with its name, its unit in `RateLimit-Policy`, and its bucket.
    fn each(self, usage: Usage) -> impl Iterator<Item = (&'static str, Option<&'static str>, Quota, Bucket)> {
        // SPEC: draft-ietf-httpapi-ratelimit-headers-11: requests are the unit unless another is named.
        let requests = self.requests.map(|quota| ("requests", None, quota, usage.requests));
        let hashes = self.hashes.map(|quota| ("hashes", Some("treering-hashes"), quota, usage.hashes));
        requests.into_iter().chain(hashes)
    }

    fn is_unlimited(self) -> bool {
        self.requests.is_none() && self.hashes.is_none()
    }
}

impl Limiter {
    pub(super) fn new(limits: &RateLimits) -> Limiter {
        Limiter {
            started: Instant::now(),
            address: Quotas::new(&limits.address, limits.window),
            key: Quotas::new(&limits.key, limits.window),
            addresses: Mutex::new(Table::new(limits.max_addresses)),
            keys: Mutex::new(Table::new(MAX_KEYS)),
        }
    }

    pub(super) fn addresses(&self) -> usize {
        lock(&self.addresses).len()
    }

    pub(super) fn charge(&self, who: Who, hashes: u64) -> Result<Charge, Denied> {
        self.charge_at(who, hashes, self.started.elapsed())
    }

    fn charge_at(&self, who: Who, hashes: u64, now: Duration) -> Result<Charge, Denied> {
        let quotas = self.quotas(who);
        if quotas.is_unlimited() {
            return Ok(Charge { hashes });
        }
        self.with(who, now, |usage| {
            let lacking =
                quotas.each(*usage).filter(|(_, _, quota, bucket)| quota.remaining(*bucket, now) == 0);
            if let Some((name, _, quota, bucket)) =
                lacking.max_by_key(|(_, _, quota, bucket)| quota.wait(*bucket, now))
            {
                return Err(Denied::Rate {
                    quota: name,
                    amount: quota.amount(),
                    window: quota.window().as_secs(),
                    retry_after: quota.wait(bucket, now),
                });
            }
            if let Some(quota) = quotas.requests {
                usage.requests = quota.charge(usage.requests, now, 1);
            }
            if let Some(quota) = quotas.hashes {
                usage.hashes = quota.charge(usage.hashes, now, hashes);
            }
            Ok(Charge { hashes })
        })
    }

    pub(super) fn settle(&self, who: Who, charge: &Charge, hashes: u64) {
        let Some(quota) = self.quotas(who).hashes else { return };
        if hashes == charge.hashes {
            return;
        }
        let now = self.started.elapsed();
        self.with(who, now, |usage| {
            usage.hashes = match hashes.checked_sub(charge.hashes) {
                Some(more) => quota.charge(usage.hashes, now, more),
                None => quota.refund(usage.hashes, charge.hashes - hashes),
            };
        });
    }

    /// `RateLimit-Policy` and `RateLimit` for this caller.
    pub(super) fn told(&self, who: Who) -> Option<(HeaderValue, HeaderValue)> {
        self.told_at(who, self.started.elapsed())
    }

    fn told_at(&self, who: Who, now: Duration) -> Option<(HeaderValue, HeaderValue)> {
        let quotas = self.quotas(who);
        if quotas.is_unlimited() {
            return None;
        }
        let usage = match who {
            Who::Address(caller) => lock(&self.addresses).get(caller),
            Who::Key(id) => lock(&self.keys).get(id),
        };
        let (mut policy, mut left) = (String::new(), String::new());
        for (name, unit, quota, bucket) in quotas.each(usage) {
            let comma = if policy.is_empty() { "" } else { ", " };
            let unit = unit.map(|unit| format!(";qu=\"{unit}\"")).unwrap_or_default();
            let remaining = quota.remaining(bucket, now);
            // Nothing left: the moment at which there is something, as in Retry-After. Else the one at which all is there.
            let time = if remaining == 0 { quota.wait(bucket, now) } else { quota.until_full(bucket, now) };
            // Writing into a string does not fail.
            let _ =
                write!(policy, "{comma}\"{name}\";q={}{unit};w={}", quota.amount(), quota.window().as_secs());
            let _ = write!(left, "{comma}\"{name}\";r={remaining};t={}", whole_seconds(time));
        }
        let value = |text: String| HeaderValue::try_from(text).ok();
        value(policy).zip(value(left))
    }

    fn quotas(&self, who: Who) -> Quotas {
        match who {
            Who::Address(_) => self.address,
            Who::Key(_) => self.key,
        }
    }

    fn with<T>(&self, who: Who, now: Duration, change: impl FnOnce(&mut Usage) -> T) -> T {
        fn one<K: std::hash::Hash + Eq + Copy, T>(
            table: &Mutex<Table<K>>,
            caller: K,
            now: Duration,
            change: impl FnOnce(&mut Usage) -> T,
        ) -> T {
            let mut table = lock(table);
            let mut usage = table.get(caller);
            let result = change(&mut usage);
            table.set(caller, usage, now);
            result
        }
        match who {
            Who::Address(caller) => one(&self.addresses, caller, now, change),
            Who::Key(id) => one(&self.keys, id, now, change),
        }
    }
}

/// A table is whole between any two of its calls, whatever panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn whole_seconds(time: Duration) -> u128 {
    time.as_millis().div_ceil(1000)
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn limiter() -> Limiter {
        Limiter::new(&RateLimits {
            window: Duration::from_secs(60),
            address: Allowance { requests: Some(3), hashes: Some(100) },
            key: Allowance { requests: None, hashes: Some(1000) },
            max_addresses: 1000,
        })
    }

    fn address(last: u8) -> Who {
        Who::Address(Caller::of([192, 0, 2, last].into(), &HeaderMap::new(), &[]))
    }

    fn key() -> Who {
        Who::Key(ApiKeyId::parse("0123456789abcdef").unwrap())
    }

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn told(limiter: &Limiter, who: Who, now: Duration) -> String {
        let (policy, left) = limiter.told_at(who, now).unwrap();
        format!("{} | {}", policy.to_str().unwrap(), left.to_str().unwrap())
    }

    #[test]
    fn a_caller_is_refused_when_either_is_used_up_and_others_are_not() {
        let limiter = limiter();
        for _ in 0..3 {
            limiter.charge_at(address(1), 1, s(0)).unwrap();
        }
        let denied = limiter.charge_at(address(1), 1, s(0)).unwrap_err();
        assert_eq!(denied, Denied::Rate { quota: "requests", amount: 3, window: 60, retry_after: s(20) });
        limiter.charge_at(address(2), 200, s(0)).unwrap();
        let denied = limiter.charge_at(address(2), 1, s(0)).unwrap_err();
        assert!(matches!(denied, Denied::Rate { quota: "hashes", amount: 100, .. }), "{denied:?}");
        // What is refused costs nothing.
        limiter.charge_at(address(1), 1, s(20)).unwrap();
        limiter.charge_at(key(), 1, s(0)).unwrap();
    }

    #[test]
    fn what_is_left_is_told() {
        let limiter = limiter();
        limiter.charge_at(address(1), 40, s(0)).unwrap();
        assert_eq!(
            told(&limiter, address(1), s(0)),
            "\"requests\";q=3;w=60, \"hashes\";q=100;qu=\"treering-hashes\";w=60 | \
             \"requests\";r=2;t=20, \"hashes\";r=60;t=24"
        );
        limiter.charge_at(address(1), 100, s(0)).unwrap();
        let denied = limiter.charge_at(address(1), 1, s(0)).unwrap_err();
        let Denied::Rate { retry_after, .. } = denied else { panic!("{denied:?}") };
        assert!(
            told(&limiter, address(1), s(0))
                .ends_with(&format!("\"hashes\";r=0;t={}", whole_seconds(retry_after)))
        );
        assert_eq!(
            told(&limiter, key(), s(0)),
            "\"hashes\";q=1000;qu=\"treering-hashes\";w=60 | \"hashes\";r=1000;t=0"
        );
    }

    #[test]
    fn a_body_is_paid_for_by_what_it_was() {
        let limiter = limiter();
        let charge = limiter.charge(key(), 10).unwrap();
        limiter.settle(key(), &charge, 500);
        assert!(limiter.told(key()).unwrap().1.to_str().unwrap().starts_with("\"hashes\";r=50"));
        let charge = limiter.charge(key(), 300).unwrap();
        limiter.settle(key(), &charge, 0);
        assert!(limiter.told(key()).unwrap().1.to_str().unwrap().starts_with("\"hashes\";r=50"));
    }

    #[test]
    fn without_limits_nothing_is_kept_or_told() {
        let none = Allowance { requests: None, hashes: None };
        let limits = RateLimits { window: s(60), address: none, key: none, max_addresses: 10 };
        let limiter = Limiter::new(&limits);
        limiter.charge(address(1), u64::MAX).unwrap();
        assert_eq!((limiter.addresses(), limiter.told(address(1))), (0, None));
    }
}
