//! `treering stamp` and `treering verify` of whole trees, beside what merely hashing them takes: openssl on every core.
//!
//! In each round each side goes over the same tree once, with what it reads in the page cache, and then (as root only)
//! with the cache emptied before each. What was stamped last is verified once more when the rounds are over, file by
//! file, or the run is no figure.

mod client;
mod files;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Instant,
};

use anyhow::{Context as _, ensure};

use crate::{
    scale::Scale,
    servers::{LogPlan, Net},
    table::{Figures, Table, ratio},
    usage,
};
use client::Client;
use files::Shape;

/// What makes the kernel forget the files that it has in memory.
const DROP_CACHES: &str = "/proc/sys/vm/drop_caches";

const FULL: [Shape; 2] = [
    Shape { name: "small", files: 100_000, least: 1 << 10, most: 16 << 10, at_once: 256 },
    Shape { name: "large", files: 20, least: 128 << 20, most: 128 << 20, at_once: 1 },
];
const SMOKE: [Shape; 2] = [
    Shape { name: "small", files: 300, least: 1 << 10, most: 16 << 10, at_once: 64 },
    Shape { name: "large", files: 2, least: 1 << 20, most: 1 << 20, at_once: 1 },
];

/// Whether what is read is in the page cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cache {
    Warm,
    Cold,
}

/// Runs it: seconds of each side. The trees are made in `dir` and stay there, or in a directory that goes.
///
/// # Errors
/// A program is missing or fails, or not every file was verified.
pub fn run(scale: &Scale, dir: Option<&Path>) -> anyhow::Result<Vec<Table>> {
    let passing = tempfile::Builder::new().prefix("treering-bench-").tempdir()?;
    let (net, root) = (Net::start(&LogPlan::default())?, dir.unwrap_or(passing.path()));
    let client = Client::new(&net, passing.path())?;
    let mut table = Table::new(
        "Trees: seconds, least of the rounds (median); ratios and processor time are of the least",
        &[
            "tree, page cache",
            "openssl, all cores",
            "verify",
            "stamp",
            "verify ÷ openssl",
            "stamp ÷ openssl",
            "stamp − 1.05 openssl, s",
            "CPU s, openssl",
            "CPU s, verify",
            "CPU s, stamp",
            "files verified",
        ],
    );
    for shape in scale.pick(&FULL[..], &SMOKE[..]) {
        eprintln!("trees: making {}", shape.describe());
        let tree = shape.make(root)?;
        for cache in caches(scale) {
            eprintln!("trees: {}, {cache:?}", shape.describe());
            table.row(rounds(scale, shape, &tree, cache, &client)?);
        }
    }
    Ok(vec![table])
}

/// The caches that can be had here; says so if it is not both.
fn caches(scale: &Scale) -> Vec<Cache> {
    let cold = !scale.smoke && fs::OpenOptions::new().write(true).open(DROP_CACHES).is_ok();
    if !cold && !scale.smoke {
        eprintln!("trees: NO FIGURES FOR A COLD CACHE: only root can empty it ({DROP_CACHES})");
    }
    if cold { vec![Cache::Warm, Cache::Cold] } else { vec![Cache::Warm] }
}

fn rounds(
    scale: &Scale,
    shape: &Shape,
    tree: &Path,
    cache: Cache,
    client: &Client,
) -> anyhow::Result<Vec<String>> {
    let [mut openssl, mut verify, mut stamp] = [(); 3].map(|()| Side::default());
    // Warms the cache, and makes what is verified first.
    let _ = measure(&mut client.stamp(tree)?)?;
    for _ in 0..scale.rounds() {
        openssl.round(cache, &mut hash(shape, tree))?;
        stamp.round(cache, &mut client.stamp(tree)?)?;
        verify.round(cache, &mut client.verify(tree)?)?;
    }
    let verified = client.count_verified(tree)?;
    ensure!(verified == shape.files, "of {} files, {verified} were verified", shape.files);
    let base = openssl.seconds.least();
    Ok(vec![
        format!("{}, {cache:?}", shape.describe()).to_lowercase(),
        openssl.shown(),
        verify.shown(),
        stamp.shown(),
        ratio(verify.seconds.least() / base),
        ratio(stamp.seconds.least() / base),
        format!("{:+.2}", stamp.seconds.least() - 1.05 * base),
        ratio(openssl.cpu.least()),
        ratio(verify.cpu.least()),
        ratio(stamp.cpu.least()),
        verified.to_string(),
    ])
}

/// One of those that are compared.
#[derive(Debug, Default)]
struct Side {
    seconds: Figures,
    cpu: Figures,
}

impl Side {
    fn round(&mut self, cache: Cache, command: &mut Command) -> anyhow::Result<()> {
        if cache == Cache::Cold {
            // What is not on disk yet would not be forgotten.
            ensure!(Command::new("sync").status()?.success(), "sync failed");
            fs::write(DROP_CACHES, "3").context(DROP_CACHES)?;
        }
        let (seconds, cpu) = measure(command)?;
        self.seconds.0.push(seconds);
        self.cpu.0.push(cpu);
        Ok(())
    }

    fn shown(&self) -> String {
        format!("{:.2} ({:.2})", self.seconds.least(), self.seconds.median())
    }
}

/// Runs a program to its end: seconds, and seconds of processor time of it and all that it started.
fn measure(command: &mut Command) -> anyhow::Result<(f64, f64)> {
    let (before, begun) = (usage::children()?, Instant::now());
    let status = command.stdout(Stdio::null()).status().with_context(|| format!("{command:?}"))?;
    let seconds = begun.elapsed().as_secs_f64();
    ensure!(status.success(), "{command:?}: {status}");
    Ok((seconds, usage::children()?.saturating_sub(before).as_secs_f64()))
}

/// What one would otherwise do.
fn hash(shape: &Shape, tree: &Path) -> Command {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let script = r#"find "$1" -type f -print0 | xargs -0 -n "$2" -P "$3" openssl dgst -sha256"#;
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(tree).args([shape.at_once, cores].map(|n| n.to_string()));
    command
}

/// The bundle of a tree: outside of it.
fn bundle(dir: &Path) -> PathBuf {
    dir.join("bundle.treering")
}
