//! A witness by itself, for logs that the generator plays.

use std::{fmt::Write as _, fs, net::SocketAddr, process::Command};

use anyhow::Context as _;
use tempfile::TempDir;
use treering_tlog::note::VerifierKey;

use super::{Process, program, run};

/// A running witness, whose store is in the system's temporary directory.
#[derive(Debug)]
pub struct WitnessServer {
    // In this order: the process ends before its directory goes.
    process: Process,
    /// Where logs send their checkpoints.
    pub server: SocketAddr,
    /// Metrics and probes.
    pub admin: SocketAddr,
    /// The keys that it signs with, in order.
    pub keys: Vec<VerifierKey>,
    _dir: TempDir,
}

impl WitnessServer {
    /// Makes and starts one that knows these logs, with an Ed25519 key, or with an ML-DSA-44 key beside it.
    ///
    /// # Errors
    /// The program is missing or refuses.
    pub fn start(logs: impl Iterator<Item = VerifierKey>, ml_dsa: bool) -> anyhow::Result<WitnessServer> {
        let temporary = tempfile::Builder::new().prefix("treering-bench-").tempdir()?;
        let dir = temporary.path().join("w");
        let any = "127.0.0.1:0";
        let mut init = vec!["init", "--name", "witness.bench/w", "--listen", any, "--admin-listen", any];
        init.extend(ml_dsa.then_some("--ml-dsa"));
        init.push("--dir");
        let said = run("treering-witness", &init, &dir, &[])?;
        let count = if ml_dsa { 2 } else { 1 };
        let keys = said.lines().take(count).map(VerifierKey::parse).collect::<Result<_, _>>()?;
        let mut policy = String::new();
        logs.for_each(|log| writeln!(policy, "log {log}").expect("writing to a string does not fail"));
        fs::write(dir.join("logs/bench.policy"), format!("{policy}quorum none\n"))?;
        // A quota is not what is measured.
        let settings = dir.join("witness.toml");
        let text = fs::read_to_string(&settings).with_context(|| settings.display().to_string())?;
        fs::write(&settings, text.replace("[limits]\n", "[limits]\ncosignatures_per_day = 10000000000\n"))?;
        let mut command = Command::new(program("treering-witness")?);
        command.args(["serve", "--dir"]).arg(&dir);
        let mut process = Process::start("treering-witness", &mut command, &temporary.path().join("stderr"))?;
        let admin = process.address("admin on")?;
        let server = process.address("listening on")?;
        Ok(WitnessServer { process, server, admin, keys, _dir: temporary })
    }

    /// Its process id.
    ///
    /// # Errors
    /// None: it is not traced.
    pub fn pid(&self) -> anyhow::Result<u32> {
        self.process.pid()
    }
}
