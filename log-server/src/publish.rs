//! From sealed heads to published checkpoints: which head is signed next, which cosignatures have come, and when
//! readers may see it.
//!
//! One target at a time: it stays until its quorum is met (so that slow witnesses agree on one size), or until the
//! witness timeout is over (so that a witness that comes back is not asked for an old head for long).

use crate::{
    broken::{Promise, is_broken},
    cosign::{Asking, Target, Vote},
    read_back, recover,
    sign::{self, Signing},
    state::{Core, Fatal, Phase, Published},
    window,
};
use bytes::Bytes;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use treering_tlog::{
    checkpoint::Checkpoint,
    note::{Note, Signature},
    time::UnixMillis,
    tree::{TreeHead, TreeSize},
};

/// Once the quorum is met, the witnesses that were well have so long to add theirs: a part of the tick, at most this.
const LINGER: Duration = Duration::from_millis(100);
/// A target that some have cosigned and no quorum has is given up after so many witness timeouts.
const PATIENCE: u32 = 10;
/// How many votes may wait for the publisher.
const VOTES: usize = 256;

/// Runs until the log stops; the only task that signs and publishes.
pub(crate) async fn run(core: Arc<Core>, signed: Option<Note>) {
    if let Err(fatal) = publish(&core, signed).await {
        core.fail(&fatal);
    }
}

async fn publish(core: &Arc<Core>, signed: Option<Note>) -> Result<(), Fatal> {
    if core.signing_is_over() {
        return Ok(());
    }
    let signed = match signed {
        Some(note) => core.blocking(|core| sign::complete(core, note)).await?,
        // A new log: the head of size 0, which has only one root, is signed, so that witnesses can be asked about it.
        None => match core.blocking(|core| sign::sign(core, TreeSize::ZERO, TreeHead::EMPTY)).await? {
            Signing::Done(_, note) => note,
            Signing::AskFirst | Signing::Over => return Ok(()),
        },
    };
    let checkpoint = Checkpoint::parse(signed.text()).map_err(|e| crate::store::StoreError::Damaged {
        what: format!("the last signed checkpoint: {e}"),
    })?;
    // INVARIANT 2: nothing new is signed before a blocking set of witnesses has shown that none knows more than we do.
    let Some(known) = recover::gate(core, &checkpoint, &signed).await? else { return Ok(()) };
    core.confirm();
    let (votes, ballot) = mpsc::channel(VOTES);
    let targets = watch::Sender::new(None);
    for (peer, old) in core.peers.iter().cloned().zip(known) {
        let asking = Asking { core: Arc::clone(core), peer, old, looked: None };
        core.start(asking.run(targets.subscribe(), votes.clone()));
    }
    let size = checkpoint.head.size;
    let sealed_at = core.blocking(move |core| sealed_at(core, size)).await?;
    Publisher::new(core, targets, (checkpoint, signed), sealed_at).run(ballot).await
}

struct Publisher<'a> {
    core: &'a Arc<Core>,
    targets: watch::Sender<Option<Arc<Target>>>,
    /// The last signed head; INVARIANT 3: sizes only grow, so a size is never signed with two roots.
    signed: (Checkpoint, Note),
    /// How many entries were read back with their batches: those below the signed size, at least.
    read_back: u64,
    round: Option<Round>,
    rounds: u64,
    /// When the signed head's last entry was sealed.
    sealed_at: Option<UnixMillis>,
    refreshed_at: Instant,
    /// The last round before the end has begun.
    called: bool,
    /// A round has begun so that the witnesses tell the time.
    asked_the_time: bool,
}

/// One target and what has come in for it.
struct Round {
    target: Arc<Target>,
    begun: Instant,
    votes: Vec<Vote>,
    quorum_at: Option<Instant>,
    published: bool,
}

impl Round {
    /// The cosignatures so far.
    fn lines(&self) -> Vec<Signature> {
        self.votes.iter().flat_map(Vote::lines).collect()
    }
}

impl<'a> Publisher<'a> {
    fn new(
        core: &'a Arc<Core>,
        targets: watch::Sender<Option<Arc<Target>>>,
        signed: (Checkpoint, Note),
        sealed_at: Option<UnixMillis>,
    ) -> Publisher<'a> {
        let read_back = signed.0.head.size.get();
        Publisher {
            core,
            targets,
            signed,
            read_back,
            round: None,
            rounds: 0,
            sealed_at,
            refreshed_at: core.host.now(),
            called: false,
            asked_the_time: false,
        }
    }

    async fn run(mut self, mut ballot: mpsc::Receiver<Vote>) -> Result<(), Fatal> {
        let mut sealed = self.core.sealed.subscribe();
        let mut last_call = self.core.last_call.subscribe();
        let mut time_wanted = self.core.time_wanted();
        loop {
            if self.core.signing_is_over() {
                return Ok(());
            }
            let head = self.core.sealed.borrow().head;
            if !self.read_back(head.size).await? || !self.choose(head).await? {
                return Ok(());
            }
            if self.conclude().await? {
                // A head that was sealed meanwhile is next: its change has been seen already.
                continue;
            }
            let wake = self.next_deadline();
            tokio::select! {
                biased;
                () = self.core.reached(Phase::Stopped) => return Ok(()),
                () = self.core.signing_ended() => return Ok(()),
                vote = ballot.recv() => if let Some(vote) = vote { self.count(vote).await? },
                changed = last_call.changed() => if changed.is_err() { return Ok(()) },
                changed = sealed.changed() => if changed.is_err() { return Ok(()) },
                changed = time_wanted.changed() => if changed.is_err() { return Ok(()) },
                () = self.core.host.sleep_until(wake) => {}
            }
        }
    }

    /// Reads back the batches that were sealed meanwhile: also while witnesses are waited for, so that there is little left to
    /// do once they are back. `false`: the log stops.
    async fn read_back(&mut self, size: TreeSize) -> Result<bool, Fatal> {
        while self.read_back < size.get() && !is_broken(Promise::ReadBack) {
            if self.core.phase() == Phase::Stopped {
                return Ok(false);
            }
            let from = self.read_back;
            let read = move |core: &Core| read_back::batches(core.store.as_ref(), from, size);
            self.read_back = self.core.blocking(read).await?;
        }
        Ok(true)
    }

    /// Sets the next target, if it is time for one; this head is sealed, and its batches were read back. `false`: nothing may be
    /// signed any more.
    async fn choose(&mut self, sealed: TreeHead) -> Result<bool, Fatal> {
        let now = self.core.host.now();
        let (open, overdue) = match &self.round {
            None => (true, false),
            // A refresh never holds up a new head.
            Some(round) => (
                round.published || round.target.refresh,
                now.duration_since(round.begun) >= self.patience(round),
            ),
        };
        if !open && !overdue {
            return Ok(true);
        }
        if sealed.size > self.signed.0.head.size {
            return self.sign(sealed).await;
        }
        let published = self.core.published.borrow().as_ref().map(|published| published.size);
        if published != Some(self.signed.0.head.size) {
            // Signed before a restart, or overdue: the same head again. Nobody else may be asked for in between. Who has cosigned
            // it already is asked anew: with a part of its keys it may have said what meets no quorum.
            if self.round.as_ref().is_none_or(|round| !round.votes.is_empty()) {
                self.begin(false);
            }
            return Ok(true);
        }
        if *self.core.last_call.borrow() && !self.called {
            // The same head once more, so that whoever missed it adds a line; the first of each key stays (INVARIANT 9).
            self.called = true;
            self.begin(false);
            return Ok(true);
        }
        let refresh_is_due = now.duration_since(self.refreshed_at) >= self.core.settings.refresh;
        if self.asks_the_time() || refresh_is_due {
            self.refreshed_at = now;
            if !self.core.settings.policy.needs_no_witness() {
                self.begin(true);
            }
        }
        Ok(true)
    }

    /// Sealing is held until the witnesses confirm the clock, and what they have told so far doesn't: their next cosignatures
    /// come with fresh times. Once each time that it is held; the refreshes that follow ask again.
    fn asks_the_time(&mut self) -> bool {
        let wanted = *self.core.time_wanted().borrow();
        let asks = wanted.is_some_and(|within| !self.core.is_confirmed(self.core.clock.now(), within));
        !std::mem::replace(&mut self.asked_the_time, asks) && asks
    }

    /// Signs this head, and begins to ask for it. `false`: nothing may be signed any more.
    async fn sign(&mut self, sealed: TreeHead) -> Result<bool, Fatal> {
        let (from, size) = (self.signed.0.head.size, sealed.size);
        loop {
            if !self.may_go_on().await? {
                return Ok(false);
            }
            let signing = move |core: &Core| Ok((sign::sign(core, from, sealed)?, sealed_at(core, size)?));
            let (signed, sealed_at) = match self.core.blocking(signing).await? {
                (Signing::Done(checkpoint, note), sealed_at) => ((checkpoint, note), sealed_at),
                (Signing::AskFirst, _) if self.ask().await? => continue,
                (Signing::AskFirst, _) => return Ok(false),
                (Signing::Over, _) => return Ok(false),
            };
            // By the head before: nobody is shown the new one before it was asked.
            if !self.may_go_on().await? {
                return Ok(false);
            }
            (self.signed, self.sealed_at) = (signed, sealed_at);
            self.begin(false);
            return Ok(true);
        }
    }

    /// INVARIANT 2, of a process that stood still (a machine that was suspended, SIGSTOP): meanwhile a copy of its store may
    /// have gone on elsewhere. It asks the witnesses as at its start before it signs anything new, or shows it.
    async fn may_go_on(&self) -> Result<bool, Fatal> {
        if self.core.has_stood_still() { self.ask().await } else { Ok(true) }
    }

    /// Do the witnesses still know nothing beyond the last signed head?
    async fn ask(&self) -> Result<bool, Fatal> {
        let (checkpoint, note) = &self.signed;
        Ok(recover::gate(self.core, checkpoint, note).await?.is_some())
    }

    fn begin(&mut self, refresh: bool) {
        self.rounds += 1;
        let (checkpoint, note) = self.signed.clone();
        let target =
            Arc::new(Target { round: self.rounds, checkpoint, note, refresh, sealed_at: self.sealed_at });
        let begun = self.core.host.now();
        self.round = Some(Round {
            target: Arc::clone(&target),
            begun,
            votes: Vec::new(),
            quorum_at: None,
            published: false,
        });
        self.targets.send_replace(Some(target));
    }

    /// Publishes the round's checkpoint if its quorum is met and nobody else is worth waiting for; says if it did.
    async fn conclude(&mut self) -> Result<bool, Fatal> {
        let policy = &self.core.settings.policy;
        let linger = self.linger();
        let Some(round) = self.round.as_mut().filter(|round| !round.published) else { return Ok(false) };
        let voters: Vec<usize> = round.votes.iter().flat_map(Vote::witnesses).collect();
        // INVARIANT 5: what is published meets the policy.
        let met = policy.is_met(&voters) || is_broken(Promise::Quorum);
        if !policy.needs_no_witness() && !met {
            return Ok(false);
        }
        let now = self.core.host.now();
        let quorum_at = *round.quorum_at.get_or_insert(now);
        let complete = self.core.board.expected(now).iter().all(|witness| voters.contains(witness));
        if !complete && now.duration_since(quorum_at) < linger {
            return Ok(false);
        }
        round.published = true;
        let (size, refresh) = (round.target.size(), round.target.refresh);
        let lines = round.lines();
        let fresh = with_lines(&round.target.note, &lines);
        let note = self
            .core
            .blocking(move |core| {
                if refresh {
                    core.store.keep_refreshed(&fresh)?;
                    return Ok(fresh);
                }
                // CRASH: before this write the checkpoint is signed and unpublished; the next start asks for it again.
                core.store.publish(size, &lines)?;
                let missing =
                    || crate::store::StoreError::Damaged { what: format!("checkpoint {size} is missing") };
                Ok(core.store.checkpoint(size)?.ok_or_else(missing)?)
            })
            .await?;
        self.refreshed_at = self.core.host.now();
        self.show(size, &note);
        Ok(true)
    }

    fn show(&self, size: TreeSize, note: &Note) {
        tracing::debug!(%size, signatures = note.signatures().len(), "published");
        self.core.metrics.published(size, self.core.clock.now());
        let note = Bytes::from(note.to_string());
        self.core.published.send_replace(Some(Published { size, note }));
    }

    /// Takes a vote: for the round, or as a late one for a checkpoint of the past (INVARIANT 9).
    async fn count(&mut self, vote: Vote) -> Result<(), Fatal> {
        let current = self.round.as_mut().filter(|round| round.target.round == vote.round);
        if let Some(round) = current {
            round.votes.push(vote.clone());
            if !round.published {
                return Ok(());
            }
        }
        let (size, lines) = (vote.size, vote.lines());
        if !vote.refresh {
            let kept = move |core: &Core| {
                core.store.keep_cosignatures(size, &lines)?;
                core.cosigned.fetch_add(1, Ordering::SeqCst);
                Ok(())
            };
            self.core.blocking(kept).await?;
        }
        let Some(round) = self.round.as_ref().filter(|round| round.target.round == vote.round) else {
            return Ok(());
        };
        let lines = round.lines();
        let note = if vote.refresh {
            let fresh = with_lines(&round.target.note, &lines);
            self.core
                .blocking(move |core| core.store.keep_refreshed(&fresh).map(|()| fresh).map_err(Fatal::from))
                .await?
        } else {
            let kept = self.core.blocking(move |core| Ok(core.store.checkpoint(size)?)).await?;
            kept.unwrap_or_else(|| with_lines(&round.target.note, &lines))
        };
        self.show(size, &note);
        Ok(())
    }

    /// How long a round may go without a quorum. Slow witnesses are to agree on one size, so a head that some have cosigned stays
    /// for longer: unless all have that can, and nothing more will come.
    fn patience(&self, round: &Round) -> Duration {
        let some = !round.votes.is_empty() && round.votes.len() < self.core.peers.len();
        self.core.settings.witness_timeout * if some { PATIENCE } else { 1 }
    }

    /// How long a met quorum waits for the witnesses that were well.
    fn linger(&self) -> Duration {
        LINGER.min(self.core.settings.tick / 10)
    }

    fn next_deadline(&self) -> Instant {
        let settings = &self.core.settings;
        let now = self.core.host.now();
        match &self.round {
            Some(Round { published: false, quorum_at: Some(at), .. }) => *at + self.linger(),
            Some(Round { published: false, begun, .. })
                if now.duration_since(*begun) < settings.witness_timeout =>
            {
                *begun + settings.witness_timeout
            }
            Some(Round { published: false, .. }) => now + settings.witness_timeout,
            _ => self.refreshed_at + settings.refresh,
        }
    }
}

/// When the last entry of a tree of this size was sealed. Blocking.
fn sealed_at(core: &Core, size: TreeSize) -> Result<Option<UnixMillis>, Fatal> {
    size.get().checked_sub(1).map(|last| window::sealed_at(core, last)).transpose()
}

/// The signed note with these cosignatures behind the log's own signature.
fn with_lines(note: &Note, lines: &[Signature]) -> Note {
    let all = note.signatures().iter().chain(lines).cloned().collect();
    Note::new(note.text(), all).expect("a policy's witnesses are fewer than a note may have signatures")
}
