//! A log that fits in a test: one thread, enough HTTP/1.1, the real formats, two witnesses' keys.
mod fake_log;
/// A timestamp authority, whose tokens are in that log.
mod fake_tsa;
pub(crate) mod html;
mod proxy;
pub(crate) mod terminal;
pub(crate) mod tsa;

pub(crate) use fake_log::{FakeLog, Manner};
pub(crate) use fake_tsa::{FakeTsa, Temper};
pub(crate) use proxy::SmallProxy;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

/// A directory to work in, with a policy, a place for the client's own files, and nothing from outside.
pub(crate) struct Bench {
    pub(crate) dir: tempfile::TempDir,
}

/// What a run of the command came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Bench {
    pub(crate) fn new(log: &FakeLog) -> Bench {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("policy"), log.policy()).unwrap();
        Bench { dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file, and its directories.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        fs::symlink_metadata(self.path(name)).is_ok()
    }

    /// Names in a directory, sorted.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.path(name))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// The command, in this directory, without a policy or log in its environment.
    pub(crate) fn command(&self) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_treering"));
        command
            .current_dir(self.dir.path())
            .env_clear()
            .env("HOME", self.path("home"))
            .env("TREERING_CONFIG_DIR", self.path("home/config"));
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(&self.command().args(args).output().unwrap(), self.dir.path())
    }

    /// With these variables.
    pub(crate) fn run_with(&self, variables: &[(&str, &str)], args: &[&str]) -> Ran {
        let mut command = self.command();
        command.envs(variables.iter().copied()).args(args);
        Ran::of(&command.output().unwrap(), self.dir.path())
    }

    /// With the policy.
    pub(crate) fn trusting(&self, args: &[&str]) -> Ran {
        Ran::of(
            &self.command().env("TREERING_POLICY", "policy").args(args).output().unwrap(),
            self.dir.path(),
        )
    }

    /// What a command that was started by hand came to.
    pub(crate) fn ran(&self, output: &Output) -> Ran {
        Ran::of(output, self.dir.path())
    }

    /// `treering stamp` with policy and log, which must succeed.
    pub(crate) fn stamp(&self, log: &FakeLog, args: &[&str]) -> Ran {
        let ran = self.stamp_any(log, args);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran
    }

    /// The same with something on standard input, whatever comes of it.
    pub(crate) fn stamp_with(&self, log: &FakeLog, args: &[&str], input: &[u8]) -> Ran {
        use std::{io::Write, process::Stdio};
        let mut child = self
            .command()
            .env("TREERING_POLICY", "policy")
            .env("TREERING_LOG", log.url())
            .arg("stamp")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // One that has ended already reads nothing.
        let _ = child.stdin.take().unwrap().write_all(input);
        Ran::of(&child.wait_with_output().unwrap(), self.dir.path())
    }

    pub(crate) fn stamp_any(&self, log: &FakeLog, args: &[&str]) -> Ran {
        Ran::of(&self.stamping(log).args(args).output().unwrap(), self.dir.path())
    }

    /// `treering stamp` with policy and log, to be started.
    pub(crate) fn stamping(&self, log: &FakeLog) -> std::process::Command {
        let mut command = self.command();
        command.env("TREERING_POLICY", "policy").env("TREERING_LOG", log.url()).arg("stamp");
        command
    }
}

impl Ran {
    pub(crate) fn of(output: &Output, dir: &Path) -> Ran {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&*dir.to_string_lossy(), "DIR");
        Ran { code: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// The objects of `--json`, without those that are written each second.
    pub(crate) fn objects(&self) -> Vec<serde_json::Value> {
        let object = |line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        };
        self.out.lines().map(object).filter(|object| object["type"] != "progress").collect()
    }

    /// Exit code and both streams, for a snapshot.
    pub(crate) fn told(&self) -> String {
        format!("exit {}\n{}{}", self.code, self.out, self.err)
    }
}

/// Runs `check` with what differs from run to run taken out of snapshots.
pub(crate) fn snapshots(check: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[time]");
    settings.add_filter(r"\b[0-9a-f]{64}\b", "[hash]");
    settings.add_filter(r"\b[0-9a-f]{32}\b", "[serial]");
    settings.add_filter(r"process \d+", "process [id]");
    settings.add_filter(r"http://127\.0\.0\.1:\d+", "http://LOG");
    settings.bind(check);
}
