//! Submissions of thousands to a million hashes: bare handlers, one that hashes with the `sha2` crate, and the log.
//!
//! The bare handlers answer 202 and forget. The log answers 202 when the submission is durable; each receipt is then
//! fetched and verified, or the run is no figure. *Witnessed* counts the time until the last receipt is there too.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use crate::{
    generator::{Load, Outcome, Protocol, Work, plan::Plan, receipts, work::rate},
    scale::Scale,
    servers::{BareServer, LogPlan, Net},
    table::{Figures, Table, count, median_and_most, millis, ratio},
    usage::{Cpu, percentile},
};

/// One way of sending.
#[derive(Clone, Copy, Debug)]
struct Shape {
    protocol: Protocol,
    connections: usize,
    streams: usize,
    hashes: usize,
}

const FULL: [Shape; 7] = [
    Shape::http1(64, 1_000),
    Shape::http1(64, 10_000),
    Shape::http1(16, 100_000),
    Shape::http1(1, 1_000_000),
    Shape::http1(4, 1_000_000),
    Shape::http2(1, 16, 100_000),
    Shape::http2(16, 4, 10_000),
];
const SMOKE: [Shape; 2] = [Shape::http1(2, 1_000), Shape::http2(1, 2, 1_000)];

impl Shape {
    const fn http1(connections: usize, hashes: usize) -> Shape {
        Shape { protocol: Protocol::Http1, connections, streams: 1, hashes }
    }

    const fn http2(connections: usize, streams: usize, hashes: usize) -> Shape {
        Shape { protocol: Protocol::Http2, connections, streams, hashes }
    }

    fn name(&self) -> String {
        let Shape { connections, streams, .. } = self;
        let hashes = count(rate_of(self.hashes));
        match self.protocol {
            Protocol::Http1 => format!("HTTP/1.1, {connections} × {hashes}"),
            Protocol::Http2 => format!("HTTP/2, {connections} × {streams} streams × {hashes}"),
        }
    }
}

/// Runs it: hashes a second of each side.
///
/// # Errors
/// A server failed, or a submission has no good receipt.
pub fn run(scale: &Scale) -> anyhow::Result<Vec<Table>> {
    let (read, hash) = (BareServer::start(false)?, BareServer::start(true)?);
    let net = Net::start(&LogPlan::default())?;
    let mut table = Table::new(
        "Bulk: hashes a second, median of the rounds (best)",
        &[
            "connections × hashes in a request",
            "axum, reads",
            "axum, hashes with sha2",
            "Treering, durable",
            "÷ reads",
            "÷ sha2",
            "until witnessed ÷ sha2",
            "receipts verified",
            "one receipt, p99",
            "generator's cores",
        ],
    );
    for shape in scale.pick(&FULL[..], &SMOKE[..]) {
        eprintln!("bulk: {}", shape.name());
        let mut plan = Plan::new(shape.hashes)?;
        let [mut reads, mut hashes, mut durable, mut witnessed, mut cores] =
            [(); 5].map(|()| Figures::default());
        let (mut verified, mut fetched) = (0, Vec::new());
        for _ in 0..scale.rounds() {
            plan.renew()?;
            let sent = Arc::new(plan);
            reads.0.push(load(read.server, &sent, shape, scale)?.0);
            hashes.0.push(load(hash.server, &sent, shape, scale)?.0);
            let begun = Instant::now();
            let own = Cpu::own()?;
            let (figure, outcome) = load(net.server, &sent, shape, scale)?;
            durable.0.push(figure);
            cores.0.push(own.since(begun.elapsed())?);
            let numbers = outcome.numbers();
            // The last on each connection: whatever was accepted before is in the same batch or an earlier one.
            for n in numbers.iter().rev().take(shape.connections * shape.streams) {
                receipts::wait_published(net.server, &sent, *n)?;
            }
            witnessed.0.push(rate(numbers.len() * shape.hashes, begun.elapsed()));
            let checked = receipts::every_receipt(net.server, &net.policy, &sent, &numbers)?;
            verified += checked.receipts;
            fetched.extend(checked.fetched_in);
            plan = Arc::into_inner(sent).expect("the load has ended");
        }
        fetched.sort_unstable();
        table.row(vec![
            shape.name(),
            median_and_most(&reads),
            median_and_most(&hashes),
            median_and_most(&durable),
            ratio(durable.over(&reads).median()),
            ratio(durable.over(&hashes).median()),
            ratio(witnessed.over(&hashes).median()),
            verified.to_string(),
            millis(percentile(&fetched, 0.99)),
            ratio(cores.median()),
        ]);
    }
    Ok(vec![table])
}

/// Puts the load on one side: hashes a second.
fn load(
    server: SocketAddr,
    plan: &Arc<Plan>,
    shape: &Shape,
    scale: &Scale,
) -> anyhow::Result<(f64, Outcome)> {
    let Shape { protocol, connections, streams, hashes } = *shape;
    let load = Load { protocol, connections, streams, duration: scale.load() };
    let outcome = load.run(server, Arc::new(Work::Submit { plan: Arc::clone(plan), wait: None }))?;
    Ok((rate(outcome.answered.len() * hashes, outcome.elapsed), outcome))
}

#[expect(clippy::cast_precision_loss, reason = "a count that is shown with three digits")]
fn rate_of(hashes: usize) -> f64 {
    hashes as f64
}
