//! The worked examples of `spec/vectors`, which seeds are made of.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;
use treering_tlog::proof::TlogProof;

/// `spec/vectors/token.json`
pub static TOKENS: LazyLock<Tokens> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../spec/vectors/token.json"))
        .expect("the vectors are JSON of this shape")
});

/// `spec/vectors/notes.json`
pub static NOTES: LazyLock<Notes> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../spec/vectors/notes.json"))
        .expect("the vectors are JSON of this shape")
});

/// Tokens that verify, and tokens that don't.
#[derive(Debug, Deserialize)]
pub struct Tokens {
    /// By name.
    pub policies: BTreeMap<String, String>,
    /// These verify.
    pub good: Vec<Case>,
    /// These don't.
    pub bad: Vec<Case>,
}

impl Tokens {
    /// The good case of this name.
    ///
    /// # Panics
    /// There is none.
    pub fn case(&self, name: &str) -> &Case {
        self.good.iter().find(|case| case.name == name).expect("a case that the vectors have")
    }
}

/// One token, or several where one renews the other.
#[derive(Debug, Deserialize)]
pub struct Case {
    /// What is special about it.
    pub name: String,
    /// The name of its policy.
    pub policy: String,
    /// The verifier's clock, in seconds.
    pub now: u64,
    /// Newest first.
    pub tokens: Vec<String>,
    /// In hex: what the oldest token is of.
    pub file: Option<String>,
    /// In hex: what a receipt is of.
    pub root: Option<String>,
}

impl Case {
    /// The newest token's log half.
    ///
    /// # Panics
    /// It has none.
    pub fn proof(&self) -> TlogProof {
        TlogProof::parse(self.tokens[0].as_bytes()).expect("a tlog-proof")
    }
}

/// A log's checkpoints, and notes that are none.
#[derive(Debug, Deserialize)]
pub struct Notes {
    /// The log's seed is its SHA-256.
    pub log_seed_text: String,
    /// Of the log.
    pub log_vkey: String,
    /// Of a witness, Ed25519.
    pub witness_vkey: String,
    /// Of a witness, ML-DSA-44.
    pub mldsa_witness_vkey: String,
    /// Of several sizes.
    pub checkpoints: Vec<Checkpoint>,
    /// Not to be opened.
    pub rejected: Vec<Rejected>,
}

/// A checkpoint in several forms.
#[derive(Debug, Deserialize)]
pub struct Checkpoint {
    /// With the log's line.
    pub signed: String,
    /// With witnesses' lines.
    pub cosigned: String,
    /// The proof of an entry that leads to it.
    pub tlog_proof: String,
}

/// What is wrong, and the note.
#[derive(Debug, Deserialize)]
pub struct Rejected {
    /// In words.
    pub why: String,
    /// The note.
    pub note_base64: String,
}
