//! Programs of the system: those that may be missing, and one that gives a command a terminal of its own.

use super::Bench;
use std::{
    io::Write as _,
    process::{Command, Stdio},
};

/// A test that needs a program says so where it isn't there; `make test` installs it.
pub(crate) fn has(program: &str) -> bool {
    let there = Command::new(program).arg("-?").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !there {
        skipped(&format!("{program} isn't there (Debian: openssh-client, openssl, bsdutils)"));
    }
    there
}

/// Says that the running test, or a part of it, was not made, and why: on the process's own standard error, which is shown
/// for tests that pass too.
pub(crate) fn skipped(why: &str) {
    let thread = std::thread::current();
    // Nobody reads it if it can't be written.
    let _ = writeln!(std::io::stderr(), "\nSKIPPED {}: {why}", thread.name().unwrap_or("a test"));
}

/// The command, below another program: one that gives it a terminal of its own, or takes it away.
pub(crate) fn below(bench: &Bench, program: &str, args: &[&str]) -> Command {
    let command = bench.command();
    let mut outer = Command::new(program);
    outer.args(args).current_dir(bench.path(".")).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    outer.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    outer
}

/// Exit code and what is on the screen when this is called at a terminal, and this is typed.
pub(crate) fn on_terminal(bench: &Bench, arguments: &str, typed: &str) -> (Option<i32>, String) {
    let line = format!("'{}' {arguments}", env!("CARGO_BIN_EXE_treering"));
    let mut script = below(bench, "script", &["-qec", &line, "/dev/null"]);
    let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(format!("{typed}\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n"))
}
