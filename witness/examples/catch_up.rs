//! How long `treering-witness monitor --once`, or `mirror --once`, takes to catch up with a log, and how much memory.
//!
//! ```text
//! make catch-up ENTRIES=1000000
//! ```
//! The log is made up, and served from memory by this process on the same machine; the last argument is the
//! monitor's `batches`, or `mirror`: entries, batches and all past checkpoints into files.
#![forbid(unsafe_code)]

#[path = "../tests/support/lying.rs"]
mod lying;

use std::{
    fs,
    process::Command,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail, ensure};
use lying::LyingLog;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, program, entries, batches] = &arguments[..] else {
        bail!("usage: catch_up PROGRAM ENTRIES all|new|none|mirror");
    };
    let entries: u64 = entries.parse().context("ENTRIES")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let log = LyingLog::start().await;
    (0..entries).for_each(|n| log.push((now - entries + n) * 1000));
    log.publish(now);
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join("log.policy"), log.policy_text("both"))?;
    let config = format!("[[log]]\npolicy = \"log.policy\"\nbatches = \"{batches}\"\n");
    fs::write(dir.path().join("monitor.toml"), config)?;
    let program = fs::canonicalize(program)?;
    let mirrors = batches == "mirror";
    if mirrors {
        let mut init = Command::new(&program);
        init.current_dir(dir.path()).args(["mirror", "init", "--name", "mirror.example/m1"]);
        let made = init.args(["--dir", "copy", "--policy", "log.policy"]).status()?;
        ensure!(made.success(), "mirror init ended with {made}");
    }
    let arguments: &[&str] = if mirrors {
        &["mirror", "--dir", "copy", "--once"]
    } else {
        &["monitor", "--config", "monitor.toml", "--once"]
    };
    for round in ["catching up", "nothing new", "100 new entries"] {
        if round == "100 new entries" {
            (0..100).for_each(|n| log.push((now + n) * 1000));
            log.publish(now + 100);
        }
        let begun = Instant::now();
        let mut child = Command::new(&program).current_dir(dir.path()).args(arguments).spawn()?;
        let mut peak = String::new();
        let status = loop {
            let text = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
            if let Some(line) = text.lines().find(|line| line.starts_with("VmHWM")) {
                peak = line.to_owned();
            }
            match child.try_wait()? {
                Some(status) => break status,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        let took = begun.elapsed();
        println!(
            "{round}: {:.2} s, {}, {} requests",
            took.as_secs_f64(),
            peak.replace('\t', " "),
            log.asked().len()
        );
        ensure!(status.success(), "it ended with {status}");
    }
    Ok(())
}
