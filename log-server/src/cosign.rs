//! Asking the witnesses: one task a witness, one request in flight, each at its own pace.
//!
//! A slow witness skips to the newest head, with a proof from the size that it knows. What comes back is verified
//! before anybody else sees it.

use crate::{
    batch,
    state::{Core, Fatal, Phase},
    witness_client::WitnessError,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
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
/// How often a 409 is followed within one round: the second one already has the witness's own size.
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

/// A verified cosignature.
#[derive(Clone, Debug)]
pub(crate) struct Vote {
    pub(crate) round: u64,
    pub(crate) size: TreeSize,
    pub(crate) refresh: bool,
    pub(crate) cosigned: Cosigned,
    pub(crate) line: Signature,
}

/// The state of asking one witness.
#[derive(Debug)]
pub(crate) struct Asking {
    pub(crate) core: Arc<Core>,
    /// Its index in the policy.
    pub(crate) witness: usize,
    pub(crate) url: String,
    /// The size that the witness knows, as far as it told.
    pub(crate) old: TreeSize,
}

/// Why a round with one witness gave nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error(transparent)]
    Witness(#[from] WitnessError),
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
    #[error(transparent)]
    Fatal(#[from] Fatal),
}

impl Asking {
    /// Asks for each new target until the log stops.
    pub(crate) async fn run(
        mut self,
        mut targets: watch::Receiver<Option<Arc<Target>>>,
        votes: mpsc::Sender<Vote>,
    ) {
        let mut done = 0;
        let mut pause = FIRST_PAUSE;
        loop {
            let target = targets.borrow_and_update().clone().filter(|target| target.round > done);
            let Some(target) = target else {
                tokio::select! {
                    () = self.core.reached(Phase::Stopped) => return,
                    changed = targets.changed() => if changed.is_err() { return },
                }
                continue;
            };
            match self.ask(&target).await {
                Ok(vote) => {
                    done = target.round;
                    pause = FIRST_PAUSE;
                    if votes.send(vote).await.is_err() {
                        return;
                    }
                }
                Err(AskError::Fatal(fatal)) => return self.core.fail(&fatal),
                Err(error) => {
                    self.core.board.failed(self.witness, &error.to_string());
                    tokio::select! {
                        () = self.core.reached(Phase::Stopped) => return,
                        () = tokio::time::sleep(pause.mul_f64(jitter())) => {}
                    }
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
            }
        }
    }

    /// One witness, one target.
    pub(crate) async fn ask(&mut self, target: &Target) -> Result<Vote, AskError> {
        for _ in 0..TRIES {
            self.old = self.old.min(target.size());
            let proof = self.proof(target.size()).await?;
            let message = AddCheckpoint { old: self.old, proof, checkpoint: target.note.clone() };
            let begun = Instant::now();
            let answer = self.core.witnesses.add_checkpoint(&self.url, &message).await;
            self.core.metrics.witness_answered(self.witness, begun.elapsed(), answer.as_ref().err());
            match answer {
                Ok(lines) => return self.vote(target, &lines),
                // A bare number proves nothing: it only tells where to prove from, or to wait.
                Err(WitnessError::Conflict { size }) if size == self.old => {
                    return Err(AskError::Contradiction);
                }
                // Not kept: the next try asks again from what is proved, or one wrong number would silence it for good.
                Err(WitnessError::Conflict { size }) if size > target.size() => {
                    return Err(AskError::Ahead { size });
                }
                Err(WitnessError::Conflict { size }) => self.old = size,
                Err(error) => return Err(error.into()),
            }
        }
        Err(AskError::Contradiction)
    }

    fn vote(&mut self, target: &Target, lines: &[Signature]) -> Result<Vote, AskError> {
        let key = &self.core.settings.policy.witnesses()[self.witness].key;
        let (line, time) = cosignature_by(key, &target.checkpoint, lines)?;
        // Every verifier would refuse such a receipt, and the first cosignature of a size stays.
        let latest = time.get().saturating_add(Verifier::ALLOWED_SKEW).saturating_mul(1000);
        if target.sealed_at.is_some_and(|sealed_at| sealed_at.get() > latest) {
            return Err(AskError::Clock);
        }
        self.old = target.size();
        self.core.board.cosigned(self.witness, target.size(), time);
        Ok(Vote {
            round: target.round,
            size: target.size(),
            refresh: target.refresh,
            cosigned: Cosigned { witness: self.witness, time },
            line: line.clone(),
        })
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

/// The cosignature by this key among the lines that a witness answered with, verified, and its time.
pub(crate) fn cosignature_by<'a>(
    key: &VerifierKey,
    checkpoint: &Checkpoint,
    lines: &'a [Signature],
) -> Result<(&'a Signature, UnixSeconds), AskError> {
    // SPEC: tlog-witness: cosignatures from unknown keys are ignored.
    let line = lines.iter().find(|line| key.matches(line)).ok_or(AskError::NoCosignature)?;
    Ok((line, cosignature::verify(key, checkpoint, line)?))
}

/// A factor from 0.5 to 1.5, so that logs that lost a witness together don't come back together.
pub(crate) fn jitter() -> f64 {
    let mut byte = [0; 1];
    // Without randomness the pauses are merely regular.
    let _ = getrandom::fill(&mut byte);
    0.5 + f64::from(byte[0]) / 255.0
}
