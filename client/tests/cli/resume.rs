//! Runs that don't come to their end: killed, or without their log. `resume` goes on.

use crate::{
    rebuild::kept,
    support::{Bench, FakeLog, Manner, Ran, snapshots},
};
use insta::assert_snapshot;
use std::{
    fs,
    process::{Child, Stdio},
    time::{Duration, Instant, SystemTime},
};

pub(crate) const FILES: usize = 40;
/// Answers only what takes no more than a moment; two submissions may be under way, and a third waits for them.
pub(crate) fn stalled() -> Manner {
    Manner { max_hashes: 4, stalled_after: 3, ..Manner::default() }
}

pub(crate) fn tree(log: &FakeLog) -> Bench {
    let bench = Bench::new(log);
    (0..FILES).for_each(|n| old_file(&bench, &format!("d/{n:02}"), &format!("{n}")));
    bench
}

/// So old that what was seen of it is trusted.
fn old_file(bench: &Bench, name: &str, contents: &str) {
    let file = fs::OpenOptions::new().write(true).open(bench.write(name, contents)).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
}

pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(120), "{what} never came");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A run that hangs with some submissions acknowledged and others not.
fn hanging(bench: &Bench, log: &FakeLog, args: &[&str]) -> Child {
    let child = bench.stamping(log).args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the third submission", || log.submissions().len() == 3);
    child
}

pub(crate) fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

pub(crate) fn count(ran: &Ran, name: &str) -> u64 {
    ran.objects().last().unwrap()[name].as_u64().unwrap()
}

#[test]
fn a_killed_run_goes_on_and_hashes_nothing_again() {
    let log = FakeLog::start(stalled());
    let bench = tree(&log);
    let child = hanging(&bench, &log, &["d"]);
    until("the partial bundle", || bench.exists(".d.treering.partial"));
    kill(child);
    assert!(!bench.exists("d.treering"));
    let acknowledged = log.submissions().len();
    let refused = bench.stamp_any(&log, &["d"]);
    let list = bench.run(&["resume", "--list"]);
    let unknown = bench.run(&["resume", "e.treering"]);
    log.behave(|manner| manner.stalled_after = usize::MAX);
    let ran = bench.run(&["resume", "--json", "d.treering"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let (kept, hashed) = (count(&ran, "kept"), count(&ran, "hashed"));
    assert!(kept >= 12, "what the log had was in the partial bundle: {kept}");
    assert_eq!(kept + hashed, FILES as u64, "what was kept was not hashed");
    snapshots(|| {
        assert_snapshot!(refused.told(), @"
        exit 2
        treering: an earlier run for d.treering is not finished (begun [time]): go on with `treering resume`, which hashes nothing again that was hashed, or forget it with --restart
        ");
        assert_snapshot!(list.told(), @"
        exit 0
        DIR/d.treering (begun [time])
        ");
        assert_snapshot!(unknown.told(), @"
        exit 2
        treering: no unfinished run is known for DIR/e.treering; `treering resume --list` shows those that there are
        ");
        assert_snapshot!(bench.run(&["resume"]).told(), @"
        exit 0
        treering: nothing is unfinished
        ");
    });
    // What was acknowledged before the kill was not sent again.
    let sizes = log.submissions();
    assert_eq!(sizes.iter().sum::<usize>(), FILES, "{acknowledged}: {sizes:?}");
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
    assert_eq!(bench.list("."), ["d", "d.treering", "home", "policy"], "nothing else is left");
    assert_eq!(bench.list("home/.local/state/treering/jobs").len(), 0);
}

#[test]
fn what_changed_between_kill_and_resume_is_stamped_anew() {
    let log = FakeLog::start(stalled());
    let bench = tree(&log);
    kill(hanging(&bench, &log, &["d", "--zstd"]));
    bench.write("d/01", "changed");
    fs::remove_file(bench.path("d/02")).unwrap();
    log.behave(|manner| manner.stalled_after = usize::MAX);
    let ran = bench.run(&["resume", "--json"]);
    assert_eq!((count(&ran, "changed"), count(&ran, "gone")), (1, 1), "{ran:?}");
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
    assert_eq!(&bench.read("d.treering")[..4], b"\x28\xb5\x2f\xfd", "it is compressed, as it was asked for");
}

#[test]
fn an_unfinished_run_can_be_forgotten() {
    let log = FakeLog::start(stalled());
    let bench = tree(&log);
    kill(hanging(&bench, &log, &["d"]));
    log.behave(|manner| manner.stalled_after = usize::MAX);
    bench.stamp(&log, &["d", "--restart", "-q"]);
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
    assert_eq!(bench.run(&["resume", "--list"]).out, "");
}

#[test]
fn only_one_works_on_an_output() {
    let log = FakeLog::start(stalled());
    let bench = tree(&log);
    let child = hanging(&bench, &log, &["d"]);
    let second = bench.stamp_any(&log, &["d"]);
    let restarted = bench.stamp_any(&log, &["d", "--restart"]);
    let resumed = bench.run(&["resume"]);
    let list = bench.run(&["resume", "--list"]);
    assert!(second.err.contains(&format!("process {}", child.id())), "{second:?}");
    kill(child);
    snapshots(|| {
        assert_snapshot!(second.told(), @"
        exit 2
        treering: d.treering is being stamped by process [id]: wait until it has ended
        ");
        assert_eq!(restarted.told(), second.told());
        assert_snapshot!(resumed.told(), @"
        exit 3
        treering: DIR/d.treering is left to process [id], which is at it
        ");
        assert_snapshot!(list.told(), @"
        exit 0
        DIR/d.treering (begun [time], process [id] is at it)
        ");
    });
}

#[test]
fn a_partial_bundle_that_is_not_known_of_is_not_touched() {
    let log = FakeLog::start(stalled());
    let bench = tree(&log);
    kill(hanging(&bench, &log, &["d"]));
    fs::remove_dir_all(bench.path("home/.local/state")).unwrap();
    let before = bench.read(".d.treering.partial");
    let ran = bench.stamp_any(&log, &["d"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
    exit 2
    treering: DIR/.d.treering.partial is what somebody's unfinished run left, and this user's state directory doesn't know of it: whoever began it can go on with `treering resume`, or forget it with --restart
    ");
    });
    assert_eq!(bench.read(".d.treering.partial"), before);
}

#[test]
fn a_log_that_is_away_is_waited_for_on_disk() {
    let log = FakeLog::start(Manner { busy: u32::MAX, ..Manner::default() });
    let bench = tree(&log);
    let away = bench.stamp_any(&log, &["d"]);
    let still = bench.run(&["resume"]);
    log.behave(|manner| manner.busy = 0);
    let done = bench.run(&["resume"]);
    let verified = bench.trusting(&["verify", "d", "--strict"]);
    snapshots(|| {
        assert_snapshot!(away.told(), @"
        exit 3
        treering: the log is away: http://LOG/v1/log answered 503: without a reason that could be understood; is this a Treering log?
        Files are hashed all the same; there will be no lower bound for the moment of stamping.
        treering: made a master key, DIR/home/config/master.key: keep a copy of it somewhere safe, lost bundles can be made again with it
        treering: accepted here, not yet stamped: d.treering: http://LOG/v1/receipts/[hash] answered 503: without a reason that could be understood; is this a Treering log?
        `treering resume` finishes it (with --log URL, if it is at another address)
        ");
        assert_snapshot!(still.told(), @"
        exit 3
        treering: going on with DIR/d.treering (begun [time])
        treering: 40 files hashed before are taken over
        treering: accepted here, not yet stamped: d.treering: http://LOG/v1/receipts/[hash] answered 503: without a reason that could be understood; is this a Treering log?
        `treering resume` finishes it (with --log URL, if it is at another address)
        ");
        assert_snapshot!(done.told(), @"
        exit 0
        d.treering
        40 files stamped (70 B)
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
        treering: going on with DIR/d.treering (begun [time])
        treering: 40 files hashed before are taken over
        ");
        assert_snapshot!(verified.told(), @"
        exit 0
        40 files verified
          each existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          not shown: the files' names, paths and sizes, whether they are links, who made them, leap seconds, the error of a witness's clock
        ");
    });
    assert_eq!(log.submissions(), [FILES]);
}

#[test]
fn a_log_that_dies_in_the_middle_is_waited_for_on_disk() {
    let log = FakeLog::start(stalled());
    let bench = tree(&log);
    let mut child = hanging(&bench, &log, &["d", "--json"]);
    log.behave(|manner| (manner.busy, manner.stalled_after) = (u32::MAX, usize::MAX));
    assert_eq!(child.wait().unwrap().code(), Some(3));
    log.behave(|manner| manner.busy = 0);
    let ran = bench.run(&["resume", "--json"]);
    assert_eq!((ran.code, count(&ran, "hashed")), (0, 0), "all was hashed: {ran:?}");
    assert_eq!(log.submissions().iter().sum::<usize>(), FILES);
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
}

#[test]
fn receipts_that_come_too_late_are_fetched_by_resume() {
    let log = FakeLog::start(Manner { pending: u32::MAX, ..Manner::default() });
    let bench = tree(&log);
    let waiting = bench.stamp_any(&log, &["d", "--wait", "0"]);
    snapshots(|| {
        assert_snapshot!(waiting.told(), @"
    exit 3
    treering: made a master key, DIR/home/config/master.key: keep a copy of it somewhere safe, lost bundles can be made again with it
    treering: accepted here, not yet stamped: d.treering: the log has taken the submission, but after 0 s there is no receipt that meets the policy. Its witnesses may be away (see --wait)
    `treering resume` finishes it (with --log URL, if it is at another address)
    ");
    });
    log.behave(|manner| manner.pending = 0);
    assert_eq!(bench.run(&["resume", "-q"]).code, 0);
    assert_eq!(log.submissions(), [FILES], "it was not sent again");
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
}

#[test]
fn tokens_without_a_bundle_are_gone_on_with_as_well() {
    let log = FakeLog::start(Manner { busy: u32::MAX, ..Manner::default() });
    let bench = Bench::new(&log);
    bench.write("a", "alpha");
    bench.write("b", "beta");
    assert_eq!(bench.stamp_any(&log, &["a", "b"]).code, 3);
    assert_eq!(bench.stamp_any(&log, &["a", "b"]).code, 2, "it is unfinished");
    log.behave(|manner| manner.busy = 0);
    let ran = bench.run(&["resume", "b"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
    exit 0
    a.tlog-proof
    b.tlog-proof
    2 files stamped (9 B)
    existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
    treering: going on with tokens in DIR (begun [time])
    treering: 2 files hashed before are taken over
    ");
    });
    assert_eq!(bench.trusting(&["verify", "a"]).code, 0);
    assert_eq!(bench.trusting(&["verify", "b"]).code, 0);
    assert_eq!(bench.list("home/.local/state/treering/jobs").len(), 0);
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_is_kept() {
    let log = FakeLog::start(stalled());
    let bench = tree(&log);
    let mut command = bench.stamping(&log);
    let child = command.arg("d").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("the third submission", || log.submissions().len() == 3);
    let sent = std::process::Command::new("sh").arg("-c").arg(format!("kill -TERM {}", child.id())).status();
    assert!(sent.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let said: Vec<&str> = said.lines().filter(|line| !line.contains("master key")).collect();
    let said = said.join("\n");
    snapshots(|| {
        assert_snapshot!(said, @"
    treering: what was hashed for d.treering is kept: `treering resume` goes on with it, `treering stamp --restart` forgets it
    treering: interrupted
    ");
    });
    assert_eq!(output.status.code(), Some(2));
    log.behave(|manner| manner.stalled_after = usize::MAX);
    assert_eq!(bench.run(&["resume", "-q"]).code, 0);
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
}

/// It is then the second run that is known of, and the first one that the partial bundle has.
#[test]
fn a_run_that_was_killed_before_its_first_record_leaves_the_others_journal_alone() {
    let log = FakeLog::start(Manner { pending: u32::MAX, ..Manner::default() });
    let bench = tree(&log);
    assert_eq!(bench.stamp_any(&log, &["d", "--wait", "0", "-q"]).code, 3);
    log.behave(|manner| manner.pending = 0);
    let journals = || kept(&bench, ".jsonl");
    let first = journals();
    // What is new comes last, and the last of it, in a later group of files, takes long.
    (0..FILES).for_each(|n| old_file(&bench, &format!("d/y{n:02}"), "y"));
    fs::File::create(bench.path("d/z")).unwrap().set_len(1 << 36).unwrap();
    let mut command = bench.command();
    let child = command.arg("resume").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the second run's journal", || journals().len() == 2);
    kill(child);
    fs::remove_file(bench.path("d/z")).unwrap();
    let second = journals().into_iter().find(|path| !first.contains(path)).unwrap();
    let ran = bench.run(&["resume", "--json"]);
    let (kept, hashed) = (count(&ran, "kept"), count(&ran, "hashed"));
    assert_eq!((ran.code, kept + hashed), (0, 2 * FILES as u64), "{ran:?}");
    // On a busy machine, the kill may have come too late.
    if kept == FILES as u64 {
        assert!(!String::from_utf8(bench.read(&second)).unwrap().contains("submission"));
    }
    let again = bench.stamp(&log, &["d", "--since", "d.treering", "--json"]);
    assert_eq!(
        count(&again, "hashed"),
        0,
        "what was seen of the first run's files is still known: {again:?}"
    );
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
}

/// Again and again, at random: `TREERING_STAMP_KILLS` of them.
#[test]
fn kills_at_random_times_lose_nothing() {
    let kills = std::env::var("TREERING_STAMP_KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(12);
    let log = FakeLog::start(Manner { max_hashes: 4, ..Manner::default() });
    let bench = tree(&log);
    let begun = Instant::now();
    bench.stamp(&log, &["d", "-q"]);
    let whole = begun.elapsed();
    let (mut outputs, mut is_begun) = (0, false);
    let mut submissions = submissions_of(&bench, "d.treering");
    for kill in 1..=kills {
        let output = format!("{outputs}.treering");
        let mut command = if is_begun { bench.command() } else { bench.stamping(&log) };
        if is_begun {
            command.arg("resume")
        } else {
            command.args(["d", "-o", &output])
        };
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let chance = f64::from(getrandom::u32().unwrap()) / f64::from(u32::MAX);
        std::thread::sleep(whole.mul_f64(chance));
        let had_ended = child.try_wait().unwrap().is_some();
        kill_it(&mut child);
        is_begun = !bench.run(&["resume", "--list"]).out.is_empty();
        if had_ended || kill == kills {
            if is_begun {
                let ran = bench.run(&["resume", "--json"]);
                assert_eq!(ran.code, 0, "{ran:?}");
                // Nothing is said of one that was killed between its bundle's name and its own clearing up.
                if !ran.out.is_empty() {
                    assert_eq!(count(&ran, "kept") + count(&ran, "hashed"), FILES as u64, "{ran:?}");
                }
            }
            if bench.exists(&output) {
                assert_eq!(bench.trusting(&["verify", "d", &output, "--strict"]).code, 0);
                submissions += submissions_of(&bench, &output);
            }
            (outputs, is_begun) = (outputs + 1, false);
        }
    }
    assert_eq!(log.sealed(), submissions, "what the log has is in a bundle, once");
}

fn kill_it(child: &mut Child) {
    // An error means that it has ended already.
    let _ = child.kill();
    child.wait().unwrap();
}

fn submissions_of(bench: &Bench, bundle: &str) -> usize {
    let said = bench.run(&["show", bundle]).out;
    let rest = said.split_once("submissions: ").unwrap().1;
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

#[test]
fn a_log_that_was_asked_at_the_wrong_address_is_found_at_the_right_one() {
    let wrong = FakeLog::start(Manner { busy: u32::MAX, ..Manner::default() });
    let right = FakeLog::start(Manner::default());
    let bench = Bench::new(&right);
    bench.write("a", "alpha");
    assert_eq!(bench.stamp_any(&wrong, &["a"]).code, 3);
    assert_eq!(
        bench.run_with(&[("TREERING_LOG", right.url())], &["resume"]).code,
        3,
        "it is as it was typed"
    );
    assert_eq!(bench.run(&["resume", "--log", right.url()]).code, 0);
    assert_eq!(bench.trusting(&["verify", "a"]).code, 0);
}
