//! What a parser may take, and what it takes.

use std::{
    hint::black_box,
    sync::{
        LazyLock,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::time::{ClockId, clock_gettime};
use treering_tlog::hash::sha256;

/// What is measured.
pub(crate) const MB: usize = 1_000_000;
/// What is demanded of a megabyte, by `--strict`: milliseconds.
const MOST: f64 = 10.0;
/// What any machine must keep: so many times what a megabyte's SHA-256 takes on the same one (0.5 ms with SHA
/// instructions, 4 without). The worst parser takes fifteen times that on one machine and more on the next, whose processor is as
/// good at hashing and worse at reading, or has a neighbour in its caches; what this finds is a cost that grows faster than its input.
const MOST_TIMES: f64 = 100.0;
/// So many runs, of which the fastest counts: what other programs do makes a run slower, and never faster.
const RUNS: u32 = 5;
/// So often at most, until one of them stayed within it.
const ROUNDS: u32 = 10;

static TOO_SLOW: AtomicBool = AtomicBool::new(false);
static STRICT: AtomicBool = AtomicBool::new(false);

/// From now on ten milliseconds are the limit.
pub(crate) fn be_strict() {
    STRICT.store(true, Ordering::SeqCst);
}

/// What a parser may take here, in milliseconds.
fn most() -> f64 {
    if STRICT.load(Ordering::SeqCst) { MOST } else { MOST_TIMES * *HASHING }
}

/// Did anything take too long?
pub(crate) fn was_too_slow() -> bool {
    TOO_SLOW.load(Ordering::SeqCst)
}

/// Of what somebody wrote for himself: a megabyte of the shortest lines costs what so many names, claims or values cost, each of
/// which is put somewhere. Prints what it took, and holds it to nothing.
pub(crate) fn tell(what: &str, bytes: &[u8], parse: impl Fn(&[u8]) -> bool) {
    let mut accepted = false;
    let taken = best(RUNS, &mut || accepted = black_box(parse(black_box(bytes))));
    print(what, taken, taken / *HASHING, bytes.len(), accepted);
}

fn print(what: &str, taken: f64, times: f64, length: usize, accepted: bool) {
    let accepted = if accepted { "accepted" } else { "refused" };
    println!("{taken:9.2} ms  {times:5.1}  {length:9} bytes  {accepted:8}  {what}");
}

/// Runs the parser, which says whether it accepts, and prints what it took.
pub(crate) fn time(what: &str, bytes: &[u8], parse: impl Fn(&[u8]) -> bool) {
    let mut accepted = false;
    let mut run = || accepted = black_box(parse(black_box(bytes)));
    let (mut taken, most) = (best(RUNS, &mut run), most());
    for _ in 1..ROUNDS {
        if taken <= most {
            break;
        }
        taken = taken.min(best(RUNS, &mut run));
    }
    print(what, taken, taken / *HASHING, bytes.len(), accepted);
    if taken > most {
        println!("TOO SLOW: more than {most:.1} ms");
        TOO_SLOW.store(true, Ordering::SeqCst);
    }
}

/// What a megabyte's SHA-256 takes here.
static HASHING: LazyLock<f64> = LazyLock::new(|| {
    best(RUNS, &mut || {
        black_box(sha256(black_box(&[7; MB])));
    })
});

/// In milliseconds of the processor, the best of so many.
fn best(runs: u32, run: &mut impl FnMut()) -> f64 {
    let once = |_| {
        let begin = processor_time();
        run();
        1000.0 * (processor_time() - begin)
    };
    (0..runs).map(once).fold(f64::MAX, f64::min)
}

/// What this thread has had of a processor, in seconds: on a busy machine time passes without it.
fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
