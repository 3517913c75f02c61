//! The systemd units of the docs: systemd itself reads them, and finds them hardened.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use treering_tests::{log::shown, programs};

const LOG: &str = include_str!("../../docs/examples/treering-log.service");
const STAMP: &str = include_str!("../../docs/examples/treering-stamp.service");
const STAMP_TIMER: &str = include_str!("../../docs/examples/treering-stamp.timer");
/// systemd's own figure, times ten: 10 is a service that may do everything, 1 one that may do next to nothing.
const EXPOSURE: &str = "--threshold=20";

#[test]
fn systemd_takes_the_log_and_finds_it_hardened() {
    assert_hardened("treering-log.service", LOG, programs::LOG);
}

#[test]
fn systemd_takes_the_nightly_stamping_and_finds_it_hardened() {
    assert_hardened("treering-stamp.service", STAMP, programs::TREERING);
}

#[test]
fn systemd_takes_the_timer() {
    if !programs::has_tool("systemd-analyze", "--version") {
        return programs::skipped("unit", "systemd-analyze is not here: it comes with systemd");
    }
    let dir = tempfile::tempdir().unwrap();
    // A timer is for the unit of its name.
    write(dir.path(), "treering-stamp.service", STAMP, programs::TREERING);
    let timer = write(dir.path(), "treering-stamp.timer", STAMP_TIMER, programs::TREERING);
    assert_silent(&timer);
}

#[track_caller]
fn assert_hardened(name: &str, unit: &str, program: &str) {
    if !programs::has_tool("systemd-analyze", "--version") {
        return programs::skipped("unit", "systemd-analyze is not here: it comes with systemd");
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = write(dir.path(), name, unit, program);
    assert_silent(&path);

    let judged =
        Command::new("systemd-analyze").args(["security", "--offline=true", EXPOSURE]).arg(&path).output();
    let judged = judged.expect("systemd-analyze starts");
    let text = shown(&judged);
    if text.contains("unrecognized option") {
        return programs::skipped("unit", "this systemd-analyze judges no files yet (systemd 250 does)");
    }
    assert!(judged.status.success(), "{text}");
}

/// The program is looked for, and must be there.
fn write(dir: &Path, name: &str, unit: &str, program: &str) -> PathBuf {
    let path = dir.join(name);
    let there = programs::path(program);
    fs::write(
        &path,
        unit.replace(&format!("/usr/local/bin/{program}"), there.to_str().expect("a path in Unicode")),
    )
    .expect("a new file");
    path
}

/// What systemd doesn't understand, it says and passes over.
#[track_caller]
fn assert_silent(path: &Path) {
    let verified =
        Command::new("systemd-analyze").arg("verify").arg(path).output().expect("systemd-analyze starts");
    let silent = verified.stdout.is_empty() && verified.stderr.is_empty();
    assert!(verified.status.success() && silent, "{}", shown(&verified));
}
