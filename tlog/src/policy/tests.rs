//! Policies: each refusal, the quorum against a second evaluator, and opening checkpoints.

mod distrust;
mod open;
mod parse;
mod print;
mod quorum;
mod random;
mod words;

use super::Policy;
use crate::{
    cosignature::CosignerKey,
    note::{KeyName, SigningKey},
};

fn name(text: &str) -> KeyName {
    KeyName::new(text).unwrap()
}

fn log(seed: u8) -> SigningKey {
    SigningKey::from_seed(name("example.com/log"), &[seed; 32])
}

/// An Ed25519 witness: of the key name `w<seed>.example`.
fn witness(seed: u8) -> CosignerKey {
    CosignerKey::ed25519(name(&format!("w{seed}.example")), &[seed; 32])
}

fn log_line(seed: u8) -> String {
    format!("log {}\n", log(seed).verifier())
}

/// `witness w<seed> <vkey>`.
fn witness_line(seed: u8) -> String {
    format!("witness w{seed} {}\n", witness(seed).verifier())
}

/// A log, witnesses w1 to w`count`, and these lines.
fn with_witnesses(count: u8, lines: &str) -> String {
    let witnesses: String = (1..=count).map(witness_line).collect();
    format!("{}{witnesses}{lines}", log_line(1))
}

fn policy(text: &str) -> Policy {
    Policy::parse(text.as_bytes()).unwrap()
}
