//! Asks a log, or a mirror of it, whether what a token ends in is still there: that the tree of its checkpoint is the beginning
//! of the newest tree, and that its entry stands in its place.
//!
//! ```text
//! newest checkpoint, verified ─▶ tiles ─▶ the older tree's root, proved to be in the newest ─▶ is it the token's?
//!                                     └▶ the entry's bundle, its leaf proved to be in the newest ─▶ is it the token's?
//! ```
//! Tiles are believed only as far as they hash to the newest checkpoint. So two verdicts are told apart: that what is served
//! doesn't fit (whoever serves it may be damaged), and that the log has *signed* two histories, which is proved to anybody.

mod evidence;

pub(crate) use evidence::Evidence;

use crate::{
    http::{Client, ClientError},
    judges::Judges,
};
use std::collections::HashMap;
use treering_tlog::{
    hash::{Hash, leaf_hash},
    note::{Note, NoteError},
    policy::{Opened, Policy, PolicyVerifyError},
    tile::{TILE_WIDTH, TileError, TileKind, TilePath, TileReader, split_entries, tiles_with},
    tree::{
        NodeId, NodeReader as _, ProofError, TreeHead, TreeSize, consistency_nodes, cover, inclusion_nodes,
        peaks, prove_consistency, prove_inclusion, root_from, verify_consistency, verify_inclusion,
    },
};
use treering_token::token::Token;

/// The newest tree, as it is served.
pub(crate) struct Audit<'a> {
    client: &'a Client,
    policy: &'a Policy,
    note: Note,
    opened: Opened,
    tiles: HashMap<TilePath, Vec<u8>>,
    /// Heads that were found to be its beginning.
    known: Vec<TreeHead>,
}

/// What is wrong, or could not be looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuditError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("what is served as the newest checkpoint is none: {0}")]
    NotACheckpoint(NoteError),
    #[error("no policy accepts what is served as the newest checkpoint: {0}")]
    Refused(PolicyVerifyError),
    #[error(
        "the newest checkpoint that is served ends at {newest}, and the token's at {size}: a mirror that is behind, or a log \
         that forgets; ask again later"
    )]
    Behind { newest: TreeSize, size: TreeSize },
    #[error(
        "the token is of the log {token:?}, and what is served is {served:?}; give that log's URL with --from"
    )]
    OtherLog { token: String, served: String },
    #[error("the token's own checkpoint is refused: {0}")]
    Token(PolicyVerifyError),
    #[error("what is served does not fit the newest checkpoint: {0}")]
    Tile(#[from] TileError),
    #[error("what is served does not fit the newest checkpoint: the tiles lead to another root ({0})")]
    Tiles(ProofError),
    #[error(
        "the log has SIGNED TWO HISTORIES: its tree of size {size} is not the beginning of its tree of size {newest}. Both \
         checkpoints are signed by it"
    )]
    Fork { size: TreeSize, newest: TreeSize, evidence: Box<Evidence> },
    #[error(
        "entry {index} as it is served is not the token's, though its hash is in the tree: whoever serves it has changed or \
         lost it"
    )]
    Entry { index: u64, evidence: Box<Evidence> },
}

impl AuditError {
    /// Was something found wrong, rather than not looked at?
    pub(crate) fn is_wrong(&self) -> bool {
        !matches!(self, AuditError::Client(_) | AuditError::Behind { .. } | AuditError::OtherLog { .. })
    }

    /// A stable name, for programs.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            AuditError::Client(_) => "unreachable",
            AuditError::NotACheckpoint(_) | AuditError::Refused(_) => "checkpoint_refused",
            AuditError::Behind { .. } => "behind",
            AuditError::OtherLog { .. } => "other_log",
            AuditError::Token(_) => "token_refused",
            AuditError::Tile(_) | AuditError::Tiles(_) => "tiles_wrong",
            AuditError::Fork { .. } => "two_histories",
            AuditError::Entry { .. } => "entry_wrong",
        }
    }

    /// What a third party can check.
    pub(crate) fn evidence(&self) -> Option<&Evidence> {
        match self {
            AuditError::Fork { evidence, .. } | AuditError::Entry { evidence, .. } => Some(evidence),
            _ => None,
        }
    }
}

impl<'a> Audit<'a> {
    /// Fetches the newest checkpoint; a policy must accept it.
    ///
    /// # Errors
    /// None does, or it can't be had.
    pub(crate) async fn new(client: &'a Client, judges: &'a Judges) -> Result<Audit<'a>, AuditError> {
        let note = Note::parse(&client.checkpoint().await?).map_err(AuditError::NotACheckpoint)?;
        let mut refusal = None;
        for policy in judges.policies() {
            match policy.open(note.clone()) {
                Ok(opened) => {
                    let (tiles, known) = (HashMap::new(), Vec::new());
                    return Ok(Audit { client, policy, note, opened, tiles, known });
                }
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        let origin = || PolicyVerifyError::UnknownLog { origin: String::new() };
        Err(AuditError::Refused(refusal.unwrap_or_else(origin)))
    }

    /// The newest checkpoint, and what its cosignatures come to under the policy.
    pub(crate) fn newest(&self) -> (&Opened, &Policy) {
        (&self.opened, self.policy)
    }

    /// Holds a token's (or receipt's) checkpoint and entry against the newest tree. That the token verifies is not looked at.
    ///
    /// # Errors
    /// What is found wrong, and what can't be had.
    pub(crate) async fn token(&mut self, token: &Token) -> Result<(), AuditError> {
        let note = &token.proof().checkpoint;
        let older = self.policy.open(note.clone()).map_err(AuditError::Token)?.checkpoint;
        if older.origin() != self.opened.checkpoint.origin() {
            return Err(AuditError::OtherLog {
                token: older.origin().to_string(),
                served: self.opened.checkpoint.origin().to_string(),
            });
        }
        if !self.known.contains(&older.head()) {
            self.consistent(older.head(), note).await?;
            self.known.push(older.head());
        }
        self.entry(token).await
    }

    /// Is the older tree the beginning of the newest?
    async fn consistent(&mut self, older: TreeHead, note: &Note) -> Result<(), AuditError> {
        let newest = self.opened.checkpoint.head();
        if older.size > newest.size {
            return Err(AuditError::Behind { newest: newest.size, size: older.size });
        }
        let nodes =
            [consistency_nodes(older.size, newest.size), peaks(older.size), cover(older.size, newest.size)];
        self.fetch(&nodes.concat()).await?;
        let mut reader = self.reader();
        // What the newest tree's first leaves come to: proved by the newest checkpoint, whatever the older one says.
        let root = root_from(&mut reader, older.size)?;
        let proof = prove_consistency(&mut reader, older.size, newest.size)?;
        let served = TreeHead { size: older.size, root };
        verify_consistency(&served, &newest, &proof).map_err(AuditError::Tiles)?;
        if root == older.root {
            return Ok(());
        }
        let mut hashes = reader.read(&peaks(older.size))?;
        hashes.extend(reader.read(&cover(older.size, newest.size))?);
        let evidence =
            Box::new(Evidence::fork(note, &self.note, older.size == newest.size, hashes, self.client.url()));
        Err(AuditError::Fork { size: older.size, newest: newest.size, evidence })
    }

    /// Does the newest tree have the entry in its place, and is it served?
    async fn entry(&mut self, token: &Token) -> Result<(), AuditError> {
        let newest = self.opened.checkpoint.head();
        let Some(index) = newest.size.leaf(token.index()) else {
            return Err(AuditError::Tiles(ProofError::Index));
        };
        self.fetch(&inclusion_nodes(index, newest.size)).await?;
        let path = prove_inclusion(&mut self.reader(), index, newest.size)?;
        verify_inclusion(&token.entry().leaf_hash(), index.get(), &newest, &path)
            .map_err(AuditError::Tiles)?;
        let width = u64::from(TILE_WIDTH);
        let bundle = index.get() / width;
        let within = (newest.size.get() - bundle * width).min(width);
        let tile =
            u16::try_from(within).ok().and_then(|within| TilePath::new(TileKind::Entries, bundle, within));
        let tile = tile.ok_or(TileError::Path)?;
        self.bring(tile).await?;
        let bytes = &self.tiles[&tile];
        let entries = split_entries(bytes, tile.width())?;
        let at = usize::try_from(index.get() % width).unwrap_or(usize::MAX);
        if entries.get(at).is_some_and(|entry| leaf_hash(entry) == token.entry().leaf_hash()) {
            return Ok(());
        }
        let evidence = Evidence::entry(
            &self.note,
            index.get(),
            token.entry().leaf_hash(),
            &path,
            tile,
            bytes,
            self.client.url(),
        );
        Err(AuditError::Entry { index: index.get(), evidence: Box::new(evidence) })
    }

    async fn fetch(&mut self, nodes: &[NodeId]) -> Result<(), AuditError> {
        for tile in tiles_with(nodes, self.opened.checkpoint.head().size) {
            self.bring(tile).await?;
        }
        Ok(())
    }

    async fn bring(&mut self, tile: TilePath) -> Result<(), AuditError> {
        if !self.tiles.contains_key(&tile) {
            // Tokens of one time share their tiles; thousands of times don't have to be held at once.
            if self.tiles.len() >= MAX_TILES {
                self.tiles.clear();
            }
            let bytes = self.client.tile(tile).await?.to_vec();
            self.tiles.insert(tile, bytes);
        }
        Ok(())
    }

    /// Over what was fetched.
    fn reader(&self) -> TileReader<impl FnMut(TilePath) -> Result<Vec<u8>, TileError> + '_> {
        let fetch = |tile: TilePath| self.tiles.get(&tile).cloned().ok_or(TileError::Path);
        TileReader::new(self.opened.checkpoint.head().size, fetch)
    }
}

/// 8 KB each, and somewhat more for entries.
const MAX_TILES: usize = 4_096;

/// The root over an older head's own bytes, for messages.
impl std::fmt::Debug for Audit<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Audit").field("of", &self.opened.checkpoint.origin()).finish_non_exhaustive()
    }
}

/// For evidence: hashes one after the other.
fn joined(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}
