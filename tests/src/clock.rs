//! A program's wall clock, moved while it runs: libfaketime, preloaded, reads an offset from a file at each look.
//! The monotonic clock is left alone, as it is on a machine whose time is set.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{log::LogServer, preload};

const SOURCE: &str = include_str!("../preload/clock.c");

/// Where Debian's package `faketime` puts it; the one for programs with threads.
const LIBRARIES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

/// The clock of whoever was given it.
#[derive(Debug)]
pub struct MovedClock {
    file: PathBuf,
    /// Ours, which goes before the other.
    first: PathBuf,
    library: &'static str,
}

impl MovedClock {
    /// A clock that is right; its file lies in `dir`.
    ///
    /// # Errors
    /// In words: libfaketime or a C compiler is not installed.
    pub fn new(dir: &Path) -> Result<MovedClock, String> {
        let found = LIBRARIES.into_iter().find(|library| Path::new(library).exists());
        let library = found.ok_or("libfaketime is not installed (scripts/deps.sh test)")?;
        let first = preload::build(dir, "before-faketime", SOURCE)?;
        let clock = MovedClock { file: dir.join("clock"), first, library };
        clock.ahead(0);
        Ok(clock)
    }

    /// From its next start on the log goes by this clock.
    pub fn give(&self, log: &mut LogServer) {
        log.set_env("LD_PRELOAD", &format!("{} {}", self.first.display(), self.library));
        log.set_env("FAKETIME_TIMESTAMP_FILE", self.file.to_str().expect("a path in text"));
        log.set_env("FAKETIME_NO_CACHE", "1");
        log.set_env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        log.set_env("NO_FAKE_STAT", "1");
        log.set_env("TZ", "UTC");
    }

    /// From now on it runs so many seconds ahead of the machine's; behind it, if negative.
    pub fn ahead(&self, seconds: i64) {
        self.set(&format!("{seconds:+}"));
    }

    /// From now on it stands still.
    ///
    /// # Panics
    /// If there is no `date`.
    pub fn freeze(&self) {
        let now = Command::new("date").args(["-u", "+%Y-%m-%d %H:%M:%S"]).output().expect("a date");
        self.set(String::from_utf8_lossy(&now.stdout).trim_end());
    }

    // In one step: a reader that finds half a file takes it for another time.
    fn set(&self, text: &str) {
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{text}\n")).expect("the clock's file");
        fs::rename(&new, &self.file).expect("the clock's file");
    }
}
