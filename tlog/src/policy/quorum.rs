//! Judging cosignatures by a policy's quorum.
//!
//! Every question is one evaluation: each witness has a value or none, a group has the k-th smallest of its members'
//! values (none with fewer than k), and the answer is the quorum's. With times as values that is the earliest time at
//! which the quorum is met; with reversed times, the latest; with `()`, whether it is met at all.

use std::cmp::Reverse;

use super::{Name, Policy};
use crate::time::UnixSeconds;

/// A verified cosignature by a policy's witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// Index into [`Policy::witnesses`].
    pub witness: usize,
    /// The cosignature's timestamp.
    pub time: UnixSeconds,
}

/// The earliest time T such that the cosignatures with timestamps ≤ T meet the quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpperBound {
    /// T. The statement is "before T + 1 s", since timestamps are whole seconds rounded down.
    pub time: UnixSeconds,
    /// Members of the quorum's group met by cosignatures with timestamps ≤ T (1 where the quorum is a witness).
    pub met: usize,
    /// Members of the quorum's group (1 where the quorum is a witness).
    pub of: usize,
    /// The group's k: members, not keys, that would have to lie.
    pub would_have_to_lie: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) name: Name,
    /// INVARIANT: 1 ≤ threshold ≤ members.len().
    pub(super) threshold: usize,
    /// INVARIANT: groups in here stand earlier in the policy; each name is a member at most once in all groups.
    pub(super) members: Vec<Member>,
}

/// An index into the policy's witnesses or groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    Witness(usize),
    Group(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quorum {
    None,
    Member(Member),
}

impl Policy {
    /// `quorum none`.
    pub fn needs_no_witness(&self) -> bool {
        self.quorum == Quorum::None
    }

    /// Do these witnesses (indexes into [`Policy::witnesses`]; others are ignored) meet the quorum?
    pub fn is_met(&self, witnesses: &[usize]) -> bool {
        self.needs_no_witness() || self.earliest(witnesses.iter().map(|&witness| (witness, ()))).is_some()
    }

    /// Is this a blocking set: would all the others together fail to meet the quorum? With `quorum none` no set is,
    /// not even that of all witnesses; [`Policy::needs_no_witness`] tells these apart.
    pub fn is_blocking(&self, witnesses: &[usize]) -> bool {
        let mut others = vec![true; self.witnesses.len()];
        for &witness in witnesses {
            if let Some(other) = others.get_mut(witness) {
                *other = false;
            }
        }
        let others: Vec<usize> = (0..others.len()).filter(|&witness| others[witness]).collect();
        !self.is_met(&others)
    }

    /// The earliest time at which the quorum is met. A witness that is there more than once counts by its earliest.
    /// `None` if the quorum is not met, or there is none to meet.
    pub fn upper_bound(&self, cosigned: &[Cosigned]) -> Option<UpperBound> {
        let Quorum::Member(quorum) = self.quorum else { return None };
        let values = self.values(cosigned.iter().map(|by| (by.witness, by.time)));
        let time = values.of(quorum)?;
        let members = match quorum {
            Member::Witness(_) => &[quorum][..],
            Member::Group(at) => &self.groups[at].members,
        };
        let met = members.iter().filter(|&&member| values.of(member).is_some_and(|at| at <= time)).count();
        let would_have_to_lie = match quorum {
            Member::Witness(_) => 1,
            Member::Group(at) => self.groups[at].threshold,
        };
        Some(UpperBound { time, met, of: members.len(), would_have_to_lie })
    }

    /// The latest T such that the cosignatures with timestamps ≥ T meet the quorum. A witness that is there more than
    /// once counts by its latest. `None` if the quorum is not met, or there is none to meet.
    pub fn lower_bound(&self, cosigned: &[Cosigned]) -> Option<UnixSeconds> {
        let Reverse(time) = self.earliest(cosigned.iter().map(|by| (by.witness, Reverse(by.time))))?;
        Some(time)
    }

    /// The quorum's value.
    fn earliest<T: Copy + Ord>(&self, witnesses: impl Iterator<Item = (usize, T)>) -> Option<T> {
        match self.quorum {
            Quorum::None => None,
            Quorum::Member(quorum) => self.values(witnesses).of(quorum),
        }
    }

    /// The values of all witnesses and groups; a witness with several values has the smallest.
    fn values<T: Copy + Ord>(&self, witnesses: impl Iterator<Item = (usize, T)>) -> Values<T> {
        let mut values = Values { witnesses: vec![None; self.witnesses.len()], groups: Vec::new() };
        for (witness, value) in witnesses {
            if let Some(slot) = values.witnesses.get_mut(witness) {
                *slot = Some(slot.map_or(value, |earlier: T| earlier.min(value)));
            }
        }
        // INVARIANT: groups stand after their members, so one pass in the file's order is enough: no recursion, and
        // work in proportion to the file.
        for group in &self.groups {
            let mut members: Vec<T> = group.members.iter().filter_map(|&member| values.of(member)).collect();
            members.sort_unstable();
            values.groups.push(members.get(group.threshold - 1).copied());
        }
        values
    }
}

struct Values<T> {
    witnesses: Vec<Option<T>>,
    groups: Vec<Option<T>>,
}

impl<T: Copy> Values<T> {
    fn of(&self, member: Member) -> Option<T> {
        match member {
            Member::Witness(at) => self.witnesses[at],
            Member::Group(at) => self.groups[at],
        }
    }
}
