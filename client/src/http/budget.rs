//! How much may be sent now, so that a log never has to refuse: by what the log's own answers say is left to this caller
//! (draft-ietf-httpapi-ratelimit-headers-11), and by the user's own cap.
//!
//! A quota is a bucket: it holds `q`, fills evenly in `w` seconds, and lets in whoever finds at least one unit in it, also
//! with more than that; the next one waits for the debt (Treering spec, HTTP API, section 5). What is on its way is counted
//! at once, so that several submissions don't all spend what one may. Units: hashes, requests, seconds.

use reqwest::header::HeaderMap;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The unit of the quota that counts hashes; without a unit, requests are counted.
const HASHES: &str = "treering-hashes";
/// No header is believed that would stop us for longer.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// One for all clones of a client.
#[derive(Clone, Debug, Default)]
pub(super) struct Budget(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    requests: Option<Bucket>,
    hashes: Option<Bucket>,
    /// Hashes a second, and when the next may be sent.
    cap: Option<(f64, Option<Instant>)>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// May be below zero.
    level: f64,
    most: f64,
    /// Units a second.
    fills: f64,
    seen: Instant,
}

impl Budget {
    /// At most so many hashes a second, over time.
    pub(super) fn with_cap(hashes_a_second: u64) -> Budget {
        // Past 2^53 a cap is none in any case.
        #[expect(clippy::cast_precision_loss, reason = "a rate, not a count")]
        let cap = Some((hashes_a_second.max(1) as f64, None));
        Budget(Arc::new(Mutex::new(State { cap, ..State::default() })))
    }

    /// Counts a request of so many hashes; says how long to wait before it is sent.
    pub(super) fn reserve(&self, hashes: u64, now: Instant) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "a request has far fewer than 2^53")]
        let hashes = hashes as f64;
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let requests = state.requests.as_mut().map_or(Duration::ZERO, |bucket| bucket.take(1.0, now));
        let quota = state.hashes.as_mut().map_or(Duration::ZERO, |bucket| bucket.take(hashes, now));
        let cap = state.cap.as_mut().map_or(Duration::ZERO, |(rate, next)| {
            let begins = next.map_or(now, |next| next.max(now));
            *next = Some(begins + seconds(hashes / *rate));
            begins - now
        });
        requests.max(quota).max(cap)
    }

    /// Takes note of what an answer says.
    pub(super) fn note(&self, headers: &HeaderMap, now: Instant) {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let (Some(policy), Some(left)) = (text("ratelimit-policy"), text("ratelimit")) else { return };
        let left = items(left);
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for policy in items(policy) {
            let (Some(most), Some(window)) = (policy.number("q"), policy.number("w").filter(|w| *w > 0.0))
            else {
                continue;
            };
            let Some(left) = left.iter().find(|left| left.name == policy.name) else { continue };
            let Some(remaining) = left.number("r") else { continue };
            let mut bucket = Bucket { level: remaining, most, fills: most / window, seen: now };
            if let (true, Some(time)) = (remaining < 1.0, left.number("t")) {
                // There is something again in so many seconds, which the rate alone doesn't say: there may be a debt.
                bucket.level = 1.0 - time * bucket.fills;
            }
            match policy.text("qu") {
                None => state.requests = Some(bucket),
                Some(HASHES) => state.hashes = Some(bucket),
                Some(_) => {}
            }
        }
    }
}

impl Bucket {
    /// How long until there is something; what is taken is gone at once.
    fn take(&mut self, amount: f64, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(self.seen).as_secs_f64();
        self.level = (self.level + passed * self.fills).min(self.most);
        self.seen = self.seen.max(now);
        let wait = seconds((1.0 - self.level).max(0.0) / self.fills);
        self.level -= amount;
        wait
    }
}

fn seconds(count: f64) -> Duration {
    Duration::try_from_secs_f64(count).unwrap_or(LONGEST).min(LONGEST)
}

/// One item of a list of structured fields (RFC 9651), as far as these headers use them.
struct Item<'a> {
    name: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> Item<'a> {
    fn text(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.parameters.iter().find(|(key, _)| *key == name)?;
        Some(value.trim_matches('"'))
    }

    fn number(&self, name: &str) -> Option<f64> {
        // Counts only: what f64 reads beyond them (inf, -1) is none.
        let value = self.text(name)?.parse::<u64>().ok()?;
        #[expect(clippy::cast_precision_loss, reason = "an allowance, not a count that must fit")]
        Some(value as f64)
    }
}

/// No header has more items, and no item more parameters, that anybody would look at: two lists of thousands of items are
/// compared with each other, and a log chooses what it sends.
const MOST: usize = 16;

/// What can't be read is passed over: a header of the future must not stop anybody.
fn items(text: &str) -> Vec<Item<'_>> {
    text.split(',')
        .take(MOST)
        .filter_map(|item| {
            let mut parts = item.split(';').map(str::trim);
            let name = parts.next()?.strip_prefix('"')?.strip_suffix('"')?;
            Some(Item {
                name,
                parameters: parts.take(MOST).filter_map(|part| part.split_once('=')).collect(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(policy: &str, left: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("ratelimit-policy", policy.parse().unwrap());
        headers.insert("ratelimit", left.parse().unwrap());
        headers
    }

    const POLICY: &str = "\"requests\";q=60;w=60, \"hashes\";q=1000;qu=\"treering-hashes\";w=10";

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn without_limits_nobody_waits() {
        assert_eq!(Budget::default().reserve(u64::MAX, Instant::now()), Duration::ZERO);
    }

    #[test]
    fn what_is_left_is_spent_and_no_more() {
        let (budget, now) = (Budget::default(), Instant::now());
        budget.note(&headers(POLICY, "\"requests\";r=50;t=10, \"hashes\";r=500;t=5"), now);
        // 100 hashes come back each second.
        assert_eq!(budget.reserve(500, now), Duration::ZERO);
        assert_eq!(budget.reserve(1000, now), Duration::from_millis(10), "for one unit");
        assert_eq!(budget.reserve(1, now), Duration::from_millis(10_010), "for the debt");
        // Later answers are newer.
        budget.note(&headers(POLICY, "\"requests\";r=50;t=10, \"hashes\";r=1000;t=0"), now + s(1));
        assert_eq!(budget.reserve(1, now + s(1)), Duration::ZERO);
    }

    #[test]
    fn of_very_many_items_the_first_are_read() {
        let many = (0..100).map(|at| format!("\"{at}\";q=1;w=60;r=0;t=9")).collect::<Vec<_>>().join(",");
        assert_eq!(items(&many).len(), MOST);
        assert_eq!(items(&format!("\"a\"{}", ";q=1".repeat(100)))[0].parameters.len(), MOST);
        let (budget, now) = (Budget::default(), Instant::now());
        budget.note(&headers(&many, &many), now);
        assert_eq!(budget.reserve(1, now), s(9));
    }

    #[test]
    fn nothing_left_means_until_then() {
        let (budget, now) = (Budget::default(), Instant::now());
        budget.note(&headers(POLICY, "\"requests\";r=0;t=7, \"hashes\";r=500;t=5"), now);
        assert_eq!(budget.reserve(1, now), s(7));
        assert_eq!(budget.reserve(1, now), s(8), "a request a second comes back");
        let (budget, now) = (Budget::default(), Instant::now());
        budget.note(&headers(POLICY, "\"requests\";r=0;t=7, \"hashes\";r=500;t=5"), now);
        assert_eq!(budget.reserve(1, now + s(7)), Duration::ZERO);
    }

    #[test]
    fn a_bucket_fills_to_its_brim() {
        let (budget, now) = (Budget::default(), Instant::now());
        budget.note(&headers(POLICY, "\"requests\";r=50;t=10, \"hashes\";r=10;t=10"), now);
        assert_eq!(budget.reserve(1100, now + s(3600)), Duration::ZERO);
        assert_eq!(budget.reserve(1, now + s(3600)), Duration::from_millis(1010));
    }

    #[test]
    fn the_users_own_cap_spreads_what_is_sent() {
        let (budget, now) = (Budget::with_cap(100), Instant::now());
        assert_eq!(budget.reserve(1000, now), Duration::ZERO);
        assert_eq!(budget.reserve(500, now), s(10));
        assert_eq!(budget.reserve(1, now + s(12)), s(3));
        assert_eq!(budget.reserve(1, now + s(60)), Duration::ZERO, "what wasn't used is not kept");
    }

    #[test]
    fn headers_that_are_none_are_passed_over() {
        for (policy, left) in [
            ("", ""),
            ("requests;q=1;w=1", "requests;r=0;t=9"),
            ("\"requests\";q=1", "\"requests\";r=0;t=9"),
            ("\"requests\";q=1;w=0", "\"requests\";r=0;t=9"),
            ("\"requests\";q=-1;w=1", "\"requests\";r=0;t=9"),
            ("\"requests\";q=1;w=1", "\"hashes\";r=0;t=9"),
            ("\"bytes\";q=1;w=1;qu=\"content-bytes\"", "\"bytes\";r=0;t=9"),
            (";;;=,\",\"\"", "\"\"\";,"),
        ] {
            let (budget, now) = (Budget::default(), Instant::now());
            budget.note(&headers(policy, left), now);
            assert_eq!(budget.reserve(1, now), Duration::ZERO, "{policy}");
        }
        let (budget, now) = (Budget::default(), Instant::now());
        budget.note(&headers("\"a\";q=1;w=1", "\"a\";r=0;t=99999999999999999"), now);
        assert_eq!(budget.reserve(1, now), LONGEST);
    }
}
