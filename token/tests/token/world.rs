//! A small world that is the same on every run: keys from the SHA-256 of their names, fixed times, one log with 20
//! entries whose entry 17 is ours. Its batch has 3 submissions (ours is 1), our submission 5 commitments (ours is 2).

use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    cosignature::CosignerKey,
    hash::{Hash, leaf_hash, sha256},
    note::{KeyName, Note, SigningKey},
    policy::Policy,
    time::{UnixMillis, UnixSeconds},
    tree::{MemoryTree, TreeHead, TreeSize},
};
use treering_token::{
    claim::{Claim, HolderKey},
    commitment::{Commitment, blind_name},
    digest::{Digester, Digests, HashId},
    entry::Entry,
    layer::Layer,
    salt::{MasterKey, RunSecret},
    token::{ClaimOpening, Opening, Token},
    verify::Verifier,
};

/// 2026-11-22T04:41:03Z, when most cosignatures are made.
pub(crate) const T: u64 = 1_795_322_463;
/// 2026-11-22T04:41:02.913Z.
pub(crate) const SEALED_AT: u64 = 1_795_322_462_913;
/// An hour after all of it.
pub(crate) const NOW: u64 = T + 3600;
/// Where our record stands in its run and in its submission.
pub(crate) const PLACE: u64 = 2;
/// Our file.
pub(crate) const FILE: &[u8] = b"hello, treering\n";
/// Three cosignatures at `T`.
pub(crate) const ALL: [(Who, u64); 3] = [(Who::W1, T), (Who::W2, T), (Who::W3, T)];

/// The log and the witnesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    W1,
    W2,
    W3,
    /// The operator of W1, with an ML-DSA-44 key.
    W1MlDsa,
}

/// SHA-256 of a text.
pub(crate) fn seed(text: &str) -> [u8; 32] {
    *sha256(format!("treering vectors: {text}").as_bytes()).as_bytes()
}

pub(crate) fn log_key(name: &str) -> SigningKey {
    SigningKey::from_seed(KeyName::new(name).unwrap(), &seed(name))
}

pub(crate) fn cosigner(who: Who) -> CosignerKey {
    let ed25519 = |name: &str| CosignerKey::ed25519(KeyName::new(name).unwrap(), &seed(name));
    match who {
        Who::W1 => ed25519("w1.example/witness"),
        Who::W2 => ed25519("w2.example/witness"),
        Who::W3 => ed25519("w3.example/witness"),
        Who::W1MlDsa => {
            let name = "w1.example/witness-pq";
            CosignerKey::ml_dsa_44(KeyName::new(name).unwrap(), &seed(name))
        }
    }
}

/// The text of a policy by its name in the vectors.
pub(crate) fn policy_text(name: &str) -> String {
    let log = |name| format!("log {}\n", log_key(name).verifier());
    let witness = |name, who| format!("witness {name} {}\n", cosigner(who).verifier());
    let three = [witness("W1", Who::W1), witness("W2", Who::W2), witness("W3", Who::W3)].concat();
    match name {
        "two of three" => log("example.com/log") + &three + "group witnesses 2 W1 W2 W3\nquorum witnesses\n",
        "all of three" => {
            log("example.com/log") + &three + "group witnesses all W1 W2 W3\nquorum witnesses\n"
        }
        "one witness" => log("example.com/log") + &witness("W1", Who::W1) + "quorum W1\n",
        "none" => log("example.com/log") + "quorum none\n",
        "another log" => log("other.example/log") + &three + "group witnesses 2 W1 W2 W3\nquorum witnesses\n",
        "both keys" => {
            let keys = witness("W1-ed25519", Who::W1)
                + &witness("W1-mldsa44", Who::W1MlDsa)
                + &witness("W2", Who::W2);
            log("example.com/log")
                + &keys
                + "group W1 all W1-ed25519 W1-mldsa44\ngroup both all W1 W2\nquorum both\n"
        }
        _ => panic!("no policy {name:?}"),
    }
}

pub(crate) fn policy(name: &str) -> Policy {
    Policy::parse(policy_text(name).as_bytes()).unwrap()
}

pub(crate) fn verifier(policy: &Policy) -> Verifier<'_> {
    Verifier { policy, now: UnixSeconds::new(NOW).unwrap() }
}

pub(crate) fn run_secret() -> RunSecret {
    MasterKey::new(seed("master key")).run_secret(&run_id())
}

pub(crate) fn run_id() -> [u8; 16] {
    seed("run id")[..16].try_into().unwrap()
}

/// Our file's digests by every algorithm known here.
pub(crate) fn digests(file: &[u8]) -> Digests {
    let mut digester = Digester::new(&(1..=12).filter_map(HashId::new).collect::<Vec<_>>());
    digester.update(file);
    digester.finish()
}

/// A claim about a file with nothing but its SHA-256.
pub(crate) fn claim(file: &[u8]) -> Claim {
    let digests = Digests::new(*sha256(file).as_bytes());
    Claim { digests, holder: None, agent: None, title: None, after: None, signed: None }
}

/// The opening of a claim, with the names that it was blinded with.
pub(crate) fn opening(claim: &Claim) -> ClaimOpening {
    ClaimOpening { salt: run_secret().salt(PLACE), claim: claim.encode(), holder: None, agent: None }
}

pub(crate) fn holder() -> Opening {
    Opening { salt: run_secret().holder_salt(PLACE), name: "Jane Doe".to_owned() }
}

pub(crate) fn agent() -> Opening {
    Opening { salt: run_secret().agent_salt(PLACE), name: "Stamping Ltd.".to_owned() }
}

/// A claim with every field, and its opening with both names.
pub(crate) fn full_claim() -> (Claim, ClaimOpening) {
    let mut claim = claim(FILE);
    claim.holder = Some(blind_name(&holder().salt, &holder().name));
    claim.agent = Some(blind_name(&agent().salt, &agent().name));
    claim.title = Some("The first ring".to_owned());
    claim.after = Some(sha256(&after_note()));
    let claim = sign_ed25519(claim);
    let opening = ClaimOpening { holder: Some(holder()), agent: Some(agent()), ..opening(&claim) };
    (claim, opening)
}

pub(crate) fn sign_ed25519(claim: Claim) -> Claim {
    use ed25519_dalek::Signer as _;
    let signing = ed25519_dalek::SigningKey::from_bytes(&seed("holder ed25519"));
    let key = HolderKey::Ed25519(signing.verifying_key().to_bytes());
    let signature = signing.sign(&claim.signing_input(&key)).to_bytes();
    Claim { signed: Some((key, signature)), ..claim }
}

/// With low s, or with the other s that verifies as well and is refused.
pub(crate) fn sign_p256(claim: Claim, low: bool) -> Claim {
    use p256::ecdsa::signature::Signer as _;
    let signing = p256::ecdsa::SigningKey::from_slice(&seed("holder p256")).unwrap();
    let point = signing.verifying_key().to_sec1_point(false);
    let half = |range: std::ops::Range<usize>| point.as_bytes()[range].try_into().unwrap();
    let key = HolderKey::P256 { x: half(1..33), y: half(33..65) };
    let signature: p256::ecdsa::Signature = signing.sign(&claim.signing_input(&key));
    let signature = signature.normalize_s();
    let s = if low { signature.s() } else { -signature.s() };
    let signature = p256::ecdsa::Signature::from_scalars(signature.r().to_bytes(), s.to_bytes()).unwrap();
    Claim { signed: Some((key, signature.to_bytes().into())), ..claim }
}

/// What a token is made of, apart from the world.
#[derive(Clone)]
pub(crate) struct Stamp {
    pub(crate) commitment: Commitment,
    pub(crate) opening: Option<ClaimOpening>,
    pub(crate) after: Option<Vec<u8>>,
    pub(crate) renews: Option<Hash>,
    pub(crate) sealed_at: u64,
    pub(crate) cosigned: Vec<(Who, u64)>,
    pub(crate) log: &'static str,
    /// The submission has no other commitment.
    pub(crate) alone: bool,
}

/// A plain commitment under three witnesses.
pub(crate) fn plain(file: &[u8]) -> Stamp {
    Stamp {
        commitment: Commitment(sha256(file)),
        opening: None,
        after: None,
        renews: None,
        sealed_at: SEALED_AT,
        cosigned: ALL.to_vec(),
        log: "example.com/log",
        alone: false,
    }
}

/// A blinded commitment under three witnesses.
pub(crate) fn blinded(opening: ClaimOpening) -> Stamp {
    let commitment = Commitment::blinded(&opening.salt, &opening.claim);
    Stamp { commitment, opening: Some(opening), ..plain(b"") }
}

/// A claim with every field, under three witnesses.
pub(crate) fn full() -> Stamp {
    Stamp { after: Some(after_note()), ..blinded(full_claim().1) }
}

impl Stamp {
    pub(crate) fn token(&self) -> Token {
        let place = if self.alone { 0 } else { PLACE };
        let layer = Layer::from_path(self.submission().path(place).unwrap()).unwrap();
        let (opening, after) = (self.opening.clone(), self.after.clone());
        self.receipt().below(layer, opening, after, self.renews).unwrap()
    }

    pub(crate) fn submission_root(&self) -> Commitment {
        Commitment(self.submission().root())
    }

    fn submission(&self) -> MemoryTree {
        if self.alone {
            tree("", 1, 0, &self.commitment.0)
        } else {
            tree("commitment", 5, PLACE, &self.commitment.0)
        }
    }

    pub(crate) fn receipt(&self) -> Token {
        let batch = tree("submission", 3, 1, &self.submission_root().0);
        let entry = Entry::new(UnixMillis::new(self.sealed_at).unwrap(), batch.root(), 3).unwrap();
        let log = log_tree(&entry);
        let path = log.path(17).unwrap().siblings;
        let layer = Layer::from_path(batch.path(1).unwrap()).unwrap();
        Token::receipt(entry, layer, 17, path, checkpoint(self.log, &log, &self.cosigned))
    }
}

/// The checkpoint of size 16, a few seconds before the claim.
pub(crate) fn after_note() -> Vec<u8> {
    after_note_at(&[(Who::W1, T - 12), (Who::W2, T - 9), (Who::W3, T - 4)])
}

pub(crate) fn after_note_at(cosigned: &[(Who, u64)]) -> Vec<u8> {
    let leaves = (0..16).map(|i| filler_entry(i).leaf_hash()).collect();
    checkpoint("example.com/log", &MemoryTree::new(leaves), cosigned).to_string().into_bytes()
}

pub(crate) fn checkpoint(log: &str, tree: &MemoryTree, cosigned: &[(Who, u64)]) -> Note {
    let head = TreeHead { size: TreeSize::new(tree.len()).unwrap(), root: tree.root() };
    let checkpoint = Checkpoint { origin: Origin::new(log).unwrap(), head, extensions: Vec::new() };
    let mut lines = checkpoint.sign(&log_key(log)).signatures().to_vec();
    for (who, time) in cosigned {
        lines.push(cosigner(*who).cosign(&checkpoint, UnixSeconds::new(*time).unwrap()).unwrap());
    }
    Note::new(&checkpoint.to_text(), lines).unwrap()
}

/// The log's 20 entries, with this one at 17.
pub(crate) fn log_tree(entry: &Entry) -> MemoryTree {
    MemoryTree::new((0..20).map(|i| if i == 17 { *entry } else { filler_entry(i) }.leaf_hash()).collect())
}

fn filler_entry(i: u64) -> Entry {
    let sealed_at = UnixMillis::new(SEALED_AT - 20_000 + 1000 * i).unwrap();
    Entry::new(sealed_at, sha256(format!("treering vectors: batch {i}").as_bytes()), 1).unwrap()
}

/// So many 32-byte values, ours among them.
fn tree(what: &str, size: u64, place: u64, ours: &Hash) -> MemoryTree {
    let data =
        |i| if i == place { *ours } else { sha256(format!("treering vectors: {what} {i}").as_bytes()) };
    MemoryTree::new((0..size).map(|i| leaf_hash(data(i).as_bytes())).collect())
}
