//! The systemd unit of the docs: systemd itself reads it, and finds it hardened.

use std::{fs, process::Command};

use treering_tests::{log::shown, programs};

const UNIT: &str = include_str!("../../docs/examples/treering-log.service");
/// systemd's own figure, times ten: 10 is a service that may do everything, 1 one that may do next to nothing.
const EXPOSURE: &str = "--threshold=20";

#[test]
fn systemd_takes_the_unit_and_finds_it_hardened() {
    if !programs::has_tool("systemd-analyze", "--version") {
        return programs::skipped("unit", "systemd-analyze is not here: it comes with systemd");
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("treering-log.service");
    let program = programs::path(programs::LOG);
    // It is looked for, and must be there.
    fs::write(&path, UNIT.replace("/usr/local/bin/treering-log", program.to_str().unwrap())).unwrap();

    let verified = Command::new("systemd-analyze").arg("verify").arg(&path).output().unwrap();
    // What it doesn't understand, it says and passes over.
    let silent = verified.stdout.is_empty() && verified.stderr.is_empty();
    assert!(verified.status.success() && silent, "{}", shown(&verified));

    let judged =
        Command::new("systemd-analyze").args(["security", "--offline=true", EXPOSURE]).arg(&path).output();
    let judged = judged.unwrap();
    let text = shown(&judged);
    if text.contains("unrecognized option") {
        return programs::skipped("unit", "this systemd-analyze judges no files yet (systemd 250 does)");
    }
    assert!(judged.status.success(), "{text}");
}
