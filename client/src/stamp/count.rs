//! How many files there are, for the time that is left: a second walk that looks at nothing but names, on a thread of its own.
//! It begins only when a run has lasted a while, so that a short one doesn't pay for it, and is given up when the run ends.

use crate::walk::{Found, Root, Rules, Walk};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// So long a run has lasted before it is worth it.
const LATER: Duration = Duration::from_secs(2);
/// How often it is seen that nobody waits any more.
const LOOK: Duration = Duration::from_millis(50);
/// Not counted yet.
const UNKNOWN: u64 = u64::MAX;

/// A count under way.
#[derive(Debug)]
pub(super) struct Counter {
    counted: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
}

impl Counter {
    /// Will count what a walk of these roots finds.
    pub(super) fn start(roots: Vec<Root>, rules: Rules) -> Counter {
        let (counted, ended) = (Arc::new(AtomicU64::new(UNKNOWN)), Arc::new(AtomicBool::new(false)));
        let (tell, is_over) = (Arc::clone(&counted), Arc::clone(&ended));
        let count = move || {
            let begun = Instant::now();
            while begun.elapsed() < LATER {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                std::thread::sleep(LOOK);
            }
            let mut files = 0;
            for found in Walk::new(roots, rules) {
                files += u64::from(matches!(found, Found::File { .. } | Found::Link { .. }));
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
            }
            tell.store(files, Ordering::Relaxed);
        };
        // Without the thread, the time left isn't known: nothing else is lost.
        let _ = std::thread::Builder::new().spawn(count);
        Counter { counted, ended }
    }

    /// How many there are, the first time that it is known.
    pub(super) fn take(&self) -> Option<u64> {
        if self.counted.load(Ordering::Relaxed) == UNKNOWN {
            return None;
        }
        Some(self.counted.swap(UNKNOWN, Ordering::Relaxed)).filter(|files| *files != UNKNOWN)
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}
