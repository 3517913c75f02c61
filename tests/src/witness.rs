//! A witness: its directory and its process.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

use crate::{
    files,
    http::{Answer, Http},
    log::shown,
    process::Process,
    programs, wait,
};

/// A witness in a directory of its own, running or not.
#[derive(Debug)]
pub struct WitnessServer {
    name: String,
    dir: PathBuf,
    output: PathBuf,
    starts: usize,
    vkey: String,
    /// Of a further key, of whose line the policy also has one.
    second: Option<String>,
    http: Http,
    environment: Vec<(String, String)>,
    options: Vec<String>,
    process: Option<Process>,
}

impl WitnessServer {
    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes a witness; `port` is a free one, so that a restart keeps it.
    ///
    /// # Panics
    /// If `init` refuses.
    pub fn init(root: &Path, output: &Path, name: &str, port: u16) -> WitnessServer {
        let dir = root.join(name);
        let mut witness = WitnessServer {
            name: name.to_owned(),
            dir,
            output: output.to_owned(),
            starts: 0,
            vkey: String::new(),
            second: None,
            http: Http::new(format!("http://127.0.0.1:{port}")),
            environment: Vec::new(),
            options: Vec::new(),
            process: None,
        };
        let (key_name, listen) = (format!("witness.test/{name}"), format!("127.0.0.1:{port}"));
        let printed = witness.run("init", &["--name", &key_name, "--listen", &listen]);
        witness.vkey = printed.lines().next().unwrap_or_default().to_owned();
        witness
    }

    /// Gives it an ML-DSA-44 key instead of the Ed25519 key, before it is started for the first time.
    ///
    /// # Panics
    /// If it refuses.
    pub fn ml_dsa(mut self) -> WitnessServer {
        let mut command = programs::command(programs::WITNESS);
        let added = command.args(["key", "add", "--ml-dsa", "--dir"]).arg(&self.dir).output();
        let added = added.expect("the program starts");
        assert!(added.status.success(), "key add: {}", shown(&added));
        files::set(&self.dir.join("witness.toml"), "keys", "[\"key-2\"]");
        self.vkey = self.run("vkey", &[]).trim_end().to_owned();
        self
    }

    /// Has it cosign a log, running or not.
    ///
    /// # Panics
    /// If it refuses.
    pub fn add_log(&self, vkey: &str) {
        self.run("add-log", &[vkey]);
    }

    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// If it ends before.
    pub fn start(&mut self) {
        self.start_as(programs::command(programs::WITNESS));
    }

    /// Starts it by a command that runs its program, and waits until it listens.
    ///
    /// # Panics
    /// If it ends before.
    pub fn start_as(&mut self, command: Command) {
        let mut process = self.spawn(command);
        process.says("listening on http://");
        self.process = Some(process);
    }

    /// Starts it, and waits until it listens or ends.
    ///
    /// # Errors
    /// What it said when it ended.
    pub fn try_start(&mut self) -> Result<(), String> {
        let mut process = self.spawn(programs::command(programs::WITNESS));
        wait::until("the witness listens, or ends", || {
            (process.stdout().contains("listening on http://") || process.status().is_some()).then_some(())
        });
        if process.status().is_some() {
            return Err(process.stderr());
        }
        self.process = Some(process);
        Ok(())
    }

    fn spawn(&mut self, mut command: Command) -> Process {
        self.starts += 1;
        command.args(["serve", "--dir"]).arg(&self.dir).args(&self.options);
        command.envs(self.environment.iter().cloned());
        Process::start(&format!("{}-{}", self.name, self.starts), &mut command, &self.output)
    }

    /// Gives it an environment variable from its next start on.
    pub fn set_env(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Gives `serve` more options from its next start on.
    pub fn set_options(&mut self, options: &[&str]) {
        self.options = options.iter().map(|option| (*option).to_owned()).collect();
    }

    /// A signal by its name, such as `STOP`.
    ///
    /// # Panics
    /// If it does not run.
    pub fn signal(&self, signal: &str) {
        self.process.as_ref().expect("it runs").signal(signal);
    }

    /// Its process id, if it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// SIGTERM, and its end.
    ///
    /// # Panics
    /// If it does not run.
    pub fn stop(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("it runs");
        process.terminate();
        process.end()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Makes a further key, which signs from the next start on; its verifier key.
    ///
    /// # Panics
    /// If it refuses.
    pub fn add_key(&self, arguments: &[&str]) -> String {
        let mut command = programs::command(programs::WITNESS);
        let output = command.args(["key", "add", "--dir"]).arg(&self.dir).args(arguments).output();
        let output = output.expect("the program starts");
        assert!(output.status.success(), "key add: {}", shown(&output));
        let printed = String::from_utf8(output.stdout).expect("text");
        printed.lines().next().unwrap_or_default().to_owned()
    }

    /// Gives it an ML-DSA-44 key beside its own: it counts only with both.
    pub fn with_two_keys(mut self) -> WitnessServer {
        self.second = Some(self.add_key(&["--ml-dsa"]));
        self
    }

    /// The file of its settings.
    pub fn settings(&self) -> PathBuf {
        self.dir.join("witness.toml")
    }

    /// A line of a policy for one of its keys.
    pub fn line(&self, name: &str, vkey: &str) -> String {
        format!("witness {name} {vkey} {}\n", self.http.base())
    }

    /// The lines that count it in a policy, under its name.
    pub fn policy_line(&self) -> String {
        let name = &self.name;
        match &self.second {
            None => self.line(name, &self.vkey),
            Some(second) => {
                let (one, other) = (format!("{name}-ed25519"), format!("{name}-mldsa44"));
                let lines = self.line(&one, &self.vkey) + &self.line(&other, second);
                format!("{lines}group {name} all {one} {other}\n")
            }
        }
    }

    /// Its name in the policy.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its verifier key.
    pub fn vkey(&self) -> &str {
        &self.vkey
    }

    /// The last checkpoint of a log that it cosigned (C2SP tlog-witness, monitor retrieval).
    pub fn latest(&self, origin: &str) -> Answer {
        let hash = treering_tlog::hash::sha256(origin.as_bytes());
        self.http.get(&format!("/{hash}/checkpoint"))
    }

    /// The same from a witness that may be away, or may not know the log.
    pub fn try_latest(&self, origin: &str) -> Option<Answer> {
        let hash = treering_tlog::hash::sha256(origin.as_bytes());
        self.http.try_get(&format!("/{hash}/checkpoint")).ok().filter(|answer| answer.status == 200)
    }

    fn run(&self, subcommand: &str, arguments: &[&str]) -> String {
        let mut command = programs::command(programs::WITNESS);
        command.arg(subcommand).arg("--dir").arg(&self.dir).args(arguments);
        let output = command.output().expect("the program starts");
        assert!(output.status.success(), "{subcommand}: {}", shown(&output));
        String::from_utf8(output.stdout).expect("text")
    }
}
