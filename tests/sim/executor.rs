//! Who runs next: the dice say. Every task of every process of the simulation is here, in one thread.
//!
//! Tokio's own order of waking is partly left to chance, and can't be seeded. Here what was woken is a set, and the dice
//! choose from it. That gives the same run for a seed, and other interleavings for another: any order that the
//! programs' awaits allow. Time is a number, which moves on to the next timer when nothing is left to run. A process
//! can be ended after any step.

use crate::{dice::Dice, trace::Trace};
use futures_util::future::BoxFuture;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

/// A process; each start of a program is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Node(u64);

/// What belongs to no process: the network, the clients, the fate.
pub(crate) const WORLD: Node = Node(0);

/// So many steps while the time stands still: something runs in a circle.
const CIRCLE: u64 = 200_000;

pub(crate) struct Executor {
    tasks: Mutex<BTreeMap<u64, Task>>,
    ready: Arc<Ready>,
    state: Mutex<State>,
    dice: Arc<Dice>,
    trace: Arc<Trace>,
}

struct Task {
    node: Node,
    future: BoxFuture<'static, ()>,
}

#[derive(Default)]
struct State {
    tasks: u64,
    nodes: u64,
    alive: BTreeSet<Node>,
    /// Nodes that end after so many more steps.
    doomed: BTreeMap<Node, u64>,
    steps: u64,
    done: bool,
    /// In milliseconds.
    now: u64,
    timers: BTreeMap<(u64, u64), Waker>,
    timers_made: u64,
}

#[derive(Default)]
struct Ready {
    woken: Mutex<BTreeSet<u64>>,
}

struct TaskWaker {
    task: u64,
    ready: Arc<Ready>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.ready.wake(self.task);
    }
}

impl Ready {
    fn wake(&self, task: u64) {
        self.woken.lock().unwrap().insert(task);
    }

    fn pick(&self, dice: &Dice) -> Option<u64> {
        let mut woken = self.woken.lock().unwrap();
        let count = u64::try_from(woken.len()).ok().filter(|count| *count > 0)?;
        let place = usize::try_from(dice.below(count)).ok()?;
        let task = *woken.iter().nth(place)?;
        woken.remove(&task);
        Some(task)
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Executor")
    }
}

impl Executor {
    pub(crate) fn new(dice: Arc<Dice>, trace: Arc<Trace>) -> Arc<Executor> {
        let state = State { alive: BTreeSet::from([WORLD]), ..State::default() };
        Arc::new(Executor {
            tasks: Mutex::default(),
            ready: Arc::default(),
            state: Mutex::new(state),
            dice,
            trace,
        })
    }

    /// How many milliseconds the simulation has run.
    pub(crate) fn millis(&self) -> u64 {
        self.state.lock().unwrap().now
    }

    /// A new process.
    pub(crate) fn node(&self) -> Node {
        let mut state = self.state.lock().unwrap();
        state.nodes += 1;
        let node = Node(state.nodes);
        state.alive.insert(node);
        node
    }

    pub(crate) fn is_alive(&self, node: Node) -> bool {
        self.state.lock().unwrap().alive.contains(&node)
    }

    /// Runs a task in a process; of a dead one it is dropped.
    pub(crate) fn spawn(&self, node: Node, task: impl Future<Output = ()> + Send + 'static) {
        let id = {
            let mut state = self.state.lock().unwrap();
            if !state.alive.contains(&node) {
                return;
            }
            state.tasks += 1;
            state.tasks
        };
        let future = Box::pin(task);
        self.tasks.lock().unwrap().insert(id, Task { node, future });
        self.ready.wake(id);
    }

    /// Ends a process, now: nothing of it runs any more.
    pub(crate) fn kill(&self, node: Node) {
        self.state.lock().unwrap().alive.remove(&node);
        let mut tasks = self.tasks.lock().unwrap();
        let ids: Vec<u64> = tasks.iter().filter(|(_, task)| task.node == node).map(|(id, _)| *id).collect();
        let dead: Vec<Task> = ids.iter().filter_map(|id| tasks.remove(id)).collect();
        drop(tasks);
        // Whoever is dropped here may wake others.
        drop(dead);
    }

    /// Ends a process after so many more steps of the simulation.
    pub(crate) fn doom(&self, node: Node, steps: u64) {
        let mut state = self.state.lock().unwrap();
        let at = state.steps + steps;
        state.doomed.insert(node, at);
    }

    /// Ends the simulation after this step.
    pub(crate) fn finish(&self) {
        self.state.lock().unwrap().done = true;
    }

    /// Runs until [`Executor::finish`]; how many steps it took.
    pub(crate) fn run(&self) -> u64 {
        let mut standing = (0, 0);
        while !self.state.lock().unwrap().done {
            let Some(id) = self.ready.pick(&self.dice) else {
                self.next_timer();
                continue;
            };
            let now = self.millis();
            standing = if standing.0 == now { (now, standing.1 + 1) } else { (now, 0) };
            assert!(standing.1 < CIRCLE, "something runs in a circle at {now} ms");
            self.step(id, now);
        }
        self.state.lock().unwrap().steps
    }

    /// Ends everything.
    pub(crate) fn clear(&self) {
        let left = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        drop(left);
    }

    /// Waits for a time, in milliseconds.
    pub(crate) fn sleep_until(self: &Arc<Self>, at: u64) -> Sleep {
        let mut state = self.state.lock().unwrap();
        state.timers_made += 1;
        Sleep { executor: Arc::clone(self), key: (at, state.timers_made) }
    }

    /// Waits for so long.
    pub(crate) fn sleep(self: &Arc<Self>, duration: Duration) -> Sleep {
        let millis = u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        self.sleep_until(self.millis().saturating_add(millis))
    }

    /// Moves the time on, and wakes all who wait for it.
    fn next_timer(&self) {
        let mut state = self.state.lock().unwrap();
        let ((at, _), _) =
            state.timers.first_key_value().expect("nothing runs, and nothing waits for a time");
        let at = *at;
        let later = state.timers.split_off(&(at + 1, 0));
        let due = std::mem::replace(&mut state.timers, later);
        state.now = at;
        drop(state);
        due.into_values().for_each(Waker::wake);
    }

    fn step(&self, id: u64, now: u64) {
        let Some(mut task) = self.tasks.lock().unwrap().remove(&id) else { return };
        self.trace.step(id, now);
        let waker = Waker::from(Arc::new(TaskWaker { task: id, ready: Arc::clone(&self.ready) }));
        let polled = task.future.as_mut().poll(&mut Context::from_waker(&waker));
        if polled.is_pending() && self.is_alive(task.node) {
            self.tasks.lock().unwrap().insert(id, task);
        } else {
            drop(task);
        }
        let due: Vec<Node> = {
            let mut state = self.state.lock().unwrap();
            state.steps += 1;
            let steps = state.steps;
            let due: Vec<Node> =
                state.doomed.iter().filter(|(_, at)| **at <= steps).map(|(node, _)| *node).collect();
            state.doomed.retain(|_, at| *at > steps);
            due
        };
        due.into_iter().filter(|node| self.is_alive(*node)).for_each(|node| {
            self.trace.event(format!("{now} ms: {node:?} is killed"));
            self.kill(node);
        });
    }
}

/// A wait for a time.
#[derive(Debug)]
pub(crate) struct Sleep {
    executor: Arc<Executor>,
    key: (u64, u64),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.executor.state.lock().unwrap();
        if self.key.0 <= state.now {
            return Poll::Ready(());
        }
        state.timers.insert(self.key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let waker =
            self.executor.state.lock().unwrap_or_else(PoisonError::into_inner).timers.remove(&self.key);
        drop(waker);
    }
}
