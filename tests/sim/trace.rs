//! What happened, as one number, so that two runs can be compared; and its end in words, for whoever has to find out why.

use std::{collections::VecDeque, sync::Mutex};
use treering_tlog::hash::{Hash, sha256};

/// So many events are kept in words.
const KEPT: usize = 60;

#[derive(Debug)]
pub(crate) struct Trace(Mutex<Kept>);

#[derive(Debug)]
struct Kept {
    hash: Hash,
    /// Bytes that are not in `hash` yet.
    open: Vec<u8>,
    last: VecDeque<String>,
    aloud: bool,
}

impl Trace {
    pub(crate) fn new() -> Trace {
        let aloud = std::env::var_os("TREERING_SIM_TRACE").is_some();
        Trace(Mutex::new(Kept { hash: sha256(b""), open: Vec::new(), last: VecDeque::new(), aloud }))
    }

    /// A step of the schedule.
    pub(crate) fn step(&self, task: u64, millis: u64) {
        let mut kept = self.0.lock().unwrap();
        kept.open.extend_from_slice(&task.to_be_bytes());
        kept.open.extend_from_slice(&millis.to_be_bytes());
        kept.fold();
    }

    /// Something worth telling.
    pub(crate) fn event(&self, text: String) {
        let mut kept = self.0.lock().unwrap();
        kept.open.extend_from_slice(text.as_bytes());
        kept.fold();
        if kept.aloud {
            println!("{text}");
        }
        if kept.last.len() == KEPT {
            kept.last.pop_front();
        }
        kept.last.push_back(text);
    }

    /// Bytes that somebody gave out: with these two runs are the same bit for bit, and not only step by step.
    pub(crate) fn given(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap();
        kept.open.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        kept.open.extend_from_slice(bytes);
        kept.fold();
    }

    /// A hash over everything up to now.
    pub(crate) fn hash(&self) -> Hash {
        let kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        sha256(&[kept.hash.as_bytes(), &kept.open[..]].concat())
    }

    /// The last events in words.
    pub(crate) fn tail(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.last.iter().map(|line| format!("  {line}\n")).collect()
    }
}

impl Kept {
    fn fold(&mut self) {
        if self.open.len() >= 4096 {
            self.hash = sha256(&[self.hash.as_bytes(), &self.open[..]].concat());
            self.open.clear();
        }
    }
}
