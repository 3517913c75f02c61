//! The evidence for a whole tree of files in one CBOR sequence (RFC 8742), read and written as a stream.
//!
//! Defined in the Treering spec, bundle. The items, each deterministic CBOR (RFC 8949 section 4.2.1):
//!
//! | item | shape |
//! |---|---|
//! | [`Header`], once, first | `["treering.bundle/1", policy]` |
//! | [`RunHeader`], begins a run | map `{0: blinding, 1: secret, 2: holder, 3: agent, 4: title, 5: after note, 6: key}` |
//! | [`Record`] | `[kind, path, size, digests]`, `[kind, path, size, digests, own]`, or bare: `[2, commitment]`; size −1: not known |
//! | mark, after each submission's last record | how many records it had, an unsigned integer |
//! | receipt, one for each distinct submission root of the run | a text, the whole tlog-proof |
//!
//! [`ItemReader`] turns bytes into items, however they are cut; [`Walker`] follows the items' order, turns records
//! into commitments and recomputes the submission roots, and says which root each receipt must be for. Both need
//! memory for the largest item and the number of submissions, never for the number of records.
//!
//! Nothing is proved by walking alone: the caller verifies each receipt for the root that the walker names
//! ([`crate::verify::Verifier::receipt`]) and holds the files against the records' digests. Kind, path and size of a
//! record are not stamped, and the header's policy is a hint that nobody trusts. No I/O: callers bring bytes.

mod cursor;
mod cut;
mod decode;
mod encode;
mod error;
mod item;
mod opener;
mod path;
mod reader;
mod record;
mod rewrite;
mod run;
mod walker;

pub use cut::{Disclose, SubmissionTree, cut};
pub use error::{BundleError, Field, Want};
pub use item::{Header, Item};
pub use opener::{Opened, Opener};
pub use path::RelativePath;
pub use reader::{AtItem, ItemReader};
pub use record::{Kind, Own, Record};
pub use rewrite::{Outline, Rewriter, Salts};
pub use run::{Blinding, RunHeader};
pub use walker::{Step, Walker};
