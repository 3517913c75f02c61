use super::*;

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

const ALL: Rules = Rules { skip: Vec::new(), links: true };

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
    assert_eq!(
        walked(dir.path(), Rules { skip, links: true }),
        ["a", "out d/out: evidence, not data", "out"]
    );
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
