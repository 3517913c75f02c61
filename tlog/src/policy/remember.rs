//! Checkpoints that were opened already: ten thousand tokens of one log mostly end in a few of them, and what takes time
//! in each is their signatures.
//!
//! The key is the note's exact bytes, so what is remembered is what opening it again would give. Only what was accepted is
//! kept.

use super::{Opened, Policy};
use crate::time::UnixSeconds;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Bytes of notes; what is made of them takes about as much again.
const MAX_BYTES: usize = 4_000_000;

/// Shared by the clones of a policy.
#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// By the time as of which it was judged.
    opened: HashMap<Option<UnixSeconds>, HashMap<String, Opened>>,
    bytes: usize,
}

impl Policy {
    /// This policy, which from now on remembers the checkpoints that it has opened, up to some megabytes.
    #[must_use]
    pub fn remembering(mut self) -> Policy {
        self.remembered = Some(Arc::default());
        self
    }
}

impl Remembered {
    pub(super) fn get(&self, note: &str, as_of: Option<UnixSeconds>) -> Option<Opened> {
        self.kept().opened.get(&as_of)?.get(note).cloned()
    }

    pub(super) fn keep(&self, note: String, as_of: Option<UnixSeconds>, opened: &Opened) {
        let mut kept = self.kept();
        if kept.bytes + note.len() > MAX_BYTES {
            *kept = Kept::default();
        }
        kept.bytes += note.len();
        kept.opened.entry(as_of).or_default().insert(note, opened.clone());
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Whoever panicked left a map that is whole: nothing in it is changed in two steps that matter.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
