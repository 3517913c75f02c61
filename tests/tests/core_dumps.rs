//! No core dump ever holds a key: neither server leaves one, whatever limit it was started under, nor may another process of
//! its user look into its memory.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{
        fs::{MetadataExt as _, chown},
        process::{CommandExt as _, ExitStatusExt as _},
    },
    path::Path,
    process::Command,
};

use treering_tests::{net, process::Process, programs, wait};

/// Any that isn't root: `nobody`, by custom.
const USER: u32 = 65_534;

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

/// A process that is not dumpable shows it: to the kernel its files below `/proc` are root's, whoever runs it. The limit of
/// core files says nothing to a program that dumps are piped to, nor to a debugger.
#[test]
fn a_servers_memory_is_not_its_users_to_look_into() {
    if !cfg!(target_os = "linux") {
        return programs::skipped("core_dumps", "only Linux shows whether a process can be looked into");
    }
    let mut net = net::plan().make();
    let (log_dir, witness_dir) = (net.log.dir().to_owned(), net.dir().join("w1"));
    net.witnesses[0].kill();
    // Tests run as root or as somebody else; what is root's anyway would show nothing.
    let own = fs::metadata("/proc/self").expect("a process").uid();
    let user = if own == 0 { USER } else { own };
    // Root's programs may lie where nobody else comes by; and what can't be read is never dumpable.
    let copy = |name: &str, program: &Path| {
        let place = net.dir().join(name);
        fs::copy(program, &place).unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        place
    };
    let places = [
        copy("a-program", Path::new("/bin/sleep")),
        copy("a-log", &programs::path(programs::LOG)),
        copy("a-witness", &programs::path(programs::WITNESS)),
    ];
    if own == 0 {
        chown(net.dir(), Some(user), Some(user)).expect("a directory of this test");
        places.iter().chain([&log_dir, &witness_dir]).for_each(|place| give(place, user));
    }
    let start = |place: &Path, arguments: &[&OsStr]| {
        let mut command = Command::new(place);
        if own == 0 {
            command.uid(user).gid(user);
        }
        let name = place.file_name().expect("a name").to_string_lossy();
        Process::start(&name, command.args(arguments), net.dir())
    };
    let owner = |process: &Process| {
        fs::metadata(format!("/proc/{}/stat", process.pid())).expect("a process's file").uid()
    };
    let [program, log, witness] = &places;
    let any = start(program, &["600".as_ref()]);
    // Before it is that program, it is a copy of this one.
    wait::until("a program like any other is its user's", || (owner(&any) == user).then_some(()));
    for (server, dir) in [(log, &log_dir), (witness, &witness_dir)] {
        let mut process = start(server, &["serve".as_ref(), "--dir".as_ref(), dir.as_ref()]);
        process.says("listening on http");
        let who = fs::metadata(format!("/proc/{}", process.pid())).expect("a process").uid();
        assert_eq!((who, owner(&process)), (user, 0), "{}: its user can look into it", server.display());
    }
}

/// Gives all that is in a directory to a user.
fn give(place: &Path, user: u32) {
    chown(place, Some(user), Some(user)).unwrap_or_else(|error| panic!("{}: {error}", place.display()));
    if place.is_dir() {
        fs::read_dir(place)
            .expect("a directory")
            .for_each(|entry| give(&entry.expect("an entry").path(), user));
    }
}
