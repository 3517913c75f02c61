//! `treering verify`: wholly offline, each verdict with its exit code and words.

use crate::support::{Bench, FakeLog, Manner, Ran, snapshots};
use insta::assert_snapshot;
use std::fs;

/// A stamped directory.
pub(crate) fn stamped(args: &[&str]) -> (FakeLog, Bench) {
    let log = FakeLog::start(Manner::default());
    let bench = Bench::new(&log);
    bench.write("d/a.txt", "alpha");
    bench.write("d/sub/b", "beta");
    bench.write("d/empty", "");
    bench.stamp(&log, &[&["d"], args].concat());
    (log, bench)
}

pub(crate) fn told(ran: &Ran) -> String {
    ran.told()
}

#[test]
fn one_changed_byte_is_found() {
    for args in [&[][..], &["--zstd"], &["--plain"]] {
        let (_, bench) = stamped(args);
        assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
        bench.write("d/sub/b", "bet4");
        let ran = bench.trusting(&["verify", "d"]);
        assert_eq!(ran.code, 1);
        if args.is_empty() {
            snapshots(|| {
                assert_snapshot!(told(&ran), @"
                exit 1
                sub/b: changed: its sha-256 digest is another
                2 files verified, 1 failed: see above
                  each existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
                  each stamped not before [time] (checkpoint 0 of the log log.example): this says when the claim was made, not the file
                  not shown: the files' names, paths and sizes, whether they are links, who made them, leap seconds, the error of a witness's clock
                ");
            });
            let one = bench.trusting(&["verify", "d/sub/b"]);
            snapshots(|| {
                assert_snapshot!(told(&one), @"
                exit 1
                d/sub/b: NOT verified (DIR/d.treering): changed: the bundle DIR/d.treering has a record of it with other bytes
                ");
            });
            assert_eq!(bench.trusting(&["verify", "d/a.txt"]).code, 0, "the others still stand");
        }
    }
}

#[test]
fn what_is_missing_or_another_kind_is_found() {
    let (_, bench) = stamped(&[]);
    fs::remove_file(bench.path("d/a.txt")).unwrap();
    fs::remove_file(bench.path("d/empty")).unwrap();
    fs::create_dir(bench.path("d/empty")).unwrap();
    let ran = bench.trusting(&["verify", "d"]);
    snapshots(|| {
        assert_snapshot!(told(&ran), @"
        exit 1
        a.txt: missing
        empty: changed: no longer a file
        1 file verified, 2 failed: see above
          each existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          each stamped not before [time] (checkpoint 0 of the log log.example): this says when the claim was made, not the file
          not shown: the files' names, paths and sizes, whether they are links, who made them, leap seconds, the error of a witness's clock
        ");
    });
}

#[test]
fn extra_files_are_told_and_count_under_strict() {
    let (_, bench) = stamped(&[]);
    bench.write("d/extra", "x");
    bench.write("d/sub/c", "x");
    let lenient = bench.trusting(&["verify", "d"]);
    let strict = bench.trusting(&["verify", "d", "--strict"]);
    snapshots(|| {
        assert_snapshot!(told(&lenient), @"
        exit 0
        extra: no token covers it
        sub/c: no token covers it
        3 files verified, 2 not covered by any token
          each existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          each stamped not before [time] (checkpoint 0 of the log log.example): this says when the claim was made, not the file
          not shown: the files' names, paths and sizes, whether they are links, who made them, leap seconds, the error of a witness's clock
        ");
    });
    assert_eq!((lenient.code, strict.code), (0, 1));
}

#[test]
fn a_part_of_a_tree_is_verified_by_the_whole_trees_bundle() {
    let (_, bench) = stamped(&[]);
    fs::remove_file(bench.path("d/a.txt")).unwrap();
    let part = bench.trusting(&["verify", "d/sub"]);
    assert_eq!(part.code, 0, "{part:?}");
    assert!(part.out.contains("1 file verified"), "{part:?}");
}

/// A directory on the way that became a link would lead the verifier to files outside of the tree.
#[cfg(unix)]
#[test]
fn a_link_on_the_way_is_not_followed() {
    let (_, bench) = stamped(&[]);
    fs::rename(bench.path("d/sub"), bench.path("outside")).unwrap();
    std::os::unix::fs::symlink("../outside", bench.path("d/sub")).unwrap();
    let ran = bench.trusting(&["verify", "d"]);
    snapshots(|| {
        assert_snapshot!(told(&ran), @"
        exit 2
        sub/b: not checked: a directory on its way (DIR/d/sub) is a symbolic link, which may lead out of the tree; --follow follows it
        sub: no token covers it
        2 files verified, 1 could not be checked, 1 not covered by any token
          each existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          each stamped not before [time] (checkpoint 0 of the log log.example): this says when the claim was made, not the file
          not shown: the files' names, paths and sizes, whether they are links, who made them, leap seconds, the error of a witness's clock
        ");
    });
}

#[test]
fn a_bundle_that_was_cut_off_says_so() {
    for args in [&[][..], &["--zstd"]] {
        let (_, bench) = stamped(args);
        let whole = bench.read("d.treering");
        for length in [whole.len() / 3, whole.len() * 2 / 3, whole.len() - 1, 30] {
            bench.write("d.treering", &whole[..length]);
            let ran = bench.trusting(&["verify", "d"]);
            assert_eq!(ran.code, 1, "{length} of {}: {ran:?}", whole.len());
        }
        bench.write("d.treering", &whole[..whole.len() - 1]);
        let ran = bench.trusting(&["verify", "d"]);
        if args.is_empty() {
            snapshots(|| {
                assert_snapshot!(told(&ran), @"
                exit 1
                0 files verified, 3 agree with records that are not shown to have been stamped
                treering: the bundle DIR/d.treering is not whole: item 7, at byte 863: the bundle ends inside an item: it was cut off; get a whole copy of it
                ");
            });
        }
    }
}

#[test]
fn every_byte_of_a_bundle_counts() {
    let (_, bench) = stamped(&[]);
    let whole = bench.read("d.treering");
    let header = whole.windows(4).position(|bytes| bytes == b"both").unwrap();
    for place in (header + 400..whole.len()).step_by(61) {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        bench.write("d.treering", &changed);
        let ran = bench.trusting(&["verify", "d", "--quiet", "--strict"]);
        assert_ne!(ran.code, 0, "byte {place} of {}", whole.len());
    }
}

#[test]
fn another_policy_accepts_nothing() {
    let (_, bench) = stamped(&[]);
    let other = FakeLog::with_keys(Manner::default(), 9);
    bench.write("policy", other.policy());
    let ran = bench.trusting(&["verify", "d"]);
    snapshots(|| {
        assert_snapshot!(told(&ran), @"
        exit 1
        the receipt for submission [hash] is refused, so its files show nothing: the token's checkpoint: no key of the log has signed this checkpoint; is this the policy for it?
        0 files verified, 3 agree with records that are not shown to have been stamped, 1 failed: see above
        ");
    });
}

#[test]
fn evidence_of_another_kind_or_file_leads_on() {
    let (log, bench) = stamped(&["--tokens"]);
    bench.write("receipt", log.receipt(&[[7; 32]]));
    bench.write("nonsense", "nonsense");
    let other = bench.trusting(&["verify", "d/a.txt", "d/sub/b.tlog-proof"]);
    let receipt = bench.trusting(&["verify", "d/a.txt", "receipt"]);
    let nonsense = bench.trusting(&["verify", "d/a.txt", "-e", "nonsense"]);
    let token_for_dir = bench.trusting(&["verify", "d", "d/a.txt.tlog-proof"]);
    let nothing_there = bench.trusting(&["verify", "d/a.txt", "-e", "nowhere"]);
    snapshots(|| {
        assert_snapshot!(told(&other), @"
        exit 1
        d/a.txt: NOT verified (d/sub/b.tlog-proof): the file's sha-256 digest is not the one in the claim: the file was changed, or the token is of another
        ");
        assert_snapshot!(told(&receipt), @"
        exit 1
        d/a.txt: NOT verified (receipt): this is the receipt of a submission, not the token of a file: a token has a layer more, from the file's commitment to the submission
        ");
        assert_snapshot!(told(&nonsense), @"
        exit 2
        treering: nonsense is neither a token (.tlog-proof), a bundle (.treering) nor a timestamp (.tsr); `treering show` tells what a file is
        ");
        assert_snapshot!(told(&token_for_dir), @"
        exit 2
        treering: d/a.txt.tlog-proof is a token, and a token is for one file: give that file instead of the directory d
        ");
        assert_snapshot!(told(&nothing_there), @"
        exit 2
        treering: nowhere can't be looked at: No such file or directory (os error 2)
        ");
    });
}

#[test]
fn a_damaged_token_is_told_from_a_missing_file() {
    let (_, bench) = stamped(&["--tokens"]);
    let token = bench.read("d/a.txt.tlog-proof");
    bench.write("d/a.txt.tlog-proof", &token[..token.len() / 2]);
    let damaged = bench.trusting(&["verify", "d/a.txt"]);
    bench.write("d/a.txt.tlog-proof", &token);
    fs::remove_file(bench.path("d/a.txt")).unwrap();
    let missing = bench.trusting(&["verify", "d/a.txt"]);
    let nothing = bench.trusting(&["verify", "d/never"]);
    snapshots(|| {
        assert_snapshot!(told(&damaged), @"
        exit 1
        d/a.txt: NOT verified (d/a.txt.tlog-proof): its token d/a.txt.tlog-proof is damaged: the proof ends before its checkpoint; get a whole copy of it
        ");
        assert_snapshot!(told(&missing), @"
        exit 1
        d/a.txt: NOT verified (d/a.txt.tlog-proof): missing
        ");
        assert_snapshot!(told(&nothing), @"
        exit 2
        treering: d/never can't be looked at: No such file or directory (os error 2)
        ");
    });
}

#[test]
fn nothing_verified_is_not_all_verified() {
    let (_, bench) = stamped(&[]);
    bench.write("alone", "x");
    fs::create_dir(bench.path("bare")).unwrap();
    bench.write("bare/x", "x");
    let file = bench.trusting(&["verify", "alone"]);
    let dir = bench.trusting(&["verify", "bare"]);
    snapshots(|| {
        assert_snapshot!(told(&file), @"
        exit 2
        alone: no token covers it (looked for: alone.tlog-proof)
        treering: nothing was verified: no token or bundle covers any file here
        ");
        assert_snapshot!(told(&dir), @"
        exit 2
        x: no token covers it
        0 files verified, 1 not covered by any token
        treering: nothing was verified: no token or bundle covers any file here
        ");
    });
    assert_eq!(bench.trusting(&["verify", "alone", "--strict"]).code, 1);
}

#[test]
fn without_a_policy_nothing_is_judged() {
    let (_, bench) = stamped(&[]);
    let ran = bench.run(&["verify", "d"]);
    snapshots(|| {
        assert_snapshot!(told(&ran), @"
        exit 2
        treering: no policy: it says which log and witnesses you trust, and nothing can be judged without it.
        Get one: treering trust add https://<the log>
        It shows the keys, to be compared with what the log's and the witnesses' operators publish elsewhere. Or give a policy file with --policy FILE or TREERING_POLICY=FILE
        ");
    });
    bench.write("policy", "log nonsense\n");
    let bad = bench.trusting(&["verify", "d"]);
    snapshots(|| {
        assert_snapshot!(told(&bad), @"
        exit 2
        treering: the policy policy is refused: line 1: the key of log nonsense: a verifier key has the form <name>+<key id in hex>+<base64>
        ");
    });
}

#[test]
fn cosignatures_from_the_future_are_told() {
    let log = FakeLog::start(Manner { ahead: 7_200, ..Manner::default() });
    let bench = Bench::new(&log);
    bench.write("a", "alpha");
    let stamped = bench.stamp(&log, &["a"]);
    assert!(stamped.err.contains("is the clock right?"), "{stamped:?}");
    let ran = bench.trusting(&["verify", "a"]);
    assert_eq!(ran.code, 0);
    assert!(ran.out.contains("in the future by this verifier's clock"), "{ran:?}");
}

#[test]
fn a_file_that_is_gone_from_beside_its_token_is_missing() {
    let (_, bench) = stamped(&["--tokens"]);
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
    fs::remove_file(bench.path("d/a.txt")).unwrap();
    let ran = bench.trusting(&["verify", "d"]);
    assert_eq!(ran.code, 1, "{}", told(&ran));
    assert!(told(&ran).contains("missing"), "{}", told(&ran));
    // Something else in its place is no better.
    fs::create_dir(bench.path("d/a.txt")).unwrap();
    let ran = bench.trusting(&["verify", "d"]);
    assert_eq!(ran.code, 1, "{}", told(&ran));
}

#[test]
fn a_lower_bound_is_said_of_each_only_where_each_has_one() {
    let (log, bench) = stamped(&["--tokens"]);
    assert!(told(&bench.trusting(&["verify", "d"])).contains("each stamped not before"));
    bench.write("d/late", "without");
    bench.stamp(&log, &["d/late", "--plain"]);
    let ran = bench.trusting(&["verify", "d", "--strict"]);
    assert_eq!(ran.code, 0, "{}", told(&ran));
    assert!(!told(&ran).contains("each stamped not before"), "{}", told(&ran));
    // Two entries by now: neither's seal is that of each.
    assert!(
        told(&ran).contains("(at least 2 would have to lie); sealed in several entries"),
        "{}",
        told(&ran)
    );
}

/// What a bundle speaks of is missing when it is gone, however it is asked about.
#[test]
fn what_a_bundle_records_is_missing_when_it_is_gone() {
    let (_, bench) = stamped(&[]);
    fs::remove_file(bench.path("d/a.txt")).unwrap();
    fs::remove_dir_all(bench.path("d/sub")).unwrap();
    let ran = bench.trusting(&["verify", "d/a.txt"]);
    snapshots(|| {
        assert_snapshot!(told(&ran), @"
        exit 1
        d/a.txt: NOT verified (DIR/d.treering): missing
        ");
    });
    assert_eq!(bench.trusting(&["verify", "d/sub"]).code, 1);
    let deeper = bench.trusting(&["verify", "d/sub/b"]);
    snapshots(|| {
        assert_snapshot!(told(&deeper), @"
        exit 1
        d/sub/b: NOT verified (DIR/d.treering): missing
        ");
    });
    for never in ["d/never", "d/sub/never", "d/never/there", "d/sub/../a.txt"] {
        assert_eq!(bench.trusting(&["verify", never]).code, 2, "{never}");
    }
    // Where the whole tree is gone, it may have been moved.
    fs::rename(bench.path("d"), bench.path("elsewhere")).unwrap();
    assert_eq!(bench.trusting(&["verify", "d/empty"]).code, 2);
}
