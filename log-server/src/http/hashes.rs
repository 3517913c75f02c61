//! From a body's bytes, as they arrive, to a submission root: three formats, one way.
//!
//! Memory stays small whatever a body's length: the binary format keeps at most 31 bytes between chunks, JSON one
//! unfinished string, text one unfinished line; the tree keeps its right-hand edge. Only with `tokens=true` are the
//! commitments themselves kept, at most [`MAX_TOKENS`].

mod json;
mod octets;
mod sums;

use std::sync::Arc;

use treering_tlog::{hash::Hash, kernel::RootBuilder};

use super::refusal::Refusal;

/// Hashes in a submission with `tokens=true`.
pub const MAX_TOKENS: usize = 1024;

/// The formats of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// n × 32 bytes.
    Octets,
    /// `{"hashes": ["<hex>", …]}`.
    Json,
    /// The output of sha256sum.
    Sums,
}

impl Format {
    /// So many hashes a body of this length can have at most.
    pub(super) fn hashes_in(self, bytes: u64) -> u64 {
        bytes
            / match self {
                Format::Octets => 32,
                // The digits, two quotes, a comma.
                Format::Json => 67,
                // The digits, two characters, a name, a newline.
                Format::Sums => 68,
            }
    }
}

/// A whole body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gathered {
    pub(super) root: Hash,
    pub(super) count: u64,
    /// The commitments, if they were to be kept.
    pub(super) small: Option<Arc<[[u8; 32]]>>,
}

/// A body being read.
#[derive(Debug)]
pub(super) struct Hashes {
    decoder: Decoder,
    tree: Tree,
}

#[derive(Debug)]
enum Decoder {
    Octets(octets::Octets),
    Json(json::Json),
    Sums(sums::Sums),
}

impl Hashes {
    /// At most `limit` hashes; `keep` keeps them, and allows [`MAX_TOKENS`].
    pub(super) fn new(format: Format, limit: u64, keep: bool) -> Hashes {
        let decoder = match format {
            Format::Octets => Decoder::Octets(octets::Octets::default()),
            Format::Json => Decoder::Json(json::Json::default()),
            Format::Sums => Decoder::Sums(sums::Sums::default()),
        };
        Hashes { decoder, tree: Tree { builder: RootBuilder::new(), limit, small: keep.then(Vec::new) } }
    }

    pub(super) fn push(&mut self, chunk: &[u8]) -> Result<(), Refusal> {
        match &mut self.decoder {
            Decoder::Octets(decoder) => decoder.push(chunk, |hashes| self.tree.push(hashes)),
            Decoder::Json(decoder) => {
                let mut hashes = Vec::with_capacity(chunk.len() / 64 + 1);
                // What stands before a fault counts too: too many is said before what comes behind the limit.
                let result = decoder.push(chunk, &mut hashes);
                self.tree.push(&hashes).and(result)
            }
            Decoder::Sums(decoder) => {
                let mut hashes = Vec::with_capacity(chunk.len() / 64 + 1);
                let result = decoder.push(chunk, &mut hashes);
                self.tree.push(&hashes).and(result)
            }
        }
    }

    /// # Errors
    /// If the body ended within a hash, or held none.
    pub(super) fn finish(self) -> Result<Gathered, Refusal> {
        match &self.decoder {
            Decoder::Octets(decoder) => decoder.finish(),
            Decoder::Json(decoder) => decoder.finish(),
            Decoder::Sums(decoder) => decoder.finish(),
        }?;
        if self.tree.builder.is_empty() {
            return Err(Refusal::EmptyBody);
        }
        let Tree { builder, small, .. } = self.tree;
        Ok(Gathered { root: builder.root(), count: builder.len(), small: small.map(Arc::from) })
    }
}

/// The tree and what is kept of its leaves, within the limits.
#[derive(Debug)]
struct Tree {
    builder: RootBuilder,
    limit: u64,
    small: Option<Vec<[u8; 32]>>,
}

impl Tree {
    fn push(&mut self, hashes: &[[u8; 32]]) -> Result<(), Refusal> {
        let count = self.builder.len() + hashes.len() as u64;
        if self.small.is_some() && count > MAX_TOKENS as u64 {
            return Err(Refusal::TooManyForTokens { limit: MAX_TOKENS as u64 });
        }
        if count > self.limit {
            return Err(Refusal::TooManyHashes { limit: self.limit });
        }
        if let Some(small) = &mut self.small {
            small.extend_from_slice(hashes);
        }
        self.builder.push(hashes);
        Ok(())
    }
}

/// 64 digits that were checked one by one.
fn decoded(digits: &[u8; 64]) -> [u8; 32] {
    let mut hash = [0; 32];
    hex::decode_to_slice(digits, &mut hash).expect("the digits were checked, and there are 64");
    hash
}

#[cfg(test)]
mod tests;
