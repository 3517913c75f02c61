use super::{GROUP, UNDER_WAY, map};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

/// Long enough that only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn results_come_in_the_order_of_the_items() {
    for workers in [1, 2, 16] {
        let mut seen = Vec::new();
        let outcome: Result<(), ()> = map(
            workers,
            0..20_000u64,
            || 0u64,
            |spins, item| {
                *spins += item;
                (0..item % 97).fold(item, |a, b| a ^ b.wrapping_mul(*spins | 1));
                item
            },
            |item| {
                seen.push(item);
                Ok(())
            },
        );
        assert_eq!(outcome, Ok(()));
        assert_eq!(seen, (0..20_000).collect::<Vec<_>>());
    }
}

#[test]
fn the_items_of_one_group_are_shared() {
    // Each worker waits until all four are at work: with one worker a group, they would wait for ever.
    let workers = 4;
    assert!(workers < GROUP);
    let (told, all) = mpsc::channel();
    std::thread::spawn(move || {
        let barrier = Barrier::new(workers);
        let mut seen = Vec::new();
        let outcome: Result<(), ()> = map(
            workers,
            0..workers,
            || (),
            |(), item| {
                barrier.wait();
                item
            },
            |item| {
                seen.push(item);
                Ok(())
            },
        );
        let _ = told.send((outcome, seen));
    });
    assert_eq!(all.recv_timeout(PATIENCE), Ok((Ok(()), vec![0, 1, 2, 3])));
}

#[test]
fn the_others_run_ahead_of_a_slow_item_and_only_so_far() {
    let (drawn, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let items = (0..2 * UNDER_WAY).inspect(|_| {
        drawn.fetch_add(1, Ordering::SeqCst);
    });
    let mut seen = 0;
    let outcome: Result<(), ()> = map(
        2,
        items,
        || (),
        |(), item| {
            if item == 0 {
                // Until the other worker has done all that is within the bound but for its last group and this one, ...
                wait_for(|| done.load(Ordering::SeqCst) >= UNDER_WAY - 2 * GROUP);
                // ... and some time more, in which nothing else may come but what the feeder has in its hand.
                std::thread::sleep(Duration::from_millis(50));
                assert!(drawn.load(Ordering::SeqCst) <= UNDER_WAY + GROUP);
            }
            done.fetch_add(1, Ordering::SeqCst);
            item
        },
        |item| {
            assert_eq!(item, seen);
            seen += 1;
            Ok(())
        },
    );
    assert_eq!((outcome, seen), (Ok(()), 2 * UNDER_WAY));
}

fn wait_for(what: impl Fn() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(begun.elapsed() < PATIENCE, "it never came");
        std::thread::yield_now();
    }
}

#[test]
fn an_error_of_the_sink_ends_an_endless_input() {
    let mut seen = 0;
    let outcome = map(
        2,
        0u64..,
        || (),
        |(), item| item,
        |item| {
            assert_eq!(item, seen, "in order up to the error");
            seen += 1;
            if item == 5_000 { Err(item) } else { Ok(()) }
        },
    );
    assert_eq!((outcome, seen), (Err(5_000), 5_001));
}

#[test]
fn a_panic_anywhere_is_passed_on_and_nobody_hangs() {
    let run = |worker: bool, feeder: bool, sink: bool| {
        let (told, ended) = mpsc::channel();
        std::thread::spawn(move || {
            let items = (0u64..).inspect(|item| assert!(!(feeder && *item == 5_000)));
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                map(
                    3,
                    items,
                    || (),
                    |(), item| {
                        assert!(!(worker && item == 5_000));
                        item
                    },
                    |item| {
                        assert!(!(sink && item == 5_000));
                        Ok::<_, ()>(())
                    },
                )
            }));
            let _ = told.send(outcome.is_err());
        });
        ended.recv_timeout(PATIENCE)
    };
    assert_eq!(run(true, false, false), Ok(true));
    assert_eq!(run(false, true, false), Ok(true));
    assert_eq!(run(false, false, true), Ok(true));
}

#[test]
fn nothing_in_nothing_out() {
    let outcome: Result<(), ()> =
        map(3, std::iter::empty::<u8>(), || (), |(), item| item, |_| panic!("there is nothing"));
    assert_eq!(outcome, Ok(()));
}
