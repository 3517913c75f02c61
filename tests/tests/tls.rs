//! TLS on the log's own port, with a CA of our own, and a certificate that is exchanged while the log runs.

use std::{fs, path::Path};

use reqwest::blocking::Client as Https;
use treering_tests::{
    certificates::{self, Ca},
    client::Client,
    net, programs, wait,
};

#[test]
fn a_log_speaks_tls_and_takes_a_new_certificate_while_it_runs() {
    if !certificates::is_possible() {
        return programs::skipped("tls", "openssl is not here: scripts/deps.sh test installs it");
    }
    let mut net = net::plan().make();
    let (first, second) = (Ca::new(&net.dir().join("ca-1")), Ca::new(&net.dir().join("ca-2")));
    let (chain, key) = (net.log.dir().join("tls-chain.pem"), net.log.dir().join("tls-key.pem"));
    first.issue(10, &chain, &key);
    net.log.configure("[tls]\ncertificates = \"tls-chain.pem\"\nkey = \"tls-key.pem\"\n");
    net.log.start();
    net.log.wait_idle();
    let url = net.log.public().base().replace("http://127.0.0.1", "https://localhost");

    // Both versions, by agreement.
    let newest = https(&first.root(), false).get(format!("{url}/checkpoint")).send().unwrap();
    assert_eq!((newest.status().as_u16(), newest.version()), (200, reqwest::Version::HTTP_2));
    let newest = https(&first.root(), true).get(format!("{url}/checkpoint")).send().unwrap();
    assert_eq!((newest.status().as_u16(), newest.version()), (200, reqwest::Version::HTTP_11));

    // The client, with that CA and without.
    let dir = net.new_dir("files");
    fs::write(dir.join("a"), "a").unwrap();
    let client = Client::new(&net.dir().join("home"), &url, &net.policy_file());
    let root = first.root();
    client.run(&dir, ["stamp", "a", "--cacert", root.to_str().unwrap()]).expect(0);
    client.run(&dir, ["verify", "a"]).expect(0);
    fs::write(dir.join("b"), "b").unwrap();
    // To a client that doesn't trust it, the log is away.
    let away = client.run(&dir, ["stamp", "b"]).expect(3);
    assert!(away.stderr().contains("certificate"), "{}", away.said());

    // A pair that is none: the old one stays, and the log says so.
    fs::write(&key, "nonsense").unwrap();
    wait::until("the log refuses the pair", || {
        net.log.stderr().contains("the old TLS certificate stays in use").then_some(())
    });
    https(&first.root(), false).get(format!("{url}/checkpoint")).send().unwrap();
    assert!(days(&net).contains("certificate=\"tls\"} 9"), "{}", days(&net));

    // A good one, of another CA.
    assert!(https(&second.root(), false).get(format!("{url}/checkpoint")).send().is_err());
    second.issue(20, &chain, &key);
    wait::until("the new certificate is used", || {
        https(&second.root(), false).get(format!("{url}/checkpoint")).send().is_ok().then_some(())
    });
    wait::until("its days are counted", || days(&net).contains("certificate=\"tls\"} 19").then_some(()));
    assert!(https(&first.root(), false).get(format!("{url}/checkpoint")).send().is_err());
}

#[test]
fn a_tls_key_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;

    if !certificates::is_possible() {
        return programs::skipped("tls", "openssl is not here: scripts/deps.sh test installs it");
    }
    let mut net = net::plan().make();
    let (chain, key) = (net.log.dir().join("tls-chain.pem"), net.log.dir().join("tls-key.pem"));
    Ca::new(&net.dir().join("ca")).issue(10, &chain, &key);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    net.log.configure("[tls]\ncertificates = \"tls-chain.pem\"\nkey = \"tls-key.pem\"\n");
    let (status, stderr) = net.log.start_refused();
    assert_eq!(status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("tls-key.pem: others may read this key (mode 0640)"), "{stderr}");
}

fn https(root: &Path, http1: bool) -> Https {
    let root = reqwest::Certificate::from_pem(&fs::read(root).expect("a file")).expect("a certificate");
    let builder = Https::builder().tls_certs_only([root]).no_proxy();
    if http1 { builder.http1_only() } else { builder }.build().expect("a client")
}

/// The lines of the metrics that count certificates' days.
fn days(net: &net::Net) -> String {
    let metrics = net.log.admin().get("/metrics").expect_status(200);
    metrics.text().lines().filter(|line| line.starts_with("treering_log_certificate_days{")).collect()
}
