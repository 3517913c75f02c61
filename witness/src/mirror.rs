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
//! | `serve`, `problem` | the HTTP side |
//! | [`metrics`] | what operators watch |
//!
//! Its cosignature says more than a witness's: that everything under the checkpoint is on its disk. So it has a key and
//! a name of its own. What this does not do: it never prunes, it has no way to join a log at a later entry than the
//! first, and it doesn't sign subtrees.

pub mod config;
mod copy;
mod files;
mod growing;
pub mod metrics;
mod packs;
mod problem;
mod pull;
mod push;
mod records;
mod serve;

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
    key::{KeyFileError, OwnCosignatureError, WitnessKeys},
    monitor::Kept,
    read::fetch::Fetcher,
    store::StoreError,
};
use config::MirrorConfig;
use copy::LogCopy;
pub use copy::MirrorFault;
pub use growing::CopyError;
use metrics::MirrorMetrics;
use pull::Puller;
pub use pull::Round;
use records::Records;

/// Mirrors all logs of a configuration.
#[derive(Debug)]
pub struct Mirror {
    config: MirrorConfig,
    pullers: Vec<Arc<Puller>>,
    status: Arc<Status>,
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
    /// The records can't be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
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
        fs::create_dir_all(&data).map_err(|source| MirrorError::Io { path: data.clone(), source })?;
        let records = Arc::new(Records::open(&data.join("mirror.redb"))?);
        let last = last_time(&config, &keys, &records)?;
        let timestamps = Arc::new(Timestamps::new(clock, last));
        let fetcher = Fetcher::new(config.timeout)?;
        let mut pullers = Vec::new();
        for log in &config.logs {
            let (origin, folder) = (log.origin.to_string(), data.join(log.hash()));
            let (keys, timestamps) = (Arc::clone(&keys), Arc::clone(&timestamps));
            let copy = LogCopy::open(log.clone(), folder, Arc::clone(&records), keys, timestamps);
            let copy = copy.map_err(|source| MirrorError::Fault { origin, source })?;
            let pace = (config.concurrency, config.retry_pause);
            pullers.push(Arc::new(Puller::new(Arc::new(copy), fetcher.clone(), pace)));
        }
        let status = Arc::new(Status { metrics: MirrorMetrics::new(), last: RwLock::default() });
        Ok(Mirror { config, pullers, status })
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
    /// An address can't be had. A copy that can't be written is told of, and tried again; what is there is served on.
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
        stop.cancelled().await;
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
        Ok(())
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

/// The last time that this mirror has signed: no later signature has an earlier one.
fn last_time(
    config: &MirrorConfig,
    keys: &WitnessKeys,
    records: &Records,
) -> Result<UnixSeconds, MirrorError> {
    let mut last = UnixSeconds::new(0).expect("zero is below the limit");
    for log in &config.logs {
        let origin = || log.origin.to_string();
        let state = records.load(&log.origin).map_err(|error| MirrorError::Fault {
            origin: origin(),
            source: error.map_or_else(|| MirrorFault::Record { origin: origin() }, MirrorFault::Store),
        })?;
        let Some(note) = state.mirror.as_ref().map(Kept::note) else { continue };
        let checkpoint = treering_tlog::checkpoint::Checkpoint::parse(note.text());
        // INVARIANT: what was kept is a checkpoint. One that only an older key signed says no time.
        let Ok(checkpoint) = checkpoint else { continue };
        let own = keys.verify_own(&checkpoint, note.signatures());
        let time = own.map_err(|source| MirrorError::Forged { origin: origin(), source })?;
        last = last.max(time.unwrap_or(last));
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
