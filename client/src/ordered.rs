//! A parallel map that keeps order and a bound: items come in one by one, all cores work on them, and results go out in the
//! order of the items. However slow one item is, at most a fixed number of them is under way.
//!
//! Items are handed over in groups, since waking a thread costs more than looking at a small file. A group belongs to the
//! worker that began it; who finds no fresh one joins a group that has items left, so that twenty large files are shared
//! as twenty thousand small ones are.

mod board;
mod group;

use board::Board;

/// Items in one group, at most.
const GROUP: usize = 64;
/// Items under way: so far the others may run ahead of one huge file, or of a sink that waits. With a path and digests
/// each, they take about 8 MB.
const UNDER_WAY: usize = 32_768;

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
    sink: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E>
where
    T: Send,
    R: Send,
{
    let board = Board::new();
    std::thread::scope(|scope| {
        // However this thread leaves (a panic in `sink` too), the others must not wait for it.
        let _end = board.stops();
        scope.spawn(|| board.feed(items));
        for _ in 0..workers.max(1) {
            scope.spawn(|| board.work(&mut state(), &work));
        }
        board.drain(sink)
    })
}

/// How many threads hash. More than there are cores: while some wait for the disk, the others keep the cores busy, and the
/// disk always has several requests to choose from.
pub(crate) fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get) * A_CORE
}

/// Workers for each core.
const A_CORE: usize = 2;

#[cfg(test)]
mod tests;
