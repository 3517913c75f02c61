//! `treering token` and `show`, and how `verify` ends.

use crate::{
    support::{Bench, FakeLog, Manner, snapshots},
    verify::{stamped, told},
};
use insta::assert_snapshot;
use std::{
    fs,
    process::{Command, Stdio},
};

#[test]
fn tokens_are_cut_out_offline_and_names_withheld() {
    let (log, bench) = stamped(&["--holder", "Ada", "--agent", "Bob"]);
    let asked = log.paths().len();
    fs::create_dir(bench.path("out")).unwrap();
    let ran = bench.run(&["token", "d.treering", "sub/b", "d/a.txt", "-o", "out", "--withhold", "holder"]);
    assert_eq!(ran.told(), "exit 0\nout/b.tlog-proof\nout/a.txt.tlog-proof\n");
    let token = String::from_utf8(bench.read("out/b.tlog-proof")).unwrap();
    assert!(token.starts_with("c2sp.org/tlog-proof@v1\n"));
    let verified = bench.trusting(&["verify", "d/sub/b", "out/b.tlog-proof"]);
    snapshots(|| {
        assert_snapshot!(told(&verified), @"
        exit 0
        d/sub/b: verified (out/b.tlog-proof)
          existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          stamped not before [time] (checkpoint 0 of the log log.example): this says when the claim was made, not the file
          digests that agree with the claim: sha-256
          holder: in the claim, not disclosed in this token
          agent: Bob (name claimed)
          not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
        ");
    });
    let none = bench.run(&["token", "d.treering", "nowhere"]);
    snapshots(|| {
        assert_snapshot!(told(&none), @"
        exit 2
        treering: nowhere: the bundle d.treering has no record of it; give its path as the bundle has it
        ");
    });
    let again = bench.run(&["token", "d.treering", "sub/b", "-o", "out"]);
    assert_eq!(again.code, 2);
    assert_eq!(bench.run(&["token", "d.treering", "sub/b", "-o", "out", "--force"]).code, 0);
    assert_eq!(log.paths().len(), asked, "nothing was asked of the log");
}

#[test]
fn show_tells_each_kind_and_that_it_is_not_verified() {
    let (log, bench) = stamped(&["--tokens", "--title", "three \u{1b}[2Jfiles"]);
    bench.write("receipt", log.receipt(&[[7; 32]]));
    bench.write("checkpoint", log.checkpoint());
    bench.write("nonsense", "nonsense");
    let files = ["d/a.txt.tlog-proof", "receipt", "checkpoint", "policy"];
    let shown = bench.run(&[&["show"], &files[..]].concat());
    let judged = bench.run(&[&["show", "--policy", "policy"], &files[..3]].concat());
    let nonsense = bench.run(&["show", "nonsense"]);
    snapshots(|| {
        assert_snapshot!(told(&shown), @r"
        exit 0
        d/a.txt.tlog-proof: token
          entry 0 of the log, sealed (it says) at [time]
          layers from the file to the entry: 2
          for the file with sha-256 [hash]
          title: three \u{1b}[2Jfiles (claimed)
          not verified: give --policy, or use `treering verify`
        receipt: receipt
          entry 1 of the log, sealed (it says) at [time]
          layers from the submission to the entry: 1
          not verified: give --policy, or use `treering verify`
        checkpoint: checkpoint
          of the log log.example: 2 entries, root [hash]
          signature lines by: log.example, w1.example, w2.example
          not verified: give --policy, or use `treering verify`
        policy: policy
          log log.example, key [hash] (SHA-256)
          witness W1 = w1.example, key [hash] (SHA-256)
          witness W2 = w2.example, key [hash] (SHA-256)
          group both 2 W1 W2
          quorum both
          compare the keys with what the operators publish elsewhere
        ");
        assert_snapshot!(told(&judged), @r"
        exit 0
        d/a.txt.tlog-proof: token
          entry 0 of the log, sealed (it says) at [time]
          layers from the file to the entry: 2
          for the file with sha-256 [hash]
          title: three \u{1b}[2Jfiles (claimed)
          verified under the policy:
          a file with these digests:
          existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          stamped not before [time] (checkpoint 0 of the log log.example): this says when the claim was made, not the file
          digests that agree with the claim: sha-256
          title: three \u{1b}[2Jfiles (claimed)
          not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
        receipt: receipt
          entry 1 of the log, sealed (it says) at [time]
          layers from the submission to the entry: 1
          verified under the policy:
          the entry is in the log; what submission it is for is not checked here
          the log's signature is good
          cosigned by W1 at [time]
          cosigned by W2 at [time]
          the tree existed before [time] (2 of 2; 2 would have to lie)
        checkpoint: checkpoint
          of the log log.example: 2 entries, root [hash]
          signature lines by: log.example, w1.example, w2.example
          verified under the policy:
          the log's signature is good
          cosigned by W1 at [time]
          cosigned by W2 at [time]
          the tree existed before [time] (2 of 2; 2 would have to lie)
        ");
        assert_snapshot!(told(&nonsense), @"
        exit 2
        treering: nonsense: not a token, receipt, bundle, checkpoint, policy or key (as a note: the note has no empty line before its signatures, or does not end in a newline; as a policy: line 1: the last line does not end in a newline)
        ");
    });
    let objects = bench.run(&[&["show", "--json"], &files[..]].concat()).objects();
    let kinds: Vec<_> = objects.iter().map(|object| object["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["token", "receipt", "checkpoint", "policy"]);
    assert!(objects.iter().all(|object| object.get("verified").is_none()));
    let other = FakeLog::with_keys(Manner::default(), 9);
    bench.write("other", other.policy());
    let refused = bench.run(&["show", "--policy", "other", "checkpoint"]);
    assert_eq!(refused.code, 1, "{refused:?}");
}

/// The reader is gone before the first line, and the bad file comes last, behind more output than a pipe holds.
#[test]
fn a_closed_pipe_never_turns_a_bad_verdict_into_0() {
    let log = FakeLog::start(Manner::default());
    let bench = Bench::new(&log);
    for i in 0..600 {
        bench.write(&format!("d/{i:03}-{}", "x".repeat(200)), format!("{i}"));
    }
    bench.stamp(&log, &["d", "-q"]);
    bench.write(&format!("d/599-{}", "x".repeat(200)), "changed");
    let mut child = bench
        .command()
        .env("TREERING_POLICY", "policy")
        .args(["verify", "d", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(1), &b""[..]));
}

#[test]
fn quiet_leaves_the_exit_code() {
    let (_, bench) = stamped(&[]);
    assert_eq!(bench.trusting(&["verify", "d", "-q"]).told(), "exit 0\n");
    bench.write("d/a.txt", "x");
    assert_eq!(bench.trusting(&["verify", "d", "-q"]).told(), "exit 1\n");
    bench.write("d/a.txt", "alpha");
    assert_eq!(bench.trusting(&["verify", "d/a.txt", "-q"]).told(), "exit 0\n");
}

#[test]
fn a_bundle_of_several_roots_names_what_it_does_not_cover() {
    let log = FakeLog::start(Manner::default());
    let bench = Bench::new(&log);
    bench.write("in/y/1", "one");
    bench.write("in/x/2", "two");
    bench.write("in/x/3", "three");
    fs::create_dir_all(bench.path("in")).unwrap();
    bench.stamp(&log, &["in/y", "in/x", "-o", "o.treering"]);
    bench.write("in/x/4", "four");
    let ran = bench.trusting(&["verify", "in", "o.treering"]);
    snapshots(|| {
        assert_snapshot!(told(&ran), @"
        exit 0
        x/4: no token covers it
        3 files verified, 1 not covered by any token
          each existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          each stamped not before [time] (checkpoint 0 of the log log.example): this says when the claim was made, not the file
          not shown: the files' names, paths and sizes, whether they are links, who made them, leap seconds, the error of a witness's clock
        ");
    });
}

#[test]
fn help_is_there_for_each_command() {
    let (_, bench) = stamped(&[]);
    for command in ["stamp", "verify", "token", "show"] {
        let output: std::process::Output =
            Command::output(bench.command().args([command, "--help"])).unwrap();
        assert!(output.status.success() && output.stdout.len() > 500, "{command}");
    }
}
