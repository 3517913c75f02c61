//! What a process uses, as Linux counts it in `/proc`.

use std::{fs, process, time::Duration};

use anyhow::Context as _;

/// Memory and disk of a process since a moment.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    pid: u32,
    written: u64,
}

impl Usage {
    /// From now on: its peak of memory begins anew at what it holds.
    ///
    /// # Errors
    /// It is not there, or belongs to another user.
    pub fn begin(pid: u32) -> anyhow::Result<Usage> {
        fs::write(format!("/proc/{pid}/clear_refs"), "5").context("resetting the peak of memory")?;
        Ok(Usage { pid, written: written(pid)? })
    }

    /// The most memory that it held (VmHWM), in bytes.
    ///
    /// # Errors
    /// It is gone.
    pub fn peak(&self) -> anyhow::Result<u64> {
        Ok(field(self.pid, "status", "VmHWM:")? * 1024)
    }

    /// What it had written to files, in bytes (write_bytes).
    ///
    /// # Errors
    /// It is gone.
    pub fn written(&self) -> anyhow::Result<u64> {
        Ok(written(self.pid)?.saturating_sub(self.written))
    }
}

fn written(pid: u32) -> anyhow::Result<u64> {
    field(pid, "io", "write_bytes:")
}

fn field(pid: u32, file: &str, name: &str) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/{file}");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_ascii_whitespace().next()?.parse().ok());
    number.with_context(|| format!("{path} has no {name}"))
}

/// Processor time of a process since a moment.
#[derive(Clone, Copy, Debug)]
pub struct Cpu {
    pid: u32,
    begun: Duration,
}

/// Linux counts in hundredths of a second for user space, whatever the kernel's own clock is.
const TICK: Duration = Duration::from_millis(10);

impl Cpu {
    /// Of this process, from now.
    ///
    /// # Errors
    /// `/proc` can't be read.
    pub fn own() -> anyhow::Result<Cpu> {
        Cpu::of(process::id())
    }

    /// Of another process, from now.
    ///
    /// # Errors
    /// It is not there.
    pub fn of(pid: u32) -> anyhow::Result<Cpu> {
        Ok(Cpu { pid, begun: spent(pid)? })
    }

    /// How many processors it kept busy on average while this time went by.
    ///
    /// # Errors
    /// It is gone.
    pub fn since(&self, elapsed: Duration) -> anyhow::Result<f64> {
        let spent = spent(self.pid)?.saturating_sub(self.begun);
        Ok(spent.as_secs_f64() / elapsed.as_secs_f64().max(1e-9))
    }
}

/// Processor time of all processes that this one has started and waited for, and of theirs.
///
/// # Errors
/// `/proc` can't be read.
pub fn children() -> anyhow::Result<Duration> {
    // cutime and cstime come after utime and stime.
    ticks(process::id(), 13)
}

fn spent(pid: u32) -> anyhow::Result<Duration> {
    ticks(pid, 11)
}

/// Two counts of `/proc/PID/stat`, which stand one after the other.
fn ticks(pid: u32, first: usize) -> anyhow::Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    // The name, in parentheses, may hold anything; utime and stime are the 12th and 13th field after it.
    let fields = text.rsplit_once(')').map(|(_, fields)| fields).context("no name in /proc/…/stat")?;
    let ticks: u32 = fields
        .split_ascii_whitespace()
        .skip(first)
        .take(2)
        .filter_map(|field| field.parse::<u32>().ok())
        .sum();
    Ok(TICK * ticks)
}

/// The value below which this part of all lies; they are sorted, shortest first.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index into a list that fits memory"
)]
pub fn percentile(sorted: &[Duration], part: f64) -> Duration {
    let index = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(index.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or_default()
}
