//! A small log with two witnesses, whole in memory.

use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    cosignature::CosignerKey,
    hash::{Hash, leaf_hash},
    note::{KeyName, Note, SigningKey},
    policy::Policy,
    time::{UnixMillis, UnixSeconds},
    tree::{MemoryTree, TreeHead, TreeSize},
};
use treering_token::{commitment::Commitment, entry::Entry, layer::Layer, token::Token, verify::Verifier};

pub(crate) const NAME: &str = "log.example/rings";
/// Seconds since the epoch: sealed then, cosigned one and two seconds later, `after` notes a minute before.
pub(crate) const SEALED: u64 = 1_700_000_000;

pub(crate) struct Log {
    key: SigningKey,
    witnesses: [CosignerKey; 2],
    pub(crate) policy: Policy,
}

impl Log {
    pub(crate) fn new() -> Log {
        let name = |text: &str| KeyName::new(text).unwrap();
        let key = SigningKey::from_seed(name(NAME), &[1; 32]);
        let witnesses = [
            CosignerKey::ed25519(name("witness.example/a"), &[2; 32]),
            CosignerKey::ed25519(name("witness.example/b"), &[3; 32]),
        ];
        let policy = format!(
            "log {}\nwitness a {}\nwitness b {}\ngroup one any a b\nquorum one\n",
            key.verifier(),
            witnesses[0].verifier(),
            witnesses[1].verifier()
        );
        Log { key, witnesses, policy: Policy::parse(policy.as_bytes()).unwrap() }
    }

    pub(crate) fn verifier(&self) -> Verifier<'_> {
        Verifier { policy: &self.policy, now: seconds(SEALED + 100) }
    }

    /// One batch of these submission roots, in a log with two entries before it and one behind it: a receipt each.
    pub(crate) fn receipts(&self, roots: &[Commitment]) -> Vec<Token> {
        let batch = MemoryTree::new(roots.iter().map(|root| leaf_hash(root.0.as_bytes())).collect());
        let entry =
            Entry::new(UnixMillis::new(SEALED * 1000).unwrap(), batch.root(), roots.len() as u64).unwrap();
        let others = [b"first", b"secnd", b"later"].map(|text| leaf_hash(text));
        let entries = MemoryTree::new(vec![others[0], others[1], entry.leaf_hash(), others[2]]);
        let note = self.note(4, entries.root(), SEALED + 1);
        let path = entries.path(2).unwrap().siblings;
        let receipt = |index| {
            let layer = Layer::from_path(batch.path(index).unwrap()).unwrap();
            Token::receipt(entry, layer, 2, path.clone(), note.clone())
        };
        (0..batch.len()).map(receipt).collect()
    }

    /// A published checkpoint from a minute before.
    pub(crate) fn after_note(&self) -> Vec<u8> {
        let root = MemoryTree::new(vec![leaf_hash(b"first")]).root();
        self.note(1, root, SEALED - 60).to_string().into_bytes()
    }

    /// A head, signed by the log and cosigned at this time and a second later.
    fn note(&self, size: u64, root: Hash, time: u64) -> Note {
        let head = TreeHead { size: TreeSize::new(size).unwrap(), root };
        let origin = Origin::new(NAME).unwrap();
        let checkpoint = Checkpoint { origin, head, extensions: Vec::new() };
        let text = checkpoint.to_text();
        let mut signatures = vec![self.key.sign(&text)];
        for (later, witness) in self.witnesses.iter().enumerate() {
            signatures.push(witness.cosign(&checkpoint, seconds(time + later as u64)).unwrap());
        }
        Note::new(&text, signatures).unwrap()
    }
}

fn seconds(seconds: u64) -> UnixSeconds {
    UnixSeconds::new(seconds).unwrap()
}
