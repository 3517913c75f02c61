//! Tokens as others write them: by `openssl ts -reply`, and by `openssl cms -sign` over a TSTInfo of ours, which signs with
//! any certificate and algorithm.

use crate::world::{DATA, MILLIS, World, at, imprint};
use std::{
    path::PathBuf,
    process::{Command, Output},
};
use treering_tsa::{
    certificate::Certificate,
    gen_time::GenTime,
    imprint::ImprintAlgorithm,
    reply::{Reply, ReplyError},
    signer::KeyKind,
    verify::{Fault, Verifier, VerifyError},
};

/// A root, an intermediate and signers, all made by openssl.
struct Pki {
    dir: tempfile::TempDir,
}

const EXTENSIONS: &str = "\
[ca]\nbasicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n\
[ca_for_servers]\nbasicConstraints=critical,CA:true\nextendedKeyUsage=serverAuth\n\
[tsa]\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\nsubjectKeyIdentifier=hash\n\
[not_critical]\nextendedKeyUsage=timeStamping\n\
[two_purposes]\nextendedKeyUsage=critical,timeStamping,codeSigning\n\
[no_purpose]\nkeyUsage=critical,digitalSignature\n\
[encipherment]\nkeyUsage=critical,keyEncipherment\nextendedKeyUsage=critical,timeStamping\n\
[req]\ndistinguished_name=dn\n[dn]\n\
[tsa_config]\nserial=serial\nsigner_digest=sha256\ndefault_policy=1.3.6.1.4.1.32473.1.1\ndigests=sha256,sha512\n\
accuracy=secs:1,millisecs:500\nclock_precision_digits=6\nordering=yes\ntsa_name=yes\ness_cert_id_chain=yes\n";

const EC: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];

impl Pki {
    fn new() -> Pki {
        let pki = Pki { dir: tempfile::tempdir().unwrap() };
        pki.write("x.cnf", EXTENSIONS.as_bytes());
        pki.write("data", DATA);
        pki.key("root", EC);
        pki.openssl(&[
            "req",
            "-x509",
            "-config",
            "x.cnf",
            "-extensions",
            "ca",
            "-key",
            "root.key",
            "-subj",
            "/CN=Root",
            "-days",
            "9000",
            "-out",
            "root.pem",
        ]);
        pki.key("inter", EC);
        pki.issue("inter", "root", "ca", &[]);
        pki
    }

    fn key(&self, name: &str, algorithm: &[&str]) {
        self.openssl(&[&["genpkey", "-out", &format!("{name}.key")], algorithm].concat());
    }

    /// `name.pem`, for `name.key`.
    fn issue(&self, name: &str, issuer: &str, extensions: &str, options: &[&str]) {
        self.openssl(&[
            "req",
            "-new",
            "-config",
            "x.cnf",
            "-key",
            &format!("{name}.key"),
            "-subj",
            &format!("/O=Example/CN={name}"),
            "-out",
            "request",
        ]);
        let (ca, ca_key, out) = (format!("{issuer}.pem"), format!("{issuer}.key"), format!("{name}.pem"));
        let fixed = [
            "x509",
            "-req",
            "-in",
            "request",
            "-CA",
            &ca,
            "-CAkey",
            &ca_key,
            "-CAcreateserial",
            "-extfile",
            "x.cnf",
            "-extensions",
            extensions,
            "-out",
            &out,
        ];
        // Longer than anybody keeps this code, unless the options say otherwise.
        let days: &[&str] = if options.contains(&"-days") { &[] } else { &["-days", "9000"] };
        self.openssl(&[&fixed[..], days, options].concat());
    }

    /// A new key and a certificate below the intermediate one.
    fn signer(&self, name: &str, algorithm: &[&str], extensions: &str) {
        self.key(name, algorithm);
        self.issue(name, "inter", extensions, &[]);
    }

    /// A token by `openssl cms -sign` over a TSTInfo of this time.
    fn cms(&self, signer: &str, millis: u64, options: &[&str]) -> Vec<u8> {
        self.cms_over(&tst_info(millis), signer, options)
    }

    fn cms_over(&self, content: &[u8], signer: &str, options: &[&str]) -> Vec<u8> {
        self.write("content", content);
        let (certificate, key) = (format!("{signer}.pem"), format!("{signer}.key"));
        let fixed = [
            "cms",
            "-sign",
            "-binary",
            "-nodetach",
            "-econtent_type",
            "1.2.840.113549.1.9.16.1.4",
            "-in",
            "content",
            "-signer",
            &certificate,
            "-inkey",
            &key,
            "-certfile",
            "inter.pem",
            "-outform",
            "DER",
            "-out",
            "token",
        ];
        self.openssl(&[&fixed[..], options].concat());
        std::fs::read(self.path("token")).unwrap()
    }

    /// A reply by `openssl ts -reply`, of now.
    fn ts(&self, signer: &str, settings: &str) -> Vec<u8> {
        self.write("x.cnf", format!("{EXTENSIONS}{settings}").as_bytes());
        self.openssl(&["ts", "-query", "-data", "data", "-sha256", "-cert", "-out", "query"]);
        let (certificate, key) = (format!("{signer}.pem"), format!("{signer}.key"));
        self.openssl(&[
            "ts",
            "-reply",
            "-config",
            "x.cnf",
            "-section",
            "tsa_config",
            "-queryfile",
            "query",
            "-signer",
            &certificate,
            "-inkey",
            &key,
            "-chain",
            "inter.pem",
            "-out",
            "reply",
        ]);
        std::fs::read(self.path("reply")).unwrap()
    }

    fn certificate(&self, name: &str) -> Certificate {
        let pem = std::fs::read_to_string(self.path(&format!("{name}.pem"))).unwrap();
        Certificate::from_pem_list(&pem).unwrap().remove(0)
    }

    fn verifier(&self) -> Verifier {
        Verifier::new(vec![self.certificate("root")], Vec::new()).unwrap()
    }

    fn judge(&self, bytes: &[u8]) -> Result<GenTime, VerifyError> {
        let reply = Reply::parse_file(bytes).unwrap();
        let verified = self.verifier().verify(&reply, &imprint(), None)?;
        assert_eq!(verified.root(), "CN=Root");
        Ok(verified.signed().token().info().gen_time)
    }

    fn openssl(&self, args: &[&str]) {
        let Output { status, stdout, stderr } =
            Command::new("openssl").args(args).current_dir(self.dir.path()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(status.success(), "openssl {args:?}: {}{}", text(&stdout), text(&stderr));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }
}

/// A TSTInfo of [`DATA`] without a `tsa` name, since openssl's signers have others.
fn tst_info(millis: u64) -> Vec<u8> {
    let world = World::at(KeyKind::P256, millis, false);
    let bytes = world.reply(ImprintAlgorithm::Sha256, true);
    Reply::parse(&bytes).unwrap().token().unwrap().content().to_vec()
}

/// The certificates of these tests begin at the time of the test, and hold for 9,000 days.
fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap() + 60_000
}

#[test]
fn openssls_own_replies_verify() {
    let pki = Pki::new();
    for (name, algorithm) in [
        ("p256", EC),
        ("p384", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
        ("p521", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"]),
        ("rsa2048", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
    ] {
        pki.signer(name, algorithm, "tsa");
        // SHA-1 in the attribute means ESSCertID of RFC 3161 itself.
        for settings in ["", "ess_cert_id_alg=sha1\n", "ess_cert_id_alg=sha512\n"] {
            let bytes = pki.ts(name, settings);
            pki.judge(&bytes).unwrap();
            let reply = Reply::parse(&bytes).unwrap();
            let info = reply.token().unwrap().info().clone();
            assert!(info.ordering && info.nonce.is_some() && info.tsa.is_some());
            assert_eq!(info.accuracy.unwrap().as_micros(), 1_500_000);
        }
    }
}

#[test]
fn algorithms_of_others_verify() {
    let pki = Pki::new();
    pki.signer("ec", EC, "tsa");
    pki.signer("rsa", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "tsa");
    let time = now();
    let pss = ["-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:digest"];
    for (signer, options) in [
        ("ec", &["-md", "sha256"][..]),
        ("ec", &["-md", "sha512"]),
        ("rsa", &["-md", "sha256"]),
        ("rsa", &["-md", "sha384"]),
        ("rsa", &["-md", "sha512"]),
        ("rsa", &["-md", "sha256", pss[0], pss[1], pss[2], pss[3]]),
        ("ec", &["-md", "sha256", "-keyid"]),
    ] {
        let bytes = pki.cms(signer, time, &[&["-cades"], options].concat());
        assert_eq!(pki.judge(&bytes), Ok(at(time)), "{signer} {options:?}");
    }
}

#[test]
fn what_is_too_weak_is_unsupported() {
    let pki = Pki::new();
    pki.signer("rsa", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "tsa");
    let sha1 = Reply::parse_file(&pki.cms("rsa", now(), &["-cades", "-md", "sha1"])).unwrap_err();
    assert!(sha1.is_unsupported());
    insta::assert_snapshot!(sha1, @"unsupported: the timestamp uses the digest 1.3.14.3.2.26; known are sha256, sha384 and sha512");
    let sha3 = Reply::parse_file(&pki.cms("rsa", now(), &["-cades", "-md", "sha3-256"])).unwrap_err();
    assert!(matches!(sha3, ReplyError::UnsupportedDigest(_)));
    // Without CAdES nothing binds the certificate.
    let unbound = Reply::parse_file(&pki.cms("rsa", now(), &["-md", "sha256"])).unwrap_err();
    assert!(matches!(unbound, ReplyError::AttributeMissing(_)));
    pki.signer("small", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], "tsa");
    let small = pki.judge(&pki.cms("small", now(), &["-cades", "-md", "sha256"])).unwrap_err();
    assert_eq!(small, VerifyError::Signature);
}

#[test]
fn certificates_that_are_not_for_timestamps_are_refused() {
    let pki = Pki::new();
    let mut told = Vec::new();
    for extensions in ["not_critical", "two_purposes", "no_purpose", "encipherment"] {
        pki.signer(extensions, EC, extensions);
        let error = pki.judge(&pki.cms(extensions, now(), &["-cades"])).unwrap_err();
        assert_eq!((error.name(), error.fault()), ("certificate_unfit", Fault::Unfit));
        told.push(error.to_string());
    }
    insta::assert_snapshot!(told.join("\n"), @"
    the signer's certificate was not fit for this timestamp: the certificate of CN=not_critical,O=Example is for timestamps, but that extension isn't critical, so verifiers refuse it; ask your CA to make it so
    the signer's certificate was not fit for this timestamp: the certificate of CN=two_purposes,O=Example has other purposes than timestamps; verifiers take only one whose extended key usage is timeStamping alone
    the signer's certificate was not fit for this timestamp: the certificate of CN=no_purpose,O=Example isn't one for timestamps; ask your CA for extended key usage timeStamping, critical
    the signer's certificate was not fit for this timestamp: the certificate of CN=encipherment,O=Example has a key usage that isn't for timestamps; it is digitalSignature, nonRepudiation or both
    ");
}

#[test]
fn the_chain_is_judged_as_of_gen_time() {
    let pki = Pki::new();
    pki.signer("tsa", EC, "tsa");
    // Before the certificates were there at all.
    let error = pki.judge(&pki.cms("tsa", MILLIS - 365 * 86_400_000, &["-cades"])).unwrap_err();
    assert_eq!(error.name(), "certificate_unfit");
    // The signer's certificate is still good, its issuer's is not.
    pki.key("short", EC);
    pki.issue("short", "root", "ca", &["-days", "1"]);
    pki.key("below", EC);
    pki.issue("below", "short", "tsa", &[]);
    std::fs::copy(pki.path("short.pem"), pki.path("inter.pem")).unwrap();
    assert!(pki.judge(&pki.cms("below", now(), &["-cades"])).is_ok());
    let error = pki.judge(&pki.cms("below", now() + 2 * 86_400_000, &["-cades"])).unwrap_err();
    assert_eq!(error.name(), "chain_not_valid_then");
}

#[test]
fn an_issuer_for_other_purposes_is_refused() {
    let pki = Pki::new();
    pki.key("servers", EC);
    pki.issue("servers", "root", "ca_for_servers", &[]);
    pki.key("tsa", EC);
    pki.issue("tsa", "servers", "tsa", &[]);
    std::fs::copy(pki.path("servers.pem"), pki.path("inter.pem")).unwrap();
    let error = pki.judge(&pki.cms("tsa", now(), &["-cades"])).unwrap_err();
    assert_eq!((error.name(), error.fault()), ("chain_refused", Fault::Unfit));
}
