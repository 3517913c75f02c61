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

// The witness's own files, by links in this folder: as a crate it would bring its network and its store with it.
pub mod config;
mod cosigner;
#[expect(unused_imports, reason = "its monitor needs more of it")]
pub mod evidence;
pub mod logs;
pub mod mirror;
#[expect(dead_code, unreachable_pub, reason = "the monitor saves and loads as well")]
mod monitor;
pub mod store;

mod bundles;
mod clients;
mod configs;
mod notes;
mod others;
mod policies;
mod servers;
mod tiles;
mod timestamps;
mod tokens;
mod trees;
mod verify;
mod witnesses;

pub use bundles::bundle;
pub use clients::{claims_table, client_state, digest_list, log_answer, pins, settings};
pub use configs::witness_config;
pub use monitor::monitor_state;
pub use notes::{checkpoint, note, tlog_proof, vkey, witness_request};
pub use others::{cbor_differential, ed25519_differential};
pub use policies::policy;
pub use servers::{api_keys, log_config, log_record, submission_body};
pub use store::witness_record;
pub use tiles::{entry_bundle, tile_path};
pub use timestamps::{tsa_query, tsa_reply};
pub use tokens::{claim, entry, token, token_extra};
pub use trees::tree;
pub use verify::verify_token;
pub use witnesses::{evidence_file, mirror_message, witness_list};

/// A fuzz target: its name and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 35] = [
    ("api_keys", api_keys),
    ("bundle", bundle),
    ("cbor_differential", cbor_differential),
    ("checkpoint", checkpoint),
    ("claim", claim),
    ("claims_table", claims_table),
    ("client_state", client_state),
    ("digest_list", digest_list),
    ("ed25519_differential", ed25519_differential),
    ("entry", entry),
    ("entry_bundle", entry_bundle),
    ("evidence_file", evidence_file),
    ("log_answer", log_answer),
    ("log_config", log_config),
    ("log_record", log_record),
    ("mirror_message", mirror_message),
    ("monitor_state", monitor_state),
    ("note", note),
    ("pins", pins),
    ("policy", policy),
    ("settings", settings),
    ("submission_body", submission_body),
    ("tile_path", tile_path),
    ("tlog_proof", tlog_proof),
    ("token", token),
    ("token_extra", token_extra),
    ("tree", tree),
    ("tsa_query", tsa_query),
    ("tsa_reply", tsa_reply),
    ("verify_token", verify_token),
    ("vkey", vkey),
    ("witness_config", witness_config),
    ("witness_list", witness_list),
    ("witness_record", witness_record),
    ("witness_request", witness_request),
];
