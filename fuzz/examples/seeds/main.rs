//! Writes the seed corpora, `corpus/<target>/<name>`, from the vectors of the protocol:
//! `cargo run --example seeds` in this folder. They are few and small on purpose; runs grow their own from them. Other
//! files in those folders stay as they are.

mod bundles;
mod clients;
mod notes;
mod servers;
mod timestamps;
mod tokens;
mod trees;
mod witnesses;

use std::{fs, io, path::Path};

use treering_tlog::hash::sha256;

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (target, seeds) in [
        ("note", notes::notes()),
        ("checkpoint", notes::checkpoints()),
        ("vkey", notes::vkeys()),
        ("policy", notes::policies()),
        ("tlog_proof", notes::proofs()),
        ("witness_request", notes::witness_messages()),
        ("tile_path", trees::tile_paths()),
        ("entry_bundle", trees::entry_bundles()),
        ("tree", trees::trees()),
        ("ed25519_differential", trees::signatures()),
        ("entry", tokens::entries()),
        ("claim", tokens::claims()),
        ("token", tokens::tokens()),
        ("token_extra", tokens::extras()),
        ("verify_token", tokens::forgeries()),
        ("bundle", bundles::bundles()),
        ("tsa_query", timestamps::queries()),
        ("tsa_reply", timestamps::refusals()),
        ("witness_list", witnesses::lists()),
        ("evidence_file", witnesses::evidence()),
        ("mirror_message", witnesses::mirror_messages()),
        ("cbor_differential", [tokens::entries(), tokens::claims(), witnesses::evidence()].concat()),
        ("digest_list", clients::lists()),
        ("claims_table", clients::tables()),
        ("pins", clients::pins()),
        ("settings", clients::settings()),
        ("client_state", clients::states()),
        ("log_answer", clients::answers()),
        ("submission_body", servers::bodies()),
        ("log_config", servers::configs()),
        ("log_record", servers::records()),
        ("api_keys", servers::api_keys()),
        ("monitor_state", witnesses::states()),
        ("witness_record", witnesses::records()),
        ("witness_config", witnesses::configs()),
    ] {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        for (name, bytes) in seeds {
            fs::write(folder.join(name.replace([' ', '\'', ','], "_")), bytes)?;
        }
    }
    Ok(())
}

/// Names, and what is in the files.
type Seeds = Vec<(String, Vec<u8>)>;

/// Bytes without a pattern that depend on nothing but `kind`.
fn change_bytes(kind: u8, count: usize) -> Vec<u8> {
    (0_u8..).flat_map(|block| *sha256(&[kind, block]).as_bytes()).take(count).collect()
}

fn seed(name: &str, bytes: impl AsRef<[u8]>) -> (String, Vec<u8>) {
    (name.to_owned(), bytes.as_ref().to_vec())
}

/// Behind a byte that says how it is to be read.
fn marked(kind: u8, name: &str, bytes: impl AsRef<[u8]>) -> (String, Vec<u8>) {
    seed(name, [&[kind], bytes.as_ref()].concat())
}
