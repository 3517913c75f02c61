//! The record's text: three lines, `treering-record/1`, the size in decimal, the root in base64; and a fourth one, `ended`, once
//! the log has ended. A program from before that line refuses such a record.

use treering_tlog::{
    hash::Hash,
    tree::{TreeHead, TreeSize},
};

const FIRST_LINE: &str = "treering-record/1";
const LAST_LINE: &str = "ended";

/// The newest head that a log may ever have signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HighMark {
    /// Its size and root.
    pub head: TreeHead,
    /// Is it the log's last one, for ever?
    pub ended: bool,
}

/// What [`print`] wrote; `None` if it is anything else.
pub(crate) fn parse(text: &str) -> Option<HighMark> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let (first, size, root) = (lines.next()?, lines.next()?, lines.next()?);
    let head = TreeHead { size: TreeSize::parse(size)?, root: Hash::from_base64(root)? };
    let last = lines.next();
    let whole = first == FIRST_LINE && last.is_none_or(|line| line == LAST_LINE) && lines.next().is_none();
    whole.then_some(HighMark { head, ended: last.is_some() })
}

/// The text for this head.
pub(crate) fn print(mark: &HighMark) -> String {
    let HighMark { head, ended } = mark;
    let last = if *ended { format!("{LAST_LINE}\n") } else { String::new() };
    format!("{FIRST_LINE}\n{}\n{}\n{last}", head.size, head.root.to_base64())
}
