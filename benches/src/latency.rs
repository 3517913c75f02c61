//! From submitting a hash to having verified its receipt: three witnesses, a tick of one second.
//!
//! Submissions begin at moments that were fixed beforehand, spread over the tick, whatever the answers do; the time
//! counts from that moment. Each waits with `Prefer: wait` on a thread of its own, and ends when its receipt is
//! verified.

use std::{
    net::SocketAddr,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow};
use treering_tlog::policy::Policy;

use crate::{
    generator::{Load, Work, get::post, plan::Plan, receipts, work::rate},
    scale::Scale,
    servers::{LogPlan, Net},
    table::{Table, count, millis},
    usage::percentile,
};

/// Submissions a second.
const RATE: u32 = 100;
/// Each thread has this time from one submission to its next.
const SPACE: u32 = 4;

/// Runs it idle and under a bulk load.
///
/// # Errors
/// A server failed, or a receipt is no evidence.
pub fn run(scale: &Scale) -> anyhow::Result<Vec<Table>> {
    let net = Net::start(&LogPlan::default())?;
    let mut table = Table::new(
        "Latency: from submitting a hash to its verified receipt; tick of 1 s, three witnesses",
        &["beside it", "receipts verified", "p50", "p99", "p99.9", "at most"],
    );
    let duration = scale.pick(Duration::from_secs(30), Duration::from_millis(1500));
    eprintln!("latency: idle");
    row(&mut table, "nothing", &probe(&net, duration)?);
    for (connections, hashes) in scale.pick(&[(4, 100_000), (64, 1_000)][..], &[(2, 1_000)][..]) {
        eprintln!("latency: beside {connections} × {hashes}");
        let (times, bulk) = beside(&net, duration, *connections, *hashes)?;
        let name = format!("bulk, {connections} × {hashes}: {} hashes/s", count(bulk));
        row(&mut table, &name, &times);
    }
    Ok(vec![table])
}

fn row(table: &mut Table, name: &str, times: &[Duration]) {
    let shown = [0.5, 0.99, 0.999, 1.0].map(|part| millis(percentile(times, part)));
    table.row([vec![name.to_owned(), times.len().to_string()], shown.to_vec()].concat());
}

/// The times under a bulk load, and the hashes a second of that.
fn beside(
    net: &Net,
    duration: Duration,
    connections: usize,
    hashes: usize,
) -> anyhow::Result<(Vec<Duration>, f64)> {
    let plan = Arc::new(Plan::new(hashes)?);
    thread::scope(|scope| {
        let bulk = scope.spawn(|| {
            let load = Load::http1(connections, duration);
            load.run(net.server, Arc::new(Work::Submit { plan: Arc::clone(&plan), wait: None }))
        });
        let times = probe(net, duration);
        let outcome = bulk.join().map_err(|_| anyhow!("a panic"))??;
        // Its receipts count too: a load that was not taken is none.
        receipts::every_receipt(net.server, &net.policy, &plan, &outcome.numbers())?;
        Ok((times?, rate(outcome.answered.len() * hashes, outcome.elapsed)))
    })
}

/// Submits single hashes for so long: their times, shortest first.
fn probe(net: &Net, duration: Duration) -> anyhow::Result<Vec<Duration>> {
    let plan = Plan::new(1)?;
    let begun = Instant::now();
    let count = duration.as_millis() * u128::from(RATE) / 1000;
    let count = u64::try_from(count)?;
    let threads = u64::from(RATE * SPACE).min(count);
    let (server, policy) = (net.server, &net.policy);
    let plan = &plan;
    let mut times = thread::scope(|scope| {
        let one = move |first: u64| {
            let mine = (first..count).step_by(usize::try_from(threads).expect("a few hundred"));
            mine.map(|n| submit(server, policy, plan, n, begun)).collect::<anyhow::Result<Vec<_>>>()
        };
        let running: Vec<_> = (0..threads).map(|first| scope.spawn(move || one(first))).collect();
        let ended = running.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a panic"))?);
        ended.collect::<anyhow::Result<Vec<_>>>()
    })?
    .concat();
    times.sort_unstable();
    Ok(times)
}

/// Submits one hash at its moment: the time from then to its verified receipt.
fn submit(
    server: SocketAddr,
    policy: &Policy,
    plan: &Plan,
    n: u64,
    begun: Instant,
) -> anyhow::Result<Duration> {
    // Golden steps within each hundredth of a second: the moments don't keep step with the tick.
    let within = u32::try_from(n.wrapping_mul(0x9e37_79b9) % 1000).unwrap_or(0);
    let slot = Duration::from_secs(1) / RATE;
    let moment = begun + slot * u32::try_from(n)? + slot * within / 1000;
    thread::sleep(moment.saturating_duration_since(Instant::now()));
    let (status, receipt) = post(server, &plan.changed(n).leaf, 30)?;
    (status == 200).then_some(()).with_context(|| format!("{status} in place of a receipt"))?;
    receipts::verify(policy, receipts::now()?, &plan.root(n), &receipt)?;
    Ok(moment.elapsed())
}
