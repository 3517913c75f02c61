//! The tests: many seeds, a seed twice, and seeds of a world in which something is broken on purpose.

use crate::{
    disk::Flaw,
    executor::WORLD,
    fate,
    world::{Counts, World},
};
use std::{
    panic::{self, AssertUnwindSafe},
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};
use treering_tests::counts;
use treering_tlog::hash::Hash;

/// Seeds in `make test`.
const SHORT: u64 = 1_000;
/// A flaw must be found within so many seeds.
const WITHIN: u64 = 300;

/// What came of a seed.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    trace: Hash,
    steps: u64,
    millis: u64,
}

/// What is wrong with a seed, in words, and all that happened until it was seen.
#[derive(Debug, PartialEq, Eq)]
struct Failure {
    text: String,
    trace: Hash,
}

/// Runs a seed; in a world of that flaw.
fn run(seed: u64, flaw: Flaw, totals: &Counts) -> Result<Run, Failure> {
    run_in(&World::new(seed, flaw, None), seed, totals)
}

fn run_in(world: &Arc<World>, seed: u64, totals: &Counts) -> Result<Run, Failure> {
    let begun = Arc::clone(world);
    world.executor.spawn(WORLD, fate::run(begun));
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| world.executor.run()));
    world.executor.clear();
    for (total, count) in [
        (&totals.kills, &world.counts.kills),
        (&totals.failures, &world.counts.failures),
        (&totals.restores, &world.counts.restores),
        (&totals.clock_jumps, &world.counts.clock_jumps),
        (&totals.attacks, &world.counts.attacks),
    ] {
        total.fetch_add(count.load(Ordering::Relaxed), Ordering::Relaxed);
    }
    match outcome {
        Ok(steps) => Ok(Run { trace: world.trace.hash(), steps, millis: world.executor.millis() }),
        Err(payload) => {
            let text = payload.downcast_ref::<String>().cloned();
            let text = text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let text = format!(
                "seed {seed} fails: {}\nwhat happened last:\n{}run it again: TREERING_SIM_SEED={seed} make sim",
                text.unwrap_or_default(),
                world.trace.tail()
            );
            Err(Failure { text, trace: world.trace.hash() })
        }
    }
}

#[test]
fn whatever_goes_wrong_nothing_is_lost_and_nothing_forked_and_in_the_end_all_goes_on() {
    let first = counts::number("TREERING_SIM_SEED");
    let count = counts::number("TREERING_SIM_SEEDS").unwrap_or(SHORT);
    let seeds = first.map_or(0..count, |seed| seed..seed + 1);
    let total = seeds.end - seeds.start;
    let (next, totals) = (AtomicU64::new(seeds.start), Counts::default());
    let (failures, virtual_millis) = (Mutex::new(Vec::new()), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    match run(seed, Flaw::None, &totals) {
                        Ok(run) => drop(virtual_millis.fetch_add(run.millis, Ordering::Relaxed)),
                        Err(failure) => failures.lock().unwrap().push(failure),
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    if let (Some(seed), []) = (first, &failures[..]) {
        println!("{}", all_of(seed, &run(seed, Flaw::None, &totals).expect("it just went well")));
    }
    println!(
        "{total} seeds, {} virtual minutes: {totals:?}",
        virtual_millis.load(Ordering::Relaxed) / 60_000
    );
    assert!(
        failures.is_empty(),
        "{} of {total} seeds fail; the first:\n{}",
        failures.len(),
        failures[0].text
    );
    // Not an idle run: each of these happens several times in a hundred seeds.
    if total >= 100 {
        let all = [&totals.kills, &totals.failures, &totals.restores, &totals.clock_jumps, &totals.attacks];
        assert!(all.iter().all(|count| count.load(Ordering::Relaxed) >= total / 10), "{totals:?}");
    }
}

/// All of a run in one line, up to the last byte that anybody was given.
fn all_of(seed: u64, run: &Run) -> String {
    format!("seed {seed}: {} steps, {} virtual ms, {}", run.steps, run.millis, run.trace)
}

#[test]
fn a_seed_gives_the_same_run_each_time_and_another_seed_another() {
    let totals = Counts::default();
    let runs: Vec<Run> =
        [1, 2, 3, 1, 2, 3].iter().map(|seed| run(*seed, Flaw::None, &totals).unwrap()).collect();
    assert_eq!(runs[..3], runs[3..]);
    assert_ne!(runs[0].trace, runs[1].trace);
    // And in another process, by the command that a failing seed prints.
    let again = Command::new(std::env::current_exe().unwrap())
        .args(["--nocapture", "whatever_goes_wrong"])
        .env("TREERING_SIM_SEED", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&again.stdout);
    assert!(said.contains(&all_of(1, &runs[0])), "{said}");
}

#[test]
fn the_simulated_store_is_like_the_real_one() {
    let (dir, totals) = (tempfile::tempdir().unwrap(), Counts::default());
    let world = World::new(7, Flaw::None, Some(dir.path().join("store")));
    run_in(&world, 7, &totals).unwrap();
    assert!(totals.kills.load(Ordering::Relaxed) >= 2, "{totals:?}");
}

/// Negative controls: what is broken on purpose must be noticed. And a seed that fails does so in the same way each time, or
/// nobody could find out why.
#[test]
fn what_is_broken_on_purpose_is_found() {
    for flaw in [Flaw::LogSync, Flaw::RecordSync, Flaw::TornSeal, Flaw::LatestPlace, Flaw::WitnessSync] {
        let totals = Counts::default();
        let found =
            (0..WITHIN).find_map(|seed| run(seed, flaw, &totals).err().map(|failure| (seed, failure)));
        let Some((seed, failure)) = found else { panic!("{flaw:?} is not found within {WITHIN} seeds") };
        println!("{flaw:?} is found by seed {seed}: {}", failure.text.lines().next().unwrap_or_default());
        assert_eq!(run(seed, flaw, &totals).unwrap_err(), failure, "{flaw:?}: seed {seed} once more");
    }
}
