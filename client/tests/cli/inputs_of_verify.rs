//! What `verify` takes, several at once, and what scripts ask of it.

use crate::{
    support::{Bench, FakeLog, Manner, snapshots},
    trust::fingerprint,
};
use insta::assert_snapshot;
use std::fs;
use treering_tlog::hash::sha256;

fn bench() -> (FakeLog, Bench) {
    let log = FakeLog::start(Manner::default());
    let bench = Bench::new(&log);
    bench.write("d/a", "alpha");
    bench.write("d/b", "beta");
    bench.write("c", "gamma");
    bench.stamp(&log, &["d", "--holder", "Ada"]);
    bench.stamp(&log, &["c", "--holder", "Ada"]);
    (log, bench)
}

#[test]
fn several_are_summed_up_and_each_counts_once() {
    let (_, bench) = bench();
    let ran = bench.trusting(&["verify", "c", "c.tlog-proof", "d", "d.treering"]);
    // Made in one second or not: either bound may be the earlier one.
    let told = ran.told().replace("(checkpoint 1 of", "(checkpoint 0 of");
    snapshots(|| {
        assert_snapshot!(told, @"
        exit 0
        holder: Ada (claimed)
        3 files verified
          each existed before [time] (at least 2 would have to lie); sealed in several entries
          each stamped not before [time] (checkpoint 0 of the log log.example): this says when the claim was made, not the file
          not shown: the files' names, paths and sizes, whether they are links, who made them, leap seconds, the error of a witness's clock
        ");
    });
    bench.write("c", "changed");
    let ran = bench.trusting(&["verify", "c", "d"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("c: NOT verified") && ran.out.contains("2 files verified, 1 failed"), "{ran:?}");
}

#[test]
fn evidence_alone_finds_what_it_is_of() {
    let (_, bench) = bench();
    for evidence in ["c.tlog-proof", "d.treering"] {
        assert_eq!(bench.trusting(&["verify", evidence]).code, 0, "{evidence}");
    }
    bench.write("c", "changed");
    assert_eq!(bench.trusting(&["verify", "c.tlog-proof"]).code, 1);
    fs::rename(bench.path("c.tlog-proof"), bench.path("lone.tlog-proof")).unwrap();
    fs::rename(bench.path("d.treering"), bench.path("lone.treering")).unwrap();
    let token = bench.trusting(&["verify", "lone.tlog-proof"]);
    let bundle = bench.trusting(&["verify", "lone.treering"]);
    snapshots(|| {
        assert_snapshot!(token.told(), @"
        exit 2
        lone.tlog-proof: not checked against its file, which is not beside it; a file with the digests in its claim:
          existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 1
          stamped not before [time] (checkpoint 1 of the log log.example): this says when the claim was made, not the file
          digests that agree with the claim: sha-256
          holder: Ada (name claimed, no key)
          not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
        ");
        assert_snapshot!(bundle.told(), @"
        exit 2
        lone.treering: not checked against its files, since no directory beside it has its name (whole; its receipt verifies); its paths begin with a and b: give the directory that has them: treering verify DIR lone.treering
        0 files verified, 1 could not be checked
        ");
    });
    assert_eq!(bench.trusting(&["verify", "d", "lone.treering"]).code, 0);
    assert_eq!(bench.trusting(&["verify", "d/a", "d/b", "--evidence", "lone.treering"]).code, 0);
}

#[test]
fn a_bundle_of_several_says_where_its_files_may_be() {
    let (log, bench) = bench();
    for name in ["e/1", "f/2", "g/3", "h/4"] {
        bench.write(name, name);
    }
    bench.stamp(&log, &["d", "e", "c", "-o", "some.treering"]);
    bench.stamp(&log, &["d", "e", "f", "g", "h", "-o", "many.treering"]);
    let (some, many) =
        (bench.trusting(&["verify", "some.treering"]), bench.trusting(&["verify", "many.treering"]));
    fs::create_dir(bench.path("away")).unwrap();
    fs::copy(bench.path("many.treering"), bench.path("away/many.treering")).unwrap();
    let away = bench.trusting(&["verify", "away/many.treering"]);
    snapshots(|| {
        assert_snapshot!(some.told(), @"
        exit 2
        some.treering: not checked against its files, since no directory beside it has its name (whole; its receipt verifies); its paths begin with d, e and c, as in .: treering verify . some.treering
        0 files verified, 1 could not be checked
        ");
        assert_snapshot!(many.told(), @"
        exit 2
        many.treering: not checked against its files, since no directory beside it has its name (whole; its receipt verifies); its paths begin with d, e, f, g and others, as in .: treering verify . many.treering
        0 files verified, 1 could not be checked
        ");
        assert_snapshot!(away.told(), @"
        exit 2
        away/many.treering: not checked against its files, since no directory beside it has its name (whole; its receipt verifies); its paths begin with d, e, f, g and others: give the directory that has them: treering verify DIR away/many.treering
        0 files verified, 1 could not be checked
        ");
    });
    // As it says.
    assert_eq!(bench.trusting(&["verify", ".", "some.treering"]).code, 0);
}

#[test]
fn hex_is_held_against_whatever_evidence_there_is() {
    let (log, bench) = bench();
    let digest = sha256(b"alpha").to_string();
    let by_bundle = bench.trusting(&["verify", &digest, "d.treering"]);
    snapshots(|| {
        assert_snapshot!(by_bundle.told(), @"
        exit 0
        [hash]: verified (d.treering): a file with this SHA-256 was stamped
          existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          stamped not before [time] (checkpoint 0 of the log log.example): this says when the claim was made, not the file
          not checked: that you have the file, or that it has this digest
        ");
    });
    assert_eq!(bench.trusting(&["verify", &sha256(b"gamma").to_string(), "c.tlog-proof"]).code, 0);
    for evidence in ["d.treering", "c.tlog-proof"] {
        let other = bench.trusting(&["verify", &sha256(b"other").to_string(), evidence]);
        assert_eq!(other.code, 1, "{other:?}");
    }
    let bare = bench.trusting(&["verify", &digest]);
    assert_eq!(bare.code, 2);
    assert!(bare.err.contains("give the token, receipt or bundle"), "{bare:?}");
    // A receipt under the name of its root.
    let root = treering_tlog::hash::leaf_hash(&[7; 32]);
    let name = format!("{root}.tlog-proof");
    bench.write(&name, log.receipt(&[[7; 32]]));
    assert_eq!(bench.trusting(&["verify", &name]).code, 0);
    fs::rename(bench.path(&name), bench.path("r.tlog-proof")).unwrap();
    let ran = bench.trusting(&["verify", "r.tlog-proof"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.out.contains("a receipt: it is for a submission root"), "{ran:?}");
}

/// As `curl` writes it, with the names that `sha256sum` writes.
#[test]
fn a_logs_answer_is_verified_by_hash_or_by_name() {
    let (log, bench) = bench();
    bench.stamp(&log, &["c", "d/a", "--plain", "--tokens", "--force"]);
    let answer = |file: &str, bytes: &str| {
        serde_json::json!({
            "hash": sha256(bytes.as_bytes()).to_string(),
            "url": "/v1/x",
            "token": String::from_utf8(bench.read(&format!("{file}.tlog-proof"))).unwrap(),
        })
    };
    let pending = serde_json::json!({ "hash": sha256(b"later").to_string(), "url": "/v1/y", "token": null });
    let write = |tokens: &[serde_json::Value]| {
        bench.write("tokens.json", serde_json::json!({ "tokens": tokens }).to_string());
    };
    write(&[answer("c", "gamma"), answer("d/a", "alpha")]);
    let sums = format!("{}  c\n{} *d/a\n", sha256(b"gamma"), sha256(b"alpha"));
    bench.write("SUMS", &sums);
    let by_hash = bench.trusting(&["verify", "tokens.json"]);
    assert_eq!(by_hash.code, 0, "{by_hash:?}");
    let by_name = bench.trusting(&["verify", "tokens.json", "--sums", "SUMS", "--strict"]);
    assert_eq!(by_name.code, 0, "{by_name:?}");
    assert!(by_name.out.contains("2 files verified"), "{by_name:?}");
    bench.write("c", "changed");
    let ran = bench.trusting(&["verify", "tokens.json", "--sums", "SUMS"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("c: NOT verified (tokens.json)"), "{ran:?}");
    write(&[answer("d/a", "alpha"), pending]);
    let ran = bench.trusting(&["verify", "tokens.json"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.out.contains("no token yet"), "{ran:?}");
    // A name that the log was not asked for.
    let ran = bench.trusting(&["verify", "tokens.json", "--sums", "SUMS", "--strict"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    bench.write("SUMS", "nonsense\n");
    assert_eq!(bench.trusting(&["verify", "tokens.json", "--sums", "SUMS"]).code, 2);
}

#[test]
fn predicates_that_do_not_hold_are_told_with_their_reasons() {
    let (_, bench) = bench();
    let good = ["--before", "2100-01-01T00:00:00Z", "--after", "2001-01-01T00:00:00Z", "--holder", "Ada"];
    for what in ["c", "d"] {
        let ran = bench.trusting(&[&["verify", what], &good[..]].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let bad = ["--before", "2001-01-01T01:00:00+01:00", "--after", "2100-01-01T00:00:00Z", "--holder", "Bob"];
    let (file, tree) = (
        bench.trusting(&[&["verify", "c"], &bad[..]].concat()),
        bench.trusting(&[&["verify", "d"], &bad[..4]].concat()),
    );
    let holder = bench.trusting(&["verify", "d", "--holder", "Bob"]);
    snapshots(|| {
        assert_snapshot!(file.told(), @"
        exit 1
        c: verified (c.tlog-proof), but:
          --before [time] does not hold: it is only shown to have existed before [time]
          --after [time] does not hold: its claim is only shown to be from [time] or later
          --holder Bob does not hold: the claim names Ada
          existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 1
          stamped not before [time] (checkpoint 1 of the log log.example): this says when the claim was made, not the file
          digests that agree with the claim: sha-256
          holder: Ada (name claimed, no key)
          not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
        ");
        assert_snapshot!(tree.told(), @"
        exit 1
        2 files of submission [hash]: --before [time] does not hold: it is only shown to have existed before [time]; --after [time] does not hold: its claim is only shown to be from [time] or later
        holder: Ada (claimed)
        0 files verified, 2 failed: see above
        ");
        assert_snapshot!(holder.told(), @"
        exit 1
        a: --holder Bob does not hold: the claim names Ada
        b: --holder Bob does not hold: the claim names Ada
        0 files verified, 2 failed: see above
        ");
    });
    // With a key pinned for her, her name alone is not enough.
    assert_eq!(bench.run(&["trust", "holder", "add", "Ada", &"ab".repeat(32)]).code, 0);
    let ran = bench.trusting(&["verify", "c", "--holder", "Ada"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("is not signed, though a key is pinned for them"), "{ran:?}");
}

#[test]
fn without_witnesses_no_time_is_shown() {
    let log = FakeLog::start(Manner { quorum: "none", ..Manner::default() });
    let bench = Bench::new(&log);
    bench.write("a", "alpha");
    bench.stamp(&log, &["a"]);
    assert_eq!(bench.trusting(&["verify", "a"]).code, 0);
    let ran = bench.trusting(&["verify", "a", "--before", "2100-01-01T00:00:00Z"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("the policy asks for no witness, so there is no attested time"), "{ran:?}");
    let ran = bench.trusting(&["verify", "a", "--after", "2001-01-01T00:00:00Z"]);
    assert!(ran.code == 1 && ran.out.contains("nothing shows a lower bound"), "{ran:?}");
    let ran = bench.trusting(&["verify", "a", "--before", "2026-11-22"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("is a whole day"), "{ran:?}");
}

/// One log asks for witnesses, the other doesn't: no time holds for what both have sealed.
#[test]
fn a_time_that_one_does_not_have_is_not_said_of_each() {
    let none = FakeLog::start(Manner { quorum: "none", ..Manner::default() });
    let both = FakeLog::named("two.example", Manner::default());
    let bench = Bench::new(&none);
    for (log, name) in [(&none, "a"), (&both, "b")] {
        bench.write("policy", log.policy());
        bench.write(name, name);
        bench.stamp(log, &[name]);
        let added = ["trust", "add", log.url(), "--yes", "--fingerprint", &fingerprint(log)];
        assert_eq!(bench.run(&added).code, 0);
    }
    for [first, second] in [["a", "b"], ["b", "a"]] {
        let ran = bench.run(&["verify", first, second]);
        let lines: Vec<_> = ran.out.lines().filter(|line| line.starts_with("  each")).collect();
        let told = [
            "  each no attested time: the policy asks for no witness; only the log's own word, in several entries",
        ];
        assert_eq!((ran.code, &lines[..]), (0, &told[..]), "{ran:?}");
    }
}
