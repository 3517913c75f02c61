//! Ed25519 at its edges: the vectors of "Taming the many EdDSAs" (Chalkias, Garillot, Nikolaenko, SSR 2020, table 6), on
//! which libraries differ. The verdicts here are frozen: a change of one of them, by a new version of a library or
//! otherwise, is a change of what counts as evidence.

use crate::note::{KeyError, KeyName, SignatureType, VerifierKey};

/// What becomes of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The key is none.
    KeyRefused,
    Forged,
    Verifies,
}
use Verdict::{Forged, KeyRefused, Verifies};

const SMALL_A: &str = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa";
const FULL_A: &str = "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43";
const MIXED_A: &str = "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d";
const OTHER_A: &str = "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623";
const NON_CANONICAL_A: &str = "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";

/// What it is about, message, public key, signature, verdict.
const VECTORS: [(&str, &str, &str, &str, Verdict); 12] = [
    (
        "0: small A and R, S = 0",
        "8c93255d71dcab10e8f379c26200f3c7bd5f09d9bc3068d3ef4edeb4853022b6",
        SMALL_A,
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a\
         0000000000000000000000000000000000000000000000000000000000000000",
        KeyRefused,
    ),
    (
        "1: small A, mixed R",
        "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
        SMALL_A,
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43\
         a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
        KeyRefused,
    ),
    (
        "2: mixed A, small R",
        "aebf3f2601a0c8c5d39cc7d8911642f740b78168218da8471772b35f9d35b9ab",
        FULL_A,
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa\
         8c4bd45aecaca5b24fb97bc10ac27ac8751a7dfe1baff8b953ec9f5833ca260e",
        Forged,
    ),
    (
        "3: mixed A and R that cancel out, with and without the cofactor",
        "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
        MIXED_A,
        "9046a64750444938de19f227bb80485e92b83fdb4b6506c160484c016cc1852f\
         87909e14428a7a1d62e9f22f3d3ad7802db02eb2e688b6c52fcd6648a98bd009",
        Verifies,
    ),
    (
        "4: mixed A and R, good with the cofactor only",
        "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
        MIXED_A,
        "160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed512\
         5ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09",
        Forged,
    ),
    (
        "5: mixed A, R of full order, good with the cofactor before the reduction only",
        "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
        MIXED_A,
        "21122a84e0b5fca4052f5b1235c80a537878b38f3142356b2c2384ebad4668b7\
         e40bc836dac0f71076f9abe3a53f9c03c1ceeeddb658d0030494ace586687405",
        Forged,
    ),
    (
        "6: S above the order",
        "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
        OTHER_A,
        "e96f66be976d82e60150baecff9906684aebb1ef181f67a7189ac78ea23b6c0e\
         547f7690a0e2ddcd04d87dbc3490dc19b3b3052f7ff0538cb68afb369ba3a514",
        Forged,
    ),
    (
        "7: S far above the order",
        "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
        OTHER_A,
        "8ce5b96c8f26d0ab6c47958c9e68b937104cd36e13c33566acd2fe8d38aa1942\
         7e71f98a473474f2f13f06f97c20d58cc3f54b8bd0d272f42b695dd7e89a8c22",
        Forged,
    ),
    (
        "8: R small and not canonical, hashed as it stands",
        "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
        FULL_A,
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\
         03be9678ac102edcd92b0210bb34d7428d12ffc5df5f37e359941266a4e35f0f",
        Forged,
    ),
    (
        "9: R small and not canonical, hashed in its canonical form",
        "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
        FULL_A,
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\
         ca8c5b64cd208982aa38d4936621a4775aa233aa0505711d8fdcfdaa943d4908",
        Forged,
    ),
    (
        "10: A small and not canonical, hashed as it stands",
        "e96b7021eb39c1a163b6da4e3093dcd3f21387da4cc4572be588fafae23c155b",
        NON_CANONICAL_A,
        "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dc\
         a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
        KeyRefused,
    ),
    (
        "11: A small and not canonical, hashed in its canonical form",
        "39a591f5321bbe07fd5a23dc2f39d025d74526615746727ceefd6e82ae65c06f",
        NON_CANONICAL_A,
        "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dc\
         a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
        KeyRefused,
    ),
];

fn verdict(kind: SignatureType, message: &str, public: &str, signature: &str) -> Verdict {
    let bytes = |hex: &str| hex::decode(hex).unwrap();
    let name = KeyName::new("edge.example").unwrap();
    match VerifierKey::new(name, kind, &bytes(public)) {
        Err(KeyError::Weak | KeyError::PublicKey) => KeyRefused,
        Err(other) => panic!("{other}"),
        Ok(key) if key.verifies(&bytes(message), &bytes(signature)) => Verifies,
        Ok(_) => Forged,
    }
}

#[test]
fn the_verdicts_at_the_edges_of_ed25519_are_frozen() {
    for kind in [SignatureType::Ed25519, SignatureType::CosignatureEd25519] {
        for (about, message, public, signature, frozen) in VECTORS {
            assert_eq!(verdict(kind, message, public, signature), frozen, "{about}, {kind:?}");
        }
    }
}

/// The vectors say something only if a verifier that asks for less lets them pass.
#[test]
fn a_lax_verifier_would_take_some_of_them() {
    use ed25519_dalek::Verifier as _;
    let lax = |message: &str, public: &str, signature: &str| {
        let public: [u8; 32] = hex::decode(public).unwrap().try_into().unwrap();
        let signature = ed25519_dalek::Signature::from_slice(&hex::decode(signature).unwrap()).unwrap();
        let key = ed25519_dalek::VerifyingKey::from_bytes(&public).unwrap();
        key.verify(&hex::decode(message).unwrap(), &signature).is_ok()
    };
    let taken: Vec<usize> = (0..VECTORS.len())
        .filter(|&at| {
            let (_, message, public, signature, _) = VECTORS[at];
            // S above the order is refused before anything is computed.
            !(6..=7).contains(&at) && lax(message, public, signature)
        })
        .collect();
    assert!(taken.len() > 1 && taken.contains(&0) && taken.contains(&3), "{taken:?}");
}
