//! `treering rebuild`: a lost bundle, made again from master key, journal, files and log.

use crate::{
    resume::{FILES, kill, stalled, tree, until},
    stamp::{bench, small_tree},
    support::{Bench, FakeLog, Manner, Ran, snapshots},
};
use insta::assert_snapshot;
use std::{fs, process::Stdio};

fn rebuild(bench: &Bench, log: &FakeLog, args: &[&str]) -> Ran {
    bench.trusting(&[&["rebuild", "--from", log.url()], args].concat())
}

/// The path of each file of the state directory with this ending.
pub(crate) fn kept(bench: &Bench, ending: &str) -> Vec<String> {
    let runs = "home/.local/state/treering/runs";
    let names = bench.list(runs).into_iter().filter(|name| name.ends_with(ending));
    names.map(|name| format!("{runs}/{name}")).collect()
}

#[test]
fn a_lost_bundle_is_made_again() {
    let (log, bench) = bench();
    small_tree(&bench);
    std::os::unix::fs::symlink("a.txt", bench.path("d/link")).unwrap();
    bench.stamp(&log, &["d", "-q", "--holder", "Ada", "--title", "T", "--digest", "sha3-256"]);
    let bundle = bench.read("d.treering");
    let there = rebuild(&bench, &log, &["d"]);
    fs::rename(bench.path("d.treering"), bench.path("lost")).unwrap();
    let made = rebuild(&bench, &log, &["d"]);
    snapshots(|| {
        assert_snapshot!(there.told(), @"
        exit 2
        treering: d.treering is there already, and it may be evidence of an earlier time: rename it to keep both, or replace it with --force
        ");
        assert_snapshot!(made.told(), @"
        exit 0
        d.treering: 4 files
        ");
    });
    // But for the cosignatures, which this log makes anew each time.
    let until_receipts = |bytes: &[u8]| {
        bytes.windows(10).position(|part| part == b"tlog-proof").map(|at| bytes[..at].to_vec())
    };
    let again = bench.read("d.treering");
    assert!(until_receipts(&again).is_some() && until_receipts(&again) == until_receipts(&bundle));
    // Elsewhere, by the place that it had, or by its journal.
    let journal = kept(&bench, ".jsonl").remove(0);
    for args in [&["--of", "d.treering"][..], &["--run", &journal]] {
        let ran = rebuild(&bench, &log, &[&["d", "-o", "again", "--zstd", "--force", "-q"], args].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(bench.trusting(&["verify", "d", "again", "--strict"]).code, 0);
    }
}

#[test]
fn files_that_are_gone_or_changed_leave_their_places() {
    let (log, bench) = bench();
    small_tree(&bench);
    bench.stamp(&log, &["d", "-q"]);
    fs::remove_file(bench.path("d.treering")).unwrap();
    bench.write("d/a.txt", "changed");
    fs::remove_file(bench.path("d/empty")).unwrap();
    bench.write("d/0 new", "new");
    let made = rebuild(&bench, &log, &["d"]);
    let verified = bench.trusting(&["verify", "d"]);
    snapshots(|| {
        assert_snapshot!(made.told(), @"
        exit 0
        d.treering: 1 file; 2 more were in it, whose files are gone, were changed, or are covered by a later run
        ");
        assert_snapshot!(verified.told(), @"
        exit 0
        0 new: no token covers it
        a.txt: no token covers it
        DIR/d.treering no longer covers 2 of its records
        1 file verified, 2 not covered by any token
          each existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          each stamped not before [time] (checkpoint 0 of the log log.example): this says when the claim was made, not the file
          not shown: the files' names, paths and sizes, whether they are links, who made them, leap seconds, the error of a witness's clock
        ");
    });
    // Without the commitments, which an earlier journal didn't keep, everything has to be as it was.
    fs::remove_file(bench.path(&kept(&bench, ".records")[0])).unwrap();
    bench.write("d/another", "another");
    let more = rebuild(&bench, &log, &["d", "--force"]);
    fs::remove_file(bench.path("d/another")).unwrap();
    let other = rebuild(&bench, &log, &["d", "--force"]);
    bench.write("d/empty", "");
    fs::remove_file(bench.path("d/0 new")).unwrap();
    let changed = rebuild(&bench, &log, &["d", "--force"]);
    bench.write("d/a.txt", "alpha");
    let made = rebuild(&bench, &log, &["d", "--force"]);
    snapshots(|| {
        assert_snapshot!(more.told(), @"
        exit 2
        treering: the run [serial] can't be made again: its journal keeps no commitments, so every file has to be as it was, and 4 files were found where it had 3 records. Put back what was added, removed or changed since
        ");
        assert_snapshot!(other.told(), @"
        exit 2
        treering: the run [serial] can't be made again: what was found gives another root than the submission [hash] had. Are they the files as they were, in the same places, and is it the right master key?
        ");
        assert_snapshot!(changed.told(), @"
        exit 2
        treering: the run [serial] can't be made again: what was found gives another root than the submission [hash] had. Are they the files as they were, in the same places, and is it the right master key?
        ");
        assert_snapshot!(made.told(), @"
        exit 0
        d.treering: 3 files
        ");
    });
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
}

#[test]
fn a_later_run_takes_the_place_of_an_earlier_one() {
    let (log, bench) = bench();
    small_tree(&bench);
    bench.stamp(&log, &["d", "-q"]);
    bench.write("d/a.txt", "changed");
    bench.stamp(&log, &["d", "-q", "--force", "--plain"]);
    fs::remove_file(bench.path("d.treering")).unwrap();
    let made = rebuild(&bench, &log, &["d"]);
    snapshots(|| {
        assert_snapshot!(made.told(), @"
        exit 0
        d.treering: 3 files
        treering: the run [serial] is left out: none of its files is as it was, or a later run covers them
        ");
    });
    // As it was before the change.
    bench.write("d/a.txt", "alpha");
    let both = rebuild(&bench, &log, &["d", "--force"]);
    snapshots(|| {
        assert_snapshot!(both.told(), @"
        exit 0
        d.treering: 3 files; 3 more were in it, whose files are gone, were changed, or are covered by a later run
        ");
    });
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
}

#[test]
fn what_is_needed_is_asked_for() {
    let (log, bench) = bench();
    small_tree(&bench);
    bench.stamp(&log, &["d", "-q"]);
    fs::remove_file(bench.path("d.treering")).unwrap();
    let elsewhere = rebuild(&bench, &log, &["d", "-o", "again.treering"]);
    let several = rebuild(&bench, &log, &["d/a.txt", "d/sub"]);
    let words = bench.run(&["key", "export", "--words", "-o", "words"]);
    assert_eq!(words.code, 0);
    fs::remove_file(bench.path("home/config/master.key")).unwrap();
    let no_key = rebuild(&bench, &log, &["d"]);
    bench.run(&["key", "new"]);
    let wrong_key = rebuild(&bench, &log, &["d"]);
    fs::remove_file(bench.path("home/config/master.key")).unwrap();
    bench.run(&["key", "import", "words"]);
    let empty = FakeLog::start(Manner::default());
    let not_there = rebuild(&bench, &empty, &["d"]);
    let runs = kept(&bench, ".jsonl");
    let journal = bench.read(&runs[0]);
    bench.write(&runs[0], "{}\n");
    let damaged = rebuild(&bench, &log, &["d", "--run", &runs[0]]);
    snapshots(|| {
        assert_snapshot!(elsewhere.told(), @"
        exit 2
        treering: the journal knows no run of again.treering: give the path that the lost bundle had with --of, or its runs with --run. Without its journal a blinded bundle can't be made again
        ");
        assert_snapshot!(several.told(), @"
        exit 2
        treering: where the bundle goes can't be told from several paths: give -o FILE
        ");
        assert_snapshot!(no_key.told(), @"
        exit 2
        treering: the run [serial] was blinded, and there is no master key, without which its salts can't be computed: treering key import takes the copy that you kept
        ");
        assert_snapshot!(wrong_key.told(), @"
        exit 2
        treering: the run [serial] is left out: none of its files is as it was, or a later run covers them
        treering: none of the files is as it was in any of the runs: are they the right files, and is it the right master key?
        ");
        assert_snapshot!(not_there.told(), @"
        exit 2
        treering: the receipt of the submission [hash]: the submission [hash] is in none of the batches that were searched, up to size 0; is it the right log, and has it been sealed and mirrored?
        ");
        assert_snapshot!(damaged.told().replace(&runs[0], "JOURNAL"), @"
        exit 2
        treering: line 1 of the journal JOURNAL is not understood: missing field `type` at line 1 column 2
        ");
    });
    assert!(!bench.exists("d.treering"));
    bench.write(&runs[0], journal);
    assert_eq!(rebuild(&bench, &log, &["d", "-q"]).code, 0);
}

/// Of an old checkpoint, a mirror may no longer have the tiles.
#[test]
fn where_the_tiles_of_the_first_checkpoint_are_gone_a_later_one_does() {
    let (log, bench) = bench();
    small_tree(&bench);
    log.grow(2);
    bench.stamp(&log, &["d", "-q"]);
    log.grow(5);
    let made = |out: &str| {
        bench.write(&format!("{out}/keep"), "");
        let ran = bench.trusting(&["receipt", "d.treering", "--from", log.url(), "-o", out]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let name = bench.list(out).into_iter().find(|name| name.ends_with(".tlog-proof")).unwrap();
        String::from_utf8(bench.read(&format!("{out}/{name}"))).unwrap()
    };
    let size =
        |receipt: &str| receipt.lines().skip_while(|line| *line != "log.example").nth(1).unwrap().to_owned();
    assert_eq!(size(&made("first")), "3", "the earliest that will do");
    log.behave(|manner| manner.lean = true);
    assert_eq!(size(&made("later")), "6");
}

/// A power cut may leave the journal's line of a submission, and not all of its records.
#[test]
fn what_a_power_cut_made_shorter_is_made_again() {
    let log = FakeLog::start(Manner { busy: u32::MAX, ..Manner::default() });
    let bench = tree(&log);
    assert_eq!(bench.stamp_any(&log, &["d", "-q"]).code, 3);
    let partial = bench.path(".d.treering.partial");
    let len = fs::metadata(&partial).unwrap().len();
    fs::File::options().write(true).open(partial).unwrap().set_len(len * 3 / 4).unwrap();
    log.behave(|manner| manner.busy = 0);
    assert_eq!(bench.run(&["resume", "-q"]).code, 0);
    assert_eq!((log.submissions().len(), log.submissions().iter().sum::<usize>()), (2, FILES));
    fs::remove_file(bench.path("d.treering")).unwrap();
    let made = rebuild(&bench, &log, &["d"]);
    assert_snapshot!(made.told(), @"
    exit 0
    d.treering: 40 files
    ");
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
}

#[test]
fn what_never_reached_the_log_does_not_keep_the_rest_away() {
    let log = FakeLog::start(stalled());
    let bench = tree(&log);
    let mut command = bench.stamping(&log);
    let child = command.arg("d").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let told = || {
        let journal = kept(&bench, ".jsonl").first().map(|path| bench.read(path)).unwrap_or_default();
        String::from_utf8(journal).unwrap().matches("\"submission\"").count()
    };
    // Three that were answered, two on their way, and one that waits for them.
    until("six submissions", || log.submissions().len() == 3 && told() == 6);
    kill(child);
    let made = rebuild(&bench, &log, &["d"]);
    assert_eq!(made.code, 0, "{}", made.told());
    // Several were on their way together: which of them came is chance, and what stands behind the first that didn't goes with it.
    let covered =
        [12, 8, 4].into_iter().find(|files| made.out.contains(&format!("d.treering: {files} files")));
    let covered = covered.unwrap_or_else(|| panic!("{}", made.told()));
    let left_out = format!("reached the log: the {} records from there on are left out", 24 - covered);
    assert_eq!(made.err.matches(&left_out).count(), 1, "{}", made.told());
    assert_eq!(bench.trusting(&["verify", "d"]).code, 0);
}
