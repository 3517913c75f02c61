//! Entry bundles: entries one after the other, each a big-endian u16 length and as many bytes.

use super::TileError;

/// Appends one entry to an entry bundle: big-endian u16 length, bytes.
///
/// # Errors
/// [`TileError::EntryTooLong`] above 65,535 bytes; the bundle stays as it was.
pub fn append_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), TileError> {
    let length = u16::try_from(entry.len()).map_err(|_| TileError::EntryTooLong)?;
    bundle.reserve(LENGTH_BYTES + entry.len());
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// The entries of a bundle; `count` must be exactly what is there.
///
/// # Errors
/// [`TileError::Truncated`], [`TileError::Count`].
pub fn split_entries(bundle: &[u8], count: u16) -> Result<Vec<&[u8]>, TileError> {
    let want = usize::from(count);
    let entries = Entries { rest: bundle, read: 0 }.collect::<Result<Vec<_>, _>>()?;
    let got = entries.len();
    if got == want { Ok(entries) } else { Err(TileError::Count { want, got }) }
}

/// The first `count` entries' bytes of a bundle that has as many or more.
///
/// # Errors
/// [`TileError::Truncated`], [`TileError::Count`] if there are fewer. What follows them isn't looked at.
pub fn prefix_of_entries(bundle: &[u8], count: u16) -> Result<&[u8], TileError> {
    let want = usize::from(count);
    let mut entries = Entries { rest: bundle, read: 0 };
    for got in 0..want {
        entries.next().ok_or(TileError::Count { want, got })??;
    }
    Ok(&bundle[..bundle.len() - entries.rest.len()])
}

/// Entries from the front of a bundle; ends at its end or after the first error.
struct Entries<'a> {
    rest: &'a [u8],
    read: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<&'a [u8], TileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let split = self
            .rest
            .split_first_chunk::<LENGTH_BYTES>()
            .and_then(|(length, rest)| rest.split_at_checked(usize::from(u16::from_be_bytes(*length))));
        let Some((entry, rest)) = split else {
            self.rest = &[];
            return Some(Err(TileError::Truncated(self.read)));
        };
        self.rest = rest;
        self.read += 1;
        Some(Ok(entry))
    }
}

const LENGTH_BYTES: usize = 2;

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::{append_entry, prefix_of_entries, split_entries};
    use crate::tile::TileError;

    const BUNDLE: &[u8] = b"\0\x01a\0\0\0\x03bcd";

    #[test]
    fn entries_have_their_length_before_them() {
        let mut bundle = Vec::new();
        for entry in [&b"a"[..], b"", b"bcd"] {
            append_entry(&mut bundle, entry).unwrap();
        }
        assert_eq!(bundle, BUNDLE);
        assert_eq!(split_entries(BUNDLE, 3), Ok(vec![&b"a"[..], b"", b"bcd"]));
        assert_eq!(split_entries(b"", 0), Ok(vec![]));
    }

    #[test]
    fn an_entry_of_64_kib_is_refused() {
        let mut bundle = BUNDLE.to_vec();
        assert_eq!(append_entry(&mut bundle, &[0; 65_536]), Err(TileError::EntryTooLong));
        assert_eq!(bundle, BUNDLE);
        assert_eq!(append_entry(&mut bundle, &[0; 65_535]), Ok(()));
        assert_eq!(split_entries(&bundle, 4).unwrap()[3].len(), 65_535);
    }

    #[test]
    fn another_number_of_entries_is_refused() {
        for want in [0, 2, 4, u16::MAX] {
            let error = TileError::Count { want: usize::from(want), got: 3 };
            assert_eq!(split_entries(BUNDLE, want), Err(error));
        }
    }

    #[test]
    fn a_bundle_cut_off_is_refused() {
        for (end, entry) in [(1, 0), (2, 0), (4, 1), (6, 2), (7, 2), (9, 2)] {
            assert_eq!(split_entries(&BUNDLE[..end], 3), Err(TileError::Truncated(entry)), "{end} bytes");
        }
        assert_eq!(split_entries(&BUNDLE[..5], 3), Err(TileError::Count { want: 3, got: 2 }));
    }

    #[test]
    fn prefixes_are_whole_entries() {
        let prefixes = [0, 3, 5, 10];
        for (count, end) in (0..).zip(prefixes) {
            assert_eq!(prefix_of_entries(BUNDLE, count), Ok(&BUNDLE[..end]));
        }
        assert_eq!(prefix_of_entries(BUNDLE, 4), Err(TileError::Count { want: 4, got: 3 }));
        assert_eq!(prefix_of_entries(&BUNDLE[..9], 3), Err(TileError::Truncated(2)));
        assert_eq!(prefix_of_entries(&BUNDLE[..9], 2), Ok(&BUNDLE[..5]));
    }

    proptest! {
        #[test]
        fn bundles_round_trip(entries in vec(vec(any::<u8>(), 0..80), 0..20), count in 0_u16..25) {
            let mut bundle = Vec::new();
            entries.iter().for_each(|entry| append_entry(&mut bundle, entry).unwrap());
            let total = u16::try_from(entries.len()).unwrap();
            prop_assert_eq!(split_entries(&bundle, total).unwrap(), entries);
            if let Ok(prefix) = prefix_of_entries(&bundle, count) {
                prop_assert_eq!(split_entries(prefix, count).unwrap().len(), usize::from(count));
            } else {
                prop_assert!(count > total);
            }
        }

        #[test]
        fn foreign_bytes_are_no_panic(bytes in vec(any::<u8>(), 0..300), count: u16) {
            let _ = split_entries(&bytes, count);
            let _ = prefix_of_entries(&bytes, count);
        }
    }
}
