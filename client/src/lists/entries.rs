//! A list's entries: lines, or what stands between NULs (`find -print0`). Each is at most [`MAX`] bytes long.

use super::List;
use std::{
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, Read},
};

/// Longer than any path with its digest: 32,768 bytes, each of which an escape may double, and a SHA-512 with colons.
const MAX: usize = 66_000;

/// Why an entry, and what follows it, can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EntryError {
    #[error("the list can't be read on: {0}")]
    Io(#[from] io::Error),
    #[error("line {0} is longer than any path: if find -print0 wrote the list, give -0")]
    LongLine(u64),
    #[error("entry {0} is longer than any path: if the list has one path a line, leave out -0")]
    LongEntry(u64),
    #[error("line {0} has a NUL in it: if find -print0 wrote the list, give -0")]
    Nul(u64),
}

/// An entry without its end, and its number, from 1.
pub(crate) type Entry = (u64, Vec<u8>);

/// Reads one entry after the other.
pub(crate) struct Entries {
    reader: Box<dyn BufRead + Send>,
    end: u8,
    number: u64,
    ended: bool,
}

impl Entries {
    pub(crate) fn open(list: &List) -> io::Result<Entries> {
        let reader: Box<dyn BufRead + Send> = match &list.copy {
            Some(copy) => Box::new(BufReader::new(File::open(copy)?)),
            None if list.is_stdin() => Box::new(BufReader::new(io::stdin())),
            None => Box::new(BufReader::new(File::open(&list.file)?)),
        };
        Ok(Entries::new(reader, list.nul))
    }

    fn new(reader: Box<dyn BufRead + Send>, nul: bool) -> Entries {
        Entries { reader, end: if nul { 0 } else { b'\n' }, number: 0, ended: false }
    }

    fn read(&mut self) -> Result<Option<Entry>, EntryError> {
        let mut entry = Vec::new();
        let most = MAX as u64 + 1;
        if self.reader.by_ref().take(most).read_until(self.end, &mut entry)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        if entry.last() == Some(&self.end) {
            entry.pop();
        }
        match (self.end, entry.len() > MAX) {
            (0, true) => Err(EntryError::LongEntry(self.number)),
            (b'\n', _) if entry.contains(&0) => Err(EntryError::Nul(self.number)),
            (_, true) => Err(EntryError::LongLine(self.number)),
            _ => Ok(Some((self.number, entry))),
        }
    }
}

/// Empty entries are passed over, and numbered. After an error there is nothing more.
impl Iterator for Entries {
    type Item = Result<Entry, EntryError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            match self.read() {
                Ok(Some((_, entry))) if entry.is_empty() => {}
                Ok(Some(entry)) => return Some(Ok(entry)),
                Ok(None) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries").field("number", &self.number).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], nul: bool) -> Vec<Result<Entry, String>> {
        let reader = Box::new(io::Cursor::new(bytes.to_vec()));
        Entries::new(reader, nul).map(|entry| entry.map_err(|error| error.to_string())).collect()
    }

    #[test]
    fn the_last_entry_may_lack_its_end() {
        let two = vec![Ok((1, b"a".to_vec())), Ok((3, b"b c".to_vec()))];
        assert_eq!(read(b"a\n\nb c", false), two);
        assert_eq!(read(b"a\0\0b c\0", true), two);
        assert_eq!(read(b"", false), []);
        assert_eq!(read(b"a\nb", true), [Ok((1, b"a\nb".to_vec()))]);
    }

    #[test]
    fn the_wrong_end_is_noticed() {
        insta::assert_snapshot!(read(b"a\nb\0c\0", false)[1].clone().unwrap_err(), @"line 2 has a NUL in it: if find -print0 wrote the list, give -0");
        let long = vec![b'a'; MAX + 1];
        insta::assert_snapshot!(read(&long, false)[0].clone().unwrap_err(), @"line 1 is longer than any path: if find -print0 wrote the list, give -0");
        insta::assert_snapshot!(read(&long, true)[0].clone().unwrap_err(), @"entry 1 is longer than any path: if the list has one path a line, leave out -0");
        assert_eq!(read(&long[1..], false).len(), 1);
        assert!(read(&long[1..], false)[0].is_ok());
    }
}
