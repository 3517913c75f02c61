//! From 32 bytes to a root, one Merkle path at a time (Treering spec, section "Layers").
//!
//! A layer takes 32 bytes of data and gives a root, which is the next layer's data; the last root is the batch root.
//! `layer = [path, [siblings]]` in CBOR: from the leaf upward, bit i of `path` (bit 0 is the least) is 1 if sibling i
//! stands on the left, and `path < 2^(number of siblings)`. Every bit is authenticated and there is one encoding.
//! Bounds: 1 to 16 layers, at most 63 siblings in each, at most 256 in all.

use crate::cbor::{CborError, Reader, Writer};
use treering_tlog::{
    hash::{Hash, leaf_hash, node_hash},
    tree::MerklePath,
};

/// One Merkle path: at most 63 siblings; `path < 2^(number of siblings)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    path: u64,
    siblings: Vec<Hash>,
}

impl Layer {
    /// A layer of these values, siblings from the leaf upward.
    ///
    /// # Errors
    /// More than 63 siblings, or bits of `path` beyond them.
    pub fn new(path: u64, siblings: Vec<Hash>) -> Result<Layer, LayerError> {
        if siblings.len() > Layers::MAX_SIBLINGS {
            return Err(LayerError::TooManySiblings(siblings.len()));
        }
        // INVARIANT: each bit of `path` has its sibling, so that every bit changes the root.
        if path >> siblings.len() != 0 {
            return Err(LayerError::Path);
        }
        Ok(Layer { path, siblings })
    }

    /// A leaf's path in a tree, as a layer.
    ///
    /// # Errors
    /// As [`Layer::new`]; no tree of fewer than 2⁶³ leaves gives one.
    pub fn from_path(path: MerklePath) -> Result<Layer, LayerError> {
        Layer::new(path.lefts, path.siblings)
    }

    /// Which siblings stand on the left.
    pub fn path(&self) -> u64 {
        self.path
    }

    /// From the leaf upward.
    pub fn siblings(&self) -> &[Hash] {
        &self.siblings
    }

    /// The root for this data: the leaf is SHA-256(0x00 ‖ data).
    pub fn root(&self, data: &Hash) -> Hash {
        self.siblings.iter().enumerate().fold(leaf_hash(data.as_bytes()), |node, (i, sibling)| {
            if self.path >> i & 1 == 1 { node_hash(sibling, &node) } else { node_hash(&node, sibling) }
        })
    }

    fn write(&self, writer: &mut Writer) {
        writer.array(2).uint(self.path).array(self.siblings.len());
        for sibling in &self.siblings {
            writer.bytes(sibling.as_bytes());
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Layer, LayerError> {
        reader.array_of(2)?;
        let path = reader.uint()?;
        let count = bounded(reader.array()?, Layers::MAX_SIBLINGS).map_err(LayerError::TooManySiblings)?;
        let mut siblings = Vec::with_capacity(count);
        for _ in 0..count {
            siblings.push(Hash::new(reader.exact()?));
        }
        Layer::new(path, siblings)
    }
}

/// 1 to 16 layers, 256 siblings in all, from the commitment to the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layers(Vec<Layer>);

impl Layers {
    /// So many layers at most.
    pub const MAX_LAYERS: usize = 16;
    /// So many siblings in a layer at most: a tree of up to 2⁶³ leaves.
    pub const MAX_SIBLINGS: usize = 63;
    /// So many siblings in all layers together at most: 8 KiB of hashes.
    pub const MAX_SIBLINGS_IN_ALL: usize = 256;

    /// These layers, the one nearest to the commitment first.
    ///
    /// # Errors
    /// None, more than 16, or more than 256 siblings in all.
    pub fn new(layers: Vec<Layer>) -> Result<Layers, LayerError> {
        if !(1..=Self::MAX_LAYERS).contains(&layers.len()) {
            return Err(LayerError::Count(layers.len()));
        }
        let in_all = layers.iter().map(|layer| layer.siblings.len()).sum();
        if in_all > Self::MAX_SIBLINGS_IN_ALL {
            return Err(LayerError::TooManySiblingsInAll(in_all));
        }
        Ok(Layers(layers))
    }

    /// From the commitment to the batch.
    pub fn as_slice(&self) -> &[Layer] {
        &self.0
    }

    /// The last layer's root: a batch root if all is well.
    pub fn root(&self, data: &Hash) -> Hash {
        self.0.iter().fold(*data, |data, layer| layer.root(&data))
    }

    /// These layers with one more below (nearer to the file).
    ///
    /// # Errors
    /// As [`Layers::new`].
    pub fn below(&self, first: Layer) -> Result<Layers, LayerError> {
        Layers::new(std::iter::once(first).chain(self.0.iter().cloned()).collect())
    }

    /// As a CBOR array of layers.
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.array(self.0.len());
        for layer in &self.0 {
            layer.write(writer);
        }
    }

    /// Reads what [`Layers::write`] writes. The caller holds the whole to its one encoding.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Layers, LayerError> {
        let count = bounded(reader.array()?, Self::MAX_LAYERS).map_err(LayerError::Count)?;
        let mut layers = Vec::with_capacity(count);
        for _ in 0..count {
            layers.push(Layer::read(reader)?);
        }
        Layers::new(layers)
    }
}

/// Why some layers were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayerError {
    /// Not the CBOR that is wanted.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// A layer is too long.
    #[error("a layer has at most 63 siblings, this one has {0}")]
    TooManySiblings(usize),
    /// A path bit without a sibling.
    #[error("the path has bits beyond the layer's siblings")]
    Path,
    /// Too few or too many layers.
    #[error("1 to 16 layers are wanted, there are {0}")]
    Count(usize),
    /// The layers are too long together.
    #[error("all layers together have at most 256 siblings, these have {0}")]
    TooManySiblingsInAll(usize),
}

impl LayerError {
    /// A stable name, for programs.
    pub fn name(&self) -> &'static str {
        match self {
            LayerError::Cbor(error) => error.name(),
            LayerError::TooManySiblings(_) => "layer_siblings",
            LayerError::Path => "layer_path",
            LayerError::Count(_) => "layer_count",
            LayerError::TooManySiblingsInAll(_) => "layer_siblings_in_all",
        }
    }
}

/// A count that something may be allocated by; the error is the count itself.
fn bounded(count: u64, max: usize) -> Result<usize, usize> {
    match usize::try_from(count) {
        Ok(count) if count <= max => Ok(count),
        other => Err(other.unwrap_or(usize::MAX)),
    }
}

#[cfg(test)]
mod tests;
