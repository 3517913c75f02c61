//! The disk's floor: intake stops while there is less free space than the operator keeps, and goes on by itself.
//!
//! A disk that is really full ends the log at its next write, in the middle of whatever it does; others have lost their
//! stores so. Above the floor there is room for everything that a tick and the engine's own work may write.

use crate::state::{Core, Fatal, Phase};
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

/// Holds the intake if there is too little space, and lets it go on if there is enough. Blocking.
pub(crate) fn look(core: &Core) -> Result<(), Fatal> {
    let free = core.store.free_bytes()?;
    core.metrics.free(free);
    core.metrics.store_memory(core.store.memory());
    let floor = core.settings.min_free_bytes;
    let reason = (free < floor).then(|| {
        format!("the disk is nearly full: {} MiB are free, {} MiB are kept", free >> 20, floor >> 20)
    });
    core.hold_intake(reason);
    Ok(())
}
