//! The systemd units of the docs: systemd itself reads them, and finds them hardened; and their programs do nothing that
//! they forbid.

mod calls;

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

/// What the docs say of the units: no privileges, a system that can't be written to, nobody's home, a folder of its own.
#[test]
fn no_unit_lacks_what_hardens_it() {
    for (name, unit) in
        [("log", LOG), ("stamp", STAMP), ("witness", calls::WITNESS), ("mirror", calls::MIRROR)]
    {
        // The nightly stamping may read what is in a home.
        let home = if name == "stamp" { "read-only" } else { "yes" };
        for (key, wanted) in [
            ("NoNewPrivileges=", "yes"),
            ("CapabilityBoundingSet=", ""),
            ("ProtectSystem=", "strict"),
            ("ProtectHome=", home),
            ("PrivateTmp=", "yes"),
            ("PrivateDevices=", "yes"),
            ("MemoryDenyWriteExecute=", "yes"),
            ("RestrictNamespaces=", "yes"),
            ("LockPersonality=", "yes"),
            ("ProtectKernelModules=", "yes"),
            ("SystemCallArchitectures=", "native"),
            ("UMask=", "0077"),
        ] {
            let values: Vec<&str> = unit.lines().filter_map(|line| line.strip_prefix(key)).collect();
            assert_eq!(values, [wanted], "{name}: {key}");
        }
        let user: Vec<&str> = unit.lines().filter_map(|line| line.strip_prefix("User=")).collect();
        assert!(matches!(user[..], [user] if user.starts_with("treering")), "{name} runs as {user:?}");
    }
}

/// A log that is down comes back, however often it failed and however late the network is.
#[test]
fn the_log_is_started_again_without_end() {
    let values = |name: &str| -> Vec<&str> {
        LOG.lines().filter_map(|line| line.strip_prefix(name)).flat_map(str::split_whitespace).collect()
    };
    assert_eq!(values("StartLimitIntervalSec="), ["0"]);
    assert_eq!(values("Restart="), ["always"]);
    for name in ["Wants=", "After="] {
        assert!(values(name).contains(&"network-online.target"), "{name}{:?}", values(name));
    }
    for name in ["StartLimitBurst=", "RestartPreventExitStatus=", "SuccessExitStatus=", "RestartMaxDelaySec="]
    {
        assert_eq!(values(name), [""; 0], "{name} keeps it down");
    }
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
