//! The submissions that wait for their tick.

use crate::store::Waiting;
use std::collections::{HashMap, VecDeque};
use treering_tlog::hash::Hash;

/// The submissions that are durable and wait for their tick, in order of acceptance.
/// INVARIANT: a root is in `known` from the moment it is durable until the moment its receipt's row is, so that at no
/// time a repeated submission would be taken for a new one (INVARIANT 8).
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: VecDeque<Waiting>,
    known: HashMap<Hash, u16>,
    small: usize,
}

impl Queue {
    pub(super) fn new(waiting: Vec<Waiting>) -> Queue {
        let mut queue = Queue::default();
        waiting.into_iter().for_each(|w| queue.push(w));
        queue
    }

    /// How many submissions are accepted and not sealed.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// How many commitments are kept for single tokens by these.
    pub(crate) fn small(&self) -> usize {
        self.small
    }

    /// How many commitments a pending submission keeps; `None` if the root is not pending.
    pub(crate) fn get(&self, root: &Hash) -> Option<u16> {
        self.known.get(root).copied()
    }

    /// A submission that has just become durable.
    pub(crate) fn push(&mut self, submission: Waiting) {
        self.known.insert(submission.root, submission.small);
        self.small += usize::from(submission.small);
        self.waiting.push_back(submission);
    }

    /// Takes the next ones for a batch; they stay known until [`Queue::sealed`].
    pub(crate) fn take(&mut self, at_most: usize) -> Vec<Waiting> {
        let count = at_most.min(self.waiting.len());
        self.waiting.drain(..count).collect()
    }

    /// Their receipts' rows are on disk now.
    pub(crate) fn sealed(&mut self, submissions: &[Waiting]) {
        for submission in submissions {
            self.known.remove(&submission.root);
            self.small -= usize::from(submission.small);
        }
    }
}
