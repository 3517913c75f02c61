//! Backups of a running log and of a stopped one, and what they hold.

use std::{os::unix::fs::PermissionsExt as _, path::Path, process::Output};

use treering_tests::{
    files,
    log::{LogServer, shown},
    net, random, wait,
};

use crate::load::Load;

/// `treering-log backup` of a log, running or not.
fn backup(log: &LogServer, to: &Path, more: &[&str]) -> Output {
    let mut command = log.program();
    command.args(["backup", "--dir"]).arg(log.dir()).arg("--to").arg(to).args(more);
    command.output().expect("the program starts")
}

/// A backup, which has to be made: its manifest.
#[track_caller]
pub(crate) fn made(log: &LogServer, to: &Path, more: &[&str]) -> String {
    let output = backup(log, to, more);
    assert!(output.status.success(), "{}", shown(&output));
    std::fs::read_to_string(to.join("manifest.toml")).expect("a manifest")
}

/// `check` of the store in a backup: it is a log's store like any other.
fn assert_clean(backup: &Path, record: &[u8], log: &LogServer) {
    let whole = backup.with_extension("checked");
    files::copy(backup, &whole);
    // The key is asked for its public half; a record, that of the time, is not part of a backup.
    std::fs::copy(log.dir().join("key"), whole.join("key")).expect("a copy");
    std::fs::write(whole.join("store.record"), record).expect("a record");
    let mut command = log.program();
    let checked = command.args(["check", "--dir"]).arg(&whole).output().expect("the program starts");
    assert!(checked.status.success(), "{}", shown(&checked));
}

#[test]
fn a_running_log_is_backed_up_and_goes_on() {
    let mut net = net::plan().start();
    let first = random::commitments(3);
    net.log.stamp(&first);
    net.log.wait_idle();
    let control = net.log.dir().join("store.control");
    let mode = std::fs::metadata(&control).expect("a socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let to = net.dir().join("backup");
    let manifest = made(&net.log, &to, &[]);
    assert!(manifest.contains("origin = \"log.test/2026\"\nsize = 1\n"), "{manifest}");
    assert!(manifest.contains("key = false"), "{manifest}");
    assert!(!to.join("key").exists() && !to.join("store.record").exists());
    let then = std::fs::read(net.log.record()).expect("a record");
    let seed = std::fs::read(net.log.dir().join("key")).expect("a key");
    assert!(files::holding(&to, &seed).is_empty(), "the key is in a backup that it was not asked for in");
    assert_eq!(std::fs::metadata(&to).expect("a directory").permissions().mode() & 0o777, 0o700);

    net.log.stamp(&random::commitments(1));
    net.log.wait_idle();
    // To another file system, where nothing can be linked.
    let elsewhere =
        tempfile::Builder::new().prefix("treering-test-").tempdir_in("/dev/shm").expect("a directory");
    let far = elsewhere.path().join("backup");
    let manifest = made(&net.log, &far, &["--with-key"]);
    assert!(manifest.contains("size = 2\n") && manifest.contains("key = true"), "{manifest}");
    assert_eq!(std::fs::read(far.join("key")).expect("a key"), seed);
    // Never over another one.
    let again = backup(&net.log, &far, &[]);
    assert_eq!(again.status.code(), Some(2), "{}", shown(&again));
    assert!(far.join("manifest.toml").exists());

    assert!(net.log.stop().success());
    assert!(!control.exists());
    assert_clean(&to, &then, &net.log);
    let now = std::fs::read(net.log.record()).expect("a record");
    assert_clean(&far, &now, &net.log);
    // Stopped: the same, without the socket.
    let stopped = net.dir().join("stopped");
    let manifest = made(&net.log, &stopped, &[]);
    assert!(manifest.contains("size = 2\n"), "{manifest}");
    assert_clean(&stopped, &now, &net.log);
}

/// Copies that are made while customers submit and ticks are sealed: each is a whole log of some moment, and has what was
/// acknowledged before it was begun.
#[test]
fn a_log_is_backed_up_in_the_middle_of_its_work() {
    let mut net = net::plan().start();
    let load = Load::start(net.log.public(), 3);
    let (mut copies, mut sizes) = (Vec::new(), Vec::new());
    for number in 0..5 {
        let begun = load.count();
        wait::until("submissions are taken", || (load.count() >= begun + 20).then_some(()));
        let acknowledged = load.acknowledged();
        // Of before the copy: it may be behind the store, and never the store behind it.
        let record = std::fs::read(net.log.record()).expect("a record");
        let to = net.dir().join(format!("backup-{number}"));
        let manifest = made(&net.log, &to, &[]);
        let size = manifest.lines().find_map(|line| line.strip_prefix("size = ")?.parse::<u64>().ok());
        sizes.push(size.expect("a size"));
        copies.push((to, record, acknowledged));
    }
    load.stop();
    assert!(sizes.is_sorted() && sizes[0] < sizes[4], "the log did nothing meanwhile: {sizes:?}");
    assert!(net.log.stop().success());
    for (copy, record, acknowledged) in copies {
        assert_clean(&copy, &record, &net.log);
        // It knows of all of it, whether it was sealed by then or waited.
        files::put_back(&copy.join("store"), &net.log.store());
        std::fs::write(net.log.record(), &record).expect("the record's file");
        net.log.start();
        for root in acknowledged {
            let answer = net.log.public().get(&format!("/v1/receipts/{root}"));
            assert!(
                matches!(answer.status, 200 | 202),
                "{root} was acknowledged before the copy: {}",
                answer.shown()
            );
        }
        net.log.kill();
    }
}

#[test]
fn a_backup_that_can_not_be_made_leaves_nothing() {
    let mut net = net::plan().make();
    let to = net.dir().join("backup");
    let none = backup(&net.log, &to, &[]);
    assert_eq!(none.status.code(), Some(2), "{}", shown(&none));
    assert!(shown(&none).contains("there is no store at"), "{}", shown(&none));
    assert!(!to.exists());
    // A socket that a kill left over is no running log.
    net.log.start();
    net.log.kill();
    assert!(net.log.dir().join("store.control").exists());
    made(&net.log, &to, &[]);
}
