//! What the log keeps, and the steps in which it changes: one method a step of the pipeline, not a key-value API.
//!
//! Two kinds of promises:
//! - **Durable**: [`Store::accept`], [`Store::accept_grants`], [`Store::seal`], [`Store::keep_signed`], [`Store::keep_cosignatures`],
//!   [`Store::publish`], [`Store::freeze`], [`Store::close_window`] and [`Store::drop_batches`] return only when what they wrote survives a power cut.
//! - **Atomic**: each of these is there as a whole or not at all after a crash.
//!
//! An error of a write means that the state is unknown: the caller must end the process (a failed sync can't be
//! retried), and what is true is read anew at the next start. Reads return `Ok(None)` for what is not there, and an
//! error for what is there and damaged.

mod rocks;
#[cfg(test)]
mod tests;

pub use rocks::RocksStore;

use bytes::Bytes;
use std::{path::Path, sync::Arc};
use treering_tlog::{
    hash::Hash,
    note::{Note, Signature},
    tile::{TileKind, TilePath},
    time::UnixMillis,
    tree::{TreeHead, TreeSize},
};

/// The number that a submission gets when it is accepted; it only grows, and orders the submissions of a batch.
pub type Sequence = u64;

/// One accepted submission on its way into the store.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The submission root.
    pub root: Hash,
    /// The commitments of a submission sent with `tokens=true`.
    pub small: Option<Arc<[[u8; 32]]>>,
}

/// Commitments that came after their submission was sealed.
#[derive(Clone, Debug)]
pub struct Late {
    /// The entry that the submission is in.
    pub entry: u64,
    /// The submission root.
    pub root: Hash,
    /// The commitments.
    pub commitments: Arc<[[u8; 32]]>,
}

/// A submission that waits for its tick: what [`Store::load`] finds, and what memory keeps of an [`Accepted`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its place in the order of acceptance.
    pub sequence: Sequence,
    /// The submission root.
    pub root: Hash,
    /// How many commitments it keeps for single tokens (0 if it was not sent with `tokens=true`; at most 1,024).
    pub small: u16,
    /// Is it the last of the group that it was accepted with? A group's record goes with its last submission.
    pub ends_group: bool,
}

/// A timestamp token that was granted (RFC 3161): what the log keeps of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The token's serial number, unsigned and big-endian.
    pub serial: [u8; 16],
    /// What is stamped: SHA-256 of the token's SignerInfo without unsigned attributes.
    pub commitment: [u8; 32],
}

/// Grants that were made durable in one write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantGroup {
    /// Its place in the order of acceptance, among the groups that wait.
    pub number: u64,
    /// One or more, in order of acceptance.
    pub grants: Vec<Grant>,
}

/// Where a grant stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantPlace {
    /// The entry's index.
    pub entry: u64,
    /// The grant's index in the entry's tree of grants.
    pub index: u64,
    /// How many grants that tree has.
    pub size: TreeSize,
    /// What is stamped.
    pub commitment: [u8; 32],
}

/// The grants of one tick: the leaves of one submission.
#[derive(Debug)]
pub struct SealedGrants {
    /// The groups that the tick consumes, whole and in order.
    pub groups: Vec<GrantGroup>,
    /// The submission root: that of the tree over their commitments.
    pub root: Hash,
    /// The submission's index in the batch.
    pub position: u64,
    /// How many grants there are.
    pub size: TreeSize,
    /// The hash tiles of their tree.
    pub tiles: Vec<TileValue>,
}

/// A tile: of the log it is written whole each time, until it is full; of a batch once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileValue {
    /// Hash tile or entry bundle.
    pub kind: TileKind,
    /// The tile's index in its level.
    pub index: u64,
    /// All that the tile holds now.
    pub bytes: Vec<u8>,
}

/// All that one tick writes (INVARIANT 4: in one atomic, synced write).
#[derive(Debug)]
pub struct Tick {
    /// The head with the new entry.
    pub head: TreeHead,
    /// When the entry says that it was sealed.
    pub sealed_at: UnixMillis,
    /// The tiles that the entry changed.
    pub tiles: Vec<TileValue>,
    /// The hash tiles of the batch's own tree: leaves are its submissions, in order of acceptance.
    pub batch: Vec<TileValue>,
    /// The submissions that the tick consumes; their intake records go, their receipts' rows come.
    pub submissions: Vec<Waiting>,
    /// The grants that it consumes, if there are any.
    pub grants: Option<SealedGrants>,
}

impl Tick {
    /// The index of the entry that this tick makes.
    pub fn entry(&self) -> u64 {
        self.head.size.get().saturating_sub(1)
    }
}

/// Where a submission stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The entry's index.
    pub entry: u64,
    /// The submission's index in the entry's batch.
    pub position: u64,
}

/// A checkpoint of the past, as a restore finds it.
#[derive(Debug)]
pub struct Past {
    /// Its size.
    pub size: TreeSize,
    /// With the log's signature alone.
    pub signed: Note,
    /// All others that verify.
    pub cosignatures: Vec<Signature>,
    /// Do they meet the policy?
    pub published: bool,
}

/// What the pipeline has to know at its start.
#[derive(Debug)]
pub struct Loaded {
    /// The sealed head.
    pub head: TreeHead,
    /// `sealed_at` of the last entry.
    pub sealed_at: Option<UnixMillis>,
    /// Accepted, not sealed: in order of acceptance.
    pub waiting: Vec<Waiting>,
    /// The next number to give out.
    pub next_sequence: Sequence,
    /// Granted and made durable, not sealed: in order of acceptance.
    pub grants: Vec<GrantGroup>,
    /// The last checkpoint that was signed (with the log's signature alone).
    pub signed: Option<Note>,
    /// The size of the last checkpoint that was published.
    pub published: Option<TreeSize>,
    /// What the last refresh of the published head gave, if there was one.
    pub refreshed: Option<Note>,
    /// Entries below this one have their single tokens deleted, from the disk too.
    pub window_closed: u64,
    /// Entries below this one have their batches dropped.
    pub retained_from: u64,
    /// The size at which the log ended; nothing is ever added to it again.
    pub frozen: Option<TreeSize>,
}

/// Bytes that the engine holds in memory. Each part has a bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// What was written and stands in no table yet: at most 64 MiB.
    pub write_buffers: u64,
    /// Blocks that were read, with indexes and filters: at most `cache_mib`.
    pub cache: u64,
    /// What the open tables hold beside the cache: at most 512 are open.
    pub tables: u64,
}

/// The log's memory.
pub trait Store: Send + Sync + std::fmt::Debug + 'static {
    /// What the pipeline has to know at its start.
    fn load(&self) -> Result<Loaded, StoreError>;

    /// Makes a group of submissions durable, numbered from `first` on; they may be acknowledged when this returns.
    fn accept(&self, first: Sequence, group: &[Accepted]) -> Result<(), StoreError>;
    /// Makes a group of grants durable; their tokens may be given out when this returns.
    fn accept_grants(&self, group: &GrantGroup) -> Result<(), StoreError>;
    /// Seals a batch: everything in [`Tick`], in one atomic write.
    fn seal(&self, tick: &Tick) -> Result<(), StoreError>;
    /// Keeps a checkpoint with the log's signature, before anybody sees it.
    fn keep_signed(&self, size: TreeSize, note: &Note) -> Result<(), StoreError>;
    /// Adds the commitments of submissions that were sealed without them.
    fn keep_small(&self, late: &[Late]) -> Result<(), StoreError>;
    /// Adds cosignatures to a signed checkpoint. INVARIANT 9: the first one of a key stays.
    fn keep_cosignatures(&self, size: TreeSize, cosignatures: &[Signature]) -> Result<(), StoreError>;
    /// Marks a signed checkpoint as published, together with the cosignatures that allow it.
    fn publish(&self, size: TreeSize, cosignatures: &[Signature]) -> Result<(), StoreError>;
    /// Keeps the newest refresh of the published head: what `/checkpoint` shows after a restart.
    fn keep_refreshed(&self, note: &Note) -> Result<(), StoreError>;
    /// Deletes the commitments of entries below `entry`: gone from the disk when this returns true. False: they can no
    /// longer be read, but a file that held them is still there; to be called again.
    fn close_window(&self, entry: u64) -> Result<bool, StoreError>;
    /// Drops the batches of entries below `entry`.
    fn drop_batches(&self, entry: u64) -> Result<(), StoreError>;

    /// Marks the log as ended at this size; durable when it returns, and never taken back.
    fn freeze(&self, size: TreeSize) -> Result<(), StoreError>;

    /// The earliest place of each submission root at or after an entry, in their order. Looked up by all 32 bytes of the
    /// root's leaf hash: what a batch lists, so that a mirror's copy of the batches is enough to make the rows anew.
    fn positions(&self, wanted: &[(Hash, u64)]) -> Result<Vec<Option<Position>>, StoreError>;
    /// The same for one.
    fn position(&self, root: &Hash, at_or_after: u64) -> Result<Option<Position>, StoreError> {
        Ok(self.positions(&[(*root, at_or_after)])?.pop().flatten())
    }
    /// A tile or entry bundle, cut to the width that was asked for.
    fn tile(&self, path: TilePath) -> Result<Option<Bytes>, StoreError>;
    /// A hash tile of a batch's own tree, cut to the width that was asked for: a receipt is made from a few of them,
    /// however large its batch is.
    fn batch_tile(&self, entry: u64, path: TilePath) -> Result<Option<Bytes>, StoreError>;
    /// Where a grant stands, by all 16 bytes of its serial number.
    fn grant(&self, serial: &[u8; 16]) -> Result<Option<GrantPlace>, StoreError>;
    /// A hash tile of an entry's tree of grants, cut to the width that was asked for.
    fn grant_tile(&self, entry: u64, path: TilePath) -> Result<Option<Bytes>, StoreError>;
    /// The commitments of a submission sent with `tokens=true`, 32 bytes each.
    fn small(&self, entry: u64, root: &Hash) -> Result<Option<Bytes>, StoreError>;
    /// A signed checkpoint with all cosignatures that are kept.
    fn checkpoint(&self, size: TreeSize) -> Result<Option<Note>, StoreError>;
    /// Was a checkpoint of this size published?
    fn is_published(&self, size: TreeSize) -> Result<bool, StoreError>;
    /// The size of the earliest published checkpoint that covers an entry.
    fn first_published_over(&self, entry: u64) -> Result<Option<TreeSize>, StoreError>;

    /// Makes a copy of the store as it is at this moment, in a directory that must not exist yet.
    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        let _ = to;
        Err(StoreError::NoBackup)
    }

    /// How many bytes may still be written to the disk that the store is on.
    fn free_bytes(&self) -> Result<u64, StoreError>;

    /// What the engine holds in memory.
    fn memory(&self) -> Memory {
        Memory::default()
    }

    /// Has the engine met an error in the background? Then nothing that it says about durability counts any longer.
    fn health(&self) -> Result<(), StoreError>;

    /// Closes the store in order; writes after this are errors.
    fn close(&self);
}

/// Why the store could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The engine reported an error: after a write, what is on disk is unknown.
    #[error("the store failed at {step}: {source}")]
    Engine {
        /// What was being done.
        step: &'static str,
        /// What the engine says.
        source: rocksdb::Error,
    },
    /// A file operation beside the engine failed.
    #[error("the store failed at {step}: {source}")]
    File {
        /// What was being done.
        step: &'static str,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The engine met an error while it worked on its files.
    #[error("the store's engine reports {count} errors in the background")]
    Background {
        /// How many.
        count: u64,
    },
    /// Another process has the store open.
    #[error("the store {path} is in use by another process: only one log may write a history")]
    InUse {
        /// Where the store is.
        path: String,
    },
    /// The store belongs to another log.
    #[error("the store is of the log {found:?}, not of {wanted:?}")]
    OtherOrigin {
        /// Whose it is.
        found: String,
        /// Whose it should be.
        wanted: String,
    },
    /// The store has a former format.
    #[error(
        "the store has format {found}, and this program works on format {known}: `treering-log serve` brings it there, and \
         keeps a backup"
    )]
    Older {
        /// What the store says.
        found: u32,
        /// What would be right.
        known: u32,
    },
    /// The backup that a migration makes first is in the way, or the one that it goes on from is gone.
    #[error("the store is brought to format {to}: {what}")]
    Migration {
        /// The format.
        to: u32,
        /// What is in the way, and what to do.
        what: String,
    },
    /// The store has a format that this program does not know.
    #[error("the store has format {found}, and this program knows format {known}")]
    Format {
        /// What the store says.
        found: u32,
        /// What would be right.
        known: u32,
    },
    /// A record does not have the shape that was written.
    #[error("the store is damaged: {what}")]
    Damaged {
        /// Which record.
        what: String,
    },
    /// A tile does not have the bytes that its name says.
    #[error("the store is damaged: {0}")]
    Tile(#[from] treering_tlog::tile::TileError),
    /// A setting isn't what it has to be.
    #[error(
        "RocksDB runs with {name} = {found}, and has to with {wanted}: with it the log could lose or change its history"
    )]
    Setting {
        /// Its name in RocksDB's own file of options, behind that of its family.
        name: String,
        /// What RocksDB says.
        found: String,
        /// What would be right.
        wanted: String,
    },
    /// This kind of store makes no copies of itself.
    #[error("this store makes no backups")]
    NoBackup,
    /// An earlier write failed: nobody knows what is on the disk until it is opened anew.
    #[error("an earlier write failed: what is on the disk is unknown, and the process has to end")]
    Poisoned,
    /// Nothing is written to a store that was closed, nor to a copy that is only looked at.
    #[error("the store is closed, or only a copy to be read: nothing is written to it")]
    Closed,
}
