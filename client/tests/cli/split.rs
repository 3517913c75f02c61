//! `treering split` and `treering merge`.

use crate::{
    stamp::{bench, small_tree},
    support::{Bench, FakeLog, snapshots},
};
use insta::assert_snapshot;

/// `d.treering`, of `a.txt`, `empty`, `sub/b` and `sub/c`.
fn stamped(bench: &Bench, log: &FakeLog, args: &[&str]) {
    small_tree(bench);
    bench.write("d/sub/c", "gamma");
    bench.stamp(log, &[&["d", "-q"], args].concat());
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

#[test]
fn a_part_stands_alone_and_says_nothing_of_the_rest() {
    let (log, bench) = bench();
    stamped(&bench, &log, &["--holder", "Ada"]);
    let split = bench.run(&["split", "d.treering", "d/sub", "-o", "part.treering"]);
    snapshots(|| {
        assert_snapshot!(split.told(), @"
        exit 0
        part.treering: 2 records, and the commitments of 2 others
        ");
    });
    assert!(!contains(&bench.read("part.treering"), b"a.txt"));
    let verified = bench.trusting(&["verify", "d", "part.treering"]);
    snapshots(|| {
        assert_snapshot!(verified.told(), @"
        exit 0
        a.txt: no token covers it
        empty: no token covers it
        holder: Ada (claimed)
        part.treering no longer covers 2 of its records
        2 files verified, 2 not covered by any token
          each existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          each stamped not before [time] (checkpoint 0 of the log log.example): this says when the claim was made, not the file
          not shown: the files' names, paths and sizes, whether they are links, who made them, leap seconds, the error of a witness's clock
        ");
    });
    // Tokens are cut out of it as out of any other, and what it doesn't cover it can't show.
    assert_eq!(bench.run(&["token", "part.treering", "sub/b", "-o", "."]).code, 0);
    assert_eq!(bench.trusting(&["verify", "d/sub/b", "b.tlog-proof"]).code, 0);
    assert_eq!(bench.run(&["token", "part.treering", "a.txt", "-o", "."]).code, 2);
    bench.write("d/sub/b", "another");
    assert_eq!(bench.trusting(&["verify", "d", "part.treering"]).code, 1);
}

#[test]
fn a_part_can_begin_below_its_directory() {
    let (log, bench) = bench();
    stamped(&bench, &log, &["--zstd"]);
    let split = ["split", "d.treering", "sub", "-o", "d/sub.treering", "--relative", "--zstd", "--json"];
    let objects = bench.run(&split).objects();
    assert_eq!(
        objects,
        [serde_json::json!({"type": "output", "path": "d/sub.treering", "records": 2, "bare": 2})]
    );
    assert_eq!(bench.trusting(&["verify", "d/sub", "--strict"]).code, 0);
    assert_eq!(bench.trusting(&["verify", "d/sub/c"]).code, 0);
}

#[test]
fn what_can_not_be_split_off_is_told() {
    let (log, bench) = bench();
    stamped(&bench, &log, &[]);
    let unknown = bench.run(&["split", "d.treering", "d/sub", "nothing", "-o", "part.treering"]);
    let several = bench.run(&["split", "d.treering", "sub", "a.txt", "-o", "part.treering", "--relative"]);
    let there = bench.run(&["split", "d.treering", "sub", "-o", "d.treering"]);
    let bytes = bench.read("d.treering");
    bench.write("cut.treering", &bytes[..bytes.len() - 9]);
    let cut = bench.run(&["split", "cut.treering", "sub", "-o", "part.treering"]);
    snapshots(|| {
        assert_snapshot!(unknown.told(), @"
        exit 2
        treering: nothing: the bundle d.treering has no record of it or below it; give its path as the bundle has it
        ");
        assert_snapshot!(several.told(), @"
        exit 2
        treering: --relative is for one directory: the paths of several could meet
        ");
        assert_snapshot!(there.told(), @"
        exit 2
        treering: d.treering is there already, and it may be evidence of an earlier time: rename it to keep both, or replace it with --force
        ");
        assert_snapshot!(cut.told(), @"
        exit 1
        treering: the bundle cut.treering is not whole: item 8, at byte 908: the bundle ends inside an item: it was cut off; get a whole copy of it
        ");
    });
    assert!(!bench.exists("part.treering"));
    assert_eq!(bench.read("d.treering"), bytes);
}

#[test]
fn parts_are_put_together_again() {
    let (log, bench) = bench();
    stamped(&bench, &log, &["--holder", "Ada"]);
    for (part, of) in [("1.treering", &["d/sub"][..]), ("2.treering", &["d/a.txt", "d/empty"])] {
        let ran = bench.run(&[&["split", "d.treering", "-o", part], of].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let merged = bench.run(&["merge", "1.treering", "2.treering", "-o", "all.treering", "--zstd"]);
    let verified = bench.trusting(&["verify", "d", "all.treering", "--strict"]);
    snapshots(|| {
        assert_snapshot!(merged.told(), @"
        exit 0
        all.treering: 4 records, and the commitments of 4 others
        ");
        assert_snapshot!(verified.told(), @"
        exit 0
        holder: Ada (claimed)
        all.treering no longer covers 4 of its records
        4 files verified
          each existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          each stamped not before [time] (checkpoint 0 of the log log.example): this says when the claim was made, not the file
          not shown: the files' names, paths and sizes, whether they are links, who made them, leap seconds, the error of a witness's clock
        ");
    });
}

#[test]
fn bundles_of_several_trees_are_told_apart_by_their_names() {
    let (log, bench) = bench();
    stamped(&bench, &log, &[]);
    bench.write("e/a.txt", "of another tree");
    bench.stamp(&log, &["e", "-q", "--plain"]);
    let clash = bench.run(&["merge", "d.treering", "e.treering", "-o", "all.treering"]);
    let merged = bench.run(&["merge", "d.treering", "e.treering", "-o", "all.treering", "--prefix"]);
    snapshots(|| {
        assert_snapshot!(clash.told(), @"
        exit 2
        treering: 1 path is in more than one of the bundles, a.txt among them. If they are of different trees: --prefix puts each bundle's paths below its name. If it is one tree at two times: --newest keeps the record that was stamped last, --oldest the one that was stamped first
        ");
        assert_snapshot!(merged.told(), @"
        exit 0
        all.treering: 5 records
        ");
    });
    for file in ["d/sub/b", "e/a.txt"] {
        let ran = bench.trusting(&["verify", file, "all.treering"]);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    assert_eq!(bench.run(&["token", "all.treering", "e/a.txt", "-o", "."]).code, 0);
    assert_eq!(bench.trusting(&["verify", "e/a.txt", "a.txt.tlog-proof"]).code, 0);
    bench.write("x/e.treering", bench.read("e.treering"));
    let names = bench.run(&["merge", "e.treering", "x/e.treering", "-o", "b.treering", "--prefix"]);
    let twice = bench.run(&["merge", "e.treering", "./e.treering", "-o", "b.treering"]);
    snapshots(|| {
        assert_snapshot!(names.told(), @"
        exit 2
        treering: two of the bundles are called e, so --prefix can't tell their paths apart: rename one of them
        ");
        assert_snapshot!(twice.told(), @"
        exit 2
        treering: the bundle ./e.treering is given twice
        ");
    });
}

#[test]
fn of_one_tree_at_two_times_one_record_of_each_path_stays() {
    let (log, bench) = bench();
    stamped(&bench, &log, &[]);
    bench.write("old/a.txt", "alpha");
    bench.write("d/a.txt", "changed");
    bench.stamp(&log, &["d", "-q", "-o", "new.treering"]);
    let newest = bench.run(&["merge", "new.treering", "d.treering", "-o", "n.treering", "--newest"]);
    let oldest = bench.run(&["merge", "new.treering", "d.treering", "-o", "o.treering", "--oldest"]);
    snapshots(|| {
        assert_snapshot!(newest.told(), @"
        exit 0
        n.treering: 4 records
        treering: d.treering: 4 records of it left out for newer ones of the same path
        ");
        assert_snapshot!(oldest.told(), @"
        exit 0
        o.treering: 4 records
        treering: new.treering: 4 records of it left out for older ones of the same path
        ");
    });
    assert_eq!(bench.trusting(&["verify", "d", "n.treering", "--strict"]).code, 0);
    assert_eq!(bench.trusting(&["verify", "d/a.txt", "o.treering"]).code, 1, "it has the older bytes");
    assert_eq!(bench.trusting(&["verify", "old/a.txt", "o.treering"]).code, 0);
}
