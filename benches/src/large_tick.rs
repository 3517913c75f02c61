//! Receipts of a tick with very many submissions: one after the other, while the batch's tree is in memory, and from a log
//! that was started anew and has nothing in memory.

use std::{sync::Arc, time::Duration};

use anyhow::ensure;

use crate::{
    generator::{Load, Work, plan::Plan, receipts},
    scale::Scale,
    servers::{LogPlan, Net},
    table::{Table, millis},
    usage::percentile,
};

/// A load of so long is one tick's.
const LOAD: Duration = Duration::from_millis(4_500);
/// Long enough that the whole load falls between two ticks.
const TICK: u64 = 12_000;
/// Receipts that are fetched each time.
const SAMPLE: usize = 2_000;
/// A fetch may take so long before the run is given up.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs it.
///
/// # Errors
/// A receipt is missing, or no evidence; or the submissions are not all of one batch.
pub fn run(scale: &Scale) -> anyhow::Result<Vec<Table>> {
    let tick_ms = scale.pick(TICK, 1_000);
    let mut net = Net::start(&LogPlan { tick_ms, ..LogPlan::default() })?;
    // When the receipt of this one comes, a tick has just ended.
    let early = Work::Submit { plan: Arc::new(Plan::new(1)?), wait: Some(30) };
    Load::http1(1, Duration::ZERO).run(net.server, Arc::new(early))?;
    let plan = Arc::new(Plan::new(1)?);
    let work = Work::Submit { plan: Arc::clone(&plan), wait: None };
    let connections = scale.pick(512, 16);
    let load = Load::http1(connections, scale.pick(LOAD, Duration::from_millis(200)));
    let outcome = load.run(net.server, Arc::new(work))?;
    let numbers = outcome.numbers();
    ensure!(!numbers.is_empty(), "nothing was submitted");
    // The last of each connection: any of them may be of the last tick.
    for n in numbers.iter().rev().take(connections) {
        receipts::wait_published(net.server, &plan, *n)?;
    }
    let step = (numbers.len() / SAMPLE).max(1);
    let sample: Vec<u64> = numbers.iter().copied().step_by(step).take(SAMPLE).collect();
    let mut table = Table::new(
        "Receipts of one tick, fetched one after the other",
        &["from", "receipts verified", "submissions in the tick", "p50", "p99", "at most"],
    );
    row(&mut table, "the tree in memory", &net, &plan, &sample)?;
    net.restart()?;
    row(&mut table, "a log started anew", &net, &plan, &sample)?;
    Ok(vec![table])
}

fn row(table: &mut Table, name: &str, net: &Net, plan: &Arc<Plan>, sample: &[u64]) -> anyhow::Result<()> {
    let work = Work::Receipts { plan: Arc::clone(plan), numbers: sample.to_vec() };
    let outcome = Load::http1(1, PATIENCE).run(net.server, Arc::new(work))?;
    let now = receipts::now()?;
    let mut smallest = u64::MAX;
    for (index, body) in &outcome.bodies {
        let n = sample[usize::try_from(*index)?];
        let token = receipts::verify(&net.policy, now, &plan.root(n), body)?;
        smallest = smallest.min(token.entry().submissions());
    }
    ensure!(outcome.bodies.len() == sample.len(), "{} of {} receipts", outcome.bodies.len(), sample.len());
    let times = outcome.times();
    let shown = [0.5, 0.99, 1.0].map(|part| millis(percentile(&times, part)));
    let counts = [outcome.bodies.len().to_string(), smallest.to_string()];
    table.row([&[name.to_owned()][..], &counts, &shown].concat());
    Ok(())
}
