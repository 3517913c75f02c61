//! `monitor`: follows logs, until SIGTERM or SIGINT, or once.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Context as _;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use treering_token::escape;

use crate::{
    clock::SystemClock,
    monitor::{self, Round, config::MonitorConfig},
};

/// Follow logs that others run, and keep evidence of what is wrong with them
///
/// With --once, looks at each log once and ends. Exit codes then: 0 nothing found; 1 a finding; 2 something could not
/// be checked. Without it, it runs until SIGTERM or SIGINT.
#[derive(Debug, Args)]
pub(super) struct Monitor {
    /// What to follow: see docs/monitoring.md
    #[arg(long, value_name = "FILE", required_unless_present = "example")]
    config: Option<PathBuf>,
    /// Look at each log once, and end
    #[arg(long)]
    once: bool,
    /// Run a program when there is a new finding, with the evidence file's path as its one argument
    #[arg(long, value_name = "PROGRAM")]
    exec: Option<PathBuf>,
    /// Print a configuration file to start from, and end
    #[arg(long)]
    example: bool,
    /// What is logged: error, warn, info, debug, trace, or filters of the tracing crate
    #[arg(long, value_name = "FILTER", default_value = "info")]
    log_level: String,
}

impl Monitor {
    pub(super) fn run(self) -> ExitCode {
        match self.follow() {
            Ok(code) => code,
            Err(error) => {
                eprintln!("treering-witness: {error:#}");
                // Never 1: that nothing could be checked is no finding.
                ExitCode::from(2)
            }
        }
    }

    fn follow(self) -> anyhow::Result<ExitCode> {
        if self.example {
            print!("{}", monitor::config::EXAMPLE);
            return Ok(ExitCode::SUCCESS);
        }
        let path = self.config.context("--config is missing")?;
        let filter = EnvFilter::try_new(&self.log_level)
            .with_context(|| format!("--log-level {:?}", self.log_level))?;
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .init();
        let config = MonitorConfig::load(&path)?;
        let monitor = monitor::Monitor::open(config, Arc::new(SystemClock), self.exec)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("starting the runtime")?;
        if self.once { runtime.block_on(once(monitor)) } else { runtime.block_on(until_stopped(monitor)) }
    }
}

async fn once(mut monitor: monitor::Monitor) -> anyhow::Result<ExitCode> {
    let rounds = monitor.once().await?;
    for (origin, round) in &rounds {
        tell(origin, round);
    }
    let any = |result: &str| rounds.iter().any(|(_, round)| round.result() == result);
    // A finding weighs more than what could not be checked.
    Ok(ExitCode::from(if any("finding") { 1 } else { u8::from(any("unchecked")) * 2 }))
}

async fn until_stopped(monitor: monitor::Monitor) -> anyhow::Result<ExitCode> {
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
    monitor.run(stop, tell, |address| println!("admin on http://{address}")).await?;
    Ok(ExitCode::SUCCESS)
}

/// Findings on standard output, one line each; the rest is the log's.
fn tell(origin: &str, round: &Round) {
    for finding in &round.findings {
        let file = finding.file.as_ref().map_or("-".into(), |file| file.display().to_string());
        let state = if finding.new { "new" } else { "known" };
        let (origin, about) = (escape::text(origin), escape::text(&finding.about));
        println!("{state} {} {origin} ({about}) {file}", finding.kind);
    }
    if round.more > 0 {
        tracing::warn!(origin, more = round.more, "findings without evidence files of their own");
    }
    for what in &round.unchecked {
        tracing::warn!(origin, what, "can't be checked");
    }
    tracing::info!(origin, size = round.size, checked = round.checked, result = round.result(), "looked");
}
