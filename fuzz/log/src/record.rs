//! The high-water record.

mod text;

use treering_tlog::tree::TreeHead;

/// The head that a record has.
pub fn parse(record: &str) -> Option<TreeHead> {
    text::parse(record)
}

/// A head's record.
pub fn print(head: &TreeHead) -> String {
    text::print(head)
}
