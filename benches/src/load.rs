//! `load`: the generator alone, against any server that takes submissions.

use std::{fs, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use clap::Args;
use treering_tlog::policy::Policy;

use crate::{
    generator::{Load, Protocol, Work, plan::Plan, receipts, work::rate},
    usage::{Cpu, percentile},
};

/// Put a load on a server that runs already.
#[derive(Debug, Args)]
pub struct LoadCommand {
    /// The server
    #[arg(long, value_name = "ADDRESS")]
    pub server: SocketAddr,
    /// Verify everything that was sent under this policy
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// HTTP/1.1, or HTTP/2 with prior knowledge
    #[arg(long, value_enum, default_value = "http1")]
    pub protocol: Protocol,
    /// Connections at once
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    /// Requests at once on each connection of HTTP/2
    #[arg(long, default_value_t = 8)]
    pub streams: usize,
    /// Hashes in each request
    #[arg(long, default_value_t = 1)]
    pub hashes: usize,
    /// No request begins after so many seconds
    #[arg(long, default_value_t = 5)]
    pub seconds: u64,
    /// Ask for the receipt in the answer, and wait so many seconds for it
    #[arg(long, value_name = "SECONDS")]
    pub wait: Option<u32>,
    /// The server's process, whose processor time is shown
    #[arg(long)]
    pub pid: Option<u32>,
}

impl LoadCommand {
    /// Runs it and prints what came of it.
    ///
    /// # Errors
    /// A request failed, or something that was sent is not in the log.
    pub fn run(&self) -> anyhow::Result<()> {
        let policy = self.policy.as_ref().map(|path| {
            let bytes = fs::read(path).with_context(|| path.display().to_string())?;
            Ok::<_, anyhow::Error>(Policy::parse(&bytes)?)
        });
        let policy = policy.transpose()?;
        let first = if policy.is_some() { receipts::published_size(self.server)? } else { 0 };
        let plan = Arc::new(Plan::new(self.hashes)?);
        let load = Load {
            protocol: self.protocol,
            connections: self.connections,
            streams: self.streams,
            duration: Duration::from_secs(self.seconds),
        };
        let (own, theirs) = (Cpu::own()?, self.pid.map(Cpu::of).transpose()?);
        let outcome =
            load.run(self.server, Arc::new(Work::Submit { plan: Arc::clone(&plan), wait: self.wait }))?;
        let own = own.since(outcome.elapsed)?;
        let theirs = theirs.map(|cpu| cpu.since(outcome.elapsed)).transpose()?;

        let sent = outcome.answered.len();
        println!("{sent} requests of {} hashes in {:.2} s", self.hashes, outcome.elapsed.as_secs_f64());
        println!(
            "{:.0} requests/s, {:.0} hashes/s",
            outcome.rate(),
            rate(sent * self.hashes, outcome.elapsed)
        );
        let times = outcome.times();
        let [p50, p99, most] = [0.5, 0.99, 1.0].map(|part| percentile(&times, part).as_secs_f64() * 1e3);
        println!("answered in {p50:.2} ms (p50), {p99:.2} ms (p99), {most:.2} ms at most");
        println!("processors used: generator {own:.2}");
        if let Some(theirs) = theirs {
            println!("processors used: server {theirs:.2}");
        }
        let Some(policy) = policy else { return Ok(()) };
        let checked = if self.wait.is_some() {
            receipts::given(&policy, &plan, &outcome.bodies)?
        } else if self.hashes == 1 {
            receipts::every_batch(self.server, &policy, &plan, &outcome.numbers(), first)?
        } else {
            receipts::every_receipt(self.server, &policy, &plan, &outcome.numbers())?
        };
        println!(
            "verified: {} of {sent} submissions, by {} receipts and {} batches",
            checked.submissions, checked.receipts, checked.batches
        );
        Ok(())
    }
}
