//! What the figures were measured on.

use std::{env, fs, thread};

use treering_token::describe;

use crate::{generator::receipts, servers};

/// One line: processor, cores, memory, kernel, date.
pub fn describe() -> String {
    let cpu = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let flags = field("/proc/cpuinfo", "flags").unwrap_or_default();
    let has = |flag: &str| flags.split(' ').any(|found| found == flag);
    let extensions: Vec<&str> = [("sha_ni", "SHA-NI"), ("avx512f", "AVX-512"), ("avx2", "AVX2")]
        .into_iter()
        .filter(|(flag, _)| has(flag))
        .map(|(_, name)| name)
        .collect();
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let kilobytes: u64 =
        field("/proc/meminfo", "MemTotal").and_then(|text| text.split(' ').next()?.parse().ok()).unwrap_or(0);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let date = receipts::now().map(describe::seconds).unwrap_or_default();
    format!(
        "{cpu} ({}), {cores} cores, {:.0} GB, Linux {}, temporary files in {}, {date}",
        extensions.join(", "),
        f64::from(u32::try_from(kilobytes / 1000).unwrap_or(u32::MAX)) / 1e3,
        kernel.trim_end(),
        env::temp_dir().display(),
    )
}

/// The programs that were measured.
pub fn programs() -> String {
    let path = servers::program("treering-log");
    path.map_or_else(|error| error.to_string(), |path| path.display().to_string())
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}
