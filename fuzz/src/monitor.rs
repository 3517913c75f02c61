//! The room of what the monitor keeps of a log, whose own files `monitor/state.rs` and `monitor/cosigners.rs` are.

use treering_tlog::{checkpoint::Origin, note::VerifierKey, time::UnixSeconds};

use crate::{meter::bounded, vectors::NOTES};

pub mod config;
mod cosigners;
mod state;

/// A log's state in the monitor's folder.
pub fn monitor_state(bytes: &[u8]) {
    let Ok(mut state) = bounded(bytes, || state::State::parse(bytes)) else { return };
    let printed = state.print().expect("what was read can be written");
    assert_eq!(state::State::parse(&printed).as_ref().ok(), Some(&state));
    let Some(head) = state.head.clone() else { return };
    let log = VerifierKey::parse(&NOTES.log_vkey).expect("a key");
    let origin = Origin::new(log.name().as_str()).expect("an origin");
    assert!(!state.is_of(&origin) || state.checked <= head.head().size.get());
    // Whatever the file says of a witness, another cosignature is taken over, and what is kept stays within its bounds.
    let key = VerifierKey::parse(&NOTES.witness_vkey).expect("a key");
    let time = UnixSeconds::new(1_763_786_462).expect("a time");
    let pair = state.cosigners.observe(&key, time, head.note());
    if let Some((small, large)) = pair {
        let size = |note| state::Kept::new(note).expect("a checkpoint was kept").head().size;
        assert!(size(small) < size(large));
    }
    let mut again = state.clone();
    again.cosigners.observe(&key, time, head.note());
    assert_eq!(again, state, "what is known already changes nothing");
}
