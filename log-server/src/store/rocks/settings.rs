//! What RocksDB runs with, asserted from what it reports itself: the file of options that it writes at each start.
//!
//! A setting that is made in code and then dropped on the way (by a binding, a default of a later version, an option that
//! overrides another) would show only when the disk has failed.
//!
//! The file is in RocksDB's own format (`options_file_example.ini`): sections `[DBOptions]`, `[CFOptions "name"]` and
//! `[TableOptions/BlockBasedTable "name"]` with `key=value` lines.

use super::{keys, open};
use crate::store::StoreError;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

/// Of the whole database.
const DATABASE: [(&str, &str); 22] = [
    // The default cuts the WAL at the first damage, synced data too, without a word.
    ("wal_recovery_mode", "kTolerateCorruptedTailRecords"),
    ("best_efforts_recovery", "false"),
    ("avoid_flush_during_recovery", "false"),
    ("track_and_verify_wals_in_manifest", "true"),
    ("paranoid_checks", "true"),
    ("verify_sst_unique_id_in_manifest", "true"),
    ("flush_verify_memtable_count", "true"),
    ("compaction_verify_record_count", "true"),
    // Recycled WAL files have lost data; archived ones would keep what was deleted.
    ("recycle_log_file_num", "0"),
    ("WAL_ttl_seconds", "0"),
    ("WAL_size_limit_MB", "0"),
    ("wal_compression", "kNoCompression"),
    // A write is in the WAL, whole and in order, when it returns.
    ("manual_wal_flush", "false"),
    ("unordered_write", "false"),
    ("enable_pipelined_write", "false"),
    ("two_write_queues", "false"),
    ("allow_2pc", "false"),
    ("allow_mmap_writes", "false"),
    // After a failed sync nothing is tried again.
    ("max_bgerror_resume_count", "0"),
    ("create_if_missing", "true"),
    ("max_total_wal_size", open::MAX_WAL_TEXT),
    ("db_write_buffer_size", open::WRITE_BUFFERS_TEXT),
];
/// Of each column family.
const FAMILY: [(&str, &str); 3] = [
    ("force_consistency_checks", "true"),
    ("disallow_memtable_writes", "false"),
    ("compression", "kNoCompression"),
];
/// Of each family's tables.
const TABLES: [(&str, &str); 1] = [("checksum", "kXXH3")];

/// Holds what RocksDB says against what it has to be. Of a store that was just opened.
pub(super) fn assert(store: &Path) -> Result<(), StoreError> {
    let file = |source| StoreError::File { step: "reading RocksDB's options", source };
    let path = newest(store).map_err(file)?;
    let text = std::fs::read_to_string(path).map_err(file)?;
    check(&text)
}

fn check(text: &str) -> Result<(), StoreError> {
    let all = parse(text);
    let holds = |section: &str, (name, wanted): (&str, &str)| {
        let found = all.get(&(section, name)).copied().unwrap_or("nothing");
        let differs = || StoreError::Setting {
            name: format!("{section} {name}"),
            found: found.to_owned(),
            wanted: wanted.to_owned(),
        };
        if found == wanted { Ok(()) } else { Err(differs()) }
    };
    DATABASE.into_iter().try_for_each(|setting| holds("DBOptions", setting))?;
    for family in keys::FAMILIES {
        let (options, tables) =
            (format!("CFOptions \"{family}\""), format!("TableOptions/BlockBasedTable \"{family}\""));
        FAMILY.into_iter().try_for_each(|setting| holds(&options, setting))?;
        TABLES.into_iter().try_for_each(|setting| holds(&tables, setting))?;
    }
    // A shorter prefix would let a root that collides in it get another's receipt from the filter's point of view.
    holds(&format!("CFOptions \"{}\"", keys::RECEIPTS), ("prefix_extractor", "rocksdb.FixedPrefix.32"))
}

/// (section, key) → value.
fn parse(text: &str) -> HashMap<(&str, &str), &str> {
    let mut section = "";
    let mut all = HashMap::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name;
        } else if let Some((key, value)) = line.split_once('=') {
            all.insert((section, key), value);
        }
    }
    all
}

/// RocksDB keeps the file before, too; the one with the largest number is of this start.
fn newest(store: &Path) -> std::io::Result<PathBuf> {
    let mut newest: Option<(u64, PathBuf)> = None;
    for item in std::fs::read_dir(store)? {
        let path = item?.path();
        let number = path.file_name().and_then(|name| name.to_str()?.strip_prefix("OPTIONS-")?.parse().ok());
        if let Some(number) = number
            && newest.as_ref().is_none_or(|(largest, _)| number > *largest)
        {
            newest = Some((number, path));
        }
    }
    newest
        .map(|(_, path)| path)
        .ok_or_else(|| std::io::Error::new(std::io::ErrorKind::NotFound, "there is none"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::RocksStore;
    use treering_tlog::checkpoint::Origin;

    /// What RocksDB writes for a store that the log has opened.
    fn reported() -> String {
        let dir = tempfile::tempdir().unwrap();
        let _store =
            RocksStore::open(dir.path(), &Origin::new("log.example/options").unwrap(), 1 << 20).unwrap();
        std::fs::read_to_string(newest(dir.path()).unwrap()).unwrap()
    }

    #[test]
    fn a_start_with_any_other_setting_is_refused() {
        let good = reported();
        check(&good).unwrap();
        let names = DATABASE
            .iter()
            .chain(&FAMILY)
            .chain(&TABLES)
            .chain(&[("prefix_extractor", "rocksdb.FixedPrefix.32")]);
        for (name, value) in names {
            let line = format!("\n  {name}={value}\n");
            assert!(good.contains(&line), "{name} is not reported");
            for bad in [format!("\n  {name}=other\n"), "\n".to_owned()] {
                let refused = check(&good.replace(&line, &bad)).unwrap_err().to_string();
                assert!(refused.contains(&format!(" {name} = ")), "{refused}");
            }
        }
        let one = good.replace(
            "wal_recovery_mode=kTolerateCorruptedTailRecords",
            "wal_recovery_mode=kPointInTimeRecovery",
        );
        assert_eq!(
            check(&one).unwrap_err().to_string(),
            "RocksDB runs with DBOptions wal_recovery_mode = kPointInTimeRecovery, and has to with \
             kTolerateCorruptedTailRecords: with it the log could lose or change its history"
        );
    }

    #[test]
    fn the_newest_file_counts() {
        let dir = tempfile::tempdir().unwrap();
        assert!(newest(dir.path()).is_err());
        for name in ["OPTIONS-000009", "OPTIONS-000010", "OPTIONS-000010.dbtmp", "MANIFEST-000099"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        assert!(newest(dir.path()).unwrap().ends_with("OPTIONS-000010"));
    }
}
