//! A program's system calls in order, by strace: what was on disk when something was said.
//!
//! `kill -9` keeps the page cache, so it passes code that never calls `fsync`; this does not.

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Stdio},
};

/// The calls that write, sync, rename or send.
const CALLS: &str = "trace=write,writev,pwrite64,pwritev,sendto,sendmsg,fsync,fdatasync,sync_file_range,rename,renameat,\
                     renameat2,openat,close";

/// A program under strace: the command's own process is the program, the tracer is a grandchild that ends with it.
/// Strings are written in hexadecimal, file descriptors with what they are.
pub fn command(output: &Path, program: &Path) -> Command {
    let mut command = Command::new("strace");
    command.args(["-D", "-f", "-yy", "-xx", "-s", "65536", "-e", CALLS, "-o"]).arg(output).arg(program);
    command
}

/// The same with every call, and with arguments as far as strace cares to write them.
pub fn every_call(output: &Path, program: &Path) -> Command {
    let mut command = Command::new("strace");
    command.args(["-D", "-f", "-o"]).arg(output).arg(program);
    command
}

/// Is strace there, and may it trace?
pub fn is_possible() -> bool {
    let mut command = Command::new("strace");
    command.args(["-f", "-o", "/dev/null", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The calls of a program, in the order in which they ended.
#[derive(Debug)]
pub struct Trace {
    calls: Vec<Call>,
}

/// One system call that has ended.
#[derive(Clone, Debug)]
pub struct Call {
    /// The line of the trace on which it began.
    pub began: usize,
    /// The line on which it ended.
    pub ended: usize,
    /// Its name.
    pub name: String,
    /// Its arguments, as strace writes them.
    pub arguments: String,
}

impl Call {
    /// Does an argument hold these bytes?
    pub fn holds(&self, bytes: &[u8]) -> bool {
        self.arguments.contains(&hex(bytes))
    }

    /// Is it a sync of a file (not of a part of it)?
    pub fn is_sync(&self) -> bool {
        matches!(self.name.as_str(), "fsync" | "fdatasync")
    }

    /// Does it write or send?
    pub fn is_write(&self) -> bool {
        matches!(self.name.as_str(), "write" | "writev" | "pwrite64" | "pwritev" | "sendto" | "sendmsg")
    }

    /// Is its file descriptor a connection?
    pub fn is_to_network(&self) -> bool {
        self.target().starts_with("TCP")
    }

    /// What its first file descriptor is: a path, or a connection.
    pub fn target(&self) -> String {
        // -xx writes paths in hexadecimal as well: `12<\x2f\x74…>`.
        let inside = self.arguments.split_once('<').map_or("", |(_, rest)| rest);
        let inside = inside.split_once('>').map_or(inside, |(inside, _)| inside);
        if inside.starts_with("\\x") { unhex(inside) } else { inside.to_owned() }
    }

    /// All paths in quotes, decoded.
    pub fn paths(&self) -> Vec<String> {
        self.arguments.split('"').skip(1).step_by(2).map(unhex).collect()
    }
}

impl Trace {
    /// Reads what strace wrote.
    ///
    /// # Panics
    /// If there is nothing.
    pub fn read(path: &Path) -> Trace {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut calls = Vec::new();
        let mut unfinished: HashMap<&str, (usize, &str)> = HashMap::new();
        for (number, line) in text.lines().enumerate() {
            let Some((thread, rest)) = line.split_once(' ').map(|(thread, rest)| (thread, rest.trim_start()))
            else {
                continue;
            };
            if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
                unfinished.insert(thread, (number, begun));
            } else if rest.starts_with("<... ") {
                if let Some((began, text)) = unfinished.remove(thread) {
                    calls.extend(call(began, number, text));
                }
            } else {
                calls.extend(call(number, number, rest));
            }
        }
        Trace { calls }
    }

    /// The first call from a line on that is so.
    pub fn first(&self, from: usize, what: impl Fn(&Call) -> bool) -> Option<&Call> {
        self.calls.iter().filter(|call| call.began >= from).find(|call| what(call))
    }

    /// All calls that are so.
    pub fn all(&self, what: impl Fn(&Call) -> bool) -> Vec<&Call> {
        self.calls.iter().filter(|call| what(call)).collect()
    }
}

fn call(began: usize, ended: usize, text: &str) -> Option<Call> {
    let (name, arguments) = text.split_once('(')?;
    Some(Call { began, ended, name: name.to_owned(), arguments: arguments.to_owned() })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "\\x{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> String {
    let bytes: Vec<u8> = text
        .split("\\x")
        .skip(1)
        .filter_map(|digits| u8::from_str_radix(digits.get(..2)?, 16).ok())
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
