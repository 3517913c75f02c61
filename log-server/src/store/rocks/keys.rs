//! The layout of the column families: which bytes stand where. Numbers are big-endian, so that order of bytes is
//! order of numbers.

use treering_tlog::{hash::Hash, note::Signature, tile::TileKind, tree::TreeSize};

/// The column families, one a kind of record.
pub(super) const FAMILIES: [&str; 8] = [INTAKE, TILES, BATCHES, RECEIPTS, SMALL, GRANTS, CHECKPOINTS, META];
/// Sequence of a group's last submission (8) → for each of the group: root (32) ‖ number of commitments (2).
/// Sequence (8) ‖ 1 → the commitments of a submission sent with `tokens=true` (32 each).
pub(super) const INTAKE: &str = "intake";
/// level (1; 255 for entry bundles) ‖ index (8) → the tile's bytes so far.
pub(super) const TILES: &str = "tiles";
/// entry (8) ‖ level (1) ‖ index (8) → a tile of the batch's tree (32 bytes a hash).
pub(super) const BATCHES: &str = "batches";
/// leaf hash of a submission root (32) ‖ entry (8) → position (8).
pub(super) const RECEIPTS: &str = "receipts";
/// entry (8) ‖ root (32) → commitments (32 each).
pub(super) const SMALL: &str = "small";
/// `p` ‖ group's number (8) → serial (16) ‖ commitment (32) of each grant that waits for its tick;
/// `s` ‖ serial (16) → entry (8) ‖ index (8) ‖ number of the entry's grants (8) ‖ commitment (32);
/// `t` ‖ entry (8) ‖ level (1) ‖ index (8) → a tile of the entry's tree of grants (32 bytes a hash). These keys are last.
pub(super) const GRANTS: &str = "grants";
/// `s` ‖ size (8) → signed note; `c` ‖ size (8) ‖ key ID (4) ‖ key name → signature line; `p` ‖ size (8) → nothing.
pub(super) const CHECKPOINTS: &str = "checkpoints";
/// Name → value, see the constants below.
pub(super) const META: &str = "meta";

/// The version of this layout (4 bytes). `migrate` knows the former ones.
pub(super) const META_FORMAT: &[u8] = b"format";
/// The format (4 bytes) that is being left, until all of it is in the one that [`META_FORMAT`] names.
pub(super) const META_MIGRATING: &[u8] = b"migrating";
/// The log's origin.
pub(super) const META_ORIGIN: &[u8] = b"origin";
/// size (8) ‖ root (32) ‖ sealed_at (8; 0 for the empty log) ‖ next sequence (8).
pub(super) const META_HEAD: &[u8] = b"head";
/// The newest refreshed note.
pub(super) const META_REFRESHED: &[u8] = b"refreshed";
/// entry (8).
pub(super) const META_WINDOW_CLOSED: &[u8] = b"window_closed";
/// entry (8).
pub(super) const META_RETAINED_FROM: &[u8] = b"retained_from";

/// The size at which the log ended (8); not there while it lives. A program from before this record does not know it and
/// would go on: none was ever released.
pub(super) const META_FROZEN: &[u8] = b"frozen";

/// Where the commitments of a pending submission stand.
pub(super) fn intake_commitments(sequence: u64) -> [u8; 9] {
    let mut key = [1; 9];
    key[..8].copy_from_slice(&sequence.to_be_bytes());
    key
}

pub(super) fn tile(kind: TileKind, index: u64) -> [u8; 9] {
    let level = match kind {
        TileKind::Hashes(level) => level.get(),
        TileKind::Entries => u8::MAX,
    };
    let mut key = [0; 9];
    key[0] = level;
    key[1..].copy_from_slice(&index.to_be_bytes());
    key
}

pub(super) fn batch_tile(entry: u64, kind: TileKind, index: u64) -> [u8; 17] {
    let mut key = [0; 17];
    key[..8].copy_from_slice(&entry.to_be_bytes());
    key[8..].copy_from_slice(&tile(kind, index));
    key
}

/// Where a group of grants that wait for their tick stands.
pub(super) fn waiting_grants(number: u64) -> [u8; 9] {
    marked(WAITING_GRANTS, number)
}

/// The first byte of [`waiting_grants`].
pub(super) const WAITING_GRANTS: u8 = b'p';

pub(super) fn grant(serial: &[u8; 16]) -> [u8; 17] {
    let mut key = [GRANT_ROW; 17];
    key[1..].copy_from_slice(serial);
    key
}

/// The first byte of [`grant`].
pub(super) const GRANT_ROW: u8 = b's';

pub(super) fn grant_tile(entry: u64, kind: TileKind, index: u64) -> [u8; 18] {
    let mut key = [0; 18];
    key[..9].copy_from_slice(&grant_tiles(entry));
    key[9..].copy_from_slice(&tile(kind, index));
    key
}

/// The beginning of the keys of all tiles of an entry's tree of grants.
pub(super) fn grant_tiles(entry: u64) -> [u8; 9] {
    marked(b't', entry)
}

pub(super) fn receipt(leaf: &Hash, entry: u64) -> [u8; 40] {
    let mut key = [0; 40];
    key[..32].copy_from_slice(leaf.as_bytes());
    key[32..].copy_from_slice(&entry.to_be_bytes());
    key
}

pub(super) fn small(entry: u64, root: &Hash) -> [u8; 40] {
    let mut key = [0; 40];
    key[..8].copy_from_slice(&entry.to_be_bytes());
    key[8..].copy_from_slice(root.as_bytes());
    key
}

pub(super) fn signed(size: TreeSize) -> [u8; 9] {
    sized(b's', size)
}

pub(super) fn published(size: TreeSize) -> [u8; 9] {
    sized(b'p', size)
}

/// The beginning of the keys of all cosignatures of one size.
pub(super) fn cosignatures(size: TreeSize) -> [u8; 9] {
    sized(b'c', size)
}

pub(super) fn cosignature(size: TreeSize, line: &Signature) -> Vec<u8> {
    let mut key = cosignatures(size).to_vec();
    key.extend_from_slice(&line.id().0.to_be_bytes());
    key.extend_from_slice(line.name().as_str().as_bytes());
    key
}

/// The size in a key made by [`signed`] or [`published`].
pub(super) fn size_of(key: &[u8]) -> Option<TreeSize> {
    TreeSize::new(number(key.get(1..)?)?)
}

/// Eight big-endian bytes, and nothing else.
pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

fn sized(kind: u8, size: TreeSize) -> [u8; 9] {
    marked(kind, size.get())
}

fn marked(kind: u8, number: u64) -> [u8; 9] {
    let mut key = [kind; 9];
    key[1..].copy_from_slice(&number.to_be_bytes());
    key
}
