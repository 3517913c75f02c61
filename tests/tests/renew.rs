//! Renewal and lost bundles, with a real log, its witnesses, and a mirror when the log is gone.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, SystemTime},
};

use treering_tests::{
    client::Ran,
    mirror::MirrorServer,
    net::{self, Net},
    programs, wait,
};
use treering_tlog::hash::sha256;

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

/// `treering` by what the person at this net has pinned.
fn pinned(net: &Net, dir: &Path, args: &[&str]) -> Ran {
    let mut command = Command::new(programs::path(programs::TREERING));
    net.client().environment(&mut command);
    command.env_remove("TREERING_POLICY").env_remove("TREERING_LOG").current_dir(dir).args(args);
    Ran(command.output().expect("the program starts"))
}

/// Pins the policy that a net's log shows.
fn pin(person: &Net, net: &Net) {
    let policy = net.log.public().get("/v1/policy").expect_status(200).body;
    let hash = sha256(&policy).to_string();
    let args = ["trust", "add", net.log.public().base(), "--yes", "--fingerprint", &hash];
    pinned(person, person.dir(), &args).expect(0);
}

/// A witness of the log that a file was stamped with is robbed of its key, later: the thief can write any time into what he
/// signs. A renewal with another log, from before that, shows which of its signatures are older.
#[test]
fn a_renewal_from_before_a_theft_keeps_what_the_stolen_keys_have_signed() {
    let plan = || net::plan().witnesses(2).quorum(2);
    let (old, new) = (plan().start(), plan().origin("other.test/2027").start());
    for net in [&old, &new] {
        pin(&old, net);
    }
    let (with, without) = (old.new_dir("with"), old.new_dir("without"));
    let run = |dir: &Path, args: &[&str]| pinned(&old, dir, args);
    let log = ["-q", "--log", old.log.public().base()];
    for dir in [&with, &without] {
        write(dir, "one", "1");
        fs::create_dir(dir.join("tree")).expect("a directory");
        write(&dir.join("tree"), "two", "2");
        run(dir, &[&["stamp", "one", "tree"][..], &log].concat()).expect(0);
    }
    run(&with, &["renew", "one", "tree", "--log", new.log.public().base()]).expect(0);
    let verify = |dir: &Path, code: i32| {
        for (what, chain) in [("one", "token 2 of 2"), ("tree", "renewed"), ("tree/two", "token 2 of 2")] {
            let said = run(dir, &["verify", what]).expect(code).said();
            assert!(code != 0 || said.contains(chain) == (dir == with), "{said}");
        }
    };
    verify(&with, 0);
    verify(&without, 0);

    let hour = Duration::from_secs(3_600);
    let (before, theft) = (moment(SystemTime::now() - hour), moment(SystemTime::now() + hour));
    let distrust = |key: &str, after: &str, more: &[&str]| {
        let args = [&["trust", "distrust", key, "--after", after][..], more].concat();
        run(old.dir(), &args).expect(0);
    };
    let (witness, log) = (old.witnesses[0].vkey(), old.log.vkey());
    // A thief may have written any time, unless somebody else has seen the signature before the theft.
    distrust(witness, &theft, &["--stolen"]);
    verify(&with, 0);
    verify(&without, 1);
    // The theft was before the renewal: that shows nothing any more.
    distrust(witness, &before, &["--stolen"]);
    verify(&with, 1);
    // Not stolen, only given up later: its own timestamps are believed.
    distrust(witness, &theft, &[]);
    verify(&with, 0);
    verify(&without, 0);
    // Of the log's own key, its witnesses show what is older.
    distrust(&log, &theft, &["--stolen"]);
    verify(&without, 0);
    distrust(&log, &before, &["--stolen"]);
    verify(&with, 1);
    verify(&without, 1);
    // And whoever has seen it in time has to be trusted as well.
    distrust(&log, &theft, &[]);
    distrust(witness, &theft, &["--stolen"]);
    verify(&with, 0);
    distrust(new.witnesses[0].vkey(), &before, &[]);
    verify(&with, 1);
}

/// As `--after` takes it.
fn moment(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    treering_token::describe::seconds(treering_tlog::time::UnixSeconds::new(seconds).expect("within range"))
}
