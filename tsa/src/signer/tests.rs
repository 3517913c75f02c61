use super::*;
use crate::signature::verify;
use aws_lc_rs::encoding::AsDer as _;

#[test]
fn every_kind_signs_and_comes_back_from_pem() {
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa3072] {
        let signer = LocalSigner::generate(kind).unwrap();
        let again = LocalSigner::from_pem(&signer.to_pem().unwrap()).unwrap();
        assert_eq!(again.public_key_info(), signer.public_key_info());
        let signature = again.sign(b"message").unwrap();
        let check =
            |message: &[u8]| verify(signer.public_key_info(), signer.algorithm().oid(), message, &signature);
        assert_eq!(check(b"message"), Ok(()));
        assert_eq!(check(b"massage"), Err(crate::signature::SignatureError::Wrong));
    }
}

#[test]
fn keys_that_can_not_sign_here_are_refused_by_name() {
    use aws_lc_rs::signature as aws;
    let ed25519 = aws::Ed25519KeyPair::generate().unwrap().to_pkcs8v1().unwrap();
    assert_eq!(LocalSigner::from_der(ed25519.as_ref()).err(), Some(KeyError::Ed25519));
    for curve in [&aws::ECDSA_P521_SHA512_ASN1_SIGNING, &aws::ECDSA_P256K1_SHA256_ASN1_SIGNING] {
        let key = aws::EcdsaKeyPair::generate(curve).unwrap().to_pkcs8v1().unwrap();
        assert_eq!(LocalSigner::from_der(key.as_ref()).err(), Some(KeyError::Kind));
    }
    let short = aws::RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let short: aws_lc_rs::encoding::Pkcs8V1Der<'_> = short.as_der().unwrap();
    assert_eq!(LocalSigner::from_der(short.as_ref()).err(), Some(KeyError::RsaTooShort(2048)));
}

#[test]
fn damaged_files_are_refused() {
    let pem = LocalSigner::generate(KeyKind::P256).unwrap().to_pem().unwrap();
    let label = pem.replace("PRIVATE KEY", "EC PRIVATE KEY");
    assert_eq!(LocalSigner::from_pem(&label).err(), Some(KeyError::Label("EC PRIVATE KEY".into())));
    assert!(matches!(LocalSigner::from_pem("key"), Err(KeyError::Pem(_))));
    let (_, mut der) = der::pem::decode_vec(pem.as_bytes()).unwrap();
    assert!(matches!(LocalSigner::from_der(&der[1..]), Err(KeyError::Der(_))));
    // The first bytes of the private number: more than the curve's order.
    let at = der.windows(2).rposition(|bytes| bytes == [0x04, 0x20]).unwrap();
    der[at + 2..at + 34].fill(0xff);
    assert_eq!(LocalSigner::from_der(&der).err(), Some(KeyError::Damaged));
}

#[test]
fn keys_are_never_printed() {
    let signer = LocalSigner::generate(KeyKind::P256).unwrap();
    assert_eq!(format!("{signer:?}"), "LocalSigner(EcdsaP256Sha256)");
}
