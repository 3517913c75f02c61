//! `vkey`: the log's verifier key, which readers put in their policy.

use super::{Outcome, Place};
use crate::key;

pub(super) fn run(place: &Place) -> anyhow::Result<Outcome> {
    let config = place.load()?;
    println!("{}", key::load(&config.key)?.verifier());
    Ok(Outcome::Well)
}
