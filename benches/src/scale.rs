//! How long everything takes: the full benches, or a smoke version of them that shows that they work.

use std::time::Duration;

use clap::Args;

/// How many rounds, and how long each side is measured in one.
#[derive(Clone, Copy, Debug, Args)]
pub struct Scale {
    /// Rounds; in each every side is measured once
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// Milliseconds of load for each side in each round
    #[arg(long, default_value_t = 3000)]
    pub millis: u64,
    /// Only show that everything works: tiny numbers, no figures
    #[arg(long)]
    pub smoke: bool,
}

impl Scale {
    /// The rounds to run.
    pub fn rounds(&self) -> usize {
        if self.smoke { 1 } else { self.rounds.max(1) }
    }

    /// How long a load lasts.
    pub fn load(&self) -> Duration {
        Duration::from_millis(if self.smoke { 100 } else { self.millis })
    }

    /// One of two, by whether this is a smoke version.
    pub fn pick<T>(&self, full: T, smoke: T) -> T {
        if self.smoke { smoke } else { full }
    }
}
