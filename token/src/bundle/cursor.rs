//! Reading deterministic CBOR out of bytes that may end anywhere.
//!
//! One pass that refuses what is not deterministic (RFC 8949 section 4.2.1) as soon as it shows: longer forms of an
//! integer, open lengths, claimed lengths beyond the limit. So there is no need to encode again and compare, and
//! "cut off" is told from "wrong", which the stream depends on. Nothing is allocated here, nothing recurses.

use super::{
    error::{BundleError, Field, Want},
    item::Item,
};

/// Why reading stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// The bytes end inside the item, which has at least so many.
    More { least: usize },
    /// No bytes behind these can make it right.
    Refused(BundleError),
}

impl From<BundleError> for Stop {
    fn from(error: BundleError) -> Stop {
        Stop::Refused(error)
    }
}

/// CBOR's major types (RFC 8949 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Major {
    Unsigned,
    Negative,
    Bytes,
    Text,
    Array,
    Map,
    Tag,
    Simple,
}

impl Major {
    fn of(first: u8) -> Major {
        match first >> 5 {
            0 => Major::Unsigned,
            1 => Major::Negative,
            2 => Major::Bytes,
            3 => Major::Text,
            4 => Major::Array,
            5 => Major::Map,
            6 => Major::Tag,
            _ => Major::Simple,
        }
    }
}

/// A place in the bytes of one item. INVARIANT: `at <= bytes.len()` and `at <= Item::MAX_BYTES`.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { bytes, at: 0 }
    }

    /// How many bytes were read.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The type of what comes next.
    pub(super) fn peek(&self) -> Result<Major, Stop> {
        match self.bytes.get(self.at) {
            Some(&first) => Ok(Major::of(first)),
            None => Err(Stop::More { least: self.at + 1 }),
        }
    }

    pub(super) fn unsigned(&mut self, field: Field) -> Result<u64, Stop> {
        self.expect(field, Major::Unsigned, Want::Unsigned)
    }

    /// The one negative integer that means something.
    pub(super) fn minus_one(&mut self, field: Field) -> Result<(), Stop> {
        match self.expect(field, Major::Negative, Want::UnsignedOrMinusOne)? {
            0 => Ok(()),
            _ => Err(BundleError::Type { field, want: Want::UnsignedOrMinusOne }.into()),
        }
    }

    /// How many elements the array has.
    pub(super) fn array(&mut self, field: Field) -> Result<u64, Stop> {
        self.expect(field, Major::Array, Want::Array)
    }

    /// The map's keys, to be taken one by one.
    pub(super) fn map(&mut self, field: Field) -> Result<Keys, Stop> {
        let left = self.expect(field, Major::Map, Want::Map)?;
        Ok(Keys { field, left, last: None })
    }

    /// A byte string of at most `max` bytes.
    pub(super) fn bytes(&mut self, field: Field, max: usize) -> Result<&'a [u8], Stop> {
        let got = self.expect(field, Major::Bytes, Want::Bytes)?;
        self.take(length(field, got, max)?)
    }

    /// A byte string of exactly `N` bytes.
    pub(super) fn exactly<const N: usize>(&mut self, field: Field) -> Result<[u8; N], Stop> {
        let got = self.expect(field, Major::Bytes, Want::Bytes)?;
        if got != N as u64 {
            return Err(BundleError::Length { field, want: N, got }.into());
        }
        let taken = self.take(N)?;
        Ok(taken.try_into().expect("N bytes were taken"))
    }

    /// A text of at most `max` bytes.
    pub(super) fn text(&mut self, field: Field, max: usize) -> Result<&'a str, Stop> {
        let got = self.expect(field, Major::Text, Want::Text)?;
        let taken = self.take(length(field, got, max)?)?;
        std::str::from_utf8(taken).map_err(|_| BundleError::Utf8 { field }.into())
    }

    /// Any one value of at most `max` bytes, whole, as its bytes.
    ///
    /// What is inside is counted and not descended into, so depth costs nothing: each value claims at least one byte.
    pub(super) fn value(&mut self, field: Field, max: usize) -> Result<&'a [u8], Stop> {
        let begin = self.at;
        let mut left: u64 = 1;
        while left > 0 {
            left -= 1;
            let (major, argument) = self.head()?;
            let inside = match major {
                Major::Unsigned | Major::Negative | Major::Simple => 0,
                Major::Bytes | Major::Text => {
                    self.take(length(field, argument, max)?)?;
                    0
                }
                Major::Tag => 1,
                Major::Array => argument,
                Major::Map => argument.saturating_mul(2),
            };
            left = left.saturating_add(inside);
            length(field, left.saturating_add((self.at - begin) as u64), max)?;
        }
        Ok(&self.bytes[begin..self.at])
    }

    fn expect(&mut self, field: Field, major: Major, want: Want) -> Result<u64, Stop> {
        if self.peek()? != major {
            return Err(BundleError::Type { field, want }.into());
        }
        let (_, argument) = self.head()?;
        Ok(argument)
    }

    /// SPEC: RFC 8949 section 4.2.1: the shortest form, definite lengths.
    fn head(&mut self) -> Result<(Major, u64), Stop> {
        let first = self.take(1)?[0];
        let (argument, shortest) = match first & 0x1f {
            info @ 0..=23 => (u64::from(info), true),
            24 => self.argument::<1>(24)?,
            25 => self.argument::<2>(1 << 8)?,
            26 => self.argument::<4>(1 << 16)?,
            27 => self.argument::<8>(1 << 32)?,
            31 => return Err(BundleError::OpenLength.into()),
            _ => return Err(BundleError::ReservedHead.into()),
        };
        if !shortest {
            return Err(BundleError::NotShortest.into());
        }
        Ok((Major::of(first), argument))
    }

    /// A big-endian integer of `N` bytes, and whether it is at least `least` (else fewer bytes would do).
    fn argument<const N: usize>(&mut self, least: u64) -> Result<(u64, bool), Stop> {
        let argument = self.take(N)?.iter().fold(0, |value, &byte| value << 8 | u64::from(byte));
        Ok((argument, argument >= least))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Stop> {
        // INVARIANT: the limit is held against what is claimed, before any of it is waited for.
        if count > Item::MAX_BYTES - self.at {
            return Err(BundleError::TooLong.into());
        }
        let end = self.at + count;
        let taken = self.bytes.get(self.at..end).ok_or(Stop::More { least: end })?;
        self.at = end;
        Ok(taken)
    }
}

/// The keys of a map still to come: unsigned integers, each greater than the one before.
#[derive(Debug)]
pub(super) struct Keys {
    field: Field,
    left: u64,
    last: Option<u64>,
}

impl Keys {
    /// The next key; its value comes next out of the cursor.
    pub(super) fn next(&mut self, cursor: &mut Cursor<'_>) -> Result<Option<u64>, Stop> {
        if self.left == 0 {
            return Ok(None);
        }
        let key = cursor.unsigned(Field::MapKey)?;
        if self.last.is_some_and(|last| key <= last) {
            return Err(BundleError::KeyOrder { field: self.field, key }.into());
        }
        self.left -= 1;
        self.last = Some(key);
        Ok(Some(key))
    }

    /// There was no key at all.
    pub(super) fn is_empty(&self) -> bool {
        self.left == 0 && self.last.is_none()
    }
}

fn length(field: Field, got: u64, max: usize) -> Result<usize, BundleError> {
    match usize::try_from(got) {
        Ok(length) if length <= max => Ok(length),
        _ => Err(BundleError::Limit { field, max, got }),
    }
}
