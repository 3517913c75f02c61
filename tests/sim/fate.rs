//! What goes wrong, and when; then all is healed, and everybody must get what they came for.

use crate::{
    client::{self, CLIENTS},
    disk::{Fault, Flaw},
    executor::WORLD,
    net::Weather,
    thief,
    world::{Counts, Process, WITNESSES, World},
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use treering_tlog::{hash::Hash, tile::TilePath, tree};
use treering_token::entry::Entry;

/// After healing, all must be well within so many (virtual) seconds: a clock that has to be waited for, a start with a
/// silent witness, and a few ticks.
const BOUND: u64 = 90;

/// Runs the whole story.
pub(crate) async fn run(world: Arc<World>) {
    world.witnesses.iter().for_each(|witness| witness.start(&world));
    world.start_log();
    for _ in 0..CLIENTS {
        world.executor.spawn(WORLD, client::run(Arc::clone(&world)));
    }
    world.executor.spawn(WORLD, client::read(Arc::clone(&world)));
    let end = world.dice.between(15_000, 40_000);
    while world.executor.millis() < end {
        pause(&world, 50, 2_500).await;
        keep_up(&world);
        misfortune(&world).await;
    }
    heal(&world).await;
    let begun = world.executor.millis();
    while world.content.load(Ordering::SeqCst) < CLIENTS {
        pause(&world, 100, 100).await;
        keep_up(&world);
        let waited = world.executor.millis() - begun;
        let status = world.running_log().map(|(_, log)| log.status());
        assert!(waited < BOUND * 1000, "no progress within {BOUND} s after healing: {status:?}");
    }
    world.oracle.nothing_is_lost();
    one_history(&world);
    world.executor.finish();
}

async fn pause(world: &Arc<World>, low: u64, high: u64) {
    world.executor.sleep(Duration::from_millis(world.dice.between(low, high))).await;
}

/// Starts what has ended, sooner or later.
fn keep_up(world: &Arc<World>) {
    for witness in &world.witnesses {
        if witness.running(&world.executor).is_none() && world.dice.once_in(2) {
            witness.start(world);
        }
    }
    match world.log() {
        Process::Down => {
            world.oracle.nothing_is_lost();
            if world.dice.once_in(2) {
                world.start_log();
            }
        }
        // A read that failed at the start: try again. Anything else is a log that can't go on from its own disk.
        Process::Refused(why) if why.contains("of the simulation") => world.kill_log(),
        Process::Refused(why) => panic!("{} ms: the log does not start: {why}", world.executor.millis()),
        Process::Starting(_) | Process::Running(..) => {}
    }
}

async fn misfortune(world: &Arc<World>) {
    let dice = &world.dice;
    let witness = usize::try_from(dice.below(WITNESSES as u64)).expect("small");
    let done = dice.once_in(2);
    if world.real.is_some() {
        return if done {
            kill_log(world);
        };
    }
    match dice.below(16) {
        0 | 1 => kill_log(world),
        2 | 3 => world.store.plan(6, Fault::Cut { done }),
        4 => world.record.plan(2, Fault::Cut { done }),
        5 => world.store.plan(6, Fault::Error { done }),
        6 => world.record.plan(2, Fault::Error { done }),
        7 => world.store.plan_bad_read(),
        8 => {
            if let Some((node, _)) = world.witnesses[witness].running(&world.executor) {
                Counts::add(&world.counts.kills);
                world.executor.doom(node, dice.below(300));
            }
        }
        9 => world.witnesses[witness].disk.plan(2, Fault::Cut { done }),
        10 => {
            let mut cut_off = world.net.cut_off.lock().unwrap();
            cut_off[witness] = !cut_off[witness];
        }
        11 => {
            let weather = Weather { lost: dice.below(30), late: dice.below(30), twice: dice.below(50) };
            *world.net.weather.lock().unwrap() = weather;
        }
        12 => step_clocks(world, witness),
        13 => jump(world).await,
        14 => restore(world).await,
        _ => thief::attack(world, witness).await,
    }
}

fn kill_log(world: &Arc<World>) {
    if let Process::Starting(node) | Process::Running(node, ..) = world.log() {
        Counts::add(&world.counts.kills);
        world.executor.doom(node, world.dice.below(400));
    }
}

/// Within what is tolerated.
fn step_clocks(world: &Arc<World>, witness: usize) {
    world.clock.set(world.dice.between(0, 9_000).cast_signed() - 4_500);
    let ahead = if world.dice.once_in(4) { 20_000 } else { 3_000 };
    world.witnesses[witness].clock.set(world.dice.between(0, ahead + 3_000).cast_signed() - 3_000);
}

/// The log's clock jumps by an hour, or the log starts with a clock that is off by an hour, and it is back a while later:
/// nothing is sealed meanwhile.
async fn jump(world: &Arc<World>) {
    Counts::add(&world.counts.clock_jumps);
    let starts = world.dice.once_in(2);
    if starts {
        world.kill_log();
        Counts::add(&world.counts.kills);
    }
    let before = world.clock.off();
    let hour = 3_600_000;
    world.clock.set(if world.dice.once_in(2) { before + hour } else { before - hour });
    world.tell("the clock jumps");
    if starts {
        world.start_log();
    }
    pause(world, 1_000, 6_000).await;
    world.clock.set(before);
    world.tell("the clock is back");
}

/// An operator puts an older copy back; no client can reach it. It must not sign. Then the newest copy is there again.
async fn restore(world: &Arc<World>) {
    world.kill_log();
    let (store, record) = (world.store.durable(Clone::clone), world.record.durable(Clone::clone));
    pause(world, 100, 100).await;
    world.start_log();
    pause(world, 2_000, 9_000).await;
    world.kill_log();
    world.oracle.nothing_is_lost();
    let (newest, newest_record) = (world.store.durable(Clone::clone), world.record.durable(Clone::clone));
    let with_record = world.dice.once_in(2);
    let behind = if with_record {
        // The witnesses know what was published; of what only this log knew, nobody can tell, and the head that the copy's
        // own record names is sealed in it, so that it may be signed again. One witness that lies could vouch for an
        // older copy together with one that was away.
        !world.liar()
            && record.is_some_and(|record| Some(record.head.size) < newest.published.last().copied())
    } else {
        newest_record.is_some_and(|record| store.head.size < record.head.size)
    };
    if !behind {
        return;
    }
    Counts::add(&world.counts.restores);
    world.tell("an older copy is put back");
    world.store.heal();
    world.record.heal();
    world.store.put(store);
    if with_record {
        world.record.put(record);
    }
    world.oracle.roll_back(true);
    world.start_log();
    pause(world, 3_000, 12_000).await;
    let refused = matches!(world.log(), Process::Refused(_));
    assert!(refused || with_record, "a store behind its record has started");
    world.kill_log();
    world.oracle.roll_back(false);
    world.store.put(newest);
    world.record.put(newest_record);
    world.tell("the newest copy is back");
}

/// All faults end, and all clocks are right. A witness that lies goes on lying.
async fn heal(world: &Arc<World>) {
    world.tell("all is healed");
    *world.net.weather.lock().unwrap() = Weather::default();
    *world.net.cut_off.lock().unwrap() = [false; WITNESSES];
    world.store.heal();
    world.record.heal();
    world.clock.set(0);
    for witness in &world.witnesses {
        witness.disk.heal();
        witness.clock.set(0);
    }
    pause(world, 1, 1_000).await;
}

/// The store's own entries lead to every root that was ever given out, and their times only grow.
fn one_history(world: &World) {
    if matches!(world.flaw, Flaw::LogSync) {
        return;
    }
    let leaves = leaves(world);
    for head in world.oracle.roots() {
        let size = usize::try_from(head.size.get()).expect("small");
        assert_eq!(tree::root(&leaves[..size]), head.root, "the history leads to another root at {size}");
    }
}

/// The leaf hashes of the log's entries.
pub(crate) fn leaves(world: &World) -> Vec<Hash> {
    world.store.durable(|held| {
        let mut last = None;
        let mut leaves = Vec::new();
        for path in treering_tlog::tile::tiles_of(held.head.size, treering_tlog::tile::TileKind::Entries) {
            let bundle = held.tile(path).expect("the store has its entries");
            for bytes in treering_tlog::tile::split_entries(&bundle, TilePath::width(&path)).expect("entries")
            {
                let entry = Entry::decode(bytes).expect("an entry");
                assert!(last < Some(entry.sealed_at()), "sealed_at does not grow");
                last = Some(entry.sealed_at());
                leaves.push(entry.leaf_hash());
            }
        }
        leaves
    })
}
