//! A witness under many logs that grow: cosigned checkpoints a second, each durable before it is answered, by the kinds of
//! its keys.
//!
//! Every cosignature is verified, after the clock has stopped. Beside it stands what one core does with nothing around it
//! in the same round: signatures by the same keys, made by the libraries that `tlog` has. The generator shares the machine.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    cosignature::CosignerKey,
    hash::Hash,
    note::KeyName,
    time::UnixSeconds,
    tree::{TreeHead, TreeSize},
};

use crate::{
    generator::{Load, Work, get::get, heads::Heads},
    scale::Scale,
    servers::WitnessServer,
    table::{Figures, Table, count, median_and_most, millis, ratio},
    usage::{Cpu, percentile},
};

/// As the design's figure has it.
const LOGS: usize = 50;
/// A log can't ask so often a second: its requests are made beforehand.
const MOST_A_SECOND: u64 = 400;

/// Runs it.
///
/// # Errors
/// The witness failed or refused, or a cosignature is missing or wrong.
pub fn run(scale: &Scale) -> anyhow::Result<Vec<Table>> {
    let mut table = Table::new(
        &format!(
            "Witness: add-checkpoint a second over {LOGS} logs, each durable, median of the rounds (best)"
        ),
        &[
            "keys",
            "signatures/s by the same keys, one core",
            "Treering",
            "÷ signatures",
            "p50",
            "p99",
            "cosignatures verified",
            "updates a transaction",
            "µs of the witness's cores a request",
            "generator's cores",
        ],
    );
    for (name, ml_dsa) in [("Ed25519", false), ("Ed25519 and ML-DSA-44", true)] {
        eprintln!("witness: {name}");
        let [mut signs, mut ours, mut group, mut micros, mut cores] = [(); 5].map(|()| Figures::default());
        let (mut verified, mut times) = (0, Vec::new());
        for _ in 0..scale.rounds() {
            signs
                .0
                .push(signatures(ml_dsa, *scale.pick(&Duration::from_secs(1), &Duration::from_millis(20))));
            let millis = u64::try_from(scale.load().as_millis()).context("a short time")?;
            let heads = Heads::new(LOGS, u32::try_from(MOST_A_SECOND * millis / 1000 + 64)?)?;
            let witness = WitnessServer::start(heads.vkeys(), ml_dsa)?;
            let (own, server) = (Cpu::own()?, Cpu::of(witness.pid()?)?);
            let work = Arc::new(Work::Checkpoints(heads));
            let outcome = Load::http1(LOGS, scale.load()).run(witness.server, Arc::clone(&work))?;
            cores.0.push(own.since(outcome.elapsed)?);
            micros.0.push(server.since(outcome.elapsed)? * 1e6 / outcome.rate());
            ours.0.push(outcome.rate());
            group.0.push(updates_a_transaction(&witness)?);
            let Work::Checkpoints(heads) = work.as_ref() else { unreachable!("made above") };
            ensure!(outcome.bodies.len() == outcome.answered.len(), "an answer came without cosignatures");
            verified += heads.every_one(&witness.keys, &outcome.bodies)?;
            times.extend(outcome.times());
        }
        times.sort_unstable();
        table.row(vec![
            name.to_owned(),
            count(signs.median()),
            median_and_most(&ours),
            ratio(ours.over(&signs).median()),
            millis(percentile(&times, 0.5)),
            millis(percentile(&times, 0.99)),
            verified.to_string(),
            ratio(group.median()),
            ratio(micros.median()),
            ratio(cores.median()),
        ]);
    }
    Ok(vec![table])
}

/// How many cosignatures (by all keys together) one core makes a second.
#[expect(clippy::cast_precision_loss, reason = "a rate is shown with three digits")]
fn signatures(ml_dsa: bool, length: Duration) -> f64 {
    let name = || KeyName::new("witness.bench/w").expect("a key name");
    let mut keys = vec![CosignerKey::ed25519(name(), &[1; 32])];
    keys.extend(ml_dsa.then(|| CosignerKey::ml_dsa_44(name(), &[2; 32])));
    let head = TreeHead { size: TreeSize::MAX, root: Hash::EMPTY_ROOT };
    let origin = Origin::new("log.bench/0").expect("an origin");
    let checkpoint = Checkpoint { origin, head, extensions: Vec::new() };
    let begun = Instant::now();
    let mut made = 0_u64;
    while begun.elapsed() < length {
        made += 1;
        let time = UnixSeconds::new(made).expect("below 2^63");
        keys.iter().for_each(|key| drop(black_box(key.cosign(&checkpoint, time))));
    }
    made as f64 / begun.elapsed().as_secs_f64()
}

/// By the witness's own metrics.
fn updates_a_transaction(witness: &WitnessServer) -> anyhow::Result<f64> {
    let (status, body) = get(witness.admin, "/metrics")?;
    ensure!(status == 200, "/metrics: {status}");
    let text = String::from_utf8(body)?;
    let value = |name: &str| -> anyhow::Result<f64> {
        let value = text.lines().find_map(|line| line.strip_prefix(name));
        value.and_then(|value| value.trim().parse().ok()).with_context(|| format!("no {name} in /metrics"))
    };
    Ok(value("treering_witness_updates_total ")? / value("treering_witness_commit_updates_count ")?)
}
