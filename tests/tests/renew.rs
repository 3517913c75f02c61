//! Renewal and lost bundles, with a real log, its witnesses, and a mirror when the log is gone.

use std::{fs, path::Path};

use treering_tests::{mirror::MirrorServer, net, wait};

fn write(dir: &Path, name: &str, content: &str) {
    fs::write(dir.join(name), content).expect("a file");
}

#[test]
fn a_token_and_a_bundle_renewed_twice_stand_alone() {
    let mut net = net::plan().start();
    let dir = net.new_dir("tree");
    write(&dir, "one", "1");
    write(&dir, "two", "2");
    let client = net.client();
    client.run(net.dir(), ["stamp", "tree", "-q"]).expect(0);
    client.run(&dir, ["stamp", "one", "-q"]).expect(0);
    for _ in 0..2 {
        client.run(net.dir(), ["renew", "tree", "tree/one"]).expect(0);
    }
    net.kill_all();
    for name in ["tree.1.treering", "tree.treering.1.tlog-proof", "tree.treering.tlog-proof"] {
        assert!(net.dir().join(name).is_file(), "{name}");
    }
    assert!(dir.join("one.2.tlog-proof").is_file() && !dir.join("one.3.tlog-proof").exists());
    let said = client.run(net.dir(), ["verify", "tree", "--strict"]).expect(0).said();
    assert!(said.contains("tree.treering: renewed") && said.contains("token 2 of 2"), "{said}");
    let said = client.run(&dir, ["verify", "one"]).expect(0).said();
    assert!(said.contains("token 3 of 3"), "{said}");
    // A file of the bundle has the bundle's chain above its own token.
    let said = client.run(&dir, ["verify", "two"]).expect(0).said();
    assert!(said.contains("token 3 of 3"), "{said}");
    // The first token, which the others are of, is changed by one byte.
    treering_tests::files::flip(&dir.join("one.1.tlog-proof"), 100);
    client.run(&dir, ["verify", "one"]).expect(1);
    write(&dir, "two", "another");
    client.run(net.dir(), ["verify", "tree"]).expect(1);
}

#[test]
fn a_lost_bundle_is_made_again_from_a_mirror_when_the_log_is_gone() {
    let mut net = net::plan().start();
    let dir = net.new_dir("tree");
    for name in ["one", "two", "three"] {
        write(&dir, name, name);
    }
    let client = net.client();
    client.run(net.dir(), ["stamp", "tree", "-q", "--holder", "Ada"]).expect(0);
    // From the log itself, while it lives.
    client.run(net.dir(), ["rebuild", "tree", "-o", "again", "--of", "tree.treering"]).expect(0);
    client.run(net.dir(), ["verify", "tree", "again", "--strict"]).expect(0);
    let (at, output) = (net.dir().join("mirror"), net.dir().join("output"));
    let mut mirror = MirrorServer::init(&at, &output, &net.policy_file(), net::free_port());
    mirror.start();
    let http = mirror.copy(net::ORIGIN);
    wait::until("the mirror has the batch", || (http.get("/v1/batches/0").status == 200).then_some(()));
    net.kill_all();
    fs::remove_file(net.dir().join("tree.treering")).expect("a bundle");
    client.run(net.dir(), ["rebuild", "tree", "--from", http.base()]).expect(0);
    client.run(net.dir(), ["verify", "tree", "--strict"]).expect(0);
    // One file changed, one gone: the rest is covered as before.
    write(&dir, "two", "changed");
    fs::remove_file(dir.join("three")).expect("a file");
    client.run(net.dir(), ["rebuild", "tree", "--force", "--from", http.base()]).expect(0);
    client.run(&dir, ["verify", "one"]).expect(0);
    let said = client.run(net.dir(), ["verify", "tree"]).expect(0).said();
    assert!(said.contains("no longer covers 2 of its records"), "{said}");
    mirror.stop();
}
