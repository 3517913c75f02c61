//! Other people's implementations beside ours: whoever accepts more, and what both accept, has to be known.

use arbitrary::{Arbitrary, Unstructured};
use ciborium::Value;
use treering_tlog::{
    checkpoint::{Checkpoint, Origin, VerifiedCheckpoint},
    hash::sha256,
    note::{KeyName, Note, Signature, SignatureType, VerifierKey},
    tree::{TreeHead, TreeSize},
};
use treering_token::{claim::Claim, entry::Entry};

use crate::evidence::Evidence;

/// CBOR: what ours accepts is CBOR to `ciborium`, too, and in the form that it would write itself (shortest integers,
/// definite lengths); and an entry in that form is one to ours.
pub fn cbor_differential(bytes: &[u8]) {
    let entry = Entry::decode(bytes);
    if entry.is_ok() || Claim::parse(bytes).is_ok() || Evidence::parse(bytes).is_ok() {
        let value = theirs(bytes).expect("ours took it, so it is CBOR");
        assert_eq!(written(&value), bytes);
    }
    // The other way round: the fields are an entry's, and the form is the only right one.
    let Some(value) = theirs(bytes) else { return };
    if written(&value) == bytes {
        assert_eq!(is_entry(&value), entry.is_ok());
    }
}

fn theirs(bytes: &[u8]) -> Option<Value> {
    let mut rest = bytes;
    let value = ciborium::from_reader(&mut rest).ok()?;
    rest.is_empty().then_some(value)
}

fn written(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("memory takes everything");
    bytes
}

/// By the specification's words (`spec/entry.md`), not by our code.
fn is_entry(value: &Value) -> bool {
    let number = |value: &Value| value.as_integer().and_then(|number| u64::try_from(number).ok());
    let Some([version, sealed_at, root, submissions]) = value.as_array().map(Vec::as_slice) else {
        return false;
    };
    let sealed_at = number(sealed_at).is_some_and(|time| (1 << 32..1 << 63).contains(&time));
    let submissions = number(submissions).is_some_and(|count| (1..1 << 63).contains(&count));
    number(version) == Some(1)
        && sealed_at
        && submissions
        && root.as_bytes().is_some_and(|root| root.len() == 32)
}

/// Ed25519: the strict verification of `ed25519-compact`, an implementation of its own, accepts exactly what ours does.
pub fn ed25519_differential(bytes: &[u8]) {
    let Ok(case) = Unstructured::new(bytes).arbitrary::<Signed>() else { return };
    let origin = Origin::new("a.example").expect("an origin");
    let head = TreeHead { size: TreeSize::new(7).expect("a size"), root: sha256(&case.message) };
    let text = Checkpoint { origin: origin.clone(), head, extensions: Vec::new() }.to_text();
    let (public, signature) = case.made(text.as_bytes());
    let name = KeyName::new("a.example").expect("a name");
    let ours = VerifierKey::new(name.clone(), SignatureType::Ed25519, &public).is_ok_and(|key| {
        let line = Signature::new(name, key.id(), signature.to_vec());
        let note = Note::new(&text, vec![line]).expect("a note");
        VerifiedCheckpoint::open(note, &origin, &[key]).is_ok()
    });
    let theirs = ed25519_compact::PublicKey::new(public)
        .verify(text.as_bytes(), &ed25519_compact::Signature::new(signature))
        .is_ok();
    assert_eq!(ours, theirs, "key {public:02x?}, signature {signature:02x?}");
}

/// A signature that is right, and what is changed of it: random bytes alone would never come near.
#[derive(Debug, Arbitrary)]
struct Signed {
    seed: [u8; 32],
    /// What the checkpoint's root is of.
    message: Vec<u8>,
    key: Change,
    commitment: Change,
    scalar: Scalar,
}

/// What becomes of a point's encoding.
#[derive(Debug, Arbitrary)]
enum Change {
    Nothing,
    /// A bit is flipped.
    Flip(u8),
    /// One of the encodings of points of small order, or one beyond the field.
    Edge(u8),
    Other([u8; 32]),
}

/// What becomes of s.
#[derive(Debug, Arbitrary)]
enum Scalar {
    Nothing,
    Flip(u8),
    /// The group's order is added so many times: the same number, not canonical.
    Order(u8),
    Zero,
}

impl Signed {
    fn made(&self, message: &[u8]) -> ([u8; 32], [u8; 64]) {
        // Its hash: theirs panics at a seed of zeroes.
        let pair =
            ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new(*sha256(&self.seed).as_bytes()));
        let mut signature = *pair.sk.sign(message, None);
        let mut public = *pair.pk;
        let (commitment, scalar) = signature.split_at_mut(32);
        self.key.change(&mut public);
        self.commitment.change(commitment);
        match self.scalar {
            Scalar::Nothing => {}
            Scalar::Flip(bit) => scalar[usize::from(bit / 8)] ^= 1 << (bit % 8),
            Scalar::Order(times) => (0..times % 16).for_each(|_| add(scalar, &ORDER)),
            Scalar::Zero => scalar.fill(0),
        }
        (public, signature)
    }
}

impl Change {
    fn change(&self, point: &mut [u8]) {
        match self {
            Change::Nothing => {}
            Change::Flip(bit) => point[usize::from(bit / 8)] ^= 1 << (bit % 8),
            Change::Edge(which) => {
                // y = 0, 1, −1 and the two of order 8, as they are and beyond the field, with either sign.
                let (low, sign) = (EDGES[usize::from(which >> 1) % EDGES.len()], which & 1);
                point.copy_from_slice(&low);
                point[31] |= sign << 7;
            }
            Change::Other(bytes) => point.copy_from_slice(bytes),
        }
    }
}

/// Little-endian; what doesn't fit is dropped.
fn add(number: &mut [u8], other: &[u8; 32]) {
    let mut carry = 0;
    for (byte, more) in number.iter_mut().zip(other) {
        let sum = u16::from(*byte) + u16::from(*more) + carry;
        [*byte, _] = sum.to_le_bytes();
        carry = sum >> 8;
    }
}

/// 2²⁵² + 27742317777372353535851937790883648493
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// p − 1 + n, for n from 0: −1, p (0), p + 1 (1), and further y beyond the field.
const fn beyond(n: u8) -> [u8; 32] {
    let mut y = [0xff; 32];
    y[0] = 0xec + n;
    y[31] = 0x7f;
    y
}

const fn small(n: u8) -> [u8; 32] {
    let mut y = [0; 32];
    y[0] = n;
    y
}

const EDGES: [[u8; 32]; 12] = [
    small(0),
    small(1),
    small(2),
    small(3),
    beyond(0),
    beyond(1),
    beyond(2),
    beyond(3),
    beyond(4),
    beyond(19),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];
