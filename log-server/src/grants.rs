//! Timestamp tokens that were granted (RFC 3161) on their way into the log: a tick's worth of them is one submission,
//! whose leaves are their commitments.
//!
//! The way is that of a submission (`intake`): many share one synced write, each may be given out only after it, and
//! the next tick seals them. They have a line and a writer of their own, so that neither kind waits for the other.

mod pending;
mod proof;

pub(crate) use pending::Pending;
pub(crate) use proof::proof;

use crate::{
    intake,
    log::SubmitError,
    state::{Core, Fatal, Phase},
    store::{Grant, GrantGroup},
};
use std::{sync::Arc, time::Instant};
use tokio::sync::{mpsc, oneshot};

/// How many grants one synced write may serve.
const GROUP: usize = 4096;
/// How many may stand before the writer: beyond it they wait in their connections.
const LINE: usize = 2 * GROUP;

/// The way in; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Grants {
    requests: mpsc::Sender<Request>,
}

#[derive(Debug)]
struct Request {
    grant: Grant,
    reply: oneshot::Sender<Result<(), SubmitError>>,
}

impl Grants {
    /// Starts the writer: the only task that accepts grants.
    pub(crate) fn start(core: Arc<Core>) -> Grants {
        let (requests, line) = mpsc::channel(LINE);
        core.start(write(Arc::clone(&core), line));
        Grants { requests }
    }

    /// Durable when this returns `Ok`: only then may the token be given out (INVARIANT 1).
    pub(crate) async fn accept(&self, grant: Grant) -> Result<(), SubmitError> {
        let (reply, answer) = oneshot::channel();
        if self.requests.send(Request { grant, reply }).await.is_err() {
            return Err(SubmitError::Stopping);
        }
        // The writer ends without a reply only when the log has failed: nothing is promised then.
        answer.await.unwrap_or(Err(SubmitError::Stopping))
    }
}

async fn write(core: Arc<Core>, mut line: mpsc::Receiver<Request>) {
    let mut requests = Vec::with_capacity(GROUP);
    loop {
        tokio::select! {
            biased;
            () = core.reached(Phase::Draining) => break,
            count = line.recv_many(&mut requests, GROUP) => if count == 0 { break },
        }
        if let Err(fatal) = write_group(&core, &mut requests).await {
            core.fail(&fatal);
            break;
        }
    }
    intake::end(&core, line, |request: Request| drop(request.reply.send(Err(SubmitError::Stopping)))).await;
}

async fn write_group(core: &Arc<Core>, requests: &mut Vec<Request>) -> Result<(), Fatal> {
    let (mut grants, replies): (Vec<Grant>, Vec<_>) = requests.drain(..).map(|r| (r.grant, r.reply)).unzip();
    let (held, no_space) = (core.signing_is_over(), core.held().intake.is_some());
    let (number, room) = {
        let pending = core.grants();
        // INVARIANT 7: what waits for the tick is bounded.
        let room = core.settings.max_pending.saturating_sub(pending.len());
        (pending.next_number(), if held || no_space { 0 } else { room })
    };
    let room = if core.frozen.is_some() { 0 } else { room };
    let refused = grants.len().saturating_sub(room);
    grants.truncate(room);
    if !grants.is_empty() {
        let accept = move |core: &Core| {
            let begun = Instant::now();
            let group = GrantGroup { number, grants };
            core.store.accept_grants(&group)?;
            core.metrics.grants_write(begun.elapsed(), group.grants.len());
            core.grants().push(group);
            Ok(())
        };
        core.blocking(accept).await?;
    }
    // CRASH: up to here nobody was told anything. INVARIANT 1: the synced write is above.
    let accepted = replies.len() - refused;
    for (place, reply) in replies.into_iter().enumerate() {
        let full = match core.frozen {
            Some(size) => SubmitError::Frozen { size: size.get() },
            None if held => SubmitError::Held,
            None if no_space => SubmitError::NoSpace,
            None => SubmitError::QueueFull { retry_after: core.settings.tick },
        };
        // Whoever asked may have gone away; what was accepted stays so.
        drop(reply.send(if place < accepted { Ok(()) } else { Err(full) }));
    }
    if refused > 0 {
        core.metrics.grants_refused(refused);
    }
    Ok(())
}
