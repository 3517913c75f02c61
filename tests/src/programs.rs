//! Where the built programs are: in the profile's directory that this test was built into
//! (`target/release/deps/end_to_end-… → target/release/treering-log`), or in the directories that the environment
//! variable `TREERING_BIN_DIR` lists (separated by colons).

use std::{
    env,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The client.
pub const TREERING: &str = "treering";
/// The log server.
pub const LOG: &str = "treering-log";
/// The witness.
pub const WITNESS: &str = "treering-witness";

/// A command for one of the three programs.
///
/// # Panics
/// If it was not built.
pub fn command(program: &str) -> Command {
    Command::new(path(program))
}

/// The path of one of the three programs.
///
/// # Panics
/// If it was not built.
pub fn path(program: &str) -> PathBuf {
    let directories = directories();
    let found = directories.iter().map(|directory| directory.join(program)).find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!(
            "{program} is not in {directories:?}: build it first (cargo build --release --workspace --bins)"
        )
    })
}

/// The directories that the programs are in, for a `PATH`.
pub fn directories() -> Vec<PathBuf> {
    if let Some(list) = env::var_os("TREERING_BIN_DIR") {
        return env::split_paths(&list).collect();
    }
    let test = env::current_exe().expect("a test knows its own path");
    // …/target/release/deps/end_to_end-0123
    test.parent().and_then(Path::parent).map(Path::to_path_buf).into_iter().collect()
}

/// Says that a test was not made, and why: on the process's own standard error, which is shown for tests that pass too.
pub fn skipped(test: &str, why: &str) {
    // Nobody reads it if it can't be written.
    let _ = writeln!(std::io::stderr(), "\nSKIPPED {test}: {why}");
}

/// Is a tool of the system there?
pub fn has_tool(tool: &str, argument: &str) -> bool {
    let started = Command::new(tool).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
    started.is_ok()
}
