//! Waiting for an event, never for a time.

use std::{thread, time::Duration};

/// Looks so often, with a pause in between: a minute, which only a failure takes.
const TRIES: u32 = 6000;
const PAUSE: Duration = Duration::from_millis(10);

/// Looks until there is something to be seen.
///
/// # Panics
/// If it never comes; `what` says what was waited for.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..TRIES {
        if let Some(seen) = look() {
            return seen;
        }
        thread::sleep(PAUSE);
    }
    panic!("waited for this in vain: {what}");
}

/// The pause of a load between two requests: a rate, not a synchronisation.
pub fn pace(pause: Duration) {
    thread::sleep(pause);
}
