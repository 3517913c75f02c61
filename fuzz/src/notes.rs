//! The texts of C2SP: notes, checkpoints, keys, proofs, the messages of witnesses.

use std::sync::LazyLock;

use treering_tlog::{
    checkpoint::{Checkpoint, CheckpointError, Origin, VerifiedCheckpoint},
    cosignature::{self, CosignerKey},
    note::{KeyName, Note, Signature, SigningKey, VerifierKey},
    proof::TlogProof,
    time::UnixSeconds,
    witness::{
        AddCheckpoint, SignSubtree, parse_conflict, parse_signatures, print_conflict, print_signatures,
    },
};

use crate::meter::bounded;

/// Signed notes.
pub fn note(bytes: &[u8]) {
    let read = if cfg!(feature = "broken") { up_to_its_end(bytes) } else { bytes };
    let Ok(note) = bounded(bytes, || Note::parse(read)) else { return };
    assert_eq!(note.to_string().as_bytes(), bytes);
    assert!(note.text().ends_with('\n'));
    assert_eq!(Note::new(note.text(), note.signatures().to_vec()).as_ref(), Ok(&note));
    for line in note.signatures() {
        assert_eq!(Signature::parse_line(&line.to_string()).as_ref(), Ok(line));
        assert!(!line.bytes().is_empty());
    }
    // Whoever reads the text as a checkpoint gets all of it.
    if let Ok(checkpoint) = Checkpoint::parse(note.text()) {
        assert_eq!(checkpoint.to_text(), note.text());
    }
}

/// As a reader has it that overlooks a last line without an end.
fn up_to_its_end(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    &bytes[..end]
}

/// Texts of checkpoints, which are then signed, cosigned and opened again.
pub fn checkpoint(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(checkpoint) = bounded(bytes, || Checkpoint::parse(text)) else { return };
    assert_eq!(checkpoint.to_text(), text);
    assert_eq!(Origin::new(checkpoint.origin.as_str()).as_ref(), Ok(&checkpoint.origin));
    let note = checkpoint.sign(&KEYS.log);
    assert_eq!(Note::parse(note.to_string().as_bytes()).as_ref(), Ok(&note));
    cosigned(&checkpoint);
    match VerifiedCheckpoint::open(note.clone(), &checkpoint.origin, &[KEYS.log.verifier()]) {
        Ok(opened) => assert_eq!(opened.checkpoint(), &checkpoint),
        Err(error) => {
            assert!(error == CheckpointError::EmptyRoot && checkpoint.head.size.is_zero(), "{error}");
        }
    }
    // The same lines under a text that differs in one place are forged.
    let forged = Note::new(&format!("{text}x\n"), note.signatures().to_vec()).expect("still a note");
    let opened = VerifiedCheckpoint::open(forged, &checkpoint.origin, &[KEYS.log.verifier()]);
    assert!(matches!(opened, Err(CheckpointError::Forged { .. })), "{opened:?}");
}

fn cosigned(checkpoint: &Checkpoint) {
    let time = UnixSeconds::new(checkpoint.head.size.get().max(1)).expect("a size is at most 2^63−1");
    let line = KEYS.witness.cosign(checkpoint, time).expect("the time is not 0");
    let key = KEYS.witness.verifier();
    assert_eq!(cosignature::verify(&key, checkpoint, &line), Ok(time));
    assert_eq!(cosignature::claimed_time(&key, &line), Some(time));
}

/// Verifier keys, and private keys in the same form.
pub fn vkey(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(key) = bounded(bytes, || VerifierKey::parse(text)) {
        assert_eq!(key.to_string(), text);
        let again = VerifierKey::new(key.name().clone(), key.kind(), key.public_bytes())
            .expect("the key's own parts");
        assert_eq!((again.id(), &again), (key.id(), &key));
    }
    if let Ok(key) = bounded(bytes, || SigningKey::parse(text)) {
        assert_eq!(key.to_private_text().as_str(), text);
        assert_eq!(VerifierKey::parse(&key.verifier().to_string()), Ok(key.verifier()));
    }
    if let Ok(key) = bounded(bytes, || CosignerKey::parse(text)) {
        assert_eq!(key.to_private_text().as_str(), text);
        assert_eq!(VerifierKey::parse(&key.verifier().to_string()), Ok(key.verifier()));
    }
}

/// Proofs of entries, whatever their extra data is.
pub fn tlog_proof(bytes: &[u8]) {
    let Ok(proof) = bounded(bytes, || TlogProof::parse(bytes)) else { return };
    let printed = proof.to_string();
    assert_eq!(printed.as_bytes(), bytes);
    assert_eq!(TlogProof::parse(printed.as_bytes()).as_ref(), Ok(&proof));
    assert!(proof.path.len() <= TlogProof::MAX_PATH);
    assert!(proof.extra.is_none_or(|extra| !extra.is_empty()));
}

/// Both requests of a log and both answers of a witness.
pub fn witness_request(bytes: &[u8]) {
    if let Ok(request) = bounded(bytes, || AddCheckpoint::parse(bytes)) {
        let printed = request.to_string();
        assert_eq!(printed.as_bytes(), bytes);
        assert_eq!(AddCheckpoint::parse(printed.as_bytes()).as_ref(), Ok(&request));
        assert!(bytes.len() <= AddCheckpoint::MAX_BYTES && request.proof.len() <= AddCheckpoint::MAX_PROOF);
    }
    if let Ok(request) = bounded(bytes, || SignSubtree::parse(bytes)) {
        let printed = request.to_string();
        assert_eq!(printed.as_bytes(), bytes);
        assert_eq!(SignSubtree::parse(printed.as_bytes()).as_ref(), Ok(&request));
        assert!(bytes.len() <= SignSubtree::MAX_BYTES && request.proof.len() <= SignSubtree::MAX_PROOF);
        assert!(request.subtree.start() < request.subtree.end());
    }
    if let Ok(size) = bounded(bytes, || parse_conflict(bytes)) {
        assert_eq!(print_conflict(size).as_bytes(), bytes);
    }
    if let Ok(lines) = bounded(bytes, || parse_signatures(bytes)) {
        assert_eq!(print_signatures(&lines).as_bytes(), bytes);
        assert!(!lines.is_empty());
    }
}

struct Keys {
    log: SigningKey,
    witness: CosignerKey,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let name = |name| KeyName::new(name).expect("a name");
    Keys {
        log: SigningKey::from_seed(name("log.example"), &[1; 32]),
        witness: CosignerKey::ed25519(name("witness.example"), &[2; 32]),
    }
});
