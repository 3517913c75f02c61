//! Taking submissions: many requests share one synced write, and each is acknowledged only after it.

use crate::{
    broken::{Promise, is_broken},
    log::{Place, Submission, SubmitError},
    state::{Core, Fatal, Phase},
    store::{Accepted, Late, Position, Sequence, StoreError, Waiting},
    window,
};
use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
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
    reply: Reply,
}

/// The way back.
#[derive(Debug)]
struct Reply {
    sender: oneshot::Sender<Answer>,
    /// What the submission takes up of the line: until it is answered, whether anybody still waits for that or not.
    _room: Option<OwnedSemaphorePermit>,
}

impl Reply {
    fn send(self, answer: Answer) {
        // Whoever asked may have gone away.
        let _ = self.sender.send(answer);
    }
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
        let size = u32::from(kept(submission.small.as_deref())).min(MAX_IN_LINE);
        let room = match size {
            0 => None,
            _ => {
                let room = Arc::clone(&self.room).acquire_many_owned(size).await;
                Some(room.map_err(|_| SubmitError::Stopping)?)
            }
        };
        let (sender, answer) = oneshot::channel();
        let reply = Reply { sender, _room: room };
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
        share(&core, &mut line, &mut group).await;
        let requests = std::mem::take(&mut group);
        let written = core.blocking(move |core| Group::default().write(core, requests, next)).await;
        match written {
            Ok(written) => {
                next = written.next;
                // The submission is accepted whether anybody waits or not. Sent from here, and not from the thread that
                // wrote: to wake a task from a thread of the runtime's costs a fraction.
                written.replies.into_iter().for_each(|(reply, answer)| reply.send(answer));
            }
            Err(fatal) => {
                core.fail(&fatal);
                break;
            }
        }
    }
    end(&core, line, |request: Request| request.reply.send(Err(SubmitError::Stopping))).await;
}

/// A writer of the intake has written its last group: whoever still stands in its line is told. After a failure, too: a
/// request that is being sent while the line is dropped would stay in it without an answer.
pub(crate) async fn end<T>(core: &Core, mut line: mpsc::Receiver<T>, refuse: impl Fn(T)) {
    core.intake_ends();
    line.close();
    while let Some(request) = line.recv().await {
        refuse(request);
    }
}

/// Lets more requests share the write that these wait for, as long as the operator grants: each sync less is one less for
/// the disk, and the first of the group waits longer. Those that come while a write is under way share the next in any case.
async fn share(core: &Core, line: &mut mpsc::Receiver<Request>, group: &mut Vec<Request>) {
    let wait = core.settings.commit_wait;
    if wait.is_zero() {
        return;
    }
    let over = core.host.now() + wait;
    while group.len() < GROUP {
        let room = GROUP - group.len();
        tokio::select! {
            biased;
            () = core.reached(Phase::Draining) => return,
            () = core.host.sleep_until(over) => return,
            count = line.recv_many(group, room) => if count == 0 { return },
        }
    }
}

/// One synced write in the making.
#[derive(Default)]
struct Group {
    accepted: Vec<Accepted>,
    roots: HashMap<Hash, u16>,
    small: usize,
    /// Commitments for submissions that are sealed already without theirs, with the number of their reply.
    late: Vec<(usize, Late)>,
    replies: Vec<(Reply, Answer)>,
}

/// A group that is on disk.
/// INVARIANT 1: made by [`Group::write`] alone, and nothing else has replies to send.
struct Written {
    /// The next number to give out.
    next: Sequence,
    replies: Vec<(Reply, Answer)>,
}

impl Group {
    fn write(mut self, core: &Core, requests: Vec<Request>, next: Sequence) -> Result<Written, Fatal> {
        let begun = Instant::now();
        let known = Known::look(core, &requests);
        let room = Room::of(core);
        for (Request { submission, reply }, known) in requests.into_iter().zip(known) {
            let answer = self.decide(core, room, submission, known);
            self.replies.push((reply, answer));
        }
        self.write_late(core, room)?;
        if !self.accepted.is_empty() {
            self.accept(core, next)?;
            core.metrics.intake_write(begun.elapsed(), self.accepted.len());
        }
        // CRASH: up to here nobody was told anything. INVARIANT 1: `Written` follows the synced write above.
        let mut after = next;
        let mut queue = core.queue();
        for (sequence, accepted) in (next..).zip(&self.accepted) {
            after = sequence + 1;
            let (root, small) = (accepted.root, kept(accepted.small.as_deref()));
            let ends_group = after - next == self.accepted.len() as u64;
            queue.push(Waiting { sequence, root, small, ends_group });
        }
        drop(queue);
        Ok(Written { next: after, replies: self.replies })
    }

    fn accept(&self, core: &Core, next: Sequence) -> Result<(), Fatal> {
        if is_broken(Promise::Acknowledge) && self.small == 0 {
            return Ok(());
        }
        Ok(core.store.accept(next, &self.accepted)?)
    }

    fn decide(&mut self, core: &Core, room: Room, submission: Submission, known: Known) -> Answer {
        let small = kept(submission.small.as_deref());
        let pending = match known {
            Known::MinEntryTooLarge { size } => return Err(SubmitError::MinEntryTooLarge { size }),
            Known::Unreadable => return Err(SubmitError::Unreadable),
            Known::Pending(kept) => Some(kept),
            Known::Sealed(Position { entry, position }) => {
                core.metrics.duplicates.inc();
                let (root, small) = (submission.root, submission.small);
                let late = small.map(|commitments| Late { entry, root, commitments });
                self.late.extend(late.map(|late| (self.replies.len(), late)));
                return Ok(Taken::At(Place::Sealed { entry, position }));
            }
            Known::No => self.roots.get(&submission.root).copied(),
        };
        if let Some(kept) = pending {
            core.metrics.duplicates.inc();
            let lacks = kept == 0 && small > 0;
            return Ok(if lacks { Taken::AskAgainWhenSealed } else { Taken::At(Place::Pending) });
        }
        // Only what would be written: what is known already is answered as ever.
        if let Some(size) = core.frozen {
            return Err(SubmitError::Frozen { size: size.get() });
        }
        if room.held {
            core.metrics.refused.inc();
            return Err(SubmitError::Held);
        }
        if room.no_space {
            core.metrics.refused.inc();
            return Err(SubmitError::NoSpace);
        }
        // INVARIANT 7: the queue is bounded, in submissions and in what they bring along.
        if self.accepted.len() >= room.submissions || self.small + usize::from(small) > room.small {
            core.metrics.refused.inc();
            return Err(SubmitError::QueueFull { retry_after: core.settings.tick });
        }
        self.small += usize::from(small);
        self.roots.insert(submission.root, small);
        self.accepted.push(Accepted { root: submission.root, small: submission.small });
        Ok(Taken::At(Place::Pending))
    }

    /// Commitments for submissions that were sealed without theirs, as far as their window is open.
    fn write_late(&mut self, core: &Core, room: Room) -> Result<(), Fatal> {
        // Where nothing is taken these aren't kept either: the repeated POST is answered from its own body.
        if self.late.is_empty() || core.frozen.is_some() || room.held || room.no_space {
            return Ok(());
        }
        // Held over the look and the write: the window must not close in between, or the bytes would come back after
        // they were said to be gone.
        let closing = core.closing();
        let mut kept = Vec::new();
        for (reply, late) in self.late.drain(..) {
            match lacks(core, &late, *closing) {
                Ok(true) => kept.push(late),
                Ok(false) => {}
                Err(Fatal::Store(error)) => {
                    unreadable(core, &error);
                    self.replies[reply].1 = Err(SubmitError::Unreadable);
                }
                Err(fatal) => return Err(fatal),
            }
        }
        if kept.is_empty() { Ok(()) } else { Ok(core.store.keep_small(&kept)?) }
    }
}

/// Is its window open, and are its commitments not there?
fn lacks(core: &Core, late: &Late, closing: u64) -> Result<bool, Fatal> {
    let open = late.entry >= closing && window::is_open(core, late.entry)?;
    Ok(open && core.store.small(late.entry, &late.root)?.is_none())
}

/// Old data that is damaged costs those who ask for it, and doesn't end the log (decision 0013).
fn unreadable(core: &Core, error: &StoreError) {
    if let Some(left_out) = core.unreadable.turn() {
        tracing::error!(%error, left_out, "what is known of a submission can't be read");
    }
}

/// What is known of a request's root before its group is written.
enum Known {
    No,
    /// The store can't tell.
    Unreadable,
    MinEntryTooLarge {
        size: u64,
    },
    /// With so many commitments.
    Pending(u16),
    Sealed(Position),
}

impl Known {
    /// INVARIANT 8: first the queue, then the store. A root leaves the queue only after its row is in the store, so there
    /// is no moment at which both looks miss it.
    fn look(core: &Core, requests: &[Request]) -> Vec<Known> {
        let size = core.sealed.borrow().head.size.get();
        let retained_from = core.retained_from.load(Ordering::SeqCst);
        let mut wanted = Vec::new();
        let queue = core.queue();
        let look = |Request { submission, .. }: &Request| {
            let from = submission.min_entry.unwrap_or(0);
            if from > size {
                return Known::MinEntryTooLarge { size };
            }
            let pending = queue.get(&submission.root).map(Known::Pending);
            pending.unwrap_or_else(|| {
                wanted.push((submission.root, from.max(retained_from)));
                Known::No
            })
        };
        let mut known: Vec<Known> = requests.iter().map(look).collect();
        drop(queue);
        let unknown = known.iter_mut().filter(|known| matches!(known, Known::No));
        let positions = core.store.positions(&wanted);
        if let Err(error) = &positions {
            unreadable(core, error);
        }
        for (number, known) in unknown.enumerate() {
            let position = match &positions {
                Ok(positions) => Ok(positions[number]),
                // It may be that of one alone.
                Err(_) => core.store.position(&wanted[number].0, wanted[number].1).map_err(drop),
            };
            *known = match position {
                Ok(position) => position.map_or(Known::No, Known::Sealed),
                Err(()) => Known::Unreadable,
            };
        }
        known
    }
}

/// What a group may add. Only the writer adds to the queue, so this can only grow while a group is made.
#[derive(Clone, Copy)]
struct Room {
    /// Signing is over.
    held: bool,
    /// The disk is nearly full.
    no_space: bool,
    submissions: usize,
    small: usize,
}

impl Room {
    fn of(core: &Core) -> Room {
        let (held, no_space) = (core.signing_is_over(), core.held().intake.is_some());
        if is_broken(Promise::Bounds) {
            return Room { held, no_space, submissions: usize::MAX, small: usize::MAX };
        }
        let queue = core.queue();
        Room {
            held,
            no_space,
            submissions: core.settings.max_pending.saturating_sub(queue.len()),
            small: MAX_SMALL.saturating_sub(queue.small()),
        }
    }
}

/// How many commitments a submission brings along; the HTTP side takes no more than 1,024.
fn kept(small: Option<&[[u8; 32]]>) -> u16 {
    small.map_or(0, |small| u16::try_from(small.len()).unwrap_or(u16::MAX))
}
