//! The grants that are durable and wait for their tick.

use crate::store::{Grant, GrantGroup};
use std::collections::{HashSet, VecDeque};

/// In order of acceptance.
/// INVARIANT: a serial is in `known` from the moment its grant is durable until the moment its row is, so that at no time
/// a token that was given out is unknown.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    groups: VecDeque<GrantGroup>,
    known: HashSet<[u8; 16]>,
    next: u64,
}

impl Pending {
    /// What the store holds at the start.
    pub(crate) fn new(groups: Vec<GrantGroup>) -> Pending {
        let mut pending = Pending::default();
        groups.into_iter().for_each(|group| pending.push(group));
        pending
    }

    /// How many are not sealed.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Does this one wait for its tick?
    pub(crate) fn contains(&self, serial: &[u8; 16]) -> bool {
        self.known.contains(serial)
    }

    /// The number of the next group. It is above that of every group whose record may still be in the store: a record
    /// goes in the same write in which its grants are sealed.
    pub(crate) fn next_number(&self) -> u64 {
        self.next
    }

    /// A group that has just become durable.
    pub(crate) fn push(&mut self, group: GrantGroup) {
        self.next = group.number + 1;
        self.known.extend(group.grants.iter().map(|grant| grant.serial));
        self.groups.push_back(group);
    }

    /// Takes whole groups for a batch, as many as have `at_most` grants together, and at least one if there is one; they
    /// stay known until [`Pending::sealed`].
    pub(crate) fn take(&mut self, at_most: usize) -> Vec<GrantGroup> {
        let mut taken = 0;
        let sizes = self.groups.iter().map(|group| group.grants.len());
        let fit = sizes.take_while(|size| {
            taken += size;
            taken <= at_most
        });
        let count = fit.count().max(1).min(self.groups.len());
        self.groups.drain(..count).collect()
    }

    /// Their rows are on disk now.
    pub(crate) fn sealed(&mut self, grants: impl Iterator<Item = Grant>) {
        for grant in grants {
            self.known.remove(&grant.serial);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(number: u64, count: u8) -> GrantGroup {
        let byte = u8::try_from(number).unwrap();
        let grant = |place| Grant {
            serial: [[byte, place]; 8].concat().try_into().unwrap(),
            commitment: [place; 32],
        };
        GrantGroup { number, grants: (0..count).map(grant).collect() }
    }

    #[test]
    fn whole_groups_are_taken_in_order_and_known_until_sealed() {
        let mut pending = Pending::new(vec![group(4, 3), group(5, 2)]);
        pending.push(group(6, 4));
        assert_eq!((pending.len(), pending.next_number()), (9, 7));
        // The first goes even where it is larger than what is asked for: it would never go otherwise.
        assert_eq!(pending.take(1), [group(4, 3)]);
        assert_eq!(pending.take(5), [group(5, 2)]);
        assert_eq!(pending.take(100), [group(6, 4)]);
        assert!(pending.take(100).is_empty());
        assert!(pending.contains(&group(5, 2).grants[1].serial));
        pending.sealed(group(5, 2).grants.into_iter());
        assert!(!pending.contains(&group(5, 2).grants[1].serial));
        assert_eq!((pending.len(), pending.next_number()), (7, 7));
    }
}
