//! What each load costs the server beside time: memory at its peak, bytes written to disk, syncs.
//!
//! Each load meets a new log. Memory and bytes are the kernel's counts of the log's process (VmHWM, write_bytes).
//! Syncs are counted in a second, short run under strace with a filter in the kernel, which stops the process at
//! nothing else; where strace is missing, and for thousands of connections, that column stays empty.

use std::{
    fs,
    ops::Range,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;

use crate::{
    generator::{Load, Outcome, Work, plan::Plan, receipts},
    scale::Scale,
    servers::{CACHE_MIB, LogPlan, Net, has_strace},
    table::{Table, count, megabytes},
    usage::Usage,
};

/// One load.
#[derive(Clone, Copy, Debug)]
struct Kind {
    connections: usize,
    hashes: usize,
    wait: bool,
}

const FULL: [Kind; 7] = [
    Kind { connections: 4, hashes: 1_000_000, wait: false },
    Kind { connections: 64, hashes: 100_000, wait: false },
    Kind { connections: 64, hashes: 1_000, wait: false },
    Kind { connections: 64, hashes: 1, wait: false },
    Kind { connections: 512, hashes: 1, wait: false },
    Kind { connections: 4096, hashes: 1, wait: false },
    Kind { connections: 4096, hashes: 1, wait: true },
];
const SMOKE: [Kind; 2] =
    [Kind { connections: 2, hashes: 1_000, wait: false }, Kind { connections: 8, hashes: 1, wait: true }];

/// A log under strace takes thousands of connections so slowly that its own deadlines close some of them.
const TRACED: usize = 512;

/// Runs it.
///
/// # Errors
/// A server failed, or a submission is not in the log.
pub fn run(scale: &Scale) -> anyhow::Result<Vec<Table>> {
    let mut table = Table::new(
        "The server's memory, disk and syncs",
        &[
            "connections × hashes in a request",
            "requests/s",
            "peak of memory",
            "less the cache of 64 MiB",
            "bytes written a hash",
            "syncs/s",
            "requests a sync",
            "submissions verified",
        ],
    );
    let counted = has_strace();
    if !counted {
        eprintln!("memory: strace is missing, so no syncs are counted");
    }
    for kind in scale.pick(&FULL[..], &SMOKE[..]) {
        let name = kind.name();
        eprintln!("memory: {name}");
        let net = Net::start(&LogPlan::default())?;
        let usage = Usage::begin(net.pid()?)?;
        let (_, outcome, verified) = kind.load(&net, 2 * scale.load())?;
        let (peak, written) = (usage.peak()?, usage.written()?);
        let hashes = outcome.answered.len() * kind.hashes;
        drop(net);
        let traced = counted && kind.connections <= TRACED;
        let (syncs, requests) = if traced { kind.syncs(scale)? } else { (f64::NAN, f64::NAN) };
        let number = |value: f64| if value.is_nan() { "–".to_owned() } else { count(value) };
        table.row(vec![
            name,
            count(outcome.rate()),
            megabytes(peak),
            megabytes(peak.saturating_sub(CACHE_MIB << 20)),
            count(quotient(written, hashes)),
            number(syncs),
            number(requests / syncs),
            verified.to_string(),
        ]);
    }
    Ok(vec![table])
}

impl Kind {
    fn name(&self) -> String {
        let wait = if self.wait { ", waiting for receipts" } else { "" };
        format!("{} × {}{wait}", self.connections, self.hashes)
    }

    /// Puts it on a log, and verifies everything that was sent.
    ///
    /// When that was, since 1970, is given first.
    fn load(&self, net: &Net, duration: Duration) -> anyhow::Result<(Range<Duration>, Outcome, usize)> {
        let plan = Arc::new(Plan::new(self.hashes)?);
        let first = receipts::published_size(net.server)?;
        let wait = self.wait.then_some(30);
        let work = Arc::new(Work::Submit { plan: Arc::clone(&plan), wait });
        let now = || SystemTime::now().duration_since(UNIX_EPOCH);
        let begun = now()?;
        let outcome = Load::http1(self.connections, duration).run(net.server, work)?;
        let window = begun..now()?;
        let numbers = outcome.numbers();
        let checked = match (self.wait, self.hashes) {
            (true, _) => receipts::given(&net.policy, &plan, &outcome.bodies)?,
            (false, 1) => receipts::every_batch(net.server, &net.policy, &plan, &numbers, first)?,
            (false, _) => receipts::every_receipt(net.server, &net.policy, &plan, &numbers)?,
        };
        Ok((window, outcome, checked.submissions))
    }

    /// Syncs and requests a second of a log under strace.
    fn syncs(&self, scale: &Scale) -> anyhow::Result<(f64, f64)> {
        let dir = tempfile::Builder::new().prefix("treering-bench-").tempdir()?;
        let trace = dir.path().join("trace");
        let net = Net::start(&LogPlan { trace: Some(trace.clone()), ..LogPlan::default() })?;
        let (window, outcome, _) = self.load(&net, scale.load())?;
        // Whoever is traced ends first, or the last lines would be missing.
        drop(net);
        let syncs = count_syncs(&trace, window.start.as_secs_f64(), window.end.as_secs_f64())?;
        Ok((quotient(syncs, 1) / outcome.elapsed.as_secs_f64(), outcome.rate()))
    }
}

/// Lines of `strace -f -ttt` that begin a sync: `PID SECONDS fdatasync(…`.
fn count_syncs(trace: &Path, from: f64, to: f64) -> anyhow::Result<u64> {
    let text = fs::read_to_string(trace).with_context(|| trace.display().to_string())?;
    let is_sync = |line: &&str| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let time: Option<f64> = words.next().and_then(|time| time.parse().ok());
        let call = words.next().unwrap_or_default();
        time.is_some_and(|time| (from..to).contains(&time))
            && ["fsync(", "fdatasync(", "sync_file_range("].iter().any(|name| call.starts_with(name))
    };
    Ok(u64::try_from(text.lines().filter(is_sync).count())?)
}

#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
fn quotient(amount: u64, of: usize) -> f64 {
    amount as f64 / of.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_is_counted_once_and_only_within_the_time() {
        let dir = tempfile::tempdir().unwrap();
        let trace = dir.path().join("trace");
        let lines = "7 100.5 fdatasync(9) = 0\n8 101.0 fsync(3 <unfinished ...>\n7 101.1 fdatasync(9) = 0\n\
                     8 101.2 <... fsync resumed>) = 0\n7 103.0 fdatasync(9) = 0\n7 101.5 +++ exited with 0 +++\n";
        fs::write(&trace, lines).unwrap();
        assert_eq!(count_syncs(&trace, 100.9, 102.0).unwrap(), 2);
    }
}
