//! The disk's floor: intake stops while there is less free space than the operator keeps, and goes on by itself.
//!
//! Two places are looked at, the store's and that of the record beside it: where the store is a mount of its own, the record is on
//! another file system, and what can't write its record can't sign.
//!
//! A disk that is really full ends the log at its next write, in the middle of whatever it does; others have lost their
//! stores so. Above the floor there is room for everything that a tick and the engine's own work may write.
//!
//! The engine's own health is asked for at the same times. What fails in its background (a table that could not be written) no
//! call of ours meets, and a tick asks only if it has something to seal: an idle log, or one whose sealing is held, would go on
//! taking submissions beside a failed disk.

use crate::{
    allocator,
    broken::{Promise, is_broken},
    state::{Core, Fatal, Phase},
};
use std::{sync::Arc, time::Duration};

/// Between two looks. What comes in meanwhile is bounded by what a disk writes in that time, far below a floor.
const PERIOD: Duration = Duration::from_millis(500);

/// Runs until the log stops.
pub(crate) async fn run(core: Arc<Core>) {
    loop {
        tokio::select! {
            biased;
            () = core.reached(Phase::Draining) => return,
            () = core.host.sleep(PERIOD) => {}
        }
        if let Err(fatal) = core.blocking(look).await {
            return core.fail(&fatal);
        }
    }
}

/// Is the engine well? Then holds the intake if there is too little space, and lets it go on if there is enough. Blocking.
pub(crate) fn look(core: &Core) -> Result<(), Fatal> {
    core.store.health()?;
    let (store, record) = (core.store.free_bytes()?, core.record.free_bytes()?);
    core.metrics.free(store.min(record));
    core.metrics.store_memory(core.store.memory());
    if let Some(heap) = allocator::heap() {
        core.metrics.heap(heap);
    }
    let floor = if is_broken(Promise::Floor) { 0 } else { core.settings.min_free_bytes };
    core.hold_intake(reason(store, record, floor));
    Ok(())
}

/// Why nothing is taken, if there is too little space at one of the two places.
fn reason(store: u64, record: u64, floor: u64) -> Option<String> {
    // On one disk both are the same, and it is called the store's.
    let places = [(store, "the store"), (record, "the record beside the store")];
    let (free, place) = places.into_iter().find(|(free, _)| *free < floor)?;
    Some(format!(
        "the disk is nearly full where {place} is: {} MiB are free, {} MiB are kept",
        free >> 20,
        floor >> 20
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_counts_at_both_places_and_the_reason_says_which() {
        let mib = |mib: u64| mib << 20;
        let reason = |store, record| reason(mib(store), mib(record), mib(512));
        assert_eq!(reason(512, 512), None);
        let of = |place: &str, free: u64| {
            Some(format!("the disk is nearly full where {place} is: {free} MiB are free, 512 MiB are kept"))
        };
        assert_eq!(reason(511, 9_000), of("the store", 511));
        assert_eq!(reason(9_000, 3), of("the record beside the store", 3));
        assert_eq!(reason(5, 5), of("the store", 5));
        assert_eq!(super::reason(0, 0, 0), None);
    }
}
