//! `vkey`: the log's verifier key, which readers put in their policy. While the key changes there are two, the old one
//! first.

use super::{Outcome, Place};
use crate::{keys::LogKeys, signer::Signer};

pub(super) fn run(place: &Place) -> anyhow::Result<Outcome> {
    let config = place.load()?;
    for key in LogKeys::load(&config)?.verifiers() {
        println!("{key}");
    }
    Ok(Outcome::Well)
}
