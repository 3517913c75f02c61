//! RocksDB's files of records, its write-ahead log and its manifest, read record by record.
//!
//! The format is its own (db/log_format.h): blocks of 32 KiB, in them records of `masked crc32c (4) ‖ length (2) ‖
//! type (1) ‖ payload`, numbers little-endian; what doesn't fit a block is a first, some middle and a last record. In the
//! write-ahead log it is a write (rocksdb/write_batch.cc), which begins with the number of its first row and the count of its rows.

use std::io::{self, Read};

pub(super) const BLOCK: usize = 32 * 1024;
pub(super) const HEADER: usize = 7;

pub(super) const FULL: u8 = 1;
pub(super) const FIRST: u8 = 2;
const MIDDLE: u8 = 3;
const LAST: u8 = 4;

/// What a file's records are, up to the first that is none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Walked {
    /// The number of the first write's first row.
    pub(super) first: Option<u64>,
    /// The number that a write behind the last one which is there to its end has.
    pub(super) next: Option<u64>,
    pub(super) bad: Option<Bad>,
}

/// Where the records of a file end before the file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bad {
    /// The record that is none; the file's end if what is missing is the end of a write.
    pub(super) at: u64,
    /// The write that it belongs to.
    pub(super) from: u64,
}

/// Reads a file from its beginning, a block at a time.
pub(super) fn walk(mut file: impl Read) -> io::Result<Walked> {
    let (mut block, mut begin) = (Vec::with_capacity(BLOCK), 0_u64);
    let (mut walked, mut write, mut behind) = (Walked::default(), None, None);
    loop {
        block.clear();
        file.by_ref().take(BLOCK as u64).read_to_end(&mut block)?;
        let mut at = 0;
        // A record never reaches over a block's end, and a block's last bytes are zeroes if no header fits there.
        while at < block.len() && BLOCK - at >= HEADER {
            let place = begin + at as u64;
            let record = Record::at(&block, at)
                .filter(|record| record.begins() == write.is_none() || record.is_other());
            let Some(record) = record else {
                walked.bad = Some(Bad { at: place, from: write.unwrap_or(place) });
                return Ok(walked);
            };
            if record.begins() {
                let numbers = numbers(&block[record.payload()]);
                walked.first = walked.first.or(numbers.map(|(first, _)| first));
                behind = numbers.map(|(first, count)| first + count);
            }
            if record.kind == FIRST {
                write = Some(place);
            } else if matches!(record.kind, FULL | LAST) {
                (write, walked.next) = (None, behind.or(walked.next));
            }
            at = record.end;
        }
        begin += block.len() as u64;
        if block.len() < BLOCK {
            walked.bad = write.map(|from| Bad { at: begin, from });
            return Ok(walked);
        }
    }
}

/// Behind what is bad in `rest` (which begins with a block), is there a whole record with which something begins, of which this is
/// true? Within the bad one's block a record may begin anywhere; in those behind it the first begins where the block does.
pub(super) fn begins_behind(rest: &[u8], bad: usize, is: impl Fn(&[u8]) -> bool) -> bool {
    let begins =
        |at: usize| Record::at(rest, at).is_some_and(|record| record.begins() && is(&rest[record.payload()]));
    let block_end = (bad / BLOCK + 1) * BLOCK;
    // Where a beginning stands without the end of what was begun before it, the bad one is there itself.
    (bad..block_end.min(rest.len())).any(begins)
        || (block_end..rest.len()).step_by(BLOCK).any(|block| {
            let mut at = block;
            while let Some(record) = Record::at(rest, at).filter(|record| record.end <= block + BLOCK) {
                if begins(at) {
                    return true;
                }
                at = record.end;
            }
            false
        })
}

/// The number of a write's first row, and how many rows it has; `None` of less than a write.
pub(super) fn numbers(write: &[u8]) -> Option<(u64, u64)> {
    let (first, rest) = write.split_first_chunk()?;
    let count = u64::from(u32::from_le_bytes(*rest.first_chunk()?));
    (count > 0).then_some((u64::from_le_bytes(*first).min(u64::MAX >> 8), count))
}

/// A record whose checksum is right.
#[derive(Debug)]
pub(super) struct Record {
    kind: u8,
    start: usize,
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
        (u32::from_le_bytes([a, b, c, d]) == masked(checksum)).then_some(Record { kind, start: at, end })
    }

    /// Does something begin with it, a write or what a manifest holds?
    fn begins(&self) -> bool {
        matches!(self.kind, FULL | FIRST)
    }

    /// Neither the beginning of something, nor more of it: what RocksDB says of the file.
    fn is_other(&self) -> bool {
        !matches!(self.kind, FULL | FIRST | MIDDLE | LAST)
    }

    fn payload(&self) -> std::ops::Range<usize> {
        self.start + HEADER..self.end
    }
}

/// As RocksDB stores it (util/crc32c.h): a checksum of bytes that hold checksums is no good otherwise.
fn masked(checksum: u32) -> u32 {
    checksum.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Files of such records, made for tests.
#[cfg(test)]
pub(super) mod files {
    use super::*;

    /// A write of one row, so that each has the number behind the one before it.
    pub(in crate::store::rocks) fn write(number: u8, length: usize) -> Vec<u8> {
        let mut write = [&u64::from(number).to_le_bytes()[..], &1_u32.to_le_bytes()].concat();
        write.resize(length, number);
        write
    }

    /// A log file with writes of these lengths, as RocksDB lays them out, and where each begins.
    pub(in crate::store::rocks) fn file(lengths: &[usize]) -> (Vec<u8>, Vec<usize>) {
        let writes: Vec<Vec<u8>> =
            (1_u8..).zip(lengths).map(|(number, length)| write(number, *length)).collect();
        file_of(&writes)
    }

    pub(in crate::store::rocks) fn file_of(writes: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut begins) = (Vec::new(), Vec::new());
        for payload in writes {
            let (mut rest, mut first) = (&payload[..], true);
            loop {
                let left = BLOCK - bytes.len() % BLOCK;
                bytes.resize(bytes.len() + if left < HEADER { left } else { 0 }, 0);
                if first {
                    begins.push(bytes.len());
                }
                let room = BLOCK - bytes.len() % BLOCK - HEADER;
                let (part, after) = rest.split_at(rest.len().min(room));
                bytes.extend(record(
                    match (first, after.is_empty()) {
                        (true, true) => FULL,
                        (true, false) => FIRST,
                        (false, false) => MIDDLE,
                        (false, true) => LAST,
                    },
                    part,
                ));
                (rest, first) = (after, false);
                if rest.is_empty() {
                    break;
                }
            }
        }
        (bytes, begins)
    }

    pub(in crate::store::rocks) fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
        let sum = masked(crc32c::crc32c(&[&[kind], payload].concat())).to_le_bytes();
        let length = u16::try_from(payload.len()).unwrap().to_le_bytes();
        [&sum[..], &length, &[kind], payload].concat()
    }

    /// Where the records of a file begin, as far as they are whole.
    pub(in crate::store::rocks) fn records(bytes: &[u8]) -> Vec<usize> {
        let mut begins = Vec::new();
        let mut at = 0;
        while let Some(record) = Record::at(bytes, at) {
            begins.push(at);
            let left = BLOCK - record.end % BLOCK;
            at = if left < HEADER { record.end + left } else { record.end };
        }
        begins
    }
}
