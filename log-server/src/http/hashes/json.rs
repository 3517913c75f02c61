//! `application/json`: exactly `{"hashes": ["<64 lowercase hex digits>", …]}`, white space as JSON has it (RFC 8259).
//!
//! Read as a stream, one byte after the other: a general JSON reader would hold the body in memory. A string with
//! escapes is refused as no hash, since hex digits need none.

use super::{
    super::refusal::{HexFault, Refusal},
    decoded,
};

const KEY: &[u8; 8] = b"\"hashes\"";

/// What comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// `{`
    #[default]
    Object,
    /// The key, of which so many bytes have come.
    Key(usize),
    /// `:`
    Colon,
    /// `[`
    Array,
    /// A string, or `]` right after `[`.
    FirstHash,
    /// A string after a comma.
    Hash,
    /// Within a string.
    Digits,
    /// `,` or `]`
    AfterHash,
    /// `}`
    Close,
    /// Only white space.
    End,
}

/// A JSON body being read.
#[derive(Debug)]
pub(super) struct Json {
    state: State,
    offset: u64,
    index: u64,
    digits: [u8; 64],
    held: usize,
}

impl Default for Json {
    fn default() -> Json {
        Json { state: State::Object, offset: 0, index: 0, digits: [0; 64], held: 0 }
    }
}

impl Json {
    pub(super) fn push(&mut self, chunk: &[u8], hashes: &mut Vec<[u8; 32]>) -> Result<(), Refusal> {
        for byte in chunk {
            self.state = self.step(*byte, hashes)?;
            self.offset += 1;
        }
        Ok(())
    }

    fn step(&mut self, byte: u8, hashes: &mut Vec<[u8; 32]>) -> Result<State, Refusal> {
        match (self.state, byte) {
            (State::Digits, b'"') => self.end_hash(hashes),
            (State::Digits, _) => self.digit(byte),
            (State::Key(at), _) if at > 0 && byte == KEY[at] => {
                Ok(if at + 1 == KEY.len() { State::Colon } else { State::Key(at + 1) })
            }
            (State::Key(1..), _) => Err(self.refused()),
            (state, b' ' | b'\t' | b'\n' | b'\r') => Ok(state),
            (State::Object, b'{') => Ok(State::Key(0)),
            (State::Key(_), b'"') => Ok(State::Key(1)),
            (State::Colon, b':') => Ok(State::Array),
            (State::Array, b'[') => Ok(State::FirstHash),
            (State::FirstHash | State::Hash, b'"') => {
                self.held = 0;
                Ok(State::Digits)
            }
            (State::FirstHash | State::AfterHash, b']') => Ok(State::Close),
            (State::AfterHash, b',') => Ok(State::Hash),
            (State::Close, b'}') => Ok(State::End),
            _ => Err(self.refused()),
        }
    }

    fn digit(&mut self, byte: u8) -> Result<State, Refusal> {
        if let Some(fault) = HexFault::of_digit(byte) {
            return Err(self.no_hash(fault));
        }
        if self.held == self.digits.len() {
            return Err(self.no_hash(HexFault::TooLong));
        }
        self.digits[self.held] = byte;
        self.held += 1;
        Ok(State::Digits)
    }

    fn end_hash(&mut self, hashes: &mut Vec<[u8; 32]>) -> Result<State, Refusal> {
        if self.held != self.digits.len() {
            return Err(self.no_hash(HexFault::Length(self.held)));
        }
        hashes.push(decoded(&self.digits));
        self.index += 1;
        Ok(State::AfterHash)
    }

    fn no_hash(&self, fault: HexFault) -> Refusal {
        Refusal::JsonHash { index: self.index, fault }
    }

    fn refused(&self) -> Refusal {
        let expected = match self.state {
            State::Object => "\"{\"",
            State::Key(_) => "the key \"hashes\" and no other",
            State::Colon => "\":\"",
            State::Array => "\"[\"",
            State::FirstHash => "a string or \"]\"",
            State::Hash => "a string",
            State::Digits => "the end of a string",
            State::AfterHash => "\",\" or \"]\"",
            State::Close => "\"}\" (there is no other member)",
            State::End => "the end of the body",
        };
        Refusal::Json { offset: self.offset, expected }
    }

    pub(super) fn finish(&self) -> Result<(), Refusal> {
        match self.state {
            State::End => Ok(()),
            // Nothing but white space is a body without a hash, not a broken one.
            State::Object => Err(Refusal::EmptyBody),
            _ => Err(self.refused()),
        }
    }
}
