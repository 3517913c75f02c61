//! The running witness: its listeners, and its start and stop.
//!
//! ```text
//! TCP ─▶ accept ─▶ router ─▶ add_checkpoint ─▶ cosigner ─▶ store (one writer, groups share a sync)
//!                     ├────▶ sign_subtree ───▶ cosigner
//!                     └────▶ monitoring ─────▶ records in memory
//! ```
//! A bastion, where one is configured, is a second way to the router, over a connection that the witness opens.
//! The admin listener and the control socket are apart from the public address.

pub(crate) mod accept;
mod add_checkpoint;
mod call;
mod idle;
mod monitoring;
mod pages;
mod problem;
mod sign_subtree;

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    response::IntoResponse as _,
    routing::{get, post},
};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    admin,
    bastion::{self, BastionError, Connector},
    clock::{Clock, SystemClock},
    config::{Config, Limits},
    control,
    cosigner::{Cosigner, OpenError},
    key::{KeyFileError, WitnessKeys},
    logs::{LogSet, LogsError},
    metrics::Metrics,
    restored,
    store::{RedbStore, Store, StoreError},
};
use accept::Acceptor;
use problem::Problem;

/// What the handlers share.
struct App {
    cosigner: Arc<Cosigner>,
    metrics: Arc<Metrics>,
    limits: Limits,
    in_flight: Arc<Semaphore>,
    tasks: TaskTracker,
}

/// Why the witness does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A key file is refused.
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    /// A file of logs is refused.
    #[error(transparent)]
    Logs(#[from] LogsError),
    /// The store can't be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record is not what this witness wrote.
    #[error(transparent)]
    Records(#[from] OpenError),
    /// A bastion can't be used as it is configured.
    #[error(transparent)]
    Bastion(#[from] BastionError),
    /// The address can't be listened on.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The control socket can't be made.
    #[error("can't make the control socket {path}: {source}{hint}", hint = control::hint(.path))]
    Control {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A witness that runs in this process.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    admin_addr: Option<SocketAddr>,
    reloader: Arc<Reloader>,
    limits: Limits,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Re-reads the files of logs.
#[derive(Debug)]
pub(crate) struct Reloader {
    logs_dir: PathBuf,
    cosigner: Arc<Cosigner>,
    metrics: Arc<Metrics>,
    /// One at a time, so that what was read last is what is in force.
    turn: Mutex<()>,
}

impl Reloader {
    pub(crate) fn cosigner(&self) -> &Cosigner {
        &self.cosigner
    }

    pub(crate) fn reload(&self) -> Result<usize, LogsError> {
        let _turn = self.turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // INVARIANT: the new set is in force only if every file of it is good.
        let logs = LogSet::load(&self.logs_dir);
        self.metrics.reloaded(logs.as_ref().ok().map(LogSet::len));
        let logs = logs.inspect_err(|error| tracing::error!(%error, "the files of logs are refused"))?;
        let count = logs.len();
        self.cosigner.set_logs(logs);
        tracing::info!(logs = count, "the files of logs are in force");
        Ok(count)
    }
}

/// Starts a witness on its directory's store, with the system's clock.
///
/// # Errors
/// A key, a log, the store, a record or an address is refused.
pub async fn start(config: Config) -> Result<Running, StartError> {
    let metrics = Arc::new(Metrics::new());
    let observer = Arc::clone(&metrics);
    let keys = WitnessKeys::load(&config.key_files())?;
    let verifiers: Vec<_> = keys.verifiers().cloned().collect();
    let store = RedbStore::open(&config.store_file(), &verifiers, move |commit| observer.committed(commit))?;
    start_on(config, keys, Arc::new(store), Arc::new(SystemClock), metrics).await
}

/// Starts a witness on another store or clock.
///
/// # Errors
/// As [`start`].
pub async fn start_with(
    config: Config,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
) -> Result<Running, StartError> {
    let keys = WitnessKeys::load(&config.key_files())?;
    start_on(config, keys, store, clock, Arc::new(Metrics::new())).await
}

async fn start_on(
    config: Config,
    keys: WitnessKeys,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
) -> Result<Running, StartError> {
    let logs = LogSet::load(&config.logs_dir())?;
    metrics.reloaded(Some(logs.len()));
    let limits = config.settings.limits;
    let bastions = &config.settings.bastion;
    let bastion = |settings| Connector::new(settings, &config.dir, limits.idle_timeout());
    let bastions = bastions.iter().map(bastion).collect::<Result<Vec<_>, _>>()?;
    let cosigner = Arc::new(Cosigner::open(keys, logs, store, clock, limits.allowance())?);
    // INVARIANT: before the first signature.
    let comparisons = restored::compare(&cosigner).await;
    restored::tell(&comparisons);
    cosigner.set_comparisons(comparisons);
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let max_in_flight = usize::try_from(limits.max_in_flight.get()).unwrap_or(Semaphore::MAX_PERMITS);
    let app = Arc::new(App {
        cosigner: Arc::clone(&cosigner),
        metrics: Arc::clone(&metrics),
        limits,
        in_flight: Arc::new(Semaphore::new(max_in_flight.min(Semaphore::MAX_PERMITS))),
        tasks: tasks.clone(),
    });
    let reloader = Arc::new(Reloader {
        logs_dir: config.logs_dir(),
        cosigner,
        metrics: Arc::clone(&metrics),
        turn: Mutex::new(()),
    });
    let (listener, addr) = listen(config.settings.listen).await?;
    let admin = match config.settings.admin_listen {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let socket = config.control_socket();
    let control = control::listen(&socket).map_err(|source| StartError::Control { path: socket, source })?;
    let acceptor = |router| Acceptor {
        router,
        limits,
        connections: metrics.connections(),
        stop: stop.clone(),
        tasks: tasks.clone(),
    };
    for bastion in bastions {
        let acceptor = acceptor(public_router(Arc::clone(&app)));
        let (stop, metrics) = (stop.clone(), Arc::clone(&metrics));
        tasks.spawn(async move {
            let serve = |connection| acceptor.serve_bastion(connection);
            let tell = |bastion: &str, event| metrics.bastion(bastion, event);
            bastion::run(bastion, stop, serve, tell).await;
        });
    }
    tasks.spawn(acceptor(public_router(Arc::clone(&app))).run(listener));
    let admin_addr = admin.map(|(listener, addr)| {
        tasks.spawn(acceptor(admin::router(app)).run(listener));
        addr
    });
    tasks.spawn(control.run(Arc::clone(&reloader), stop.clone(), tasks.clone()));
    Ok(Running { addr, admin_addr, reloader, limits, stop, tasks })
}

impl Running {
    /// Where logs and monitors connect to.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where metrics and health are, if anywhere.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin_addr
    }

    /// The witness itself.
    pub fn cosigner(&self) -> &Cosigner {
        &self.reloader.cosigner
    }

    /// Re-reads the files of logs and gives the number of logs that are then in force.
    ///
    /// # Errors
    /// A file is refused. What was in force stays in force.
    pub fn reload(&self) -> Result<usize, LogsError> {
        self.reloader.reload()
    }

    /// Ends when the store fails. The witness signs nothing after that and has to be started afresh.
    pub async fn failed(&self) -> StoreError {
        let mut failure = self.cosigner().failure();
        let failed = failure.wait_for(Option::is_some).await.ok().and_then(|failure| (*failure).clone());
        // The sender lives in the cosigner, which `self` holds, and the value was waited for.
        failed.unwrap_or(StoreError::Stopped)
    }

    /// Stops: no new connections, requests in flight are answered, then the store is closed. Gives false if not all
    /// of them ended in time.
    pub async fn stop(self) -> bool {
        self.stop.cancel();
        self.tasks.close();
        timeout(self.limits.shutdown_timeout(), self.tasks.wait()).await.is_ok()
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

fn public_router(app: Arc<App>) -> Router {
    Router::new()
        .route("/add-checkpoint", post(add_checkpoint::add_checkpoint))
        .route("/sign-subtree", post(sign_subtree::sign_subtree))
        .route("/{origin_hash}/checkpoint", get(monitoring::checkpoint))
        .fallback(async || Problem::NotFound.into_response())
        .method_not_allowed_fallback(async || Problem::Method.into_response())
        .with_state(app)
}
