//! `--all-logs`, where one of the logs is away, refuses or lies, or the run is killed.

use super::{Both, OTHER, SECOND, away};
use crate::{
    resume::{FILES, count, kill, stalled, until},
    support::{FakeLog, Manner, snapshots},
};
use insta::assert_snapshot;
use std::process::Stdio;

#[test]
fn a_second_log_that_is_away_is_waited_for_alone() {
    let both = Both::start(Manner::default(), away());
    let ran = both.stamp(&["d", "--summary", "summary"]);
    both.verify(&["d.treering"]);
    let list = both.bench.run(&["resume", "--list"]);
    both.second.behave(|manner| manner.busy = 0);
    let resumed = both.bench.run(&["resume"]);
    both.verify(&["d.treering", OTHER]);
    assert_eq!(both.sent(), [FILES, FILES]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 3
        d.treering
        40 files stamped (70 B)
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
        treering: made a master key, DIR/home/config/master.key: keep a copy of it somewhere safe, lost bundles can be made again with it
        treering: the log is away: http://LOG/v1/log answered 503: without a reason that could be understood; is this a Treering log?
        Files are hashed all the same; there will be no lower bound for the moment of stamping.
        treering: http://LOG/: accepted here, not yet stamped: d.two.example_2026.treering: http://LOG/v1/receipts/[hash] answered 503: without a reason that could be understood; is this a Treering log?
        `treering resume` finishes it (with --log URL, if it is at another address)
        ");
        assert_snapshot!(list.told(), @"
        exit 0
        DIR/d.two.example_2026.treering (begun [time])
        ");
        assert_snapshot!(resumed.told(), @"
        exit 0
        d.two.example_2026.treering
        40 files stamped (70 B)
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log two.example/2026 at [time], entry 0
        treering: going on with DIR/d.two.example_2026.treering (begun [time])
        treering: http://LOG/: 40 files hashed before are taken over
        ");
        let summary = String::from_utf8(both.bench.read("summary")).unwrap();
        assert_snapshot!(summary.replace(&*both.bench.dir.path().to_string_lossy(), "DIR"), @"
        Stamped with Treering, from [time] to [time]
          what      DIR/d
          files     40 (70 B)
          attested  existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          witness   W1 cosigned at [time]
          witness   W2 cosigned at [time]
          log       http://LOG/
          policy    SHA-256 [hash]
          attested  not yet: http://LOG/v1/receipts/[hash] answered 503: without a reason that could be understood; is this a Treering log?; `treering resume` finishes it
          log       http://LOG/
          policy    SHA-256 [hash]
          output    DIR/d.treering (3.03 KiB), SHA-256 [hash]
          check     treering verify PATH OUTPUT --policy POLICY: it needs no network

        Stamped with Treering, from [time] to [time]
          what      DIR/d
          files     40 (70 B)
          attested  existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log two.example/2026 at [time], entry 0
          witness   W1 cosigned at [time]
          witness   W2 cosigned at [time]
          log       http://LOG/
          policy    SHA-256 [hash]
          output    DIR/d.two.example_2026.treering (2.64 KiB), SHA-256 [hash]
          check     treering verify PATH OUTPUT --policy POLICY: it needs no network
        ");
    });
    assert_eq!(both.bench.list("home/.local/state/treering/jobs").len(), 0);
}

#[test]
fn a_first_log_that_is_away_keeps_no_other_from_it() {
    let both = Both::start(away(), Manner::default());
    let ran = both.stamp(&["d", "--json"]);
    assert_eq!((ran.code, count(&ran, "hashed")), (3, FILES as u64), "{ran:?}");
    assert!(!both.bench.exists("d.treering"));
    both.verify(&[OTHER]);
    let found = both.bench.trusting(&["verify", "d", "--strict"]);
    assert!(found.code == 0 && found.out.contains(SECOND), "{found:?}");
    both.first.behave(|manner| manner.busy = 0);
    let resumed = both.bench.run(&["resume", "--json"]);
    assert_eq!((resumed.code, count(&resumed, "hashed")), (0, 0), "{resumed:?}");
    both.verify(&["d.treering", OTHER]);
    assert_eq!(both.sent(), [FILES, FILES]);
}

#[test]
fn all_may_be_away() {
    let both = Both::start(away(), away());
    both.bench.write("a.pdf", "alpha");
    assert_eq!(both.stamp(&["d", "a.pdf"]).code, 3);
    both.first.behave(|manner| manner.busy = 0);
    assert_eq!(both.bench.run(&["resume", "d.treering"]).code, 0);
    assert_eq!(both.bench.run(&["resume"]).code, 3, "the second is away");
    assert!(both.bench.exists("a.pdf.tlog-proof") && !both.bench.exists(OTHER));
    both.second.behave(|manner| manner.busy = 0);
    let ran = both.bench.run(&["resume"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    both.verify(&["d.treering", OTHER]);
    let token = both.bench.trusting(&["verify", "a.pdf", "a.pdf.two.example_2026.tlog-proof"]);
    assert_eq!(token.code, 0, "{token:?}");
    assert_eq!(both.sent(), [FILES + 1, FILES + 1]);
}

#[test]
fn a_log_that_refuses_or_lies_spoils_nobody_elses_evidence() {
    let both = Both::start(Manner { lying: true, ..Manner::default() }, Manner::default());
    let lied = both.stamp(&["d", "--json"]);
    assert_eq!((lied.code, count(&lied, "hashed")), (1, FILES as u64), "{lied:?}");
    both.verify(&[OTHER]);
    assert!(!both.bench.exists("d.treering"));
    assert_eq!(lied.objects().last().unwrap()["logs"][0]["result"], "failed");
    // Its checkpoints have too few witnesses for a lower bound.
    let both = Both::start(Manner::default(), Manner { unmet: true, ..Manner::default() });
    let refused = both.stamp(&["d"]);
    both.verify(&["d.treering"]);
    assert!(!both.bench.exists(OTHER));
    assert_eq!(both.bench.run(&["resume", "--list"]).out, "", "nothing of it is unfinished");
    snapshots(|| {
        assert_snapshot!(refused.told(), @"
    exit 2
    d.treering
    40 files stamped (70 B)
    existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
    treering: made a master key, DIR/home/config/master.key: keep a copy of it somewhere safe, lost bundles can be made again with it
    treering: http://LOG/: the log's checkpoint has too few witnesses for the policy (1 of 2 cosigned), so the claims can't have a lower bound: try again in a minute, or stamp without one with --no-after
    ");
    });
}

#[test]
fn a_killed_run_goes_on_with_each_log() {
    let both = Both::start(stalled(), Manner { max_hashes: 4, ..Manner::default() });
    let mut command = both.bench.command();
    command.env("TREERING_POLICY", "policy").args(["stamp", "--all-logs", "d"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the third submission", || both.first.submissions().len() == 3);
    until("the other's", || both.second.submissions().len() >= 3);
    kill(child);
    assert!(!both.bench.exists("d.treering") && !both.bench.exists(OTHER));
    both.first.behave(|manner| manner.stalled_after = usize::MAX);
    let ran = both.bench.run(&["resume", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    // What both had acknowledged was in both bundles.
    assert!(count(&ran, "hashed") <= FILES as u64 - 12, "{ran:?}");
    for log in ran.objects().last().unwrap()["logs"].as_array().unwrap() {
        assert!(log["kept"].as_u64().unwrap() >= 12, "{ran:?}");
    }
    both.verify(&["d.treering", OTHER]);
    assert_eq!(both.sent(), [FILES, FILES], "nothing was sent twice");
    assert_eq!(both.bench.list("."), ["d", "d.treering", OTHER, "home", "policy"]);
    assert_eq!(both.bench.list("home/.local/state/treering/jobs").len(), 0);
}

#[test]
fn one_of_several_logs_may_have_moved() {
    let both = Both::start(away(), away());
    assert_eq!(both.stamp(&["d", "-q"]).code, 3);
    let moved = FakeLog::named(SECOND, Manner::default());
    let which = both.bench.run(&["resume", "--log", moved.url()]);
    let ran = both.bench.run(&["resume", "--log", moved.url(), OTHER]);
    assert_eq!(ran.code, 0, "{ran:?}");
    both.verify(&[OTHER]);
    // Whichever is looked at first.
    let which = which.told().replace(OTHER, "d.treering");
    snapshots(|| {
        assert_snapshot!(which, @"
    exit 2
    treering: going on with DIR/d.treering (begun [time])
    treering: 2 logs have unfinished runs of it: say which one --log is for, by its output
    ");
    });
}

#[test]
fn receipts_that_are_late_hold_up_no_other_logs_evidence() {
    let late = Manner { pending: u32::MAX, ..Manner::default() };
    let both = Both::start(late, Manner::default());
    let begin = |args: &[&str]| {
        let mut command = both.bench.command();
        command.env("TREERING_POLICY", "policy").args(args).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    };
    let mut child = begin(&["stamp", "--all-logs", "d"]);
    until("the second's bundle", || both.bench.exists(OTHER));
    assert!(child.try_wait().unwrap().is_none(), "the first is still waited for");
    kill(child);
    std::fs::remove_file(both.bench.path(OTHER)).unwrap();
    // The same where it is gone on with: nothing comes of the second at first.
    both.second.behave(|manner| manner.busy = u32::MAX);
    assert_eq!(both.stamp(&["d", "--restart", "--wait", "0"]).code, 3);
    both.second.behave(|manner| manner.busy = 0);
    let mut child = begin(&["resume", "--wait", "600"]);
    until("the second's bundle", || both.bench.exists(OTHER));
    assert!(child.try_wait().unwrap().is_none(), "the first is still waited for");
    kill(child);
    both.first.behave(|manner| manner.pending = 0);
    let ran = both.bench.run(&["resume"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    both.verify(&["d.treering", OTHER]);
}
