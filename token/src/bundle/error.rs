//! What can be wrong with a bundle.

use super::{
    item::{Header, Item},
    walker::Walker,
};
use crate::{claim::ClaimError, token::TokenError};

/// Why a bundle, or a part of it, was refused. [`super::AtItem`] adds where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    // The encoding.
    /// Another kind of file.
    #[error("this is not a Treering bundle: a bundle begins with the text {version:?}", version = Header::VERSION)]
    NotABundle,
    /// An integer, a byte string, a tag or a simple value where an item should begin.
    #[error("an item is an array, a map, an unsigned integer or a text, and this is something else")]
    NotAnItem,
    /// Longer than [`Item::MAX_BYTES`], or claims to be.
    #[error("an item has at most {max} bytes, this one claims more", max = Item::MAX_BYTES)]
    TooLong,
    /// RFC 8949 section 4.2.1.
    #[error("an integer or length is not written in its shortest form")]
    NotShortest,
    /// RFC 8949 section 4.2.1.
    #[error("a length is left open, where only definite lengths are used")]
    OpenLength,
    /// RFC 8949 section 3: additional information 28 to 30.
    #[error("a CBOR head uses a reserved value")]
    ReservedHead,
    /// Another CBOR type than the field's.
    #[error("{field} must be {want}")]
    Type {
        /// What stands there.
        field: Field,
        /// What should.
        want: Want,
    },
    /// A byte string of fixed length.
    #[error("{field} has {got} bytes where {want} are needed")]
    Length {
        /// Which one.
        field: Field,
        /// The right length.
        want: usize,
        /// The claimed length.
        got: u64,
    },
    /// A byte string or text that is longer than allowed.
    #[error("{field} has {got} bytes where at most {max} are allowed")]
    Limit {
        /// Which one.
        field: Field,
        /// The limit.
        max: usize,
        /// The claimed length.
        got: u64,
    },
    /// Nothing, where something has to be or the whole field left out.
    #[error("{field} is empty")]
    Empty {
        /// Which one.
        field: Field,
    },
    /// A text of other bytes.
    #[error("{field} is not valid UTF-8")]
    Utf8 {
        /// Which one.
        field: Field,
    },
    /// A key that is not greater than the one before.
    #[error("in {field}, key {key} comes twice or out of order")]
    KeyOrder {
        /// Which map.
        field: Field,
        /// The key.
        key: u64,
    },
    /// A key that means nothing.
    #[error("in {field}, there is a key {key}, which means nothing there")]
    UnknownKey {
        /// Which map.
        field: Field,
        /// The key.
        key: u64,
    },
    /// The bytes end inside an item.
    #[error("the bundle ends inside an item: it was cut off")]
    CutOff,

    // Header, run header.
    /// A text in the header that is not [`Header::VERSION`].
    #[error("the bundle's version is another than {version:?}", version = Header::VERSION)]
    Version,
    /// Field 0 is not there.
    #[error("the run header does not begin with its blinding (key 0)")]
    NoBlinding,
    /// Field 0 is not 0, 1 or 2.
    #[error("the blinding is 0 (plain), 1 (from a secret) or 2 (own salts), and this is {0}")]
    UnknownBlinding(u64),
    /// Blinding 1 without field 1.
    #[error("the run is blinded from a secret, and its header has none")]
    NoSecret,
    /// Field 1 with blinding 0 or 2.
    #[error("the run's header has a secret, and its blinding uses none")]
    StraySecret,
    /// Blinding 0 with any other field.
    #[error("a plain run has no holder, agent, title, after note or key: they would not be stamped")]
    PlainRunHasFields,
    /// Field 6.
    #[error("the holder's key: {0}")]
    Key(#[source] ClaimError),

    // Records.
    /// An array that is no item.
    #[error("an array of {0} elements is no item: a header and a bare record have 2, a record has 4 or 5")]
    ArrayLength(u64),
    /// An array of two that begins with another integer than 2.
    #[error("a record of two elements is a bare one of kind 2, and this is of kind {0}")]
    BareKind(u64),
    /// An array of four or five that begins with another integer than 0 or 1.
    #[error("a record's kind is 0 (file) or 1 (symbolic link), and this is {0}")]
    UnknownKind(u64),
    /// A link's length is that of its target, which was read.
    #[error("the size of a symbolic link is the length of its target, and always known")]
    LinkSize,
    /// It begins with `/`.
    #[error("the path is absolute, where it must be relative")]
    PathAbsolute,
    /// `a//b`, `a/`, or an empty part.
    #[error("the path has an empty part")]
    PathEmptyPart,
    /// `.` or `..`.
    #[error("the path has a part \".\" or \"..\"")]
    PathDots,
    /// A zero byte.
    #[error("the path holds a zero byte")]
    PathNul,
    /// A single part that would be two.
    #[error("a part of the path holds a slash")]
    PathSlash,
    /// Digest 1 is not there.
    #[error("the record has no SHA-256 digest (key 1, the first)")]
    NoSha256,
    /// 0, or a truncated SHA-256.
    #[error("a digest has the id {0}, which is refused: 0 is reserved, 2 to 6 are truncated hashes")]
    DigestId(u64),
    /// Of another length than its algorithm's.
    #[error("the digest with the id {id} has a length of {got} bytes, which is not its algorithm's")]
    DigestLength {
        /// The hash id.
        id: u64,
        /// Its bytes.
        got: usize,
    },
    /// Names, salts or a signature in a plain run.
    #[error("a record of a plain run has names, a signature or salts: they would not be stamped")]
    PlainRecordHasOwn,
    /// More than SHA-256 in a plain run.
    #[error("a record of a plain run has more than its SHA-256 digest: the others would not be stamped")]
    PlainRecordHasDigests,
    /// What the run's header asks for.
    #[error("the record lacks {field}, which it needs under its run's header")]
    Missing {
        /// Which one.
        field: Field,
    },
    /// What the run's header has no use for.
    #[error("the record has {field}, which is of no use under its run's header")]
    Stray {
        /// Which one.
        field: Field,
    },
    /// An empty text where the header has none.
    #[error("the record takes away {field}, and its run's header has none")]
    TakesNothingAway {
        /// Which one.
        field: Field,
    },
    /// Field 7 of the claim.
    #[error("the signature of the record's claim does not verify")]
    BadSignature,
    /// A run without a key.
    #[error("there is nothing to sign: the run's header has no key")]
    NothingToSign,

    // The order.
    /// Something stands before the header.
    #[error("a bundle begins with its header, and this one with {item}")]
    FirstItem {
        /// What it begins with.
        item: &'static str,
    },
    /// A header that isn't the first item.
    #[error("the bundle has a second header")]
    SecondHeader,
    /// A record, mark or receipt with no run header before it.
    #[error("{item} comes before the first run header")]
    BeforeFirstRun {
        /// What comes.
        item: &'static str,
    },
    /// A record or mark behind a receipt of its run.
    #[error("{item} comes after the first receipt of its run")]
    AfterReceipts {
        /// What comes.
        item: &'static str,
    },
    /// A submission has 1 or more.
    #[error("a mark says 0 records, and a submission has at least one")]
    MarkZero,
    /// A mark with no record before it.
    #[error("a mark ends a submission without records")]
    EmptySubmission,
    /// Records were lost or added.
    #[error("a mark says {said} records, and there were {counted}")]
    MarkCount {
        /// By the mark.
        said: u64,
        /// By counting.
        counted: u64,
    },
    /// See [`Walker::MAX_SUBMISSIONS`].
    #[error("the run has more than {max} submissions", max = Walker::MAX_SUBMISSIONS)]
    TooManySubmissions,
    /// Receipts, another run or the end, where a mark is needed.
    #[error("the last records of the run ({records}) have no mark")]
    Unmarked {
        /// How many.
        records: u64,
    },
    /// Receipts, another run or the end, where a record is needed.
    #[error("the run has no record")]
    EmptyRun,

    // Receipts.
    /// It can't be read.
    #[error("a receipt: {0}")]
    Receipt(#[source] TokenError),
    /// It is a token.
    #[error("a receipt of a bundle has no opening, no after note and renews nothing")]
    ReceiptOpens,
    /// More of them than distinct roots.
    #[error("the run has more receipts than distinct submission roots ({want})")]
    TooManyReceipts {
        /// How many there should be.
        want: usize,
    },
    /// Fewer of them than distinct roots.
    #[error("the run has {have} receipts where {want} are needed, one for each distinct submission root")]
    MissingReceipts {
        /// How many there are.
        have: usize,
        /// How many there should be.
        want: usize,
    },
    /// The end, before anything.
    #[error("the bundle is empty")]
    NoHeader,
    /// The end, right after the header.
    #[error("the bundle has no run")]
    NoRun,
    /// A token can't hold what it has to.
    #[error("the token of this record cannot be made: {0}")]
    Cut(#[source] TokenError),
}

/// A part of an item, as messages name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is what its text below says")]
pub enum Field {
    Item,
    Version,
    Policy,
    Run,
    Blinding,
    Secret,
    Holder,
    Agent,
    Title,
    After,
    Key,
    Kind,
    Commitment,
    Path,
    Size,
    Digests,
    Sha256,
    Digest,
    Own,
    Signature,
    Salt,
    HolderSalt,
    AgentSalt,
    Mark,
    Receipt,
    MapKey,
    Claim,
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Field::Item => "an item",
            Field::Version => "the bundle's version",
            Field::Policy => "the header's policy",
            Field::Run => "the run header",
            Field::Blinding => "the run's blinding",
            Field::Secret => "the run's secret",
            Field::Holder => "the holder's name",
            Field::Agent => "the agent's name",
            Field::Title => "the title",
            Field::After => "the after note",
            Field::Key => "the holder's key",
            Field::Kind => "the record's kind",
            Field::Commitment => "the bare record's commitment",
            Field::Path => "the path",
            Field::Size => "the size",
            Field::Digests => "the record's digests",
            Field::Sha256 => "the SHA-256 digest",
            Field::Digest => "a digest",
            Field::Own => "what differs from the run's header",
            Field::Signature => "the signature",
            Field::Salt => "the claim's salt",
            Field::HolderSalt => "the holder's salt",
            Field::AgentSalt => "the agent's salt",
            Field::Mark => "a mark",
            Field::Receipt => "a receipt",
            Field::MapKey => "a map's key",
            Field::Claim => "the record's claim",
        })
    }
}

/// A CBOR type, as messages name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is what its text below says")]
pub enum Want {
    Unsigned,
    UnsignedOrMinusOne,
    Bytes,
    Text,
    Array,
    Map,
}

impl std::fmt::Display for Want {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Want::Unsigned => "an unsigned integer",
            Want::UnsignedOrMinusOne => "an unsigned integer, or -1 where it is not known",
            Want::Bytes => "a byte string",
            Want::Text => "a text",
            Want::Array => "an array",
            Want::Map => "a map",
        })
    }
}
