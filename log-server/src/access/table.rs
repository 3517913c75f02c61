//! What each caller has used, in bounded memory.
//!
//! A caller whose buckets are full again is forgotten. When the table is full all the same, the half is forgotten that has
//! used least: so a flood of addresses can make the log forgive others, and never makes it refuse anybody, and whoever is
//! deepest in debt stays known. Keys have a table of their own, which no address can reach.

use std::{collections::HashMap, hash::Hash, time::Duration};

use super::quota::Bucket;

/// The buckets of one caller: of requests, and of hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub requests: Bucket,
    pub hashes: Bucket,
}

impl Usage {
    fn is_full(self, now: Duration) -> bool {
        self.requests.is_full(now) && self.hashes.is_full(now)
    }

    fn debt(self) -> u128 {
        self.requests.full_at().max(self.hashes.full_at())
    }
}

/// Usage by caller.
#[derive(Debug)]
pub(super) struct Table<K> {
    /// INVARIANT 7: at most `most`.
    rows: HashMap<K, Usage>,
    most: usize,
}

impl<K: Hash + Eq + Copy> Table<K> {
    /// For at most so many callers (at least 2).
    pub(super) fn new(most: usize) -> Table<K> {
        Table { rows: HashMap::new(), most: most.max(2) }
    }

    /// What this caller has used.
    pub(super) fn get(&self, caller: K) -> Usage {
        self.rows.get(&caller).copied().unwrap_or_default()
    }

    /// Notes what this caller has used.
    pub(super) fn set(&mut self, caller: K, usage: Usage, now: Duration) {
        if usage.is_full(now) {
            self.rows.remove(&caller);
            return;
        }
        if self.rows.len() >= self.most && !self.rows.contains_key(&caller) {
            self.make_room(now);
        }
        self.rows.insert(caller, usage);
    }

    /// How many callers are known.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// At most once for each half of the table that is filled anew, so its cost is a constant for each caller.
    fn make_room(&mut self, now: Duration) {
        self.rows.retain(|_, usage| !usage.is_full(now));
        if self.rows.len() <= self.most / 2 {
            return;
        }
        let mut debts: Vec<u128> = self.rows.values().map(|usage| usage.debt()).collect();
        let middle = debts.len() - self.most / 2;
        let (_, bound, _) = debts.select_nth_unstable(middle);
        let bound = *bound;
        // Of those on the bound itself only as many stay as there is room for beside those above it.
        let above = self.rows.values().filter(|usage| usage.debt() > bound).count();
        let mut room = (self.most / 2).saturating_sub(above);
        self.rows.retain(|_, usage| {
            let is_on_it = usage.debt() == bound && room > 0;
            room -= usize::from(is_on_it);
            usage.debt() > bound || is_on_it
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::quota::Quota;

    const NOW: Duration = Duration::from_secs(1000);

    fn used(requests: u64) -> Usage {
        let quota = Quota::new(100, Duration::from_secs(60));
        Usage { requests: quota.charge(Bucket::default(), NOW, requests), hashes: Bucket::default() }
    }

    #[test]
    fn a_flood_of_callers_never_makes_the_table_larger() {
        let mut table = Table::new(100);
        for caller in 0..10_000 {
            table.set(caller, used(1), NOW);
            assert!(table.len() <= 100, "{}", table.len());
        }
    }

    #[test]
    fn a_flood_forgives_and_does_not_refuse_and_the_deepest_debt_stays() {
        let mut table = Table::new(100);
        table.set(u64::MAX, used(500), NOW);
        table.set(u64::MAX - 1, used(1), NOW);
        for caller in 0..10_000 {
            table.set(caller, used(2), NOW);
        }
        assert_eq!(table.get(u64::MAX), used(500));
        assert_eq!(table.get(u64::MAX - 1), Usage::default(), "forgotten: it may do more, not less");
    }

    #[test]
    fn who_has_used_nothing_for_long_takes_no_room() {
        let mut table = Table::new(100);
        for caller in 0..100 {
            table.set(caller, used(1), NOW);
        }
        let later = NOW + Duration::from_secs(60);
        table.set(1000, Usage::default(), later);
        assert_eq!(table.len(), 100, "a full bucket is not even noted");
        let quota = Quota::new(100, Duration::from_secs(60));
        let usage = Usage { hashes: quota.charge(Bucket::default(), later, 1), ..Usage::default() };
        table.set(1000, usage, later);
        assert_eq!(table.len(), 1);
    }
}
