//! What commands that go on until they are told have in common.

use std::process::ExitCode;

use anyhow::Context as _;
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// What `--log-level` says.
pub(super) fn filter(level: &str) -> anyhow::Result<EnvFilter> {
    EnvFilter::try_new(level).with_context(|| format!("--log-level {level:?}"))
}

/// Lines for people, on standard error.
pub(super) fn start_logging(level: &str) -> anyhow::Result<()> {
    let logging = tracing_subscriber::fmt().with_env_filter(filter(level)?);
    logging.with_writer(std::io::stderr).with_ansi(false).init();
    Ok(())
}

pub(super) fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")
}

/// Is cancelled by SIGTERM and SIGINT, which from now on don't end the process by themselves.
pub(super) fn until_told() -> anyhow::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stopping.cancel();
    });
    Ok(stop)
}

/// Of one look at each log, by their results: 1 if any is `wrong`, else 2 if any is `unchecked`, else 0. What is wrong
/// weighs more than what could not be looked at.
pub(super) fn code(results: &[&str], wrong: &str) -> ExitCode {
    let any = |result: &str| results.contains(&result);
    ExitCode::from(if any(wrong) { 1 } else { u8::from(any("unchecked")) * 2 })
}
