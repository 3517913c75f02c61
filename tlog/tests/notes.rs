//! The shared vectors of notes, checkpoints, cosignatures and tlog-proofs (`spec/vectors/notes.json`), which other
//! implementations made: each is verified, printed, and made again from its seeds.
#![expect(clippy::unwrap_used, reason = "a vector that cannot be read fails the test")]

use serde::Deserialize;
use treering_tlog::{
    checkpoint::{Checkpoint, Origin, VerifiedCheckpoint},
    cosignature::{self, CosignerKey},
    hash::{Hash, sha256},
    note::{KeyName, Note, SigningKey, VerifierKey},
    policy::Policy,
    proof::TlogProof,
    time::UnixSeconds,
    witness::{parse_signatures, print_signatures},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    #[serde(rename = "about")]
    _about: String,
    log_seed_text: String,
    log_vkey: String,
    witness_seed_text: String,
    witness_vkey: String,
    mldsa_witness_seed_text: String,
    mldsa_witness_vkey: String,
    checkpoints: Vec<Signed>,
    rejected: Vec<Rejected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    size: u64,
    root: String,
    signed: String,
    cosigned: String,
    tlog_proof: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rejected {
    why: String,
    note_base64: String,
}

impl Vectors {
    fn read() -> Vectors {
        let vectors: Vectors = serde_json::from_str(include_str!("../../spec/vectors/notes.json")).unwrap();
        assert!(!vectors.checkpoints.is_empty() && !vectors.rejected.is_empty());
        vectors
    }

    fn log_key(&self) -> VerifierKey {
        VerifierKey::parse(&self.log_vkey).unwrap()
    }

    /// Both witnesses are wanted.
    fn policy(&self) -> Policy {
        let text = format!(
            "log {}\nwitness ed25519 {}\nwitness mldsa {}\ngroup both all ed25519 mldsa\nquorum both\n",
            self.log_vkey, self.witness_vkey, self.mldsa_witness_vkey
        );
        Policy::parse(text.as_bytes()).unwrap()
    }
}

/// Every seed is SHA-256 of a text.
fn seed(text: &str) -> [u8; 32] {
    *sha256(text.as_bytes()).as_bytes()
}

fn name_in(vkey: &str) -> KeyName {
    KeyName::new(vkey.split('+').next().unwrap()).unwrap()
}

fn origin() -> Origin {
    Origin::new("vectors.example/log").unwrap()
}

#[test]
fn seeds_make_the_keys_and_keys_print_as_they_were() {
    let vectors = Vectors::read();
    let log = SigningKey::from_seed(name_in(&vectors.log_vkey), &seed(&vectors.log_seed_text));
    assert_eq!(log.verifier().to_string(), vectors.log_vkey);
    let witness = CosignerKey::ed25519(name_in(&vectors.witness_vkey), &seed(&vectors.witness_seed_text));
    assert_eq!(witness.verifier().to_string(), vectors.witness_vkey);
    let mldsa =
        CosignerKey::ml_dsa_44(name_in(&vectors.mldsa_witness_vkey), &seed(&vectors.mldsa_witness_seed_text));
    assert_eq!(mldsa.verifier().to_string(), vectors.mldsa_witness_vkey);
    for vkey in [&vectors.log_vkey, &vectors.witness_vkey, &vectors.mldsa_witness_vkey] {
        assert_eq!(&VerifierKey::parse(vkey).unwrap().to_string(), vkey);
    }
}

#[test]
fn signed_checkpoints_open_and_are_made_again() {
    let vectors = Vectors::read();
    let log = SigningKey::from_seed(name_in(&vectors.log_vkey), &seed(&vectors.log_seed_text));
    for vector in &vectors.checkpoints {
        let note = Note::parse(vector.signed.as_bytes()).unwrap();
        assert_eq!(note.to_string(), vector.signed);
        let opened = VerifiedCheckpoint::open(note, &origin(), &[vectors.log_key()]).unwrap();
        assert_eq!(opened.head().size.get(), vector.size);
        assert_eq!(Some(opened.head().root), Hash::from_hex(&vector.root));
        assert_eq!(opened.log_signatures().len(), 1);
        let body = Checkpoint { origin: origin(), head: opened.head(), extensions: vec![] };
        assert_eq!(body.sign(&log).to_string(), vector.signed);
    }
}

#[test]
fn cosigned_checkpoints_meet_the_policy_at_their_time() {
    let vectors = Vectors::read();
    let policy = vectors.policy();
    for vector in &vectors.checkpoints {
        let note = Note::parse(vector.cosigned.as_bytes()).unwrap();
        assert_eq!(note.to_string(), vector.cosigned);
        let opened = policy.open(note).unwrap();
        assert_eq!(opened.cosigned.iter().map(|by| by.witness).collect::<Vec<_>>(), [0, 1]);
        assert!(opened.cosigned.iter().all(|by| by.time == UnixSeconds::new(0x6b02_7471).unwrap()));
        assert_eq!(
            policy.upper_bound(&opened.cosigned).map(|bound| bound.time),
            UnixSeconds::new(0x6b02_7471)
        );
    }
}

/// Ed25519 has one signature for each message. The ML-DSA signatures of the vectors were made with randomness, ours
/// are made without: they differ, and both verify.
#[test]
fn cosignatures_are_made_again() {
    let vectors = Vectors::read();
    let ed25519 = CosignerKey::ed25519(name_in(&vectors.witness_vkey), &seed(&vectors.witness_seed_text));
    let mldsa =
        CosignerKey::ml_dsa_44(name_in(&vectors.mldsa_witness_vkey), &seed(&vectors.mldsa_witness_seed_text));
    for vector in &vectors.checkpoints {
        let note = Note::parse(vector.cosigned.as_bytes()).unwrap();
        let checkpoint = Checkpoint::parse(note.text()).unwrap();
        let [_, by_ed25519, by_mldsa] = note.signatures() else {
            panic!("three lines: log and two witnesses")
        };
        let time = cosignature::verify(&ed25519.verifier(), &checkpoint, by_ed25519).unwrap();
        assert_eq!(cosignature::claimed_time(&ed25519.verifier(), by_ed25519), Some(time));
        assert_eq!(ed25519.cosign(&checkpoint, time).unwrap().to_string(), by_ed25519.to_string());

        assert_eq!(cosignature::verify(&mldsa.verifier(), &checkpoint, by_mldsa), Ok(time));
        let again = mldsa.cosign(&checkpoint, time).unwrap();
        assert_eq!(mldsa.cosign(&checkpoint, time).unwrap(), again);
        assert_eq!(cosignature::verify(&mldsa.verifier(), &checkpoint, &again), Ok(time));
    }
}

/// What a witness answers is lines of a note, alone.
#[test]
fn answers_of_witnesses_print_as_they_were() {
    for vector in Vectors::read().checkpoints {
        let note = Note::parse(vector.cosigned.as_bytes()).unwrap();
        let lines = print_signatures(&note.signatures()[1..]);
        assert!(vector.cosigned.ends_with(&lines));
        assert_eq!(parse_signatures(lines.as_bytes()).unwrap(), note.signatures()[1..]);
    }
}

#[test]
fn tlog_proofs_print_as_they_were() {
    for vector in Vectors::read().checkpoints {
        let proof = TlogProof::parse(vector.tlog_proof.as_bytes()).unwrap();
        assert_eq!(proof.to_string(), vector.tlog_proof);
        assert_eq!(proof.extra, Some(format!("extra for {}", vector.size).into_bytes()));
        assert_eq!(proof.index, vector.size / 2);
        assert_eq!(proof.checkpoint.to_string(), vector.cosigned);
    }
}

#[test]
fn rejected_notes_yield_no_verified_checkpoint() {
    let vectors = Vectors::read();
    let policy = vectors.policy();
    for Rejected { why, note_base64 } in &vectors.rejected {
        let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, note_base64).unwrap();
        let Ok(note) = Note::parse(&bytes) else { continue };
        // Also if somebody asked for the very origin that the note claims.
        let claimed =
            Checkpoint::parse(note.text()).map_or_else(|_| origin(), |checkpoint| checkpoint.origin);
        for origin in [origin(), claimed] {
            let opened = VerifiedCheckpoint::open(note.clone(), &origin, &[vectors.log_key()]);
            assert!(opened.is_err(), "{why}");
        }
        assert!(policy.open(note).is_err(), "{why}");
    }
}

#[test]
fn no_changed_byte_of_a_cosigned_checkpoint_verifies_as_more() {
    let vectors = Vectors::read();
    let policy = vectors.policy();
    let vector = &vectors.checkpoints[0];
    let whole = policy.open(Note::parse(vector.cosigned.as_bytes()).unwrap()).unwrap();
    let body = vector.signed.len();
    let mut strangers = 0;
    for at in 0..vector.cosigned.len() {
        let mut bytes = vector.cosigned.clone().into_bytes();
        bytes[at] ^= 1;
        let Ok(note) = Note::parse(&bytes) else { continue };
        let Ok(opened) = policy.open(note) else { continue };
        // A witness that became a stranger by its name or key ID.
        assert!(at >= body, "byte {at}");
        assert_eq!(opened.checkpoint.checkpoint(), whole.checkpoint.checkpoint());
        assert_eq!(opened.cosigned.len(), 1, "byte {at}");
        assert!(!policy.is_met(&[opened.cosigned[0].witness]));
        strangers += 1;
    }
    assert!(strangers > 0, "no name and no key ID was changed");
}

/// The lines by Ed25519 are short: every bit of them, and of the body.
#[test]
fn no_changed_bit_of_a_body_or_of_the_logs_signature_verifies() {
    let vectors = Vectors::read();
    let signed = vectors.checkpoints[0].signed.as_bytes();
    for at in 0..signed.len() {
        for bit in 0..8 {
            let mut bytes = signed.to_vec();
            bytes[at] ^= 1 << bit;
            let Ok(note) = Note::parse(&bytes) else { continue };
            let opened = VerifiedCheckpoint::open(note, &origin(), &[vectors.log_key()]);
            assert!(opened.is_err(), "bit {bit} of byte {at}");
        }
    }
}
