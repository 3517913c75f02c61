//! The record's text: three lines, `treering-record/1`, the size in decimal, the root in base64.

use treering_tlog::{
    hash::Hash,
    tree::{TreeHead, TreeSize},
};

const FIRST_LINE: &str = "treering-record/1";

/// What [`print`] wrote; `None` if it is anything else.
pub(crate) fn parse(text: &str) -> Option<TreeHead> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let (first, size, root) = (lines.next()?, lines.next()?, lines.next()?);
    let head = TreeHead { size: TreeSize::parse(size)?, root: Hash::from_base64(root)? };
    (first == FIRST_LINE && lines.next().is_none()).then_some(head)
}

/// The text for this head.
pub(crate) fn print(head: &TreeHead) -> String {
    format!("{FIRST_LINE}\n{}\n{}\n", head.size, head.root.to_base64())
}
