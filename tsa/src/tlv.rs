//! Elements of DER (X.690 sections 8.1 and 10.1) as slices of what was read, and the writing of them.
//!
//! `der`'s own types decode a value and encode it anew. Here the bytes themselves count: what is hashed, echoed or
//! cut out has to be what was received. One-byte tags, definite and minimal lengths below 2²⁴ (16 MB; nothing of
//! RFC 3161 comes near it). Nothing is copied and nothing recurses, so the cost is linear in what is looked at.

/// Why bytes are no DER element, or not the one that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DerError {
    /// An element reaches beyond the bytes that are there.
    #[error("an element is cut off")]
    Truncated,
    /// A length in BER's indefinite form, with needless bytes, or of more than three bytes.
    #[error("a length is not in DER's form, or is 16 MB or more")]
    Length,
    /// Another tag than the structure has here.
    #[error("tag {found:#04x} where {wanted:#04x} belongs")]
    Tag {
        /// The identifier byte that belongs here.
        wanted: u8,
        /// The one that is here.
        found: u8,
    },
    /// Bytes after the last element.
    #[error("there are bytes after the last element")]
    Trailing,
    /// A value that its type can't have, such as an empty INTEGER.
    #[error("a value of tag {0:#04x} is not in DER's form")]
    Value(u8),
}

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// `[number]` on a primitive (IMPLICIT INTEGER and the like).
pub(crate) const fn context(number: u8) -> u8 {
    0x80 | number
}

/// `[number]` on a constructed element (EXPLICIT, or IMPLICIT SEQUENCE and SET).
pub(crate) const fn constructed(number: u8) -> u8 {
    0xa0 | number
}

/// One element, as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// Tag, length and content.
    pub(crate) whole: &'a [u8],
}

/// Reads elements that stand one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Elements<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Elements<'a> {
        Elements { rest: bytes }
    }

    /// The one element of this tag that `bytes` is.
    pub(crate) fn only(bytes: &'a [u8], tag: u8) -> Result<Element<'a>, DerError> {
        let mut elements = Elements::new(bytes);
        let element = elements.take(tag)?;
        elements.end()?;
        Ok(element)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next element, whatever its tag.
    pub(crate) fn next(&mut self) -> Result<Element<'a>, DerError> {
        let &[tag, first, ref after @ ..] = self.rest else { return Err(DerError::Truncated) };
        if tag & 0x1f == 0x1f {
            return Err(DerError::Value(tag));
        }
        let (length, content) = length(first, after)?;
        let content = content.get(..length).ok_or(DerError::Truncated)?;
        // The header is two bytes and, in the long form, as many more as `length` has taken.
        let header = if first < 0x80 { 2 } else { 2 + usize::from(first & 0x7f) };
        let (whole, rest) = self.rest.split_at(header + length);
        self.rest = rest;
        Ok(Element { tag, content, whole })
    }

    /// The next element, which has this tag.
    pub(crate) fn take(&mut self, tag: u8) -> Result<Element<'a>, DerError> {
        match self.rest.first() {
            Some(&found) if found != tag => Err(DerError::Tag { wanted: tag, found }),
            _ => self.next(),
        }
    }

    /// The next element if it has this tag; `None` (and nothing read) if there is another or none.
    pub(crate) fn take_if(&mut self, tag: u8) -> Result<Option<Element<'a>>, DerError> {
        if self.rest.first() == Some(&tag) { self.next().map(Some) } else { Ok(None) }
    }

    /// Nothing may be left.
    pub(crate) fn end(&self) -> Result<(), DerError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DerError::Trailing) }
    }
}

/// The length that begins with `first`, and what comes after it.
fn length(first: u8, after: &[u8]) -> Result<(usize, &[u8]), DerError> {
    let count = match first {
        0..=0x7f => return Ok((usize::from(first), after)),
        0x81..=0x83 => usize::from(first & 0x7f),
        _ => return Err(DerError::Length),
    };
    let (bytes, content) = after.split_at_checked(count).ok_or(DerError::Truncated)?;
    let length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    // SPEC: X.690 section 10.1: the fewest bytes that hold the length.
    let fewest = if count == 1 { 0x80 } else { 1 << (8 * (count - 1)) };
    if length < fewest { Err(DerError::Length) } else { Ok((length, content)) }
}

/// An INTEGER's content has to have at least one byte and no needless one (X.690 section 8.3.2).
pub(crate) fn is_integer(content: &[u8]) -> bool {
    match content {
        [] => false,
        [0x00, second, ..] => *second >= 0x80,
        [0xff, second, ..] => *second < 0x80,
        _ => true,
    }
}

/// An OBJECT IDENTIFIER's content is arcs of base 128, each in its fewest bytes and none cut off (X.690 section 8.19).
pub(crate) fn is_oid(content: &[u8]) -> bool {
    let begins = |at: usize| at == 0 || content[at - 1] < 0x80;
    let minimal = (0..content.len()).all(|at| !(begins(at) && content[at] == 0x80));
    minimal && content.last().is_some_and(|last| *last < 0x80)
}

/// The shortest INTEGER content for a number that isn't negative, given as big-endian bytes.
pub(crate) fn unsigned_integer(big_endian: &[u8]) -> Vec<u8> {
    let start = big_endian.iter().position(|byte| *byte != 0).unwrap_or(big_endian.len());
    let digits = &big_endian[start..];
    let pad = digits.first().is_none_or(|first| *first >= 0x80);
    let mut content = Vec::with_capacity(digits.len() + 1);
    content.extend(pad.then_some(0));
    content.extend_from_slice(digits);
    content
}

/// Appends tag and length.
pub(crate) fn push_header(out: &mut Vec<u8>, tag: u8, length: usize) {
    out.push(tag);
    let bytes = length.to_be_bytes();
    match length {
        0..=0x7f => out.push(bytes[bytes.len() - 1]),
        _ => {
            let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
            // At most 8 bytes, so the count fits in the low bits.
            out.push(0x80 | u8::try_from(bytes.len() - start).expect("a length has at most 8 bytes"));
            out.extend_from_slice(&bytes[start..]);
        }
    }
}

/// How many bytes an element with a content of this length has.
pub(crate) fn whole_len(content: usize) -> usize {
    let long = if content < 0x80 { 0 } else { (usize::BITS - content.leading_zeros()).div_ceil(8) };
    2 + long as usize + content
}

/// Appends an element.
pub(crate) fn push(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    push_header(out, tag, content.len());
    out.extend_from_slice(content);
}

/// An element of these parts, one after the other.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(whole_len(length));
    push_header(&mut out, tag, length);
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_comes_back() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
            let bytes = element(OCTET_STRING, &[&vec![7; length]]);
            assert_eq!(bytes.len(), whole_len(length));
            let read = Elements::only(&bytes, OCTET_STRING).unwrap();
            assert_eq!((read.content.len(), read.whole), (length, &bytes[..]));
        }
    }

    #[test]
    fn other_forms_of_a_length_are_refused() {
        for bytes in [&[4, 0x80, 0, 0][..], &[4, 0x81, 1, 9], &[4, 0x82, 0, 0x80], &[4, 0x84, 0, 0, 0, 1, 9]]
        {
            assert_eq!(Elements::new(bytes).next(), Err(DerError::Length), "{bytes:02x?}");
        }
        for bytes in [&[][..], &[4], &[4, 1], &[4, 0x81], &[4, 0x83, 0xff, 0xff, 0xff]] {
            assert_eq!(Elements::new(bytes).next(), Err(DerError::Truncated), "{bytes:02x?}");
        }
        assert_eq!(Elements::only(&[5, 0, 5, 0], NULL), Err(DerError::Trailing));
        assert_eq!(Elements::only(&[4, 0], NULL), Err(DerError::Tag { wanted: NULL, found: OCTET_STRING }));
        assert_eq!(Elements::new(&[0x1f, 0x20, 0]).next(), Err(DerError::Value(0x1f)));
    }

    #[test]
    fn object_identifiers_are_arcs() {
        for content in [&[0x2b][..], &[0x2b, 0x0e], &[0x2b, 0x81, 0x00], &[0x88, 0x37, 0x01]] {
            assert!(is_oid(content), "{content:02x?}");
        }
        for content in [&[][..], &[0x80, 0x01], &[0x2b, 0x80, 0x01], &[0x2b, 0x81]] {
            assert!(!is_oid(content), "{content:02x?}");
        }
    }

    #[test]
    fn integers_are_minimal() {
        for (bytes, content) in
            [(&[][..], &[0][..]), (&[0, 0], &[0]), (&[0, 0x7f], &[0x7f]), (&[0x80], &[0, 0x80])]
        {
            assert_eq!(unsigned_integer(bytes), content);
            assert!(is_integer(content));
        }
        for content in [&[][..], &[0, 0x7f], &[0xff, 0x80]] {
            assert!(!is_integer(content), "{content:02x?}");
        }
    }
}
