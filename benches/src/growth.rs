//! A tick costs the same at 10^3, 10^6 and 10^9 entries.
//!
//! Three logs run side by side, the real program with real witnesses; each was started on a store that [`state`] made.
//! They take turns, so that what else the machine does is spread over all. What sealing a tick takes is the log's own
//! figure (`treering_log_seal_write_seconds`: building the batch, the tiles, and the synced write); from outside comes
//! the time from a submission to its verified receipt, and from `kill -9` in the middle of a load to being ready to publish again.
//! That this takes at most two seconds is promised, and the bench fails where it isn't kept.

pub mod state;

use std::{net::SocketAddr, sync::Arc, thread, time::Duration};

use anyhow::{Context as _, ensure};

use crate::{
    generator::{Load, Work, get::get, plan::Plan, receipts},
    scale::Scale,
    servers::{LogPlan, Net, ORIGIN},
    table::{Figures, Table, count, millis, ratio},
    usage::percentile,
};

/// Milliseconds: the shortest that a log takes.
const TICK: u64 = 50;
/// A killed log is back at work within so many seconds, whatever its size.
const BACK_AT_WORK: f64 = 2.0;
/// Submissions that wait in each tick.
const BATCHES: [usize; 2] = [1, 256];

/// One log and what was measured of it.
struct Grown {
    size: u64,
    net: Net,
    starts: Figures,
    /// Of each of [`BATCHES`].
    seals: [Figures; 2],
    receipts: [Vec<Duration>; 2],
}

/// Runs it.
///
/// # Errors
/// A log did not start on its state, or a receipt of it is no evidence.
pub fn run(scale: &Scale) -> anyhow::Result<Vec<Table>> {
    let sizes = scale.pick(&[1_000, 1_000_000, 1_000_000_000][..], &[1_000, 1_000_000_000][..]);
    let mut logs = sizes.iter().map(|size| Grown::start(*size)).collect::<anyhow::Result<Vec<_>>>()?;
    for round in 0..scale.rounds() {
        eprintln!("growth: round {}", round + 1);
        for log in &mut logs {
            log.restart(scale)?;
        }
        for batch in 0..BATCHES.len() {
            for log in &mut logs {
                log.tick(batch, scale)?;
            }
        }
    }
    let table = show(&logs);
    for log in &logs {
        let longest = log.starts.0.iter().copied().fold(0.0, f64::max);
        ensure!(
            scale.smoke || longest <= BACK_AT_WORK,
            "{} entries: back at work after {longest} s only\n{table}",
            log.size
        );
    }
    Ok(vec![table])
}

fn show(logs: &[Grown]) -> Table {
    let columns = [1, 256].map(|batch| {
        [
            format!("sealing a tick of {batch}, median (least)"),
            "÷ smallest".to_owned(),
            format!("to a verified receipt, {batch} at once, p50"),
        ]
    });
    let columns: Vec<String> = ["entries", "start after a kill under load, median (least)"]
        .map(str::to_owned)
        .into_iter()
        .chain(columns.into_iter().flatten())
        .chain(["receipts verified".to_owned()])
        .collect();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut table = Table::new("Growth: the cost of a tick by the size of the log", &columns);
    for log in logs {
        let both = |figures: &Figures| {
            let [median, least] = [figures.median(), figures.least()].map(Duration::from_secs_f64);
            format!("{} ({})", millis(median), millis(least))
        };
        #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
        let mut row = vec![count(log.size as f64), both(&log.starts)];
        for batch in 0..BATCHES.len() {
            row.push(both(&log.seals[batch]));
            row.push(ratio(log.seals[batch].over(&logs[0].seals[batch]).median()));
            let mut times = log.receipts[batch].clone();
            times.sort_unstable();
            row.push(millis(percentile(&times, 0.5)));
        }
        row.push(log.receipts.iter().map(Vec::len).sum::<usize>().to_string());
        table.row(row);
    }
    table
}

impl Grown {
    fn start(size: u64) -> anyhow::Result<Grown> {
        let plan = LogPlan { tick_ms: TICK, ..LogPlan::default() };
        let net = Net::start_on(&plan, |dir| state::make(dir, ORIGIN, size))?;
        let published = receipts::published_size(net.server)?;
        ensure!(published >= size, "the log begins at {published} in place of {size}");
        let (seals, receipts) = Default::default();
        Ok(Grown { size, net, starts: Figures::default(), seals, receipts })
    }

    /// Killed in the middle of a load.
    fn restart(&mut self, scale: &Scale) -> anyhow::Result<()> {
        let (server, length) = (self.net.server, scale.load());
        let work = Arc::new(Work::Submit { plan: Arc::new(Plan::new(1)?), wait: None });
        // It breaks off, and that is no figure of its.
        let load = thread::spawn(move || drop(Load::http1(256, length).run(server, work)));
        thread::sleep(length / 2);
        let took = self.net.restart();
        load.join().expect("a load that breaks off says so");
        self.starts.0.push(took?.as_secs_f64());
        Ok(())
    }

    /// Some ticks with so many submissions each.
    fn tick(&mut self, batch: usize, scale: &Scale) -> anyhow::Result<()> {
        let plan = Arc::new(Plan::new(1)?);
        let before = Sealed::of(self.net.admin)?;
        let work = Arc::new(Work::Submit { plan: Arc::clone(&plan), wait: Some(30) });
        let outcome = Load::http1(BATCHES[batch], scale.load() / 2).run(self.net.server, work)?;
        let after = Sealed::of(self.net.admin)?;
        let checked = receipts::given(&self.net.policy, &plan, &outcome.bodies)?;
        ensure!(checked.submissions == outcome.answered.len(), "an answer came without its receipt");
        self.seals[batch].0.push((after.seconds - before.seconds) / (after.ticks - before.ticks));
        self.receipts[batch].extend(outcome.times());
        Ok(())
    }
}

/// What the log says of its ticks so far.
#[derive(Clone, Copy, Debug)]
struct Sealed {
    seconds: f64,
    ticks: f64,
}

impl Sealed {
    fn of(admin: SocketAddr) -> anyhow::Result<Sealed> {
        let (_, body) = get(admin, "/metrics")?;
        let text = String::from_utf8(body)?;
        let number = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.and_then(|value| value.parse().ok()).with_context(|| format!("no metric {name}"))
        };
        let seconds = number("treering_log_seal_write_seconds_sum")?;
        Ok(Sealed { seconds, ticks: number("treering_log_seal_write_seconds_count")? })
    }
}
