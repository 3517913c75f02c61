//! One hash a request: durably accepted, and waiting for the receipt.
//!
//! Every submission of the log's side is found in a published batch whose root a verified receipt names; with
//! `Prefer: wait` each answer's receipt is verified instead. The bare handler that waits answers at its next full
//! tick: what waits for a tick can't be sooner.

use std::{net::SocketAddr, sync::Arc};

use crate::{
    generator::{Load, Outcome, Work, plan::Plan, receipts},
    scale::Scale,
    servers::{BareServer, LogPlan, Net},
    table::{Figures, Table, median_and_most, millis, ratio},
    usage::{Cpu, percentile},
};

/// Seconds that a request waits for its receipt at most.
const WAIT: u32 = 30;

/// Runs both: requests a second of each side.
///
/// # Errors
/// A server failed, or a submission is not in the log.
pub fn run(scale: &Scale) -> anyhow::Result<Vec<Table>> {
    let bare = BareServer::start(false)?;
    let net = Net::start(&LogPlan::default())?;
    let tables = [
        (None, "Single hashes, durably accepted: requests a second, median of the rounds (best)"),
        (
            Some(WAIT),
            "Single hashes, waiting for the receipt: requests a second, median of the rounds (best)",
        ),
    ];
    tables.into_iter().map(|(wait, caption)| side_by_side(scale, &bare, &net, wait, caption)).collect()
}

fn side_by_side(
    scale: &Scale,
    bare: &BareServer,
    net: &Net,
    wait: Option<u32>,
    caption: &str,
) -> anyhow::Result<Table> {
    let mut table = Table::new(
        caption,
        &["connections", "axum, reads", "Treering", "÷ reads", "p50", "p99", "verified", "generator's cores"],
    );
    for &connections in scale.pick(&[64, 512, 4096][..], &[4, 16][..]) {
        eprintln!("single: {connections} connections, wait {wait:?}");
        let [mut theirs, mut ours, mut cores] = [(); 3].map(|()| Figures::default());
        let (mut verified, mut times) = (0, Vec::new());
        for _ in 0..scale.rounds() {
            let plan = Arc::new(Plan::new(1)?);
            theirs.0.push(load(bare.server, &plan, connections, wait, scale)?.rate());
            let first = receipts::published_size(net.server)?;
            let own = Cpu::own()?;
            let outcome = load(net.server, &plan, connections, wait, scale)?;
            cores.0.push(own.since(outcome.elapsed)?);
            ours.0.push(outcome.rate());
            let checked = if wait.is_some() {
                receipts::given(&net.policy, &plan, &outcome.bodies)?
            } else {
                receipts::every_batch(net.server, &net.policy, &plan, &outcome.numbers(), first)?
            };
            anyhow::ensure!(
                checked.submissions == outcome.answered.len(),
                "an answer came without its receipt"
            );
            verified += checked.submissions;
            times.extend(outcome.times());
        }
        times.sort_unstable();
        table.row(vec![
            connections.to_string(),
            median_and_most(&theirs),
            median_and_most(&ours),
            ratio(ours.over(&theirs).median()),
            millis(percentile(&times, 0.5)),
            millis(percentile(&times, 0.99)),
            verified.to_string(),
            ratio(cores.median()),
        ]);
    }
    Ok(table)
}

fn load(
    server: SocketAddr,
    plan: &Arc<Plan>,
    connections: usize,
    wait: Option<u32>,
    scale: &Scale,
) -> anyhow::Result<Outcome> {
    Load::http1(connections, scale.load())
        .run(server, Arc::new(Work::Submit { plan: Arc::clone(plan), wait }))
}
