use super::{HolderKey, KeyError};
use crate::cbor::{CborError, Writer};
use p256::ecdsa::signature::Signer as _;

fn ed25519() -> (ed25519_dalek::SigningKey, HolderKey) {
    let signing = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let public = HolderKey::Ed25519(signing.verifying_key().to_bytes());
    (signing, public)
}

fn p256() -> (p256::ecdsa::SigningKey, HolderKey) {
    let signing = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let point = signing.verifying_key().to_sec1_point(false);
    let half = |range: std::ops::Range<usize>| point.as_bytes()[range].try_into().unwrap();
    (signing.clone(), HolderKey::P256 { x: half(1..33), y: half(33..65) })
}

#[test]
fn bytes_are_as_the_specification_says() {
    insta::assert_snapshot!(hex::encode(ed25519().1.encode()), @"a301012006215820ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c");
    insta::assert_snapshot!(hex::encode(p256().1.encode()), @"a4010220012158201e18532fd4754c02f3041d9c75ceb33b83ffd81ac7ce4fe882ccb1c98bc5896e225820a46c311c4e2ff40dd96a3653e6e45445d32dfe486eced75c7a90c6a18881c0a3");
    insta::assert_snapshot!(ed25519().1.thumbprint(), @"cbf65c8afcb5f69056927170cfe6acc226f1e3182e0aac3b83245e746beb0e6a");
}

#[test]
fn round_trips() {
    for key in [ed25519().1, p256().1] {
        assert_eq!(HolderKey::decode(&key.encode()), Ok(key));
    }
}

#[test]
fn verifies_ed25519() {
    use ed25519_dalek::Signer as _;
    let (signing, public) = ed25519();
    let signature = signing.sign(b"message").to_bytes();
    assert!(public.verify(b"message", &signature));
    assert!(!public.verify(b"messagf", &signature));
    assert!(!p256().1.verify(b"message", &signature));
}

#[test]
fn verifies_p256_with_low_s_only() {
    let (signing, public) = p256();
    let signature: p256::ecdsa::Signature = signing.sign(b"message");
    let low = signature.normalize_s();
    let high = p256::ecdsa::Signature::from_scalars(low.r().to_bytes(), (-low.s()).to_bytes()).unwrap();
    assert!(public.verify(b"message", &low.to_bytes().into()));
    assert!(!public.verify(b"messagf", &low.to_bytes().into()));
    assert!(!public.verify(b"message", &high.to_bytes().into()));
    assert!(!public.verify(b"message", &[0; 64]));
}

/// The identity and the other points of small order verify signatures that nobody made.
#[test]
fn refuses_weak_ed25519_keys() {
    let mut identity = [0; 32];
    identity[0] = 1;
    // y = p + 1: the identity again, in a non-canonical encoding.
    let mut beyond = [0xff; 32];
    (beyond[0], beyond[31]) = (0xee, 0x7f);
    // y = p + 3: a point of large order, in a non-canonical encoding.
    let mut large = beyond;
    large[0] = 0xf0;
    for x in [identity, [0; 32], beyond, large, [2; 32]] {
        let key = HolderKey::Ed25519(x);
        assert_eq!(HolderKey::decode(&key.encode()), Err(KeyError::Point), "{x:02x?}");
        assert!(!key.verify(b"message", &[0; 64]));
    }
}

#[test]
fn refuses_points_off_the_curve() {
    let HolderKey::P256 { x, mut y } = p256().1 else { unreachable!() };
    y[31] ^= 1;
    let key = HolderKey::P256 { x, y };
    assert_eq!(HolderKey::decode(&key.encode()), Err(KeyError::Point));
    assert!(!key.verify(b"message", &[1; 64]));
}

#[test]
fn refuses_other_cose_keys() {
    let okp = |pairs: &[(i64, i64)], x: &[u8]| {
        let mut writer = Writer::new();
        writer.map(pairs.len() + 1);
        for (label, value) in pairs {
            writer.int(*label).int(*value);
        }
        writer.int(-2).bytes(x);
        HolderKey::decode(&writer.finish()).unwrap_err()
    };
    let x = ed25519().1;
    let HolderKey::Ed25519(x) = x else { unreachable!() };
    assert_eq!(okp(&[(1, 1), (-1, 4)], &x), KeyError::Form); // X25519
    assert_eq!(okp(&[(1, 3), (-1, 6)], &x), KeyError::Form); // RSA
    assert_eq!(okp(&[(1, 1), (3, -8), (-1, 6)], &x), KeyError::Form); // with an algorithm
    assert_eq!(okp(&[(-1, 6), (1, 1)], &x), KeyError::Form); // out of order
    assert_eq!(okp(&[(1, 1), (-1, 6)], &x[..31]), KeyError::Cbor(CborError::Length { want: 32, got: 31 }));
    let trailing = [&ed25519().1.encode()[..], &[0]].concat();
    assert_eq!(HolderKey::decode(&trailing), Err(KeyError::Cbor(CborError::Trailing)));
}

#[test]
fn messages() {
    insta::assert_snapshot!(KeyError::Form, @"the holder's key is not exactly {1: 1, -1: 6, -2: x} (Ed25519) or {1: 2, -1: 1, -2: x, -3: y} (P-256)");
    insta::assert_snapshot!(KeyError::Point, @"the holder's key is not a usable point of its curve");
}
