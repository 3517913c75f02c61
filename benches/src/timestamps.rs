//! Timestamps (RFC 3161): replies a second, by the kind of the authority's key.
//!
//! Each token's signature is verified, each serial number is another, and for each the log's proof is fetched and
//! verified, after the clock has stopped. Beside it stands how many signatures openssl makes on one core in the same
//! run: what a reply costs beyond its signature is the HTTP, the write and the tree.

use std::{process::Command, sync::Arc};

use anyhow::{Context as _, ensure};

use crate::{
    generator::{Load, Work, queries::Queries, timestamps},
    scale::Scale,
    servers::{LogPlan, Net},
    table::{Figures, Table, median_and_most, millis, ratio},
    usage::{Cpu, percentile},
};

/// The kinds of keys: for `tsa init`, and for `openssl speed`.
const KINDS: [(&str, &str, &str); 2] = [("p256", "ecdsap256", "ecdsa"), ("rsa3072", "rsa3072", "rsa")];

/// Runs them.
///
/// # Errors
/// A server failed, a token is no evidence, or one is not in the log.
pub fn run(scale: &Scale) -> anyhow::Result<Vec<Table>> {
    let mut table = Table::new(
        "Timestamps (RFC 3161): replies a second, median of the rounds (best)",
        &[
            "key",
            "connections",
            "openssl signs/s, one core",
            "Treering",
            "÷ openssl",
            "p50",
            "p99",
            "verified with proof",
            "µs of the server's cores a reply",
            "generator's cores",
        ],
    );
    for (kind, speed, family) in KINDS {
        let net = Net::start(&LogPlan { tsa: Some(kind), ..LogPlan::default() })?;
        let connections = *scale.pick(&256, &8);
        eprintln!("timestamps: {kind}, {connections} connections");
        let [mut theirs, mut ours, mut cores, mut micros] = [(); 4].map(|()| Figures::default());
        let (mut verified, mut times) = (0, Vec::new());
        for _ in 0..scale.rounds() {
            theirs.0.push(openssl(speed, family)?);
            let queries = Queries::new()?;
            let (own, server) = (Cpu::own()?, Cpu::of(net.pid()?)?);
            let work = Arc::new(Work::Timestamps(queries));
            let outcome = Load::http1(connections, scale.load()).run(net.server, Arc::clone(&work))?;
            cores.0.push(own.since(outcome.elapsed)?);
            micros.0.push(server.since(outcome.elapsed)? * 1e6 / outcome.rate());
            ours.0.push(outcome.rate());
            let Work::Timestamps(queries) = work.as_ref() else { unreachable!("made above") };
            let checked =
                timestamps::every_one(net.server, &net.policy, &net.tsa_chain()?, queries, &outcome.bodies)?;
            ensure!(checked == outcome.answered.len(), "an answer came without a token");
            verified += checked;
            times.extend(outcome.times());
        }
        times.sort_unstable();
        table.row(vec![
            kind.to_owned(),
            connections.to_string(),
            median_and_most(&theirs),
            median_and_most(&ours),
            ratio(ours.over(&theirs).median()),
            millis(percentile(&times, 0.5)),
            millis(percentile(&times, 0.99)),
            verified.to_string(),
            ratio(micros.median()),
            ratio(cores.median()),
        ]);
    }
    Ok(vec![table])
}

/// Signatures a second on one core, as `openssl speed` says.
fn openssl(algorithm: &str, family: &str) -> anyhow::Result<f64> {
    let output = Command::new("openssl").args(["speed", "-mr", "-seconds", "1", algorithm]).output();
    let output = output.context("openssl is not here")?;
    let said = String::from_utf8_lossy(&output.stdout);
    // +F2:<n>:<bits>:<signatures a second>:<verifications a second> for RSA, +F4: for ECDSA.
    let line = said.lines().find(|line| line.starts_with(if family == "rsa" { "+F2:" } else { "+F4:" }));
    let rate = line.and_then(|line| line.split(':').nth(3)?.parse().ok());
    rate.with_context(|| format!("openssl speed {algorithm} says: {said}"))
}
