use super::*;
use der::Decode as _;

fn now() -> GenTime {
    GenTime::from_millis(1_764_095_625_123).unwrap()
}

#[test]
fn a_tsa_certificate_is_fit() {
    let ca = TestCa::generate(KeyKind::P256, "CN=Test CA,O=Example", [1; 16], now()).unwrap();
    let key = LocalSigner::generate(KeyKind::P384).unwrap();
    let tsa = ca.issue_tsa(key.public_key_info(), "CN=Test TSA,O=Example,C=DE", [2; 16], now(), 30).unwrap();
    assert_eq!(tsa.check_issued_by(ca.certificate()), Ok(()));
    assert_eq!(ca.certificate().check_issued_by(ca.certificate()), Ok(()));
    assert_eq!((tsa.check_purpose(), tsa.check_time(now())), (Ok(()), Ok(())));
    assert_eq!(tsa.check_key(key.public_key_info()), Ok(()));
    assert_eq!(tsa.subject(), "CN=Test TSA,O=Example,C=DE");
    assert_eq!(tsa.issuer(), "CN=Test CA,O=Example");
    assert_eq!(tsa.days_left(now()), 30);
    // The bytes are DER as `x509-cert` writes it.
    assert_eq!(x509_cert::Certificate::from_der(tsa.der()).unwrap().to_der().unwrap(), tsa.der());
    let again =
        TestCa::new(LocalSigner::from_pem(&ca.signer().to_pem().unwrap()).unwrap(), ca.certificate().clone());
    assert!(again.is_ok());
    assert!(matches!(TestCa::new(key, ca.certificate().clone()), Err(IssueError::Certificate(_))));
}

#[test]
fn times_after_2049_are_generalized() {
    let late = GenTime::from_millis(2_500_000_000_000).unwrap();
    let ca = TestCa::generate(KeyKind::P256, "CN=Late", [1; 16], late).unwrap();
    assert_eq!(ca.certificate().not_before_millis(), 2_500_000_000_000);
    let last = GenTime::from_millis(GenTime::MAX_MILLIS).unwrap();
    assert!(matches!(TestCa::generate(KeyKind::P256, "CN=Late", [1; 16], last), Err(IssueError::Time(_))));
}

#[test]
fn a_request_asks_for_the_purpose() {
    let key = LocalSigner::generate(KeyKind::P256).unwrap();
    let der = request(&key, "CN=Example TSA").unwrap();
    let parsed = x509_cert::request::CertReq::from_der(&der).unwrap();
    assert_eq!(parsed.to_der().unwrap(), der);
    assert_eq!(parsed.info.subject.to_string(), "CN=Example TSA");
    assert_eq!(parsed.info.public_key.to_der().unwrap(), key.public_key_info());
    let signed = parsed.info.to_der().unwrap();
    let signature = parsed.signature.as_bytes().unwrap();
    assert_eq!(
        crate::signature::verify(key.public_key_info(), key.algorithm().oid(), &signed, signature),
        Ok(())
    );
    assert!(to_pem("CERTIFICATE REQUEST", &der).starts_with("-----BEGIN CERTIFICATE REQUEST-----\n"));
}

#[test]
fn names_that_can_not_be_read_are_refused() {
    let key = LocalSigner::generate(KeyKind::P256).unwrap();
    assert!(matches!(request(&key, ""), Err(IssueError::NoName)));
    assert!(matches!(request(&key, "Example"), Err(IssueError::Name(_))));
}
