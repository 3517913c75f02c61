//! A bench with a timestamp authority.

use super::{Bench, FakeLog, FakeTsa, Manner, Ran, Temper};

/// Without `--ca`.
pub(crate) const VERIFY: [&str; 3] = ["verify", "a.txt", "a.txt.tsr"];

/// A file, an authority, its log and the authority's root.
pub(crate) fn bench(temper: Temper) -> (Bench, FakeLog, FakeTsa) {
    let log = FakeLog::start(Manner::default());
    let tsa = FakeTsa::start(&log, temper);
    let bench = Bench::new(&log);
    bench.write("a.txt", "alpha");
    bench.write("ca.pem", tsa.ca());
    (bench, log, tsa)
}

/// `treering tsa a.txt`.
pub(crate) fn asked(bench: &Bench, tsa: &FakeTsa, args: &[&str]) -> Ran {
    bench.run(&[&["tsa", "a.txt", "--server", tsa.url()], args].concat())
}

/// With `a.txt.tsr`.
pub(crate) fn stamped(args: &[&str]) -> (Bench, FakeLog, FakeTsa) {
    let (bench, log, tsa) = bench(Temper::Good);
    let ran = asked(&bench, &tsa, args);
    assert_eq!(ran.code, 0, "{ran:?}");
    (bench, log, tsa)
}
