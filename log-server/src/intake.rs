//! Taking submissions: many requests share one synced write, and each is acknowledged only after it.

use crate::{
    log::{Place, Submission, SubmitError},
    state::{Core, Fatal, Phase},
    store::{Accepted, Late, Position, Sequence, Waiting},
    window,
};
use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};
use tokio::sync::{Semaphore, mpsc, oneshot};
use treering_tlog::hash::Hash;

/// How many requests one synced write may serve.
const GROUP: usize = 4096;
/// How many requests may stand before the writer: beyond it they wait in their connections.
const LINE: usize = 2 * GROUP;
/// How many commitments for single tokens the queue may hold: 64 MiB of them, all in one tick's write.
const MAX_SMALL: usize = 1 << 21;
/// How many of them may stand before the writer: 32 MiB.
const MAX_IN_LINE: u32 = 1 << 20;

/// The way in; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Intake {
    requests: mpsc::Sender<Request>,
    room: Arc<Semaphore>,
}

#[derive(Debug)]
struct Request {
    submission: Submission,
    reply: oneshot::Sender<Answer>,
}

type Answer = Result<Taken, SubmitError>;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    At(Place),
    /// The same root is pending without its commitments: they can be added once it is sealed.
    AskAgainWhenSealed,
}

impl Intake {
    /// Starts the writer: the only task that accepts.
    pub(crate) fn start(core: Arc<Core>, next: Sequence) -> Intake {
        let (requests, line) = mpsc::channel(LINE);
        core.start(write(Arc::clone(&core), line, next));
        Intake {
            requests,
            room: Arc::new(Semaphore::new(usize::try_from(MAX_IN_LINE).unwrap_or(usize::MAX))),
        }
    }

    /// Durable when this returns `Ok`.
    pub(crate) async fn submit(&self, submission: Submission) -> Answer {
        // INVARIANT 7: what stands in the line is bounded in bytes too, not only in requests.
        let size = submission.small.as_ref().map_or(0, |small| small.len());
        let size = u32::try_from(size).unwrap_or(u32::MAX).min(MAX_IN_LINE);
        let Ok(_room) = self.room.acquire_many(size).await else { return Err(SubmitError::Stopping) };
        let (reply, answer) = oneshot::channel();
        if self.requests.send(Request { submission, reply }).await.is_err() {
            return Err(SubmitError::Stopping);
        }
        // The writer ends without a reply only when the log has failed: nothing is promised then.
        answer.await.unwrap_or(Err(SubmitError::Stopping))
    }
}

async fn write(core: Arc<Core>, mut line: mpsc::Receiver<Request>, mut next: Sequence) {
    let mut group = Vec::with_capacity(GROUP);
    loop {
        tokio::select! {
            biased;
            () = core.reached(Phase::Draining) => break,
            count = line.recv_many(&mut group, GROUP) => if count == 0 { break },
        }
        let requests = std::mem::take(&mut group);
        let written = core.blocking(move |core| Group::default().write(core, requests, next)).await;
        match written {
            Ok(after) => next = after,
            Err(fatal) => return core.fail(&fatal),
        }
    }
    core.intake_over.send_replace(true);
    line.close();
    while let Some(request) = line.recv().await {
        let _ = request.reply.send(Err(SubmitError::Stopping));
    }
}

/// One synced write in the making.
#[derive(Default)]
struct Group {
    accepted: Vec<Accepted>,
    roots: HashMap<Hash, usize>,
    small: usize,
    /// Commitments for submissions that are sealed already without theirs.
    late: Vec<Late>,
    replies: Vec<(oneshot::Sender<Answer>, Answer)>,
}

impl Group {
    fn write(mut self, core: &Core, requests: Vec<Request>, mut next: Sequence) -> Result<Sequence, Fatal> {
        let begun = Instant::now();
        for Request { submission, reply } in requests {
            let answer = self.decide(core, submission, &mut next)?;
            self.replies.push((reply, answer));
        }
        self.write_late(core)?;
        if !self.accepted.is_empty() {
            core.store.accept(&self.accepted)?;
            core.metrics.intake_write(begun.elapsed(), self.accepted.len());
        }
        // CRASH: up to here nobody was told anything. INVARIANT 1: the replies below follow the synced write above.
        let mut queue = core.queue();
        for accepted in &self.accepted {
            let small = accepted.small.as_ref().map_or(0, |small| small.len());
            queue.push(Waiting { sequence: accepted.sequence, root: accepted.root, small });
        }
        drop(queue);
        for (reply, answer) in self.replies {
            // Whoever asked may have gone away; the submission is accepted all the same.
            let _ = reply.send(answer);
        }
        Ok(next)
    }

    fn decide(&mut self, core: &Core, submission: Submission, next: &mut Sequence) -> Result<Answer, Fatal> {
        let size = core.sealed.borrow().head.size.get();
        let from = submission.min_entry.unwrap_or(0);
        if from > size {
            return Ok(Err(SubmitError::MinEntryTooLarge { size }));
        }
        let small = submission.small.as_ref().map_or(0, |small| small.len());
        // INVARIANT 8: first the queue, then the store. A root leaves the queue only after its row is in the store, so
        // there is no moment at which both looks miss it.
        let pending =
            self.roots.get(&submission.root).copied().or_else(|| core.queue().get(&submission.root));
        if let Some(kept) = pending {
            core.metrics.duplicates.inc();
            let lacks = kept == 0 && small > 0;
            return Ok(Ok(if lacks { Taken::AskAgainWhenSealed } else { Taken::At(Place::Pending) }));
        }
        let from = from.max(core.retained_from.load(Ordering::SeqCst));
        if let Some(Position { entry, position }) = core.store.position(&submission.root, from)? {
            core.metrics.duplicates.inc();
            self.late.extend(submission.small.map(|commitments| Late {
                entry,
                root: submission.root,
                commitments,
            }));
            return Ok(Ok(Taken::At(Place::Sealed { entry, position })));
        }
        // INVARIANT 7: the queue is bounded, in submissions and in what they bring along.
        let queue = core.queue();
        let full = queue.len() + self.accepted.len() >= core.settings.max_pending
            || queue.small() + self.small + small > MAX_SMALL;
        drop(queue);
        if full {
            core.metrics.refused.inc();
            return Ok(Err(SubmitError::QueueFull { retry_after: core.settings.tick }));
        }
        self.small += small;
        self.roots.insert(submission.root, small);
        self.accepted.push(Accepted { sequence: *next, root: submission.root, small: submission.small });
        *next += 1;
        Ok(Ok(Taken::At(Place::Pending)))
    }

    /// Commitments for submissions that were sealed without theirs, as far as their window is open.
    fn write_late(&mut self, core: &Core) -> Result<(), Fatal> {
        if self.late.is_empty() {
            return Ok(());
        }
        // Held over the look and the write: the window must not close in between, or the bytes would come back after
        // they were said to be gone.
        let closing = core.closing();
        let mut kept = Vec::new();
        for late in self.late.drain(..) {
            let open = late.entry >= *closing && window::is_open(core, late.entry)?;
            if open && core.store.small(late.entry, &late.root)?.is_none() {
                kept.push(late);
            }
        }
        if kept.is_empty() { Ok(()) } else { Ok(core.store.keep_small(&kept)?) }
    }
}
