//! The high-water record.

mod text;

pub use text::HighMark;

/// The head that a record has, and whether it is the last one.
pub fn parse(record: &str) -> Option<HighMark> {
    text::parse(record)
}

/// A head's record.
pub fn print(mark: &HighMark) -> String {
    text::print(mark)
}
