//! The client, run as a person would: with a log, a policy and a home of its own.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::{log::shown, process::Process, programs};

/// Who runs the client.
#[derive(Clone, Debug)]
pub struct Client {
    home: PathBuf,
    log: String,
    policy: PathBuf,
}

impl Client {
    /// Somebody with this home, log and policy.
    pub fn new(home: &Path, log: &str, policy: &Path) -> Client {
        Client { home: home.to_owned(), log: log.to_owned(), policy: policy.to_owned() }
    }

    /// Their home.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Runs `treering` in a directory.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn run<A: AsRef<OsStr>>(&self, dir: &Path, arguments: impl IntoIterator<Item = A>) -> Ran {
        let mut command = programs::command(programs::TREERING);
        command.current_dir(dir).args(arguments);
        self.environment(&mut command);
        Ran(command.output().expect("the program starts"))
    }

    /// Starts `treering` in a directory; its streams go there too.
    pub fn start<A: AsRef<OsStr>>(&self, dir: &Path, arguments: impl IntoIterator<Item = A>) -> Process {
        let mut command = programs::command(programs::TREERING);
        command.current_dir(dir).args(arguments);
        self.environment(&mut command);
        Process::start("treering", &mut command, dir)
    }

    /// Gives any command this person's log, policy, home and programs.
    pub fn environment(&self, command: &mut Command) {
        let old = std::env::var_os("PATH").unwrap_or_default();
        let path = programs::directories().into_iter().chain(std::env::split_paths(&old));
        command
            .env("PATH", std::env::join_paths(path).expect("paths without colons"))
            .env("HOME", &self.home)
            .env("TREERING_CONFIG_DIR", self.home.join("config"))
            .env("XDG_STATE_HOME", self.home.join("state"))
            .env("TREERING_LOG", &self.log)
            .env("TREERING_POLICY", &self.policy);
    }
}

/// A program that has ended.
#[derive(Debug)]
pub struct Ran(pub Output);

impl Ran {
    /// The same, if it ended with this code.
    ///
    /// # Panics
    /// If it did not; shows what it said.
    #[track_caller]
    pub fn expect(self, code: i32) -> Ran {
        assert_eq!(self.0.status.code(), Some(code), "{}", shown(&self.0));
        self
    }

    /// Standard output.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    /// Standard error.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    /// Both, the output first.
    pub fn said(&self) -> String {
        self.stdout() + &self.stderr()
    }
}
