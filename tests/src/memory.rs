//! How much memory a program holds, sampled over a long run, and whether that is flat.

use std::{fmt, fs};

/// KiB that the log may gain from one third to the next: a write buffer of RocksDB (16 MiB of at most 64), which fills in the
/// course of many minutes.
pub const WRITE_BUFFER_KIB: u64 = 16 << 10;

/// What is resident of a process, in KiB (`VmRSS` of Linux's `/proc/<pid>/status`); none if it has ended.
pub fn resident(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// The samples of one program in order, over all of its lives.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    samples: Vec<u64>,
    allowance: u64,
}

impl Memory {
    /// With fewer samples nothing can be said: a third of them is about one life of a program.
    const ENOUGH: usize = 90;
    /// What the last third's median may have more than the middle third's: a tenth, and the program's own allowance.
    const GROWTH: u64 = 10;

    /// No samples yet. `allowance`, in KiB, is for buffers that fill in the course of the whole run.
    pub fn new(allowance: u64) -> Memory {
        Memory { samples: Vec::new(), allowance }
    }

    /// A sample in KiB; none while the program doesn't run.
    pub fn add(&mut self, resident: Option<u64>) {
        self.samples.extend(resident);
    }

    /// Medians of the middle and of the last third. The first third is when caches fill.
    pub fn thirds(&self) -> Option<(u64, u64)> {
        let third = self.samples.len() / 3;
        Some((median(self.samples.get(third..2 * third)?)?, median(self.samples.get(2 * third..)?)?))
    }

    /// Is the last third's median within the bounds of the middle third's? None if there are too few samples.
    pub fn is_flat(&self) -> Option<bool> {
        let (middle, last) = self.thirds().filter(|_| self.samples.len() >= Memory::ENOUGH)?;
        Some(last <= middle + middle / Memory::GROWTH + self.allowance)
    }
}

/// Columns of a table: samples, both medians and the most in MiB.
impl fmt::Display for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |kib: u64| format!("{}.{}", kib >> 10, (kib % 1024) * 10 / 1024);
        let (middle, last) = self.thirds().unwrap_or_default();
        let most = self.samples.iter().max().copied().unwrap_or_default();
        write!(
            formatter,
            "{} | {} MiB | {} MiB | {} MiB",
            self.samples.len(),
            mib(middle),
            mib(last),
            mib(most)
        )
    }
}

fn median(samples: &[u64]) -> Option<u64> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(samples: impl Iterator<Item = u64>) -> Memory {
        let mut memory = Memory::new(0);
        samples.for_each(|kib| memory.add(Some(kib)));
        memory
    }

    #[test]
    fn this_test_holds_memory_and_one_that_has_ended_holds_none() {
        assert!(resident(std::process::id()).is_some_and(|kib| kib > 100));
        assert_eq!(resident(u32::MAX), None);
    }

    #[test]
    fn what_fills_at_first_and_then_swings_is_flat() {
        let memory = of((0..600).map(|n| 20_000 + 300 * n.min(150) + 500 * (n % 7)));
        assert_eq!(memory.is_flat(), Some(true), "{memory}");
    }

    #[test]
    fn a_leak_is_not_flat() {
        // 100 KiB a sample: 20,000 from the middle of one third to the middle of the next, where 50,000 are held.
        let mut leaks = of((0..600).map(|n| 20_000 + 100 * n));
        assert_eq!(leaks.is_flat(), Some(false), "{leaks}");
        leaks.allowance = 14_999;
        assert_eq!(leaks.is_flat(), Some(false), "{leaks}");
        leaks.allowance = 15_000;
        assert_eq!(leaks.is_flat(), Some(true), "{leaks}");
        assert_eq!(of((0..30).map(|n| 20_000 + 100 * n)).is_flat(), None);
    }

    #[test]
    fn the_columns_are_both_medians_and_the_most() {
        assert_eq!(
            of([1, 2, 3, 2048, 2048, 2048, 3072, 3584, 9000].into_iter()).to_string(),
            "9 | 2.0 MiB | 3.5 MiB | 8.7 MiB"
        );
    }
}
