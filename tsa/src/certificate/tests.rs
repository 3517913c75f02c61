use super::*;
use crate::issue::TestCa;
use crate::signer::{KeyKind, LocalSigner, TsaSigner as _};

fn now() -> GenTime {
    GenTime::from_millis(1_764_095_625_000).unwrap()
}

fn after(millis: u64) -> GenTime {
    GenTime::from_millis(now().millis() + millis).unwrap()
}

fn issued() -> (TestCa, LocalSigner, Certificate) {
    let ca = TestCa::generate(KeyKind::P256, "CN=Test CA", [1; 16], now()).unwrap();
    let key = LocalSigner::generate(KeyKind::P256).unwrap();
    let certificate = ca.issue_tsa(key.public_key_info(), "CN=TSA", [2; 16], now(), 1).unwrap();
    (ca, key, certificate)
}

#[test]
fn validity_ends_with_its_last_second() {
    let (_, _, certificate) = issued();
    let day = 86_400_000;
    assert_eq!(certificate.check_time(after(0)), Ok(()));
    assert_eq!(certificate.check_time(after(day + 999)), Ok(()));
    let expired = certificate.check_time(after(day + 1000)).unwrap_err();
    assert_eq!(
        expired.to_string(),
        "the certificate of CN=TSA expired at 2025-11-26T18:33:45Z; get a new one for the same key, or for a new key"
    );
    let early = certificate.check_time(GenTime::from_millis(now().millis() - 1).unwrap()).unwrap_err();
    assert_eq!(
        early.to_string(),
        "the certificate of CN=TSA is valid only from 2025-11-25T18:33:45Z on; wait until then, or check the clock"
    );
    assert_eq!([0, 1000, day, day + 1000].map(|millis| certificate.days_left(after(millis))), [1, 0, 0, -1]);
}

#[test]
fn other_certificates_are_not_for_timestamps() {
    let (ca, key, certificate) = issued();
    assert!(matches!(ca.certificate().check_purpose(), Err(CertificateError::NoPurpose { .. })));
    let refused = |from, to| changed(&certificate, from, to).check_purpose().unwrap_err();
    // Without critical TRUE.
    let error = refused("0603551d250101ff", "0603551d25");
    assert!(matches!(error, CertificateError::PurposeNotCritical { .. }), "{error}");
    // id-kp-timeStamping becomes id-kp-emailProtection.
    let error = refused("2b06010505070308", "2b06010505070304");
    assert!(matches!(error, CertificateError::OtherPurpose { .. }), "{error}");
    // digitalSignature and nonRepudiation become nonRepudiation and keyEncipherment.
    let error = refused("030206c0", "03020560");
    assert!(matches!(error, CertificateError::KeyUsage { .. }), "{error}");
    assert!(matches!(
        certificate.check_key(ca.signer().public_key_info()),
        Err(CertificateError::OtherKey { .. })
    ));
    assert_eq!(certificate.check_key(key.public_key_info()), Ok(()));
}

/// The certificate with some bytes replaced, and lengths mended by encoding it anew. Its signature breaks.
fn changed(certificate: &Certificate, from: &str, to: &str) -> Certificate {
    use der::Encode as _;
    let mut parsed = x509_cert::Certificate::from_der(certificate.der()).unwrap();
    for extension in parsed.tbs_certificate.extensions.iter_mut().flatten() {
        let text = hex::encode(extension.to_der().unwrap());
        let Some(at) = text.find(from) else { continue };
        let mut bytes = hex::decode(text.replace(from, to)).unwrap();
        assert_eq!(at % 2, 0);
        bytes[1] = u8::try_from(bytes.len() - 2).unwrap();
        *extension = x509_cert::ext::Extension::from_der(&bytes).unwrap();
    }
    let changed = parsed.to_der().unwrap();
    assert_ne!(changed, certificate.der());
    Certificate::parse(&changed).unwrap()
}

#[test]
fn issuers_are_checked() {
    let (ca, _, certificate) = issued();
    let namesake = TestCa::generate(KeyKind::P256, "CN=Test CA", [3; 16], now()).unwrap();
    let other = TestCa::generate(KeyKind::P256, "CN=Other CA", [3; 16], now()).unwrap();
    let refused = |issuer: &Certificate| certificate.check_issued_by(issuer).unwrap_err();
    assert!(matches!(refused(namesake.certificate()), CertificateError::Signature { .. }));
    assert!(matches!(refused(other.certificate()), CertificateError::OtherIssuer { .. }));
    // A TSA's certificate can't issue another, whatever name that one gives as its issuer.
    let own = certificate_of_a_tsa_named_like(&ca);
    assert!(matches!(refused(&own), CertificateError::NotACa { .. }));
}

/// A TSA's certificate for the CA's own key and name.
fn certificate_of_a_tsa_named_like(ca: &TestCa) -> Certificate {
    ca.issue_tsa(ca.signer().public_key_info(), "CN=Test CA", [4; 16], now(), 1).unwrap()
}

#[test]
fn lists_may_have_text_between_the_blocks() {
    let (ca, _, certificate) = issued();
    let text = format!("subject=TSA\n{}\nsubject=CA\r\n{}", certificate.to_pem(), ca.certificate().to_pem());
    assert_eq!(Certificate::from_pem_list(&text), Ok(vec![certificate.clone(), ca.certificate().clone()]));
    assert_eq!(Certificate::from_pem_list("-----BEGIN NOTHING-----"), Err(CertificateError::NoPem));
    let cut = certificate.to_pem().replace("-----END", "");
    assert_eq!(Certificate::from_pem_list(&cut), Err(CertificateError::PemCutOff));
    let damaged = certificate.to_pem().replace('M', "*");
    assert!(matches!(Certificate::from_pem_list(&damaged), Err(CertificateError::Pem(_))));
}

#[test]
fn what_is_no_certificate_is_refused() {
    let (_, _, certificate) = issued();
    let long = vec![0x30; Certificate::MAX_BYTES + 1];
    assert_eq!(Certificate::parse(&long), Err(CertificateError::TooLong { found: long.len() }));
    for length in 0..certificate.der().len() {
        assert!(Certificate::parse(&certificate.der()[..length]).is_err());
    }
    // 1 MB of nested sequences would be refused for its length; this is as deep as it gets below that.
    let nested: Vec<u8> = (0..13_000).flat_map(|_| [0x30, 0x83, 0x00, 0xff, 0xff]).collect();
    assert!(matches!(Certificate::parse(&nested), Err(CertificateError::Der(_))));
}

/// A part of a name with thousands of attributes in the wrong order took `der` seconds to sort.
#[test]
fn outsized_names_are_refused_before_they_are_sorted() {
    let (_, _, certificate) = issued();
    let attribute = |number: u16| {
        let value = tlv::element(tlv::UTF8_STRING, &[format!("{number:04}").as_bytes()]);
        tlv::element(tlv::SEQUENCE, &[&[tlv::OID, 3, 0x55, 0x04, 0x03], &value])
    };
    let named = |count: u16| {
        let attributes: Vec<u8> = (0..count).rev().flat_map(attribute).collect();
        let name = tlv::element(tlv::SEQUENCE, &[&tlv::element(tlv::SET, &[&attributes])]);
        let der = certificate.der();
        let at = der
            .windows(certificate.subject_der().len())
            .rposition(|bytes| bytes == certificate.subject_der());
        let (before, after) = (&der[8..at.unwrap()], &der[at.unwrap() + certificate.subject_der().len()..]);
        // Header of the signed part and of the whole: 4 bytes each.
        let signed_len = Elements::new(&der[4..]).next().unwrap().content.len() - before.len();
        let (rest, outside) = after.split_at(signed_len - certificate.subject_der().len());
        let signed = tlv::element(tlv::SEQUENCE, &[before, &name, rest]);
        Certificate::parse(&tlv::element(tlv::SEQUENCE, &[&signed, outside]))
    };
    assert_eq!(named(3000), Err(CertificateError::Name { found: 3000 }));
    assert_eq!(named(17), Err(CertificateError::Name { found: 17 }));
    assert!(named(1).is_ok());
}
