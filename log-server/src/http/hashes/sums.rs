//! `text/plain`: the output of `sha256sum`, with or without `--tag`, line by line.
//!
//! `<64 hex digits>  name`, `<64 hex digits> *name`, either with a backslash in front where the name is escaped, or
//! `SHA256 (name) = <64 hex digits>`. Names are read over: the log never sees more of a file than its digest, and
//! nothing of a name is kept. Every line ends in a newline: a last line without one is refused, since a body that
//! lost its newlines on the way (`curl -d`) would otherwise count as one single hash.

use super::{
    super::refusal::{HexFault, Refusal, SumsFault},
    decoded,
};

/// A path of 4,096 bytes, each escaped, and some to spare.
const MAX_LINE: usize = 16_384;
const TAG: &[u8] = b"SHA256 (";
const EQUALS: &[u8] = b") = ";

/// A text body being read.
#[derive(Debug, Default)]
pub(super) struct Sums {
    lines: u64,
    /// The line that a chunk's end cut in two, at most [`MAX_LINE`] bytes.
    part: Vec<u8>,
}

impl Sums {
    pub(super) fn push(&mut self, mut chunk: &[u8], hashes: &mut Vec<[u8; 32]>) -> Result<(), Refusal> {
        while let Some(end) = chunk.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = (&chunk[..end], &chunk[end + 1..]);
            if self.part.is_empty() {
                hashes.push(self.checked(digest(line))?);
            } else {
                self.hold(line)?;
                hashes.push(self.checked(digest(&self.part))?);
                self.part.clear();
            }
            self.lines += 1;
            chunk = rest;
        }
        self.hold(chunk)
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        if self.part.len() + bytes.len() > MAX_LINE {
            return self.checked(Err(SumsFault::TooLong));
        }
        self.part.extend_from_slice(bytes);
        Ok(())
    }

    /// Says in which line a fault is.
    fn checked<T>(&self, result: Result<T, SumsFault>) -> Result<T, Refusal> {
        result.map_err(|fault| Refusal::SumsLine { line: self.lines + 1, fault })
    }

    pub(super) fn finish(&self) -> Result<(), Refusal> {
        if self.part.is_empty() { Ok(()) } else { self.checked(Err(SumsFault::Unended)) }
    }
}

/// The digest of one line, without its newline.
fn digest(line: &[u8]) -> Result<[u8; 32], SumsFault> {
    if line.len() > MAX_LINE {
        return Err(SumsFault::TooLong);
    }
    let line = line.strip_prefix(b"\\").unwrap_or(line);
    let digits = match line.strip_prefix(TAG) {
        Some(rest) => tagged(rest)?,
        None => untagged(line)?,
    };
    let digits: &[u8; 64] = digits.try_into().map_err(|_| HexFault::Length(digits.len()))?;
    match HexFault::of(digits) {
        Some(fault) => Err(fault.into()),
        None => Ok(decoded(digits)),
    }
}

/// What stands before the first space, if a separator and a name follow.
fn untagged(line: &[u8]) -> Result<&[u8], SumsFault> {
    let end = line.iter().position(|byte| *byte == b' ').ok_or(SumsFault::Form)?;
    match &line[end + 1..] {
        [b' ' | b'*', _, ..] => Ok(&line[..end]),
        _ => Err(SumsFault::Form),
    }
}

/// What stands behind the last `) = `, since a name may hold one too.
fn tagged(rest: &[u8]) -> Result<&[u8], SumsFault> {
    let at = rest.windows(EQUALS.len()).rposition(|window| window == EQUALS).ok_or(SumsFault::Form)?;
    if at == 0 { Err(SumsFault::Form) } else { Ok(&rest[at + EQUALS.len()..]) }
}
