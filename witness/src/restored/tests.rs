use treering_tlog::{
    checkpoint::Checkpoint,
    cosignature::CosignerKey,
    hash::sha256,
    note::{KeyName, SigningKey},
    time::UnixSeconds,
    tree::{TreeHead, TreeSize},
};

use super::*;
use crate::key::create_key_file;

struct World {
    log: SigningKey,
    keys: WitnessKeys,
    signer: CosignerKey,
}

fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    create_key_file(&path, KeyName::new("witness.example").unwrap()).unwrap();
    let signer = CosignerKey::parse(std::fs::read_to_string(&path).unwrap().trim_end()).unwrap();
    let log = SigningKey::from_seed(KeyName::new("log.example").unwrap(), &[1; 32]);
    World { log, keys: WitnessKeys::load(&[path]).unwrap(), signer }
}

impl World {
    fn origin(&self) -> Origin {
        Origin::new("log.example").unwrap()
    }

    fn checkpoint(&self, size: u64, root: &str) -> Checkpoint {
        let head = TreeHead { size: TreeSize::new(size).unwrap(), root: sha256(root.as_bytes()) };
        Checkpoint { origin: self.origin(), head, extensions: Vec::new() }
    }

    fn note(&self, size: u64, root: &str, times: &[u64]) -> Note {
        let checkpoint = self.checkpoint(size, root);
        let mut signatures = vec![self.log.sign(&checkpoint.to_text())];
        let cosign = |time: &u64| self.signer.cosign(&checkpoint, UnixSeconds::new(*time).unwrap()).unwrap();
        signatures.extend(times.iter().map(cosign));
        Note::new(&checkpoint.to_text(), signatures).unwrap()
    }

    fn record(&self, size: u64, root: &str, time: u64) -> Record {
        Record::new(self.note(size, root, &[time]), UnixSeconds::new(time).unwrap()).unwrap()
    }

    fn judge(&self, published: &Note, record: Option<&Record>) -> Comparison {
        let bytes = published.to_string();
        judge(bytes.as_bytes(), &self.origin(), &[self.log.verifier()], &self.keys, record)
    }
}

#[test]
fn what_the_record_accounts_for_agrees() {
    let world = world();
    let record = world.record(9, "b", 200);
    for (size, root, time) in [(9, "b", 200), (9, "b", 150), (5, "a", 100), (5, "a", 200)] {
        let outcome = world.judge(&world.note(size, root, &[time]), Some(&record));
        assert!(matches!(outcome, Comparison::Agrees), "{size} {root} {time}: {outcome:?}");
    }
}

#[test]
fn what_the_record_does_not_account_for_shows_an_old_store() {
    let world = world();
    let record = world.record(9, "b", 200);
    // Larger; the same size later; another root; smaller but later, which this witness never signs.
    for (size, root, time) in [(12, "c", 200), (9, "b", 201), (9, "x", 150), (5, "a", 201)] {
        let outcome = world.judge(&world.note(size, root, &[time]), Some(&record));
        assert!(matches!(outcome, Comparison::Further(_)), "{size} {root} {time}: {outcome:?}");
    }
    assert!(matches!(world.judge(&world.note(1, "a", &[1]), None), Comparison::Further(_)));
    // Of several cosignatures the latest counts.
    let several = world.note(9, "b", &[150, 201, 160]);
    assert!(matches!(world.judge(&several, Some(&record)), Comparison::Further(_)));
}

#[test]
fn without_a_genuine_own_cosignature_nothing_is_known() {
    let world = world();
    let record = world.record(9, "b", 200);
    let bare = world.note(12, "c", &[]);
    assert!(matches!(world.judge(&bare, Some(&record)), Comparison::Unchecked(Unchecked::NotCosigned)));
    // A log can't invent one: here it puts one of another checkpoint under this.
    let borrowed = world.note(9, "b", &[300]).signatures()[1].clone();
    let text = world.checkpoint(12, "c").to_text();
    let forged = Note::new(&text, vec![world.log.sign(&text), borrowed]).unwrap();
    assert!(matches!(world.judge(&forged, Some(&record)), Comparison::Unchecked(Unchecked::NotCosigned)));
    // Nor can anybody else speak for the log.
    let stranger = SigningKey::from_seed(KeyName::new("log.example").unwrap(), &[2; 32]);
    let checkpoint = world.checkpoint(12, "c");
    let cosignature = world.signer.cosign(&checkpoint, UnixSeconds::new(300).unwrap()).unwrap();
    let text = checkpoint.to_text();
    let other = Note::new(&text, vec![stranger.sign(&text), cosignature]).unwrap();
    assert!(matches!(
        world.judge(&other, Some(&record)),
        Comparison::Unchecked(Unchecked::NotACheckpoint(_))
    ));
    let outcome = judge(b"hello", &world.origin(), &[world.log.verifier()], &world.keys, None);
    assert!(matches!(outcome, Comparison::Unchecked(Unchecked::NotANote(_))));
}
