//! What is stamped: lists of files and of digests, rules that leave something out, links.

use crate::{
    stamp::{bench, small_tree},
    support::{Bench, snapshots, terminal::skipped},
};
use insta::assert_snapshot;
use std::{fs, process::Command};

/// The records' paths in a bundle, in its order, and what the files' tokens' names would be.
fn hashed(objects: &[serde_json::Value]) -> Vec<&str> {
    let of_files = objects.iter().filter(|object| object["type"] == "file" && object["result"] == "hashed");
    of_files.map(|object| object["path"].as_str().unwrap()).collect()
}

fn output(bench: &Bench, program: &str, args: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(args).current_dir(bench.path(".")).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

#[test]
fn a_list_is_stamped_in_its_own_order() {
    let (log, bench) = bench();
    small_tree(&bench);
    let here = bench.path("d/a.txt").canonicalize().unwrap();
    bench.write("list", format!("./d/sub/b\n\n{}\nd/empty\nd/sub/b\nd/sub\n", here.display()));
    let ran = bench.stamp(&log, &["--files-from", "list", "-o", "o.treering", "--json"]);
    assert_eq!(hashed(&ran.objects()), ["d/sub/b", "d/a.txt", "d/empty"]);
    assert_eq!(ran.objects().last().unwrap()["left_out"], 2);
    let verified = bench.trusting(&["verify", ".", "o.treering"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    assert!(verified.out.contains("3 files verified"), "{verified:?}");
    let told = bench.stamp(&log, &["--files-from", "list", "-o", "p.treering"]);
    snapshots(|| {
        assert_snapshot!(told.told(), @"
        exit 0
        p.treering
        3 files stamped (9 B), 1 left out as directories in a list, 1 named twice
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 1
        ");
    });
}

#[cfg(unix)]
#[test]
fn find_print0_gives_what_lines_can_not() {
    let (log, bench) = bench();
    small_tree(&bench);
    bench.write("d/new\nline", "x");
    bench.stamp(&log, &["d/a.txt", "-q"]);
    let list = output(&bench, "find", &["d", "-print0"]);
    let ran = bench.stamp_with(&log, &["--files-from", "-", "-0", "-o", "d/o.treering", "--json"], &list);
    assert_eq!(ran.code, 0, "{ran:?}");
    let mut paths = hashed(&ran.objects()).into_iter().map(str::to_owned).collect::<Vec<_>>();
    paths.sort();
    assert_eq!(paths, ["d/a.txt", "d/empty", "d/new\nline", "d/sub/b"], "its own evidence is not among them");
    let wrong = bench.stamp_with(&log, &["--files-from", "-", "-o", "p.treering"], &list);
    snapshots(|| {
        assert_snapshot!(wrong.told(), @"
        exit 2
        0 files stamped (0 B), 1 not stamped: see above
        treering: not stamped: standard input: line 1 has a NUL in it: if find -print0 wrote the list, give -0
        treering: standard input: nothing to stamp: no file was found and read
        ");
    });
}

#[test]
fn files_of_a_list_have_tokens() {
    let (log, bench) = bench();
    small_tree(&bench);
    bench.write("x", "one");
    bench.write("list", "d/a.txt\nd/sub/b\n");
    bench.stamp(&log, &["x", "--files-from", "list"]);
    for name in ["x", "d/a.txt", "d/sub/b"] {
        assert_eq!(bench.trusting(&["verify", name]).code, 0, "{name}");
        assert!(bench.exists(&format!("{name}.tlog-proof")));
    }
}

#[test]
fn what_a_list_says_wrong_is_told_and_the_rest_is_stamped() {
    let (log, bench) = bench();
    small_tree(&bench);
    bench.write("list", "gone\n../a\n/etc/passwd\n-\nd/a.txt\n");
    let ran = bench.stamp_any(&log, &["--files-from", "list", "-o", "o.treering"]);
    let none = bench.stamp_any(&log, &["--files-from", "nowhere", "-o", "p.treering"]);
    let twice = bench.stamp_any(&log, &["--files-from", "-", "--digests", "-", "-o", "p.treering"]);
    let nothing = bench.stamp_with(&log, &["--files-from", "-"], b"");
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 2
        o.treering
        1 file stamped (5 B), 4 not stamped: see above
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
        treering: made a master key, DIR/home/config/master.key: keep a copy of it somewhere safe, lost bundles can be made again with it
        treering: not stamped: gone: there is no such file or directory
        treering: not stamped: ../a: it has a `..` part, which a bundle's paths can't have: make the list, and stamp, in a directory above (entry 2 of the list)
        treering: not stamped: /etc/passwd: it lies outside of the current directory, which the bundle's paths are relative to: make the list, and stamp, in a directory above (entry 3 of the list)
        treering: not stamped: -: it names standard input or the directory itself, not a file in it (entry 4 of the list)
        ");
        assert_snapshot!(none.told(), @"
        exit 2
        0 files stamped (0 B), 1 not stamped: see above
        treering: not stamped: nowhere: the list can't be read: No such file or directory (os error 2)
        treering: nowhere: nothing to stamp: no file was found and read
        ");
        assert_snapshot!(twice.told(), @"
        exit 2
        treering: standard input can be one list only: give the others as files
        ");
        assert_snapshot!(nothing.told(), @"
        exit 2
        0 files stamped (0 B)
        treering: standard input: nothing to stamp: no file was found and read
        ");
    });
    assert_eq!(bench.trusting(&["verify", "d/a.txt", "o.treering"]).code, 0);
}

#[cfg(unix)]
#[test]
fn a_list_does_not_lead_through_links_unless_they_are_followed() {
    let (log, bench) = bench();
    small_tree(&bench);
    std::os::unix::fs::symlink("d", bench.path("link")).unwrap();
    std::os::unix::fs::symlink("a.txt", bench.path("d/file")).unwrap();
    bench.write("list", "link/a.txt\nd/file\n");
    let ran = bench.stamp_any(&log, &["--files-from", "list", "-o", "o.treering"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 2
        o.treering
        1 file stamped (5 B), 1 not stamped: see above
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
        treering: made a master key, DIR/home/config/master.key: keep a copy of it somewhere safe, lost bundles can be made again with it
        treering: not stamped: link/a.txt: a directory on its way (link) is a symbolic link: list it by that directory's own path, or follow links with --follow
        ");
    });
    assert_eq!(bench.trusting(&["verify", ".", "o.treering"]).code, 0, "d/file is a link there");
    bench.stamp(&log, &["--files-from", "list", "-o", "p.treering", "--follow"]);
    assert_eq!(bench.trusting(&["verify", ".", "p.treering"]).code, 1);
    let verified = bench.trusting(&["verify", ".", "p.treering", "--follow"]);
    assert_eq!(verified.code, 0, "{verified:?}");
}

#[test]
fn a_file_that_two_inputs_name_is_stamped_once() {
    let (log, bench) = bench();
    small_tree(&bench);
    bench.write("list", "d/a.txt\nother\n");
    bench.write("other", "x");
    let args = ["d", "./d/", "d/sub", "--files-from", "list", "-o", "o.treering"];
    let ran = bench.stamp(&log, &args);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 0
        o.treering
        4 files stamped (10 B), 3 named twice
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
        treering: made a master key, DIR/home/config/master.key: keep a copy of it somewhere safe, lost bundles can be made again with it
        ");
    });
    assert_eq!(log.submissions(), [4]);
    assert_eq!(bench.trusting(&["verify", ".", "o.treering"]).code, 0);
    bench.write("x/d/a.txt", "another");
    let ambiguous = bench.stamp_any(&log, &["x/d", "--files-from", "list", "-o", "p.treering"]);
    snapshots(|| {
        assert_snapshot!(ambiguous.told(), @"
        exit 2
        p.treering
        2 files stamped (8 B), 1 not stamped: see above
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 1
        treering: not stamped: d/a.txt: in the bundle its path would be that of a file below a directory that was given as well: stamp the list on its own
        ");
    });
}

#[test]
fn digests_are_stamped_without_the_files() {
    let (log, bench) = bench();
    small_tree(&bench);
    let sums = output(&bench, "sha256sum", &["d/a.txt", "d/sub/b", "d/empty"]);
    fs::rename(bench.path("d"), bench.path("away")).unwrap();
    let ran = bench.stamp_with(&log, &["--digests", "-", "-o", "o.treering"], &sums);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 0
        o.treering
        3 files stamped (0 B), 3 by digests that were given
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
        treering: made a master key, DIR/home/config/master.key: keep a copy of it somewhere safe, lost bundles can be made again with it
        ");
    });
    assert_eq!(bench.trusting(&["verify", ".", "o.treering"]).code, 1, "the files are missing");
    fs::rename(bench.path("away"), bench.path("d")).unwrap();
    let verified = bench.trusting(&["verify", ".", "o.treering"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    let token = bench.run(&["token", "o.treering", "d/a.txt"]);
    assert_eq!(token.code, 0, "{token:?}");
    assert_eq!(bench.trusting(&["verify", "d/a.txt", "d/a.txt.tlog-proof"]).code, 0);
    let json = bench.stamp_with(&log, &["--digests", "-", "-o", "p.treering", "--json"], &sums);
    let file = &json.objects()[1];
    assert_eq!((file["path"].as_str(), file.get("size")), (Some("d/a.txt"), None));
    bench.write("d/a.txt", "ALPHA");
    assert_eq!(bench.trusting(&["verify", ".", "o.treering"]).code, 1);
}

#[test]
fn every_way_to_write_digests_is_read() {
    let (log, bench) = bench();
    bench.write("plain", "alpha");
    let mut names = vec!["plain"];
    if cfg!(unix) {
        names.extend(["new\nline", "back\\slash", "a)= b"]);
        names.iter().for_each(|name| drop(bench.write(name, "beta")));
    }
    let ways: [(&str, &[&str]); 7] = [
        ("sha256sum", &["--text"]),
        ("sha256sum", &["--binary"]),
        ("sha256sum", &["--tag"]),
        ("openssl", &["dgst", "-sha256"]),
        ("openssl", &["dgst", "-sha256", "-c"]),
        ("openssl", &["dgst", "-sha256", "-r"]),
        ("openssl", &["sha256"]),
    ];
    for (number, (program, args)) in ways.into_iter().enumerate() {
        // openssl escapes nothing, or not all.
        let names = if program == "openssl" { &names[..1] } else { &names };
        let sums = output(&bench, program, &[args, names].concat());
        let bundle = format!("{number}.treering");
        let ran = bench.stamp_with(&log, &["--digests", "-", "-o", &bundle, "-q"], &sums);
        assert_eq!(ran.code, 0, "{program} {args:?}: {ran:?}");
        let verified = bench.trusting(&["verify", ".", &bundle]);
        assert_eq!(verified.code, 0, "{program} {args:?}: {verified:?}");
    }
}

#[test]
fn second_digests_come_from_lists_too() {
    let (log, bench) = bench();
    bench.write("a", "alpha");
    let sha256 = output(&bench, "openssl", &["dgst", "-sha256", "a"]);
    let sha3 = output(&bench, "openssl", &["dgst", "-sha3-256", "a"]);
    let both = [sha256.clone(), sha3].concat();
    let ran = bench.stamp_with(&log, &["--digests", "-", "-o", "o.treering", "--digest", "sha3-256"], &both);
    assert_eq!(ran.code, 0, "{ran:?}");
    let verified = bench.trusting(&["verify", "a", "o.treering"]);
    assert!(verified.out.contains("sha-256, sha3-256"), "{verified:?}");
    let lacking =
        bench.stamp_with(&log, &["--digests", "-", "-o", "p.treering", "--digest", "sha3-256"], &sha256);
    let plain = bench.stamp_with(&log, &["--digests", "-", "-o", "p.treering", "--plain"], &both);
    snapshots(|| {
        assert_snapshot!(lacking.told(), @"
        exit 2
        0 files stamped (0 B), 1 not stamped: see above
        treering: not stamped: a: the list has no sha3-256 digest of it, which --digest asks for
        treering: standard input: nothing to stamp: no file was found and read
        ");
        assert_snapshot!(plain.told(), @"
        exit 2
        0 files stamped (0 B), 1 not stamped: see above
        treering: not stamped: a: the list has a second digest of it, which --plain can't stamp: leave out one or the other
        treering: standard input: nothing to stamp: no file was found and read
        ");
    });
    assert_eq!(bench.stamp_with(&log, &["--digests", "-"], &both).code, 2, "-o is needed");
}

/// Each algorithm that a claim can name beside SHA-256, taken and checked by us and by openssl.
#[test]
fn every_second_digest_is_checked() {
    let (log, bench) = bench();
    bench.write("a", "alpha");
    let known = ["sha-384", "sha-512", "sha3-224", "sha3-256", "sha3-384", "sha3-512"];
    let args: Vec<&str> = known.iter().flat_map(|name| ["--digest", name]).collect();
    let ran = bench.stamp(&log, &[&["a", "--json"], &args[..]].concat());
    let digests = &ran.objects()[1]["digests"];
    for name in known {
        let option = format!("-{}", name.replace("sha-", "sha"));
        let by_openssl = String::from_utf8(output(&bench, "openssl", &["dgst", "-r", &option, "a"])).unwrap();
        assert!(by_openssl.starts_with(digests[name].as_str().unwrap()), "{name}");
    }
    let verified = bench.trusting(&["verify", "a"]);
    assert!(verified.out.contains(&format!("sha-256, {}", known.join(", "))), "{verified:?}");
    let refused = bench.stamp_any(&log, &["a", "--plain", "--digest", "sha-512"]);
    assert_eq!(refused.code, 2, "{refused:?}");
}

#[test]
fn rules_leave_out_as_git_does() {
    let (log, bench) = bench();
    for name in
        ["d/a.o", "d/a.c", "d/target/x", "d/target/keep.c", "d/sub/target/y", "d/doc/z.tmp", "d/keep.o"]
    {
        bench.write(name, name);
    }
    bench.write("rules", "# what is built\n*.o\n!keep.o\n/target/\n");
    let args = ["d", "--ignore-file", "rules", "--exclude", "*.tmp"];
    let ran = bench.stamp(&log, &[&args[..], &["-q", "--json"]].concat()[..args.len()]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 0
        d.treering
        3 files stamped (27 B), 3 left out by rule
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
        treering: made a master key, DIR/home/config/master.key: keep a copy of it somewhere safe, lost bundles can be made again with it
        ");
    });
    let json = bench.stamp(&log, &[&args[..], &["--force", "--json"]].concat());
    let objects = json.objects();
    assert_eq!(hashed(&objects), ["a.c", "keep.o", "sub/target/y"]);
    let left_out: Vec<_> = objects.iter().filter(|object| object["result"] == "left_out").collect();
    assert_eq!(left_out.len(), 3);
    assert!(left_out.iter().all(|object| object["reason"] == "by rule"), "{left_out:?}");
    // What git itself would add.
    if Command::new("git").arg("--version").output().is_ok() {
        bench.write("d/.gitignore", "*.o\n!keep.o\n/target/\n*.tmp\n");
        output(&bench, "git", &["init", "-q", "d"]);
        let listed =
            output(&bench, "git", &["-C", "d", "ls-files", "-o", "--exclude-standard", "-x", ".gitignore"]);
        let mut listed: Vec<_> = std::str::from_utf8(&listed).unwrap().lines().collect();
        listed.sort_unstable();
        assert_eq!(listed, ["a.c", "keep.o", "sub/target/y"]);
    } else {
        skipped("git isn't there to compare with");
    }
    bench.write("rules", "*.o\na{b\n");
    let wrong = bench.stamp_any(&log, &["d", "--ignore-file", "rules"]);
    snapshots(|| {
        assert_snapshot!(wrong.told(), @r#"
        exit 2
        treering: the ignore file rules, line 2: "a{b" is no rule as git's ignore files have them: error parsing glob 'a{b': unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)
        "#);
    });
}

#[cfg(unix)]
#[test]
fn links_that_were_followed_are_verified_so() {
    let (log, bench) = bench();
    small_tree(&bench);
    bench.write("outside/x", "elsewhere");
    std::os::unix::fs::symlink("../outside", bench.path("d/out")).unwrap();
    std::os::unix::fs::symlink("nowhere", bench.path("d/gone")).unwrap();
    std::os::unix::fs::symlink(".", bench.path("d/here")).unwrap();
    let ran = bench.stamp(&log, &["d", "--follow"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 0
        d.treering
        5 files stamped (25 B)
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
        treering: made a master key, DIR/home/config/master.key: keep a copy of it somewhere safe, lost bundles can be made again with it
        treering: left out: DIR/d/here (a symbolic link to a directory that it lies in)
        ");
    });
    assert_eq!(log.submissions(), [5]);
    let verified = bench.trusting(&["verify", "d", "--follow", "--strict"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    let without = bench.trusting(&["verify", "d"]);
    snapshots(|| {
        assert_snapshot!(without.told(), @"
        exit 2
        out/x: not checked: a directory on its way (DIR/d/out) is a symbolic link, which may lead out of the tree; --follow follows it
        here: no token covers it
        out: no token covers it
        4 files verified, 1 could not be checked, 2 not covered by any token
          each existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          each stamped not before [time] (checkpoint 0 of the log log.example): this says when the claim was made, not the file
          not shown: the files' names, paths and sizes, whether they are links, who made them, leap seconds, the error of a witness's clock
        ");
    });
    bench.write("outside/x", "changed");
    assert_eq!(bench.trusting(&["verify", "d", "--follow"]).code, 1);
}
