//! The servers that are measured, each a process of its own on loopback: the log with three witnesses, and the bare
//! handlers. They live in a temporary directory and end with their handles.

mod process;
mod witness;

use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;
use treering_tlog::policy::Policy;

use crate::generator::get::get;
pub use process::Process;
pub use witness::WitnessServer;

/// The log's name in all benches.
pub const ORIGIN: &str = "log.bench/2026";
/// RocksDB's block cache, in MiB: the default of `treering-log init`.
pub const CACHE_MIB: u64 = 64;
/// A log is ready to publish after so long, or it is an error.
const PATIENCE: Duration = Duration::from_secs(60);

/// How the log is run.
#[derive(Clone, Debug)]
pub struct LogPlan {
    /// The tick in milliseconds.
    pub tick_ms: u64,
    /// Make it a timestamp authority with a test CA and a key of this kind (as `treering-log tsa init --key` has it).
    pub tsa: Option<&'static str>,
    /// Run it under strace, which writes its syncs here.
    pub trace: Option<PathBuf>,
}

impl Default for LogPlan {
    fn default() -> LogPlan {
        LogPlan { tick_ms: 1000, tsa: None, trace: None }
    }
}

/// A log and three witnesses, two of which are its quorum.
#[derive(Debug)]
pub struct Net {
    // In this order: the log ends before its witnesses, and the directory goes last.
    log: Process,
    _witnesses: Vec<Process>,
    /// The public address.
    pub server: SocketAddr,
    /// Metrics and probes.
    pub admin: SocketAddr,
    /// What verifiers trust.
    pub policy: Policy,
    dir: TempDir,
}

impl Net {
    /// Makes and starts all of it, and waits until the log publishes.
    ///
    /// # Errors
    /// A program is missing or refuses.
    pub fn start(plan: &LogPlan) -> anyhow::Result<Net> {
        Net::start_on(plan, |_| Ok(()))
    }

    /// The same, on what `prepare` does with the log's directory before the log is started.
    ///
    /// # Errors
    /// As [`Net::start`], or what `prepare` says.
    pub fn start_on(
        plan: &LogPlan,
        prepare: impl FnOnce(&Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<Net> {
        let dir = tempfile::Builder::new().prefix("treering-bench-").tempdir()?;
        let root = dir.path();
        let mut witnesses = Vec::new();
        let mut lines = String::new();
        for n in 1..=3 {
            let (process, line) = start_witness(root, n)?;
            witnesses.push(process);
            lines.push_str(&line);
        }
        lines.push_str("group all 2 w1 w2 w3\nquorum all\n");
        let file = root.join("witnesses");
        fs::write(&file, &lines)?;
        let vkey = init_log(root, &file, plan)?;
        for n in 1..=3 {
            let dir = root.join(format!("w{n}"));
            run("treering-witness", &["add-log", "--dir"], &dir, &[&vkey])?;
        }
        let policy = Policy::parse(format!("log {vkey}\n{lines}").as_bytes())?;
        prepare(&root.join("log"))?;
        let (log, server, admin) = serve(root, plan.trace.as_deref())?;
        let net = Net { log, _witnesses: witnesses, server, admin, policy, dir };
        net.wait_ready()?;
        Ok(net)
    }

    /// The log's process id.
    ///
    /// # Errors
    /// It runs under strace and is not to be found below it.
    pub fn pid(&self) -> anyhow::Result<u32> {
        self.log.pid()
    }

    /// The certificates (PEM) of the authority and of the CA that `tsa` was made with.
    ///
    /// # Errors
    /// There is none.
    pub fn tsa_chain(&self) -> anyhow::Result<String> {
        let path = self.dir.path().join("log").join("tsa-chain.pem");
        fs::read_to_string(&path).with_context(|| path.display().to_string())
    }

    /// Kills the log and starts it again: the time from the start until it is ready to publish.
    ///
    /// # Errors
    /// It does not come back.
    pub fn restart(&mut self) -> anyhow::Result<Duration> {
        self.log.kill();
        let begun = Instant::now();
        (self.log, self.server, self.admin) = serve(self.dir.path(), None)?;
        self.wait_ready()?;
        Ok(begun.elapsed())
    }

    fn wait_ready(&self) -> anyhow::Result<()> {
        let over = Instant::now() + PATIENCE;
        while get(self.admin, "/readyz/publish")?.0 != 200 {
            ensure!(Instant::now() < over, "the log does not publish");
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

fn start_witness(root: &Path, n: u32) -> anyhow::Result<(Process, String)> {
    let dir = root.join(format!("w{n}"));
    let name = format!("witness.bench/w{n}");
    let said =
        run("treering-witness", &["init", "--name", &name, "--listen", "127.0.0.1:0", "--dir"], &dir, &[])?;
    let vkey = said.lines().next().context("the witness prints its key")?.to_owned();
    let mut command = Command::new(program("treering-witness")?);
    command.args(["serve", "--dir"]).arg(&dir);
    let mut process = Process::start("treering-witness", &mut command, &root.join(format!("w{n}.stderr")))?;
    let address = process.address("listening on")?;
    Ok((process, format!("witness w{n} {vkey} http://{address}\n")))
}

/// Starts the log; its public address and that of its probes.
fn serve(root: &Path, trace: Option<&Path>) -> anyhow::Result<(Process, SocketAddr, SocketAddr)> {
    let mut command = match trace {
        None => Command::new(program("treering-log")?),
        Some(trace) => traced(trace)?,
    };
    command.args(["serve", "--dir"]).arg(root.join("log"));
    let mut log = Process::start("treering-log", &mut command, &root.join("log.stderr"))?;
    if trace.is_some() {
        log = log.traces();
    }
    let (server, admin) = (log.address("listening on")?, log.address("admin on")?);
    Ok((log, server, admin))
}

/// Makes the log; its verifier key.
fn init_log(root: &Path, witnesses: &Path, plan: &LogPlan) -> anyhow::Result<String> {
    let dir = root.join("log");
    let witnesses = witnesses.to_str().context("a path that is text")?;
    let before = ["init", "--origin", ORIGIN, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let before = [&before[..], &["--witnesses", witnesses, "--dir"]].concat();
    run("treering-log", &before, &dir, &[])?;
    let file = dir.join("log.toml");
    let mut text = fs::read_to_string(&file)?;
    let settings = [
        ("tick_ms", plan.tick_ms),
        // A closed loop of single hashes fills the default of 100,000 within a tick: the limit is not what is measured.
        ("max_pending", 2_000_000),
        ("max_connections", 8192),
        ("cache_mib", CACHE_MIB),
    ];
    for (key, value) in settings {
        text = set(&text, key, value)?;
    }
    fs::write(&file, text)?;
    if let Some(kind) = plan.tsa {
        run("treering-log", &["tsa", "init", "--dir"], &dir, &["--key", kind])?;
    }
    Ok(run("treering-log", &["vkey", "--dir"], &dir, &[])?.trim_end().to_owned())
}

fn set(text: &str, key: &str, value: u64) -> anyhow::Result<String> {
    let begin = format!("{key} = ");
    ensure!(text.lines().any(|line| line.starts_with(&begin)), "log.toml has no {key}");
    let line =
        |line: &str| if line.starts_with(&begin) { format!("{begin}{value}\n") } else { format!("{line}\n") };
    Ok(text.lines().map(line).collect())
}

/// A bare handler in a process of its own, which ends with it.
#[derive(Debug)]
pub struct BareServer {
    _process: Process,
    /// Where it listens.
    pub server: SocketAddr,
    _dir: TempDir,
}

impl BareServer {
    /// Starts this program as a bare handler, which hashes or only reads.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(hash: bool) -> anyhow::Result<BareServer> {
        let dir = tempfile::Builder::new().prefix("treering-bench-").tempdir()?;
        let mut command = Command::new(env::current_exe()?);
        command.arg("bare");
        if hash {
            command.arg("--hash");
        }
        let mut process = Process::start("treering-bench bare", &mut command, &dir.path().join("stderr"))?;
        let server = process.address("listening on")?;
        Ok(BareServer { _process: process, server, _dir: dir })
    }
}

/// Where a program is: beside this one, or in one of the directories that `TREERING_BIN_DIR` lists.
///
/// # Errors
/// It was not built.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let directories: Vec<PathBuf> = match env::var_os("TREERING_BIN_DIR") {
        Some(list) => env::split_paths(&list).collect(),
        None => env::current_exe()?.parent().map(Path::to_path_buf).into_iter().collect(),
    };
    let found = directories.iter().map(|directory| directory.join(name)).find(|path| path.is_file());
    found.with_context(|| {
        format!("{name} is not in {directories:?}: build it first (cargo build --release --workspace --bins)")
    })
}

/// Runs a program to its end: what it printed.
fn run(name: &str, before: &[&str], dir: &Path, after: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program(name)?).args(before).arg(dir).args(after).output()?;
    if !output.status.success() {
        bail!("{name} {before:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The log under strace, which writes a line with its time for each sync. With a filter in the kernel other calls run
/// at full speed.
fn traced(trace: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new("strace");
    command.args(["-f", "--seccomp-bpf", "-ttt", "-e", "trace=fsync,fdatasync,sync_file_range", "-o"]);
    command.arg(trace).arg(program("treering-log")?);
    Ok(command)
}

/// Can syncs be counted here?
pub fn has_strace() -> bool {
    Command::new("strace").arg("-V").output().is_ok_and(|output| output.status.success())
}
