//! `monitor`: follows logs, until SIGTERM or SIGINT, or once.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Context as _;
use clap::Args;
use treering_token::escape;

use super::running;
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
        running::start_logging(&self.log_level)?;
        let config = MonitorConfig::load(&path)?;
        let monitor = monitor::Monitor::open(config, Arc::new(SystemClock), self.exec)?;
        let runtime = running::runtime()?;
        if self.once { runtime.block_on(once(monitor)) } else { runtime.block_on(until_stopped(monitor)) }
    }
}

async fn once(mut monitor: monitor::Monitor) -> anyhow::Result<ExitCode> {
    let rounds = monitor.once().await?;
    for (origin, round) in &rounds {
        tell(origin, round);
    }
    let results: Vec<_> = rounds.iter().map(|(_, round)| round.result()).collect();
    Ok(running::code(&results, "finding"))
}

async fn until_stopped(monitor: monitor::Monitor) -> anyhow::Result<ExitCode> {
    let stop = running::until_told()?;
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
