//! No core dump ever holds a key: neither server leaves one, whatever limit it was started under.

use std::{fs, os::unix::process::ExitStatusExt as _, process::Command};

use treering_tests::{net, process::Process, programs, wait};

#[test]
fn a_server_that_aborts_leaves_no_core_dump() {
    let mut net = net::plan().make();
    let log_dir = net.log.dir().to_owned();
    let witness_dir = net.dir().join("w1");
    net.witnesses[0].kill();
    for (program, dir) in [(programs::LOG, log_dir), (programs::WITNESS, witness_dir)] {
        // As much as the system allows, where it allows any.
        let script = "ulimit -c $(ulimit -H -c) && exec \"$0\" serve --dir \"$1\"";
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(programs::path(program)).arg(&dir).current_dir(&dir);
        let mut process = Process::start(program, &mut command, net.dir());
        process.says("listening on http");
        let limits = fs::read_to_string(format!("/proc/{}/limits", process.pid())).unwrap();
        let core: Vec<&str> = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max core file size"))
            .unwrap()
            .split_whitespace()
            .collect();
        assert_eq!(core[..2], ["0", "0"], "{program}");
        process.signal("ABRT");
        let status = wait::until("it is gone", || process.status());
        assert_eq!((status.signal(), status.core_dumped()), (Some(6), false), "{program}");
    }
}
