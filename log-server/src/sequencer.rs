//! The tick: everything that was accepted since the last one becomes a batch, and the batch an entry.

use crate::{
    batch::{self, Built, Edge},
    clock::{Anew, Order, Sealing},
    receipts::Fresh,
    state::{Core, Fatal, Phase, Sealed},
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};
use treering_tlog::time::UnixMillis;

/// The most submissions that one batch takes: bounds a tick's write to about 100 MB, whatever the queue holds.
const MAX_BATCH: usize = 1_000_000;
/// The same for grants.
const MAX_GRANTS: usize = 500_000;
/// Between two tries to seal what is left when the log stops.
const MOMENT: Duration = Duration::from_millis(1);
/// The same while sealing is held.
const WHILE: Duration = Duration::from_millis(100);
/// A tick that comes no later than this keeps the next one's time.
const LATE: Duration = Duration::from_millis(5);

/// Runs until the log stops; the only task that seals.
pub(crate) async fn run(core: Arc<Core>, mut edge: Edge, fresh: Fresh) {
    let alone = core.settings.policy.needs_no_witness() || core.frozen.is_some();
    let mut order = Order::new(core.settings.clock_step, alone);
    let mut next = core.host.now();
    let mut told = core.board.told();
    loop {
        let held = core.held().sealing.is_some();
        let (draining, on_time) = tokio::select! {
            biased;
            () = core.reached(Phase::Draining) => (true, false),
            () = core.host.sleep_until(next) => (false, true),
            // What is held until witnesses confirm the clock goes on as soon as they have.
            _ = told.changed(), if held => (false, false),
        };
        if on_time {
            next = after(next, core.host.now(), core.settings.tick);
        }
        if core.phase() == Phase::Stopped {
            return;
        }
        match tick(&core, edge, &mut order, &fresh).await {
            Ok(after) => edge = after,
            Err(fatal) => return core.fail(&fatal),
        }
        if draining {
            // In this order: once the intake is over, nothing comes into the queue any more.
            let mut intakes = core.intakes();
            let over = *intakes.borrow_and_update() == 0;
            if (over && core.pending() == 0) || core.signing_is_over() {
                return;
            }
            let pause = if core.held().sealing.is_some() { WHILE } else { MOMENT };
            tokio::select! {
                biased;
                () = core.reached(Phase::Stopped) => return,
                _ = intakes.wait_for(|open| *open == 0), if !over => {}
                // The clock has to pass the last entry's time first, which may take a millisecond; a tick may be long.
                () = core.host.sleep(pause), if over => {}
            }
        }
    }
}

/// When the tick after this one is due. One that came late pushes the later ones back: they never come in a burst.
fn after(due: tokio::time::Instant, now: tokio::time::Instant, tick: Duration) -> tokio::time::Instant {
    if now > due + LATE { now + tick } else { due + tick }
}

async fn tick(core: &Arc<Core>, edge: Edge, order: &mut Order, fresh: &Fresh) -> Result<Edge, Fatal> {
    core.beat();
    core.metrics.pending.set(i64::try_from(core.pending()).unwrap_or(i64::MAX));
    let last = core.sealed.borrow().sealed_at;
    // INVARIANT 6 is kept by `Order`; it is asked at each tick, so that a step shows even when there is nothing to seal.
    let sealed_at =
        match order.sealing(core.clock.as_ref(), last, |now, within| core.is_confirmed(now, within)) {
            Sealing::At { time, sure, anew } => {
                believe(core, time, sure, anew);
                time
            }
            Sealing::Wait => return Ok(edge),
            Sealing::Stopped { reason } => {
                core.want_time(None);
                core.hold_sealing(reason);
                return Ok(edge);
            }
            Sealing::Unconfirmed { reason, within, start } => {
                if start {
                    core.wait_to_seal(reason);
                } else {
                    core.hold_sealing(reason);
                }
                core.want_time(Some(within));
                return Ok(edge);
            }
        };
    if core.frozen.is_some() || core.signing_is_over() {
        // Only the time is kept, by which things are deleted. INVARIANT 1: what was acknowledged before signing was over stays
        // in the intake: in a tree that is never signed nobody would find it again.
        return Ok(edge);
    }
    let submissions = core.queue().take(MAX_BATCH);
    let grants = core.grants().take(MAX_GRANTS);
    if submissions.is_empty() && grants.is_empty() {
        return Ok(edge);
    }
    let begun = Instant::now();
    let built = core
        .blocking(move |core| {
            let built = batch::build(&edge, submissions, grants, sealed_at);
            // CRASH: before this write the submissions are in the intake and will be sealed after the restart;
            // after it they are in the log, and gone from the intake: one write (INVARIANT 4).
            core.store.health()?;
            core.store.seal(&built.tick)?;
            Ok(built)
        })
        .await?;
    let Built { tick, edge, tree, grants } = built;
    core.metrics.recent_trees(fresh.add(tick.entry(), tree, grants));
    core.metrics.sealed(begun.elapsed(), tick.head.size);
    tracing::debug!(size = %tick.head.size, submissions = tick.submissions.len(), "sealed");
    {
        // INVARIANT 8: in one step, so that whoever sees the new size also sees that its submissions are not pending.
        let mut queue = core.queue();
        let mut grants = core.grants();
        core.sealed.send_replace(Sealed { head: tick.head, sealed_at: Some(tick.sealed_at) });
        queue.sealed(&tick.submissions);
        let sealed = tick.grants.iter().flat_map(|sealed| &sealed.groups);
        grants.sealed(sealed.flat_map(|group| group.grants.iter().copied()));
    }
    Ok(edge)
}

/// The clock is in order.
fn believe(core: &Core, time: UnixMillis, sure: bool, anew: Option<Anew>) {
    if anew.is_some() {
        core.begin_pace();
    }
    if anew == Some(Anew::Step) {
        // The monotonic clock doesn't know of the time that the witnesses have confirmed: so this process was not there, as
        // when a virtual machine's memory is put back, and a copy may have gone on meanwhile.
        core.stand_still();
    }
    if sure {
        core.steady_now.store(time.get(), Ordering::SeqCst);
    }
    core.want_time(None);
    core.seal_again();
}
