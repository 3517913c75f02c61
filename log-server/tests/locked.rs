//! A store that another process has open. By themselves: what is opened here is, for the moment in which a child starts, open there.

use std::{
    env,
    io::{self, BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};
use treering_log::store::{RocksStore, StoreError};
use treering_tlog::checkpoint::Origin;

const HELD: &str = "TREERING_TEST_HELD";

/// The other process, as a program of before: RocksDB alone. It is no test but for the one below.
#[test]
fn the_other_process() {
    let Some(path) = env::var_os(HELD) else { return };
    let options = rocksdb::Options::default();
    let families = rocksdb::DB::list_cf(&options, &path).unwrap();
    let _db = rocksdb::DB::open_cf(&options, &path, families).unwrap();
    println!("\nheld");
    io::stdin().read_line(&mut String::new()).unwrap();
}

#[test]
fn a_program_that_has_rocksdbs_lock_alone_keeps_others_out() {
    let (dir, origin) = (tempfile::tempdir().unwrap(), Origin::new("log.example/lock").unwrap());
    let open = || RocksStore::open(dir.path(), &origin, 1 << 20);
    drop(open().unwrap());
    let mut other = Command::new(env::current_exe().unwrap());
    other.args(["--exact", "--nocapture", "the_other_process"]).env(HELD, dir.path());
    let mut other = other.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // Open until it has ended: it has more to say.
    let mut said = BufReader::new(other.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|line| line == "held"), "it ended");
    let refused = open().unwrap_err();
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
    other.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert!(other.wait().unwrap().success());
    drop(open().unwrap());
}
