//! Reading a log that somebody else runs, for the monitor and the mirror: nothing of it is believed.
//!
//! | module | what it is |
//! |---|---|
//! | [`fetch`], `source` | bounded answers, from a log's URLs |
//! | `tiles` | the tree, each tile authenticated against its parents |
//! | `leaves` | leaf hashes and entries, at once |
//! | `batch` | a batch's hashes, as a stream, against its entry |

pub(crate) mod batch;
pub mod fetch;
pub(crate) mod leaves;
pub(crate) mod source;
pub(crate) mod tiles;
