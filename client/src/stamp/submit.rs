//! Submissions on their way to the log, and receipts on their way back, beside the hashing.
//!
//! At most [`BODIES`] submissions' bytes are held at once; whoever sends another waits. Every receipt is verified under the
//! user's policy before it counts. One that doesn't meet the quorum yet may still gain cosignatures: it is asked for again,
//! then for a later checkpoint.
//!
//! A log that is away is no failure of the run: nothing more is sent to it then, and what it doesn't have is sent later, out
//! of the partial bundle ([`super::deliver`]).

use super::{
    StampError,
    bound::{After, lower_bound},
};
use crate::{
    clock,
    http::{Answer, Client, ClientError, jittered},
};
use bytes::Bytes;
use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};
use tokio::{
    runtime::{Handle, Runtime},
    sync::Semaphore,
};
use treering_tlog::{hash::Hash, note::Note, policy::Policy};
use treering_token::{
    commitment::Commitment,
    token::Token,
    verify::{Attested, Verifier, VerifyError},
};

/// Submissions whose bytes are held while the log takes them.
const BODIES: usize = 2;
/// How long the log is asked to wait with its answer.
const WAIT: Duration = Duration::from_secs(10);
/// So often is a receipt that lacks witnesses asked for before a later checkpoint is.
const SAME_SIZE: u32 = 3;
/// How often a log that was away is tried in one call.
const AWAY_ATTEMPTS: u32 = 2;
/// How often an interruption is looked for.
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// A log, reached from the outside of the asynchronous world.
#[derive(Debug)]
pub(crate) struct Log {
    client: Client,
    policy: Arc<Policy>,
    runtime: Handle,
    /// That runtime, if it is there for this log alone.
    _own: Option<Runtime>,
    interrupted: Arc<AtomicBool>,
    /// It didn't answer the last time: asked again, it isn't waited for as long.
    away: AtomicBool,
}

/// Receipts under way.
#[derive(Debug)]
pub(super) struct Submissions<'a> {
    log: &'a Log,
    deadline: Duration,
    bodies: Arc<Semaphore>,
    sender: mpsc::Sender<Outcome>,
    outcomes: mpsc::Receiver<Outcome>,
    under_way: usize,
    settled: HashMap<Hash, Token>,
    /// Those that the log says it doesn't have.
    unknown: HashSet<Hash>,
    /// Why some of them have to wait.
    away: Option<StampError>,
    /// Why one has failed for good, until it is told.
    failed: Option<StampError>,
}

/// What became of submissions.
#[derive(Debug)]
pub(super) struct Collected {
    pub(super) settled: HashMap<Hash, Token>,
    pub(super) unknown: HashSet<Hash>,
    pub(super) away: Option<StampError>,
}

enum Outcome {
    Settled(Hash, Box<Token>),
    Unknown(Hash),
    Failed(StampError),
}

impl Log {
    /// Starts the network's thread; from now on an interruption is noticed by whoever asks.
    pub(crate) fn new(client: Client, policy: Policy) -> Result<Log, StampError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(StampError::Runtime)?;
        let interrupted = Arc::new(AtomicBool::new(false));
        runtime.spawn(watch(Arc::clone(&interrupted)));
        let log = Log::within(runtime.handle().clone(), client, Arc::new(policy), interrupted);
        Ok(Log { _own: Some(runtime), ..log })
    }

    /// On somebody else's runtime, until that somebody interrupts it.
    pub(crate) fn within(
        runtime: Handle,
        client: Client,
        policy: Arc<Policy>,
        interrupted: Arc<AtomicBool>,
    ) -> Log {
        Log { client, policy, runtime, _own: None, interrupted, away: AtomicBool::new(false) }
    }

    pub(crate) fn url(&self) -> &str {
        self.client.url()
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// How many commitments the log takes in one submission, if it says so.
    pub(crate) fn max_hashes(&self) -> Result<Option<u64>, StampError> {
        let info = self.runtime.block_on(self.client().log()).map_err(|error| self.noted(error.into()))?;
        Ok(info.limits.max_hashes)
    }

    /// Whoever asks a log that was away a moment ago needn't try as often.
    fn client(&self) -> Client {
        let client = self.client.clone();
        if self.away.load(Ordering::Relaxed) { client.with_attempts(AWAY_ATTEMPTS) } else { client }
    }

    fn noted(&self, error: StampError) -> StampError {
        self.away.fetch_or(error.may_pass(), Ordering::Relaxed);
        error
    }

    /// The newest checkpoint, which must be one of the policy's logs; what is to be kept of it for a lower bound, unless the
    /// policy has no quorum.
    pub(crate) fn after(&self) -> Result<After, StampError> {
        self.runtime.block_on(lower_bound(&self.client(), &self.policy)).map_err(|error| self.noted(error))
    }

    /// Has the user interrupted us?
    pub(super) fn check(&self) -> Result<(), StampError> {
        if self.interrupted.load(Ordering::Relaxed) { Err(StampError::Interrupted) } else { Ok(()) }
    }

    /// Sends submissions (root and commitments) and waits for their receipts, each verified. Nothing is kept of them here.
    pub(crate) fn receipts(
        &self,
        bodies: Vec<(Hash, Vec<u8>)>,
        wait: Duration,
    ) -> Result<HashMap<Hash, Token>, StampError> {
        let mut submissions = self.submissions(wait);
        for (root, commitments) in bodies {
            submissions.send(root, commitments)?;
        }
        let collected = submissions.collect()?;
        match collected.away {
            Some(error) => Err(error),
            None => Ok(collected.settled),
        }
    }

    pub(super) fn submissions(&self, deadline: Duration) -> Submissions<'_> {
        let (sender, outcomes) = mpsc::channel();
        let bodies = Arc::new(Semaphore::new(BODIES));
        Submissions {
            log: self,
            deadline,
            bodies,
            sender,
            outcomes,
            under_way: 0,
            settled: HashMap::new(),
            unknown: HashSet::new(),
            away: None,
            failed: None,
        }
    }
}

impl Submissions<'_> {
    /// Sends one submission; waits while too many are being taken. If the log is away, it is not sent.
    ///
    /// # Errors
    /// One that was sent before has failed for good, or the user interrupts.
    pub(super) fn send(&mut self, root: Hash, commitments: Vec<u8>) -> Result<(), StampError> {
        let permit = loop {
            self.look()?;
            if self.away.is_some() {
                return Ok(());
            }
            match Arc::clone(&self.bodies).try_acquire_owned() {
                Ok(permit) => break permit,
                Err(_) => std::thread::sleep(LOOK / 10),
            }
        };
        let (client, policy) = (self.log.client(), Arc::clone(&self.log.policy));
        let (sender, deadline) = (self.sender.clone(), self.deadline);
        self.under_way += 1;
        self.log.runtime.spawn(async move {
            let outcome = match client.submit(Bytes::from(commitments), WAIT).await {
                Ok(answer) => {
                    drop(permit);
                    settle(&client, &policy, root, answer, deadline).await
                }
                Err(error) => Err(error.into()),
            };
            // Nobody listens any more if the run has failed already.
            let _ = sender.send(Outcome::of(root, outcome));
        });
        Ok(())
    }

    /// Asks for the receipt of a submission that was, or may have been, sent before.
    pub(super) fn ask(&mut self, root: Hash) {
        let (client, policy) = (self.log.client(), Arc::clone(&self.log.policy));
        let (sender, deadline) = (self.sender.clone(), self.deadline);
        self.under_way += 1;
        self.log.runtime.spawn(async move {
            let outcome = match client.receipt(&root, None).await {
                Ok(answer) => settle(&client, &policy, root, answer, deadline).await,
                Err(error) => Err(error.into()),
            };
            let _ = sender.send(Outcome::of(root, outcome));
        });
    }

    /// Is nothing under way any more?
    pub(super) fn is_answered(&mut self) -> bool {
        if self.failed.is_none() {
            self.failed = self.note_all().err();
        }
        self.failed.is_some() || self.under_way == 0
    }

    /// Does something have to wait for the log?
    pub(super) fn is_away(&self) -> bool {
        self.away.is_some()
    }

    /// Waits for all receipts, each verified.
    pub(super) fn collect(&mut self) -> Result<Collected, StampError> {
        if let Some(failed) = self.failed.take() {
            return Err(failed);
        }
        while self.under_way > 0 {
            self.log.check()?;
            match self.outcomes.recv_timeout(LOOK) {
                Ok(outcome) => self.note(outcome)?,
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return Err(StampError::Lost),
            }
        }
        Ok(Collected {
            settled: std::mem::take(&mut self.settled),
            unknown: std::mem::take(&mut self.unknown),
            away: self.away.take(),
        })
    }

    fn look(&mut self) -> Result<(), StampError> {
        self.log.check()?;
        self.note_all()
    }

    fn note_all(&mut self) -> Result<(), StampError> {
        while let Ok(outcome) = self.outcomes.try_recv() {
            self.note(outcome)?;
        }
        Ok(())
    }

    fn note(&mut self, outcome: Outcome) -> Result<(), StampError> {
        self.under_way -= 1;
        match outcome {
            Outcome::Settled(root, receipt) => {
                self.settled.insert(root, *receipt);
            }
            Outcome::Unknown(root) => {
                self.unknown.insert(root);
            }
            Outcome::Failed(error) if error.may_pass() => {
                self.away.get_or_insert(self.log.noted(error));
            }
            Outcome::Failed(error) => return Err(error),
        }
        Ok(())
    }
}

impl Outcome {
    fn of(root: Hash, outcome: Result<Token, StampError>) -> Outcome {
        match outcome {
            Ok(receipt) => Outcome::Settled(root, Box::new(receipt)),
            Err(StampError::Client(ClientError::Unknown { .. } | ClientError::Gone { .. })) => {
                Outcome::Unknown(root)
            }
            Err(error) => Outcome::Failed(error),
        }
    }
}

/// Asks until there is a receipt that verifies.
pub(crate) async fn settle(
    client: &Client,
    policy: &Policy,
    root: Hash,
    mut answer: Answer,
    patience: Duration,
) -> Result<Token, StampError> {
    let begun = Instant::now();
    let (mut unmet, mut times, mut size) = (None, 0, None);
    loop {
        let pause = match answer {
            Answer::Pending { retry_after } => retry_after,
            Answer::Ready(receipt) => match judge(policy, &root, &receipt, None) {
                Ok(_) => return Ok(*receipt),
                Err(error @ VerifyError::QuorumNotMet { .. }) => {
                    unmet = Some(error);
                    times += 1;
                    if times >= SAME_SIZE {
                        size = later_size(client, policy, receipt.index()).await;
                    }
                    Duration::from_secs(1 << times.min(4))
                }
                Err(error) => return Err(StampError::Receipt { root, error }),
            },
        };
        let pause = jittered(pause.max(Duration::from_millis(50)));
        if begun.elapsed() + pause > patience {
            return Err(StampError::NotYet { waited: begun.elapsed(), unmet });
        }
        tokio::time::sleep(pause).await;
        answer = match client.receipt(&root, size).await {
            // That checkpoint won't do for the log; the receipt as it is may do later.
            Err(ClientError::Refused { status: 400..=428, .. } | ClientError::Unknown { .. })
                if size.is_some() =>
            {
                client.receipt(&root, None).await?
            }
            // The log has the submission durably: an outage is waited out, as long as the user wants.
            Err(ClientError::Unreachable { .. } | ClientError::Refused { status: 429 | 500..=599, .. }) => {
                Answer::Pending { retry_after: Duration::from_secs(5) }
            }
            other => other?,
        };
    }
}

/// Holds a receipt against the policy, and the lower bound of the claims that it is for against it: a witness's clock that is
/// ahead can make the two bounds contradict each other, and no verifier would take that.
pub(crate) fn judge(
    policy: &Policy,
    root: &Hash,
    receipt: &Token,
    after: Option<&[u8]>,
) -> Result<Attested, VerifyError> {
    // INVARIANT: the client never believes the log: this is the only way for a receipt into a bundle or token.
    let verifier = Verifier { policy, now: clock::now() };
    let attested = verifier.receipt(receipt, &Commitment(*root))?;
    if let Some(note) = after.filter(|_| !policy.needs_no_witness()) {
        verifier.after(note, &attested)?;
    }
    Ok(attested)
}

/// The size of the newest checkpoint, if it covers the entry and meets the policy.
async fn later_size(client: &Client, policy: &Policy, index: u64) -> Option<u64> {
    let note = client.checkpoint().await.ok()?;
    let opened = policy.open(Note::parse(&note).ok()?).ok()?;
    policy.upper_bound(&opened.cosigned)?;
    let size = opened.checkpoint.head().size.get();
    (size > index).then_some(size)
}

/// Notes the first interruption, so that what is half done is cleared away; the second ends the process.
async fn watch(interrupted: Arc<AtomicBool>) {
    while signal().await {
        if interrupted.swap(true, Ordering::Relaxed) {
            std::process::exit(2);
        }
    }
}

#[cfg(unix)]
async fn signal() -> bool {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return false };
    tokio::select! {
        outcome = tokio::signal::ctrl_c() => outcome.is_ok(),
        outcome = terminate.recv() => outcome.is_some(),
    }
}

#[cfg(not(unix))]
async fn signal() -> bool {
    tokio::signal::ctrl_c().await.is_ok()
}
