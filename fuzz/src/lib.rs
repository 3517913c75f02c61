//! What every parser of foreign bytes is held to, one function a fuzz target.
//!
//! - It never panics, whatever it is given.
//! - What it accepts prints back to the very bytes that it was given, and reads again as an equal value.
//! - What can be written can be read.
//! - It allocates in proportion to its input ([`meter`]).
//!
//! Where there is a second way to the same answer (a policy's quorum, the proofs of a tree, a root), both are taken.
//! The functions are plain ones, so that the committed seeds are tests as well: `cargo test` in this folder.

pub mod meter;
pub mod vectors;

mod bundles;
mod notes;
mod policies;
mod tiles;
mod timestamps;
mod tokens;
mod trees;
mod verify;

pub use bundles::bundle;
pub use notes::{checkpoint, note, tlog_proof, vkey, witness_request};
pub use policies::policy;
pub use tiles::{entry_bundle, tile_path};
pub use timestamps::{tsa_query, tsa_reply};
pub use tokens::{claim, entry, token, token_extra};
pub use trees::tree;
pub use verify::verify_token;

/// A fuzz target: its name and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 17] = [
    ("bundle", bundle),
    ("checkpoint", checkpoint),
    ("claim", claim),
    ("entry", entry),
    ("entry_bundle", entry_bundle),
    ("note", note),
    ("policy", policy),
    ("tile_path", tile_path),
    ("tlog_proof", tlog_proof),
    ("token", token),
    ("token_extra", token_extra),
    ("tree", tree),
    ("tsa_query", tsa_query),
    ("tsa_reply", tsa_reply),
    ("verify_token", verify_token),
    ("vkey", vkey),
    ("witness_request", witness_request),
];
