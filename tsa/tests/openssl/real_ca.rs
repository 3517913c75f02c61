//! A CA as others have them, made by openssl: a root, a CA below it, and a TSA certificate for our request.

use crate::openssl_program::{POLICY, run};
use std::path::Path;
use std::sync::Arc;
use treering_tsa::authority::{Authority, Settings};
use treering_tsa::chain::{Chain, ChainError};
use treering_tsa::gen_time::GenTime;
use treering_tsa::issue;
use treering_tsa::query::Query;
use treering_tsa::serial::Serial;
use treering_tsa::signer::{KeyKind, LocalSigner};

/// In the middle of the ten days that the certificates are valid for; openssl dates them by the clock.
fn now(chain: &Chain) -> GenTime {
    GenTime::from_millis(chain.leaf().not_before_millis() + 5 * 86_400_000).unwrap()
}

fn read(dir: &Path, name: &str) -> String {
    std::fs::read_to_string(dir.join(name)).unwrap()
}

/// Writes root.pem (RSA, SHA-512), ca.pem (P-521) and tsa.pem; the TSA's key is in tsa.key.
fn make(dir: &Path) -> LocalSigner {
    let openssl = |arguments: &str| run(dir, &arguments.split(' ').collect::<Vec<_>>()).unwrap();
    let key = LocalSigner::generate(KeyKind::P256).unwrap();
    std::fs::write(dir.join("tsa.key"), key.to_pem().unwrap().as_bytes()).unwrap();
    let request = issue::request(&key, "CN=TSA,O=Example").unwrap();
    std::fs::write(dir.join("tsa.csr"), issue::to_pem("CERTIFICATE REQUEST", &request)).unwrap();
    openssl(
        "req -x509 -newkey rsa:3072 -nodes -sha512 -subj /CN=Root -days 10 -keyout root.key -out root.pem",
    );
    openssl(
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-521 -nodes -subj /CN=CA -keyout ca.key -out ca.csr",
    );
    std::fs::write(dir.join("ca.ext"), "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n")
        .unwrap();
    openssl(
        "x509 -req -in ca.csr -CA root.pem -CAkey root.key -CAcreateserial -days 10 -extfile ca.ext -out ca.pem",
    );
    // The purpose comes from our request.
    openssl(
        "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 10 -copy_extensions copy -out tsa.pem",
    );
    key
}

#[test]
fn a_chain_of_three_verifies_with_the_root_alone() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let key = make(dir);
    let pem = read(dir, "tsa.pem") + &read(dir, "ca.pem") + &read(dir, "root.pem");
    let chain = Chain::from_pem(&pem).unwrap();
    let settings = Settings::new(treering_tsa::oid::parse(POLICY).unwrap());
    let authority = Authority::new(Arc::new(key), &chain, &settings, now(&chain)).unwrap();

    std::fs::write(dir.join("data"), b"data").unwrap();
    run(dir, &["ts", "-query", "-data", "data", "-sha256", "-cert", "-out", "query.tsq"]).unwrap();
    let query = Query::parse(&std::fs::read(dir.join("query.tsq")).unwrap()).unwrap();
    let granted = authority.grant(&query, now(&chain), &Serial::from_random([1; 16])).unwrap();
    std::fs::write(dir.join("reply.tsr"), &granted.reply).unwrap();
    run(dir, &["ts", "-verify", "-in", "reply.tsr", "-data", "data", "-CAfile", "root.pem"]).unwrap();
    let holds = |certificate: &treering_tsa::certificate::Certificate| {
        granted.reply.windows(certificate.der().len()).any(|bytes| bytes == certificate.der())
    };
    let [tsa, ca, root] = chain.certificates() else { panic!("three certificates") };
    assert_eq!((holds(tsa), holds(ca), holds(root)), (true, true, false));

    // In another order, or with one missing, it is no chain.
    for parts in [["tsa.pem", "root.pem"], ["ca.pem", "tsa.pem"]] {
        let error = Chain::from_pem(&parts.map(|name| read(dir, name)).concat()).unwrap_err();
        assert!(error.to_string().ends_with("list each certificate's issuer after it"), "{error}");
    }
    assert_eq!(Chain::new(Vec::new()), Err(ChainError::Empty));
    assert_eq!(Chain::new(vec![root.clone(); 11]), Err(ChainError::TooLong { found: 11 }));
}

#[cfg(feature = "pkcs12")]
#[test]
fn pkcs12_gives_key_and_chain() {
    use treering_tsa::signer::{KeyError, TsaSigner as _};
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let key = make(dir);
    std::fs::write(dir.join("issuers.pem"), read(dir, "ca.pem") + &read(dir, "root.pem")).unwrap();
    let export =
        "pkcs12 -export -inkey tsa.key -in tsa.pem -certfile issuers.pem -passout pass:secret -out tsa.p12";
    for legacy in [&[][..], &["-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"]] {
        run(dir, &[&export.split(' ').collect::<Vec<_>>(), legacy].concat()).unwrap();
        let file = std::fs::read(dir.join("tsa.p12")).unwrap();
        let (signer, chain) = LocalSigner::from_pkcs12(&file, "secret").unwrap();
        assert_eq!(signer.public_key_info(), key.public_key_info());
        let pem = read(dir, "tsa.pem") + &read(dir, "ca.pem") + &read(dir, "root.pem");
        assert_eq!(chain, Chain::from_pem(&pem).unwrap());
        assert!(matches!(LocalSigner::from_pkcs12(&file, "wrong"), Err(KeyError::Pkcs12(_))));
        assert!(matches!(LocalSigner::from_pkcs12(&file[1..], "secret"), Err(KeyError::Pkcs12(_))));
    }
    let only = "pkcs12 -export -nokeys -in ca.pem -passout pass:secret -out ca.p12";
    run(dir, &only.split(' ').collect::<Vec<_>>()).unwrap();
    let file = std::fs::read(dir.join("ca.p12")).unwrap();
    assert!(matches!(LocalSigner::from_pkcs12(&file, "secret"), Err(KeyError::NoKey)));
}
