//! The log server: its directory, its process, and what a customer asks it.

mod asked;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Output},
    sync::atomic::{AtomicU64, Ordering},
};

use treering_tlog::{
    hash::Hash,
    tree::{TreeHead, TreeSize},
};

use crate::{files, group::Group, http::Http, process::Process, programs, trace, wait};

/// The media type of a binary submission.
pub const OCTETS: &str = "application/octet-stream";
/// The call that takes submissions.
pub const SUBMISSIONS: &str = "/v1/submissions";

/// A log in a directory of its own, running or not.
#[derive(Debug)]
pub struct LogServer {
    dir: PathBuf,
    output: PathBuf,
    starts: usize,
    process: Option<Process>,
    environment: Vec<(String, String)>,
    other: Option<PathBuf>,
    group: Option<PathBuf>,
    public: Http,
    admin: Http,
}

impl LogServer {
    /// Makes a log. `listen` and `admin` are free ports, so that a restart keeps them.
    ///
    /// # Panics
    /// If `init` refuses.
    pub fn init(dir: &Path, output: &Path, origin: &str, witnesses: &Path, ports: (u16, u16)) -> LogServer {
        let made = init(dir, origin, witnesses, ports.0);
        assert!(made.status.success(), "init: {}", shown(&made));
        let log = LogServer {
            dir: dir.to_owned(),
            output: output.to_owned(),
            starts: 0,
            process: None,
            environment: Vec::new(),
            other: None,
            group: None,
            public: Http::new(format!("http://127.0.0.1:{}", ports.0)),
            admin: Http::new(format!("http://127.0.0.1:{}", ports.1)),
        };
        log.set("admin", &format!("\"127.0.0.1:{}\"", ports.1));
        log
    }

    /// A log of the same key and origin on a copy of another one's directory, under ports of its own.
    ///
    /// # Panics
    /// If it can't be copied.
    pub fn copy_of(other: &LogServer, dir: &Path, ports: (u16, u16)) -> LogServer {
        files::copy(&other.dir, dir);
        let log = LogServer {
            dir: dir.to_owned(),
            output: other.output.clone(),
            // Far beyond what the other will be started, since each start has files of its own; and copies are copied.
            starts: other.starts + 1_000_000,
            process: None,
            environment: other.environment.clone(),
            other: other.other.clone(),
            group: None,
            public: Http::new(format!("http://127.0.0.1:{}", ports.0)),
            admin: Http::new(format!("http://127.0.0.1:{}", ports.1)),
        };
        log.set("listen", &format!("\"127.0.0.1:{}\"", ports.0));
        log.set("admin", &format!("\"127.0.0.1:{}\"", ports.1));
        log
    }

    /// Gives a key of `log.toml` another value; it counts from the next start.
    pub fn set(&self, key: &str, value: &str) {
        files::set(&self.dir.join("log.toml"), key, value);
    }

    /// More tables for the end of `log.toml`.
    ///
    /// # Panics
    /// If it can't be written.
    pub fn append(&self, tables: &str) {
        let path = self.dir.join("log.toml");
        let text = fs::read_to_string(&path).expect("log.toml");
        fs::write(path, text + tables).expect("log.toml");
    }

    /// Gives its programs an environment variable from now on.
    pub fn set_env(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// From now on it is run with another program than the one that was built; `None` for that one again.
    pub fn use_program(&mut self, program: Option<&Path>) {
        self.other = program.map(Path::to_owned);
    }

    /// Starts it in a control group from now on (`crate::group`).
    pub fn set_group(&mut self, group: &Group) {
        self.group = Some(group.processes());
    }

    /// Takes all environment variables of [`LogServer::set_env`] away again.
    pub fn clear_env(&mut self) {
        self.environment.clear();
    }

    /// Its program, with its environment.
    pub fn program(&self) -> Command {
        let mut command = self.other.as_ref().map_or_else(|| programs::command(programs::LOG), Command::new);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The directory of its store.
    pub fn store(&self) -> PathBuf {
        self.dir.join("store")
    }

    /// The file of its record.
    pub fn record(&self) -> PathBuf {
        self.dir.join("store.record")
    }

    /// The public listener.
    pub fn public(&self) -> &Http {
        &self.public
    }

    /// The listener of probes.
    pub fn admin(&self) -> &Http {
        &self.admin
    }

    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// If it ends before.
    pub fn start(&mut self) {
        let mut process = self.begin();
        // Or https.
        process.says("listening on http");
        process.says("admin on http://");
        self.process = Some(process);
    }

    /// Starts it where it may fail: does it listen, or has it ended?
    ///
    /// # Panics
    /// If it does neither.
    pub fn try_start(&mut self) -> bool {
        self.process = Some(self.begin());
        let listens = |process: &mut Process| process.stdout().contains("admin on http://");
        wait::until("the log listens or ends", || {
            let process = self.process.as_mut().expect("just started");
            match (process.status(), listens(process)) {
                (Some(_), _) => Some(false),
                (None, true) => Some(true),
                (None, false) => None,
            }
        })
    }

    /// How many descriptors it has open (Linux): sockets, and all else but what is below its own directory, since the store opens and
    /// closes its files as it likes.
    ///
    /// # Panics
    /// If it does not run, or `/proc` can't be read.
    pub fn descriptors(&self) -> usize {
        let path = format!("/proc/{}/fd", self.pid().expect("it runs"));
        let files = fs::read_dir(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        // One that is closed meanwhile is none.
        let links = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
        links.filter(|link| !link.starts_with(&self.dir)).count()
    }

    /// How much memory it holds, and the most that it ever held, in MiB (Linux).
    ///
    /// # Panics
    /// If it does not run, or `/proc` can't be read.
    pub fn memory_mib(&self) -> (u64, u64) {
        let path = format!("/proc/{}/status", self.pid().expect("it runs"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("a field of the status");
            line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
        };
        (field("VmRSS:"), field("VmHWM:"))
    }

    /// Does it run?
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| process.status().is_none())
    }

    /// Starts it under strace, which writes to `trace`, and waits until it listens.
    pub fn start_traced(&mut self, trace: &Path) {
        self.start_as(trace::command(trace, &programs::path(programs::LOG)));
    }

    /// Starts it by a command that runs its program, and waits until it listens.
    pub fn start_as(&mut self, mut command: Command) {
        command.args(["serve", "--dir"]).arg(&self.dir);
        self.starts += 1;
        let mut process = Process::start(&format!("log-{}", self.starts), &mut command, &self.output);
        process.says("listening on http://");
        process.says("admin on http://");
        self.process = Some(process);
    }

    /// Starts it and expects that it refuses: its exit status and standard error.
    pub fn start_refused(&mut self) -> (ExitStatus, String) {
        let mut process = self.begin();
        let status = process.end();
        (status, process.stderr())
    }

    /// Its process id, if it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// What the running server wrote to standard error so far.
    ///
    /// # Panics
    /// If it does not run.
    pub fn stderr(&self) -> String {
        self.process.as_ref().expect("it runs").stderr()
    }

    /// Adds lines to the end of `log.toml`; they count from the next start.
    ///
    /// # Panics
    /// If it can't.
    pub fn configure(&self, lines: &str) {
        let path = self.dir.join("log.toml");
        let text = fs::read_to_string(&path).expect("a configuration") + lines;
        fs::write(&path, text).expect("the configuration can be written");
    }

    /// SIGTERM, without waiting for the end.
    pub fn terminate(&self) {
        self.process.as_ref().expect("it runs").terminate();
    }

    /// A signal by its name, such as `STOP`.
    ///
    /// # Panics
    /// If it does not run.
    pub fn signal(&self, signal: &str) {
        self.process.as_ref().expect("it runs").signal(signal);
    }

    /// Waits for the end of what was told to end.
    pub fn end(&mut self) -> ExitStatus {
        self.process.take().expect("it runs").end()
    }

    /// SIGTERM, and its end.
    pub fn stop(&mut self) -> ExitStatus {
        self.terminate();
        self.end()
    }

    /// A subcommand on this log's directory.
    ///
    /// # Panics
    /// As [`LogServer::command_with`].
    pub fn command(&self, subcommand: &str) -> Output {
        self.command_with(subcommand, &[])
    }

    /// The same with more arguments.
    ///
    /// # Panics
    /// If the program can't be started, or doesn't end: on a damaged store it could go round for ever.
    pub fn command_with(&self, subcommand: &str, arguments: &[&str]) -> Output {
        static COMMANDS: AtomicU64 = AtomicU64::new(0);
        let number = COMMANDS.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}", subcommand.replace(' ', "-"));
        let mut command = self.program();
        command.args(subcommand.split(' ')).arg("--dir").arg(&self.dir).args(arguments);
        let output = Process::start(&name, &mut command, &self.output).output();
        // Ten thousand of them may come.
        for ending in ["stdout", "stderr"] {
            let _ = fs::remove_file(self.output.join(format!("{name}.{ending}")));
        }
        output
    }

    /// The verifier key.
    pub fn vkey(&self) -> String {
        let output = self.command("vkey");
        String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
    }

    /// `check` of the stopped log, which must find nothing.
    ///
    /// # Panics
    /// If it finds something.
    #[track_caller]
    pub fn assert_clean(&self) {
        let checked = self.command("check");
        assert!(checked.status.success(), "check: {}", shown(&checked));
    }

    /// Its program, which enters the group before it begins: what it holds from then on counts.
    fn in_group(&self, processes: &Path) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", "echo $$ > \"$0\" && exec \"$@\""])
            .arg(processes)
            .arg(programs::path(programs::LOG));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn begin(&mut self) -> Process {
        self.starts += 1;
        let mut command = match &self.group {
            Some(processes) => self.in_group(processes),
            None => self.program(),
        };
        command.args(["serve", "--dir"]).arg(&self.dir);
        Process::start(&format!("log-{}", self.starts), &mut command, &self.output)
    }
}

/// `treering-log init`.
///
/// # Panics
/// If the program can't be started.
pub fn init(dir: &Path, origin: &str, witnesses: &Path, port: u16) -> Output {
    let mut command = programs::command(programs::LOG);
    command.arg("init").arg("--dir").arg(dir).args(["--origin", origin]);
    command.args(["--listen", &format!("127.0.0.1:{port}")]).arg("--witnesses").arg(witnesses);
    command.output().expect("the program starts")
}

/// Status and both streams, for messages.
pub fn shown(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n---- stdout\n{}---- stderr\n{}", output.status, text(&output.stdout), text(&output.stderr))
}

/// The size in the record beside a store.
///
/// # Panics
/// If there is no record.
pub fn recorded_size(record: &Path) -> TreeSize {
    let text = fs::read_to_string(record).expect("a record");
    text.lines().nth(1).and_then(TreeSize::parse).expect("a size")
}

/// The head in the record beside a store.
///
/// # Panics
/// If there is no record.
pub fn recorded_head(record: &Path) -> TreeHead {
    let text = fs::read_to_string(record).expect("a record");
    let root = text.lines().nth(2).and_then(Hash::from_base64).expect("a root");
    TreeHead { size: recorded_size(record), root }
}
