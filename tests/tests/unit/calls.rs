//! What a unit forbids, held against what its program does: its system calls, by strace, while it does all that it is for, and
//! where it makes, changes, renames or removes files.
//!
//! systemd itself isn't asked to run them: that takes a machine which it has booted. A call that a unit forbids fails there, or
//! ends the program, and nobody would know before.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs,
    path::{Component, Path, PathBuf},
    process::Command,
};

use treering_tests::{
    mirror::MirrorServer,
    net::{self, free_port},
    programs, random, trace,
    tsa::{self, Granted},
    view, wait,
};

use super::{LOG, STAMP};
use crate::{backup, mirror};

pub(super) const WITNESS: &str = include_str!("../../../docs/treering-witness.service");
pub(super) const MIRROR: &str = include_str!("../../../docs/treering-mirror.service");

/// What a unit lets its program do.
struct Allowed {
    calls: HashSet<String>,
    /// Memory that is written to may not be run.
    no_code: bool,
    /// Of sockets.
    families: HashSet<String>,
    /// Files below these alone are its own to write: the first is where it was started.
    places: Vec<PathBuf>,
}

/// Calls that make, change or remove what a path in their arguments names.
const CHANGES: [&str; 18] = [
    "creat",
    "rename",
    "renameat",
    "renameat2",
    "mkdir",
    "mkdirat",
    "unlink",
    "unlinkat",
    "rmdir",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "truncate",
    "chmod",
    "fchmodat",
    "mknod",
    "bind",
];
/// With one of these, a file that is opened may be written to.
const TO_WRITE: [&str; 4] = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"];
/// Not of the system that is made read-only: systemd leaves these out. A thread writes its name there.
const EVERYBODYS: [&str; 2] = ["/dev/null", "/proc/self"];

/// systemd's groups of system calls: `@name`, and what is in it.
type Groups = BTreeMap<String, Vec<String>>;

impl Allowed {
    fn by(unit: &str, groups: &Groups, places: &[&Path]) -> Allowed {
        let values = |name: &str| -> Vec<&str> {
            unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('=')).collect()
        };
        let mut calls = HashSet::new();
        // Each line in turn: the first says what is let through at all, one with a tilde takes some of it away.
        for line in values("SystemCallFilter") {
            let names = |line: &str| line.split_whitespace().flat_map(|name| members(name, groups)).collect();
            match line.strip_prefix('~') {
                None => calls.extend::<HashSet<String>>(names(line)),
                Some(line) => calls = &calls - &names(line),
            }
        }
        assert!(!calls.is_empty(), "a unit without a filter allows everything");
        let families = values("RestrictAddressFamilies");
        Allowed {
            calls,
            no_code: values("MemoryDenyWriteExecute") == ["yes"],
            families: families.iter().flat_map(|line| line.split_whitespace()).map(str::to_owned).collect(),
            places: places.iter().map(|place| (*place).to_owned()).collect(),
        }
    }

    /// Would the unit's read-only system keep it from this? What is named beside a directory that is open already was looked at
    /// when that was opened.
    fn is_elsewhere(&self, name: &str, arguments: &str) -> bool {
        let changes = match name {
            "open" | "openat" | "openat2" => TO_WRITE.iter().any(|flag| arguments.contains(flag)),
            _ => CHANGES.contains(&name),
        };
        if !changes {
            return false;
        }
        let starts_here = |path: &&str| {
            path.starts_with('/') || arguments.starts_with('"') || arguments.starts_with("AT_FDCWD")
        };
        let paths = arguments.split('"').skip(1).step_by(2).filter(starts_here);
        let paths = paths.map(|path| self.places.first().map_or_else(PathBuf::new, |start| start.join(path)));
        paths.into_iter().any(|path| {
            !EVERYBODYS.iter().any(|all| path.starts_with(all))
                && (path.components().any(|part| part == Component::ParentDir)
                    || !self.places.iter().any(|place| path.starts_with(place)))
        })
    }

    /// Why a call is not allowed.
    fn forbids(&self, name: &str, arguments: &str) -> Option<&'static str> {
        let (writes, runs) = (arguments.contains("PROT_WRITE"), arguments.contains("PROT_EXEC"));
        // As systemd's filter has it: what is mapped already may not become code either.
        let is_code = match name {
            "mmap" | "mmap2" => writes && runs,
            "mprotect" | "pkey_mprotect" => runs,
            "shmat" => arguments.contains("SHM_EXEC"),
            _ => false,
        };
        let family = arguments.split_once(',').map_or(arguments, |(family, _)| family);
        match name {
            _ if !self.calls.contains(name) => Some("the call is not in its filter"),
            _ if is_code && self.no_code => Some("memory that is written to may not be run"),
            _ if self.is_elsewhere(name, arguments) => Some("the system is read-only but for its own folder"),
            "socket" if !self.families.contains(family) => {
                Some("a family of addresses that it does not name")
            }
            _ => None,
        }
    }
}

/// A call by its name, or all calls of a group.
fn members(name: &str, groups: &Groups) -> Vec<String> {
    match groups.get(name) {
        Some(inside) => inside.iter().flat_map(|name| members(name, groups)).collect(),
        None => {
            assert!(!name.starts_with('@'), "systemd has no group {name}");
            vec![name.to_owned()]
        }
    }
}

/// What systemd says of its groups; `None` if this can't be looked at here.
fn groups() -> Option<Groups> {
    if !programs::has_tool("systemd-analyze", "--version") {
        programs::skipped("unit (calls)", "systemd-analyze is not here: it comes with systemd");
        return None;
    }
    if !trace::is_possible() {
        programs::skipped(
            "unit (calls)",
            "strace is not installed or may not trace, so nobody has looked whether a program stays within its unit",
        );
        return None;
    }
    let said =
        Command::new("systemd-analyze").arg("syscall-filter").output().expect("systemd-analyze starts");
    let (mut groups, mut last) = (Groups::new(), String::new());
    for line in String::from_utf8(said.stdout).expect("text").lines() {
        let name = line.trim();
        if name.is_empty() || name.starts_with('#') {
            continue;
        }
        if name == line {
            last = name.to_owned();
        } else {
            groups.entry(last.clone()).or_default().push(name.to_owned());
        }
    }
    assert!(groups.contains_key("@system-service"), "systemd knows no groups");
    Some(groups)
}

/// The calls in what strace wrote, with their arguments; also those that never ended.
fn calls(trace: &str) -> impl Iterator<Item = (&str, &str)> {
    trace.lines().filter_map(|line| {
        let (name, arguments) = line.split_once(' ')?.1.trim_start().split_once('(')?;
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        is_name.then_some((name, arguments))
    })
}

/// Nothing of it is forbidden, and nothing is written but in its places; and it has done these, so that it was no idle run.
#[track_caller]
fn assert_within(unit: &str, groups: &Groups, places: &[&Path], traces: &[PathBuf], wanted: &[&str]) {
    let allowed = Allowed::by(unit, groups, places);
    let (mut seen, mut forbidden) = (BTreeSet::new(), BTreeSet::new());
    for trace in traces {
        // The tracer outlives what it traces by a moment.
        let text = wait::until("strace has written all", || {
            let text = fs::read_to_string(trace).expect("a trace");
            text.trim_end().ends_with(" +++").then_some(text)
        });
        for (name, arguments) in calls(&text) {
            seen.insert(name.to_owned());
            if let Some(why) = allowed.forbids(name, arguments) {
                forbidden.insert(format!("{name}({arguments}: {why}"));
            }
        }
    }
    assert!(forbidden.is_empty(), "{forbidden:#?}");
    let missing: Vec<_> = wanted.iter().filter(|name| !seen.contains(**name)).collect();
    assert!(missing.is_empty(), "it never called {missing:?}, only {seen:?}");
}

#[test]
fn the_log_stays_within_its_unit() {
    let Some(groups) = groups() else { return };
    let mut net = net::plan().make();
    tsa::init(&net.log, "p256");
    let program = programs::path(programs::LOG);
    let traces = ["first", "second"].map(|name| net.dir().join(name));
    for trace in &traces {
        net.log.start_as(trace::every_call(trace, &program));
        net.log.wait_idle();
        for count in 1..4 {
            net.log.stamp(&random::commitments(count));
        }
        wait::until("a timestamp", || Granted::by(&net.log)).assert_proved(&net);
        let reader = net.log.public();
        for path in ["/v1/log", "/checkpoint", "/v1/batches/0"] {
            reader.get(path).expect_status(200);
        }
        view::entries(reader, net.log.published_size()).expect("all entries");
        net.log.metrics();
        if trace == &traces[0] {
            backup::made(&net.log, &net.dir().join("backup"), &[]);
            assert!(net.log.command_with("key add", &["--name", "somebody"]).status.success());
            // What a start after that does belongs to it.
            net.log.kill();
        }
    }
    assert!(net.log.stop().success());
    assert_within(
        LOG,
        &groups,
        &[net.log.dir(), &net.dir().join("backup")],
        &traces,
        &["mmap", "openat", "fdatasync", "fsync", "rename", "socket", "accept4"],
    );
    net.log.assert_clean();
}

#[test]
fn the_witness_stays_within_its_unit() {
    let Some(groups) = groups() else { return };
    let mut net = net::plan().quorum(3).make();
    let program = programs::path(programs::WITNESS);
    let trace = net.dir().join("trace");
    net.witnesses[0].kill();
    net.witnesses[0].start_as(trace::every_call(&trace, &program));
    net.log.start();
    net.log.wait_idle();
    net.log.stamp(&random::commitments(2));
    net.witnesses[0].latest(net::ORIGIN).expect_status(200);
    net.witnesses[0].signal("HUP");
    net.log.stamp(&random::commitments(1));
    assert!(net.witnesses[0].stop().success());
    assert_within(
        WITNESS,
        &groups,
        &[net.witnesses[0].dir()],
        &[trace],
        &["mmap", "openat", "fdatasync", "socket", "accept4"],
    );
}

#[test]
fn the_mirror_stays_within_its_unit() {
    let Some(groups) = groups() else { return };
    let net = net::plan().start();
    let output = net.new_dir("mirror-output");
    let mut mirror = MirrorServer::init(&net.dir().join("mirror"), &output, &net.policy_file(), free_port());
    let trace = net.dir().join("trace");
    let mut command = trace::every_call(&trace, &programs::path(programs::WITNESS));
    mirror.start_as(command.args(["mirror", "--dir"]).arg(mirror.dir()));
    net.log.stamp(&random::commitments(2));
    mirror::wait_for(&mirror, net.log.published_size());
    mirror.stop();
    assert_within(
        MIRROR,
        &groups,
        &[mirror.dir(), &output],
        &[trace],
        &["mmap", "openat", "fdatasync", "socket", "accept4", "connect"],
    );
}

#[test]
fn the_nightly_stamping_stays_within_its_unit() {
    let Some(groups) = groups() else { return };
    let net = net::plan().start();
    let dir = net.new_dir("home");
    let archive = net.new_dir("archive");
    fs::write(archive.join("file"), "one file\n").expect("a new file");
    let client = net.client();
    let program = programs::path(programs::TREERING);
    let traces = ["resume", "first", "second"].map(|name| net.dir().join(name));
    for trace in &traces {
        let mut command = trace::every_call(trace, &program);
        client.environment(&mut command);
        match trace.ends_with("resume") {
            true => command.arg("resume"),
            false => command.args(["stamp", "--since", "archive.treering"]).arg(&archive),
        };
        let ran = command.current_dir(&dir).output().expect("strace starts");
        assert!(ran.status.success(), "{}", treering_tests::log::shown(&ran));
        fs::write(archive.join("another"), "another file\n").expect("a new file");
    }
    assert_within(
        STAMP,
        &groups,
        &[&dir, client.home()],
        &traces,
        &["mmap", "openat", "fsync", "rename", "socket", "connect"],
    );
}

/// Negative control: a trace in which everything that is looked for happens.
#[test]
fn what_a_unit_forbids_is_found_in_a_trace() {
    let group = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let groups = Groups::from([
        ("@all".to_owned(), group(&["@memory", "read", "write", "socket", "openat", "rename", "unlinkat"])),
        ("@memory".to_owned(), group(&["mmap", "mprotect"])),
        ("@bad".to_owned(), group(&["write"])),
    ]);
    let unit = "SystemCallFilter=@all\nSystemCallFilter=~@bad\nMemoryDenyWriteExecute=yes\nRestrictAddressFamilies=AF_INET AF_UNIX\n";
    let allowed = Allowed::by(unit, &groups, &[Path::new("/own"), Path::new("/other")]);
    let trace = "7  read(3, \"write(\", 6) = 6\n\
                 7  mmap(NULL, 4096, PROT_READ|PROT_EXEC, MAP_PRIVATE, 3, 0) = 0x7f\n\
                 7  socket(AF_INET, SOCK_STREAM, 0) = 3\n\
                 8  +++ exited with 0 +++\n\
                 7  --- SIGTERM {si_signo=SIGTERM} ---\n\
                 7  <... read resumed>\"write(\", 6) = 6\n\
                 7  write(1, \"x\", 1 <unfinished ...>\n\
                 7  chroot(\"/\") = 0\n\
                 7  mmap(NULL, 4096, PROT_READ|PROT_WRITE|PROT_EXEC, MAP_PRIVATE, 3, 0) = 0x7f\n\
                 7  mprotect(0x7f, 4096, PROT_READ|PROT_EXEC) = 0\n\
                 7  openat(AT_FDCWD, \"/own/file\", O_RDWR|O_CREAT, 0600) = 3\n\
                 7  openat(AT_FDCWD, \"file\", O_WRONLY) = 3\n\
                 7  openat(AT_FDCWD, \"/etc/hosts\", O_RDONLY|O_CLOEXEC) = 3\n\
                 7  openat(AT_FDCWD, \"/dev/null\", O_RDWR) = 3\n\
                 7  unlinkat(3, \"file\", 0) = 0\n\
                 7  rename(\"/own/file\", \"/other/file\") = 0\n\
                 7  openat(AT_FDCWD, \"/owner/file\", O_RDWR) = -1 EROFS\n\
                 7  rename(\"/own/file\", \"/etc/file\") = 0\n\
                 7  unlinkat(AT_FDCWD, \"../file\", 0) = 0\n\
                 7  socket(AF_NETLINK, SOCK_RAW, 0) = 3\n";
    let forbidden: Vec<&str> = calls(trace)
        .filter(|(name, arguments)| allowed.forbids(name, arguments).is_some())
        .map(|(name, _)| name)
        .collect();
    let wanted = ["write", "chroot", "mmap", "mprotect", "openat", "rename", "unlinkat", "socket"];
    assert_eq!(forbidden, wanted);
}
