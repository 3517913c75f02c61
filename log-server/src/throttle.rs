//! Lines of the operator's log that whoever asks can bring about: one of them now and then, with the number of those that were
//! left out.
//!
//! They may go to a file on the disk that the store is on: a flood of requests must not fill it.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Lets one line through in each period.
#[derive(Debug)]
pub(crate) struct Throttle {
    period: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    left_out: u64,
}

impl Throttle {
    pub(crate) fn new(period: Duration) -> Throttle {
        Throttle { period, state: Mutex::default() }
    }

    /// If it is time for a line: how many were left out since the one before it.
    pub(crate) fn turn(&self) -> Option<u64> {
        self.turn_at(Instant::now())
    }

    fn turn_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| now.saturating_duration_since(last) < self.period) {
            state.left_out += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.left_out))
    }
}

/// What is logged on a test's own thread.
#[cfg(test)]
pub(crate) mod lines {
    use std::{
        io,
        sync::{Arc, Mutex},
    };
    use tracing::subscriber::{DefaultGuard, set_default};

    /// The lines since it began.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Lines {
        /// Until the guard is dropped.
        pub(crate) fn begin() -> (Lines, DefaultGuard) {
            let lines = Lines::default();
            let writer = lines.clone();
            let subscriber =
                tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
            (lines, set_default(subscriber))
        }

        /// Those that say this.
        pub(crate) fn that_say(&self, what: &str) -> Vec<String> {
            let bytes = self.0.lock().unwrap().clone();
            let text = String::from_utf8(bytes).unwrap();
            text.lines().filter(|line| line.contains(what)).map(str::to_owned).collect()
        }
    }

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_period_says_how_many_were_left_out() {
        let throttle = Throttle::new(Duration::from_secs(1));
        let begun = Instant::now();
        let at = |millis| throttle.turn_at(begun + Duration::from_millis(millis));
        assert_eq!(at(0), Some(0));
        for millis in 0..1000 {
            assert_eq!(at(millis), None);
        }
        assert_eq!(at(1000), Some(1000));
        assert_eq!(at(1999), None);
        assert_eq!(at(60_000), Some(1));
        assert_eq!(at(61_000), Some(0));
    }
}
