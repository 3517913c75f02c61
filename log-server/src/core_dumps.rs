//! No core dumps: memory that holds keys is never written to a disk where others may find it.
//!
//! Two locks, since either alone has a way around it: the size limit for core files is 0 (a dump piped to a program
//! ignores it), and the process is not dumpable (nor may other processes of the same user look into its memory; root may).

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Sets both; to be called before any key is read.
///
/// # Errors
/// The system refuses, which it does not.
pub fn forbid() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}
