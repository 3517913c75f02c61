//! The end of the write-ahead log after a power cut: a write that was torn is told from damage to what was synced.
//!
//! RocksDB's recovery mode that never cuts synced data (`kTolerateCorruptedTailRecords`) takes a last record that is too
//! short, and refuses one whose bytes are wrong. A power cut leaves either: of the write that was under way, some pages may
//! be on the disk and others not. So where RocksDB refuses, the newest file of the log is looked at here.
//!
//! Every write is synced before the next one begins (INVARIANT 1), so after a torn write no other one can begin. If behind
//! the first bad record there is the beginning of a whole one, what is bad was synced once, and it is damage: nothing is
//! touched. If there is none, the torn write is cut off. What can't be told from it is damage to the very last write.
//!
//! The format is RocksDB's own (db/log_format.h): blocks of 32 KiB, in them records of `masked crc32c (4) ‖ length (2) ‖
//! type (1) ‖ payload`, numbers little-endian; a write that doesn't fit a block is a first, some middle and a last record.

use crate::store::StoreError;
use std::{
    fs::{File, OpenOptions},
    io::Read as _,
    path::{Path, PathBuf},
};

const BLOCK: usize = 32 * 1024;
const HEADER: usize = 7;
/// Larger than any file here may become by far (`MAX_WAL`): then it isn't looked at.
const MAX_FILE: u64 = 1 << 30;

const FIRST: u8 = 2;
const MIDDLE: u8 = 3;
const LAST: u8 = 4;

/// A torn write that was cut off.
#[derive(Debug)]
pub(super) struct Cut {
    /// The file.
    pub(super) file: PathBuf,
    /// Where it ends now.
    pub(super) at: u64,
    /// How many bytes went.
    pub(super) bytes: u64,
}

/// Cuts a torn write off the newest file of a store's log; `None` (and nothing is touched) if there is none, or if the
/// damage is to what was synced. The store must not be open.
pub(super) fn cut_torn_end(store: &Path) -> Result<Option<Cut>, StoreError> {
    let failed = |source| StoreError::File { step: "looking at the end of the write-ahead log", source };
    let Some(path) = newest(store).map_err(failed)? else { return Ok(None) };
    let mut bytes = Vec::new();
    File::open(&path).and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes)).map_err(failed)?;
    let Some(at) = torn_from(&bytes) else { return Ok(None) };
    let (at, all) = (at as u64, bytes.len() as u64);
    // CRASH: before the sync the file may have either length, and the next start looks again.
    let file = OpenOptions::new().write(true).open(&path).map_err(failed)?;
    file.set_len(at).and_then(|()| file.sync_all()).map_err(failed)?;
    Ok(Some(Cut { file: path, at, bytes: all - at }))
}

/// The file with the largest number.
fn newest(store: &Path) -> std::io::Result<Option<PathBuf>> {
    let mut newest: Option<(u64, PathBuf)> = None;
    for item in std::fs::read_dir(store)? {
        let path = item?.path();
        let is_log = path.extension().is_some_and(|extension| extension == "log");
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok()).filter(|_| is_log);
        if let Some(number) = number
            && newest.as_ref().is_none_or(|(largest, _)| number > *largest)
        {
            newest = Some((number, path));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

/// Where the torn write at the end begins; `None` if there is none, or if whole writes begin behind what is bad.
fn torn_from(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut write) = (0, None);
    let bad = loop {
        at = skip_trailer(at);
        if at >= bytes.len() {
            // The last write lacks its end: RocksDB takes that by itself.
            return None;
        }
        let Some(record) = Record::at(bytes, at) else { break at };
        match record.kind {
            FIRST => write = Some(at),
            MIDDLE | LAST if write.is_none() => break at,
            LAST => write = None,
            _ => {}
        }
        at = record.end;
    };
    let begins =
        |at: usize| Record::at(bytes, at).is_some_and(|record| !matches!(record.kind, MIDDLE | LAST));
    // Within the block a record may begin anywhere; in those behind it the first begins where the block does.
    let block_end = (bad / BLOCK + 1) * BLOCK;
    if (bad + 1..block_end.min(bytes.len())).any(begins) {
        return None;
    }
    let mut block = block_end;
    while block < bytes.len() {
        let mut at = block;
        while at < (block + BLOCK).min(bytes.len()) {
            let Some(record) = Record::at(bytes, at) else { break };
            if begins(at) {
                return None;
            }
            at = skip_trailer(record.end);
        }
        block += BLOCK;
    }
    Some(write.unwrap_or(bad))
}

/// The next place where a record may begin: a block's last bytes are zeroes if no header fits there.
fn skip_trailer(at: usize) -> usize {
    let left = BLOCK - at % BLOCK;
    if left < HEADER { at + left } else { at }
}

/// A record whose checksum is right.
#[derive(Debug)]
struct Record {
    kind: u8,
    end: usize,
}

impl Record {
    fn at(bytes: &[u8], at: usize) -> Option<Record> {
        let header: &[u8; HEADER] = bytes.get(at..at + HEADER)?.try_into().ok()?;
        let [a, b, c, d, low, high, kind] = *header;
        let end = at + HEADER + usize::from(u16::from_le_bytes([low, high]));
        // 0 is what preallocated space holds.
        if kind == 0 || end > (at / BLOCK + 1) * BLOCK {
            return None;
        }
        let checksum = crc32c::crc32c(bytes.get(at + HEADER - 1..end)?);
        (u32::from_le_bytes([a, b, c, d]) == masked(checksum)).then_some(Record { kind, end })
    }
}

/// As RocksDB stores it (util/crc32c.h): a checksum of bytes that hold checksums is no good otherwise.
fn masked(checksum: u32) -> u32 {
    checksum.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: u8 = 1;

    /// A log file with these writes, as RocksDB lays them out, and where each begins.
    fn file(writes: &[usize]) -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut begins) = (Vec::new(), Vec::new());
        for (number, length) in (1_u8..).zip(writes) {
            let payload = vec![number; *length];
            let (mut rest, mut first) = (&payload[..], true);
            loop {
                bytes.resize(skip_trailer(bytes.len()), 0);
                if first {
                    begins.push(bytes.len());
                }
                let room = BLOCK - bytes.len() % BLOCK - HEADER;
                let (part, after) = rest.split_at(rest.len().min(room));
                let kind = match (first, after.is_empty()) {
                    (true, true) => FULL,
                    (true, false) => FIRST,
                    (false, false) => MIDDLE,
                    (false, true) => LAST,
                };
                let sum = masked(crc32c::crc32c(&[&[kind], part].concat()));
                bytes.extend_from_slice(&sum.to_le_bytes());
                bytes.extend_from_slice(&u16::try_from(part.len()).unwrap().to_le_bytes());
                bytes.push(kind);
                bytes.extend_from_slice(part);
                (rest, first) = (after, false);
                if rest.is_empty() {
                    break;
                }
            }
        }
        (bytes, begins)
    }

    const WRITES: [usize; 6] = [100, 40_000, 5, 32_761, 150_000, 300];

    #[test]
    fn a_whole_file_and_one_that_is_only_short_are_left_alone() {
        let (bytes, begins) = file(&WRITES);
        assert_eq!(torn_from(&bytes), None);
        assert_eq!(torn_from(&bytes[..begins[5]]), None);
        assert_eq!(torn_from(&[]), None);
    }

    #[test]
    fn the_last_write_is_cut_off_wherever_it_is_torn() {
        for count in 1..=WRITES.len() {
            let (bytes, begins) = file(&WRITES[..count]);
            let last = begins[count - 1];
            for at in (last..bytes.len()).step_by(997).chain([last, bytes.len() - 1]) {
                let mut torn = bytes.clone();
                torn[at] ^= 1;
                assert_eq!(torn_from(&torn), Some(last), "write {count}, byte {at}");
                // Pages that never came, with others behind them.
                let mut torn = bytes.clone();
                let page = at / 4096 * 4096;
                let end = (page + 4096).min(torn.len());
                torn[page.max(last)..end].fill(0);
                assert_eq!(torn_from(&torn), Some(last), "write {count}, page of byte {at}");
            }
        }
    }

    #[test]
    fn damage_to_an_earlier_write_is_never_cut_off() {
        let (bytes, begins) = file(&WRITES);
        for (number, pair) in begins.windows(2).enumerate() {
            for at in (pair[0]..pair[1]).step_by(499).chain([pair[0], pair[0] + 4, pair[0] + 6]) {
                // A block's unused end is part of no write.
                if bytes[at..pair[1]].iter().all(|byte| *byte == 0) {
                    continue;
                }
                let mut damaged = bytes.clone();
                damaged[at] ^= 1;
                assert_eq!(torn_from(&damaged), None, "write {number}, byte {at}");
            }
        }
    }
}
