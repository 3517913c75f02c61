//! A list's entries: lines, or what stands between NULs (`find -print0`). Each is at most [`MAX`] bytes long.

use super::List;
use std::{
    fmt,
    fs::File,
    io::{self, BufRead, BufReader},
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
    /// The entry that was read last.
    entry: Vec<u8>,
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

    /// `nul`: what ends an entry is no newline.
    pub(crate) fn new(reader: Box<dyn BufRead + Send>, nul: bool) -> Entries {
        let end = if nul { 0 } else { b'\n' };
        Entries { reader, end, number: 0, entry: Vec::new(), ended: false }
    }

    /// The next entry, where it lies. Empty ones are passed over, and numbered. After an error there is nothing more.
    pub(crate) fn next_entry(&mut self) -> Option<Result<(u64, &[u8]), EntryError>> {
        if self.ended {
            return None;
        }
        match self.read() {
            Ok(true) => return Some(Ok((self.number, &self.entry))),
            Ok(false) => self.ended = true,
            Err(error) => {
                self.ended = true;
                return Some(Err(error));
            }
        }
        None
    }

    /// False at the end.
    fn read(&mut self) -> Result<bool, EntryError> {
        self.entry.clear();
        self.pass_over_empty()?;
        let mut has_end = false;
        while !has_end && self.entry.len() <= MAX {
            let buffer = filled(&mut self.reader)?;
            if buffer.is_empty() {
                break;
            }
            let end = buffer.iter().position(|byte| *byte == self.end);
            self.entry.extend_from_slice(&buffer[..end.unwrap_or(buffer.len())]);
            let read = end.map_or(buffer.len(), |end| end + 1);
            self.reader.consume(read);
            has_end = end.is_some();
        }
        if self.entry.is_empty() {
            return Ok(false);
        }
        self.number += 1;
        match (self.end, self.entry.len() > MAX) {
            (0, true) => Err(EntryError::LongEntry(self.number)),
            (b'\n', _) if self.entry.contains(&0) => Err(EntryError::Nul(self.number)),
            (_, true) => Err(EntryError::LongLine(self.number)),
            _ => Ok(true),
        }
    }

    fn pass_over_empty(&mut self) -> io::Result<()> {
        loop {
            let buffer = filled(&mut self.reader)?;
            let count = buffer.iter().take_while(|byte| **byte == self.end).count();
            let is_over = count < buffer.len() || buffer.is_empty();
            self.reader.consume(count);
            self.number += count as u64;
            if is_over {
                return Ok(());
            }
        }
    }
}

/// What can be had at once; nothing at the end.
fn filled(reader: &mut Box<dyn BufRead + Send>) -> io::Result<&[u8]> {
    loop {
        // Asked twice, since what one call lends can't be let go again in the same loop; the second only looks.
        match reader.fill_buf() {
            Ok(_) => return reader.fill_buf(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, EntryError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.next_entry()?;
        Some(entry.map(|(number, entry)| (number, entry.to_vec())))
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
        let lines = "\n".repeat(20_000);
        assert_eq!(read(format!("{lines}a\n{lines}").as_bytes(), false), [Ok((20_001, b"a".to_vec()))]);
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
