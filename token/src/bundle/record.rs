//! Records: what a bundle says of each file.

use super::path::RelativePath;
use crate::{
    commitment::{Commitment, Salt},
    digest::Digests,
};

/// What the digests of a record are taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The file's bytes.
    File,
    /// A symbolic link: the bytes of its target.
    Link,
}

/// What a bundle says of one file: a CBOR array.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "bare records are few, and one record is held at a time: a box would cost an allocation each"
)]
pub enum Record {
    /// A file, or a symbolic link. Kind, path and size are not stamped.
    Path {
        /// File or link.
        kind: Kind,
        /// Where it lies, below what was stamped.
        path: RelativePath,
        /// Length in bytes of what the digests are of; `None` where only digests were given (a list of them), and the file
        /// was not read. Of a link it is always known.
        size: Option<u64>,
        /// Of the file's bytes, or of the link's target.
        digests: Digests,
        /// What differs from the run's header.
        own: Own,
    },
    /// A file no longer covered: only its place in the submission's tree is left.
    Bare(Commitment),
}

/// What differs from the run's header. Of a name or title, `None` stands for what the header has, and the empty text
/// for having none although the header has one.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Own {
    /// Another holder's name.
    pub holder: Option<String>,
    /// Another agent's name.
    pub agent: Option<String>,
    /// Another title.
    pub title: Option<String>,
    /// Over the claim, by the run's key: exactly when the header has one.
    pub signature: Option<[u8; 64]>,
    /// Blinds the claim: exactly when the run's records carry their own salts.
    pub salt: Option<Salt>,
    /// Blinds the holder's name: exactly when [`Own::salt`] is there and the record has a holder.
    pub holder_salt: Option<Salt>,
    /// Blinds the agent's name: exactly when [`Own::salt`] is there and the record has an agent.
    pub agent_salt: Option<Salt>,
}

impl Own {
    /// Nothing differs; such a one is not written.
    pub fn is_empty(&self) -> bool {
        let texts = [&self.holder, &self.agent, &self.title];
        let salts = [self.salt, self.holder_salt, self.agent_salt];
        self.signature.is_none() && texts.iter().all(|t| t.is_none()) && salts.iter().all(Option::is_none)
    }
}
