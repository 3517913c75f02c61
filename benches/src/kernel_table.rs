//! The root of 2^20 leaves of 32 bytes, on one core and on all: what one would write with the `sha2` crate,
//! `rs_merkle`, and our kernel on each path that this processor has.
//!
//! Sides are timed in turns, so that whatever else the machine does hits all of them, and each must give the same
//! root. Ratios count, absolute figures drift.

use std::{
    fmt,
    hint::black_box,
    num::NonZero,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rs_merkle::{Hasher, MerkleTree};
use sha2::{Digest as _, Sha256};
use treering_tlog::kernel::{Path, RootBuilder, parallel};

use crate::{
    commitments,
    scale::Scale,
    table::{Table, millis},
};

/// One way from leaf data to the root.
pub struct Side {
    /// What the row is called.
    pub name: String,
    /// Does it use all cores, or one?
    pub all_cores: bool,
    root: Root,
}

/// How one side did.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was timed.
    pub side: String,
    /// On so many cores.
    pub cores: usize,
    /// The fastest round.
    pub min: Duration,
    /// The round in the middle.
    pub median: Duration,
    /// How many times as fast as the `sha2` loop on as many cores, by the fastest rounds.
    pub ratio: f64,
}

/// All sides, the `sha2` loop first, on one core and then on all.
pub fn sides() -> Vec<Side> {
    let mut sides = Vec::new();
    for all_cores in [false, true] {
        let mut side = |name: String, root: Root| {
            sides.push(Side { name, all_cores, root });
        };
        side("sha2 loop".into(), on_cores(all_cores, sha2_loop));
        side("rs_merkle".into(), on_cores(all_cores, rs_merkle));
        for path in Path::all_here() {
            side(format!("kernel, {path}"), ours(all_cores, path));
        }
        if !all_cores {
            side("kernel, streamed".into(), Box::new(streamed));
        }
    }
    sides
}

impl Side {
    /// The root of these leaves, a power of two.
    pub fn root(&self, leaves: &[[u8; 32]]) -> [u8; 32] {
        (self.root)(leaves)
    }
}

impl fmt::Debug for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Side")
            .field("name", &self.name)
            .field("all_cores", &self.all_cores)
            .finish_non_exhaustive()
    }
}

/// Times all sides; many rounds, since one takes a fraction of a second.
pub fn run(scale: &Scale) -> Table {
    let (leaves, rounds) = scale.pick((1 << 20, 4 * scale.rounds()), (1 << 10, 1));
    table(leaves, &run_on(&commitments(leaves), rounds))
}

/// Times all sides on these leaves, a power of two, so many rounds (one at least).
///
/// # Panics
/// If a side has another root than the first.
pub fn run_on(leaves: &[[u8; 32]], rounds: usize) -> Vec<Row> {
    let sides = sides();
    let want = sides[0].root(leaves);
    let mut times = vec![Vec::new(); sides.len()];
    for _ in 0..rounds.max(1) {
        for (side, times) in sides.iter().zip(&mut times) {
            let start = Instant::now();
            let root = side.root(black_box(leaves));
            times.push(start.elapsed());
            assert_eq!(root, want, "{} has another root", side.name);
        }
    }
    rows(&sides, times)
}

fn table(leaves: u64, rows: &[Row]) -> Table {
    let columns = ["side", "cores", "median", "least", "× the sha2 loop, by the least"];
    let mut table = Table::new(&format!("Kernel: the root of {leaves} leaves"), &columns);
    for Row { side, cores, min, median, ratio } in rows {
        table.row(vec![
            side.clone(),
            cores.to_string(),
            millis(*median),
            millis(*min),
            format!("{ratio:.2}"),
        ]);
    }
    table
}

fn rows(sides: &[Side], times: Vec<Vec<Duration>>) -> Vec<Row> {
    let mut base = Duration::ZERO;
    let mut rows = Vec::new();
    for (side, mut times) in sides.iter().zip(times) {
        times.sort_unstable();
        let (min, median) = (times[0], times[times.len() / 2]);
        if side.name == "sha2 loop" {
            base = min;
        }
        let ratio = base.as_secs_f64() / min.as_secs_f64();
        let cores = if side.all_cores { cores() } else { 1 };
        rows.push(Row { side: side.name.clone(), cores, min, median, ratio });
    }
    rows
}

/// What one would write with the `sha2` crate: leaf hashes, then each level over the one below, in one buffer.
fn sha2_loop(leaves: &[[u8; 32]]) -> [u8; 32] {
    top(leaves.iter().map(|leaf| hash(&[&[0], leaf])).collect())
}

fn top(mut level: Vec<[u8; 32]>) -> [u8; 32] {
    let mut len = level.len();
    while len > 1 {
        len /= 2;
        for i in 0..len {
            level[i] = hash(&[&[1], &level[2 * i], &level[2 * i + 1]]);
        }
    }
    level[0]
}

fn rs_merkle(leaves: &[[u8; 32]]) -> [u8; 32] {
    let leaf_hashes: Vec<[u8; 32]> = leaves.iter().map(|leaf| hash(&[&[0], leaf])).collect();
    MerkleTree::<Rfc6962>::from_leaves(&leaf_hashes).root().expect("there are leaves")
}

/// From leaf data to the root.
type Root = Box<dyn Fn(&[[u8; 32]]) -> [u8; 32]>;

fn ours(all_cores: bool, path: Path) -> Root {
    if all_cores {
        Box::new(move |leaves| *parallel::root_on(path, leaves).as_bytes())
    } else {
        Box::new(move |leaves| *path.root(leaves).as_bytes())
    }
}

/// As a body comes in: pieces of 64 KiB less one leaf, so that they don't fit the tree.
fn streamed(leaves: &[[u8; 32]]) -> [u8; 32] {
    let mut builder = RootBuilder::new();
    leaves.chunks(2047).for_each(|piece| builder.push(piece));
    *builder.root().as_bytes()
}

/// A side for one core, or a share of the leaves at a time on each core and the few nodes above on one.
fn on_cores(all: bool, side: fn(&[[u8; 32]]) -> [u8; 32]) -> Root {
    if !all {
        return Box::new(side);
    }
    Box::new(move |leaves| {
        let shares: Vec<&[[u8; 32]]> = leaves.chunks(1 << 14).collect();
        let roots = Mutex::new(vec![[0; 32]; shares.len()]);
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(share) = shares.get(at) else { return };
                let root = side(share);
                roots.lock().expect("no thread panics")[at] = root;
            }
        };
        thread::scope(|scope| (0..cores()).for_each(|_| drop(scope.spawn(work))));
        top(roots.into_inner().expect("no thread panics"))
    })
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    parts.iter().fold(Sha256::new(), |hasher, part| hasher.chain_update(part)).finalize().into()
}

#[derive(Clone)]
struct Rfc6962;

impl Hasher for Rfc6962 {
    type Hash = [u8; 32];

    fn hash(data: &[u8]) -> [u8; 32] {
        hash(&[&[1], data])
    }

    fn concat_and_hash(left: &[u8; 32], right: Option<&[u8; 32]>) -> [u8; 32] {
        // Without the vectors of the default, which would be the larger part of its time.
        right.map_or(*left, |right| hash(&[&[1], left, right]))
    }
}

#[cfg(test)]
mod tests {
    use super::{run_on, sides};
    use crate::commitments;

    #[test]
    fn every_side_has_a_row() {
        let rows = run_on(&commitments(1 << 15), 1);
        assert_eq!(rows.len(), sides().len());
        for row in &rows {
            assert!(row.ratio > 0.0 && row.min <= row.median, "{row:?}");
        }
    }
}
