//! `serve`: runs the witness until SIGTERM or SIGINT.

use std::{io::Write as _, net::SocketAddr};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use super::{Dir, running};
use crate::{
    config::Config,
    serve::{self, Running},
};

/// Serve add-checkpoint and the monitoring endpoint
///
/// SIGHUP re-reads the files of logs; SIGTERM and SIGINT stop it once requests in flight are answered.
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    dir: Dir,
    /// Address and port to serve on, instead of the configured one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Address and port of metrics and health, instead of the configured one
    #[arg(long, value_name = "ADDRESS")]
    admin_listen: Option<SocketAddr>,
    /// How the log on standard error is written
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// What is logged: error, warn, info, debug, trace, or filters of the tracing crate
    #[arg(long, value_name = "FILTER", default_value = "info")]
    log_level: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// One JSON object a line
    Json,
    /// Lines for people
    Text,
}

impl Serve {
    pub(super) fn run(self) -> anyhow::Result<()> {
        self.start_logging()?;
        let mut config = Config::load(&self.dir.dir)?;
        config.settings.listen = self.listen.unwrap_or(config.settings.listen);
        config.settings.admin_listen = self.admin_listen.or(config.settings.admin_listen);
        let runtime = running::runtime()?;
        runtime.block_on(serve_until_stopped(config))
    }

    fn start_logging(&self) -> anyhow::Result<()> {
        match self.log_format {
            LogFormat::Json => {
                let logging = tracing_subscriber::fmt().with_env_filter(running::filter(&self.log_level)?);
                logging.with_writer(std::io::stderr).json().init();
                Ok(())
            }
            LogFormat::Text => running::start_logging(&self.log_level),
        }
    }
}

async fn serve_until_stopped(config: Config) -> anyhow::Result<()> {
    // Before the start, so that no signal meets the default action, which ends the process.
    let mut hangup = signal(SignalKind::hangup()).context("SIGHUP")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
    let running = serve::start(config).await?;
    announce(&running).context("standard output")?;
    let failure = loop {
        tokio::select! {
            _ = hangup.recv() => {
                // What is wrong is in the log; what was in force stays in force.
                let _ = running.reload();
            }
            _ = terminate.recv() => break None,
            _ = interrupt.recv() => break None,
            failure = running.failed() => break Some(failure),
        }
    };
    tracing::info!("stopping");
    let in_time = running.stop().await;
    match failure {
        Some(failure) => {
            bail!("{failure}. Nothing was signed after this; look at the disk before the next start")
        }
        None if !in_time => bail!("requests in flight did not end in time; what was recorded is durable"),
        None => Ok(()),
    }
}

/// For people and for programs that started this one with port 0.
fn announce(running: &Running) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for key in running.cosigner().keys().verifiers() {
        tracing::info!(%key, "signing key");
    }
    tracing::info!(address = %running.addr(), logs = running.cosigner().logs().len(), "listening");
    if let Some(admin) = running.admin_addr() {
        writeln!(out, "admin on http://{admin}")?;
    }
    writeln!(out, "listening on http://{}", running.addr())?;
    out.flush()
}
