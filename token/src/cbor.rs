//! Strict, deterministic CBOR (RFC 8949 section 4.2.1) on top of minicbor.
//!
//! [`Reader`] reads one typed item after the other: definite lengths only, map keys that ascend and come once, no
//! tags, floats, booleans or null (nothing here wants them, so they are of the wrong type). What it hands out borrows
//! from the input, so no length is believed before its bytes are there; and every format here has a fixed depth, so
//! nothing recurses. Shortest integers and lengths are held by [`same`]: what was read is written again and must give
//! the very bytes that came in.

use minicbor::{Decoder, Encoder, data::Type};

/// Why some CBOR was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// The input ends before the value does.
    #[error("the CBOR ends in the middle of a value")]
    Truncated,
    /// The input goes on after the value.
    #[error("there are bytes after the end of the CBOR value")]
    Trailing,
    /// Another type of item stands here.
    #[error("{want} is wanted where there is {got}")]
    Type {
        /// What should be here.
        want: &'static str,
        /// What is here.
        got: &'static str,
    },
    /// An indefinite length, which deterministic CBOR does not have.
    #[error("{0} of indefinite length: deterministic CBOR says every length beforehand")]
    Indefinite(&'static str),
    /// The value could be read, but is not written in its only right form.
    #[error("this is not the deterministic encoding: integers and lengths take their shortest form")]
    NotDeterministic,
    /// A text string that is not UTF-8.
    #[error("a text string is not valid UTF-8")]
    Utf8,
    /// Keys out of order, or one that comes twice.
    #[error("the keys of a map must ascend, each once; key {0} is out of place")]
    KeyOrder(u64),
    /// A key that the format does not have.
    #[error("key {0} is not known in this map")]
    UnknownKey(u64),
    /// A key that the format asks for.
    #[error("key {0} is missing in this map")]
    MissingKey(u64),
    /// A byte string of a fixed length has another one.
    #[error("{want} bytes are wanted where there are {got}")]
    Length {
        /// How many there should be.
        want: usize,
        /// How many there are.
        got: usize,
    },
    /// An array of a fixed length has another one.
    #[error("an array of {want} items is wanted where there is one of {got}")]
    Items {
        /// How many there should be.
        want: u64,
        /// How many there are.
        got: u64,
    },
    /// An integer beyond 64 bits.
    #[error("an integer is beyond 64 bits")]
    Range,
}

impl CborError {
    /// A stable name, for programs.
    pub fn name(&self) -> &'static str {
        match self {
            CborError::Truncated => "cbor_truncated",
            CborError::Trailing => "cbor_trailing_bytes",
            CborError::Type { .. } => "cbor_type",
            CborError::Indefinite(_) => "cbor_indefinite_length",
            CborError::NotDeterministic => "cbor_not_deterministic",
            CborError::Utf8 => "cbor_utf8",
            CborError::KeyOrder(_) => "cbor_key_order",
            CborError::UnknownKey(_) => "cbor_unknown_key",
            CborError::MissingKey(_) => "cbor_missing_key",
            CborError::Length { .. } => "cbor_length",
            CborError::Items { .. } => "cbor_items",
            CborError::Range => "cbor_range",
        }
    }
}

/// Reads typed items from the front of some bytes.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'b> {
    decoder: Decoder<'b>,
}

/// What kind of item comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Uint,
    Negative,
    Bytes,
    Text,
    Array,
    Map,
    /// Tags, floats, simple values, a stray break.
    Other,
}

impl<'b> Reader<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Reader<'b> {
        Reader { decoder: Decoder::new(bytes) }
    }

    /// How many bytes were read so far.
    pub(crate) fn position(&self) -> usize {
        self.decoder.position()
    }

    /// What comes next; nothing is read.
    pub(crate) fn kind(&self) -> Result<Kind, CborError> {
        Ok(Kind::of(self.datatype()?))
    }

    pub(crate) fn uint(&mut self) -> Result<u64, CborError> {
        self.want(Kind::Uint)?;
        self.decoder.u64().map_err(|e| refusal(&e))
    }

    /// A signed integer of at most 64 bits.
    pub(crate) fn int(&mut self) -> Result<i64, CborError> {
        match self.kind()? {
            Kind::Uint | Kind::Negative => {}
            other => return Err(CborError::Type { want: "an integer", got: other.name() }),
        }
        let value = self.decoder.int().map_err(|e| refusal(&e))?;
        i64::try_from(value).map_err(|_| CborError::Range)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'b [u8], CborError> {
        self.want(Kind::Bytes)?;
        self.decoder.bytes().map_err(|e| refusal(&e))
    }

    /// A byte string of exactly `N` bytes.
    pub(crate) fn exact<const N: usize>(&mut self) -> Result<[u8; N], CborError> {
        let bytes = self.bytes()?;
        bytes.try_into().map_err(|_| CborError::Length { want: N, got: bytes.len() })
    }

    pub(crate) fn text(&mut self) -> Result<&'b str, CborError> {
        self.want(Kind::Text)?;
        self.decoder
            .str()
            .map_err(|e| if e.is_end_of_input() { CborError::Truncated } else { CborError::Utf8 })
    }

    /// The head of an array: how many items follow. Nothing may be allocated by this number before it is checked.
    pub(crate) fn array(&mut self) -> Result<u64, CborError> {
        self.want(Kind::Array)?;
        self.decoder.array().map_err(|e| refusal(&e))?.ok_or(CborError::Indefinite("an array"))
    }

    /// The head of an array of exactly so many items.
    pub(crate) fn array_of(&mut self, want: u64) -> Result<(), CborError> {
        let got = self.array()?;
        if got == want { Ok(()) } else { Err(CborError::Items { want, got }) }
    }

    /// The head of a map with unsigned keys: take them with [`Keys::next`].
    pub(crate) fn map(&mut self) -> Result<Keys, CborError> {
        Ok(Keys { left: self.map_len()?, last: None })
    }

    /// The head of a map: how many pairs follow.
    pub(crate) fn map_len(&mut self) -> Result<u64, CborError> {
        self.want(Kind::Map)?;
        self.decoder.map().map_err(|e| refusal(&e))?.ok_or(CborError::Indefinite("a map"))
    }

    /// The end of the input, or [`CborError::Trailing`].
    pub(crate) fn finish(&self) -> Result<(), CborError> {
        if self.position() == self.decoder.input().len() { Ok(()) } else { Err(CborError::Trailing) }
    }

    fn datatype(&self) -> Result<Type, CborError> {
        self.decoder.datatype().map_err(|e| refusal(&e))
    }

    fn want(&self, want: Kind) -> Result<(), CborError> {
        let datatype = self.datatype()?;
        match Kind::of(datatype) {
            got if got != want => Err(CborError::Type { want: want.name(), got: got.name() }),
            _ if is_indefinite(datatype) => Err(CborError::Indefinite(want.name())),
            _ => Ok(()),
        }
    }
}

/// The keys of a map that is being read.
#[derive(Debug)]
pub(crate) struct Keys {
    left: u64,
    last: Option<u64>,
}

impl Keys {
    /// The next key, whose value is then to be read; `None` at the map's end.
    pub(crate) fn next(&mut self, reader: &mut Reader<'_>) -> Result<Option<u64>, CborError> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        let key = reader.uint()?;
        if self.last.is_some_and(|last| key <= last) {
            return Err(CborError::KeyOrder(key));
        }
        (self.left, self.last) = (left, Some(key));
        Ok(Some(key))
    }
}

impl Kind {
    fn of(datatype: Type) -> Kind {
        match datatype {
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => Kind::Uint,
            Type::I8 | Type::I16 | Type::I32 | Type::I64 | Type::Int => Kind::Negative,
            Type::Bytes | Type::BytesIndef => Kind::Bytes,
            Type::String | Type::StringIndef => Kind::Text,
            Type::Array | Type::ArrayIndef => Kind::Array,
            Type::Map | Type::MapIndef => Kind::Map,
            _ => Kind::Other,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Uint => "an unsigned integer",
            Kind::Negative => "a negative integer",
            Kind::Bytes => "a byte string",
            Kind::Text => "a text string",
            Kind::Array => "an array",
            Kind::Map => "a map",
            Kind::Other => "a tag, float or simple value",
        }
    }
}

/// Writes items in their deterministic form. The caller brings map keys in order.
#[derive(Debug)]
pub(crate) struct Writer {
    encoder: Encoder<Vec<u8>>,
}

const VEC: &str = "writing to a Vec cannot fail";

impl Writer {
    pub(crate) fn new() -> Writer {
        Writer { encoder: Encoder::new(Vec::new()) }
    }

    pub(crate) fn uint(&mut self, value: u64) -> &mut Writer {
        self.encoder.u64(value).expect(VEC);
        self
    }

    pub(crate) fn int(&mut self, value: i64) -> &mut Writer {
        self.encoder.i64(value).expect(VEC);
        self
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) -> &mut Writer {
        self.encoder.bytes(value).expect(VEC);
        self
    }

    pub(crate) fn text(&mut self, value: &str) -> &mut Writer {
        self.encoder.str(value).expect(VEC);
        self
    }

    pub(crate) fn array(&mut self, items: usize) -> &mut Writer {
        self.encoder.array(items as u64).expect(VEC);
        self
    }

    pub(crate) fn map(&mut self, pairs: usize) -> &mut Writer {
        self.encoder.map(pairs as u64).expect(VEC);
        self
    }

    /// Appends an item that is encoded already.
    pub(crate) fn encoded(&mut self, item: &[u8]) -> &mut Writer {
        self.encoder.writer_mut().extend_from_slice(item);
        self
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.encoder.into_writer()
    }
}

/// INVARIANT: a value has one encoding: what was read, written again, is what came in.
pub(crate) fn same(received: &[u8], written: &[u8]) -> Result<(), CborError> {
    if received == written { Ok(()) } else { Err(CborError::NotDeterministic) }
}

fn is_indefinite(datatype: Type) -> bool {
    matches!(datatype, Type::BytesIndef | Type::StringIndef | Type::ArrayIndef | Type::MapIndef)
}

/// With the type known, all that can be wrong with a head is that it is cut off or has a reserved form.
fn refusal(error: &minicbor::decode::Error) -> CborError {
    if error.is_end_of_input() { CborError::Truncated } else { CborError::Range }
}

#[cfg(test)]
mod tests;
