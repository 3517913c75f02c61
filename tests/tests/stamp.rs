//! The main job, the whole way: a directory is stamped by a log with three witnesses, all servers are stopped, and the
//! evidence stands alone.

use std::{
    ffi::OsString,
    fs,
    os::unix::{ffi::OsStringExt, fs::symlink},
    path::{Path, PathBuf},
};

use treering_tests::{
    net::{self, Net},
    view,
};
use treering_tlog::{hash::sha256, note::Signature};
use treering_token::{describe, token::Token};

use crate::words::filters;

/// A tree with everything that makes trees hard.
fn tree(net: &Net) -> PathBuf {
    let dir = net.new_dir("tree");
    fs::create_dir_all(dir.join("nested/deeper/deepest")).expect("new directories");
    fs::create_dir(dir.join("an empty directory")).expect("a new directory");
    for (name, content) in [
        ("plain.txt", "some text\n"),
        ("empty", ""),
        ("nested/one", "1"),
        ("nested/deeper/two", "2"),
        ("nested/deeper/deepest/three", "3"),
        ("with space and ünïcödé", "x"),
        ("-starts-with-a-dash", "y"),
        ("a\nnewline", "z"),
        ("same as plain.txt", "some text\n"),
    ] {
        fs::write(dir.join(name), content).expect("a new file");
    }
    fs::write(dir.join(OsString::from_vec(b"not \xff utf-8".to_vec())), "w").expect("a new file");
    fs::write(dir.join("large"), vec![7; 3_000_000]).expect("a new file");
    symlink("plain.txt", dir.join("a link")).expect("a new link");
    symlink("/nowhere/at all", dir.join("a dangling link")).expect("a new link");
    symlink("..", dir.join("nested/a loop")).expect("a new link");
    dir
}

/// How many files and links [`tree`] has.
const RECORDS: usize = 14;

fn write(dir: &Path, name: &str, content: &str) {
    fs::write(dir.join(name), content).expect("a file");
}

#[test]
fn a_directory_stamped_and_verified_when_all_servers_are_gone() {
    let mut net = net::plan().start();
    let dir = tree(&net);
    let client = net.client();
    client.run(net.dir(), ["stamp", "tree", "--title", "a test"]).expect(0);
    assert!(net.dir().join("tree.treering").is_file());
    net.kill_all();

    let said = client.run(net.dir(), ["verify", "tree"]).expect(0);
    insta::with_settings!({ filters => filters() }, {
        insta::assert_snapshot!(said.said(), @r"
        title: a test (claimed)
        14 files verified
          each existed before [time] ([2 or 3] of 3 witnesses; 2 would have to lie); sealed by the log log.test/2026 at [time.millis], entry 0
          each stamped not before [time] (checkpoint 0 of the log log.test/2026): this says when the claim was made, not the file
          not shown: the files' names, paths and sizes, whether they are links, who made them, leap seconds, the error of a witness's clock
        ");
    });
    let lines = client.run(net.dir(), ["verify", "tree", "--json"]).expect(0).stdout();
    assert!(lines.lines().count() > RECORDS, "{lines}");
    lines
        .lines()
        .for_each(|line| drop(serde_json::from_str::<serde_json::Value>(line).expect("an object a line")));
    assert_eq!(client.run(net.dir(), ["verify", "tree", "--quiet"]).expect(0).stdout(), "");

    // A single file, by the bundle above it.
    client.run(&dir, ["verify", "nested/deeper/two"]).expect(0);
    // One that is added is told, and a failure under --strict.
    write(&dir, "added", "new");
    let said = client.run(net.dir(), ["verify", "tree"]).expect(0).said();
    assert!(said.contains("added"), "{said}");
    client.run(net.dir(), ["verify", "tree", "--strict"]).expect(1);
    fs::remove_file(dir.join("added")).expect("a file");
    client.run(net.dir(), ["verify", "tree", "--strict"]).expect(0);
    // One that is changed, by one byte.
    write(&dir, "nested/one", "0");
    let said = client.run(net.dir(), ["verify", "tree"]).expect(1).said();
    assert!(said.contains("nested/one") && said.contains("changed"), "{said}");
    client.run(&dir, ["verify", "nested/one"]).expect(1);
    write(&dir, "nested/one", "1");
    // One that is missing, and a link that leads elsewhere.
    fs::remove_file(dir.join("empty")).expect("a file");
    let said = client.run(net.dir(), ["verify", "tree"]).expect(1).said();
    assert!(said.contains("empty") && said.contains("missing"), "{said}");
    write(&dir, "empty", "");
    fs::remove_file(dir.join("a link")).expect("a link");
    symlink("empty", dir.join("a link")).expect("a new link");
    let said = client.run(net.dir(), ["verify", "tree"]).expect(1).said();
    assert!(said.contains("a link"), "{said}");
    fs::remove_file(dir.join("a link")).expect("a link");
    symlink("plain.txt", dir.join("a link")).expect("a new link");
    client.run(net.dir(), ["verify", "tree", "--strict"]).expect(0);
    // Without a policy nothing can be judged, and that is not a forgery.
    client.run(net.dir(), ["verify", "tree", "--policy", "no such file"]).expect(2);
    client.run(net.dir(), ["verify", "no such file"]).expect(2);
}

#[test]
fn a_damaged_bundle_is_no_evidence() {
    let net = net::plan().start();
    tree(&net);
    let client = net.client();
    client.run(net.dir(), ["stamp", "tree"]).expect(0);
    let bundle = net.dir().join("tree.treering");
    let bytes = fs::read(&bundle).expect("a bundle");
    for at in [0, bytes.len() / 2, bytes.len() - 2] {
        treering_tests::files::flip(&bundle, at);
        let code = client.run(net.dir(), ["verify", "tree", "tree.treering"]).0.status.code();
        assert!(
            matches!(code, Some(1 | 2)),
            "byte {at} of {} was changed, and verify says {code:?}",
            bytes.len()
        );
        fs::write(&bundle, &bytes).expect("the bundle's file");
    }
    // Cut off it is not whole.
    fs::write(&bundle, &bytes[..bytes.len() - 100]).expect("the bundle's file");
    client.run(net.dir(), ["verify", "tree"]).expect(1);
    // Evidence is never overwritten.
    fs::write(&bundle, &bytes).expect("the bundle's file");
    client.run(net.dir(), ["stamp", "tree"]).expect(2);
    assert_eq!(fs::read(&bundle).expect("a bundle"), bytes);
}

#[test]
fn a_token_cut_out_of_a_bundle_stands_alone() {
    let mut net = net::plan().start();
    let dir = tree(&net);
    let client = net.client();
    let holder = ["--holder", "Ada Lovelace", "--agent", "A stamping service", "--title", "Notes"];
    client.run(net.dir(), ["stamp", "tree"].into_iter().chain(holder)).expect(0);
    net.kill_all();
    client.run(net.dir(), ["token", "tree.treering", "tree/plain.txt"]).expect(0);
    let token = dir.join("plain.txt.tlog-proof");
    let said = client.run(&dir, ["verify", "plain.txt", "plain.txt.tlog-proof"]).expect(0).stdout();
    insta::with_settings!({ filters => filters() }, { insta::assert_snapshot!(said, @r"
    plain.txt: verified (plain.txt.tlog-proof)
      existed before [time] ([2 or 3] of 3 witnesses; 2 would have to lie); sealed by the log log.test/2026 at [time.millis], entry 0
      stamped not before [time] (checkpoint 0 of the log log.test/2026): this says when the claim was made, not the file
      digests that agree with the claim: sha-256
      holder: Ada Lovelace (name claimed, no key)
      agent: A stamping service (name claimed)
      title: Notes (claimed)
      not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
    "); });
    assert_bounds(&net, &token, &said);

    // It gives nothing away about the others: neither names nor digests.
    let bytes = fs::read(&token).expect("a token");
    let parsed = Token::parse(&bytes).expect("a token");
    let extra = parsed.proof().extra.clone().expect("extra data");
    for (name, content) in [("nested/one", "1"), ("with space", "x")] {
        assert!(treering_tests::files::find(&extra, name.as_bytes()).is_none());
        assert!(treering_tests::files::find(&extra, sha256(content.as_bytes()).as_bytes()).is_none());
    }
    // It is for this file's bytes, whatever their name, and for no others.
    client.run(&dir, ["verify", "same as plain.txt", "plain.txt.tlog-proof"]).expect(0);
    client.run(&dir, ["verify", "nested/one", "plain.txt.tlog-proof"]).expect(1);
    // Names can be withheld.
    let withheld = ["token", "tree.treering", "tree/nested/one", "-o", ".", "--withhold", "holder"];
    client.run(net.dir(), withheld).expect(0);
    let said = client.run(net.dir(), ["verify", "tree/nested/one", "one.tlog-proof"]).expect(0).stdout();
    assert!(!said.contains("Ada") && said.contains("A stamping service"), "{said}");
    // A forged one says so.
    let text = String::from_utf8(bytes).expect("a token is text");
    let index = format!("index {}", parsed.index());
    assert!(text.contains(&index), "{text}");
    fs::write(&token, text.replace(&index, "index 77")).expect("the token's file");
    client.run(&dir, ["verify", "plain.txt"]).expect(1);
}

/// The upper bound is T + 1 s, T the second smallest of the timestamps in the token's own cosignatures; the lower bound
/// is the second largest of those in the note that it was made after; the log's time stands apart.
#[track_caller]
fn assert_bounds(net: &Net, token: &Path, said: &str) {
    let token = Token::parse(&fs::read(token).expect("a token")).expect("a token");
    let times = |lines: &[Signature]| -> Vec<u64> {
        let keys: Vec<String> = net.witnesses.iter().map(|witness| witness.vkey().to_owned()).collect();
        let is_witness =
            |line: &&Signature| keys.iter().any(|key| key.starts_with(&format!("{}+", line.name())));
        let mut times: Vec<u64> = lines.iter().filter(is_witness).map(timestamp).collect();
        times.sort_unstable();
        times
    };
    let upper = times(token.proof().checkpoint.signatures());
    let shown =
        |seconds: u64| describe::seconds(treering_tlog::time::UnixSeconds::new(seconds).expect("a time"));
    let before = format!(
        "existed before {} ({} of 3 witnesses; 2 would have to lie)",
        shown(upper[1] + 1),
        met(&upper)
    );
    assert!(said.contains(&before), "not {before:?} in:\n{said}");
    let after = treering_tlog::note::Note::parse(token.after().expect("a lower bound")).expect("a note");
    let lower = times(after.signatures());
    let after = format!("stamped not before {}", shown(lower[lower.len() - 2]));
    assert!(said.contains(&after), "not {after:?} in:\n{said}");
    let sealed =
        format!("sealed by the log {} at {}", net::ORIGIN, describe::millis(token.entry().sealed_at()));
    assert!(said.contains(&sealed), "not {sealed:?} in:\n{said}");
}

/// How many are at or below T, the second smallest.
fn met(times: &[u64]) -> usize {
    times.iter().filter(|time| **time <= times[1]).count()
}

/// The timestamp of a cosignature line: eight bytes, big-endian, before the signature (C2SP tlog-cosignature).
fn timestamp(line: &Signature) -> u64 {
    u64::from_be_bytes(line.bytes()[..8].try_into().expect("eight bytes"))
}

#[test]
fn a_file_gets_a_token_beside_it() {
    let mut net = net::plan().start();
    let dir = net.new_dir("files");
    write(&dir, "one", "1");
    write(&dir, "two", "2");
    let client = net.client();
    client.run(&dir, ["stamp", "one", "two"]).expect(0);
    net.kill_all();
    let said = client.run(&dir, ["verify", "one"]).expect(0).stdout();
    assert_bounds(&net, &dir.join("one.tlog-proof"), &said);
    client.run(&dir, ["verify", "two"]).expect(0);
    client.run(&dir, ["verify", "two", "one.tlog-proof"]).expect(1);
    let said = client.run(&dir, ["show", "one.tlog-proof"]).expect(0).stdout();
    assert!(said.contains("not verified"), "{said}");
    let policy = net.policy_file();
    let judged = [Path::new("show"), Path::new("--policy"), &policy, Path::new("one.tlog-proof")];
    let said = client.run(&dir, judged).expect(0).stdout();
    assert!(said.contains(net::ORIGIN) && !said.contains("not verified"), "{said}");
}

#[test]
fn a_directory_with_tokens_needs_no_bundle() {
    let mut net = net::plan().start();
    let dir = tree(&net);
    let client = net.client();
    client.run(net.dir(), ["stamp", "--tokens", "tree"]).expect(0);
    net.kill_all();
    assert!(!net.dir().join("tree.treering").exists());
    assert!(dir.join("nested/deeper/two.tlog-proof").is_file());
    client.run(net.dir(), ["verify", "tree"]).expect(0);
    client.run(&dir, ["verify", "a\nnewline"]).expect(0);
    write(&dir, "nested/deeper/two", "3");
    client.run(net.dir(), ["verify", "tree"]).expect(1);
}

#[test]
fn plain_stamps_the_digest_itself() {
    let mut net = net::plan().start();
    let dir = net.new_dir("files");
    write(&dir, "one", "1");
    let client = net.client();
    client.run(&dir, ["stamp", "--plain", "one"]).expect(0);
    net.kill_all();
    let token = Token::parse(&fs::read(dir.join("one.tlog-proof")).expect("a token")).expect("a token");
    view::verify(&net.policy, &token, &sha256(b"1"));
    assert!(token.opening().is_none() && token.after().is_none());
    let said = client.run(&dir, ["verify", "one"]).expect(0).stdout();
    insta::with_settings!({ filters => filters() }, { insta::assert_snapshot!(said, @r"
    one: verified (one.tlog-proof)
      existed before [time] ([2 or 3] of 3 witnesses; 2 would have to lie); sealed by the log log.test/2026 at [time.millis], entry 0
      plain: the file's SHA-256 itself was stamped, with no claim and no lower bound
      not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
    "); });
    // A claim needs a blinded one.
    client.run(&dir, ["stamp", "--plain", "--holder", "x", "--force", "one"]).expect(2);
}

#[test]
fn a_policy_that_is_not_met_is_no_evidence() {
    let mut net = net::plan().start();
    net.witnesses[2].kill();
    let dir = net.new_dir("files");
    write(&dir, "one", "1");
    let client = net.client();
    client.run(&dir, ["stamp", "one"]).expect(0);
    // Somebody who asks for all three, and one who trusts another log.
    let policy = fs::read_to_string(net.policy_file()).expect("a policy");
    write(&dir, "strict", &policy.replace("group all 2 ", "group all 3 "));
    let said = client.run(&dir, ["verify", "one", "--policy", "strict"]).expect(1).said();
    insta::with_settings!({ filters => filters() }, { insta::assert_snapshot!(said, @"one: NOT verified (one.tlog-proof): too few witnesses: 2 of the policy's 3 cosigned the token's checkpoint, and that does not meet the policy's quorum; is this the policy for it?"); });
    let other = policy
        .lines()
        .filter(|line| !line.starts_with("log "))
        .map(|line| format!("{line}\n"))
        .collect::<String>();
    let log = treering_tlog::note::SigningKey::from_seed(
        treering_tlog::note::KeyName::new("log.test/other").expect("a name"),
        &[9; 32],
    );
    write(&dir, "other", &format!("log {}\n{other}", log.verifier()));
    let said = client.run(&dir, ["verify", "one", "--policy", "other"]).expect(1).said();
    insta::with_settings!({ filters => filters() }, { insta::assert_snapshot!(said, @r#"one: NOT verified (one.tlog-proof): the token's checkpoint: the policy does not list the log "log.test/2026"; is this the policy for it?"#); });
    write(&dir, "none", "this is no policy\n");
    client.run(&dir, ["verify", "one", "--policy", "none"]).expect(2);
}

#[test]
fn a_log_that_is_away_is_no_forgery() {
    let mut net = net::plan().start();
    net.log.kill();
    let dir = net.new_dir("files");
    write(&dir, "one", "1");
    net.client().run(&dir, ["stamp", "--wait", "1", "one"]).expect(3);
    assert!(!dir.join("one.tlog-proof").exists());
    net.client().run(&dir, ["resume", "--wait", "1"]).expect(3);
    net.log.start();
    net.client().run(&dir, ["resume", "--wait", "60"]).expect(0);
    net.client().run(&dir, ["verify", "one"]).expect(0);
}

#[test]
fn a_log_that_comes_back_is_waited_for() {
    let mut net = net::plan().start();
    let dir = net.new_dir("files");
    write(&dir, "one", "1");
    net.log.kill();
    let mut client = net.client().start(&dir, ["stamp", "one"]);
    assert_eq!(client.status(), None);
    net.log.start();
    assert!(client.end().success());
    net.client().run(&dir, ["verify", "one"]).expect(0);
}

#[test]
fn what_can_not_be_read_is_told_and_the_rest_is_stamped() {
    let net = net::plan().start();
    let dir = net.new_dir("files");
    write(&dir, "one", "1");
    let client = net.client();
    let ran = client.run(&dir, ["stamp", "one", "no such file"]).expect(2);
    assert!(ran.stderr().contains("no such file"), "{}", ran.stderr());
    client.run(&dir, ["verify", "one"]).expect(0);
}
