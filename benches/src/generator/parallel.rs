//! The same for many things, on every processor.

use std::thread;

use anyhow::anyhow;

/// Does the same with all of them, on every processor.
pub(super) fn in_parallel<T: Sync, R: Send>(
    all: &[T],
    each: impl Fn(&T) -> anyhow::Result<R> + Sync,
) -> anyhow::Result<Vec<R>> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let share = all.len().div_ceil(workers).max(1);
    let some = |part: &[T]| part.iter().map(&each).collect::<anyhow::Result<Vec<R>>>();
    let parts: Vec<Vec<R>> = thread::scope(|scope| {
        let running: Vec<_> = all.chunks(share).map(|part| scope.spawn(|| some(part))).collect();
        let ended = running.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a panic"))?);
        ended.collect::<anyhow::Result<_>>()
    })?;
    Ok(parts.into_iter().flatten().collect())
}
