//! A line on the terminal that says how far a long run is. Nothing is drawn where there is no terminal.

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{io::IsTerminal, time::Duration};

/// Files and bytes so far.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    verb: &'static str,
    files: u64,
    bytes: u64,
}

impl Progress {
    /// `shown` is what the user asked for; without a terminal on standard error nothing is drawn anyway.
    pub(crate) fn new(shown: bool, verb: &'static str) -> Progress {
        let shown = shown && std::io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
            bar.set_style(style);
        }
        if shown {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Progress { bar, verb, files: 0, bytes: 0 }
    }

    pub(crate) fn file(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
        // Formatting costs more than looking at a small file.
        if !self.bar.is_hidden() && self.files.is_multiple_of(64) {
            self.show();
        }
    }

    /// What is waited for, once the files are done.
    pub(crate) fn waiting(&self, what: &'static str) {
        self.bar.set_message(what);
    }

    /// Runs `print` with the line out of the way.
    pub(crate) fn suspend<R>(&self, print: impl FnOnce() -> R) -> R {
        self.bar.suspend(print)
    }

    fn show(&self) {
        let seconds = self.bar.elapsed().as_secs().max(1);
        self.bar.set_message(format!(
            "{} files {}, {} ({}/s)",
            HumanCount(self.files),
            self.verb,
            HumanBytes(self.bytes),
            HumanBytes(self.bytes / seconds)
        ));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
