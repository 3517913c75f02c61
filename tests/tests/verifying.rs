//! Pinning a real log's policy, verifying by it, and asking the log whether what it signed still stands.

use std::fs;
use treering_tests::{net, random};
use treering_tlog::hash::sha256;

#[test]
fn what_is_pinned_judges_and_what_was_stamped_stays_there() {
    let net = net::plan().start();
    let (dir, client) = (net.new_dir("files"), net.client());
    fs::create_dir(dir.join("d")).expect("a directory");
    fs::write(dir.join("d/a"), "alpha").expect("a file");
    client.run(&dir, ["stamp", "d"]).expect(0);

    let log = net.log.public().base().to_owned();
    let policy = net.log.public().get("/v1/policy").text().to_owned();
    let fingerprint = sha256(policy.as_bytes()).to_string();
    let other = "0".repeat(64);
    client.run(&dir, ["trust", "add", &log, "--yes", "--fingerprint", &other]).expect(2);
    client.run(&dir, ["trust", "add", &log, "--yes", "--fingerprint", &fingerprint]).expect(0);
    let listed = client.run(&dir, ["trust", "list"]).expect(0).stdout();
    assert!(listed.contains("counts today"), "{listed}");

    client.run(&dir, ["audit", "d.treering"]).expect(0);
    for _ in 0..3 {
        net.log.stamp(&random::commitments(2));
    }
    let said = client.run(&dir, ["audit", "d.treering"]).expect(0).stdout();
    assert!(said.contains("1 entry is there"), "{said}");
    client.run(&dir, ["show", "--html", "page.html", "d/a"]).expect(0);
    let page = fs::read_to_string(dir.join("page.html")).expect("a page");
    assert!(page.contains("existed before") && page.contains("pkeyutl"), "{page}");
}
