//! One running program, which ends with its handle.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use anyhow::{Context as _, bail};

/// A program that was started here.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    /// Kept open: a program that prints to nobody would fail.
    stdout: BufReader<ChildStdout>,
    errors: PathBuf,
    traced: bool,
}

impl Process {
    /// Starts a program; its standard error goes to the file `errors`.
    ///
    /// # Errors
    /// It can't be started.
    pub fn start(name: &'static str, command: &mut Command, errors: &Path) -> anyhow::Result<Process> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(errors)?).spawn();
        let mut child = child.with_context(|| format!("{name} does not start"))?;
        let stdout = child.stdout.take().context("standard output is a pipe")?;
        let errors = errors.to_owned();
        Ok(Process { name, child, stdout: BufReader::new(stdout), errors, traced: false })
    }

    /// The process is a tracer: what is measured, and ended, is its child.
    pub fn traces(mut self) -> Process {
        self.traced = true;
        self
    }

    /// Waits for the line `PREFIX http://ADDRESS` on its standard output.
    ///
    /// # Errors
    /// It ended before it said so.
    pub fn address(&mut self, prefix: &str) -> anyhow::Result<SocketAddr> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.stdout.read_line(&mut line)? == 0 {
                let said = fs::read_to_string(&self.errors).unwrap_or_default();
                bail!("{} ended before it said {prefix:?}: {said}", self.name);
            }
            if let Some(address) = line.trim_end().strip_prefix(prefix) {
                let address = address.trim_start().trim_start_matches("http://");
                return address.parse().with_context(|| format!("{address} is no address"));
            }
        }
    }

    /// The process id of the program.
    ///
    /// # Errors
    /// It is traced and not to be found below its tracer.
    pub fn pid(&self) -> anyhow::Result<u32> {
        let own = self.child.id();
        if !self.traced {
            return Ok(own);
        }
        let children = fs::read_to_string(format!("/proc/{own}/task/{own}/children"))?;
        let first = children.split_ascii_whitespace().next();
        first.with_context(|| format!("{} has no child", self.name))?.parse().context("a process id")
    }

    /// `kill -9`, and its end. A tracer ends by itself, with its last lines written, when its child has ended.
    pub fn kill(&mut self) {
        // Errors mean that it has ended already.
        match self.pid() {
            Ok(pid) if self.traced => {
                let _ = Command::new("sh").arg("-c").arg(format!("kill -KILL {pid}")).status();
            }
            _ => drop(self.child.kill()),
        }
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
