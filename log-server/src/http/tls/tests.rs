//! Certificates that are taken, and those that are not. Handshakes are in `accept`'s tests and end to end.

use std::{fs, os::unix::fs::PermissionsExt as _};

use treering_tsa::{
    gen_time::GenTime,
    issue::TestCa,
    signer::{KeyKind, LocalSigner, TsaSigner},
};

use super::*;

const NOW: UnixMillis = UnixMillis::new(1_790_000_000_000).unwrap();

/// A certificate and its key in their files, valid for so many days from `NOW`.
pub(in crate::http) struct Pair {
    folder: tempfile::TempDir,
}

impl Pair {
    pub(in crate::http) fn new(days: u32) -> Pair {
        let pair = Pair { folder: tempfile::tempdir().unwrap() };
        let (chain, key) = Pair::make(days);
        pair.put(&chain, &key);
        pair
    }

    pub(in crate::http) fn files(&self) -> TlsConfig {
        TlsConfig {
            certificates: self.folder.path().join("chain.pem"),
            key: self.folder.path().join("key.pem"),
        }
    }

    fn make(days: u32) -> (String, String) {
        let from = GenTime::from_millis(NOW.get()).unwrap();
        let ca = TestCa::generate(KeyKind::P256, "CN=Test CA", [1; 16], from).unwrap();
        let signer = LocalSigner::generate(KeyKind::P256).unwrap();
        let own = ca.issue_tsa(signer.public_key_info(), "CN=log.example", [2; 16], from, days).unwrap();
        (own.to_pem() + &ca.certificate().to_pem(), signer.to_pem().unwrap().to_string())
    }

    fn put(&self, chain: &str, key: &str) {
        let TlsConfig { certificates, key: key_file } = self.files();
        fs::write(certificates, chain).unwrap();
        fs::write(&key_file, key).unwrap();
        fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn refusal(&self) -> String {
        let text = Tls::open(self.files(), NOW).unwrap_err().to_string();
        text.replace(&format!("{}/", self.folder.path().display()), "")
    }
}

#[test]
fn a_new_pair_is_taken_once_it_is_whole() {
    let pair = Pair::new(10);
    let tls = Tls::open(pair.files(), NOW).unwrap();
    assert_eq!((tls.look(NOW).unwrap(), tls.days_left(NOW)), (false, 10));
    let (chain, key) = Pair::make(20);
    // The certificate comes first: with the old key it is no pair.
    fs::write(pair.files().certificates, &chain).unwrap();
    let refused = tls.look(NOW).unwrap_err().to_string();
    assert!(refused.contains("don't go together"), "{refused}");
    assert_eq!((tls.look(NOW).unwrap(), tls.days_left(NOW)), (false, 10), "said once, and the old one stays");
    pair.put(&chain, &key);
    assert_eq!((tls.look(NOW).unwrap(), tls.days_left(NOW)), (true, 20));
}

#[test]
fn a_pair_whose_time_is_over_is_not_taken_in_place_of_a_good_one() {
    let pair = Pair::new(20);
    let tls = Tls::open(pair.files(), NOW).unwrap();
    let (chain, key) = Pair::make(1);
    pair.put(&chain, &key);
    let later = UnixMillis::new(NOW.get() + 5 * DAY).unwrap();
    assert!(matches!(tls.look(later), Err(TlsError::NotNow { .. })));
    assert_eq!(tls.days_left(later), 15);
    // At a start there is no better one: it is told, and used.
    assert_eq!(Tls::open(pair.files(), later).unwrap().days_left(later), -4);
}

#[test]
fn files_that_are_gone_change_nothing() {
    let pair = Pair::new(20);
    let tls = Tls::open(pair.files(), NOW).unwrap();
    fs::remove_file(pair.files().key).unwrap();
    assert!(tls.look(NOW).is_err());
    assert_eq!(tls.days_left(NOW), 20);
}

#[test]
fn each_refusal_says_what_would_be_right() {
    let pair = Pair::new(10);
    let (chain, key) = Pair::make(10);
    fs::set_permissions(pair.files().key, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(pair.refusal().contains("key.pem: others may read this key (mode 0640)"), "{}", pair.refusal());
    pair.put("", &key);
    assert_eq!(
        pair.refusal(),
        "[tls]: chain.pem: no certificate in it; it holds the chain in PEM, the server's own first"
    );
    pair.put(&chain[..chain.len() - 40], &key);
    assert!(
        pair.refusal().starts_with("[tls]: chain.pem: not a chain of certificates in PEM"),
        "{}",
        pair.refusal()
    );
    pair.put(&chain, &chain);
    assert_eq!(
        pair.refusal(),
        "[tls]: key.pem: no private key in PEM, without a password (PRIVATE KEY, EC PRIVATE KEY or RSA PRIVATE KEY)"
    );
    pair.put(&chain, &Pair::make(10).1);
    assert!(
        pair.refusal().starts_with("[tls]: chain.pem and key.pem don't go together"),
        "{}",
        pair.refusal()
    );
}

#[test]
fn a_key_may_stand_behind_its_parameters() {
    let (_, key) = Pair::make(1);
    let text = format!("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{key}");
    assert_eq!(private_key(text.as_bytes()).map(|(label, _)| label), Some(Label::Pkcs8));
    assert_eq!(private_key(b"-----BEGIN PRIVATE KEY-----\nAAAA"), None);
}

#[test]
fn what_is_printed_holds_no_key() {
    let pair = Pair::new(10);
    let key = fs::read_to_string(pair.files().key).unwrap();
    let shown = format!("{:?}", Tls::open(pair.files(), NOW).unwrap());
    let line = key.lines().nth(1).unwrap();
    assert!(!shown.contains(line), "{shown}");
}
