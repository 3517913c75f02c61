//! Which groups are under way, and who waits for what.

use super::{GROUP, UNDER_WAY, group::Group};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// While somebody is idle, so few items are handed over without waiting for a whole group.
const HASTE: usize = 8;

/// What feeder, workers and sink share.
pub(super) struct Board<T, R> {
    state: Mutex<State<T, R>>,
    /// Workers that wait for items; changed under the lock, looked at without it.
    idle: AtomicUsize,
    /// For workers: there may be items, or there will be none.
    items: Condvar,
    /// For the sink: the oldest group may be complete, or no more comes.
    complete: Condvar,
    /// For the feeder: there may be room for another group, or nobody wants it.
    room: Condvar,
}

struct State<T, R> {
    /// Oldest first. A group has its place here from before its first item is worked on until its results go out.
    under_way: VecDeque<Arc<Group<T, R>>>,
    /// The items of all groups under way. INVARIANT: at most [`UNDER_WAY`], so this is the bound of all that is held.
    held: usize,
    /// Those of them that nobody has begun, oldest first.
    fresh: VecDeque<Arc<Group<T, R>>>,
    /// Those that are begun and may have items left: at most one for each worker.
    begun: Vec<Arc<Group<T, R>>>,
    /// No more groups come.
    closed: bool,
    /// Nobody wants results any more.
    stopped: bool,
}

impl<T, R> Board<T, R> {
    pub(super) fn new() -> Board<T, R> {
        Board {
            state: Mutex::new(State {
                under_way: VecDeque::new(),
                held: 0,
                fresh: VecDeque::new(),
                begun: Vec::new(),
                closed: false,
                stopped: false,
            }),
            idle: AtomicUsize::new(0),
            items: Condvar::new(),
            complete: Condvar::new(),
            room: Condvar::new(),
        }
    }

    /// The feeder's thread: draws items and hands them over.
    pub(super) fn feed(&self, items: impl Iterator<Item = T>) {
        let _end = Closes(self);
        let mut group = Vec::with_capacity(GROUP);
        for item in items {
            group.push(item);
            let is_due =
                group.len() == GROUP || (group.len() >= HASTE && self.idle.load(Ordering::Relaxed) > 0);
            if is_due && !self.hand_over(std::mem::replace(&mut group, Vec::with_capacity(GROUP))) {
                return;
            }
        }
        if !group.is_empty() {
            self.hand_over(group);
        }
    }

    /// A worker's thread.
    pub(super) fn work<S>(&self, scratch: &mut S, work: &impl Fn(&mut S, T) -> R) {
        while let Some(mut turn) = self.turn() {
            while let Some((place, item)) = turn.group.claim() {
                turn.results.push((place, work(scratch, item)));
            }
        }
    }

    /// Hands the results out as long as there are any, or `sink` has an error.
    pub(super) fn drain<E>(&self, mut sink: impl FnMut(R) -> Result<(), E>) -> Result<(), E> {
        while let Some(group) = self.oldest() {
            group.results().try_for_each(&mut sink)?;
        }
        Ok(())
    }

    /// When this is dropped, everybody stops.
    pub(super) fn stops(&self) -> impl Drop {
        Stops(self)
    }

    /// False if nobody wants it.
    fn hand_over(&self, items: Vec<T>) -> bool {
        let (count, group) = (items.len(), Arc::new(Group::new(items)));
        let has_no_room = |state: &mut State<T, R>| state.held + count > UNDER_WAY && !state.stopped;
        let state = self.room.wait_while(self.lock(), has_no_room);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if state.stopped {
            return false;
        }
        state.held += count;
        state.under_way.push_back(Arc::clone(&group));
        state.fresh.push_back(group);
        self.wake_idle();
        true
    }

    /// A group to work on: a fresh one, else one that somebody else has begun.
    fn turn(&self) -> Option<Turn<'_, T, R>> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return None;
            }
            if let Some(group) = state.fresh.pop_front() {
                group.join();
                state.begun.push(Arc::clone(&group));
                // Whoever still waits may have a share of it.
                self.wake_idle();
                return Some(Turn { board: self, group, results: Vec::with_capacity(GROUP) });
            }
            if let Some(group) = state.begun.iter().find(|group| group.join()) {
                return Some(Turn { board: self, group: Arc::clone(group), results: Vec::new() });
            }
            if state.closed {
                return None;
            }
            self.idle.fetch_add(1, Ordering::Relaxed);
            state = self.items.wait(state).unwrap_or_else(PoisonError::into_inner);
            self.idle.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The oldest group, once it is complete; `None` when there is none and none comes.
    fn oldest(&self) -> Option<Arc<Group<T, R>>> {
        let mut state = self.lock();
        loop {
            match state.under_way.front() {
                _ if state.stopped => return None,
                None if state.closed => return None,
                Some(group) if group.is_complete() => break,
                _ => state = self.complete.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
        let group = state.under_way.pop_front()?;
        // The feeder waits only if there was no room for one more group.
        if state.held + GROUP > UNDER_WAY {
            self.room.notify_one();
        }
        state.held -= group.len();
        Some(group)
    }

    /// After a worker has left this group.
    fn left(&self, group: &Arc<Group<T, R>>) {
        let mut state = self.lock();
        if !group.has_more() {
            state.begun.retain(|begun| !Arc::ptr_eq(begun, group));
        }
        if state.under_way.front().is_some_and(|oldest| Arc::ptr_eq(oldest, group)) {
            self.complete.notify_one();
        }
    }

    fn wake_idle(&self) {
        if self.idle.load(Ordering::Relaxed) > 0 {
            self.items.notify_one();
        }
    }

    fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        state.under_way.iter().for_each(|group| group.forget());
        self.wake_all();
    }

    fn close(&self) {
        self.lock().closed = true;
        self.wake_all();
    }

    fn wake_all(&self) {
        self.items.notify_all();
        self.complete.notify_all();
        self.room.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T, R>> {
        // As in a group: what panics is never under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A worker in a group.
struct Turn<'a, T, R> {
    board: &'a Board<T, R>,
    group: Arc<Group<T, R>>,
    results: Vec<(usize, R)>,
}

impl<T, R> Drop for Turn<'_, T, R> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What it had claimed has no result: nobody may wait for it. The scope passes the panic on.
            self.board.stop();
        }
        self.group.leave(&mut self.results);
        self.board.left(&self.group);
    }
}

struct Closes<'a, T, R>(&'a Board<T, R>);

impl<T, R> Drop for Closes<'_, T, R> {
    fn drop(&mut self) {
        self.0.close();
    }
}

struct Stops<'a, T, R>(&'a Board<T, R>);

impl<T, R> Drop for Stops<'_, T, R> {
    fn drop(&mut self) {
        self.0.stop();
    }
}
