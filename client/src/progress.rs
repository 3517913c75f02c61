//! A line on the terminal that says how far a long run is. Nothing is drawn where there is no terminal.

use indicatif::{HumanBytes, HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

/// So often, at most, is told how far it is.
const EVERY: Duration = Duration::from_secs(1);

/// Files and bytes so far.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    verb: &'static str,
    files: u64,
    bytes: u64,
    /// How many files there are, if that is known.
    total: Option<u64>,
    begun: Instant,
    told: Instant,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Far {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) seconds: f64,
    pub(crate) total: Option<u64>,
}

impl Far {
    /// At the rate so far, if it is known how many there are.
    pub(crate) fn seconds_left(&self) -> Option<u64> {
        let left = self.total?.saturating_sub(self.files);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an estimate, and nothing in it is negative"
        )]
        let seconds = (left as f64 * self.seconds / self.files.max(1) as f64).round() as u64;
        Some(seconds)
    }
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
        let now = Instant::now();
        Progress { bar, verb, files: 0, bytes: 0, total: None, begun: now, told: now }
    }

    pub(crate) fn file(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
        // Formatting costs more than looking at a small file.
        if !self.bar.is_hidden() && self.files.is_multiple_of(64) {
            self.show();
        }
    }

    /// Is there somebody who sees it?
    pub(crate) fn is_shown(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// So many files are still to come.
    pub(crate) fn left(&mut self, files: u64) {
        self.total = Some(self.files + files);
    }

    /// How far it is, if that wasn't asked for a second.
    pub(crate) fn far(&mut self) -> Option<Far> {
        if self.told.elapsed() < EVERY {
            return None;
        }
        self.told = Instant::now();
        Some(self.now())
    }

    fn now(&self) -> Far {
        let seconds = self.begun.elapsed().as_secs_f64();
        Far { files: self.files, bytes: self.bytes, seconds, total: self.total }
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
        let (far, seconds) = (self.now(), self.begun.elapsed().as_secs().max(1));
        let of = far.total.filter(|total| *total >= self.files);
        let of = of.map_or_else(String::new, |total| format!(" of {}", HumanCount(total)));
        let left = far.seconds_left().filter(|_| !of.is_empty());
        let left = left
            .map_or_else(String::new, |left| format!(", {} left", HumanDuration(Duration::from_secs(left))));
        self.bar.set_message(format!(
            "{}{of} files {}, {} ({} files/s, {}/s){left}",
            HumanCount(self.files),
            self.verb,
            HumanBytes(self.bytes),
            HumanCount(self.files / seconds),
            HumanBytes(self.bytes / seconds)
        ));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_the_rate() {
        let far = Far { files: 250, bytes: 0, seconds: 10.0, total: Some(1000) };
        assert_eq!(far.seconds_left(), Some(30));
        assert_eq!(Far { total: None, ..far }.seconds_left(), None);
        assert_eq!(
            Far { total: Some(200), ..far }.seconds_left(),
            Some(0),
            "more were found than were counted"
        );
        assert_eq!(Far { files: 0, ..far }.seconds_left(), Some(10_000));
    }
}
