//! One running program: its streams go to files, and it ends at the latest when its handle is dropped.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread,
};

use crate::wait;

/// How much of each stream a failure shows.
const SHOWN_LINES: usize = 60;

/// A program that was started by a test.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    dir: PathBuf,
    stdout: PathBuf,
    stderr: PathBuf,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts a program; its streams go to `<dir>/<name>.stdout` and `.stderr`.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn start(name: &str, command: &mut Command, dir: &Path) -> Process {
        let (stdout, stderr) = (dir.join(format!("{name}.stdout")), dir.join(format!("{name}.stderr")));
        let to =
            |path: &Path| File::create(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let child = command
            .stdin(Stdio::null())
            .stdout(to(&stdout))
            .stderr(to(&stderr))
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Process { name: name.to_owned(), child, dir: dir.to_owned(), stdout, stderr, ended: None }
    }

    /// Waits for a line on standard output that begins with `prefix`, and gives what follows it.
    ///
    /// # Panics
    /// If the program ends before, or never says it.
    pub fn says(&mut self, prefix: &str) -> String {
        let what = format!("{} says {prefix:?}", self.name);
        wait::until(&what, || {
            let line = self.stdout().split_inclusive('\n').find_map(|line| {
                line.strip_prefix(prefix).and_then(|rest| rest.strip_suffix('\n')).map(str::to_owned)
            });
            assert!(
                line.is_some() || self.status().is_none(),
                "{} ended before it said {prefix:?}",
                self.name
            );
            line
        })
    }

    /// Its status, if it has ended.
    pub fn status(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("a child can be waited for");
        }
        self.ended
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not come.
    pub fn end(&mut self) -> ExitStatus {
        wait::until(&format!("{} ends", self.name), || self.status())
    }

    /// Waits for its end, and gives all that it printed.
    ///
    /// # Panics
    /// If it doesn't end.
    pub fn output(&mut self) -> Output {
        let status = self.end();
        let read = |path: &Path| fs::read(path).unwrap_or_default();
        Output { status, stdout: read(&self.stdout), stderr: read(&self.stderr) }
    }

    /// `kill -9`, and its end.
    pub fn kill(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        self.ended = Some(self.child.wait().expect("a child can be waited for"));
    }

    /// SIGTERM, and nothing more.
    ///
    /// # Panics
    /// If the signal can't be sent.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// A signal by its name, such as `STOP`, after which it stands still when this returns (Linux): the kernel hands the signal
    /// to one thread, and on a busy machine the others may run on for long until that one has its turn.
    ///
    /// # Panics
    /// If it can't be sent.
    pub fn signal(&self, signal: &str) {
        // The shell's own `kill`: the program of that name is not on every machine.
        let sent = Command::new("sh").arg("-c").arg(format!("kill -{signal} {}", self.child.id())).status();
        assert!(sent.is_ok_and(|status| status.success()), "SIG{signal} to {}", self.name);
        if signal == "STOP" && cfg!(target_os = "linux") {
            wait::until(&format!("{} stands still", self.name), || self.stands_still().then_some(()));
        }
    }

    /// Is every thread of it stopped (`T`), or has it ended?
    fn stands_still(&self) -> bool {
        let Ok(threads) = fs::read_dir(format!("/proc/{}/task", self.child.id())) else { return true };
        // The state stands behind the name, which is in parentheses and may hold any. A thread that has ended is still.
        let states = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("stat")).ok());
        states
            .filter_map(|stat| stat.rsplit_once(") ")?.1.chars().next())
            .all(|state| matches!(state, 'T' | 'Z' | 'X'))
    }

    /// What it wrote to standard output so far.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.stdout).unwrap_or_default()).into_owned()
    }

    /// What it wrote to standard error so far.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.stderr).unwrap_or_default()).into_owned()
    }

    fn report(&mut self) {
        let status = self.status().map_or_else(|| "still running".to_owned(), |status| status.to_string());
        eprintln!("---- {} in {}: {status}", self.name, self.dir.display());
        eprintln!("---- its standard output:\n{}", last_lines(&self.stdout()));
        eprintln!("---- its standard error:\n{}", last_lines(&self.stderr()));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if thread::panicking() {
            self.report();
        }
        if self.ended.is_none() {
            self.kill();
        }
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
}
