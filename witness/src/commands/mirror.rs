//! `mirror`: keeps and serves copies of logs, until SIGTERM or SIGINT, or reads them once.

mod init;

use std::{io::Write as _, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use treering_token::escape;

use super::running;
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
        running::start_logging(&self.log_level)?;
        let config = MirrorConfig::load(&dir)?;
        if config.logs.is_empty() {
            bail!("{}: there is no [[log]] in it", dir.join(mirror::config::FILE_NAME).display());
        }
        let mirror = mirror::Mirror::open(config, Arc::new(SystemClock))?;
        let runtime = running::runtime()?;
        if self.once { runtime.block_on(once(&mirror)) } else { runtime.block_on(until_stopped(mirror)) }
    }
}

async fn once(mirror: &mirror::Mirror) -> anyhow::Result<ExitCode> {
    let rounds = mirror.once().await?;
    for (origin, round) in &rounds {
        tell(origin, round);
    }
    let results: Vec<_> = rounds.iter().map(|(_, round)| round.result()).collect();
    Ok(running::code(&results, "wrong"))
}

async fn until_stopped(mirror: mirror::Mirror) -> anyhow::Result<ExitCode> {
    let stop = running::until_told()?;
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
