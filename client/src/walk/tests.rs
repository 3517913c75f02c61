use super::*;
use std::fs;

fn tree(files: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in files {
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let content: &[u8] = match file.rsplit('.').next() {
            Some("tlog-proof") => b"c2sp.org/tlog-proof@v1\n",
            Some("treering") => b"\x82\x71treering.bundle/1\x40",
            _ => file.as_bytes(),
        };
        fs::write(path, content).unwrap();
    }
    dir
}

fn root(dir: &Path) -> Root {
    Root { source: dir.to_path_buf(), prefix: Vec::new(), is_dir: true }
}

fn walked(dir: &Path, rules: Rules) -> Vec<String> {
    Walk::new(vec![root(dir)], rules)
        .map(|found| match found {
            Found::File { path, .. } => paths::shown_relative(&path),
            Found::Link { path, .. } => format!("link {}", paths::shown_relative(&path)),
            Found::LeftOut { source, why } => {
                format!("out {}: {why}", paths::shown(source.strip_prefix(dir).unwrap()))
            }
            Found::Failed { error, .. } => format!("failed: {error}"),
        })
        .collect()
}

const ALL: Rules =
    Rules { skip: Vec::new(), links: true, follow: false, one_file_system: false, ignored: None };

#[test]
fn the_order_is_depth_first_by_bytes() {
    let dir = tree(&["a.txt", "a/b", "a/a/z", "B", "a-", "é"]);
    let names = walked(dir.path(), ALL);
    assert_eq!(names, ["B", "a/a/z", "a/b", "a-", "a.txt", "é"]);
    let mut sorted = names.clone();
    sorted.sort_by(|left, right| paths::walk_order(left.as_bytes(), right.as_bytes()));
    assert_eq!(names, sorted, "what the walk does is what `walk_order` says");
}

#[test]
fn evidence_beside_its_file_is_left_out() {
    let dir = tree(&[
        "a",
        "a.tlog-proof",
        "a.1.tlog-proof",
        "other.tlog-proof",
        "d/x",
        "d.treering",
        ".tlog-proof",
    ]);
    assert_eq!(
        walked(dir.path(), ALL),
        [
            ".tlog-proof",
            "a",
            "out a.1.tlog-proof: evidence, not data",
            "out a.tlog-proof: evidence, not data",
            "d/x",
            "out d.treering: evidence, not data",
            "other.tlog-proof"
        ]
    );
}

#[test]
fn the_output_itself_is_left_out_wherever_it_lies() {
    let dir = tree(&["a", "d/out", "out"]);
    let skip = vec![dir.path().canonicalize().unwrap().join("d/out")];
    assert_eq!(walked(dir.path(), Rules { skip, ..ALL }), ["a", "out d/out: evidence, not data", "out"]);
}

#[cfg(unix)]
#[test]
fn links_are_met_and_not_followed_and_pipes_are_named() {
    let dir = tree(&["d/a"]);
    std::os::unix::fs::symlink("d", dir.path().join("link")).unwrap();
    let status = std::process::Command::new("mkfifo").arg(dir.path().join("pipe")).status().unwrap();
    assert!(status.success());
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
    assert_eq!(
        walked(dir.path(), ALL),
        ["d/a", "link link", "out pipe: a named pipe", "out socket: a socket"]
    );
    assert_eq!(
        walked(dir.path(), Rules { links: false, ..ALL })[1],
        "out link: a symbolic link, which a token of its own can't show; a bundle can"
    );
}

#[test]
fn a_directory_that_is_not_there_is_reported() {
    let dir = tree(&["a"]);
    let found = Walk::new(vec![root(&dir.path().join("gone"))], ALL).collect::<Vec<_>>();
    assert!(matches!(&found[..], [Found::Failed { error: WalkError::Dir(_), .. }]));
}

#[test]
fn several_roots_come_in_the_order_given() {
    let dir = tree(&["z/1", "a/1", "f"]);
    let sub =
        |name: &str, is_dir| Root { source: dir.path().join(name), prefix: name.as_bytes().to_vec(), is_dir };
    let roots = vec![sub("z", true), sub("f", false), sub("a", true)];
    let names = Walk::new(roots, ALL)
        .map(|found| match found {
            Found::File { path, .. } => paths::shown_relative(&path),
            other => panic!("{other:?}"),
        })
        .collect::<Vec<_>>();
    assert_eq!(names, ["z/1", "f", "a/1"]);
}

#[cfg(unix)]
#[test]
fn names_that_are_not_unicode_are_met() {
    use std::os::unix::ffi::OsStrExt;
    let dir = tree(&[]);
    fs::write(dir.path().join(OsStr::from_bytes(b"\xff\n")), "").unwrap();
    let found = Walk::new(vec![root(dir.path())], ALL).collect::<Vec<_>>();
    assert!(matches!(&found[..], [Found::File { path, .. }] if path.as_bytes() == b"\xff\n"));
}

#[test]
fn a_file_that_is_only_named_like_evidence_is_data() {
    let dir = tree(&["a", "a.tlog-proof"]);
    fs::write(dir.path().join("a.tlog-proof"), "notes of mine").unwrap();
    assert_eq!(walked(dir.path(), ALL), ["a", "a.tlog-proof"]);
}

fn ignoring(rules: &[&str]) -> Rules {
    let globs: Vec<_> = rules.iter().map(|rule| (*rule).to_owned()).collect();
    Rules { ignored: Ignored::of(&[], &globs).unwrap().map(Arc::new), ..ALL }
}

#[test]
fn a_directory_that_is_left_out_is_not_looked_into() {
    let dir = tree(&["a.o", "keep/a.o", "target/deep/x", "s/target/y", "s/b"]);
    assert_eq!(
        walked(dir.path(), ignoring(&["/target", "*.o", "!keep/*.o"])),
        ["out a.o: by rule", "keep/a.o", "s/b", "s/target/y", "out target: by rule"]
    );
}

#[cfg(unix)]
#[test]
fn followed_links_are_what_they_lead_to() {
    use std::os::unix::fs::symlink;
    let dir = tree(&["d/a", "d/sub/b", "out/c"]);
    let at = |name: &str| dir.path().join(name);
    symlink("sub", at("d/again")).unwrap();
    symlink(at("out"), at("d/elsewhere")).unwrap();
    symlink("a", at("d/file")).unwrap();
    symlink("nowhere", at("d/gone")).unwrap();
    symlink("self", at("d/self")).unwrap();
    symlink("..", at("d/sub/up")).unwrap();
    let found: Vec<_> = Walk::new(vec![root(&at("d"))], Rules { follow: true, ..ALL })
        .map(|found| match found {
            Found::File { path, .. } => paths::shown_relative(&path),
            Found::Link { path, .. } => format!("link {}", paths::shown_relative(&path)),
            Found::LeftOut { why, .. } => format!("out: {why}"),
            Found::Failed { error, .. } => format!("failed: {error}"),
        })
        .collect();
    assert_eq!(
        found,
        [
            "a",
            "again/b",
            "out: a symbolic link to a directory that it lies in",
            "elsewhere/c",
            "file",
            "link gone",
            "link self",
            "sub/b",
            "out: a symbolic link to a directory that it lies in",
        ]
    );
}

/// `/proc` is a file system of its own, and is there wherever this can run.
#[cfg(target_os = "linux")]
#[test]
fn other_file_systems_are_not_entered() {
    let at_root = |one_file_system| {
        let roots = vec![root(Path::new("/"))];
        let mut walk = Walk::new(roots, Rules { one_file_system, ..ALL });
        // Only the way into it, not all of the disk.
        assert!(walk.begin(Root { source: "/".into(), prefix: Vec::new(), is_dir: true }).is_none());
        walk.refused(Path::new("/proc"))
    };
    assert_eq!((at_root(true), at_root(false)), (Some(LeftOut::OtherFileSystem), None));
}
