//! The room of the witness's record of a log, whose own file `store/record.rs` is.

use treering_tlog::{checkpoint::Checkpoint, time::UnixSeconds, tree::TreeHead};

use crate::meter::bounded;

pub mod record;

use record::{Record, decode_standing};

/// What the witness's store compares (`witness/src/store/mod.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The last tree head that was cosigned.
    pub head: TreeHead,
    /// When.
    pub time: UnixSeconds,
}

/// A record as it is stored: the log's origin, a newline, the record.
pub fn witness_record(bytes: &[u8]) {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return };
    let Ok(origin) = std::str::from_utf8(&bytes[..end]) else { return };
    let stored = &bytes[end + 1..];
    let standing = decode_standing(stored);
    match bounded(bytes, || Record::decode(origin, stored)) {
        Ok(record) => {
            assert_eq!(record.encode(), stored);
            assert_eq!(standing.as_ref(), Ok(&record.standing()));
            let own = Checkpoint::parse(record.note().text()).expect("its note is one");
            assert_eq!((own.origin.as_str(), own.head), (origin, record.head()));
            assert!(Record::decode(&format!("{origin}x"), stored).is_err());
            let again = Record::new(record.note().clone(), record.time());
            assert_eq!(again.as_ref(), Ok(&record));
        }
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
}
