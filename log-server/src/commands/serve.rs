//! `serve`: runs a log until it is told to stop, or fails.
//!
//! On SIGTERM or SIGINT the listener closes, requests that have begun end, what was accepted is sealed and as far as
//! witnesses allow published, the store is closed. A second signal ends the process at once, which loses nothing
//! that was acknowledged.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use clap::Args;
use tokio::{
    net::{TcpListener, TcpSocket},
    signal::unix::{Signal, SignalKind, signal},
};
use tokio_util::task::AbortOnDropHandle;

use treering_tlog::note::VerifierKey;

use super::{Outcome, Place, logging::Logging, open_files};
use crate::{
    access::Access,
    clock::{Clock, SystemClock},
    config::{Admission, Config, Limits},
    control,
    http::{self, App, HttpMetrics, accept::Server, tls::Tls},
    keys::LogKeys,
    log::Log,
    tsa::{self, Tsa, TsaSetup},
};

/// Requests that wait for a receipt get this long to end.
const CONNECTIONS_GRACE: Duration = Duration::from_secs(10);
/// Witnesses get this long to cosign the last head.
const LOG_GRACE: Duration = Duration::from_secs(15);
/// Connections of probes and scrapers.
const ADMIN_CONNECTIONS: usize = 64;
/// How many connections may wait to be accepted; the kernel has a limit of its own (net.core.somaxconn, 4096). Whoever comes beyond
/// it tries again after a second: with the usual 1024 a crowd that came at once cost honest clients that second.
const BACKLOG: u32 = 4096;

/// Run a log.
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    logging: Logging,
}

impl Serve {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        self.logging.start()?;
        let config = self.place.load()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let outcome = runtime.block_on(serve(config));
        // A write that hangs in a broken disk must not keep the process from ending.
        runtime.shutdown_timeout(Duration::from_secs(5));
        outcome
    }
}

async fn serve(config: Config) -> anyhow::Result<Outcome> {
    let mut signals = Signals::listen().context("signals can't be listened for")?;
    let key = LogKeys::load(&config)?;
    let settings = config.settings(&key)?;
    if settings.policy.needs_no_witness() {
        tracing::warn!("quorum none: nobody but this log vouches for the time");
    }
    // A port that is taken is found before the store is opened.
    let (public, address) = bind(config.listen)?;
    let (admin, admin_address) = bind(config.admin)?;
    let clock = Arc::new(SystemClock::new());
    // As is a key or certificate that isn't fit.
    let setup = match config.tsa.clone() {
        Some(config) => {
            let now = clock.now();
            Some(tokio::task::spawn_blocking(move || TsaSetup::load(&config, now)).await??)
        }
        None => None,
    };
    let access = open_access(&config, &clock).await?;
    let tls = match config.tls.clone() {
        Some(files) => {
            let now = clock.now();
            Some(tokio::task::spawn_blocking(move || Tls::open(files, now)).await??)
        }
        None => None,
    };
    let log = Log::open(settings, key, Arc::clone(&clock) as _).await?;
    // Only now: whoever has the store may take the place of a socket that is left over.
    let control = control::listen(&control::beside(&config.store)).context("the control socket")?;
    let control = AbortOnDropHandle::new(tokio::spawn(control.run(log.clone())));
    let tsa = setup.map(|setup| Tsa::new(setup, log.clone()));

    let metrics = HttpMetrics::default();
    let limits = within_open_files(config.limits);
    if let Some(tsa) = tsa.clone() {
        tokio::spawn(watch_certificate(tsa, Arc::clone(&clock), metrics.clone()));
    }
    tokio::spawn(access.clone().watch_keys());
    let app = App::new(log.clone(), access, tsa, limits, metrics.clone())?;
    let admin_limits = Limits { max_connections: ADMIN_CONNECTIONS, ..limits };
    let admin_api = http::admin_api(log.clone(), &metrics);
    if let Some(tls) = tls.clone() {
        tokio::spawn(tls.watch(Arc::clone(&clock) as _, metrics.clone()));
    }
    let scheme = if tls.is_some() { "https" } else { "http" };
    let admin = Server::start(admin, admin_api, &admin_limits, HttpMetrics::default(), None);
    let public = Server::start(public, http::api(app), &limits, metrics, tls);
    println!("listening on {scheme}://{address}");
    println!("admin on http://{admin_address}");
    tracing::info!(origin = %log.origin(), vkeys = %joined(&log.vkeys()), %address, "the log is running");

    tokio::select! {
        name = signals.next() => tracing::info!(signal = name, "stopping"),
        reason = log.failed() => {
            // Whatever is in memory is in doubt now; what was acknowledged is on disk.
            tracing::error!(%reason, "the log has failed");
            return Ok(Outcome::NotWell);
        }
    }
    tokio::select! {
        biased;
        // First: what fails while it stops also completes the stop.
        reason = log.failed() => {
            tracing::error!(%reason, "the log has failed while stopping");
            return Ok(Outcome::NotWell);
        }
        () = stop(public, &log) => {}
        name = signals.next() => {
            tracing::warn!(signal = name, "stopping at once");
            return Ok(Outcome::NotWell);
        }
    }
    drop(control);
    admin.stop(Duration::from_secs(1)).await;
    tracing::info!("stopped");
    Ok(Outcome::Well)
}

fn joined(keys: &[VerifierKey]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

async fn open_access(config: &Config, clock: &Arc<SystemClock>) -> anyhow::Result<Access> {
    let (settings, origin, clock) = (config.access.clone(), config.origin.clone(), Arc::clone(clock));
    let access = tokio::task::spawn_blocking(move || Access::open(settings, origin, clock)).await??;
    let closed = [config.access.submissions, config.access.timestamps].contains(&Admission::Keys);
    if closed && access.keys() == 0 {
        tracing::warn!("[access] asks for API keys and there are none yet: treering-log key add makes one");
    }
    Ok(access)
}

/// Says in time that the TSA's certificate ends; the authority itself gives no token after that.
async fn watch_certificate(tsa: Tsa, clock: Arc<SystemClock>, metrics: HttpMetrics) {
    let mut hours = tokio::time::interval(Duration::from_secs(3600));
    let mut told = None;
    loop {
        hours.tick().await;
        let days = tsa.days_left(clock.now());
        metrics.certificate_days("tsa", days);
        if days >= tsa::WARN_DAYS || told == Some(days) {
            continue;
        }
        told = Some(days);
        if days < 0 {
            tracing::error!(days, "the TSA's certificate has ended: no timestamps are given");
        } else {
            tracing::warn!(days, "the TSA's certificate ends soon; docs/rfc3161.md says how to replace it");
        }
    }
}

/// Connections must never take the files that the store needs: a store that can't open one ends the process.
fn within_open_files(limits: Limits) -> Limits {
    let Some(open_files) = open_files::limit() else { return limits };
    let affordable = open_files::connections(limits.max_connections, open_files);
    if affordable < limits.max_connections {
        tracing::warn!(
            open_files,
            wanted = limits.max_connections,
            affordable,
            "the process may open too few files for limits.max_connections: raise its limit (ulimit -n, LimitNOFILE)"
        );
    }
    Limits { max_connections: affordable, ..limits }
}

/// The listener first, while the log still publishes what its last requests wait for.
async fn stop(public: Server, log: &Log) {
    public.stop(CONNECTIONS_GRACE).await;
    log.stop(LOG_GRACE).await;
}

fn bind(address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = listen(address).with_context(|| format!("listening on {address}"))?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As `TcpListener::bind` does: connections of the process before this one may still be closing.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// What asks a process to end.
#[derive(Debug)]
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
