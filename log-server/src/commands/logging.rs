//! The server's own log: structured events on stderr.

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

/// How the server tells what it does.
#[derive(Clone, Debug, Args)]
pub(super) struct Logging {
    /// One line an event, for people or for machines
    #[arg(long, value_enum, default_value_t = Format::Text)]
    log_format: Format,
    /// What is told: a level, or target=level,…
    #[arg(long, value_name = "FILTER", env = "RUST_LOG", default_value = "info")]
    log_filter: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Logging {
    /// Begins to write events to stderr.
    ///
    /// # Errors
    /// If the filter can't be read.
    pub(super) fn start(&self) -> anyhow::Result<()> {
        let filter = EnvFilter::try_new(&self.log_filter)?;
        let events = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        let started = match self.log_format {
            Format::Text => {
                let color = std::io::IsTerminal::is_terminal(&std::io::stderr());
                events.with_ansi(color).try_init()
            }
            Format::Json => events.json().flatten_event(true).try_init(),
        };
        started.map_err(|error| anyhow::anyhow!("{error}"))
    }
}
