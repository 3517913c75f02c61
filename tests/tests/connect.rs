//! A log that speaks TLS, by way of a proxy: it passes bytes on, and reads nothing.

use std::{fs, os::unix::fs::PermissionsExt as _};

use treering_tests::{
    certificates::{self, Ca},
    client::{Client, Ran},
    connect::Connector,
    files, net, programs,
};

#[test]
fn a_proxy_passes_tls_on_and_reads_nothing() {
    if !certificates::is_possible() {
        return programs::skipped("connect", "openssl is not here: scripts/deps.sh test installs it");
    }
    let mut net = net::plan().set("submissions", "\"keys\"").make();
    let ca = Ca::new(&net.dir().join("ca"));
    ca.issue(10, &net.log.dir().join("tls-chain.pem"), &net.log.dir().join("tls-key.pem"));
    net.log.configure("[tls]\ncertificates = \"tls-chain.pem\"\nkey = \"tls-key.pem\"\n");
    let key = crate::access::add(&net, &["--name", "museum"]);
    net.log.start();
    net.log.wait_idle();
    let address = net.log.public().base().strip_prefix("http://").expect("a URL");
    let proxy = Connector::to(address);
    let url = format!("https://{}/", certificates::NAME);

    let dir = net.new_dir("files");
    fs::write(dir.join("a"), "a").unwrap();
    fs::write(dir.join("key"), &key).unwrap();
    fs::set_permissions(dir.join("key"), fs::Permissions::from_mode(0o600)).unwrap();
    let client = Client::new(&net.dir().join("home"), &url, &net.policy_file());
    let root = ca.root();
    let roots = ["--cacert", root.to_str().unwrap()];
    let run = |args: &[&str], way: &[&str]| -> Ran { client.run(&dir, [args, way].concat()) };
    let stamp = ["stamp", "a", "--force", "--restart", "--api-key-file", "key"];

    // Without the proxy nobody knows the name, and without its CA nobody trusts the log.
    run(&stamp, &roots).expect(3);
    let untrusted = run(&stamp, &["--proxy", proxy.url()]).expect(3);
    assert!(untrusted.stderr().contains("certificate"), "{}", untrusted.said());
    let way = [&roots[..], &["--proxy", proxy.url()]].concat();
    run(&stamp, &way).expect(0);
    run(&["verify", "a"], &[]).expect(0);
    let audited = run(&["audit", "a.tlog-proof", "--from", &url], &way).expect(0);
    assert!(audited.stdout().contains("1 entry is there"), "{}", audited.said());

    // It was told the name, and nothing of what was said there.
    let seen = proxy.seen();
    let begin = format!("CONNECT {}:443 HTTP/1.1\r\n", certificates::NAME);
    assert!(
        seen.heads.len() >= 2 && seen.heads.iter().all(|head| head.starts_with(&begin)),
        "{:?}",
        seen.heads
    );
    assert!(seen.heads.iter().all(|head| !head.contains(&key)), "{:?}", seen.heads);
    assert!(seen.passed.len() > 1_000, "{} bytes", seen.passed.len());
    for secret in [key.as_bytes(), b"submissions", b"authorization"] {
        assert_eq!(files::find(&seen.passed, secret), None);
    }

    // A name and a password for the proxy are told the proxy.
    let named = proxy.url().replace("http://", "http://me:secret@");
    run(&stamp, &[&roots[..], &["--proxy", &named]].concat()).expect(0);
    let last = proxy.seen().heads.pop().unwrap().to_lowercase();
    assert!(last.contains("proxy-authorization: basic bwu6c2vjcmv0"), "{last}");
}
