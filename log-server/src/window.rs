//! Upkeep: what single tokens need is deleted when its window is over, and batches when their retention is.

use crate::{
    entries,
    state::{Core, Fatal, Phase},
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use treering_tlog::time::UnixMillis;

/// The window is closed at most 24 times in its length, and at most once a second: each time rewrites tables.
const PARTS: u32 = 24;
const SHORTEST: Duration = Duration::from_secs(1);

/// Can single tokens of this entry still be had?
pub(crate) fn is_open(core: &Core, entry: u64) -> Result<bool, Fatal> {
    let end = sealed_at(core, entry)?.get().saturating_add(millis(core.settings.token_window));
    Ok(core.clock.now().get() < end)
}

/// Runs until the log stops.
pub(crate) async fn run(core: Arc<Core>) {
    let period = (core.settings.token_window / PARTS).max(SHORTEST);
    loop {
        tokio::select! {
            biased;
            () = core.reached(Phase::Draining) => return,
            () = core.host.sleep(period) => {}
        }
        if let Err(fatal) = core.blocking(close).await {
            return core.fail(&fatal);
        }
    }
}

fn close(core: &Core) -> Result<(), Fatal> {
    let from = core.window_closed.load(Ordering::SeqCst);
    let Some(to) = first_younger(core, from, core.settings.token_window)? else { return Ok(()) };
    // INVARIANT: `window_closed` goes up only when the bytes are gone from the disk.
    if to > from {
        *core.closing() = to;
    }
    if to > from && core.store.close_window(to)? {
        core.window_closed.store(to, Ordering::SeqCst);
        tracing::info!(entry = to, "single tokens below this entry are deleted");
    }
    let Some(retention) = core.settings.retention else { return Ok(()) };
    let from = core.retained_from.load(Ordering::SeqCst);
    let Some(to) = first_younger(core, from, retention)? else { return Ok(()) };
    if to > from {
        // First in memory: whoever finds a batch missing then also finds that it is meant to be.
        core.retained_from.store(to, Ordering::SeqCst);
        core.store.drop_batches(to)?;
        tracing::info!(entry = to, "batches below this entry are dropped");
    }
    Ok(())
}

/// The first entry at or after `from` that is younger than `age`, among the published ones. Entries are in order of
/// time, so this is a binary search. `None` where the store can't tell: old data may be damaged, which is no reason to end
/// (decision 0013); nothing is deleted then.
fn first_younger(core: &Core, from: u64, age: Duration) -> Result<Option<u64>, Fatal> {
    let published = core.published.borrow().as_ref().map_or(0, |published| published.size.get());
    let limit = core.steady_now.load(Ordering::SeqCst).saturating_sub(millis(age));
    let (mut low, mut high) = (from, published.max(from));
    while low < high {
        let middle = low + (high - low) / 2;
        match sealed_at(core, middle) {
            Ok(time) if time.get() <= limit => low = middle + 1,
            Ok(_) => high = middle,
            Err(Fatal::Store(error)) => {
                tracing::error!(%error, entry = middle, "how old an entry is can't be read, and nothing is deleted by its age");
                return Ok(None);
            }
            Err(fatal) => return Err(fatal),
        }
    }
    Ok(Some(low))
}

/// When an entry says that it was sealed.
pub(crate) fn sealed_at(core: &Core, entry: u64) -> Result<UnixMillis, Fatal> {
    let size = core.sealed.borrow().head.size;
    Ok(entries::read(core.store.as_ref(), entry, size)?.sealed_at())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
