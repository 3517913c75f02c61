//! The monitor: follows logs that it doesn't run, and keeps evidence of what is wrong with them.
//!
//! | module | what it is |
//! |---|---|
//! | [`config`] | `monitor.toml` |
//! | `follow` | one log, and what is done in a round |
//! | `views` | what the log and its witnesses show |
//! | `heads` | is one signed head the beginning of another? |
//! | `walk`, `batch` | entries and batches |
//! | `cosigners` | what each witness has cosigned |
//! | `report` | findings become evidence files ([`crate::evidence`]) |
//! | `state` | what is known of each log |
//! | [`metrics`] | what operators watch |
//!
//! It verifies against the policy that its own operator wrote, and believes neither the log nor a witness. What this
//! does not do: it doesn't fetch a batch a second time once it was checked, and it doesn't keep a copy of the log.

mod batch;
pub mod config;
mod cosigners;
mod follow;
mod heads;
pub mod metrics;
mod report;
mod state;
mod views;
mod walk;

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};

use tokio_util::sync::CancellationToken;

use crate::{
    admin::{self, Pages},
    clock::Clock,
    read::fetch::Fetcher,
};
use config::MonitorConfig;
use follow::Follower;
pub use follow::Round;
use metrics::MonitorMetrics;
use report::Reporter;
pub use report::{Finding, Reported};
pub(crate) use state::Kept;
pub use state::StateError;

/// Follows all logs of a configuration.
#[derive(Debug)]
pub struct Monitor {
    followers: Vec<Follower>,
    metrics: Arc<MonitorMetrics>,
    admin_listen: Option<SocketAddr>,
}

/// Why the monitor does not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// The state or evidence of a log.
    #[error(transparent)]
    State(#[from] StateError),
    /// The HTTP client.
    #[error("the TLS library can't be set up: {0}")]
    Tls(#[from] reqwest::Error),
    /// The admin listener.
    #[error("{address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl Monitor {
    /// Reads what is known of each log. `exec` is run with an evidence file's path when a finding is new.
    ///
    /// # Errors
    /// A state file is refused, or there is no TLS.
    pub fn open(
        config: MonitorConfig,
        clock: Arc<dyn Clock>,
        exec: Option<PathBuf>,
    ) -> Result<Monitor, MonitorError> {
        let fetcher = Fetcher::new(config.timeout)?;
        let reporter = Reporter { directory: config.evidence, exec };
        let followers = config.logs.into_iter().map(|log| {
            let (fetcher, clock) = (fetcher.clone(), Arc::clone(&clock));
            let pace = (config.concurrency, config.retry_pause);
            Follower::open(log, fetcher, clock, pace, (config.state.clone(), reporter.clone()))
        });
        let followers = followers.collect::<Result<_, _>>()?;
        let metrics = Arc::new(MonitorMetrics::new());
        Ok(Monitor { followers, metrics, admin_listen: config.admin_listen })
    }

    /// The metrics.
    pub fn metrics(&self) -> &Arc<MonitorMetrics> {
        &self.metrics
    }

    /// Looks at each log once, one after the other, and gives the origins with what the rounds have brought.
    ///
    /// # Errors
    /// Evidence or state can't be written.
    pub async fn once(&mut self) -> Result<Vec<(String, Round)>, MonitorError> {
        let mut rounds = Vec::new();
        for follower in &mut self.followers {
            let round = follower.round().await?;
            self.metrics.round(follower.log(), &round);
            rounds.push((follower.log().origin.to_string(), round));
        }
        Ok(rounds)
    }

    /// Looks at each log in its interval until it is told to stop; `seen` hears of each round. `listening` gets the
    /// admin address.
    ///
    /// # Errors
    /// The admin address can't be had; evidence or state can't be written: a monitor that can't keep what it finds
    /// has to say so.
    pub async fn run(
        self,
        stop: CancellationToken,
        seen: impl Fn(&str, &Round) + Send + Sync + 'static,
        listening: impl FnOnce(SocketAddr),
    ) -> Result<(), MonitorError> {
        if let Some(address) = self.admin_listen {
            let bound =
                admin::start(address, Arc::clone(&self.metrics) as Arc<dyn Pages>, stop.clone()).await;
            listening(bound.map_err(|source| MonitorError::Listen { address, source })?);
        }
        let seen = Arc::new(seen);
        let mut tasks = tokio::task::JoinSet::new();
        for mut follower in self.followers {
            let (metrics, seen, stop) = (Arc::clone(&self.metrics), Arc::clone(&seen), stop.clone());
            tasks.spawn(async move {
                let mut ticks = tokio::time::interval(follower.log().interval);
                // A round that takes longer than the interval isn't followed by two.
                ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
                while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                    // Each file is replaced atomically, so a round may be cut off anywhere.
                    let Some(round) = stop.run_until_cancelled(follower.round()).await else { break };
                    let round = round?;
                    metrics.round(follower.log(), &round);
                    seen(follower.log().origin.as_str(), &round);
                }
                Ok::<(), StateError>(())
            });
        }
        while let Some(ended) = tasks.join_next().await {
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    stop.cancel();
                    return Err(error.into());
                }
                Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
            }
        }
        Ok(())
    }
}
