//! Notes and what is made of them: checkpoints, keys, policies, proofs, a witness's messages.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use treering_fuzz::vectors::{NOTES, TOKENS};
use treering_tlog::{
    cosignature::CosignerKey,
    hash::{Hash, sha256},
    note::{KeyName, Note, SigningKey},
    tree::{Subtree, TreeSize},
    witness::{AddCheckpoint, SignSubtree, print_conflict, print_signatures},
};

use crate::{Seeds, seed};

pub(crate) fn notes() -> Seeds {
    let mut seeds = vec![("cosigned".to_owned(), NOTES.checkpoints[3].cosigned.clone().into_bytes())];
    for rejected in &NOTES.rejected[5..9] {
        seeds.push((rejected.why.clone(), STANDARD.decode(&rejected.note_base64).expect("base64")));
    }
    // The text may hold empty lines: the last one counts.
    seeds.push(("empty_lines".to_owned(), format!("\n\n{}", NOTES.checkpoints[0].signed).into_bytes()));
    seeds
}

pub(crate) fn checkpoints() -> Seeds {
    let text = note(&NOTES.checkpoints[2].signed).text().to_owned();
    vec![
        seed("plain", &text),
        seed("extensions", format!("{text}an extension\n\u{1f333}\n")),
        seed("empty", format!("a log with spaces\n0\n{}\n", Hash::EMPTY_ROOT.to_base64())),
        seed("size_0_with_another_root", format!("log\n0\n{}\n", sha256(b"").to_base64().replace('4', "5"))),
    ]
}

pub(crate) fn vkeys() -> Seeds {
    let name = || KeyName::new("a.example").expect("a name");
    vec![
        seed("log", &NOTES.log_vkey),
        seed("witness_ed25519", &NOTES.witness_vkey),
        seed("witness_ml_dsa_44", &NOTES.mldsa_witness_vkey),
        // Secrets of nobody.
        seed("private_log", SigningKey::from_seed(name(), &[1; 32]).to_private_text().as_bytes()),
        seed("private_ml_dsa_44", CosignerKey::ml_dsa_44(name(), &[2; 32]).to_private_text().as_bytes()),
    ]
}

pub(crate) fn policies() -> Seeds {
    let two = &TOKENS.policies["two of three"];
    let nested =
        two.replace("group ", "# a comment\n\n group\tinner any W1\ngroup ").replace(" 2 W1", " 2 inner");
    let names = ["both keys", "none", "one witness", "two of three"];
    let mut seeds: Seeds = names.iter().map(|name| seed(name, &TOKENS.policies[*name])).collect();
    seeds.push(seed("nested", nested));
    seeds
}

pub(crate) fn proofs() -> Seeds {
    vec![
        seed("of_size_1", &NOTES.checkpoints[0].tlog_proof),
        seed("of_a_large_tree", &NOTES.checkpoints[6].tlog_proof),
        seed("token", &TOKENS.case("plain").tokens[0]),
    ]
}

pub(crate) fn witness_messages() -> Seeds {
    let checkpoint = note(&NOTES.checkpoints[3].cosigned);
    let signatures = print_signatures(checkpoint.signatures());
    let request = |old, proof: Vec<Hash>| {
        AddCheckpoint { old, proof, checkpoint: note(&NOTES.checkpoints[0].signed) }.to_string()
    };
    let subtree = SignSubtree {
        subtree: Subtree::new(8, 13).expect("a subtree"),
        hash: sha256(b"subtree"),
        proof: vec![sha256(b"a")],
        checkpoint,
    };
    let subtree = subtree.to_string();
    vec![
        seed("first", request(TreeSize::ZERO, Vec::new())),
        seed("later", request(TreeSize::MAX, vec![sha256(b"a"), sha256(b"b")])),
        seed("subtree", subtree),
        seed("conflict", print_conflict(TreeSize::MAX)),
        seed("signatures", signatures),
    ]
}

fn note(text: &str) -> Note {
    Note::parse(text.as_bytes()).expect("a note")
}
