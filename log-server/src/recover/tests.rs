use super::*;
use crate::sample::{Sample, size};
use std::fs;

/// Whatever becomes of the record's bytes, the log doesn't sign because of it: it isn't a record any more, or not of this store.
#[test]
fn a_record_with_any_other_bit_lets_no_log_start() {
    let sample = Sample::new(258);
    let (store, record) = (sample.open(), sample.record());
    let head = sample.checkpoint(258).head;
    for ended in [false, true] {
        // Of a store that waits for nothing, as that of a log that has ended.
        let mark = HighMark { head, ended };
        record.write(&mark).unwrap();
        let good = fs::read(record.path()).unwrap();
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                fs::write(record.path(), &bad).unwrap();
                let read = record.read();
                let refused = match read {
                    Ok(Some(read)) => read.ended == ended && holds(&store, &head, &read.head).is_err(),
                    Ok(None) => false,
                    Err(_) => true,
                };
                assert!(refused, "{ended}: bit {bit} of byte {at}");
            }
        }
        // Cut off anywhere, it is not a record; or the end is not in it, which the store then says.
        for length in 0..good.len() {
            fs::write(record.path(), &good[..length]).unwrap();
            let read = record.read();
            let only_the_end =
                matches!(read, Ok(Some(HighMark { head: read, ended: false })) if ended && read == head);
            assert!(read.is_err() || only_the_end, "{ended}: {length} bytes");
        }
    }
    // The size, in a record that is well formed.
    for other in [0, 1, 257, 259, 2_580] {
        let other = TreeHead { size: size(other), root: head.root };
        assert!(holds(&store, &head, &other).is_err(), "{other:?}");
    }
}

/// What a refused start names: the words of each refusal that the store has, in the section that the refusal points to. Here
/// is to be thought of a new one.
#[test]
fn each_refusal_of_the_store_has_its_way_out_in_the_documentation() {
    let text = || "x".to_owned();
    let source = || std::io::Error::other("disk");
    let refusals = [
        StoreError::File { step: "opening", source: source() },
        StoreError::Background { count: 1 },
        StoreError::InUse { path: text() },
        StoreError::OtherOrigin { found: text(), wanted: text() },
        StoreError::Older { found: 1, known: 3 },
        StoreError::Migration { to: 3, what: text() },
        StoreError::Format { found: 4, known: 3 },
        StoreError::Damaged { what: text() },
        StoreError::Setting { name: text(), found: text(), wanted: text() },
        StoreError::Poisoned,
    ];
    let words = |error: &StoreError| match error {
        StoreError::Engine { .. } | StoreError::File { .. } => "the store failed at ",
        StoreError::Background { .. } => "errors in the background",
        StoreError::InUse { .. } => "is in use by another process",
        StoreError::OtherOrigin { .. } => "the store is of the log ",
        StoreError::Older { .. } | StoreError::Format { .. } => "the store has format ",
        StoreError::Migration { .. } => "the store is brought to format ",
        StoreError::Damaged { .. } | StoreError::Tile(_) => "the store is damaged: ",
        StoreError::Setting { .. } => "RocksDB runs with ",
        StoreError::Poisoned => "an earlier write failed: ",
        // Of no start.
        StoreError::NoBackup | StoreError::Closed => "",
    };
    let pointer = ". Ways out: docs/operating.md, \"When the log refuses to start\"";
    let documentation = include_str!("../../../docs/operating.md");
    let (_, section) = documentation.split_once("\n## 4. When the log refuses to start\n").unwrap();
    let (section, _) = section.split_once("\n## 5. ").unwrap();
    for error in refusals {
        let words = words(&error);
        let said = StartError::from(error).to_string();
        assert!(said.contains(words) && said.ends_with(pointer), "{said}");
        assert!(section.contains(&format!("`{words}")) || section.contains(&format!("… {words}")), "{words}");
    }
    for (said, words) in [
        (
            StartError::from(RecordError::Malformed { path: "r".into() }).to_string(),
            "is not a record of a signed head",
        ),
        (
            StartError::from(RecordError::File { path: "r".into(), source: source() }).to_string(),
            "the record ",
        ),
    ] {
        assert!(said.contains(words) && said.ends_with(pointer), "{said}");
        assert!(section.contains(&format!("`{words}")) || section.contains(&format!("… {words}")), "{words}");
    }
}
