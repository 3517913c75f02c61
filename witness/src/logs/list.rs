//! The public witness network's list of logs, format `logs/v0`.
//!
//! ```text
//! # Comments and empty lines are left out.
//! logs/v0
//!
//! vkey log.example/2026+7d1d3b2c+AXk…
//! origin Example Log 2026
//! qpd 86400
//! contact operator@log.example
//! ```
//! After the header, each log is a `vkey` line and then, in this order and each at most once: `origin` (`none` or
//! absent: the key's name), `bastion` (`none` or a URL), `qpd` (requests a day), `contact` (text for people). Lines
//! end in a newline; no control characters.
//!
//! At most [`MAX_LOGS`] logs.
//!
//! `qpd` becomes the log's quota of cosignatures.
//!
//! What this does not do: `bastion` is checked in form, and nothing acts on it: it says through which bastion the log
//! reaches witnesses, which is this witness's own affair.

use std::num::NonZeroU64;

use treering_tlog::{
    checkpoint::Origin,
    note::{KeyError, VerifierKey},
};

use super::Candidate;

/// Where and why a list is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {kind}")]
pub struct ListError {
    /// From 1.
    pub line: usize,
    /// What is wrong there.
    pub kind: ListErrorKind,
}

/// Each refusal has a variant of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListErrorKind {
    /// Bytes that are no text.
    #[error("the list is not UTF-8")]
    Utf8,
    /// A carriage return, tab, NUL…
    #[error("the line holds a control character")]
    Control,
    /// The last line is not ended.
    #[error("the last line does not end in a newline")]
    Unterminated,
    /// Another format or version.
    #[error("a list begins with the line \"logs/v0\"")]
    Header,
    /// A field before the first vkey, unknown, repeated or out of order.
    #[error(
        "expected vkey, or after a vkey line: origin, bastion, qpd, contact, in this order and each at most once"
    )]
    Field,
    /// A field without a value.
    #[error("a field's name is followed by one space and its value")]
    Value,
    /// Not a key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Not an origin.
    #[error("an origin is one line of 1 to 255 bytes")]
    Origin,
    /// Not a count.
    #[error("qpd is a number of requests a day, from 1, without leading zeroes")]
    Qpd,
    /// More than [`MAX_LOGS`].
    #[error("there are more than {MAX_LOGS} logs; give the list in parts")]
    TooMany,
}

/// So many logs a list may have: each key's point is decoded, which takes as long as a hundred lines.
pub const MAX_LOGS: usize = 1_000;

/// The fields that may follow a `vkey` line, in their order.
const FIELDS: [&str; 4] = ["origin", "bastion", "qpd", "contact"];

/// Parses a list.
///
/// # Errors
/// The first line that is refused, and why.
pub fn parse(bytes: &[u8]) -> Result<Vec<Candidate>, ListError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        ListError { line, kind: ListErrorKind::Utf8 }
    })?;
    let mut parser = Parser { candidates: Vec::new(), has_header: false, next_field: FIELDS.len() };
    let (mut rest, mut last) = (text, 1);
    while !rest.is_empty() {
        let Some(end) = rest.bytes().position(|byte| byte == b'\n') else {
            return Err(ListError { line: last, kind: ListErrorKind::Unterminated });
        };
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        parser.line(line).map_err(|kind| ListError { line: last, kind })?;
        (rest, last) = (after, last + usize::from(!after.is_empty()));
    }
    if parser.has_header {
        Ok(parser.candidates)
    } else {
        Err(ListError { line: last, kind: ListErrorKind::Header })
    }
}

struct Parser {
    candidates: Vec<Candidate>,
    has_header: bool,
    /// The first of [`FIELDS`] that may still come for the present log.
    next_field: usize,
}

impl Parser {
    fn line(&mut self, line: &str) -> Result<(), ListErrorKind> {
        if line.is_empty() {
            return Ok(());
        }
        if line.chars().any(char::is_control) {
            return Err(ListErrorKind::Control);
        }
        if line.starts_with('#') {
            return Ok(());
        }
        if !self.has_header {
            self.has_header = line == "logs/v0";
            return if self.has_header { Ok(()) } else { Err(ListErrorKind::Header) };
        }
        let (field, value) = line.split_once(' ').ok_or(ListErrorKind::Value)?;
        if value.is_empty() {
            return Err(ListErrorKind::Value);
        }
        if field == "vkey" { self.vkey(value) } else { self.field(field, value) }
    }

    fn vkey(&mut self, value: &str) -> Result<(), ListErrorKind> {
        if self.candidates.len() == MAX_LOGS {
            return Err(ListErrorKind::TooMany);
        }
        let key = VerifierKey::parse(value)?;
        let origin = Origin::new(key.name().as_str()).map_err(|_| ListErrorKind::Origin)?;
        self.candidates.push(Candidate::new(origin, key));
        self.next_field = 0;
        Ok(())
    }

    fn field(&mut self, field: &str, value: &str) -> Result<(), ListErrorKind> {
        let place = FIELDS.iter().position(|known| *known == field).ok_or(ListErrorKind::Field)?;
        let candidate = self.candidates.last_mut().filter(|_| place >= self.next_field);
        let candidate = candidate.ok_or(ListErrorKind::Field)?;
        match field {
            "origin" if value != "none" => {
                candidate.origin = Origin::new(value).map_err(|_| ListErrorKind::Origin)?;
            }
            "qpd" => candidate.requests_per_day = Some(count(value).ok_or(ListErrorKind::Qpd)?),
            "contact" => candidate.contact = Some(value.to_owned()),
            _ => {}
        }
        self.next_field = place + 1;
        Ok(())
    }
}

fn count(value: &str) -> Option<NonZeroU64> {
    let is_canonical = !value.starts_with('0') && value.bytes().all(|byte| byte.is_ascii_digit());
    if is_canonical { value.parse().ok() } else { None }
}
