//! Debian's openssl asks, we grant, openssl verifies: for each kind of key and each imprint, with and without the
//! certificate in the reply, with and without the proof in the token. And it refuses what was changed.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail it")]

mod differential;
mod openssl_program;
mod real_ca;

use openssl_program::{Openssl, POLICY};
use treering_tsa::embed::ProofAttribute;
use treering_tsa::imprint::ImprintAlgorithm;
use treering_tsa::query::{Query, QueryError};
use treering_tsa::signer::KeyKind;
use treering_tsa::status::Rejection;

const KEYS: [KeyKind; 3] = [KeyKind::P256, KeyKind::P384, KeyKind::Rsa3072];

const PROOF: &[u8] = b"c2sp.org/tlog-proof@v1\nindex 7\n\nexample\n";

fn attribute() -> ProofAttribute {
    ProofAttribute::new("1.3.6.1.4.1.32473.1.9").unwrap()
}

#[test]
fn openssl_verifies_each_key_and_imprint() {
    for key in KEYS {
        let openssl = Openssl::new(key);
        for imprint in ImprintAlgorithm::ALL {
            for cert in [true, false] {
                let query = openssl.query(imprint, cert);
                let reply = openssl.grant(&query);
                let with_proof = attribute().embed(&reply, PROOF).unwrap();
                for reply in [&reply, &with_proof] {
                    openssl.verify_data(reply, !cert).unwrap();
                    openssl.verify_query(reply, &query, !cert).unwrap();
                }
            }
        }
    }
}

/// Without -cert the reply has no certificate, so openssl has to be given it; and with -cert it needs none.
#[test]
fn certificates_come_only_if_asked_for() {
    let openssl = Openssl::new(KeyKind::P256);
    let without = openssl.grant(&openssl.query(ImprintAlgorithm::Sha256, false));
    openssl.verify_data(&without, false).unwrap_err();
    let with = openssl.grant(&openssl.query(ImprintAlgorithm::Sha256, true));
    assert!(with.len() > without.len());
    openssl.verify_data(&with, false).unwrap();
}

#[test]
fn openssl_refuses_what_was_changed() {
    let openssl = Openssl::new(KeyKind::P256);
    let query = openssl.query(ImprintAlgorithm::Sha256, true);
    let reply = openssl.grant(&query);
    openssl.verify_query(&reply, &query, false).unwrap();

    // Another query of the same file: another nonce.
    let other = openssl.query(ImprintAlgorithm::Sha256, true);
    let error = openssl.verify_query(&reply, &other, false).unwrap_err();
    assert!(error.contains("nonce mismatch"), "{error}");

    // The second of genTime, which stands once in the reply.
    let mut changed = reply.clone();
    let at = changed.windows(14).position(|bytes| bytes == b"20251125183345").unwrap();
    changed[at + 13] ^= 1;
    openssl.verify_query(&changed, &query, false).unwrap_err();
    // The last byte of the signature.
    let mut changed = reply.clone();
    *changed.last_mut().unwrap() ^= 1;
    openssl.verify_query(&changed, &query, false).unwrap_err();

    openssl.change_file();
    let error = openssl.verify_data(&reply, false).unwrap_err();
    assert!(error.contains("message imprint mismatch"), "{error}");
}

#[test]
fn openssl_reads_every_field() {
    let openssl = Openssl::new(KeyKind::P256);
    let text = openssl.text(&openssl.grant(&openssl.query(ImprintAlgorithm::Sha3_256, true)));
    for line in [
        "Status: Granted.",
        &format!("Policy OID: {POLICY}"),
        "Hash Algorithm: sha3-256",
        "Serial number: 0x89898989898989898989898989898989",
        "Time stamp: Nov 25 18:33:45.12 2025 GMT",
        "Accuracy: 0x01 seconds, 0x01F4 millis, unspecified micros",
        "Ordering: yes",
        "TSA: DirName:/C=DE/O=Example/CN=TSA",
        "Extensions:",
    ] {
        assert!(text.contains(line), "{line} is missing in:\n{text}");
    }
}

#[test]
fn openssl_reads_every_rejection() {
    let openssl = Openssl::new(KeyKind::P256);
    for (rejection, failure) in [
        (Rejection::BAD_ALG, "unrecognized or unsupported algorithm identifier"),
        (Rejection::BAD_REQUEST, "transaction not permitted or supported"),
        (Rejection::BAD_DATA_FORMAT, "the data submitted has the wrong format"),
        (Rejection::TIME_NOT_AVAILABLE, "the TSA's time source is not available"),
        (Rejection::UNACCEPTED_POLICY, "the requested TSA policy is not supported by the TSA"),
        (Rejection::UNACCEPTED_EXTENSION, "the requested extension is not supported by the TSA"),
        (Rejection::ADD_INFO_NOT_AVAILABLE, "the additional information requested could not be understood"),
        (Rejection::SYSTEM_FAILURE, "the request cannot be handled due to system failure"),
    ] {
        let text = openssl.text(&rejection.encode());
        for part in ["Status: Rejected.", rejection.text(), failure, "TST info:\nNot included."] {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
    }
}

/// SHA-1 is what old clients ask with; openssl still can.
#[test]
fn old_hashes_are_rejected() {
    let openssl = Openssl::new(KeyKind::P256);
    for (digest, rejection) in [("-sha1", Rejection::BAD_ALG), ("-sha224", Rejection::BAD_ALG)] {
        let query = openssl.query_with(&[digest]);
        assert_eq!(Query::parse(&query), Err(QueryError::Rejected(rejection)));
    }
}

/// Keys that openssl made are read, and a request that we made is one for openssl.
#[test]
fn keys_and_requests_are_openssls() {
    let openssl = Openssl::new(KeyKind::P256);
    openssl.reads_our_request().unwrap();
    for algorithm in [
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"][..],
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
    ] {
        openssl.its_key_signs(algorithm);
    }
}
