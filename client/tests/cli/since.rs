//! `stamp --since`: only what is new or changed, and one bundle that covers all.

use crate::{
    resume::{kill, until},
    stamp::{bench, small_tree},
    support::{Bench, FakeLog, Manner, Ran, snapshots},
};
use insta::assert_snapshot;
use std::{
    fs,
    path::Path,
    process::{Child, Stdio},
    time::SystemTime,
};

/// So old that what was seen of it is trusted: a file that was modified just now might be again.
fn make_old(path: &Path) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - std::time::Duration::from_secs(60)).unwrap();
}

fn old_tree(bench: &Bench) {
    small_tree(bench);
    ["d/a.txt", "d/sub/b", "d/empty"].iter().for_each(|name| make_old(&bench.path(name)));
}

/// A number of the object that comes last.
fn count(ran: &Ran, name: &str) -> u64 {
    ran.objects().last().unwrap()[name].as_u64().unwrap()
}

fn update(bench: &Bench, log: &FakeLog, more: &[&str]) -> Ran {
    bench.stamp(log, &[&["d", "--since", "d.treering"], more].concat())
}

#[test]
fn what_is_new_or_changed_is_stamped_and_the_rest_is_kept() {
    let (log, bench) = bench();
    old_tree(&bench);
    let first = update(&bench, &log, &[]);
    let before = bench.read("d.treering");
    let again = update(&bench, &log, &[]);
    assert_eq!(bench.read("d.treering"), before, "the bundle is left as it is");
    fs::remove_file(bench.path("d/empty")).unwrap();
    bench.write("d/a.txt", "gamma");
    bench.write("d/new", "new");
    let changed = update(&bench, &log, &[]);
    let verified = bench.trusting(&["verify", "d", "--strict"]);
    let shown = bench.run(&["show", "d.treering"]);
    snapshots(|| {
        assert_snapshot!(first.told(), @"
        exit 0
        d.treering
        3 files covered (9 B)
        3 new, 0 changed, 0 kept, 0 gone
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
        treering: d.treering is not there yet: everything is new
        treering: made a master key, DIR/home/config/master.key: keep a copy of it somewhere safe, lost bundles can be made again with it
        ");
        assert_snapshot!(again.told(), @"
        exit 0
        3 files covered (9 B)
        0 new, 0 changed, 3 kept, 0 gone: nothing had to be stamped
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
        ");
        assert_snapshot!(changed.told(), @"
        exit 0
        d.treering
        3 files covered (12 B)
        1 new, 1 changed, 1 kept, 1 gone
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 1
        ");
        assert_snapshot!(verified.told(), @"
        exit 0
        DIR/d.treering no longer covers 2 of its records
        3 files verified
          each existed before [time] (at least 2 would have to lie); sealed in several entries
          each stamped not before [time] (checkpoint 0 of the log log.example): this says when the claim was made, not the file
          not shown: the files' names, paths and sizes, whether they are links, who made them, leap seconds, the error of a witness's clock
        ");
        assert_snapshot!(shown.told(), @"
        exit 0
        d.treering: bundle
          whole; 3 files and 0 links (12 B), 2 no longer covered; runs: 2, submissions: 2, receipts: 2
          commitments: blinded by a secret in the bundle: keep it private
          commitments: blinded by a secret in the bundle: keep it private
          not verified: give --policy, or use `treering verify`
        ");
    });
    assert_eq!(log.submissions(), [3, 2]);
    assert_eq!(bench.list("."), ["d", "d.treering", "home", "policy"], "nothing else is left");
    assert_eq!(bench.list("home/.local/state/treering/jobs").len(), 0);
    let token = bench.run(&["token", "d.treering", "d/sub/b"]);
    assert_eq!(token.code, 0, "{token:?}");
    assert_eq!(bench.trusting(&["verify", "d/sub/b", "d/sub/b.tlog-proof"]).code, 0);
}

#[test]
fn files_that_look_as_they_did_are_not_read() {
    let (log, bench) = bench();
    old_tree(&bench);
    bench.stamp(&log, &["d", "-q"]);
    assert_eq!(count(&update(&bench, &log, &["--json"]), "hashed"), 0);
    // The same size, inode and time: who reads it all the same finds it out.
    let time = fs::metadata(bench.path("d/sub/b")).unwrap().modified().unwrap();
    bench.write("d/sub/b", "atad");
    fs::OpenOptions::new().write(true).open(bench.path("d/sub/b")).unwrap().set_modified(time).unwrap();
    let seen = update(&bench, &log, &["--json"]);
    assert_eq!((count(&seen, "hashed"), count(&seen, "kept")), (0, 3));
    let read = update(&bench, &log, &["--json", "--checksum"]);
    assert_eq!((count(&read, "hashed"), count(&read, "kept"), count(&read, "changed")), (3, 2, 1));
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
}

#[test]
fn a_file_that_was_only_touched_keeps_its_evidence_and_is_read_once() {
    let (log, bench) = bench();
    old_tree(&bench);
    bench.stamp(&log, &["d", "-q"]);
    let file = fs::OpenOptions::new().write(true).open(bench.path("d/a.txt")).unwrap();
    file.set_modified(SystemTime::now() - std::time::Duration::from_secs(30)).unwrap();
    let touched = update(&bench, &log, &["--json"]);
    assert_eq!((count(&touched, "hashed"), count(&touched, "kept")), (1, 3));
    assert_eq!(count(&update(&bench, &log, &["--json"]), "hashed"), 0, "it was noted");
    assert_eq!(log.submissions(), [3]);
}

#[test]
fn a_file_modified_when_it_was_hashed_is_read_again() {
    let (log, bench) = bench();
    small_tree(&bench);
    let file = || fs::OpenOptions::new().write(true).open(bench.path("d/sub/b")).unwrap();
    // However long it takes until it is hashed: what is to come isn't over then.
    let time = SystemTime::now() + std::time::Duration::from_secs(600);
    file().set_modified(time).unwrap();
    bench.stamp(&log, &["d", "-q"]);
    bench.write("d/sub/b", "atad");
    file().set_modified(time).unwrap();
    assert_eq!(count(&update(&bench, &log, &["--json"]), "changed"), 1);
}

#[test]
fn without_the_journal_every_file_is_hashed_and_then_no_more() {
    let (log, bench) = bench();
    old_tree(&bench);
    bench.stamp(&log, &["d", "-q"]);
    fs::remove_dir_all(bench.path("home/.local/state")).unwrap();
    let ran = update(&bench, &log, &["--json"]);
    assert_eq!((count(&ran, "hashed"), count(&ran, "kept")), (3, 3));
    assert_eq!(count(&update(&bench, &log, &["--json"]), "hashed"), 0);
}

#[test]
fn runs_pile_up_and_go_when_nothing_of_them_holds() {
    let log = FakeLog::start(Manner { max_hashes: 2, ..Manner::default() });
    let bench = Bench::new(&log);
    let all: Vec<String> = (0..6).map(|n| format!("d/{n}")).collect();
    all.iter().for_each(|name| drop(bench.write(name, name)));
    bench.stamp(&log, &["d", "-q"]);
    let runs = |bench: &Bench| {
        let said = bench.run(&["show", "d.treering"]).out;
        said.lines().find(|line| line.contains("runs:")).unwrap().trim().to_owned()
    };
    // The last submission goes, the first keeps a place.
    for name in ["d/0", "d/4", "d/5"] {
        bench.write(name, format!("another {name}"));
    }
    update(&bench, &log, &["-q"]);
    assert_snapshot!(runs(&bench), @"whole; 6 files and 0 links (42 B), 1 no longer covered; runs: 2, submissions: 4, receipts: 4");
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
    for name in &all {
        bench.write(name, format!("a third {name}"));
    }
    update(&bench, &log, &["-q", "--zstd"]);
    assert_snapshot!(runs(&bench), @"whole; 6 files and 0 links (66 B); runs: 1, submissions: 3, receipts: 3");
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
    // From a compressed one, to another place.
    bench.write("d/6", "more");
    bench.stamp(&log, &["d", "--since", "d.treering", "-o", "other.treering", "-q"]);
    assert_eq!(bench.trusting(&["verify", "d", "other.treering", "--strict"]).code, 0);
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 1, "the earlier one is left as it was");
}

#[test]
fn plain_bundles_are_brought_up_to_date_as_well() {
    let (log, bench) = bench();
    old_tree(&bench);
    bench.stamp(&log, &["d", "--plain", "-q"]);
    bench.write("d/a.txt", "gamma");
    let ran = update(&bench, &log, &["--json", "--plain"]);
    assert_eq!((count(&ran, "hashed"), count(&ran, "kept"), count(&ran, "changed")), (1, 2, 1));
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_elsewhere_is_changed() {
    let (log, bench) = bench();
    old_tree(&bench);
    std::os::unix::fs::symlink("a.txt", bench.path("d/link")).unwrap();
    bench.stamp(&log, &["d", "-q"]);
    assert_eq!(count(&update(&bench, &log, &["--json"]), "kept"), 4);
    fs::remove_file(bench.path("d/link")).unwrap();
    std::os::unix::fs::symlink("empty", bench.path("d/link")).unwrap();
    assert_eq!(count(&update(&bench, &log, &["--json"]), "changed"), 1);
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
}

#[test]
fn what_could_not_be_searched_is_not_gone() {
    let (log, bench) = bench();
    old_tree(&bench);
    bench.write("e/x", "x");
    bench.stamp(&log, &["d", "e", "-o", "o.treering", "-q"]);
    fs::rename(bench.path("e"), bench.path("elsewhere")).unwrap();
    let ran = bench.stamp_any(&log, &["d", "e", "--since", "o.treering"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
    exit 2
    4 files covered (9 B), 1 not stamped: see above
    0 new, 0 changed, 4 kept, 0 gone: nothing had to be stamped
    1 of the kept ones were not met: not everything could be searched, so nothing counts as gone
    existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
    treering: not stamped: e: there is no such file or directory
    ");
    });
    fs::rename(bench.path("elsewhere"), bench.path("e")).unwrap();
    assert_eq!(bench.trusting(&["verify", ".", "o.treering"]).code, 0);
}

#[test]
fn an_earlier_bundle_is_not_believed() {
    let (log, bench) = bench();
    old_tree(&bench);
    bench.stamp(&log, &["d", "-q"]);
    let other = FakeLog::with_keys(Manner::default(), 9);
    bench.write("policy", other.policy());
    let foreign = bench.stamp_any(&other, &["d", "--since", "d.treering"]);
    bench.write("policy", log.policy());
    let bytes = bench.read("d.treering");
    bench.write("d.treering", &bytes[..bytes.len() - 9]);
    let cut = bench.stamp_any(&log, &["d", "--since", "d.treering"]);
    bench.write("d.treering", "text");
    let no_bundle = bench.stamp_any(&log, &["d", "--since", "d.treering"]);
    let missing = bench.stamp_any(&log, &["d", "--since", "nothing.treering", "-o", "o.treering"]);
    let tokens = bench.stamp_any(&log, &["d", "--since", "d.treering", "--tokens"]);
    snapshots(|| {
        assert_snapshot!(foreign.told(), @"
        exit 1
        treering: the receipt of [hash] in the earlier bundle is refused: the token's checkpoint: no key of the log has signed this checkpoint
        Nothing of it is taken over. Is it under this policy? Else stamp anew, without --since
        ");
        assert_snapshot!(cut.told(), @"
        exit 2
        treering: the bundle d.treering is not whole: item 7, at byte 863: the bundle ends inside an item: it was cut off; get a whole copy of it
        ");
        assert_snapshot!(no_bundle.told(), @r#"
        exit 2
        treering: the bundle d.treering is refused: item 1, at byte 0: this is not a Treering bundle: a bundle begins with the text "treering.bundle/1"
        "#);
        assert_snapshot!(missing.told(), @"
        exit 2
        treering: --since nothing.treering: there is no such bundle; to begin with, stamp without --since
        ");
        assert_snapshot!(tokens.told(), @"
        exit 2
        error: the argument '--since <BUNDLE>' cannot be used with '--tokens[=<true|false>]'

        Usage: treering stamp --since <BUNDLE> <PATH>...

        For more information, try '--help'.
        ");
    });
    assert_eq!(log.submissions(), [3]);
    assert_eq!(bench.list("."), ["d", "d.treering", "home", "policy"], "nothing is left of any of them");
}

#[test]
fn a_summary_is_added_for_each_night() {
    let (log, bench) = bench();
    old_tree(&bench);
    let args = ["--summary", "nights.txt", "--holder", "Ada", "-q"];
    bench.stamp(&log, &[&["d", "--since", "d.treering"], &args[..]].concat());
    fs::remove_file(bench.path("d/empty")).unwrap();
    bench.write("d/a.txt", "gamma");
    bench.stamp(&log, &[&["d", "--since", "d.treering"], &args[..]].concat());
    let said = String::from_utf8(bench.read("nights.txt")).unwrap();
    let dir = bench.path("");
    let said = said.replace(&format!("{}/", dir.display().to_string().trim_end_matches('/')), "DIR/");
    let said = said.split("\n\n").nth(1).unwrap().to_owned();
    snapshots(|| {
        assert_snapshot!(said, @"
    Stamped with Treering, from [time] to [time]
      what      DIR/d
      files     2 (9 B): 0 new, 1 changed, 1 kept; 1 gone
      holder    Ada
      attested  existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 1
      witness   W1 cosigned at [time]
      witness   W2 cosigned at [time]
      log       http://LOG/
      policy    SHA-256 [hash]
      output    DIR/d.treering (2.48 KiB), SHA-256 [hash]
      check     treering verify PATH OUTPUT --policy POLICY: it needs no network
    ");
    });
}

/// What was seen of the files of a run, and no bundle leads to any more, would pile up night by night.
#[test]
fn what_was_seen_goes_with_the_bundle_that_led_to_it() {
    let (log, bench) = bench();
    let seen = || {
        let names = bench.list("home/.local/state/treering/runs");
        names.into_iter().filter(|name| name.ends_with(".seen")).collect::<Vec<_>>()
    };
    old_tree(&bench);
    update(&bench, &log, &[]);
    let first = seen();
    assert_eq!(first.len(), 1);
    // Another bundle that is made of it leaves it as it is.
    bench.write("d/a.txt", "gamma");
    make_old(&bench.path("d/a.txt"));
    bench.stamp(&log, &["d", "--since", "d.treering", "-o", "other.treering"]);
    update(&bench, &log, &[]);
    assert_eq!(seen().len(), 3);
    assert_eq!(count(&update(&bench, &log, &["--json"]), "hashed"), 0);
    // Nothing of the first run and the next holds any more.
    for name in ["d/a.txt", "d/sub/b", "d/empty"] {
        bench.write(name, "all of them are other files now");
        make_old(&bench.path(name));
    }
    update(&bench, &log, &[]);
    let left = seen();
    assert_eq!(left.len(), 2, "that of the new run, and of the other bundle's own");
    assert!(!left.contains(&first[0]));
    assert_eq!(count(&update(&bench, &log, &["--json"]), "hashed"), 0);
    // Replaced without having been read; a plain run of the same files has the same name again.
    for plain in [&[][..], &["--plain"], &["--plain"]] {
        bench.stamp(&log, &[&["d", "--force"], plain].concat());
        assert_eq!(seen().len(), 2);
        assert_eq!(count(&update(&bench, &log, &["--json"]), "hashed"), 0);
    }
}

/// A run that has read what there is, and waits for the log.
fn waiting(bench: &Bench, log: &FakeLog) -> Child {
    log.behave(|manner| manner.stalled_after = 0);
    let mut command = bench.stamping(log);
    command.args(["d", "--since", "d.treering"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    until("the partial bundle", || {
        fs::metadata(bench.path(".d.treering.partial")).is_ok_and(|partial| partial.len() > 0)
    });
    child
}

fn ended(bench: &Bench, log: &FakeLog, child: Child) -> Ran {
    log.behave(|manner| manner.stalled_after = usize::MAX);
    bench.ran(&child.wait_with_output().unwrap())
}

#[test]
fn a_bundle_that_appeared_meanwhile_keeps_its_evidence() {
    let (log, bench) = bench();
    old_tree(&bench);
    bench.stamp(&log, &["d", "-o", "other.treering", "-q"]);
    let other = bench.read("other.treering");
    let child = waiting(&bench, &log);
    fs::rename(bench.path("other.treering"), bench.path("d.treering")).unwrap();
    let ran = ended(&bench, &log, child);
    assert_eq!((ran.code, bench.read("d.treering") == other), (2, true), "{ran:?}");
    let resumed = bench.run(&["resume", "--json"]);
    assert_eq!((resumed.code, count(&resumed, "kept")), (0, 3), "{resumed:?}");
    let verified = bench.trusting(&["verify", "d", "--strict"]);
    assert!(verified.code == 0 && verified.out.contains(", entry 0"), "the earlier evidence: {verified:?}");
}

#[test]
fn a_bundle_that_was_replaced_meanwhile_is_read_again() {
    let (log, bench) = bench();
    old_tree(&bench);
    bench.stamp(&log, &["d", "-q"]);
    bench.write("d/new", "new");
    let child = waiting(&bench, &log);
    // As long, with the same time: another file all the same.
    let time = fs::metadata(bench.path("d.treering")).unwrap().modified().unwrap();
    fs::copy(bench.path("d.treering"), bench.path("copy")).unwrap();
    fs::File::options().write(true).open(bench.path("copy")).unwrap().set_modified(time).unwrap();
    fs::rename(bench.path("copy"), bench.path("d.treering")).unwrap();
    let before = bench.read("d.treering");
    let ran = ended(&bench, &log, child);
    assert_eq!((ran.code, bench.read("d.treering") == before), (2, true), "{ran:?}");
    assert!(ran.err.contains("it was changed meanwhile"), "{ran:?}");
    assert_eq!(bench.run(&["resume", "-q"]).code, 0);
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
}

/// Killed when it had stamped a changed file anew, and gone on with while that can't be reached.
#[test]
fn of_what_was_changed_and_is_not_met_the_new_record_is_kept() {
    let (log, bench) = bench();
    old_tree(&bench);
    bench.write("e/x", "x");
    let args = ["d", "e", "-o", "o.treering"];
    bench.stamp(&log, &[&args[..], &["-q"]].concat());
    bench.write("e/x", "another");
    log.behave(|manner| manner.stalled_after = 0);
    let mut command = bench.stamping(&log);
    command.args(args).args(["--since", "o.treering"]).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().unwrap();
    until("the partial bundle", || {
        fs::metadata(bench.path(".o.treering.partial")).is_ok_and(|partial| partial.len() > 0)
    });
    kill(child);
    log.behave(|manner| manner.stalled_after = usize::MAX);
    fs::rename(bench.path("e"), bench.path("elsewhere")).unwrap();
    let ran = bench.run(&["resume", "--json"]);
    assert_eq!((ran.code, count(&ran, "records")), (2, 4), "{ran:?}");
    fs::rename(bench.path("elsewhere"), bench.path("e")).unwrap();
    let verified = bench.trusting(&["verify", ".", "o.treering"]);
    assert_eq!(verified.code, 0, "{verified:?}");
}
