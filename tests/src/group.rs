//! A control group with a limit to memory, which the kernel keeps: whoever goes beyond it is killed. Both of its versions.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A group of its own; it goes when this is dropped, and all processes in it have ended by then.
#[derive(Debug)]
pub struct Group {
    dir: PathBuf,
    second: bool,
}

impl Group {
    /// A group whose processes may hold so many bytes together.
    ///
    /// # Errors
    /// In words: this takes root, Linux, and a memory controller that can be used here.
    pub fn new(name: &str, bytes: u64) -> Result<Group, String> {
        let own =
            fs::read_to_string("/proc/self/cgroup").map_err(|error| format!("/proc/self/cgroup: {error}"))?;
        let mut first = Err("there is no memory controller".to_owned());
        for line in own.lines() {
            let mut fields = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
            let second = controllers.is_empty();
            let root = match second {
                true => PathBuf::from("/sys/fs/cgroup"),
                false if controllers.split(',').any(|name| name == "memory") => {
                    "/sys/fs/cgroup/memory".into()
                }
                false => continue,
            };
            // A process may not stand in a group of version 2 that has others below it: beside its own, then.
            let beside = Path::new(path).parent().filter(|_| second).unwrap_or(Path::new(path));
            let parent = root.join(beside.strip_prefix("/").unwrap_or(beside));
            first = Group::make(&parent.join(format!("{name}-{}", std::process::id())), second, bytes);
            if first.is_ok() {
                break;
            }
        }
        first
    }

    fn make(dir: &Path, second: bool, bytes: u64) -> Result<Group, String> {
        let failed = |what: &Path, error: std::io::Error| format!("{}: {error}", what.display());
        fs::create_dir(dir).map_err(|error| failed(dir, error))?;
        let group = Group { dir: dir.to_owned(), second };
        let limit = dir.join(if second { "memory.max" } else { "memory.limit_in_bytes" });
        fs::write(&limit, bytes.to_string()).map_err(|error| failed(&limit, error))?;
        Ok(group)
    }

    /// The file that takes the number of a process that enters it.
    pub fn processes(&self) -> PathBuf {
        self.dir.join("cgroup.procs")
    }

    /// How many of its processes the kernel has killed for their memory.
    ///
    /// # Panics
    /// If the kernel doesn't tell.
    pub fn killed(&self) -> u64 {
        let (path, text) = self.events();
        let count = counted(&text, "oom_kill");
        count.unwrap_or_else(|| panic!("{} doesn't count kills: {text}", path.display()))
    }

    /// How often there was no memory for it, whether or not somebody was killed: some calls then fail. `None` where the kernel
    /// doesn't count that (version 1).
    pub fn without_memory(&self) -> Option<u64> {
        counted(&self.events().1, "oom")
    }

    fn events(&self) -> (PathBuf, String) {
        let path = self.dir.join(if self.second { "memory.events" } else { "memory.oom_control" });
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, text)
    }
}

fn counted(text: &str, what: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(' ')?.parse().ok())
}

impl Drop for Group {
    fn drop(&mut self) {
        // A process that is still in it keeps it; it is empty otherwise.
        let _ = fs::remove_dir(&self.dir);
    }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn what_the_kernel_counts_is_told_apart() {
        let second = "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n";
        assert_eq!((counted(second, "oom"), counted(second, "oom_kill")), (Some(3), Some(2)));
        let first = "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n";
        assert_eq!((counted(first, "oom"), counted(first, "oom_kill")), (None, Some(7)));
    }
}
