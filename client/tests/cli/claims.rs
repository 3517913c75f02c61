//! `--claims`: what a table says of each file.

use crate::{
    stamp::{bench, small_tree},
    support::snapshots,
};
use insta::assert_snapshot;

#[test]
fn each_file_has_its_own_holder_agent_and_title() {
    let (log, bench) = bench();
    small_tree(&bench);
    bench.write("t.csv", "title,path,holder\nThe first,d/a.txt,\"Müller, Ltd\"\n,./d/sub/b,Bob\n");
    bench.stamp(&log, &["d", "--claims", "t.csv", "--holder", "Ada", "--agent", "Agency", "-q"]);
    let said = |file: &str| {
        let ran = bench.trusting(&["verify", file, "d.treering"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let lines = ran.out.lines().filter(|line| line.contains("claimed"));
        lines.map(str::trim).collect::<Vec<_>>().join("\n")
    };
    assert_snapshot!(said("d/a.txt"), @"
    holder: Müller, Ltd (name claimed, no key)
    agent: Agency (name claimed)
    title: The first (claimed)
    ");
    assert_snapshot!(said("d/sub/b"), @"
    holder: Bob (name claimed, no key)
    agent: Agency (name claimed)
    ");
    assert_snapshot!(said("d/empty"), @"
    holder: Ada (name claimed, no key)
    agent: Agency (name claimed)
    ");
    let tree = bench.trusting(&["verify", "d"]);
    assert_eq!(tree.code, 0, "{tree:?}");
}

#[test]
fn paths_lead_to_lists_and_tokens_alike() {
    let (log, bench) = bench();
    small_tree(&bench);
    bench.write("t.csv", "path,title\nd/a.txt,A\nd/sub/b,B\n");
    bench.write("list", "d/sub/b\n");
    bench.stamp(&log, &["d/a.txt", "--files-from", "list", "--claims", "t.csv"]);
    for (file, title) in [("d/a.txt", "title: A (claimed)"), ("d/sub/b", "title: B (claimed)")] {
        let ran = bench.trusting(&["verify", file]);
        assert!(ran.out.contains(title), "{ran:?}");
    }
}

#[test]
fn rows_without_a_file_and_files_without_a_row_are_told() {
    let (log, bench) = bench();
    small_tree(&bench);
    bench.write("t.csv", "path,title\nd/a.txt,A\nd/gone,B\n");
    let loose = bench.stamp_any(&log, &["d", "--claims", "t.csv"]);
    let strict = bench.stamp_any(&log, &["d", "--claims", "t.csv", "--claims-strict", "--force"]);
    snapshots(|| {
        assert_snapshot!(loose.told(), @"
        exit 2
        d.treering
        3 files stamped (9 B)
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
        treering: made a master key, DIR/home/config/master.key: keep a copy of it somewhere safe, lost bundles can be made again with it
        treering: the table t.csv, line 3: no file that was stamped has the path d/gone
        ");
        assert_snapshot!(strict.told(), @"
        exit 2
        d.treering
        1 file stamped (5 B), 2 not stamped: see above
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 1
        treering: not stamped: d/empty: it has no row in the table of claims, and --claims-strict asks for one
        treering: not stamped: d/sub/b: it has no row in the table of claims, and --claims-strict asks for one
        treering: the table t.csv, line 3: no file that was stamped has the path d/gone
        ");
    });
    assert_eq!(log.submissions(), [3, 1]);
    bench.write("t.csv", "path,titel\n");
    let wrong = bench.stamp_any(&log, &["d", "--claims", "t.csv", "--force"]);
    let none = bench.stamp_any(&log, &["d", "--claims", "nowhere.csv", "--force"]);
    snapshots(|| {
        assert_snapshot!(wrong.told(), @r#"
        exit 2
        treering: the table t.csv, line 1: "titel" is no column: there are path, holder, agent and title
        "#);
        assert_snapshot!(none.told(), @"
        exit 2
        treering: the table nowhere.csv can't be read: No such file or directory (os error 2)
        ");
    });
    assert_eq!(bench.stamp_any(&log, &["d", "--plain", "--claims", "t.csv"]).code, 2);
    assert_eq!(bench.stamp_any(&log, &["d", "--claims-strict"]).code, 2);
}

/// The places of records shift when a file can't be read: names are blinded by place, and all must still fit.
#[cfg(target_os = "linux")]
#[test]
fn claims_fit_whatever_fails_on_the_way() {
    let (log, bench) = bench();
    let mut table = "path,holder\n".to_owned();
    for i in 0..40 {
        bench.write(&format!("d/{i:02}"), "x".repeat(i));
        table.push_str(&format!("d/{i:02},Client {i}\n"));
    }
    bench.write("t.csv", table);
    let ran = bench.stamp_any(
        &log,
        &["/proc/version", "/proc/self/mem", "d", "-o", "o.treering", "--claims", "t.csv", "-q"],
    );
    assert_eq!(ran.code, 2, "{ran:?}");
    let verified = bench.trusting(&["verify", ".", "o.treering"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    let one = bench.trusting(&["verify", "d/27", "o.treering"]);
    assert!(one.out.contains("holder: Client 27"), "{one:?}");
}
