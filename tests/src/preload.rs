//! Faults at single system calls of a program: a library of ours, preloaded, that counts the calls which touch a directory
//! and fails one of them, or ends the process there (`preload/faults.c`).

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::log::{LogServer, shown};

const SOURCE: &str = include_str!("../preload/faults.c");

/// Builds a library to preload, out of C, in a directory.
///
/// # Errors
/// In words: there is no C compiler, or this isn't Linux.
pub(crate) fn build(dir: &Path, name: &str, source: &str) -> Result<PathBuf, String> {
    if !cfg!(target_os = "linux") {
        return Err("libraries are preloaded on Linux alone".into());
    }
    let (file, library) = (dir.join(format!("{name}.c")), dir.join(format!("{name}.so")));
    fs::write(&file, source).map_err(|error| error.to_string())?;
    let mut compiler = Command::new("cc");
    compiler.args(["-O1", "-shared", "-fPIC", "-o"]).arg(&library).arg(&file).arg("-ldl");
    let built = compiler.output().map_err(|error| format!("cc: {error}"))?;
    if built.status.success() { Ok(library) } else { Err(shown(&built)) }
}

/// What happens at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// An error of the device.
    Io,
    /// No space: half of a write is done.
    NoSpace,
    /// A signal came in between.
    Interrupted,
    /// The process is killed, in the middle of a write.
    Kill,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 4] = [Fault::Io, Fault::NoSpace, Fault::Interrupted, Fault::Kill];
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Io => "EIO",
            Fault::NoSpace => "ENOSPC",
            Fault::Interrupted => "EINTR",
            Fault::Kill => "KILL",
        })
    }
}

/// The library, built.
#[derive(Debug)]
pub struct Faults {
    library: PathBuf,
    trace: PathBuf,
}

/// A kind of call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// The call's name.
    pub name: String,
    /// What it touched, below the directory; numbers of files left out.
    pub what: String,
}

impl Faults {
    /// Builds the library in a directory.
    ///
    /// # Errors
    /// In words: there is no C compiler, or this isn't Linux.
    pub fn build(dir: &Path) -> Result<Faults, String> {
        Ok(Faults { library: build(dir, "faults", SOURCE)?, trace: dir.join("faults.trace") })
    }

    /// From its next start on the log's n-th call of this kind is struck; of all that touch its directory, if none is named.
    pub fn arm(&self, log: &mut LogServer, only: Option<&Call>, number: usize, fault: Fault) {
        self.watch(log);
        if let Some(call) = only {
            log.set_env("FAULT_ONLY", &format!("{} {}", call.name, call.what));
        }
        log.set_env("FAULT_AT", &number.to_string());
        log.set_env("FAULT_KIND", &fault.to_string());
    }

    /// From its next start on the log's calls are noted, and none is struck.
    pub fn watch(&self, log: &mut LogServer) {
        // What an earlier run left there.
        let _ = fs::remove_file(&self.trace);
        self.disarm(log);
        let dir = log.dir().to_owned();
        let mut set = |name: &str, value: &Path| log.set_env(name, value.to_str().expect("a path in text"));
        set("LD_PRELOAD", &self.library);
        set("FAULT_DIR", &dir);
        set("FAULT_TRACE", &self.trace);
    }

    /// From its next start on the log is left alone.
    pub fn disarm(&self, log: &mut LogServer) {
        log.clear_env();
    }

    /// The calls since it was armed, in order.
    pub fn calls(&self, log: &LogServer) -> Vec<Call> {
        let text = self.text();
        text.lines().filter_map(|line| Call::parse(line.trim_start_matches("! "), log.dir())).collect()
    }

    /// The call that was struck; `None` if it didn't come to it.
    pub fn struck(&self, log: &LogServer) -> Option<Call> {
        let text = self.text();
        text.lines().find_map(|line| Call::parse(line.strip_prefix("! ")?, log.dir()))
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.trace).unwrap_or_default()
    }
}

impl Call {
    /// `<name> <path>`
    fn parse(line: &str, dir: &Path) -> Option<Call> {
        let (name, path) = line.split_once(' ')?;
        let path = path.strip_prefix(dir.to_str()?)?;
        let what = path.chars().filter(|char| !char.is_ascii_digit()).collect();
        Some(Call { name: name.to_owned(), what })
    }
}
