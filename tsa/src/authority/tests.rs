use super::*;
use crate::certificate::CertificateError;
use crate::commitment::commitment_of;
use crate::imprint::ImprintAlgorithm;
use crate::issue::TestCa;
use crate::nonce::Nonce;
use crate::signer::{KeyKind, LocalSigner, SignError};
use crate::status::Rejection;
use cms::content_info::ContentInfo;
use cms::signed_data::SignedData;
use der::{Decode as _, Encode as _};
use sha2::{Digest as _, Sha256};
use x509_tsp::{TimeStampResp, TstInfo};

const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.1");
const OTHER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.2");

fn now() -> GenTime {
    GenTime::from_millis(1_764_095_625_000).unwrap()
}

fn made(kind: KeyKind) -> (Arc<LocalSigner>, Chain) {
    let ca = TestCa::generate(KeyKind::P256, "CN=Test CA", [1; 16], now()).unwrap();
    let signer = LocalSigner::generate(kind).unwrap();
    let leaf = ca.issue_tsa(signer.public_key_info(), "CN=TSA,O=Example", [2; 16], now(), 1).unwrap();
    (Arc::new(signer), Chain::new(vec![leaf, ca.certificate().clone()]).unwrap())
}

fn settings() -> Settings {
    Settings {
        other_policies: vec![OTHER],
        accuracy: Some(Accuracy::new(1, 0, 0).unwrap()),
        ordering: true,
        tsa_name: true,
        ..Settings::new(POLICY)
    }
}

fn authority(kind: KeyKind) -> Authority {
    let (signer, chain) = made(kind);
    Authority::new(signer, &chain, &settings(), now()).unwrap()
}

fn query(cert_req: bool) -> Query {
    Query::new(
        ImprintAlgorithm::Sha512.hash(b"abc"),
        Some(OTHER),
        Some(Nonce::from_random([7; 16])),
        cert_req,
    )
}

fn signed_data(reply: &[u8]) -> SignedData {
    let token = TimeStampResp::from_der(reply).unwrap().time_stamp_token.unwrap();
    token.content.decode_as().unwrap()
}

/// What the parts give when joined is DER as `cms` and `x509-tsp` would encode it.
#[test]
fn replies_are_canonical_der() {
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa3072] {
        let authority = authority(kind);
        for cert_req in [false, true] {
            let serial = Serial::from_random([9; 16]);
            let granted = authority.grant(&query(cert_req), now(), &serial).unwrap();
            let reply = TimeStampResp::from_der(&granted.reply).unwrap();
            assert_eq!(reply.to_der().unwrap(), granted.reply);
            let token: ContentInfo = reply.time_stamp_token.unwrap();
            let data: SignedData = token.content.decode_as().unwrap();
            assert_eq!(data.to_der().unwrap(), token.content.to_der().unwrap());
            assert_eq!(data.certificates.is_some(), cert_req);

            let info = data.encap_content_info.econtent.unwrap();
            let info = info.decode_as::<der::asn1::OctetString>().unwrap();
            let decoded = TstInfo::from_der(info.as_bytes()).unwrap();
            assert_eq!(decoded.to_der().unwrap(), info.as_bytes());
            assert_eq!(decoded.policy, OTHER);
            assert_eq!(decoded.serial_number.as_bytes(), serial.der_content());
            assert_eq!(decoded.message_imprint.to_der().unwrap(), query(cert_req).imprint_der());
            assert_eq!(decoded.nonce.unwrap().as_bytes(), query(cert_req).nonce().unwrap().der_content());
            assert!(decoded.ordering && decoded.tsa.is_some() && decoded.accuracy.is_some());
        }
    }
}

#[test]
fn the_commitment_is_the_hash_of_the_signer_info() {
    let granted = authority(KeyKind::P256).grant(&query(true), now(), &Serial::from_random([9; 16])).unwrap();
    let signers = signed_data(&granted.reply).signer_infos.0;
    let signer = signers.get(0).unwrap();
    assert!(signer.unsigned_attrs.is_none());
    let want: [u8; 32] = Sha256::digest(signer.to_der().unwrap()).into();
    assert_eq!(granted.commitment, want);
    assert_eq!(commitment_of(&granted.reply), Ok(want));
    let token = TimeStampResp::from_der(&granted.reply).unwrap().time_stamp_token.unwrap();
    assert_eq!(commitment_of(&token.to_der().unwrap()), Ok(want));
}

/// Another time under the same serial number, and the same again: ECDSA draws anew, so even that is another commitment.
#[test]
fn no_two_tokens_have_one_commitment() {
    let authority = authority(KeyKind::P256);
    let serial = Serial::from_random([9; 16]);
    let first = authority.grant(&query(true), now(), &serial).unwrap();
    let later = GenTime::from_millis(now().millis() + 1).unwrap();
    let second = authority.grant(&query(true), later, &serial).unwrap();
    let third = authority.grant(&query(true), now(), &serial).unwrap();
    assert!(first.commitment != second.commitment && first.commitment != third.commitment);
}

#[test]
fn the_policy_is_the_one_asked_for_or_the_default() {
    let authority = authority(KeyKind::P256);
    let ask = |policy| {
        let query = Query::new(ImprintAlgorithm::Sha256.hash(b"abc"), policy, None, false);
        authority.grant(&query, now(), &Serial::from_random([9; 16]))
    };
    let policy_of = |granted: Granted| {
        let info = signed_data(&granted.reply).encap_content_info.econtent.unwrap();
        let info = info.decode_as::<der::asn1::OctetString>().unwrap();
        TstInfo::from_der(info.as_bytes()).unwrap().policy
    };
    assert_eq!(policy_of(ask(None).unwrap()), POLICY);
    assert_eq!(policy_of(ask(Some(POLICY)).unwrap()), POLICY);
    assert_eq!(policy_of(ask(Some(OTHER)).unwrap()), OTHER);
    let refused = ask(Some(ObjectIdentifier::new_unwrap("1.2.3.4"))).unwrap_err();
    assert_eq!(refused.to_string(), "the query asks for policy 1.2.3.4, which isn't configured");
    assert_eq!(refused.rejection(), Rejection::UNACCEPTED_POLICY);
}

#[test]
fn an_expired_certificate_gives_no_token() {
    let authority = authority(KeyKind::P256);
    let at = |millis| {
        authority.grant(&query(false), GenTime::from_millis(millis).unwrap(), &Serial::from_random([9; 16]))
    };
    assert!(at(now().millis() + 86_400_999).is_ok());
    for millis in [now().millis() - 1, now().millis() + 86_401_000] {
        let refused = at(millis).unwrap_err();
        assert!(matches!(refused, Refused::Certificate(_)));
        assert_eq!(refused.rejection(), Rejection::SYSTEM_FAILURE);
    }
}

#[test]
fn only_a_fit_certificate_makes_an_authority() {
    let (signer, chain) = made(KeyKind::P256);
    let refused = |signer: Arc<dyn TsaSigner>, chain: &Chain, now| match Authority::new(
        signer,
        chain,
        &settings(),
        now,
    )
    .unwrap_err()
    {
        AuthorityError::Certificate(error) => error,
        other => panic!("{other}"),
    };
    let late = GenTime::from_millis(now().millis() + 86_401_000).unwrap();
    assert!(matches!(refused(signer.clone(), &chain, late), CertificateError::Expired { .. }));
    let other = Arc::new(LocalSigner::generate(KeyKind::P256).unwrap());
    assert!(matches!(refused(other, &chain, now()), CertificateError::OtherKey { .. }));
    let ca = Chain::new(chain.certificates()[1..].to_vec()).unwrap();
    assert!(matches!(refused(signer, &ca, now()), CertificateError::NoPurpose { .. }));
}

/// A device that says it is one key and signs with another.
struct Liar(LocalSigner, Arc<LocalSigner>);

impl TsaSigner for Liar {
    fn algorithm(&self) -> signature::SignatureAlgorithm {
        self.0.algorithm()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.0.sign(message)
    }

    fn public_key_info(&self) -> &[u8] {
        self.1.public_key_info()
    }
}

#[test]
fn a_device_with_another_key_is_found_out_at_the_start() {
    let (signer, chain) = made(KeyKind::P256);
    let liar = Arc::new(Liar(LocalSigner::generate(KeyKind::P256).unwrap(), signer));
    let error = Authority::new(liar, &chain, &settings(), now()).unwrap_err();
    assert!(matches!(error, AuthorityError::Signature(signature::SignatureError::Wrong)));
}
