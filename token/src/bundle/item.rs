//! One item of a bundle, and its two ways: to bytes and back.

use super::{
    cursor::{Cursor, Stop},
    decode, encode,
    error::BundleError,
    record::Record,
    run::RunHeader,
};
use crate::token::Token;

/// First item: `["treering.bundle/1", policy]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// A copy of the policy that the stamping client used: a hint that nobody trusts.
    pub policy: Vec<u8>,
}

impl Header {
    /// The text that says what the file is, and in which version of the format.
    pub const VERSION: &str = "treering.bundle/1";
}

/// One item of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every item is a record, and one item is held at a time: a box would cost an allocation each"
)]
pub enum Item {
    /// Begins the bundle.
    Header(Header),
    /// Begins a run.
    Run(Box<RunHeader>),
    /// A file, a link, or only its place in the tree.
    Record(Record),
    /// After the last record of each submission: how many it had, 1 or more.
    Mark(u64),
    /// One for each submission root of the run, in the order of first appearance.
    Receipt(Box<Token>),
}

impl Item {
    /// No item is longer: the largest are a policy and a receipt of 1,000,000 bytes.
    pub const MAX_BYTES: usize = 1_100_000;

    /// Appends the item's bytes to `out`.
    ///
    /// The bytes of an item that was decoded are exactly those it was decoded from. What [`Item::decode`] would refuse
    /// (a mark of 0, a text that is too long) is written as it stands: [`super::Walker::step`] finds it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode::item(self, out).expect("writing to memory cannot fail");
    }

    /// Decodes the first item of `bytes`: the item and its length, or `None` if more bytes are needed.
    ///
    /// # Errors
    /// What stands there is no item of a bundle, or claims to be longer than [`Item::MAX_BYTES`]: no bytes behind it
    /// can make it right.
    pub fn decode(bytes: &[u8]) -> Result<Option<(Item, usize)>, BundleError> {
        let mut cursor = Cursor::new(bytes);
        match decode::item(&mut cursor) {
            Ok(item) => Ok(Some((item, cursor.position()))),
            Err(Stop::More { .. }) => Ok(None),
            Err(Stop::Refused(error)) => Err(error),
        }
    }

    /// What the item is called in messages.
    pub fn name(&self) -> &'static str {
        match self {
            Item::Header(_) => "a header",
            Item::Run(_) => "a run header",
            Item::Record(_) => "a record",
            Item::Mark(_) => "a mark",
            Item::Receipt(_) => "a receipt",
        }
    }
}
