//! Asking the witnesses: one task a witness, one request in flight, each at its own pace.
//!
//! A slow witness skips to the newest head, with a proof from the size that it knows. What comes back is verified
//! before anybody else sees it: a cosignature by each of the witness's keys that the policy has.

use crate::{
    batch,
    broken::{Promise, is_broken},
    fork::{self, Seen},
    host::Host,
    state::{Core, Fatal, Phase},
    store::StoreError,
    witness_client::WitnessError,
    witnesses::Peer,
};
use std::{
    sync::Arc,
    time::{Duration, Instant as Stopwatch},
};
use tokio::sync::{mpsc, watch};
use treering_tlog::{
    checkpoint::Checkpoint,
    cosignature,
    hash::Hash,
    note::{Note, Signature, VerifierKey},
    policy::Cosigned,
    time::{UnixMillis, UnixSeconds},
    tree::{self, TreeSize},
    witness::AddCheckpoint,
};
use treering_token::verify::Verifier;

/// The pause after a failure, doubled with each up to the second: short, so that a witness that comes back is noticed
/// within two ticks.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(1_000);
/// How often a 409 is followed at once: the second one already has the witness's own size.
const TRIES: usize = 3;

/// What witnesses are asked to cosign now: a checkpoint that is signed and on disk.
#[derive(Debug)]
pub(crate) struct Target {
    /// Counts up; a refresh of the same head is a round of its own.
    pub(crate) round: u64,
    pub(crate) checkpoint: Checkpoint,
    /// With the log's signature alone.
    pub(crate) note: Note,
    /// The head is published already, and only fresh timestamps are wanted.
    pub(crate) refresh: bool,
    /// When the last entry was sealed; `None` for the empty log.
    pub(crate) sealed_at: Option<UnixMillis>,
}

impl Target {
    pub(crate) fn size(&self) -> TreeSize {
        self.checkpoint.head.size
    }
}

/// What a witness answered, verified.
#[derive(Clone, Debug)]
pub(crate) struct Vote {
    pub(crate) round: u64,
    pub(crate) size: TreeSize,
    pub(crate) refresh: bool,
    /// One for each of its keys that signed; at least one.
    pub(crate) cosigned: Vec<(Cosigned, Signature)>,
}

impl Vote {
    /// Whose cosignatures: indexes into the policy's witnesses.
    pub(crate) fn witnesses(&self) -> impl Iterator<Item = usize> {
        self.cosigned.iter().map(|(by, _)| by.witness)
    }

    /// The cosignatures.
    pub(crate) fn lines(&self) -> Vec<Signature> {
        self.cosigned.iter().map(|(_, line)| line.clone()).collect()
    }
}

/// The state of asking one witness.
#[derive(Debug)]
pub(crate) struct Asking {
    pub(crate) core: Arc<Core>,
    pub(crate) peer: Peer,
    /// The size that the witness knows, as far as it told.
    pub(crate) old: TreeSize,
    /// It said this size, and what it shows was looked at and is the log's own.
    pub(crate) looked: Option<TreeSize>,
}

/// Why a request to a witness gave nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// A proof from there comes next.
    #[error("the witness knows size {size} of this log, and is asked again with a proof from there")]
    Behind { size: TreeSize },
    #[error("the witness knows size {size} of this log, which is beyond ours: it is only asked again later")]
    Ahead { size: TreeSize },
    #[error("the witness contradicts itself about the size that it knows")]
    Contradiction,
    #[error("the answer has no cosignature by the witness's key")]
    NoCosignature,
    #[error(
        "the cosignature's time is more than a minute before the head was sealed: the witness's clock is wrong"
    )]
    Clock,
    #[error("the cosignature: {0}")]
    Cosignature(#[from] cosignature::CosignatureError),
    /// Old data may be damaged: the witnesses that need no proof from there are asked all the same.
    #[error("a proof from the size that the witness knows can't be made: {0}")]
    Proof(StoreError),
    #[error(transparent)]
    Fatal(#[from] Fatal),
}

impl AskError {
    /// A stable name for metrics.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            AskError::Witness(error) => error.kind(),
            AskError::Behind { .. } => "conflict",
            AskError::Ahead { .. } => "ahead",
            AskError::Contradiction => "contradiction",
            AskError::NoCosignature => "no_cosignature",
            AskError::Clock => "clock",
            AskError::Cosignature(_) => "wrong_cosignature",
            AskError::Proof(_) | AskError::Fatal(_) => "store",
        }
    }
}

impl Asking {
    /// Asks for each new target until the log stops, or signing is over: then nobody is shown anything new.
    pub(crate) async fn run(
        mut self,
        mut targets: watch::Receiver<Option<Arc<Target>>>,
        votes: mpsc::Sender<Vote>,
    ) {
        let core = Arc::clone(&self.core);
        let mut done = 0;
        let mut pause = FIRST_PAUSE;
        let mut followed = 0;
        // INVARIANT: no request begins before this.
        let mut next = self.core.host.now();
        loop {
            let target = targets.borrow_and_update().clone().filter(|target| target.round > done);
            let wait = next > self.core.host.now();
            let target = match target {
                Some(target) if !wait => target,
                // It is asked for whatever is newest when its time has come.
                Some(_) => {
                    tokio::select! {
                        biased;
                        () = self.core.reached(Phase::Stopped) => return,
                        () = self.core.signing_ended() => return,
                        () = self.core.host.sleep_until(next) => continue,
                    }
                }
                None => {
                    tokio::select! {
                        biased;
                        () = self.core.reached(Phase::Stopped) => return,
                        () = self.core.signing_ended() => return,
                        changed = targets.changed() => if changed.is_err() { return },
                    }
                    continue;
                }
            };
            let answer = tokio::select! {
                biased;
                // A proof may have been read meanwhile, which takes a while.
                () = core.signing_ended() => return,
                answer = self.ask(&target) => answer,
            };
            // Counted from the answer, so that whatever the way there took, the witness sees no less.
            next = self.core.host.now() + self.peer.interval;
            match answer {
                Ok(vote) => {
                    (done, pause, followed) = (target.round, FIRST_PAUSE, 0);
                    if votes.send(vote).await.is_err() {
                        return;
                    }
                }
                Err(AskError::Fatal(fatal)) => return self.core.fail(&fatal),
                Err(AskError::Behind { .. }) if followed + 1 < TRIES => followed += 1,
                Err(error) => {
                    self.failed(&error);
                    if let Err(fatal) = self.look(&error).await {
                        return self.core.fail(&fatal);
                    }
                    followed = 0;
                    next = next.max(self.core.host.now() + back_off(&self.core.host, &error, pause));
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
            }
            self.core.board.rest(&self.peer.lines, next);
        }
    }

    /// One request to the witness.
    async fn ask(&mut self, target: &Target) -> Result<Vote, AskError> {
        self.old = self.old.min(target.size());
        let proof = self.proof(target.size()).await.map_err(|error| match error {
            Fatal::Store(error) => AskError::Proof(error),
            fatal => AskError::Fatal(fatal),
        })?;
        let message = AddCheckpoint { old: self.old, proof, checkpoint: target.note.clone() };
        let begun = Stopwatch::now();
        let answer = self.core.witnesses.add_checkpoint(&self.peer.url, &message).await;
        let took = begun.elapsed();
        let error = match answer {
            Ok(lines) => return self.vote(target, &lines, took),
            // SPEC: tlog-witness: to a proof from its own size this is said only of another root.
            Err(WitnessError::Conflict { size }) if size == self.old => AskError::Contradiction,
            // A bare number proves nothing: it only tells where to prove from, or to wait. This one is not kept: the next
            // try asks again from what is proved, or one wrong number would silence the witness for good.
            Err(WitnessError::Conflict { size }) if size > target.size() => AskError::Ahead { size },
            Err(WitnessError::Conflict { size }) => {
                self.old = size;
                AskError::Behind { size }
            }
            Err(error) => error.into(),
        };
        self.peer.lines.iter().for_each(|&line| self.count(line, took, error.kind()));
        Err(error)
    }

    /// A witness that says it knows more than the log, or another root, may have seen a head of somebody else's.
    async fn look(&mut self, error: &AskError) -> Result<(), Fatal> {
        let says = match error {
            AskError::Ahead { size } => Some(*size),
            AskError::Contradiction | AskError::Witness(WitnessError::Unprocessable) => Some(self.old),
            _ => return Ok(()),
        };
        if says == self.looked {
            return Ok(());
        }
        match fork::look(&self.core, &self.peer).await? {
            Seen::Nothing => {}
            Seen::Own(_) => self.looked = says,
            Seen::Unmade(unmade) => {
                let name = self.core.settings.policy.witnesses()[self.peer.lines[0]].name.to_string();
                fork::end_signing(&self.core, &name, unmade).await?;
            }
        }
        Ok(())
    }

    /// What each of the witness's keys said. One that is missing, or isn't good, takes nothing from the others.
    fn vote(&mut self, target: &Target, lines: &[Signature], took: Duration) -> Result<Vote, AskError> {
        let mut cosigned = Vec::new();
        let mut first_error = None;
        for &witness in &self.peer.lines {
            match self.cosignature(witness, target, lines) {
                Ok((line, time)) => {
                    self.count(witness, took, "cosigned");
                    self.core.board.cosigned(witness, target.size(), time, self.core.clock.monotonic());
                    cosigned.push((Cosigned { witness, time }, line));
                }
                Err(error) => {
                    self.count(witness, took, error.kind());
                    self.core.board.failed(witness, &error.to_string());
                    first_error.get_or_insert(error);
                }
            }
        }
        if cosigned.is_empty() {
            return Err(first_error.unwrap_or(AskError::NoCosignature));
        }
        self.old = target.size();
        Ok(Vote { round: target.round, size: target.size(), refresh: target.refresh, cosigned })
    }

    fn cosignature(
        &self,
        witness: usize,
        target: &Target,
        lines: &[Signature],
    ) -> Result<(Signature, UnixSeconds), AskError> {
        let key = &self.core.settings.policy.witnesses()[witness].key;
        let (line, time) = cosignature_by(key, &target.checkpoint, lines)?;
        // Every verifier would refuse such a receipt, and the first cosignature of a size stays.
        let latest = time.get().saturating_add(Verifier::ALLOWED_SKEW).saturating_mul(1000);
        if target.sealed_at.is_some_and(|sealed_at| sealed_at.get() > latest) {
            return Err(AskError::Clock);
        }
        Ok((line.clone(), time))
    }

    fn failed(&self, error: &AskError) {
        self.peer.lines.iter().for_each(|&line| self.core.board.failed(line, &error.to_string()));
    }

    fn count(&self, line: usize, took: Duration, result: &'static str) {
        let name = self.core.settings.policy.witnesses()[line].name.to_string();
        self.core.metrics.witnesses.answered(&name, took, result);
    }

    async fn proof(&self, size: TreeSize) -> Result<Vec<Hash>, Fatal> {
        let old = self.old;
        // SPEC: tlog-witness: from size 0, and to the same size, the proof is empty.
        if old.is_zero() || old == size {
            return Ok(Vec::new());
        }
        let prove = move |core: &Core| {
            Ok(tree::prove_consistency(&mut batch::reader(core.store.as_ref(), size), old, size)?)
        };
        self.core.blocking(prove).await
    }
}

/// How long to leave a witness alone after a failure: at least for `pause`, and for as long as it asked for.
fn back_off(host: &Host, error: &AskError, pause: Duration) -> Duration {
    let asked_for = match error {
        AskError::Witness(error) => error.retry_after(),
        _ => None,
    };
    pause.mul_f64(jitter(host)).max(asked_for.unwrap_or_default())
}

/// The cosignature by this key among the lines that a witness answered with, verified, and its time.
pub(crate) fn cosignature_by<'a>(
    key: &VerifierKey,
    checkpoint: &Checkpoint,
    lines: &'a [Signature],
) -> Result<(&'a Signature, UnixSeconds), AskError> {
    // SPEC: tlog-witness: cosignatures from unknown keys are ignored.
    let line = lines.iter().find(|line| key.matches(line)).ok_or(AskError::NoCosignature)?;
    let time = match cosignature::claimed_time(key, line) {
        Some(time) if is_broken(Promise::Cosignature) => time,
        _ => cosignature::verify(key, checkpoint, line)?,
    };
    Ok((line, time))
}

/// A factor from 0.5 to 1.5, so that logs that lost a witness together don't come back together.
pub(crate) fn jitter(host: &Host) -> f64 {
    0.5 + f64::from(host.chance()) / 255.0
}
