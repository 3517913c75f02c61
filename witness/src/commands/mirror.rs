//! `mirror`: keeps and serves copies of logs, until SIGTERM or SIGINT, or reads them once.

mod init;

use std::{io::Write as _, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use treering_token::escape;

use crate::{
    clock::SystemClock,
    mirror::{self, Round, config::MirrorConfig},
};

/// Keep verified copies of logs that others run, and serve them
///
/// Each log is read below <prefix>/<origin hash>, with this mirror's cosignature on its checkpoint. With --once, reads
/// each log once and ends. Exit codes then: 0 all is here; 1 a log contradicts itself; 2 something could not be read.
/// Without it, it serves and reads until SIGTERM or SIGINT.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Mirror {
    #[command(subcommand)]
    command: Option<Command>,
    /// The mirror's directory, made by `mirror init`
    #[arg(long, value_name = "DIR", required = true)]
    dir: Option<PathBuf>,
    /// Read each log once, and end: what has no listener of its own may be served by any server of static files
    #[arg(long)]
    once: bool,
    /// What is logged: error, warn, info, debug, trace, or filters of the tracing crate
    #[arg(long, value_name = "FILTER", default_value = "info")]
    log_level: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Init),
}

impl Mirror {
    pub(super) fn run(self) -> ExitCode {
        let done = match self.command {
            Some(Command::Init(init)) => init.run().map(|()| ExitCode::SUCCESS),
            None => self.mirror(),
        };
        done.unwrap_or_else(|error| {
            eprintln!("treering-witness: {error:#}");
            // Never 1: that nothing could be read says nothing about a log.
            ExitCode::from(2)
        })
    }

    fn mirror(self) -> anyhow::Result<ExitCode> {
        let dir = self.dir.context("--dir is missing")?;
        let filter = EnvFilter::try_new(&self.log_level)
            .with_context(|| format!("--log-level {:?}", self.log_level))?;
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .init();
        let config = MirrorConfig::load(&dir)?;
        if config.logs.is_empty() {
            bail!("{}: there is no [[log]] in it", dir.join(mirror::config::FILE_NAME).display());
        }
        let mirror = mirror::Mirror::open(config, Arc::new(SystemClock))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("starting the runtime")?;
        if self.once { runtime.block_on(once(&mirror)) } else { runtime.block_on(until_stopped(mirror)) }
    }
}

async fn once(mirror: &mirror::Mirror) -> anyhow::Result<ExitCode> {
    let rounds = mirror.once().await?;
    for (origin, round) in &rounds {
        tell(origin, round);
    }
    let any = |result: &str| rounds.iter().any(|(_, round)| round.result() == result);
    // What is wrong weighs more than what could not be read.
    Ok(ExitCode::from(if any("wrong") { 1 } else { u8::from(any("unchecked")) * 2 }))
}

async fn until_stopped(mirror: mirror::Mirror) -> anyhow::Result<ExitCode> {
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
    let announce = |public, admin: Option<_>| {
        let mut out = std::io::stdout().lock();
        if let Some(admin) = admin {
            let _ = writeln!(out, "admin on http://{admin}");
        }
        // Nobody reads it if it can't be written.
        let _ = writeln!(out, "listening on http://{public}").and_then(|()| out.flush());
    };
    mirror.run(stop, tell, announce).await?;
    Ok(ExitCode::SUCCESS)
}

/// What is wrong on standard output, one line each; the rest is the log's.
fn tell(origin: &str, round: &Round) {
    for what in &round.wrong {
        println!("wrong {} {}", escape::text(origin), escape::text(what));
        tracing::error!(origin, what, "the log contradicts itself: nothing of this was stored");
    }
    for what in &round.unchecked {
        tracing::warn!(origin, what, "can't be read");
    }
    let (size, entries, batches) = (round.size, round.entries, round.batches);
    tracing::info!(origin, size, entries, batches, result = round.result(), "read");
}
