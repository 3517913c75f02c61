//! Some items that were handed over together, and what came of them.

use std::{
    iter::Enumerate,
    sync::{Mutex, MutexGuard, PoisonError},
    vec,
};

/// Items in order, each to be claimed by one worker.
pub(super) struct Group<T, R> {
    len: usize,
    inner: Mutex<Inner<T, R>>,
}

struct Inner<T, R> {
    todo: Enumerate<vec::IntoIter<T>>,
    /// With the item's place in the group; sorted only if several workers had a share.
    done: Vec<(usize, R)>,
    /// Workers that may still bring results.
    busy: usize,
}

impl<T, R> Group<T, R> {
    pub(super) fn new(items: Vec<T>) -> Group<T, R> {
        let len = items.len();
        let inner = Inner { todo: items.into_iter().enumerate(), done: Vec::new(), busy: 0 };
        Group { len, inner: Mutex::new(inner) }
    }

    /// How many items it had.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Lets a worker in if there are items left.
    pub(super) fn join(&self) -> bool {
        let mut inner = self.lock();
        let has_more = inner.todo.len() > 0;
        inner.busy += usize::from(has_more);
        has_more
    }

    /// The next item for a worker that has joined.
    pub(super) fn claim(&self) -> Option<(usize, T)> {
        self.lock().todo.next()
    }

    /// Takes a worker's results as it leaves.
    pub(super) fn leave(&self, results: &mut Vec<(usize, R)>) {
        let mut inner = self.lock();
        inner.busy -= 1;
        if inner.done.is_empty() {
            inner.done = std::mem::take(results);
        } else {
            inner.done.append(results);
        }
    }

    /// Is every item claimed, and every result here?
    pub(super) fn is_complete(&self) -> bool {
        let inner = self.lock();
        inner.busy == 0 && inner.todo.len() == 0
    }

    pub(super) fn has_more(&self) -> bool {
        self.lock().todo.len() > 0
    }

    /// Nobody wants the rest.
    pub(super) fn forget(&self) {
        self.lock().todo = Vec::new().into_iter().enumerate();
    }

    /// The results of a complete group, in the order of its items.
    pub(super) fn results(&self) -> impl Iterator<Item = R> + use<T, R> {
        let mut done = std::mem::take(&mut self.lock().done);
        if !done.is_sorted_by_key(|(place, _)| *place) {
            done.sort_unstable_by_key(|(place, _)| *place);
        }
        done.into_iter().map(|(_, result)| result)
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T, R>> {
        // Nothing of the caller's runs under the lock, so that a panic elsewhere leaves nothing half done here.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
