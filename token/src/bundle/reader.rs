//! From bytes, however they are cut, to items.

use super::{
    cursor::{Cursor, Stop},
    decode,
    error::BundleError,
    item::{Header, Item},
};

/// Collects bytes and hands out items. It keeps what it was given and has not yet handed out: take all items before
/// giving it more, and it stays below [`Item::MAX_BYTES`] and one piece.
#[derive(Clone, Debug, Default)]
pub struct ItemReader {
    buffer: Vec<u8>,
    /// INVARIANT: at most `buffer.len()`; what stands before it was handed out.
    start: usize,
    /// Where `start` is in the bundle.
    offset: u64,
    /// Where the item that was handed out last is in the bundle.
    last: u64,
    items: u64,
    /// The item at `start` is known to have at least so many bytes.
    least: usize,
}

/// An error and where it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("item {item}, at byte {offset}: {error}")]
pub struct AtItem {
    /// From 1.
    pub item: u64,
    /// Where the item begins, in bytes from the beginning of the (uncompressed) bundle.
    pub offset: u64,
    /// What is wrong there.
    #[source]
    pub error: BundleError,
}

impl ItemReader {
    /// At the beginning of a bundle.
    pub fn new() -> ItemReader {
        ItemReader::default()
    }

    /// Gives it the bytes that come next.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next item, or `None` if more bytes are needed.
    ///
    /// # Errors
    /// What stands there is no item. Asked again, it says so again.
    pub fn next_item(&mut self) -> Result<Option<Item>, AtItem> {
        let bytes = &self.buffer[self.start..];
        if self.items == 0 {
            begins_a_bundle(bytes).map_err(|error| self.here(error))?;
        }
        if bytes.len() < self.least {
            return Ok(None);
        }
        let mut cursor = Cursor::new(bytes);
        match decode::item(&mut cursor) {
            Ok(item) => {
                self.last = self.offset;
                self.start += cursor.position();
                self.offset += cursor.position() as u64;
                self.items += 1;
                self.least = 1;
                Ok(Some(item))
            }
            Err(Stop::More { least }) => {
                self.least = least;
                Ok(None)
            }
            Err(Stop::Refused(error)) => Err(self.here(error)),
        }
    }

    /// The place of the item that was handed out last, for an error that somebody else found in it.
    pub fn locate(&self, error: BundleError) -> AtItem {
        AtItem { item: self.items, offset: self.last, error }
    }

    /// At the end of the input: was the last item handed out whole?
    ///
    /// # Errors
    /// The bytes end inside an item.
    pub fn finish(&self) -> Result<(), AtItem> {
        if self.start == self.buffer.len() { Ok(()) } else { Err(self.here(BundleError::CutOff)) }
    }

    /// The place of the next item.
    fn here(&self, error: BundleError) -> AtItem {
        AtItem { item: self.items + 1, offset: self.offset, error }
    }
}

/// So that another kind of file is called that, and not a bundle with some odd item.
fn begins_a_bundle(bytes: &[u8]) -> Result<(), BundleError> {
    // An array of two, then a text of 17 bytes: "treering.bundle/".
    const BEGIN: &[u8] = b"\x82\x71treering.bundle/";
    const { assert!(Header::VERSION.len() == 17) };
    let seen = bytes.len().min(BEGIN.len());
    if bytes[..seen] == BEGIN[..seen] { Ok(()) } else { Err(BundleError::NotABundle) }
}
