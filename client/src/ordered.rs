//! A parallel map that keeps order and a bound: items come in one by one, groups of them are worked on by all cores, and
//! results go out in the order of the items. However slow one item is, at most a fixed number of groups is under way.

use std::sync::{
    Mutex,
    mpsc::{Receiver, SyncSender, sync_channel},
};

/// Items in one group: enough that handing over costs little beside opening the files.
const GROUP: usize = 32;
/// Groups under way for each worker: so far the others may run ahead of one huge file.
const AHEAD: usize = 32;

struct Job<T, R> {
    group: Vec<T>,
    reply: SyncSender<Vec<R>>,
}

/// Applies `work` to every item on `workers` threads and hands the results to `sink` in order.
///
/// `state` makes each worker's own scratch space (a read buffer). `items` is drawn on a thread of its own.
///
/// # Errors
/// The first error of `sink` ends the whole and is returned; items not yet begun are not worked on.
pub(crate) fn map<T, R, S, E>(
    workers: usize,
    items: impl Iterator<Item = T> + Send,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, T) -> R + Sync,
    mut sink: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E>
where
    T: Send,
    R: Send,
{
    let workers = workers.max(1);
    let (jobs, queue) = sync_channel::<Job<T, R>>(workers * AHEAD);
    // INVARIANT: a group's place in `order` is taken before its results exist, so this channel's bound is the bound of
    // all that is under way.
    let (order, results) = sync_channel::<Receiver<Vec<R>>>(workers * AHEAD);
    let queue = Mutex::new(queue);
    std::thread::scope(|scope| {
        scope.spawn(move || feed(items, &jobs, &order));
        for _ in 0..workers {
            scope.spawn(|| {
                let mut scratch = state();
                while let Some(job) = next_job(&queue) {
                    let done = job.group.into_iter().map(|item| work(&mut scratch, item)).collect();
                    // The sink may have stopped with an error; then nobody wants this result.
                    let _ = job.reply.send(done);
                }
            });
        }
        let outcome = drain(&results, &mut sink);
        // The feeder must not wait for a place that nobody will free.
        drop(results);
        outcome
    })
}

/// How many threads hash: as many as there are cores.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn feed<T, R>(
    items: impl Iterator<Item = T>,
    jobs: &SyncSender<Job<T, R>>,
    order: &SyncSender<Receiver<Vec<R>>>,
) {
    let mut group = Vec::with_capacity(GROUP);
    for item in items {
        group.push(item);
        if group.len() == GROUP && !hand_over(std::mem::take(&mut group), jobs, order) {
            return;
        }
    }
    if !group.is_empty() {
        hand_over(group, jobs, order);
    }
}

fn hand_over<T, R>(
    group: Vec<T>,
    jobs: &SyncSender<Job<T, R>>,
    order: &SyncSender<Receiver<Vec<R>>>,
) -> bool {
    let (reply, result) = sync_channel(1);
    order.send(result).is_ok() && jobs.send(Job { group, reply }).is_ok()
}

fn next_job<T, R>(queue: &Mutex<Receiver<Job<T, R>>>) -> Option<Job<T, R>> {
    queue.lock().ok()?.recv().ok()
}

fn drain<R, E>(
    results: &Receiver<Receiver<Vec<R>>>,
    sink: &mut impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    for group in results {
        // A worker that panicked drops its reply; the scope then passes the panic on.
        for result in group.recv().unwrap_or_default() {
            sink(result)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::map;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let mut seen = Vec::new();
        let outcome: Result<(), ()> = map(
            4,
            0..10_000u64,
            || 0u64,
            |spins, item| {
                *spins += item;
                (0..item % 97).fold(item, |a, b| a ^ b.wrapping_mul(*spins | 1));
                item
            },
            |item| {
                seen.push(item);
                Ok(())
            },
        );
        assert_eq!(outcome, Ok(()));
        assert_eq!(seen, (0..10_000).collect::<Vec<_>>());
    }

    #[test]
    fn an_error_of_the_sink_ends_an_endless_input() {
        let outcome =
            map(2, 0u64.., || (), |(), item| item, |item| if item == 5_000 { Err(item) } else { Ok(()) });
        assert_eq!(outcome, Err(5_000));
    }

    #[test]
    fn nothing_in_nothing_out() {
        let outcome: Result<(), ()> =
            map(3, std::iter::empty::<u8>(), || (), |(), item| item, |_| panic!("there is nothing"));
        assert_eq!(outcome, Ok(()));
    }
}
