//! `treering stamp`, end to end over loopback, and what it leaves on the disk.

use crate::support::{Bench, FakeLog, Manner, snapshots};
use insta::assert_snapshot;
use std::fs;

pub(crate) fn bench() -> (FakeLog, Bench) {
    let log = FakeLog::start(Manner::default());
    let bench = Bench::new(&log);
    (log, bench)
}

pub(crate) fn small_tree(bench: &Bench) {
    bench.write("d/a.txt", "alpha");
    bench.write("d/sub/b", "beta");
    bench.write("d/empty", "");
    fs::create_dir_all(bench.path("d/nothing")).unwrap();
}

#[test]
fn a_file_gets_a_token_that_verifies() {
    let (log, bench) = bench();
    bench.write("contract.pdf", "a contract");
    let ran =
        bench.stamp(&log, &["contract.pdf", "--holder", "Ada", "--agent", "Bob", "--title", "Contract 1"]);
    let shown = bench.trusting(&["verify", "contract.pdf"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 0
        contract.pdf.tlog-proof
        1 file stamped (10 B)
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
        treering: made a master key, DIR/home/config/master.key: keep a copy of it somewhere safe, lost bundles can be made again with it
        ");
        assert_snapshot!(shown.told(), @"
        exit 0
        contract.pdf: verified (contract.pdf.tlog-proof)
          existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          stamped not before [time] (checkpoint 0 of the log log.example): this says when the claim was made, not the file
          digests that agree with the claim: sha-256
          holder: Ada (name claimed, no key)
          agent: Bob (name claimed)
          title: Contract 1 (claimed)
          not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
        ");
    });
    assert_eq!(bench.list("home/config"), ["master.key"]);
    let kept = bench.list("home/.local/state/treering/runs");
    assert!(kept.len() == 2 && kept[0].ends_with(".jsonl") && kept[1].ends_with(".records"), "{kept:?}");
    let second = bench.stamp_any(&log, &["contract.pdf"]);
    snapshots(|| {
        assert_snapshot!(second.told(), @"
        exit 2
        treering: contract.pdf.tlog-proof is there already, and it may be evidence of an earlier time: rename it to keep both, or replace it with --force
        ");
    });
    bench.stamp(&log, &["contract.pdf", "--force", "-q"]);
}

#[test]
fn a_directory_gets_one_bundle_beside_it() {
    let (log, bench) = bench();
    small_tree(&bench);
    let ran = bench.stamp(&log, &["d/"]);
    let shown = bench.trusting(&["verify", "d"]);
    let bundle = bench.run(&["show", "d.treering"]);
    let judged = bench.run(&["show", "--policy", "policy", "d.treering"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 0
        d.treering
        3 files stamped (9 B)
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
        treering: made a master key, DIR/home/config/master.key: keep a copy of it somewhere safe, lost bundles can be made again with it
        ");
        assert_snapshot!(shown.told(), @"
        exit 0
        3 files verified
          each existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          each stamped not before [time] (checkpoint 0 of the log log.example): this says when the claim was made, not the file
          not shown: the files' names, paths and sizes, whether they are links, who made them, leap seconds, the error of a witness's clock
        ");
        assert_snapshot!(bundle.told(), @"
        exit 0
        d.treering: bundle
          whole; 3 files and 0 links (9 B); runs: 1, submissions: 1, receipts: 1
          commitments: blinded by a secret in the bundle: keep it private
          not verified: give --policy, or use `treering verify`
        ");
        assert_snapshot!(judged.told(), @"
        exit 0
        d.treering: bundle
          whole; 3 files and 0 links (9 B); runs: 1, submissions: 1, receipts: 1
          commitments: blinded by a secret in the bundle: keep it private
          verified under the policy:
          what its records say (the files were not looked at):
          each existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          each stamped not before [time] (checkpoint 0 of the log log.example): this says when the claim was made, not the file
        ");
    });
    assert_eq!(log.submissions(), [3]);
    assert_eq!(bench.list("."), ["d", "d.treering", "home", "policy"], "no temporary file is left");
}

#[cfg(unix)]
#[test]
fn odd_names_links_and_pipes() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let (log, bench) = bench();
    small_tree(&bench);
    fs::write(bench.path("d").join(OsStr::from_bytes(b"\xff\xfe")), "not unicode").unwrap();
    bench.write("d/new\nline", "x");
    bench.write("d/\u{202e}fdp.exe", "x");
    std::os::unix::fs::symlink("../outside", bench.path("d/link")).unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(bench.path("d/pipe")).status().unwrap();
    assert!(fifo.success());
    let ran = bench.stamp(&log, &["d"]);
    snapshots(|| {
        assert_snapshot!(ran.err, @"
        treering: made a master key, DIR/home/config/master.key: keep a copy of it somewhere safe, lost bundles can be made again with it
        treering: left out: d/pipe (a named pipe)
        ");
    });
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
    fs::remove_file(bench.path("d/link")).unwrap();
    std::os::unix::fs::symlink("../elsewhere", bench.path("d/link")).unwrap();
    fs::write(bench.path("d/new\nline"), "y").unwrap();
    fs::write(bench.path("d").join(OsStr::from_bytes(b"\xff\xfe")), "").unwrap();
    let verified = bench.trusting(&["verify", "d"]);
    snapshots(|| {
        assert_snapshot!(verified.told(), @r"
        exit 1
        link: changed: the link leads elsewhere
        new\u{a}line: changed: its sha-256 digest is another
        \xff\xfe: changed: its sha-256 digest is another
        4 files verified, 3 failed: see above
          each existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          each stamped not before [time] (checkpoint 0 of the log log.example): this says when the claim was made, not the file
          not shown: the files' names, paths and sizes, whether they are links, who made them, leap seconds, the error of a witness's clock
        ");
    });
}

/// `/proc/version` has a size of 0 and yet bytes: just what a file that grows under our eyes looks like.
#[cfg(target_os = "linux")]
#[test]
fn what_changes_or_cannot_be_read_is_reported_and_the_rest_is_stamped() {
    let (log, bench) = bench();
    bench.write("a", "alpha");
    let ran = bench
        .stamp_any(&log, &["a", "/proc/version", "/proc/self/mem", "gone", "/dev/null", "-o", "o.treering"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 2
        o.treering
        1 file stamped (5 B), 3 not stamped: see above
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
        treering: left out: /dev/null (a device)
        treering: not stamped: gone: there is no such file or directory
        treering: made a master key, DIR/home/config/master.key: keep a copy of it somewhere safe, lost bundles can be made again with it
        treering: not stamped: /proc/version: changed while it was read
        treering: not stamped: /proc/self/mem: can't be read: Input/output error (os error 5)
        ");
    });
    assert_eq!(log.submissions(), [1]);
    assert_eq!(bench.trusting(&["verify", "a", "o.treering"]).code, 0);
}

#[test]
fn tokens_for_a_whole_directory() {
    let (log, bench) = bench();
    small_tree(&bench);
    bench.stamp(&log, &["d", "--tokens"]);
    assert_eq!(bench.list("d"), ["a.txt", "a.txt.tlog-proof", "empty", "empty.tlog-proof", "nothing", "sub"]);
    assert!(!bench.exists("d.treering"));
    let verified = bench.trusting(&["verify", "d"]);
    snapshots(|| {
        assert_snapshot!(verified.told(), @"
        exit 0
        3 files verified
          each existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          each stamped not before [time] (checkpoint 0 of the log log.example): this says when the claim was made, not the file
          not shown: the files' names, paths and sizes, whether they are links, who made them, leap seconds, the error of a witness's clock
        ");
    });
    bench.write("d/new", "x");
    let again = bench.stamp_any(&log, &["d", "--tokens"]);
    assert_eq!(again.code, 2, "those that have a token are told: {again:?}");
    assert!(bench.exists("d/new.tlog-proof") && again.err.contains("d/a.txt: it has a token already"));
}

#[test]
fn several_directories_with_tokens_and_one_bundle() {
    let (log, bench) = bench();
    bench.write("x/1", "one");
    bench.write("y/2", "two");
    bench.stamp(&log, &["x", "y", "--tokens", "-o", "both.treering", "--zstd"]);
    assert!(bench.exists("x/1.tlog-proof") && bench.exists("y/2.tlog-proof"));
    assert_eq!(&bench.read("both.treering")[..4], b"\x28\xb5\x2f\xfd");
    fs::remove_file(bench.path("x/1.tlog-proof")).unwrap();
    fs::remove_file(bench.path("y/2.tlog-proof")).unwrap();
    let verified = bench.trusting(&["verify", ".", "both.treering"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    assert!(verified.out.contains("2 files verified"), "{verified:?}");
}

#[test]
fn plain_digests_need_no_key() {
    let (log, bench) = bench();
    small_tree(&bench);
    bench.stamp(&log, &["d", "--plain"]);
    assert!(!bench.exists("home/config"));
    let verified = bench.trusting(&["verify", "d/sub/b"]);
    snapshots(|| {
        assert_snapshot!(verified.told(), @"
        exit 0
        d/sub/b: verified (DIR/d.treering)
          existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          plain: the file's SHA-256 itself was stamped, with no claim and no lower bound
          not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
        ");
    });
}

#[test]
fn a_second_digest_is_kept_and_checked() {
    let (log, bench) = bench();
    bench.write("a", "alpha");
    bench.stamp(&log, &["a", "--digest", "sha3-256", "--no-after"]);
    let verified = bench.trusting(&["verify", "a"]);
    assert!(verified.out.contains("sha-256, sha3-256"), "{verified:?}");
    assert!(!verified.out.contains("not before"), "{verified:?}");
    let unknown = bench.stamp_any(&log, &["a", "--digest", "md5"]);
    assert_eq!(unknown.code, 2);
}

#[test]
fn submissions_keep_to_the_logs_limit() {
    let log = FakeLog::start(Manner { max_hashes: 3, pending: 2, busy: 1, ..Manner::default() });
    let bench = Bench::new(&log);
    for i in 0..10 {
        bench.write(&format!("d/{i}"), format!("{i}"));
    }
    bench.stamp(&log, &["d"]);
    let mut submissions = log.submissions();
    submissions.sort_unstable();
    assert_eq!(submissions, [1, 3, 3, 3]);
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
    let token = bench.run(&["token", "d.treering", "d/7"]);
    assert_eq!(token.code, 0, "{token:?}");
    assert_eq!(bench.trusting(&["verify", "d/7", "d/7.tlog-proof"]).code, 0);
}

#[test]
fn equal_submissions_share_a_receipt() {
    let log = FakeLog::start(Manner { max_hashes: 2, ..Manner::default() });
    let bench = Bench::new(&log);
    for i in 0..6 {
        bench.write(&format!("d/{i}"), "all the same");
    }
    bench.stamp(&log, &["d", "--plain"]);
    assert_eq!(log.submissions(), [2]);
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
}
