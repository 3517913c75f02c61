//! A mirror: its directory and its process.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Output},
};

use treering_tlog::hash::sha256;

use crate::{http::Http, log::shown, process::Process, programs, trace};

/// A mirror in a directory of its own, running or not.
#[derive(Debug)]
pub struct MirrorServer {
    dir: PathBuf,
    output: PathBuf,
    starts: usize,
    vkey: String,
    base: String,
    process: Option<Process>,
}

impl MirrorServer {
    /// Makes a mirror of the policy's log; `port` is a free one, so that a restart keeps it.
    ///
    /// # Panics
    /// If `mirror init` refuses.
    pub fn init(dir: &Path, output: &Path, policy: &Path, port: u16) -> MirrorServer {
        let mut command = programs::command(programs::WITNESS);
        command.args(["mirror", "init", "--name", "mirror.test/m1", "--dir"]).arg(dir);
        command.args(["--listen", &format!("127.0.0.1:{port}"), "--policy"]).arg(policy);
        let made = command.output().expect("the program starts");
        assert!(made.status.success(), "{}", shown(&made));
        let printed = String::from_utf8(made.stdout).expect("text");
        let config = dir.join("mirror.toml");
        let text = fs::read_to_string(&config).expect("a configuration");
        fs::write(&config, format!("{text}interval_seconds = 1\n")).expect("written");
        MirrorServer {
            dir: dir.to_owned(),
            output: output.to_owned(),
            starts: 0,
            vkey: printed.lines().next().unwrap_or_default().to_owned(),
            base: format!("http://127.0.0.1:{port}"),
            process: None,
        }
    }

    /// The program on this mirror's directory.
    pub fn program(&self) -> Command {
        let mut command = programs::command(programs::WITNESS);
        command.args(["mirror", "--dir"]).arg(&self.dir);
        command
    }

    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// If it ends before.
    pub fn start(&mut self) {
        let mut command = self.program();
        self.start_as(&mut command);
    }

    /// Starts it under strace, which writes to `trace`, and waits until it listens.
    pub fn start_traced(&mut self, trace: &Path) {
        let mut command = trace::command(trace, &programs::path(programs::WITNESS));
        command.args(["mirror", "--dir"]).arg(&self.dir);
        self.start_as(&mut command);
    }

    /// Starts it by a command that runs its program with its arguments, and waits until it listens.
    pub fn start_as(&mut self, command: &mut Command) {
        self.starts += 1;
        let mut process = Process::start(&format!("mirror-{}", self.starts), command, &self.output);
        process.says("listening on http://");
        self.process = Some(process);
    }

    /// Reads the log once.
    ///
    /// # Panics
    /// If the program can't be started.
    pub fn once(&self) -> Output {
        self.program().arg("--once").output().expect("the program starts")
    }

    /// SIGTERM, and its end, which must be a good one.
    ///
    /// # Panics
    /// If it does not run, or ends otherwise.
    pub fn stop(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.terminate();
        assert!(process.end().success());
    }

    /// Its process id.
    ///
    /// # Panics
    /// If it does not run.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("it runs").pid()
    }

    /// Waits until it ends by itself: its exit status, and what it said.
    ///
    /// # Panics
    /// If it does not run, or does not end.
    pub fn end(&mut self) -> (ExitStatus, String) {
        let mut process = self.process.take().expect("it runs");
        let status = process.end();
        (status, process.stderr())
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its verifier key.
    pub fn vkey(&self) -> &str {
        &self.vkey
    }

    /// Where the copy of a log is read.
    pub fn copy(&self, origin: &str) -> Http {
        Http::new(format!("{}/{}", self.base, sha256(origin.as_bytes())))
    }

    /// The files of the copy of a log.
    pub fn files(&self, origin: &str) -> PathBuf {
        self.dir.join("data").join(sha256(origin.as_bytes()).to_string())
    }
}
