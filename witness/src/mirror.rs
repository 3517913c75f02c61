//! The mirror: keeps a verified copy of logs that it doesn't run, and serves it as the logs did (C2SP tlog-mirror,
//! tlog-tiles).
//!
//! | module | what it is |
//! |---|---|
//! | [`config`] | `mirror.toml` |
//! | `pull` | reading a log: what is done in a round |
//! | `push` | what others bring: `add-checkpoint`, `add-entries` |
//! | `copy` | one log's copy: locked onto a head, grown, made durable, signed |
//! | `growing`, `packs` | entries and tiles, and batches, on disk |
//! | `files` | files that are whole or not there |
//! | `records` | checkpoints, and how far the copy is durable |
//! | `signed` | what was signed, which outlives every copy |
//! | `failure` | the end, when a store fails |
//! | `serve`, `reads`, `problem` | the HTTP side |
//! | [`metrics`] | what operators watch |
//!
//! Its cosignature says more than a witness's: that everything under the checkpoint is on its disk. So it has a key and
//! a name of its own. What this does not do: it never prunes, it has no way to join a log at a later entry than the
//! first, and it doesn't sign subtrees.

pub mod config;
mod copy;
mod failure;
mod files;
mod growing;
pub mod metrics;
mod packs;
mod problem;
mod pull;
mod push;
mod reads;
mod records;
mod serve;
mod signed;

use std::{
    collections::BTreeMap,
    fs, io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use tokio::task::JoinSet;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use treering_tlog::time::UnixSeconds;

use crate::{
    admin::{self, Pages},
    clock::{Clock, Timestamps},
    cosigner::OpenError,
    key::{KeyFileError, OwnCosignatureError, WitnessKeys},
    monitor::Kept,
    name,
    read::fetch::Fetcher,
    store::StoreError,
};
use config::MirrorConfig;
pub use copy::MirrorFault;
use copy::{LogCopy, Stores};
use failure::Failure;
pub use growing::CopyError;
use metrics::MirrorMetrics;
use pull::Puller;
pub use pull::Round;
use records::Records;
use signed::Signed;

/// Mirrors all logs of a configuration.
#[derive(Debug)]
pub struct Mirror {
    config: MirrorConfig,
    pullers: Vec<Arc<Puller>>,
    status: Arc<Status>,
    failure: Arc<Failure>,
}

/// Why the mirror does not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// A key file is refused.
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    /// The folder of the copies.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The records can't be opened, or have failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was signed isn't known.
    #[error("{source}{}", take_along(source))]
    Signed {
        /// Why.
        source: OpenError,
    },
    /// What was signed is older than the copy's checkpoint.
    #[error(
        "{path} is an old one: by its copy of {origin} this mirror has signed more. Bring back the newest, or make a new \
         mirror with a new key (`mirror init`); the copies' folder (`data`) can be taken along"
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// The log.
        origin: String,
    },
    /// A copy can't be opened or written.
    #[error("{origin}: {source}")]
    Fault {
        /// The log.
        origin: String,
        /// Why.
        source: MirrorFault,
    },
    /// The mirror checkpoint isn't what this mirror wrote.
    #[error("{origin}: the mirror checkpoint was changed since it was written: {source}")]
    Forged {
        /// The log.
        origin: String,
        /// How that shows.
        source: OwnCosignatureError,
    },
    /// The HTTP client.
    #[error("the TLS library can't be set up: {0}")]
    Tls(#[from] reqwest::Error),
    /// A listener.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// The way out of a lost store is a new key, and not a new copy.
fn take_along(error: &OpenError) -> &'static str {
    match error {
        OpenError::Store(StoreError::Lost { .. } | StoreError::Damaged { .. }) => {
            "; the copies' folder (`data`) can be taken along"
        }
        _ => "",
    }
}

/// What the last rounds have brought, for metrics and health.
#[derive(Debug)]
struct Status {
    metrics: MirrorMetrics,
    last: RwLock<BTreeMap<String, Round>>,
}

impl Mirror {
    /// Opens the copies that are there, and makes those that aren't.
    ///
    /// # Errors
    /// A key, a record or a copy is refused.
    pub fn open(config: MirrorConfig, clock: Arc<dyn Clock>) -> Result<Mirror, MirrorError> {
        let keys = Arc::new(WitnessKeys::load(&config.keys)?);
        let data = config.data.clone();
        let io = |source| MirrorError::Io { path: data.clone(), source };
        fs::create_dir_all(&data).map_err(io)?;
        // CRASH: its name, too: what is cosigned as kept must be found after a power cut.
        name::sync(&data).map_err(io)?;
        let failure = Arc::new(Failure::none_yet());
        let signed = Signed::open(&config.signed, &keys, Arc::clone(&failure))
            .map_err(|source| MirrorError::Signed { source })?;
        let records = Records::open(&data.join("mirror.redb"), Arc::clone(&failure))?;
        let stores = Stores { records: Arc::new(records), signed: Arc::new(signed) };
        let last = last_time(&config, &keys, &stores)?;
        let timestamps = Arc::new(Timestamps::new(clock, last));
        let fetcher = Fetcher::new(config.timeout)?;
        let mut pullers = Vec::new();
        for log in &config.logs {
            let (origin, folder) = (log.origin.to_string(), data.join(log.hash()));
            let (keys, timestamps) = (Arc::clone(&keys), Arc::clone(&timestamps));
            let copy = LogCopy::open(log.clone(), folder, stores.clone(), keys, timestamps);
            let copy = copy.map_err(|source| MirrorError::Fault { origin, source })?;
            let pace = (config.concurrency, config.retry_pause);
            pullers.push(Arc::new(Puller::new(Arc::new(copy), fetcher.clone(), pace)));
        }
        let status = Arc::new(Status { metrics: MirrorMetrics::new(), last: RwLock::default() });
        Ok(Mirror { config, pullers, status, failure })
    }

    /// Reads each log once, one after the other, and gives the origins with what the rounds have brought.
    ///
    /// # Errors
    /// A copy can't be read or written here.
    pub async fn once(&self) -> Result<Vec<(String, Round)>, MirrorError> {
        let mut rounds = Vec::new();
        for puller in self.pullers.iter().filter(|puller| !puller.copy.log.urls.is_empty()) {
            let origin = puller.copy.log.origin.to_string();
            let round = puller.round().await;
            let round = round.map_err(|source| MirrorError::Fault { origin: origin.clone(), source })?;
            self.status.round(&origin, &round);
            rounds.push((origin, round));
        }
        Ok(rounds)
    }

    /// Serves the copies, and reads each log in its interval, until it is told to stop; `seen` hears of each round.
    /// `listening` gets the public address, and the admin one.
    ///
    /// # Errors
    /// An address can't be had, or a store has failed: then everything ends, and what is on the disk has to be read anew. A
    /// copy whose files can't be written is told of, and tried again; what is there is served on.
    ///
    /// # Panics
    /// If a task that reads a log has panicked.
    pub async fn run(
        self,
        stop: CancellationToken,
        seen: impl Fn(&str, &Round) + Send + Sync + 'static,
        listening: impl FnOnce(SocketAddr, Option<SocketAddr>),
    ) -> Result<(), MirrorError> {
        let address = self.config.listen;
        let tasks = TaskTracker::new();
        let serving = serve::start(&self.config, &self.pullers, &self.status.metrics, &stop, &tasks).await;
        let public = serving.map_err(|source| MirrorError::Listen { address, source })?;
        let admin = match self.config.admin_listen {
            Some(address) => {
                let pages = Arc::clone(&self.status) as Arc<dyn Pages>;
                let bound = admin::start(address, pages, stop.clone()).await;
                Some(bound.map_err(|source| MirrorError::Listen { address, source })?)
            }
            None => None,
        };
        listening(public, admin);
        let seen = Arc::new(seen);
        let mut rounds = JoinSet::new();
        for puller in self.pullers.into_iter().filter(|puller| !puller.copy.log.urls.is_empty()) {
            rounds.spawn(follow(puller, Arc::clone(&self.status), Arc::clone(&seen), stop.clone()));
        }
        let failed = tokio::select! {
            () = stop.cancelled() => None,
            failure = self.failure.happened() => Some(failure),
            // Nobody would read that log any more, and nothing would say so. The others end by themselves only when told to.
            Some(Err(panicked)) = rounds.join_next() => {
                stop.cancel();
                std::panic::resume_unwind(panicked.into_panic())
            }
        };
        stop.cancel();
        while let Some(ended) = rounds.join_next().await {
            if let Err(panicked) = ended
                && panicked.is_panic()
            {
                std::panic::resume_unwind(panicked.into_panic());
            }
        }
        tasks.close();
        let patience = self.config.limits.of_connections().shutdown_timeout();
        if tokio::time::timeout(patience, tasks.wait()).await.is_err() {
            tracing::warn!("requests in flight did not end in time; what was signed is durable");
        }
        failed.map_or(Ok(()), |failure| Err(failure.into()))
    }
}

/// Reads a log in its interval.
async fn follow(
    puller: Arc<Puller>,
    status: Arc<Status>,
    seen: Arc<impl Fn(&str, &Round) + Send + Sync + 'static>,
    stop: CancellationToken,
) {
    let origin = puller.copy.log.origin.to_string();
    let mut ticks = tokio::time::interval(puller.copy.log.interval);
    // A round that takes longer than the interval isn't followed by two.
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        // Whatever is durable stays, so a round may be cut off anywhere.
        let Some(round) = stop.run_until_cancelled(puller.round()).await else { return };
        match round {
            Ok(round) => {
                status.round(&origin, &round);
                seen(&origin, &round);
            }
            Err(fault) => {
                status.failed(&origin);
                tracing::error!(origin, %fault, "the copy can't be kept");
            }
        }
    }
}

/// The last time that this mirror has signed: no later signature has an earlier one. The copies' own checkpoints are held
/// against what was signed.
fn last_time(config: &MirrorConfig, keys: &WitnessKeys, stores: &Stores) -> Result<UnixSeconds, MirrorError> {
    let zero = UnixSeconds::new(0).expect("zero is below the limit");
    let last = stores.signed.last_time().unwrap_or(zero);
    for log in &config.logs {
        let origin = || log.origin.to_string();
        let state = stores.records.load(&log.origin);
        let state = state.map_err(|source| MirrorError::Fault { origin: origin(), source })?;
        let Some(note) = state.mirror.as_ref().map(Kept::note) else { continue };
        let checkpoint = treering_tlog::checkpoint::Checkpoint::parse(note.text());
        // INVARIANT: what was kept is a checkpoint. One that only an older key signed says no time.
        let Ok(checkpoint) = checkpoint else { continue };
        let own = keys.verify_own(&checkpoint, note.signatures());
        let time = own.map_err(|source| MirrorError::Forged { origin: origin(), source })?;
        // INVARIANT: what was signed is durable beside the keys before it is in a copy.
        let known = |time| {
            stores
                .signed
                .last(&log.origin)
                .is_some_and(|signed| signed.time() >= time && signed.head().size >= checkpoint.head.size)
        };
        if time.is_some_and(|time| !known(time)) {
            return Err(MirrorError::Older { path: config.signed.clone(), origin: origin() });
        }
    }
    Ok(last)
}

impl Status {
    fn round(&self, origin: &str, round: &Round) {
        self.metrics.round(origin, round);
        let mut last = self.last.write().unwrap_or_else(PoisonError::into_inner);
        last.insert(origin.to_owned(), round.clone());
    }

    fn failed(&self, origin: &str) {
        self.metrics.failed(origin);
        let mut last = self.last.write().unwrap_or_else(PoisonError::into_inner);
        let round = last.entry(origin.to_owned()).or_default();
        round.wrong = vec!["the copy can't be written here".to_owned()];
    }
}

impl Pages for Status {
    fn metrics(&self) -> String {
        self.metrics.encode()
    }

    /// A log that can't be reached is no reason not to be ready: that is when a mirror is wanted. One that contradicts
    /// itself is.
    fn ready(&self) -> Result<String, String> {
        let last = self.last.read().unwrap_or_else(PoisonError::into_inner);
        let wrong =
            last.iter().flat_map(|(origin, round)| round.wrong.iter().map(move |what| (origin, what)));
        let wrong: String = wrong.map(|(origin, what)| format!("{origin}: {what}\n")).collect();
        if wrong.is_empty() { Ok(format!("ready: {} logs read\n", last.len())) } else { Err(wrong) }
    }
}
