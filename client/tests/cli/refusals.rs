//! What `treering stamp` does when the log, the policy or the disk is not as it should be.

use crate::{
    stamp::{bench, small_tree},
    support::{Bench, FakeLog, Manner, snapshots},
};
use insta::assert_snapshot;
use std::fs;

#[test]
fn a_receipt_that_lacks_witnesses_is_waited_for() {
    let log = FakeLog::start(Manner { lacking: 1, ..Manner::default() });
    let bench = Bench::new(&log);
    bench.write("a", "alpha");
    bench.stamp(&log, &["a"]);
    assert_eq!(bench.trusting(&["verify", "a"]).code, 0);
    assert!(log.paths().iter().any(|path| path.starts_with("GET /v1/receipts/")));
}

#[test]
fn what_never_meets_the_policy_is_not_written() {
    let log = FakeLog::start(Manner { lacking: u32::MAX, ..Manner::default() });
    let bench = Bench::new(&log);
    small_tree(&bench);
    let ran = bench.stamp_any(&log, &["d", "--wait", "0"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 3
        treering: made a master key, DIR/home/config/master.key: keep a copy of it somewhere safe, lost bundles can be made again with it
        treering: accepted here, not yet stamped: d.treering: the log has taken the submission, but after 0 s there is no receipt that meets the policy (too few witnesses: 1 of the policy's 2 cosigned the token's checkpoint, and that does not meet the policy's quorum). Its witnesses may be away (see --wait)
        `treering resume` finishes it (with --log URL, if it is at another address)
        ");
    });
    assert_eq!(bench.list("."), [".d.treering.partial", "d", "home", "policy"]);
}

#[test]
fn a_forged_receipt_is_news_and_nothing_is_written() {
    let log = FakeLog::start(Manner { lying: true, ..Manner::default() });
    let bench = Bench::new(&log);
    small_tree(&bench);
    let ran = bench.stamp_any(&log, &["d"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 1
        treering: made a master key, DIR/home/config/master.key: keep a copy of it somewhere safe, lost bundles can be made again with it
        treering: what was hashed for d.treering is kept: `treering resume` goes on with it, `treering stamp --restart` forgets it
        treering: the receipt that the log gave for [hash] is refused: the layers do not lead to the batch root in the entry: the token was changed, or put together from two
        ");
    });
    assert_eq!(bench.list("."), [".d.treering.partial", "d", "home", "policy"]);
}

#[test]
fn a_log_that_the_policy_does_not_accept_is_told_before_the_work() {
    let (_, bench) = bench();
    let other = FakeLog::with_keys(Manner::default(), 9);
    bench.write("a", "alpha");
    let wrong = bench.stamp_any(&other, &["a"]);
    let unmet = FakeLog::start(Manner { unmet: true, ..Manner::default() });
    let lacking = bench.stamp_any(&unmet, &["a"]);
    snapshots(|| {
        assert_snapshot!(wrong.told(), @"
        exit 2
        treering: the log's checkpoint is not one that the policy accepts: no key of the log has signed this checkpoint
        Is it the right log (http://LOG/) and the right policy for it?
        ");
        assert_snapshot!(lacking.told(), @"
        exit 2
        treering: the log's checkpoint has too few witnesses for the policy (1 of 2 cosigned), so the claims can't have a lower bound: try again in a minute, or stamp without one with --no-after
        ");
    });
    assert_eq!(bench.stamp_any(&unmet, &["a", "--no-after"]).code, 0);
}

#[test]
fn a_policy_without_a_quorum_gives_no_time() {
    let log = FakeLog::start(Manner { quorum: "none", ..Manner::default() });
    let bench = Bench::new(&log);
    bench.write("a", "alpha");
    bench.stamp(&log, &["a"]);
    let verified = bench.trusting(&["verify", "a"]);
    snapshots(|| {
        assert_snapshot!(verified.told(), @"
        exit 0
        a: verified (a.tlog-proof)
          no attested time: the policy asks for no witness; only the log's own word: sealed by the log log.example at [time], entry 0
          digests that agree with the claim: sha-256
          not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
        ");
    });
}

#[test]
fn nothing_to_stamp_is_an_error() {
    let (log, bench) = bench();
    fs::create_dir(bench.path("d")).unwrap();
    let empty = bench.stamp_any(&log, &["d"]);
    snapshots(|| {
        assert_snapshot!(empty.told(), @"
        exit 2
        0 files stamped (0 B)
        treering: made a master key, DIR/home/config/master.key: keep a copy of it somewhere safe, lost bundles can be made again with it
        treering: d: nothing to stamp: no file was found and read
        ");
    });
    assert_eq!(bench.stamp_any(&log, &["nowhere"]).code, 2);
    assert_eq!(bench.stamp_any(&log, &["nowhere"]).err.lines().count(), 2);
    assert!(log.submissions().is_empty());
}

#[test]
fn what_is_in_the_way_stays() {
    let (log, bench) = bench();
    small_tree(&bench);
    bench.write("d.treering", "something precious");
    let ran = bench.stamp_any(&log, &["d"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 2
        treering: d.treering is there already, and it may be evidence of an earlier time: rename it to keep both, or replace it with --force
        ");
    });
    assert_eq!(bench.read("d.treering"), b"something precious");
    assert!(log.paths().is_empty(), "told before anything is sent");
    bench.stamp(&log, &["d", "--force"]);
    assert_eq!(bench.trusting(&["verify", "d"]).code, 0);
}

#[test]
fn own_outputs_are_never_stamped() {
    let (log, bench) = bench();
    small_tree(&bench);
    bench.stamp(&log, &["d", "-o", "d/evidence"]);
    assert_eq!(log.submissions(), [3]);
    let verified = bench.trusting(&["verify", "d", "d/evidence", "--strict"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    bench.stamp(&log, &["d", "-o", "d/evidence", "--force"]);
    assert_eq!(log.submissions(), [3, 3]);
}

#[test]
fn the_ways_to_do_without_what_is_needed_lead_on() {
    let (log, bench) = bench();
    bench.write("a", "alpha");
    let no_policy = bench.run(&["stamp", "a", "--log", log.url()]);
    let no_log = bench.trusting(&["stamp", "a"]);
    let bad_url = bench.trusting(&["stamp", "a", "--log", "log.example"]);
    snapshots(|| {
        assert_snapshot!(no_policy.told(), @"
        exit 2
        treering: no policy: it says which log and witnesses you trust, and nothing can be judged without it.
        Get one: treering trust add http://LOG
        It shows the keys, to be compared with what the log's and the witnesses' operators publish elsewhere. Or give a policy file with --policy FILE or TREERING_POLICY=FILE
        ");
        assert_snapshot!(no_log.told(), @"
        exit 2
        treering: no log: give its URL with --log or TREERING_LOG (the policy names no log with a URL, so it can't be taken from there)
        ");
        assert_snapshot!(bad_url.told(), @r#"
        exit 2
        treering: "log.example" is not the URL of a log: it can't be parsed; a URL looks like https://log.example/
        "#);
    });
    assert_eq!(bench.run(&["stamp"]).code, 2);
    assert_eq!(bench.run(&["--help"]).code, 0);
    assert_eq!(bench.run(&["--version"]).code, 0);
}

#[test]
fn quiet_is_quiet() {
    let (log, bench) = bench();
    bench.write("a", "alpha");
    let ran = bench.stamp(&log, &["a", "--quiet"]);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
}

#[test]
fn the_journal_has_what_rebuilding_takes() {
    let (log, bench) = bench();
    small_tree(&bench);
    bench.stamp(&log, &["d", "--holder", "Ada"]);
    let runs = "home/.local/state/treering/runs";
    let names = bench.list(runs);
    let name = names.iter().find(|name| name.ends_with(".jsonl")).unwrap();
    let journal = bench.read(&format!("{runs}/{name}"));
    let lines: Vec<serde_json::Value> =
        String::from_utf8(journal).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["run", "submission", "receipt", "finished"]);
    assert_eq!(lines[0]["run_id"].as_str().unwrap().len(), 32);
    assert_eq!(lines[0]["holder"], "Ada");
    assert!(lines[0]["after"].as_str().unwrap().starts_with("log.example\n"));
    assert_eq!((&lines[2]["entry"], &lines[2]["position"]), (&0.into(), &1.into()));
}

#[test]
fn an_ignore_file_that_can_not_be_read_is_told() {
    let (log, bench) = bench();
    small_tree(&bench);
    for (file, told) in [
        ("none", "the ignore file none can't be read: No such file or directory (os error 2)"),
        ("d", "the ignore file d can't be read: Is a directory (os error 21)"),
    ] {
        let ran = bench.stamp_any(&log, &["d", "--ignore-file", file]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
        assert_eq!(ran.err, format!("treering: {told}\n"));
    }
    assert!(
        !bench.exists("d.treering") && log.paths().is_empty(),
        "told before anything is asked of the log"
    );
}
