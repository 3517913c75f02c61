//! The openssl program over files of a temporary directory, and an authority that it trusts.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use treering_tsa::accuracy::Accuracy;
use treering_tsa::authority::{Authority, Settings};
use treering_tsa::certificate::Certificate;
use treering_tsa::chain::Chain;
use treering_tsa::gen_time::GenTime;
use treering_tsa::imprint::ImprintAlgorithm;
use treering_tsa::issue::{self, TestCa};
use treering_tsa::query::Query;
use treering_tsa::serial::Serial;
use treering_tsa::signer::{KeyKind, LocalSigner, TsaSigner as _};
use treering_tsa::verify::Verifier;

pub(crate) const POLICY: &str = "1.3.6.1.4.1.32473.1.1";

/// 2025-11-25T18:33:45.12Z, at which openssl has to verify, too.
const MILLIS: u64 = 1_764_095_625_120;

pub(crate) struct Openssl {
    dir: tempfile::TempDir,
    authority: Authority,
    root: Certificate,
}

impl Openssl {
    /// An authority with a new key of this kind, and the files `data`, `ca.pem` and `tsa.pem`.
    pub(crate) fn new(kind: KeyKind) -> Openssl {
        let now = GenTime::from_millis(MILLIS).unwrap();
        let ca = TestCa::generate(KeyKind::P256, "CN=Test CA,O=Example", [1; 16], now).unwrap();
        let signer = LocalSigner::generate(kind).unwrap();
        let name = "CN=TSA,O=Example,C=DE";
        let leaf = ca.issue_tsa(signer.public_key_info(), name, [2; 16], now, 365).unwrap();
        let settings = Settings {
            accuracy: Some(Accuracy::new(1, 500, 0).unwrap()),
            ordering: true,
            tsa_name: true,
            ..Settings::new(treering_tsa::oid::parse(POLICY).unwrap())
        };
        let chain = Chain::new(vec![leaf.clone(), ca.certificate().clone()]).unwrap();
        let authority = Authority::new(Arc::new(signer), &chain, &settings, now).unwrap();
        let root = ca.certificate().clone();
        let openssl = Openssl { dir: tempfile::tempdir().unwrap(), authority, root };
        openssl.write("data", b"What a timestamp is of.\n");
        openssl.write("ca.pem", ca.certificate().to_pem().as_bytes());
        openssl.write("tsa.pem", leaf.to_pem().as_bytes());
        openssl
    }

    /// `openssl ts -query` for the file.
    pub(crate) fn query(&self, imprint: ImprintAlgorithm, cert: bool) -> Vec<u8> {
        let digest = format!("-{}", imprint.name());
        if cert { self.query_with(&[&digest, "-cert"]) } else { self.query_with(&[&digest]) }
    }

    pub(crate) fn query_with(&self, options: &[&str]) -> Vec<u8> {
        self.run(&[&["ts", "-query", "-data", "data", "-out", "query.tsq"], options].concat()).unwrap();
        std::fs::read(self.path("query.tsq")).unwrap()
    }

    /// Our reply.
    pub(crate) fn grant(&self, query: &[u8]) -> Vec<u8> {
        let query = Query::parse(query).unwrap();
        let time = GenTime::from_millis(MILLIS).unwrap();
        self.authority.grant(&query, time, &Serial::from_random([0x89; 16])).unwrap().reply
    }

    /// `openssl ts -verify -data`.
    pub(crate) fn verify_data(&self, reply: &[u8], untrusted: bool) -> Result<(), String> {
        self.verify(reply, &["-data", "data"], untrusted)
    }

    /// `openssl ts -verify -queryfile`.
    pub(crate) fn verify_query(&self, reply: &[u8], query: &[u8], untrusted: bool) -> Result<(), String> {
        self.write("asked.tsq", query);
        self.verify(reply, &["-queryfile", "asked.tsq"], untrusted)
    }

    /// Ours, which trusts what openssl trusts.
    pub(crate) fn verifier(&self) -> Verifier {
        Verifier::new(vec![self.root.clone()], Vec::new()).unwrap()
    }

    pub(crate) fn change_file(&self) {
        self.write("data", b"What a timestamp isn't of.\n");
    }

    /// `openssl ts -reply -text`.
    pub(crate) fn text(&self, reply: &[u8]) -> String {
        self.write("reply.tsr", reply);
        self.run(&["ts", "-reply", "-in", "reply.tsr", "-text"]).unwrap()
    }

    /// `openssl req -verify` of a request for a new key.
    pub(crate) fn reads_our_request(&self) -> Result<(), String> {
        let key = LocalSigner::generate(KeyKind::P256).unwrap();
        let request = issue::request(&key, "CN=Example TSA,O=Example,C=DE").unwrap();
        self.write("request.pem", issue::to_pem("CERTIFICATE REQUEST", &request).as_bytes());
        let text = self.run(&["req", "-in", "request.pem", "-noout", "-verify", "-text"])?;
        for part in ["Subject: C = DE, O = Example, CN = Example TSA", "critical\n", "Time Stamping"] {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
        Ok(())
    }

    /// `openssl genpkey`, and a signature by that key that openssl verifies.
    pub(crate) fn its_key_signs(&self, algorithm: &[&str]) {
        self.run(&[&["genpkey", "-out", "key.pem"], algorithm].concat()).unwrap();
        let key = LocalSigner::from_pem(&std::fs::read_to_string(self.path("key.pem")).unwrap()).unwrap();
        let request = issue::request(&key, "CN=Example TSA").unwrap();
        self.write("request.pem", issue::to_pem("CERTIFICATE REQUEST", &request).as_bytes());
        self.run(&["req", "-in", "request.pem", "-noout", "-verify"]).unwrap();
    }

    fn verify(&self, reply: &[u8], options: &[&str], untrusted: bool) -> Result<(), String> {
        self.write("reply.tsr", reply);
        let time = (MILLIS / 1000).to_string();
        let fixed = ["ts", "-verify", "-in", "reply.tsr", "-CAfile", "ca.pem", "-attime", &time];
        let untrusted: &[&str] = if untrusted { &["-untrusted", "tsa.pem"] } else { &[] };
        let output = self.run(&[&fixed, options, untrusted].concat())?;
        assert!(output.contains("Verification: OK"), "{output}");
        Ok(())
    }

    fn run(&self, arguments: &[&str]) -> Result<String, String> {
        run(self.dir.path(), arguments)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

/// Standard output and error of openssl in this directory; as an error if the exit code says so.
pub(crate) fn run(dir: &Path, arguments: &[&str]) -> Result<String, String> {
    let Output { status, stdout, stderr } = Command::new("openssl")
        .args(arguments)
        .current_dir(dir)
        .env("LC_ALL", "C")
        .output()
        .expect("openssl runs; scripts/deps.sh test installs it");
    let text = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
    if status.success() { Ok(text) } else { Err(text) }
}
