//! An authority with its root, and a log with two witnesses.

use std::sync::Arc;
use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    cosignature::CosignerKey,
    hash::{Hash, leaf_hash},
    note::{KeyName, Note, SigningKey},
    policy::Policy,
    time::{UnixMillis, UnixSeconds},
    tree::{MemoryTree, TreeHead, TreeSize},
};
use treering_token::{entry::Entry, layer::Layer, token::Token};
use treering_tsa::{
    accuracy::Accuracy,
    authority::{Authority, Settings},
    certificate::Certificate,
    chain::Chain,
    embed::ProofAttribute,
    gen_time::GenTime,
    imprint::{Imprint, ImprintAlgorithm},
    issue::TestCa,
    nonce::Nonce,
    query::Query,
    serial::Serial,
    signer::{KeyKind, LocalSigner, TsaSigner as _},
    verify::Verifier,
};

/// 2025-11-25T18:33:45.12Z
pub(crate) const MILLIS: u64 = 1_764_095_625_120;

pub(crate) const DATA: &[u8] = b"What a timestamp is of.\n";

pub(crate) struct World {
    pub(crate) ca: TestCa,
    pub(crate) leaf: Certificate,
    pub(crate) authority: Authority,
    now: GenTime,
}

impl World {
    pub(crate) fn new(kind: KeyKind) -> World {
        World::at(kind, MILLIS, true)
    }

    /// Of another time, and naming itself in its tokens or not.
    pub(crate) fn at(kind: KeyKind, millis: u64, tsa_name: bool) -> World {
        let now = at(millis);
        let ca = TestCa::generate(KeyKind::P256, "CN=Test CA,O=Example", [1; 16], now).unwrap();
        let signer = LocalSigner::generate(kind).unwrap();
        let name = "CN=TSA,O=Example,C=DE";
        let leaf = ca.issue_tsa(signer.public_key_info(), name, [2; 16], now, 1).unwrap();
        let settings = Settings {
            accuracy: Some(Accuracy::new(1, 0, 0).unwrap()),
            tsa_name,
            ..Settings::new(treering_tsa::oid::parse("1.3.6.1.4.1.32473.1.1").unwrap())
        };
        let chain = Chain::new(vec![leaf.clone(), ca.certificate().clone()]).unwrap();
        let authority = Authority::new(Arc::new(signer), &chain, &settings, now).unwrap();
        World { ca, leaf, authority, now }
    }

    /// A reply for [`DATA`], with [`nonce`].
    pub(crate) fn reply(&self, algorithm: ImprintAlgorithm, cert: bool) -> Vec<u8> {
        let query = Query::new(algorithm.hash(DATA), None, Some(nonce()), cert);
        self.authority.grant(&query, self.now, &Serial::from_random([9; 16])).unwrap().reply
    }

    pub(crate) fn verifier(&self) -> Verifier {
        Verifier::new(vec![self.ca.certificate().clone()], Vec::new()).unwrap()
    }
}

pub(crate) fn at(millis: u64) -> GenTime {
    GenTime::from_millis(millis).unwrap()
}

pub(crate) fn nonce() -> Nonce {
    Nonce::from_random([3; 16])
}

pub(crate) fn imprint() -> Imprint {
    ImprintAlgorithm::Sha256.hash(DATA)
}

pub(crate) fn attribute() -> ProofAttribute {
    ProofAttribute::new("1.3.6.1.4.1.32473.1.9").unwrap()
}

/// The proof of a commitment that the witnesses saw at this second, and the log sealed a second before.
pub(crate) fn proof(commitment: [u8; 32], seen: u64, cosigners: u8) -> Vec<u8> {
    let batch = MemoryTree::new(vec![leaf_hash(&[0xee; 32]), leaf_hash(&commitment)]);
    let layer = Layer::from_path(batch.path(1).unwrap()).unwrap();
    let entry = Entry::new(UnixMillis::new((seen - 1) * 1000).unwrap(), batch.root(), 2).unwrap();
    let log = MemoryTree::new(vec![leaf_hash(b"earlier"), entry.leaf_hash()]);
    let head = TreeHead { size: TreeSize::new(2).unwrap(), root: log.root() };
    let origin = Origin::new("log.example").unwrap();
    let checkpoint = Checkpoint { origin, head, extensions: Vec::new() };
    let note = checkpoint.sign(&key());
    let mut lines = note.signatures().to_vec();
    let time = UnixSeconds::new(seen).unwrap();
    lines.extend((1..=cosigners).map(|number| witness(number).cosign(&checkpoint, time).unwrap()));
    let note = Note::new(note.text(), lines).unwrap();
    let path: Vec<Hash> = log.path(1).unwrap().siblings;
    Token::receipt(entry, layer, 1, path, note).to_string().into_bytes()
}

pub(crate) fn policy(quorum: &str) -> Policy {
    let text = format!(
        "log {}\nwitness W1 {}\nwitness W2 {}\ngroup both all W1 W2\nquorum {quorum}\n",
        key().verifier(),
        witness(1).verifier(),
        witness(2).verifier(),
    );
    Policy::parse(text.as_bytes()).unwrap()
}

fn key() -> SigningKey {
    SigningKey::from_seed(KeyName::new("log.example").unwrap(), &[7; 32])
}

fn witness(number: u8) -> CosignerKey {
    CosignerKey::ed25519(KeyName::new(&format!("w{number}.example")).unwrap(), &[7 ^ (number << 4); 32])
}
