//! The authority's key and certificate: what is refused at the start, the end that is announced, a real CA, PKCS#12,
//! PKCS#11.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use treering_tests::{
    log::shown,
    net,
    tsa::{self, Asker},
    wait,
};

/// A root: `tsa-ca.pem` and `root.key`.
fn root_ca(dir: &Path) {
    let request =
        ["req", "-x509", "-newkey", "rsa:3072", "-nodes", "-keyout", "root.key", "-out", "tsa-ca.pem"];
    tsa::made(dir, &[&request[..], &["-subj", "/CN=root"]].concat());
}

/// A certificate for a request, by an issuer's certificate and key, with the extensions in a file.
fn issue(dir: &Path, request: &str, (issuer, key): (&str, &str), extensions: &str, out: &str) {
    let sign = ["x509", "-req", "-in", request, "-CA", issuer, "-CAkey", key, "-CAcreateserial"];
    tsa::made(dir, &[&sign[..], &["-extfile", extensions, "-out", out]].concat());
}

#[test]
fn a_key_or_certificate_that_is_not_fit_is_refused_at_the_start() {
    let mut net = net::plan().make();
    tsa::init(&net.log, "p256");
    let dir = net.log.dir().to_owned();
    let chain = fs::read(dir.join("tsa-chain.pem")).unwrap();
    let openssl = |arguments: &[&str]| tsa::made(&dir, arguments);
    let mut refused = |what: &str| {
        let (status, said) = net.log.start_refused();
        assert!(!status.success() && said.contains("[tsa]") && said.contains(what), "{what}: {said}");
    };
    let certificate = |usage: &str| {
        let request = ["req", "-x509", "-key", "tsa-key.pem", "-subj", "/CN=x", "-out", "tsa-chain.pem"];
        openssl(&[&request[..], &["-addext", &format!("extendedKeyUsage={usage}")]].concat());
    };
    certificate("timeStamping");
    refused("critical");
    certificate("critical,timeStamping,codeSigning");
    refused("timeStamping");
    certificate("critical,codeSigning");
    refused("timeStamping");

    // Another key's.
    openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "other.pem"]);
    let request = ["req", "-x509", "-key", "other.pem", "-subj", "/CN=x", "-out", "tsa-chain.pem"];
    openssl(&[&request[..], &["-addext", "extendedKeyUsage=critical,timeStamping"]].concat());
    refused("key");

    // A key that others may read, and kinds of keys that aren't taken.
    fs::write(dir.join("tsa-chain.pem"), &chain).unwrap();
    fs::set_permissions(dir.join("tsa-key.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    refused("others may read this key");
    for (algorithm, option, why) in [
        ("ed25519", None, "Ed25519 can't sign"),
        ("RSA", Some("rsa_keygen_bits:2048"), "it takes 3072 or more"),
        ("EC", Some("ec_paramgen_curve:secp256k1"), "use P-256, P-384 or RSA"),
    ] {
        fs::remove_file(dir.join("tsa-key.pem")).unwrap();
        let options: Vec<&str> = option.iter().flat_map(|option| ["-pkeyopt", option]).collect();
        openssl(&[&["genpkey", "-algorithm", algorithm, "-out", "tsa-key.pem"][..], &options].concat());
        fs::set_permissions(dir.join("tsa-key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
        refused(why);
    }
}

#[test]
fn the_end_of_a_certificate_is_announced_in_time() {
    for (days, warns) in [(90, false), (20, true)] {
        let mut net = net::plan().make();
        let made = tsa::command(&net.log, &["init", "--days", &days.to_string()]);
        assert!(made.status.success(), "{}", shown(&made));
        net.log.start();
        let metrics = || net.log.admin().get("/metrics").text().to_owned();
        let name = "treering_log_certificate_days{certificate=\"tsa\"} ";
        let left: i64 =
            wait::until(name, || metrics().lines().find_map(|line| line.strip_prefix(name)?.parse().ok()));
        // The certificate's times are whole seconds: in its first one all of its days are left.
        assert!(left == days || left == days - 1, "{left} of {days} days");
        net.log.wait_idle();
        let said = fs::read_to_string(net.dir().join("output").join("log-1.stderr")).unwrap();
        assert_eq!(said.contains("certificate ends soon"), warns, "{said}");
    }
}

#[test]
fn a_request_to_a_real_ca_and_pkcs12() {
    let mut net = net::plan().make();
    let asked = tsa::command(&net.log, &["csr", "--key", "p384", "--name", "CN=Example TSA"]);
    assert!(asked.status.success(), "{}", shown(&asked));
    let dir = net.log.dir().to_owned();
    fs::write(dir.join("csr.pem"), &asked.stdout).unwrap();
    let openssl = |arguments: &[&str]| tsa::made(&dir, arguments);
    let subject = openssl(&["req", "-in", "csr.pem", "-verify", "-noout", "-subject"]);
    assert!(subject.contains("Example TSA"), "{subject}");
    // The same key again, not a new one.
    let again = tsa::command(&net.log, &["csr", "--name", "CN=Example TSA"]);
    let key = |file: &str| openssl(&["req", "-in", file, "-noout", "-pubkey"]);
    fs::write(dir.join("again.pem"), &again.stdout).unwrap();
    assert_eq!(key("csr.pem"), key("again.pem"));

    // A CA with an intermediate, as real ones are.
    fs::write(
        dir.join("usage"),
        "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n",
    )
    .unwrap();
    fs::write(dir.join("ca"), "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n").unwrap();
    root_ca(&dir);
    let request = ["req", "-newkey", "rsa:3072", "-nodes", "-keyout", "inter.key", "-out", "inter.csr"];
    openssl(&[&request[..], &["-subj", "/CN=inter"]].concat());
    issue(&dir, "inter.csr", ("tsa-ca.pem", "root.key"), "ca", "inter.pem");
    issue(&dir, "csr.pem", ("inter.pem", "inter.key"), "usage", "tsa.pem");
    let chain = [fs::read(dir.join("tsa.pem")).unwrap(), fs::read(dir.join("inter.pem")).unwrap()].concat();
    fs::write(dir.join("tsa-chain.pem"), chain).unwrap();
    openssl(&[
        "pkcs12",
        "-export",
        "-in",
        "tsa.pem",
        "-inkey",
        "tsa-key.pem",
        "-certfile",
        "inter.pem",
        "-out",
        "tsa.p12",
        "-passout",
        "pass:a password",
    ]);
    fs::write(dir.join("password"), "a password\n").unwrap();
    for file in ["tsa.p12", "password"] {
        fs::set_permissions(dir.join(file), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let config = fs::read_to_string(dir.join("log.toml")).unwrap();
    let pem = "key = \"tsa-key.pem\"\ncertificates = \"tsa-chain.pem\"\npolicy = \"1.2.3.4\"\n";
    let pkcs12 = "policy = \"1.2.3.4\"\n[tsa.pkcs12]\nfile = \"tsa.p12\"\npassword = \"password\"\n";
    for (name, table) in [("pem", pem), ("pkcs12", pkcs12)] {
        fs::write(dir.join("log.toml"), format!("{config}\n[tsa]\n{table}")).unwrap();
        net.log.start();
        net.log.wait_idle();
        let asker = Asker::new(&net, name);
        let query = asker.query(&["-sha384", "-tspolicy", "1.2.3.4", "-cert"]);
        asker.ask(&net.log, "/tsa", &query).expect_status(200);
        asker.verifies(&["-queryfile", "query"]).unwrap();
        // No OID is configured for it.
        let answer = asker.ask(&net.log, "/tsa?proof=embed", &query);
        assert_eq!(
            (answer.status, answer.json()["type"].as_str()),
            (400, Some("urn:treering:problem:no_embedding"))
        );
        assert!(net.log.stop().success());
    }
}

/// SoftHSM as Debian has it (scripts/deps.sh test installs it).
#[test]
fn a_key_in_a_pkcs11_token() {
    const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
    let mut net = net::plan().make();
    let dir = net.log.dir().to_owned();
    let config = dir.join("softhsm.conf");
    fs::create_dir(dir.join("tokens")).unwrap();
    fs::write(
        &config,
        format!("directories.tokendir = {}\nlog.level = ERROR\n", dir.join("tokens").display()),
    )
    .unwrap();
    let softhsm = |arguments: &[&str]| {
        let mut command = Command::new("softhsm2-util");
        command.args(arguments).env("SOFTHSM2_CONF", &config).current_dir(&dir);
        let output = command.output().expect("softhsm2 is installed (scripts/deps.sh test)");
        assert!(output.status.success(), "{}", shown(&output));
    };
    softhsm(&["--init-token", "--free", "--label", "tsa", "--so-pin", "12345678", "--pin", "8765"]);
    fs::write(dir.join("pin"), "8765\n").unwrap();
    fs::set_permissions(dir.join("pin"), fs::Permissions::from_mode(0o600)).unwrap();
    net.log.set_env("SOFTHSM2_CONF", config.to_str().unwrap());
    let toml = fs::read_to_string(dir.join("log.toml")).unwrap();
    for (key, algorithm, option) in
        [("p256", "EC", "ec_paramgen_curve:P-256"), ("rsa", "RSA", "rsa_keygen_bits:3072")]
    {
        tsa::made(&dir, &["genpkey", "-algorithm", algorithm, "-pkeyopt", option, "-out", "token.pem"]);
        let id = if key == "rsa" { "02" } else { "01" };
        softhsm(&["--import", "token.pem", "--token", "tsa", "--label", key, "--id", id, "--pin", "8765"]);
        fs::remove_file(dir.join("token.pem")).unwrap();
        let table = format!(
            "{toml}\n[tsa]\npolicy = \"1.2.3.4\"\ncertificates = \"tsa-chain.pem\"\n[tsa.pkcs11]\nmodule = {MODULE:?}\n\
             token = \"tsa\"\nkey = {key:?}\npin = \"pin\"\n"
        );
        fs::write(dir.join("log.toml"), table).unwrap();
        let asked = tsa::command(&net.log, &["csr"]);
        assert!(asked.status.success(), "{}", shown(&asked));
        fs::write(dir.join("csr.pem"), &asked.stdout).unwrap();
        fs::write(dir.join("usage"), "extendedKeyUsage=critical,timeStamping\n").unwrap();
        root_ca(&dir);
        issue(&dir, "csr.pem", ("tsa-ca.pem", "root.key"), "usage", "tsa-chain.pem");
        net.log.start();
        net.log.wait_idle();
        let asker = Asker::new(&net, key);
        let query = asker.query(&["-sha256", "-cert"]);
        let answers: Vec<_> =
            (0..20).map(|_| asker.ask(&net.log, "/tsa", &query).expect_status(200)).collect();
        asker.verifies(&["-queryfile", "query"]).unwrap();
        for answer in answers {
            tsa::proof(&net.log, &tsa::proof_path(&answer));
        }
        assert!(net.log.stop().success());
    }
    fs::write(dir.join("pin"), "0000\n").unwrap();
    let (status, said) = net.log.start_refused();
    assert!(!status.success() && said.contains("the token \"tsa\" refuses the login"), "{said}");
}
