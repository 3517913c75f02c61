//! A witness: its directory and its process.

use std::path::{Path, PathBuf};

use crate::{
    files,
    http::{Answer, Http},
    log::shown,
    process::Process,
    programs,
};

/// A witness in a directory of its own, running or not.
#[derive(Debug)]
pub struct WitnessServer {
    name: String,
    dir: PathBuf,
    output: PathBuf,
    starts: usize,
    vkey: String,
    http: Http,
    process: Option<Process>,
}

impl WitnessServer {
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
            http: Http::new(format!("http://127.0.0.1:{port}")),
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
        self.starts += 1;
        let mut command = programs::command(programs::WITNESS);
        command.args(["serve", "--dir"]).arg(&self.dir);
        let name = format!("{}-{}", self.name, self.starts);
        let mut process = Process::start(&name, &mut command, &self.output);
        process.says("listening on http://");
        self.process = Some(process);
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

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// The line that counts it in a policy.
    pub fn policy_line(&self) -> String {
        format!("witness {} {} {}\n", self.name, self.vkey, self.http.base())
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

    fn run(&self, subcommand: &str, arguments: &[&str]) -> String {
        let mut command = programs::command(programs::WITNESS);
        command.arg(subcommand).arg("--dir").arg(&self.dir).args(arguments);
        let output = command.output().expect("the program starts");
        assert!(output.status.success(), "{subcommand}: {}", shown(&output));
        String::from_utf8(output.stdout).expect("text")
    }
}
