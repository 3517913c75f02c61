//! `treering renew`: old evidence is stamped, and stays beside the new.

use crate::{
    stamp::{bench, small_tree},
    support::{Bench, FakeLog, Ran, snapshots},
};
use insta::assert_snapshot;
use std::fs;

fn renew(bench: &Bench, log: &FakeLog, args: &[&str]) -> Ran {
    bench.trusting(&[&["renew", "--log", log.url()], args].concat())
}

#[test]
fn a_token_renewed_twice_is_followed_to_the_file() {
    let (log, bench) = bench();
    bench.write("a.txt", "alpha");
    bench.stamp(&log, &["a.txt", "-q"]);
    let first = bench.read("a.txt.tlog-proof");
    let once = renew(&bench, &log, &["a.txt"]);
    let second = bench.read("a.txt.tlog-proof");
    let twice = renew(&bench, &log, &["a.txt.tlog-proof", "a.txt", "--digest", "sha3-256"]);
    let verified = bench.trusting(&["verify", "a.txt"]);
    snapshots(|| {
        assert_snapshot!(once.told(), @"
        exit 0
        a.txt.tlog-proof: renews a.txt.1.tlog-proof
        ");
        assert_snapshot!(twice.told(), @"
        exit 0
        a.txt.tlog-proof: renews a.txt.2.tlog-proof
        ");
        assert_snapshot!(verified.told(), @"
        exit 0
        a.txt: verified (a.txt.tlog-proof)
          token 1 of 3, from the newest:
          existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 2
          stamped not before [time] (checkpoint 2 of the log log.example): this says when the claim was made, not the file
          digests that agree with the claim: sha-256, sha3-256
          renews the earlier token with SHA-256 [hash]
          not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
          token 2 of 3, from the newest:
          existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 1
          stamped not before [time] (checkpoint 1 of the log log.example): this says when the claim was made, not the file
          digests that agree with the claim: sha-256
          renews the earlier token with SHA-256 [hash]
          not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
          token 3 of 3, from the newest:
          existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          stamped not before [time] (checkpoint 0 of the log log.example): this says when the claim was made, not the file
          digests that agree with the claim: sha-256
          not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
        ");
    });
    assert_eq!(bench.read("a.txt.1.tlog-proof"), first);
    assert_eq!(bench.read("a.txt.2.tlog-proof"), second);
    // Each link is needed, and none can be exchanged.
    fs::rename(bench.path("a.txt.2.tlog-proof"), bench.path("elsewhere")).unwrap();
    let missing = bench.trusting(&["verify", "a.txt"]);
    bench.write("a.txt.2.tlog-proof", &first);
    let exchanged = bench.trusting(&["verify", "a.txt"]);
    snapshots(|| {
        assert_snapshot!(missing.told(), @"
        exit 1
        a.txt: NOT verified (a.txt.tlog-proof): token 1 of the chain, counted from the newest: this token does not renew the next older one that was given
        ");
        assert_snapshot!(exchanged.told(), @"
        exit 1
        a.txt: NOT verified (a.txt.tlog-proof): token 1 of the chain, counted from the newest: this token does not renew the next older one that was given
        ");
    });
    fs::rename(bench.path("elsewhere"), bench.path("a.txt.2.tlog-proof")).unwrap();
    bench.write("a.txt", "changed");
    assert_eq!(bench.trusting(&["verify", "a.txt"]).code, 1);
}

/// Between the two renames of a renewal the old token has both names, and so it may stay for ever.
#[test]
fn a_renewal_that_ended_half_way_is_verified_and_gone_on_with() {
    let (log, bench) = bench();
    bench.write("a.txt", "alpha");
    bench.stamp(&log, &["a.txt", "-q"]);
    bench.write("a.txt.1.tlog-proof", bench.read("a.txt.tlog-proof"));
    assert_eq!(bench.trusting(&["verify", "a.txt"]).code, 0);
    renew(&bench, &log, &["a.txt"]);
    assert_eq!(bench.list("."), ["a.txt", "a.txt.1.tlog-proof", "a.txt.tlog-proof", "home", "policy"]);
    bench.write("a.txt.2.tlog-proof", bench.read("a.txt.tlog-proof"));
    let verified = bench.trusting(&["verify", "a.txt"]);
    assert_eq!(verified.code, 0, "the twin is passed over: {verified:?}");
    renew(&bench, &log, &["a.txt"]);
    assert!(!bench.exists("a.txt.3.tlog-proof"), "the twin's name is taken");
    let verified = bench.trusting(&["verify", "a.txt"]);
    assert!(verified.code == 0 && verified.out.contains("token 3 of 3"), "{verified:?}");
}

/// A witness's clock was ahead when the lower bound was fetched: nobody would take the new token, so the old one stays.
#[test]
fn a_renewal_that_no_verifier_would_take_replaces_nothing() {
    let (log, bench) = bench();
    small_tree(&bench);
    bench.write("a.txt", "alpha");
    bench.stamp(&log, &["a.txt", "-q"]);
    bench.stamp(&log, &["d", "-q"]);
    let (token, names) = (bench.read("a.txt.tlog-proof"), bench.list("."));
    log.behave(|manner| manner.hasty = 7_200);
    let ran = renew(&bench, &log, &["a.txt", "d"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 1
        treering: a.txt.tlog-proof: NOT renewed: its renewal would be no evidence (the bounds contradict each other: stamped not before [time], and existed before [time]), and it stays as it is; try again later, or without a lower bound: --no-after
        treering: d.treering: NOT renewed: its renewal would be no evidence (the bounds contradict each other: stamped not before [time], and existed before [time]), and it stays as it is; try again later, or without a lower bound: --no-after
        ");
    });
    assert_eq!((bench.read("a.txt.tlog-proof"), bench.list(".")), (token, names));
    assert_eq!(bench.trusting(&["verify", "a.txt", "d"]).code, 0);
    // As it says.
    assert_eq!(renew(&bench, &log, &["a.txt", "d", "--no-after"]).code, 0);
    assert_eq!(bench.trusting(&["verify", "a.txt", "d"]).code, 0);
}

#[test]
fn tokens_of_a_whole_directory_are_renewed_together() {
    let (log, bench) = bench();
    small_tree(&bench);
    bench.stamp(&log, &["d", "--tokens", "-q"]);
    let before = log.submissions().len();
    let ran = renew(&bench, &log, &["d", "--json"]);
    let objects = ran.objects();
    assert!(objects.len() == 3 && objects.iter().all(|object| object["type"] == "renewed"), "{ran:?}");
    assert_eq!(objects[0]["kept"][0]["path"], "d/a.txt.1.tlog-proof");
    assert_eq!(log.submissions()[before..], [3], "one submission for all");
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
    assert_eq!(renew(&bench, &log, &["d"]).code, 0);
    assert!(bench.exists("d/sub/b.2.tlog-proof") && !bench.exists("d/sub/b.1.tlog-proof.1.tlog-proof"));
}

#[test]
fn what_can_not_be_renewed_is_told() {
    let (log, bench) = bench();
    small_tree(&bench);
    bench.stamp(&log, &["d", "-q"]);
    bench.stamp(&log, &["d/a.txt", "-q", "--plain"]);
    bench.write("receipt", log.receipt(&[[7; 32]]));
    bench.write("torn.tlog-proof", &bench.read("receipt")[..200]);
    fs::rename(bench.path("d/a.txt.tlog-proof"), bench.path("lone.tlog-proof")).unwrap();
    let paths = ["nothing", "home", "d/sub/b", "receipt", "torn.tlog-proof", "lone.tlog-proof", "policy"];
    let several = renew(&bench, &log, &paths);
    let other = FakeLog::with_keys(crate::support::Manner::default(), 9);
    bench.write("other", other.policy());
    let refused = bench.run(&["renew", "d", "--log", other.url(), "--policy", "other"]);
    snapshots(|| {
        assert_snapshot!(several.told(), @"
        exit 1
        treering: nothing can't be looked at: No such file or directory (os error 2)
        treering: home has neither a bundle (home.treering) nor tokens of its files
        treering: d/sub/b has no token (d/sub/b.tlog-proof); the bundle DIR/d.treering may have a record of it: renew that one
        treering: policy has no token (policy.tlog-proof)
        treering: receipt: NOT renewed: it is a receipt, for a submission and not for a file: keep it with the tokens cut below it, and renew those
        treering: torn.tlog-proof: NOT renewed: it is no whole token: the proof ends before its checkpoint; get a whole copy of it
        treering: lone.tlog-proof: NOT renewed: it stamps the plain SHA-256 of a file that isn't beside it (lone), without which nobody can tell whether it is good
        ");
        assert_snapshot!(refused.told(), @"
        exit 1
        treering: d.treering: NOT renewed: it is no evidence under this policy (the token's checkpoint: no key of the log has signed this checkpoint), and renewing it would not make it any: if a key or a witness was given up since, it had to be renewed before
        ");
    });
    renew(&bench, &log, &["d"]);
    bench.write("x", "x");
    bench.stamp(&log, &["x", "-q"]);
    renew(&bench, &log, &["x"]);
    let earlier = renew(&bench, &log, &["x.1.tlog-proof"]);
    assert_snapshot!(earlier.told(), @"
    exit 2
    treering: x.1.tlog-proof is an earlier one: x.tlog-proof is the newest of them, which is to be renewed
    ");
}

#[test]
fn a_bundle_is_renewed_by_a_token_of_its_bytes() {
    let (log, bench) = bench();
    small_tree(&bench);
    bench.stamp(&log, &["d", "-q"]);
    let bundle = bench.read("d.treering");
    let once = renew(&bench, &log, &["d"]);
    let twice = renew(&bench, &log, &["d.treering"]);
    let verified = bench.trusting(&["verify", "d", "--strict"]);
    let one = bench.trusting(&["verify", "d/sub/b"]);
    snapshots(|| {
        assert_snapshot!(once.told(), @"
        exit 0
        d.treering.tlog-proof: renews d.1.treering
        ");
        assert_snapshot!(twice.told(), @"
        exit 0
        d.treering.tlog-proof: renews d.treering.1.tlog-proof
        ");
        assert_snapshot!(verified.told(), @"
        exit 0
        DIR/d.treering: renewed (DIR/d.treering.tlog-proof), and judged as of the oldest of these times:
          token 1 of 2, from the newest:
          existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 2
          stamped not before [time] (checkpoint 2 of the log log.example): this says when the claim was made, not the file
          digests that agree with the claim: sha-256
          renews the earlier token with SHA-256 [hash]
          not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
          token 2 of 2, from the newest:
          existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 1
          stamped not before [time] (checkpoint 1 of the log log.example): this says when the claim was made, not the file
          digests that agree with the claim: sha-256
          renews the earlier token with SHA-256 [hash]
          not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
        3 files verified
          each existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          each stamped not before [time] (checkpoint 0 of the log log.example): this says when the claim was made, not the file
          not shown: the files' names, paths and sizes, whether they are links, who made them, leap seconds, the error of a witness's clock
        ");
        assert_snapshot!(one.told(), @"
        exit 0
        d/sub/b: verified (DIR/d.treering)
          token 1 of 3, from the newest:
          existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 2
          stamped not before [time] (checkpoint 2 of the log log.example): this says when the claim was made, not the file
          digests that agree with the claim: sha-256
          renews the earlier token with SHA-256 [hash]
          not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
          token 2 of 3, from the newest:
          existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 1
          stamped not before [time] (checkpoint 1 of the log log.example): this says when the claim was made, not the file
          digests that agree with the claim: sha-256
          renews the earlier token with SHA-256 [hash]
          not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
          token 3 of 3, from the newest:
          existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          stamped not before [time] (checkpoint 0 of the log log.example): this says when the claim was made, not the file
          digests that agree with the claim: sha-256
          not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
        ");
    });
    assert_eq!((bench.read("d.treering"), bench.read("d.1.treering")), (bundle.clone(), bundle));
    let names = ["d", "d.1.treering", "d.treering", "d.treering.1.tlog-proof", "d.treering.tlog-proof"];
    assert_eq!(bench.list(".")[..5], names);
    // The tree is stamped again: the old bundle keeps its number and its token, and the new one is renewed on its own.
    bench.write("d/new", "new");
    bench.stamp(&log, &["d", "--force", "-q"]);
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
    assert_eq!(bench.trusting(&["verify", "d", "d.1.treering"]).code, 0);
    let again = renew(&bench, &log, &["d"]);
    assert_snapshot!(again.told(), @"
    exit 0
    d.treering.tlog-proof: renews d.2.treering and keeps d.treering.2.tlog-proof
    ");
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
}
