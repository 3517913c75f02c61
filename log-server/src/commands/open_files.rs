//! How many connections the system's limit of open files allows.

/// Files of the store, its logs, the admin listener's connections, those to witnesses, and some to spare.
const RESERVED: u64 = 768;

/// This process's soft limit, from `/proc/self/limits`; `None` where it has none or that can't be read.
pub(super) fn limit() -> Option<u64> {
    soft_limit(&std::fs::read_to_string("/proc/self/limits").ok()?)
}

fn soft_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// As many connections as are wanted and leave [`RESERVED`] files, but not fewer than 16: a server that takes none
/// would be no use at all.
pub(super) fn connections(wanted: usize, open_files: u64) -> usize {
    let left = usize::try_from(open_files.saturating_sub(RESERVED)).unwrap_or(usize::MAX);
    wanted.min(left.max(16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_the_first_column() {
        let limits = "Limit      Soft Limit   Hard Limit   Units\nMax open files   1024    524288    files\n";
        assert_eq!(soft_limit(limits), Some(1024));
        assert_eq!(soft_limit("Max open files   unlimited   unlimited   files\n"), None);
        assert_eq!(soft_limit(""), None);
    }

    #[test]
    fn connections_leave_the_store_its_files() {
        assert_eq!(connections(4096, 20_000), 4096);
        assert_eq!(connections(4096, 1024), 256);
        assert_eq!(connections(4096, 100), 16);
        assert_eq!(connections(8, 100), 8);
    }
}
