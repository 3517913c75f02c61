use insta::assert_snapshot;
use proptest::{prelude::*, sample::select};

use crate::note::{KeyError, KeyName, SignatureType, SigningKey, VerifierKey};

/// From golang.org/x/mod/sumdb/note's documentation.
const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const SKEY: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";

fn name(text: &str) -> KeyName {
    KeyName::new(text).unwrap()
}

fn refusal(vkey: &str) -> KeyError {
    VerifierKey::parse(vkey).unwrap_err()
}

#[test]
fn a_vkey_is_read_and_printed() {
    let key = VerifierKey::parse(VKEY).unwrap();
    assert_eq!(key.name().as_str(), "PeterNeumann");
    assert_eq!(key.id().to_string(), "c74f20a3");
    assert_eq!(key.kind(), SignatureType::Ed25519);
    assert_eq!(key.public_bytes().len(), 32);
    assert_eq!(key.to_string(), VKEY);
    assert_eq!(format!("{key:?}"), VKEY);
    assert_snapshot!(key.fingerprint(), @"c7a9d541f116ae828b693ee8c89482bbe3ec786faa1df159677bd65150394f0f");
}

#[test]
fn equal_keys_have_name_type_and_bytes_in_common() {
    let key = VerifierKey::parse(VKEY).unwrap();
    let other = |called, kind| VerifierKey::new(name(called), kind, key.public_bytes()).unwrap();
    assert_eq!(key, other("PeterNeumann", SignatureType::Ed25519));
    assert_ne!(key, other("Peter", SignatureType::Ed25519));
    assert_ne!(key, other("PeterNeumann", SignatureType::CosignatureEd25519));
    assert_ne!(key.id(), other("PeterNeumann", SignatureType::CosignatureEd25519).id());
}

#[test]
fn a_key_name_is_1_to_255_bytes_without_space_plus_and_control() {
    assert_snapshot!(
        KeyName::new("").unwrap_err(),
        @"a key name must have 1 to 255 bytes and no space, plus sign or control character"
    );
    assert!(KeyName::new(&"x".repeat(255)).is_ok());
    assert_eq!(KeyName::new(&"x".repeat(256)), Err(KeyError::Name));
    assert_eq!(KeyName::new(&"é".repeat(128)), Err(KeyError::Name));
    for c in [
        ' ', '+', '\n', '\t', '\0', '\u{7f}', '\u{85}', '\u{a0}', '\u{1680}', '\u{2003}', '\u{2028}',
        '\u{3000}',
    ] {
        assert_eq!(KeyName::new(&format!("a{c}b")), Err(KeyError::Name), "{c:?}");
    }
    assert_eq!(name("例え.example/é—").as_str(), "例え.example/é—");
}

#[test]
fn refuses_a_vkey_of_another_form() {
    assert_snapshot!(refusal(""), @"a verifier key has the form <name>+<key id in hex>+<base64>");
    for vkey in [
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        "PeterNeumann+c74f20a3+",
        // The ID: one digit short, one too many, uppercase, a sign.
        "PeterNeumann+74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+0c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+-74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann++74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        // The key: white space, padding.
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
        "PeterNeumann+c74f20a3+ ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW=",
    ] {
        assert_eq!(refusal(vkey), KeyError::Form, "{vkey:?}");
    }
    assert_eq!(refusal(VKEY.replace("Peter", "Peter ").as_str()), KeyError::Name);
    assert_eq!(refusal(VKEY.strip_prefix("PeterNeumann").unwrap()), KeyError::Name);
}

#[test]
fn refuses_a_key_id_of_another_name_type_or_key() {
    assert_snapshot!(
        refusal(&VKEY.replace("c74f20a3", "c74f20a4")),
        @"the key ID does not belong to this name and key"
    );
    assert_eq!(refusal(&VKEY.replace("Peter", "Paul")), KeyError::Id);
    assert_eq!(refusal(&VKEY.replace("+AR", "+BB")), KeyError::Id);
}

#[test]
fn refuses_an_unknown_type() {
    assert_snapshot!(refusal(&VKEY.replace("+AR", "+Ah")), @"signature type 0x02 is not known here");
}

#[test]
fn refuses_public_keys_of_other_lengths() {
    assert_snapshot!(
        VerifierKey::new(name("a"), SignatureType::Ed25519, &[1; 31]).unwrap_err(),
        @"the public key is not a valid one for its type"
    );
    for (kind, right) in [
        (SignatureType::Ed25519, 32),
        (SignatureType::CosignatureEd25519, 32),
        (SignatureType::CosignatureMlDsa44, 1_312),
    ] {
        for length in [0, 1, 31, 33, 1_311, 1_313, 2_592] {
            let made = VerifierKey::new(name("a"), kind, &vec![3; length]);
            assert_eq!(made, Err(KeyError::PublicKey), "{kind:?} {length} {right}");
        }
        assert!(VerifierKey::new(name("a"), kind, &vec![3; right]).is_ok(), "{kind:?}");
    }
}

/// The eight points of small order, in canonical and other encodings: under each of them there are signatures that
/// verify without `verify_strict` and that nobody's secret made.
#[test]
fn refuses_ed25519_keys_of_small_order() {
    for hex in [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ] {
        let public = hex::decode(hex).unwrap();
        for kind in [SignatureType::Ed25519, SignatureType::CosignatureEd25519] {
            assert_eq!(VerifierKey::new(name("a"), kind, &public), Err(KeyError::Weak), "{hex}");
        }
    }
    assert_snapshot!(KeyError::Weak, @"the public key has small order: signatures by it prove nothing");
}

/// y = p + k with k < 19 fits into 255 bits, and the library reads it as y = k: a second encoding of the same key.
#[test]
fn refuses_ed25519_keys_whose_encoding_is_not_canonical() {
    let mut also_points = 0;
    for (k, sign) in (2..=18_u8).flat_map(|k| [(k, 0x7f), (k, 0xff)]) {
        let mut public = [0xff; 32];
        (public[0], public[31]) = (0xed + k, sign);
        also_points += usize::from(ed25519_dalek::VerifyingKey::from_bytes(&public).is_ok());
        let made = VerifierKey::new(name("a"), SignatureType::Ed25519, &public);
        assert_eq!(made, Err(KeyError::PublicKey), "{k} {sign}");
    }
    assert_eq!(also_points, 20);
}

#[test]
fn refuses_ed25519_keys_that_are_no_points() {
    let mut public = [0; 32];
    public[0] = 2;
    assert_eq!(VerifierKey::new(name("a"), SignatureType::Ed25519, &public), Err(KeyError::PublicKey));
}

#[test]
fn a_signing_key_is_read_and_printed() {
    let key = SigningKey::parse(SKEY).unwrap();
    assert_eq!(key.verifier().to_string(), VKEY);
    assert_eq!(*key.to_private_text(), SKEY);
    assert_eq!(format!("{key:?}"), "SigningKey(PeterNeumann)");
}

#[test]
fn refuses_a_signing_key_of_another_form() {
    let refusal = |text: &str| SigningKey::parse(text).unwrap_err();
    assert_snapshot!(refusal(VKEY), @"a signing key has the form PRIVATE+KEY+<name>+<key id in hex>+<base64>");
    for text in [
        "",
        "PRIVATE+KEY+",
        "PRIVATE+KEY+PeterNeumann",
        "PRIVATE+KEY+PeterNeumann+c74f20a3",
        "PRIVATE+KEY+PeterNeumann+c74f20a3+",
        "private+key+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz",
        "PRIVATE+KEY+PeterNeumann+C74F20A3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz",
        "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz\n",
    ] {
        assert_eq!(refusal(text), KeyError::SigningForm, "{text:?}");
    }
    assert_eq!(refusal(&SKEY.replace("Peter", "Peter\u{a0}")), KeyError::Name);
    assert_eq!(refusal(&SKEY.replace("c74f20a3", "c74f20a4")), KeyError::Id);
    assert_eq!(refusal(&SKEY.replace("+AYEK", "+A4EK")), KeyError::UnknownType(3));
}

#[test]
fn refuses_a_signing_key_whose_seed_has_another_length() {
    assert_snapshot!(
        SigningKey::parse("PRIVATE+KEY+PeterNeumann+c74f20a3+AYEK").unwrap_err(),
        @"a signing key holds its type and a seed of 32 bytes"
    );
}

#[test]
fn refuses_a_witness_key_as_signing_key() {
    assert_snapshot!(
        SigningKey::parse(&SKEY.replace("+AYEK", "+BIEK")).unwrap_err(),
        @"a key of type 0x04 does not sign here: a log signs with type 0x01, a witness with 0x04 or 0x06"
    );
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in "\\PC*") {
        if let Ok(key) = VerifierKey::parse(&text) {
            prop_assert_eq!(key.to_string(), text);
        }
    }

    #[test]
    fn a_changed_vkey_is_another_or_none(at in 0..VKEY.len(), to in select(&b"+=/aA09 \n"[..])) {
        let mut bytes = VKEY.as_bytes().to_vec();
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        let text = String::from_utf8(bytes).unwrap();
        if let Ok(key) = VerifierKey::parse(&text) {
            prop_assert_eq!(key.to_string(), text);
        }
    }

    #[test]
    fn any_seed_is_written_and_read_again(seed in any::<[u8; 32]>(), called in "[a-z./é]{1,20}") {
        let key = SigningKey::from_seed(name(&called), &seed);
        let text = key.to_private_text();
        let again = SigningKey::parse(&text).unwrap();
        prop_assert_eq!(again.verifier(), key.verifier());
        prop_assert_eq!(again.to_private_text(), text);
        let vkey = key.verifier().to_string();
        prop_assert_eq!(VerifierKey::parse(&vkey).unwrap(), key.verifier());
    }
}
