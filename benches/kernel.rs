//! The root of 2^20 leaves of 32 bytes, on one core and on all: a loop over the `sha2` crate, `rs_merkle`, and our
//! kernel on each path that this processor has.
//!
//! `cargo bench -p treering-benches --bench kernel`. All sides run in one process on the same data, and are checked
//! to give the same root before anything is measured: ratios count, absolute figures drift.
//! [`treering_benches::kernel_table`] times the same sides in turns.
#![forbid(unsafe_code)]

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use treering_benches::{commitments, kernel_table::sides};

fn kernel(c: &mut Criterion) {
    let leaves = commitments(LEAVES);
    let sides = sides();
    let want = sides[0].root(&leaves);
    for side in &sides {
        assert_eq!(side.root(&leaves), want, "{} has another root", side.name);
    }
    for (all_cores, name) in
        [(false, "root of 2^20 leaves, one core"), (true, "root of 2^20 leaves, all cores")]
    {
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Elements(LEAVES));
        group.sample_size(20).measurement_time(Duration::from_secs(8));
        for side in sides.iter().filter(|side| side.all_cores == all_cores) {
            group.bench_function(&side.name, |b| b.iter(|| side.root(black_box(&leaves))));
        }
        group.finish();
    }
}

const LEAVES: u64 = 1 << 20;

criterion_group!(benches, kernel);
criterion_main!(benches);
